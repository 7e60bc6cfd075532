"""What the doctor finds, in words: for each finding its title, what it means, and what to try."""

from __future__ import annotations

TEXTS: dict[str, tuple[str, str]] = {
    "unscaled_input": ("Inputs that are not scaled", "입력의 크기가 고르지 않음"),
    "unscaled_input_what": (
        "Some inputs are far larger than others, so that one learning rate cannot suit all weights.",
        "어떤 입력은 다른 입력보다 훨씬 커서, 하나의 학습률이 모든 가중치에 알맞을 수 없습니다.",
    ),
    "unscaled_input_try": (
        "Bring each input to mean 0 and deviation 1.", "각 입력을 평균 0, 표준편차 1로 맞추세요.",
    ),
    "identical_weights": ("Identical weights", "똑같은 가중치"),
    "identical_weights_what": (
        "All units of a layer begin alike and therefore stay alike.",
        "한 층의 모든 유닛이 같은 값에서 시작하여 끝까지 같은 값에 머뭅니다.",
    ),
    "identical_weights_try": ("Take random first weights: He or Xavier.", "He나 Xavier 같은 무작위 초깃값을 쓰세요."),
    "exploding_gradients": ("Exploding gradients", "기울기 폭주"),
    "exploding_gradients_what": (
        "Gradients grow from layer to layer on their way back.", "기울기가 뒤로 전해질수록 층마다 커집니다.",
    ),
    "exploding_gradients_try": (
        "He or Xavier weights, batch norm, or a lower learning rate.",
        "He나 Xavier 초깃값, 배치 정규화, 더 낮은 학습률을 써 보세요.",
    ),
    "vanishing_gradients": ("Vanishing gradients", "기울기 소실"),
    "vanishing_gradients_what": (
        "Gradients shrink from layer to layer, so that the first layers hardly learn.",
        "기울기가 층마다 작아져 앞쪽 층이 거의 학습하지 못합니다.",
    ),
    "vanishing_gradients_try": (
        "ReLU in place of sigmoids, He weights, batch norm, or shortcuts.",
        "시그모이드 대신 ReLU, He 초깃값, 배치 정규화, 지름길 연결을 써 보세요.",
    ),
    "learning_rate_too_high": ("Learning rate too high", "학습률이 너무 높음"),
    "learning_rate_too_high_what": (
        "Steps are so long that they leap over where the loss is low.",
        "한 걸음이 너무 커서 손실이 낮은 곳을 지나칩니다.",
    ),
    "learning_rate_too_high_try": ("A tenth of the learning rate.", "학습률을 10분의 1로 낮춰 보세요."),
    "learning_rate_too_low": ("Learning rate too low", "학습률이 너무 낮음"),
    "learning_rate_too_low_what": (
        "The loss falls, but a higher rate comes as far in fewer steps.",
        "손실이 줄지만, 더 높은 학습률이면 더 적은 단계로 같은 곳에 이릅니다.",
    ),
    "learning_rate_too_low_try": (
        "Ten times the learning rate, or more epochs.", "학습률을 10배로 높이거나 에폭을 늘려 보세요.",
    ),
    "diverged": ("Diverged", "발산"),
    "diverged_what": ("The loss is no longer a finite number.", "손실이 더 이상 유한한 수가 아닙니다."),
    "diverged_try": (
        "A lower learning rate, smaller first weights, and a look at the largest inputs.",
        "학습률과 초깃값을 낮추고, 가장 큰 입력값을 살펴보세요.",
    ),
    "dead_units": ("Dead units", "죽은 유닛"),
    "dead_units_what": (
        "Many units give 0 for every example, and so learn no more.",
        "많은 유닛이 모든 예제에 0을 내어 더는 학습하지 못합니다.",
    ),
    "dead_units_try": (
        "A lower learning rate, He weights, or LeakyReLU.", "더 낮은 학습률, He 초깃값, LeakyReLU를 써 보세요.",
    ),
    "saturated_units": ("Saturated units", "포화된 유닛"),
    "saturated_units_what": (
        "Many outputs lie where the activation is flat, and little gradient passes.",
        "많은 출력이 활성화 함수가 평평한 곳에 있어 기울기가 거의 전해지지 않습니다.",
    ),
    "saturated_units_try": (
        "Smaller first weights, scaled inputs, or ReLU.", "더 작은 초깃값, 입력 정규화, ReLU를 써 보세요.",
    ),
    "label_imbalance": ("Unequal classes", "클래스 불균형"),
    "label_imbalance_what": (
        "Some classes have far fewer examples, and are passed over.",
        "어떤 클래스는 예제가 훨씬 적어 무시되기 쉽습니다.",
    ),
    "label_imbalance_try": (
        "Weigh the classes, or find more examples.", "클래스에 가중치를 주거나 예제를 더 모으세요.",
    ),
    "overfitting": ("Overfitting", "과대적합"),
    "overfitting_what": (
        "The network learns the examples by heart: it does worse on those that were kept out.",
        "신경망이 예제를 외우고 있어, 따로 떼어 둔 예제에서는 성적이 나쁩니다.",
    ),
    "overfitting_try": (
        "More data, dropout or weight decay, a smaller network, or fewer epochs.",
        "데이터를 늘리거나, 드롭아웃이나 가중치 감쇠를 쓰거나, 신경망이나 에폭을 줄여 보세요.",
    ),
    "underfitting": ("Underfitting", "과소적합"),
    "underfitting_what": (
        "The loss stands still near that of a guess that does not look at the inputs.",
        "손실이 입력을 보지 않는 어림짐작 수준에 머물러 있습니다.",
    ),
    "underfitting_try": ("More hidden layers or units.", "은닉층이나 유닛을 늘려 보세요."),
}  # fmt: skip
