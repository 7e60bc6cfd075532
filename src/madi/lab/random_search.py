"""Random search for the learning rate and the weight decay.

A network learns only where its learning rate suits it, and nobody knows that rate beforehand.  So draw many at random,
with the weight decay, each on a logarithmic scale; train a few epochs with each; compare them on a fifth of the
training data that none of them trains on.  Keep the best fifth of the trials, narrow the ranges to where they lie,
and repeat.  Random values beat a grid: each trial tries a new value of the parameter that matters, while a grid tries
few of it again and again.  In the lower panels the learning rate decides almost everything, so its range shrinks
quickly; the weight decay hardly matters in so few epochs, and its range stays wide.

    learning rate ~ 10^U(-6, -2)        weight decay ~ 10^U(-8, -4)
    next range:  from the nearest value of the other trials below all of the best fifth to the nearest above them
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np

from madi import models, optimizers
from madi.datasets import Dataset
from madi.lab.framework.experiment import Cost, Data
from madi.lab.framework.images import images
from madi.lab.framework.parameters import ImageData, Number, Seed
from madi.training import Trainer
from madi.tuning import LogUniform, Search, search

ROWS = ("D9",)
COST = Cost(full=25, quick=9)

CHANCE = 0.1  # of ten classes


def compute(
    *,
    data: ImageData = "mnist",
    examples: Annotated[int, Number(50, 1000, "training images, of which some are for validation")] = 500,
    validation: Annotated[float, Number(0.05, 0.5, "share of them to compare trials on")] = 0.2,
    layers: Annotated[int, Number(1, 10, "hidden layers")] = 6,
    units: Annotated[int, Number(1, 1000, "of each hidden layer")] = 100,
    epochs: Annotated[int, Number(1, 1000, "of each trial")] = 50,
    trials: Annotated[int, Number(3, 1000, "in all rounds together", quick=30)] = 100,
    rounds: Annotated[int, Number(1, 10, "after each the ranges narrow")] = 3,
    learning_rate: Annotated[tuple[float, ...], Number(1e-12, 100, "the range of the learning rate", length=2)] = (
        1e-6,
        1e-2,
    ),
    weight_decay: Annotated[tuple[float, ...], Number(1e-12, 100, "the range of the weight decay", length=2)] = (
        1e-8,
        1e-4,
    ),
    seed: Seed = 0,
) -> Data:
    """The search, as `Search.to_dict` writes it."""
    loaded = images(data)
    x, y = loaded.train.x[:examples], loaded.train.y[:examples]
    ranges = {"learning_rate": LogUniform(*learning_rate), "weight_decay": LogUniform(*weight_decay)}
    found = search(
        lambda parameters: trainer(loaded, (units,) * layers, seed, **parameters), (x, y), ranges=ranges, trials=trials,
        rounds=rounds, epochs=epochs, batch_size=100, validation=validation, seed=seed, verbose=0,
    )  # fmt: skip
    return {"images": {"name": loaded.name, "notice": loaded.notice}, "search": found.to_dict()}


def trainer(data: Dataset, hidden: tuple[int, ...], seed: int, **options: Any) -> Trainer:
    """Gradient descent on a perceptron of these hidden layers, with the learning rate and the weight decay given."""
    model = models.mlp(hidden, len(data.classes)).build(data.train.x.shape[1:], seed=seed)
    return Trainer(model, optimizer=optimizers.SGD(**options), metrics=["accuracy"], seed=seed)


def claims(data: Data) -> dict[str, bool]:
    """What the search shows."""
    found = Search.from_dict(data["search"])
    result, rate = found.measure.value(found.best), found.best.parameters["learning_rate"]
    good = sorted(trial.parameters["learning_rate"] for trial in found.measure.good(found.records))
    middle = 10 ** np.mean(np.log10(_ends(found, "learning_rate")[0]))
    ranked = found.measure.ranked(found.records)
    low = max((found.measure.value(trial) for trial in ranked if trial.parameters["learning_rate"] < middle), default=0)
    rates, decays = (_decades(found, name) for name in ("learning_rate", "weight_decay"))
    return {
        f"The best of {len(found.records)} trials reaches a validation accuracy of {result:.3f}, with a learning rate "
        f"of {rate:.2g}.": bool(result > 5 * CHANCE),
        f"The best fifth have learning rates from {good[0]:.2g} to {good[-1]:.2g}; below {middle:.2g} no trial gets "
        f"beyond {low:.3f}.": bool(good[0] > middle and low < result - 0.2),
        f"The range of the learning rate narrows from {rates[0]:.1f} powers of ten to {rates[-1]:.1f}.": bool(
            rates[-1] < 0.5 * rates[0]
        ),
        f"That of the weight decay, which matters less, narrows from {decays[0]:.1f} to {decays[-1]:.1f}.": bool(
            decays[-1] / decays[0] > rates[-1] / rates[0]
        ),
    }  # fmt: skip


def _decades(found: Search, name: str) -> list[float]:
    """How many powers of ten the range spans in each round."""
    return [float(np.log10(high / low)) for low, high in _ends(found, name)]


def _ends(found: Search, name: str) -> list[tuple[float, float]]:
    """The lowest and the highest value of the range in each round."""
    every: Any = [ranges[name] for ranges in found.ranges]
    return [(entry.low, entry.high) for entry in every]


def draw(data: Data) -> Any:
    """The curves of the 20 best trials; below, every trial's result by learning rate and by weight decay."""
    return Search.from_dict(data["search"]).plot()
