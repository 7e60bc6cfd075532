"""Runs that had no part in setting the doctor's thresholds: other data, networks, optimizers and seeds."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from madi import Trainer, datasets, initializers, models, optimizers
from madi.datasets.synthetic import planar_points, spiral_points
from madi.diagnostics import Doctor
from madi.errors import DivergenceError
from madi.layers import (
    BatchNorm,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePool,
    LeakyReLU,
    Maxout,
    MaxPool2D,
    ReLU,
    Residual,
    Sequential,
    Tanh,
)

Table = tuple[np.ndarray, np.ndarray]
Pair = tuple[Table, Table]


@dataclass
class Run:
    """A training of a network on (training, validation) data."""

    model: Any
    data: Pair
    optimizer: Any
    epochs: int
    batch_size: int = 32
    loss: str = "softmax_cross_entropy"
    seed: int = 52

    def train(self) -> tuple[Trainer, Doctor]:
        """Train it with the doctor beside it."""
        training, validation = self.data
        doctor = Doctor(training, validation=validation, every=10**6)
        trainer = Trainer(self.model, optimizer=self.optimizer, loss=self.loss, seed=self.seed, engine="numpy")
        with contextlib.suppress(DivergenceError):
            trainer.fit(
                training, validation=validation, epochs=self.epochs, batch_size=self.batch_size, callbacks=[doctor],
                verbose=0,
            )  # fmt: skip
        return trainer, doctor


# ---- data


def planar() -> Pair:
    """The flower of 400 points, drawn anew."""
    return _points(planar_points, 71), _points(planar_points, 72)


def spiral() -> Pair:
    """Three arms of 100 points, drawn anew."""
    return _points(spiral_points, 73), _points(spiral_points, 74)


def _points(recipe: Any, seed: int) -> Table:
    found = recipe(seed)
    return found.x.astype(np.float32), found.y


def digits(count: int, seed: int) -> Pair:
    """Digits of the test part as images, in another order than the benchmark's: `count` to train on, 150 others."""
    found = datasets.load("digits")
    x, y = np.concatenate([found.test.x, found.train.x]), np.concatenate([found.test.y, found.train.y])
    order = np.random.default_rng(91_000 + seed).permutation(len(x))
    x, y = x[order], y[order]
    return (x[:count], y[:count]), (x[-150:], y[-150:])


def rings(count: int, seed: int, *, noise: float = 0.1, flipped: float = 0.0) -> Pair:
    """A disc within a ring, in the plane; `flipped`: the share of labels that are wrong."""
    bits = np.random.default_rng(92_000 + seed)
    y = bits.integers(0, 2, count + 200)
    angle, radius = bits.uniform(0, 2 * np.pi, len(y)), 0.6 + y + noise * bits.normal(size=len(y))
    x = np.column_stack([radius * np.cos(angle), radius * np.sin(angle)]).astype(np.float32)
    y = np.where(bits.random(len(y)) < flipped, 1 - y, y)
    return (x[:count], y[:count]), (x[count:], y[count:])


def products(count: int, seed: int, *, features: int = 5) -> Pair:
    """A regression: products and a square of normal features."""
    bits = np.random.default_rng(93_000 + seed)
    x = bits.normal(size=(count + 200, features)).astype(np.float32)
    y = x[:, 0] * x[:, 1] + x[:, 2] ** 2 - x[:, 3] + 0.1 * bits.normal(size=len(x))
    y = ((y - y.mean()) / y.std()).astype(np.float32)
    return (x[:count], y[:count]), (x[count:], y[count:])


def questions(count: int, seed: int) -> Pair:
    """Yes or no by a linear rule of eight features with noise."""
    bits = np.random.default_rng(94_000 + seed)
    x = bits.normal(size=(count + 200, 8)).astype(np.float32)
    y = (x @ bits.normal(size=8) + 0.5 * bits.normal(size=len(x)) > 0).astype(np.float32)
    return (x[:count], y[:count]), (x[count:], y[count:])


