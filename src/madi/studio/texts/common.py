"""What stands on every page."""

from __future__ import annotations

TEXTS = {
    "name": ("madi studio", "마디 스튜디오"),
    "step": ("Step through", "한 걸음씩"),
    "draw": ("Draw", "그리기"),
    "train": ("Train", "학습"),
    "lab": ("Lab", "실험실"),
    "runs": ("Runs", "실행 기록"),
    "language": ("Language", "언어"),
    "theme": ("Light or dark", "밝게 또는 어둡게"),
    "skip": ("Skip to the content", "본문으로 건너뛰기"),
    "fault": (
        "Something went wrong here. The log of the program says more.",
        "문제가 생겼습니다. 자세한 내용은 프로그램의 기록에 있습니다.",
    ),
    "cancel": ("Cancel", "취소"),
    "copy": ("Copy", "복사"),
    "copied": ("Copied", "복사했습니다"),
}
