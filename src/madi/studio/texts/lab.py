"""The texts of the page "lab": of the page itself, and the titles of the experiments."""

from __future__ import annotations

from madi.studio.texts import lab_knobs

TEXTS: dict[str, tuple[str, str]] = {
    "all": ("Experiments", "실험 목록"),
    "search": ("Search", "찾기"),
    "chapters": ("All chapters", "모든 장"),
    "nothing": ("No experiment has these words.", "이 낱말이 들어 있는 실험이 없습니다."),
    "chapter.A": ("Neurons, forward", "뉴런과 순전파"),
    "chapter.B": ("Learning", "학습"),
    "chapter.C": ("Backpropagation", "오차역전파"),
    "chapter.D": ("Training well", "학습을 잘 시키는 기술"),
    "chapter.E": ("Deep learning", "딥러닝"),
    "opening": ("Reading the experiments.", "실험을 읽고 있습니다."),
    "unknown": ("There is no such experiment. Choose one from the list.", "없는 실험입니다. 목록에서 고르십시오."),
    "knobs": ("Knobs", "조절"),
    "no_knobs": ("This experiment has no knobs.", "이 실험에는 조절할 값이 없습니다."),
    "quick": ("Quick run", "빠른 실행"),
    "quick_takes": ("about {quick}; in full about {full}", "약 {quick}, 전체 실행은 약 {full}"),
    "quick_recorded": (
        "about {quick}; in full {full}, recorded here",
        "약 {quick}, 전체 실행은 {full} 걸려 기록된 결과를 보여 줍니다",
    ),
    "reset": ("Reset all", "모두 처음 값으로"),
    "reset_one": ("Back to {value}", "처음 값 {value}(으)로"),
    "new_seed": ("Another seed", "다른 시드"),
    "from_to": ("{low} to {high}", "{low}부터 {high}까지"),
    "list_hint": ("with commas between them", "쉼표로 나누어 적습니다"),
    "computing": ("Computing: {seconds} of about {expected}", "계산하는 중: {seconds} / 약 {expected}"),
    "longer": ("Computing: {seconds}, longer than usual", "계산하는 중: {seconds}, 평소보다 오래 걸립니다"),
    "computed": ("Computed in {seconds}", "{seconds} 만에 계산했습니다"),
    "recorded": ("Recorded on {date}, in {seconds}", "{date}에 {seconds} 동안 계산하여 기록한 결과입니다"),
    "cancelled": ("Cancelled. The figure shows the settings before.", "취소했습니다. 그림은 이전 설정의 결과입니다."),
    "nothing_yet": ("Cancelled.", "취소했습니다."),
    "again": ("Compute", "계산하기"),
    "failed": (
        "It could not be computed ({kind}). The log of the program says more.",
        "계산하지 못했습니다({kind}). 자세한 내용은 프로그램의 기록에 있습니다.",
    ),
    "ask": (
        "With these values there is no recorded result. To compute it takes about {long}; it goes on when the page is "
        "closed, and this link shows it.",
        "이 값으로 기록된 결과가 없습니다. 계산하는 데 약 {long} 걸립니다. 페이지를 닫아도 계산은 계속되며, "
        "이 주소로 다시 볼 수 있습니다.",
    ),
    "ask_yes": ("Compute, {long}", "계산하기 ({long})"),
    "ask_quick": ("Quick run instead", "빠른 실행으로"),
    "seconds": ("{number} s", "{number}초"),
    "minutes": ("{number} min", "{number}분"),
    "hours": ("{number} h", "{number}시간"),
    "figure": ("Figure: {title}", "그림: {title}"),
    "claims": ("What it shows", "이 실험이 보여 주는 것"),
    "in_english": (
        "Claims, and the words in figures, are in English.",
        "아래의 결과와 그림 속의 말은 영어로만 있습니다.",
    ),
    "count": ("{shown} of {all}", "{all}개 중 {shown}개"),
    "shown": ("shown", "확인됨"),
    "not_shown": ("not shown by these data", "이 데이터에서는 확인되지 않음"),
    "ghosts": ("Earlier settings", "이전 설정"),
    "ghosts_hint": (
        "Change a knob: what you saw before stays here to compare.",
        "값을 바꾸면 이전 결과가 여기에 남아 비교할 수 있습니다.",
    ),
    "look": ("Compare with {what}", "{what} 설정과 비교"),
    "put_back": ("Put these settings back", "이 설정으로 되돌리기"),
    "earlier": ("Earlier", "이전"),
    "now": ("Now", "지금"),
    "beside": ("Side by side", "나란히"),
    "over": ("One over the other", "겹쳐서"),
    "close": ("Close", "닫기"),
    "as_usual": ("nothing changed", "바꾼 값 없음"),
    "full_word": ("in full", "전체 실행"),
    "run_it": ("The same by a command or in Python", "명령이나 파이썬으로 똑같이 실행하기"),
    "numbers": ("Numbers", "수치"),
    "more_numbers": ("and {count} more", "외 {count}개"),
    "source": ("Source, {lines} lines", "소스 코드, {lines}줄"),
    "before": ("Previous experiment", "이전 실험"),
    "after": ("Next experiment", "다음 실험"),
}

