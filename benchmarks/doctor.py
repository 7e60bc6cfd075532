"""The numbers that the doctor's thresholds were set by: healthy and planted runs, with what each rule measures.

    python benchmarks/doctor.py

The thresholds stand in src/madi/diagnostics/thresholds.py.  They were then put to the test on other networks, data and
seeds: tests/diagnostics/test_doctor.py.
"""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from madi import Trainer, datasets, models, optimizers
from madi.diagnostics import Doctor, course, rules
from madi.diagnostics.evidence import Evidence
from madi.errors import DivergenceError
from madi.initializers import Constant, Normal
from madi.layers import BatchNorm, Conv2D, Dense, Flatten, Layer, MaxPool2D, ReLU, Sequential, Sigmoid

Split = tuple[np.ndarray, np.ndarray]


@dataclass
class Run:
    """One training: what is planted ("" where it is healthy), and how it is trained."""

    name: str
    planted: str
    model: Callable[[], Layer]
    data: Split
    validation: Split
    optimizer: Any
    epochs: int = 15
    options: dict[str, Any] = field(default_factory=dict)
    batch_size: int = 50


def digits(count: int, seed: int) -> tuple[Split, Split]:
    """`count` digits to train on and 300 others."""
    found = datasets.load("digits").train
    order = np.random.default_rng(seed).permutation(len(found.x))
    x, y = found.x.reshape(len(found.x), -1)[order], found.y[order]
    return (x[:count], y[:count]), (x[-300:], y[-300:])


def blobs(count: int, seed: int, *, classes: int = 4, features: int = 10, spread: float = 1.0) -> tuple[Split, Split]:
    """Normal clouds around random centres, standardized."""
    bits = np.random.default_rng(seed)
    centres = bits.normal(size=(classes, features)) * 1.5
    y = bits.integers(0, classes, count + 300)
    x = centres[y] + spread * bits.normal(size=(count + 300, features))
    x = ((x - x.mean(axis=0)) / x.std(axis=0)).astype(np.float32)
    return (x[:count], y[:count]), (x[count:], y[count:])


def moons(seed: int) -> tuple[Split, Split]:
    """Two half circles."""
    found = datasets.load("moons")
    del seed
    return (found.train.x, found.train.y), (found.test.x, found.test.y)


def waves(count: int, seed: int) -> tuple[Split, Split]:
    """A regression of a smooth function of three inputs."""
    bits = np.random.default_rng(seed)
    x = bits.normal(size=(count + 200, 3)).astype(np.float32)
    y = np.sin(2 * x[:, 0]) + 0.5 * x[:, 1] * x[:, 2] + 0.1 * bits.normal(size=len(x))
    return (x[:count], y[:count]), (x[count:], y[count:])