def scaled(pair: Pair, factor: Any, shift: float = 0.0) -> Pair:
    """The same with inputs of another scale."""
    first, second = (((x * np.asarray(factor) + shift).astype(np.float32), y) for x, y in pair)
    return first, second


def thinned(pair: Pair, label: int, every: int) -> Pair:
    """The same, its training data with one in `every` examples of a class."""
    (x, y), held_out = pair
    kept = (y != label) | (np.cumsum(y == label) % every == 0)
    return (x[kept], y[kept]), held_out


# ---- networks


def plain(hidden: tuple[int, ...], outputs: int, **options: Any) -> Any:
    """An mlp."""
    return models.mlp(hidden, outputs, **options)


def convolutional(filters: int = 6, **options: Any) -> Any:
    """Two convolutions on digits."""
    return Sequential(
        Conv2D(filters, 3, padding="same", **options), ReLU(), MaxPool2D(2), Conv2D(2 * filters, 3, **options), ReLU(),
        Flatten(), Dense(10),
    )  # fmt: skip


def residual() -> Any:
    """A small residual network on digits."""

    def block() -> Residual:
        parts = [
            Conv2D(6, 3, padding="same", bias=False),
            BatchNorm(),
            ReLU(),
            Conv2D(6, 3, padding="same", bias=False),
        ]
        return Residual(Sequential(*parts, BatchNorm()))

    return Sequential(Conv2D(6, 3, padding="same"), BatchNorm(), ReLU(), block(), ReLU(), block(), ReLU(),
                      GlobalAveragePool(), Dense(10))  # fmt: skip


def with_biases(model: Any, shape: tuple[int, ...], value: float, layer: int = 0, seed: int = 0) -> Any:
    """The network, built, with these biases in one of its layers with weights."""
    model.build(shape, seed=seed)
    biases = [p for name, p in model.parameters().items() if name.endswith("bias")]
    biases[layer].value = np.full(biases[layer].shape, value, np.float32)
    return model


SGD, MOMENTUM, NESTEROV = optimizers.SGD, optimizers.Momentum, optimizers.Nesterov
ADAM, ADAMW, RMSPROP, ADAGRAD = optimizers.Adam, optimizers.AdamW, optimizers.RMSProp, optimizers.AdaGrad
SQUARED, BINARY, ABSOLUTE = "mean_squared_error", "sigmoid_binary_cross_entropy", "mean_absolute_error"

