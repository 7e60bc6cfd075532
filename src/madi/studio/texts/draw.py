"""The texts of the page "draw"."""

from __future__ import annotations

TEXTS: dict[str, tuple[str, str]] = {
    "title": ("Draw a digit", "숫자를 그려 보세요"),
    "lead": (
        "A network reads it while you draw, and shows what each of its layers answers to it.",
        "그리는 동안 신경망이 읽고, 각 층이 어떻게 반응하는지 보여 줍니다.",
    ),
    "network": ("Network", "신경망"),
    "run": ("{run} · {model} on {dataset}", "{run} · {dataset} 데이터로 학습한 {model}"),
    "accuracy": ("{text} · {share} right", "{text} · 정확도 {share}"),
    "box": ("Trained here on the digits in the box, 8 x 8 pixels", "내장 숫자 데이터로 바로 학습 (8 x 8 픽셀)"),
    "mnist": ("Trained here on MNIST, 28 x 28 pixels", "MNIST로 바로 학습 (28 x 28 픽셀)"),
    "reading": ("The network is being read …", "신경망을 읽는 중입니다 …"),
    "training": ("The network is being trained: {share}", "신경망을 학습하는 중입니다: {share}"),
    "gone": (
        "The chosen network is not there any more. Choose another.",
        "선택한 신경망이 더 이상 없습니다. 다른 것을 선택하세요.",
    ),
    "stopped": ("Cancelled. Choose a network to go on.", "취소했습니다. 계속하려면 신경망을 선택하세요."),
    "sheet": (
        "Sheet to draw on. Ctrl+Z takes the last stroke back, Escape clears it.",
        "그림판. Ctrl+Z로 마지막 획을 되돌리고 Esc로 지웁니다.",
    ),
    "undo": ("Undo", "되돌리기"),
    "clear": ("Clear", "지우기"),
    "undo_key": ("Take the last stroke back (Ctrl+Z)", "마지막 획 되돌리기 (Ctrl+Z)"),
    "clear_key": ("Clear the sheet (Escape)", "모두 지우기 (Esc)"),
    "says": ("Read as #", "읽은 결과: #"),
    "nothing": ("Draw, and it is read", "숫자를 그리면 읽습니다"),
    "bars": ("Probability of each digit", "숫자별 확률"),
    "given": ("What the network is given", "신경망에 들어가는 입력"),
    "given_digits": (
        "Set upright, fitted into 32 x 20 points, ink counted in squares of 4 x 4, as its examples were.",
        "학습 데이터와 같이 바로 세워 32 x 20 점에 맞추고 4 x 4 칸마다 잉크를 셉니다.",
    ),
    "given_mnist": (
        "Fitted into {box} of {side} pixels, its centre of mass in the middle, as MNIST's digits are.",
        "MNIST처럼 {side} 픽셀 가운데 {box} 픽셀에 맞추고 무게중심을 한가운데에 둡니다.",
    ),
    "layers": ("What each layer answers to", "각 층의 반응"),
    "layers_lead": (
        "Blue above zero, orange below, by the strongest answer of the layer. A picture is a channel, a cell a unit.",
        "파란색은 양수, 주황색은 음수이며 층마다 가장 강한 반응이 기준입니다. 그림 하나가 채널, 한 칸이 뉴런입니다.",
    ),
    "some": ("{shape} · the first {shown} of {count}", "{shape} · {count}개 중 처음 {shown}개"),
    "strongest": ("strongest {value}", "최대 크기 {value}"),
    "nearest": ("The nearest training examples", "가장 가까운 학습 데이터"),
    "nearest_lead": ("Among the first {count}, as", "처음 {count}개 가운데,"),
    "hidden": ("the last hidden layer sees them", "마지막 은닉층에서 비교"),
    "pixels": ("pixels", "픽셀로 비교"),
    "distance": ("{label}, distance {distance}", "{label}, 거리 {distance}"),
    "unknown": (
        "What this network was trained on is not at hand, so that nothing can be compared with it.",
        "이 신경망의 학습 데이터를 찾을 수 없어 비교할 수 없습니다.",
    ),
    "empty": ("Draw something to see it here.", "숫자를 그리면 여기에 나타납니다."),
    "was": ("It was a …", "실제로 그린 숫자는 …"),
    "was_lead": ("Keeps the drawing as an example to train on.", "그림을 학습 데이터로 보관합니다."),
    "was_a": ("It was a {digit}", "실제로 그린 숫자: {digit}"),
    "kept": ("Kept as a {digit}.", "보관했습니다: 숫자 {digit}"),
    "kept_count": ("{count} kept: {each}", "보관한 그림 {count}개: {each}"),
    "take_back": ("Take back", "보관 취소"),
    "train": ("Train on them", "이 그림으로 학습하기"),
    "how": ("or by the command line:", "또는 명령줄에서:"),
}