def healthy() -> Iterator[Run]:
    """Runs with nothing wrong."""
    adam, sgd, momentum = optimizers.Adam, optimizers.SGD, optimizers.Momentum
    for seed in range(3):
        d = digits(1200, seed)
        yield Run(f"digits 64 relu {seed}", "", lambda: models.mlp((64,), 10), *d, adam(2e-3))
        yield Run(f"digits 100,50 sgd {seed}", "", lambda: models.mlp((100, 50), 10), *d, sgd(0.1))
        tanh = lambda: models.mlp((50,), 10, activation="tanh")  # noqa: E731
        yield Run(f"digits 50 tanh {seed}", "", tanh, *d, momentum(0.05))
        sigmoid = lambda: models.mlp((80, 80), 10, activation="sigmoid")  # noqa: E731
        yield Run(f"digits 80,80 sigmoid {seed}", "", sigmoid, *d, adam(5e-3), 20)
        yield Run(f"digits dropout {seed}", "", lambda: models.mlp((64, 64), 10, dropout=0.3), *d, adam(2e-3), 20)
        normal = lambda: Sequential(Dense(60), BatchNorm(), ReLU(), Dense(60), BatchNorm(), ReLU(), Dense(10))  # noqa: E731
        yield Run(f"digits batch norm {seed}", "", normal, *d, adam(2e-3))
        deep = lambda: models.mlp((40,) * 8, 10)  # noqa: E731
        yield Run(f"digits 8 layers {seed}", "", deep, *d, adam(1e-3), 20)
        b = blobs(800, seed)
        yield Run(f"blobs 32 relu {seed}", "", lambda: models.mlp((32,), 4), *b, adam(5e-3))
        yield Run(f"blobs logistic {seed}", "", lambda: models.logistic_regression(4), *b, sgd(0.3))
        noisy = blobs(800, seed, spread=4.0)
        yield Run(f"blobs that overlap {seed}", "", lambda: models.mlp((16,), 4), *noisy, sgd(0.1), 15)
        yield Run(f"moons 16 relu {seed}", "", lambda: models.mlp((16,), 2), *moons(seed), adam(1e-2), 40)
        small = lambda: models.mlp((8, 8), 2, activation="tanh")  # noqa: E731
        yield Run(f"moons 8,8 tanh {seed}", "", small, *moons(seed), sgd(0.5), 60)
        wave = lambda: models.mlp((32, 32), 1)  # noqa: E731
        squared = {"loss": "mean_squared_error"}
        yield Run(f"waves {seed}", "", wave, *waves(1000, seed), adam(5e-3), 30, squared)
    (x, y), (xv, yv) = digits(800, 7)
    images = (x.reshape(-1, 8, 8, 1), y), (xv.reshape(-1, 8, 8, 1), yv)
    convolutional = lambda: Sequential(Conv2D(8, 3), ReLU(), MaxPool2D(2), Flatten(), Dense(30), ReLU(), Dense(10))  # noqa: E731
    yield Run("digits convolution", "", convolutional, *images, adam(5e-3), 12)


def planted() -> Iterator[Run]:
    """Runs with one fault each."""
    adam, sgd = optimizers.Adam, optimizers.SGD
    for seed in range(3):
        d, b = digits(1200, seed), blobs(800, seed)
        net = lambda: models.mlp((64,), 10)  # noqa: E731
        two = lambda: models.mlp((40, 20), 4)  # noqa: E731
        for name, data, model in (("digits", d, net), ("blobs", b, two)):
            yield Run(f"{name} dead {seed}", "dead_units", lambda model=model: with_dead(model()), *data, sgd(0.1))
            yield Run(f"{name} high adam {seed}", "learning_rate_too_high", model, *data, adam(1.0))
            yield Run(f"{name} high sgd {seed}", "learning_rate_too_high", model, *data, sgd(30.0))
            yield Run(f"{name} low adam {seed}", "learning_rate_too_low", model, *data, adam(1e-6))
            yield Run(f"{name} low sgd {seed}", "learning_rate_too_low", model, *data, sgd(1e-4))
            wide = tuple((part[0] * 500 + 100, part[1]) for part in data)
            yield Run(f"{name} unscaled {seed}", "unscaled_input", model, *wide, adam(2e-3))
            one = tuple((part[0] * np.where(np.arange(part[0].shape[1]) == 3, 2000, 1), part[1]) for part in data)
            yield Run(f"{name} one large {seed}", "unscaled_input", model, *one, adam(2e-3))
        for value in (0.0, 0.1):
            same = lambda value=value: models.mlp((50, 30), 10, initializer=Constant(value))  # noqa: E731
            yield Run(f"constant {value} {seed}", "identical_weights", same, *d, adam(2e-3))
        few = (d[0][0][:80], d[0][1][:80])
        yield Run(
            f"overfit digits {seed}",
            "overfitting",
            lambda: models.mlp((200, 100), 10),
            few,
            d[1],
            adam(1e-2),
            150,
        )
        noise = blobs(200, seed, spread=4.0)
        yield Run(f"overfit blobs {seed}", "overfitting", lambda: models.mlp((100, 100), 4), *noise, adam(5e-3), 40)
        sigmoids = lambda: Sequential(  # noqa: E731
            *[part for _ in range(9) for part in (Dense(30, initializer="xavier"), Sigmoid())], Dense(10)
        )
        yield Run(f"vanishing {seed}", "vanishing_gradients", sigmoids, *d, sgd(0.1))
        large = lambda: models.mlp((60,) * 6, 10, initializer=Normal(1.0))  # noqa: E731
        yield Run(f"exploding {seed}", "exploding_gradients", large, *d, sgd(0.1))
        flat = lambda: models.mlp((60, 60), 10, activation="tanh", initializer=Normal(3.0))  # noqa: E731
        yield Run(f"saturated {seed}", "saturated_units", flat, *d, sgd(0.01))
        (x, y), held_out = blobs(1500, seed, classes=2, spread=4.0)
        kept = (y == 0) | (np.arange(len(y)) % 25 == 0)
        rare = (x[kept], y[kept]), held_out
        yield Run(f"imbalance {seed}", "label_imbalance", lambda: models.mlp((16,), 2), *rare, adam(5e-3), 15)


