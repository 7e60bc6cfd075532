"""Two steps of every optimizer worked out by hand, and the four paths of the course."""

import numpy as np
import pytest

from madi import optimizers
from madi.optimizers import SGD, AdaGrad, Adam, AdamW, Momentum, Nesterov, RMSProp


def run(optimizer, parameters, gradients_at, steps, decay=False):
    """The parameters (float64) after each step."""
    parameters = {path: np.array(value) for path, value in parameters.items()}
    state, seen = optimizer.init(parameters), []
    for step in range(steps):
        parameters, state = optimizer.update(
            parameters,
            {path: np.array(value) for path, value in gradients_at(step, parameters).items()},
            state,
            learning_rate=optimizer.rate_at(step),
            numbers=optimizer.numbers(),
            decays=dict.fromkeys(parameters, decay),
        )
        seen.append({path: float(value) for path, value in parameters.items()})
    return seen


def two_steps(optimizer, decay=False):
    """x from 1, with the gradients 4 and 3."""
    return [seen["x"] for seen in run(optimizer, {"x": 1.0}, lambda step, _: {"x": [4.0, 3.0][step]}, 2, decay)]


BY_HAND = {
    # 1 - 0.1 * 4 = 0.6;  0.6 - 0.1 * 3 = 0.3
    "sgd": (SGD(0.1), [0.6, 0.3]),
    # v = 4, 1 - 0.1 * 4 = 0.6;  v = 0.5 * 4 + 3 = 5, 0.6 - 0.1 * 5 = 0.1
    "momentum": (Momentum(0.1, momentum=0.5), [0.6, 0.1]),
    # v = 4, 1 - 0.1 (4 + 0.5 * 4) = 0.4;  v = 5, 0.4 - 0.1 (3 + 0.5 * 5) = -0.15
    "nesterov": (Nesterov(0.1, momentum=0.5), [0.4, -0.15]),
    # h = 16, 1 - 0.5 * 4 / (4 + 1) = 0.6;  h = 16 + 9 = 25, 0.6 - 0.5 * 3 / (5 + 1) = 0.35
    "adagrad": (AdaGrad(0.5, eps=1.0), [0.6, 0.35]),
    # h = 0.25 * 16 = 4, 1 - 0.3 * 4 / (2 + 1) = 0.6
    # h = 0.75 * 4 + 0.25 * 9 = 5.25, 0.6 - 0.3 * 3 / (2.2912878 + 1) = 0.6 - 0.2734492 = 0.3265508
    "rmsprop": (RMSProp(0.3, alpha=0.75, eps=1.0), [0.6, 0.3265508]),
    # m = 0.5 * 4 = 2, m' = 2 / 0.5 = 4;  v = 0.25 * 16 = 4, v' = 4 / 0.25 = 16;  1 - 0.5 * 4 / (4 + 1) = 0.6
    # m = 0.5 * 2 + 0.5 * 3 = 2.5, m' = 2.5 / 0.75 = 3.3333333;  v = 0.75 * 4 + 0.25 * 9 = 5.25,
    # v' = 5.25 / 0.4375 = 12, of root 3.4641016;  0.6 - 0.5 * 3.3333333 / 4.4641016 = 0.6 - 0.3733487 = 0.2266513
    "adam": (Adam(0.5, beta1=0.5, beta2=0.75, eps=1.0), [0.6, 0.2266513]),
    # Adam's steps of 0.4 and 0.3733487 from x shrunk by 1 - 0.5 * 0.2 = 0.9 first:
    # 0.9 * 1 - 0.4 = 0.5;  0.9 * 0.5 - 0.3733487 = 0.0766513
    "adamw": (AdamW(0.5, beta1=0.5, beta2=0.75, eps=1.0, weight_decay=0.2), [0.5, 0.0766513]),
}


@pytest.mark.parametrize("name", optimizers.TABLE)
def test_two_steps(name):
    optimizer, expected = BY_HAND[name]
    assert two_steps(optimizer, decay=True) == pytest.approx(expected, abs=5e-8)


def test_weight_decay_is_added_to_the_gradient():
    # 1 - 0.1 (4 + 0.5 * 1) = 0.55;  0.55 - 0.1 (3 + 0.5 * 0.55) = 0.2225
    assert two_steps(SGD(0.1, weight_decay=0.5), decay=True) == pytest.approx([0.55, 0.2225])
    assert two_steps(SGD(0.1, weight_decay=0.5), decay=False) == pytest.approx([0.6, 0.3])


def test_clipped_norm_is_that_of_all_gradients():
    # (3, 4) is 5 long; to be 1 long it is scaled by 1 / (5 + 1e-6), weight decay is not: -0.2 - 0.5 * 1
    optimizer = SGD(1.0, clip_norm=1.0, weight_decay=0.5)
    seen = run(optimizer, {"a": 1.0, "b": 0.0}, lambda *_: {"a": 3.0, "b": 4.0}, 1, decay=True)
    assert seen[0] == pytest.approx({"a": 1 - 0.6 - 0.5, "b": -0.8}, abs=1e-6)


def test_a_short_gradient_is_not_stretched():
    seen = run(SGD(1.0, clip_norm=10.0), {"a": 0.0, "b": 0.0}, lambda *_: {"a": 3.0, "b": 4.0}, 1)
    assert seen[0] == {"a": -3.0, "b": -4.0}


def test_a_norm_near_zero_divides_by_a_millionth_more():
    # 1e-6 long, allowed to be 1e-6: scaled by 1e-6 / (1e-6 + 1e-6) = 1/2
    assert run(SGD(1.0, clip_norm=1e-6), {"x": 0.0}, lambda *_: {"x": 1e-6}, 1)[0] == pytest.approx({"x": -5e-7})


def test_clipped_values_come_before_the_norm():
    # (3, -40) -> (3, -4) -> 5 long, scaled to 1
    optimizer = SGD(1.0, clip_value=4.0, clip_norm=1.0)
    seen = run(optimizer, {"a": 0.0, "b": 0.0}, lambda *_: {"a": 3.0, "b": -40.0}, 1)
    assert seen[0] == pytest.approx({"a": -0.6, "b": 0.8}, abs=1e-6)


@pytest.mark.parametrize(
    ("optimizer", "x", "y"),
    [
        (SGD(0.95), -0.35039, 0.08478),
        (Momentum(0.1), 0.89641, 0.08809),
        (AdaGrad(1.5), -0.12016, 0.00000),
        (Adam(0.3), 0.13601, 0.31825),
    ],
    ids=lambda value: type(value).__name__,
)
def test_paths_of_the_course(optimizer, x, y):
    """Thirty steps on x^2 / 20 + y^2 from (-7, 2), whose gradient is (x / 10, 2 y)."""
    slope = lambda step, at: {"x": at["x"] / 10, "y": 2 * at["y"]}  # noqa: E731
    assert run(optimizer, {"x": -7.0, "y": 2.0}, slope, 30)[-1] == pytest.approx({"x": x, "y": y}, abs=1e-5)