TITLES: dict[str, tuple[str, str]] = {
    "gates": ("Perceptrons as logic gates", "퍼셉트론으로 만드는 논리 게이트"),
    "activations": (
        "Activation functions: their curves, their slopes, and what depth makes of the slopes",
        "활성화 함수: 곡선과 기울기, 그리고 깊이에 따라 기울기가 변하는 모습",
    ),
    "linear_collapse": (
        "Why layers need an activation: two linear layers are one",
        "층에 활성화 함수가 필요한 까닭: 선형 층 둘은 하나와 같다",
    ),
    "matrix_product": ("The matrix product: what a layer computes", "행렬의 곱: 층이 하는 계산"),
    "three_layer": ("A three-layer network, forward", "3층 신경망의 순전파"),
    "softmax": ("The output layer: softmax for classification", "출력층: 분류를 위한 소프트맥스"),
    "mnist_inference": ("Reading digits: a trained network at work", "숫자 읽기: 학습된 신경망의 추론"),
    "logistic_loss": (
        "The loss of logistic regression: why cross entropy, not squared error",
        "로지스틱 회귀의 손실: 제곱 오차가 아니라 교차 엔트로피인 까닭",
    ),
    "features_by_hand": ("Features by hand against learned features", "손으로 만든 특징과 학습된 특징"),
    "why_loss": (
        "Why training lowers a loss and not the number of mistakes",
        "오답 수가 아니라 손실을 줄이며 학습하는 까닭",
    ),
    "numerical_slope": ("Numerical differentiation", "수치 미분"),
    "gradient_field": ("The gradient", "기울기"),
    "gradient_descent": ("Gradient descent", "경사 하강법"),
    "two_layer_mnist": ("A network of two layers learns to read digits", "2층 신경망이 숫자 읽기를 배우다"),
    "vectorization": ("Loops against matrix products", "반복문과 행렬의 곱"),
    "planar": ("A flower, a line and a hidden layer", "꽃과 직선, 그리고 은닉층"),
    "deep_blocks": ("A deep network as a chain of blocks", "블록의 사슬로 본 깊은 신경망"),
    "learning_rates": ("Choosing the learning rate", "학습률 고르기"),
    "parity_depth": ("Parity: what depth saves", "패리티: 깊이가 아껴 주는 것"),
    "apples_and_oranges": (
        "Apples and oranges: a price as a computational graph",
        "사과와 귤: 계산 그래프로 본 값",
    ),
    "chain_rule": (
        "The chain rule: the slope of z = (x + y)² from the slopes of its nodes",
        "연쇄 법칙: 노드의 기울기로 구하는 z = (x + y)²의 기울기",
    ),
    "sigmoid_graph": ("The sigmoid as four nodes, and as one", "노드 네 개로, 그리고 하나로 나타낸 시그모이드"),
    "optimizer_paths": ("Four optimizers in a long valley", "긴 골짜기의 네 가지 최적화 기법"),
    "optimizer_mnist": ("Four optimizers on handwritten digits", "손글씨 숫자로 견주는 네 가지 최적화 기법"),
    "learning_rate_decay": ("Learning-rate decay", "학습률 감소"),
    "activation_histograms": (
        "What initial weights do to the activations of five layers",
        "가중치 초깃값에 따른 다섯 층의 활성화값 분포",
    ),
    "symmetry_breaking": ("Why weights do not start at zero", "가중치를 0에서 시작하지 않는 까닭"),
    "initializer_mnist": ("Initial weights on handwritten digits", "손글씨 숫자로 견주는 가중치 초깃값"),
    "batch_norm_scales": (
        "Batch normalization and the scale of the initial weights",
        "배치 정규화와 가중치 초깃값의 크기",
    ),
    "overfitting": ("Overfitting", "과적합"),
    "weight_decay": ("Weight decay", "가중치 감소"),
    "dropout": ("Dropout", "드롭아웃"),
    "random_search": (
        "Random search for the learning rate and the weight decay",
        "학습률과 가중치 감소의 무작위 탐색",
    ),
    "convolution_by_hand": ("Convolution and pooling by hand", "손으로 계산하는 합성곱과 풀링"),
    "filters": ("Filters before and after training", "학습 전과 후의 필터"),
    "deep_mnist": ("A deep network on MNIST", "MNIST를 배우는 깊은 신경망"),
    "misread_digits": ("Digits that a deep network misreads", "깊은 신경망이 잘못 읽는 숫자"),
    "road_to_record": ("The road to the record", "최고 기록으로 가는 길"),
    "receptive_fields": ("Fields of view: small kernels, stacked", "수용 영역: 쌓아 올린 작은 커널"),
    "imagenet_networks": (
        "The networks of ImageNet: deeper, and cleverer",
        "ImageNet의 신경망들: 더 깊게, 더 영리하게",
    ),
    "skip_connections": (
        "Skip connections: signals that reach the first layer",
        "스킵 연결: 첫 층까지 닿는 신호",
    ),
    "feature_hierarchy": ("A hierarchy of features", "특징의 계층"),
}

TEXTS.update({f"title.{name}": titles for name, titles in TITLES.items()})
TEXTS.update({f"knob.{name}": (name.replace("_", " "), korean) for name, korean in lab_knobs.NAMES.items()})
TEXTS.update({f"about.{english}": (english, korean) for english, korean in lab_knobs.TEXTS.items()})