HEALTHY: dict[str, Callable[[], Run]] = {
    "planar, tanh": lambda: Run(plain((19,), 2, activation="tanh"), planar(), ADAM(0.03), 50),
    "planar, relu, full batch": lambda: Run(plain((24, 19), 2), planar(), ADAMW(0.03), 200, 400),
    "planar, maxout": lambda: Run(Sequential(Maxout(14, 3), Dense(2)), planar(), RMSPROP(0.01), 50),
    "spiral, relu": lambda: Run(plain((139,), 3), spiral(), SGD(0.7), 90, seed=64),
    "spiral, leaky relu": lambda: Run(plain((42, 29), 3, activation="leaky_relu"), spiral(), ADAM(8e-3), 50, seed=65),
    "spiral, three of tanh": lambda: Run(plain((29, 29, 29), 3, activation="tanh"), spiral(), NESTEROV(0.08), 60),
    "digits, wide": lambda: Run(plain((208,), 10), digits(830, 1), SGD(0.08), 12),
    "digits, adagrad": lambda: Run(plain((58, 47, 35), 10), digits(830, 2), ADAGRAD(0.03), 12, seed=66),
    "digits, sigmoid": lambda: Run(plain((104,), 10, activation="sigmoid"), digits(830, 3), MOMENTUM(0.15), 20),
    "digits, dropout": lambda: Run(plain((104, 70), 10, dropout=0.35), digits(830, 4), ADAM(2e-3), 12, seed=67),
    "digits, convolutions": lambda: Run(convolutional(7), digits(380, 5), ADAM(5e-3), 8),
    "digits, residual": lambda: Run(residual(), digits(180, 6), MOMENTUM(0.08), 4),
    "digits, batch norm": lambda: Run(
        Sequential(Flatten(), Dense(54), BatchNorm(), Tanh(), Dense(54), BatchNorm(), LeakyReLU(), Dense(10)),
        digits(680, 7), SGD(0.15), 12,
    ),
    "digits, deep": lambda: Run(plain((53,) * 7, 10), digits(830, 8), MOMENTUM(0.02), 15, seed=68),
    "digits, softmax regression": lambda: Run(plain((), 10), digits(830, 9), ADAM(0.015), 15),
    "questions in hundreds, batch norm first": lambda: Run(
        Sequential(BatchNorm(), Dense(26), ReLU(), Dense(1)), scaled(questions(900, 4), 400, 50.0), ADAM(5e-3), 12,
        loss=BINARY,
    ),
    "digits, few of one class": lambda: Run(plain((81,), 10), thinned(digits(1080, 11), 6, 5), ADAM(3e-3), 15),
    "rings, small": lambda: Run(plain((10, 7), 2), rings(300, 1), ADAM(0.015), 40, seed=69),
    "rings, a tenth of labels wrong": lambda: Run(plain((17,), 2), rings(500, 2, flipped=0.12), SGD(0.4), 30),
    "rings, binary": lambda: Run(plain((24,), 1), rings(350, 3), MOMENTUM(0.15), 35, loss=BINARY),
    "questions, logistic": lambda: Run(models.logistic_regression(), questions(500, 1), SGD(0.5), 15, loss=BINARY),
    "questions, dropout": lambda: Run(
        Sequential(Dense(36), ReLU(), Dropout(0.25), Dense(1)), questions(900, 2), ADAM(4e-3), 12, loss=BINARY
    ),
    "products, relu": lambda: Run(plain((58, 35), 1), products(900, 1), ADAM(6e-3), 25, loss=SQUARED),
    "products, tanh": lambda: Run(plain((81,), 1, activation="tanh"), products(900, 2), ADAM(0.015), 35, loss=SQUARED),
    "products, absolute": lambda: Run(plain((47, 41), 1), products(900, 3), ADAMW(6e-3), 25, loss=ABSOLUTE),
}  # fmt: skip