def with_dead(model: Layer) -> Layer:
    """The network with a first layer whose ReLUs can hardly be above 0."""
    return Biased(model)


class Biased(Layer):
    """A network that is built with biases of -20 in its first hidden layer."""

    def __init__(self, inner: Layer) -> None:
        self.inner = inner

    def build(self, shape: Any, key: Any = None, *, seed: int = 0) -> Any:
        """The network, its first biases moved."""
        self.inner.build(shape, key)
        bias = next(p for name, p in self.inner.parameters().items() if name.endswith("bias"))
        bias.value = bias.value - 20

    def __call__(self, x: Any, *, training: bool = False, key: Any = None) -> Any:
        """As ever."""
        return self.inner(x, training=training, key=key)


def train(run: Run, seed: int) -> tuple[Trainer, Doctor]:
    """The run, with the doctor beside it."""
    doctor = Doctor(run.data, validation=run.validation, every=1000)
    trainer = Trainer(run.model(), optimizer=run.optimizer, seed=seed, engine="numpy", **run.options)
    with contextlib.suppress(DivergenceError):
        trainer.fit(
            run.data, validation=run.validation, epochs=run.epochs, batch_size=run.batch_size, callbacks=[doctor],
            verbose=0,
        )  # fmt: skip
    return trainer, doctor


def numbers(trainer: Trainer, run: Run, doctor: Doctor) -> dict[str, float]:
    """What the rules compare with their thresholds."""
    evidence = Evidence(trainer, run.data, run.validation, doctor)
    sizes, varies = rules.feature_sizes(evidence.sample)
    rows, first = evidence.rows, evidence.first_rows
    found = {
        "left": evidence.remaining,
        "size": float(sizes.max()),
        "uneven": float(sizes.max() / np.median(sizes[varies])),
        "alike": min((rules.spread_of(weight) for _, _, weight in evidence.weights[:-1]), default=1.0),
        "dead": max((row.dead or 0.0 for row in rows), default=0.0),
        "flat": max((row.saturated or 0.0 for row in rows[:-1]), default=0.0),
        "shrink": rules.growth(rows, largest=False)[1],
        "grow": rules.growth(first if trainer.history.diverged else rows, largest=True)[1],
    }
    if (measured := course.generalization(evidence)) is not None:
        found |= {"rise": measured.rise, "gap": measured.gap}
    if evidence.remaining > 0.1 and trainer.step > 3:
        steps = min(trainer.step, 300)
        for factor in course.LOWER:
            found[f"x{factor:g}"] = evidence.tried(factor, steps) / min(evidence.remaining, 1e9)
        for factor in course.HIGHER:
            found[f"x{factor:g}"] = evidence.tried(factor, max(2, min(trainer.step // 2, 300))) / evidence.remaining
    return found


def main() -> None:
    """Print a line a run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="runs whose name contains this")
    given = parser.parse_args()
    right = total = 0
    for number, run in enumerate([*healthy(), *planted()]):
        if given.only not in run.name:
            continue
        trainer, doctor = train(run, number)
        names = doctor.examine().names
        good = names[:1] == (run.planted,) if run.planted else not names
        right, total = right + good, total + 1
        told = "  ".join(f"{name} {value:.3g}" for name, value in numbers(trainer, run, doctor).items())
        print(f"{'   ' if good else '!! '}{run.name:26} {','.join(names) or '-':40} {told}", flush=True)
    print(f"{right} of {total} as planted")


if __name__ == "__main__":
    main()