PLANTED: dict[str, tuple[str, Callable[[], Run]]] = {
    # biases far below 0
    "dead, planar": (
        "dead_units", lambda: Run(with_biases(plain((31, 17), 2), (2,), -26.0), planar(), ADAM(4e-3), 25),
    ),
    "dead, second layer": (
        "dead_units",
        lambda: Run(with_biases(plain((70, 35), 10), (8, 8, 1), -22.0, 1), digits(630, 20), SGD(0.08), 8),
    ),
    "dead, channels": (
        "dead_units", lambda: Run(with_biases(convolutional(), (8, 8, 1), -12.0), digits(330, 21), ADAM(1e-3), 4),
    ),
    # rates
    "high, spiral": ("learning_rate_too_high", lambda: Run(plain((75,), 3), spiral(), SGD(50.0), 50)),
    "high, digits": ("learning_rate_too_high", lambda: Run(plain((81, 47), 10), digits(730, 22), ADAM(0.6), 8)),
    "high, tanh": (
        "learning_rate_too_high",
        lambda: Run(plain((35, 35), 2, activation="tanh"), rings(400, 20), MOMENTUM(6.0), 30),
    ),
    "high, a regression that diverges": (
        "learning_rate_too_high", lambda: Run(plain((58,), 1), products(550, 20), SGD(4.0), 15, loss=SQUARED),
    ),
    "low, spiral": ("learning_rate_too_low", lambda: Run(plain((75,), 3), spiral(), ADAM(3e-6), 50)),
    "low, digits": ("learning_rate_too_low", lambda: Run(plain((93,), 10), digits(680, 23), SGD(1e-5), 12)),
    "low, regression": (
        "learning_rate_too_low", lambda: Run(plain((58,), 1), products(550, 21), SGD(1e-5), 25, loss=SQUARED),
    ),
    # first weights
    "zeros, tanh": (
        "identical_weights",
        lambda: Run(plain((29,), 2, activation="tanh", initializer="zeros"), planar(), ADAM(0.02), 30),
    ),
    "zeros, relu": (
        "identical_weights", lambda: Run(plain((56, 47), 10, initializer="zeros"), digits(630, 24), SGD(0.2), 8),
    ),
    "zeros, convolutions": (
        "identical_weights", lambda: Run(convolutional(initializer="zeros"), digits(230, 25), ADAM(2e-3), 4),
    ),
    "all weights 0.2": (
        "identical_weights",
        lambda: Run(
            plain((35,), 1, activation="sigmoid", initializer=initializers.Constant(0.15)),
            questions(400, 20), SGD(0.4), 20, loss=BINARY,
        ),
    ),
    # overfitting
    "overfitting, few digits": (
        "overfitting", lambda: Run(plain((185, 139), 10), digits(50, 26), ADAM(6e-3), 150, 20),
    ),
    "overfitting, wrong labels": (
        "overfitting", lambda: Run(plain((139, 139), 2), rings(140, 21, noise=0.5, flipped=0.2), ADAM(8e-3), 100),
    ),
    "overfitting, regression": (
        "overfitting", lambda: Run(plain((173, 93), 1), products(50, 22, features=20), ADAM(2e-3), 150, loss=SQUARED),
    ),
    "overfitting, regression that predicts well": (
        "overfitting", lambda: Run(plain((128, 64), 1), products(500, 31, features=8), ADAM(4e-3), 80, loss=SQUARED),
    ),
    # input
    "unscaled, pixels of 0 to 255": (
        "unscaled_input", lambda: Run(convolutional(7), scaled(digits(330, 27), 255), ADAM(2e-3), 5),
    ),
    "unscaled, one feature": (
        "unscaled_input",
        lambda: Run(plain((47,), 1), scaled(questions(500, 21), [1] * 7 + [5_000]), ADAM(2e-3), 15, loss=BINARY),
    ),
    "unscaled, an offset": (
        "unscaled_input",
        lambda: Run(plain((30, 41), 1), scaled(products(450, 23), 1, 700.0), SGD(0.01), 15, loss=SQUARED),
    ),
    "unscaled, tiny": (
        "unscaled_input", lambda: Run(plain((33,), 3), scaled(spiral(), 2e-4), ADAM(2e-3), 40),
    ),
    # gradients
    "vanishing, sigmoids": (
        "vanishing_gradients",
        lambda: Run(plain((33,) * 10, 10, activation="sigmoid"), digits(530, 28), ADAM(1e-4), 6),
    ),
    "vanishing, small weights": (
        "vanishing_gradients",
        lambda: Run(
            plain((38,) * 8, 3, activation="tanh", initializer=initializers.Normal(0.01)), spiral(), SGD(0.1), 30
        ),
    ),
    "exploding, large weights": (
        "exploding_gradients",
        lambda: Run(
            plain((52,) * 7, 10, activation="leaky_relu", initializer=initializers.Normal(0.9)), digits(530, 29),
            SGD(0.01), 6,
        ),
    ),
    "saturated, tanh": (
        "saturated_units",
        lambda: Run(
            plain((81, 104), 10, activation="tanh", initializer=initializers.Normal(3.5)), digits(530, 30), SGD(0.01), 8
        ),
    ),
    # labels
    "imbalance, rings": (
        "label_imbalance", lambda: Run(plain((22,), 2), thinned(rings(1600, 24, noise=0.6), 1, 28), ADAM(5e-3), 20),
    ),
}  # fmt: skip
