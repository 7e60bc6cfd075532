"""Learning-rate decay.

With small batches each step goes in a direction that is only right on average.  At a high rate the weights jump about
the minimum for ever; at a low one they come to rest, but are still on their way when the time is over.  A rate that
starts high and falls goes far first and settles in the end.  Here one layer learns with five images a step, at two
constant rates and by three schedules.

    step decay     η(t) = η₀ 0.1^⌊t / (T/4)⌋
    exponential    η(t) = η₀ 0.01^(t / T)
    cosine         η(t) = η₀ (1 + cos(π t / T)) / 2                T steps in all
"""

from __future__ import annotations

import math
from typing import Annotated, Any

import numpy as np

from madi import models, schedules
from madi.datasets import Split
from madi.lab.framework import style
from madi.lab.framework.experiment import Cost, Data
from madi.lab.framework.fitting import fit_each
from madi.lab.framework.images import images
from madi.lab.framework.loss_curves import smoothed
from madi.lab.framework.parameters import ImageData, Number, Seed
from madi.optimizers import SGD
from madi.schedules import Rate
from madi.training import Trainer

ROWS = ("D3",)
COST = Cost(full=2, quick=2)

LOSS_TICKS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50)


def compute(
    *,
    data: ImageData = "mnist",
    learning_rate: Annotated[float, Number(1e-6, 100, "the high rate, with which the schedules start")] = 2.0,
    low: Annotated[float, Number(1e-6, 100, "the low constant rate")] = 0.02,
    examples: Annotated[int, Number(100, 60_000, "training images")] = 2000,
    batch_size: Annotated[int, Number(1, 1000, "images a step")] = 5,
    epochs: Annotated[int, Number(2, 100, "of training")] = 8,
    seed: Seed = 0,
) -> Data:
    """The rate and the loss at each step, and the last accuracy on the test images, of each schedule."""
    found = images(data)
    train = Split(found.train.x[:examples], found.train.y[:examples])
    steps = epochs * math.ceil(len(train.x) / batch_size)
    chosen: dict[str, Rate] = {
        "constant, high": learning_rate,
        "constant, low": low,
        "step decay": schedules.step_decay(learning_rate, every=math.ceil(steps / 4)),
        "exponential": schedules.exponential_decay(learning_rate, factor=0.01, every=steps),
        "cosine": schedules.cosine(learning_rate, steps),
    }
    options: dict[str, Any] = {"metrics": ["accuracy"], "engine": "jax", "seed": seed}
    trainers = [Trainer(models.mlp((), len(found.classes)), optimizer=SGD(rate), **options) for rate in chosen.values()]
    fit_each(trainers, train, epochs=epochs, batch_size=batch_size)
    return {
        "images": {"name": found.name, "notice": found.notice},
        "epochs": epochs,
        "schedules": {
            name: {
                "rates": np.array(trainer.optimizer.rates(0, steps)),
                "losses": padded(trainer.history.steps["loss"], steps),
                "accuracy": trainer.evaluate(found.test)["accuracy"],
            }
            for name, trainer in zip(chosen, trainers, strict=True)
        },
    }


def padded(values: list[float], length: int) -> np.ndarray:
    """The values, and NaN up to that length."""
    return np.append(values, np.full(length - len(values), np.nan))


def claims(data: Data) -> dict[str, bool]:
    """That a falling rate ends lower."""
    ends = {name: last_epoch(found["losses"], data["epochs"]) for name, found in data["schedules"].items()}
    accuracy = {name: found["accuracy"] for name, found in data["schedules"].items()}
    (high, low), falling = list(ends)[:2], list(ends)[2:]
    best = min(falling, key=lambda name: ends[name])
    told = ", ".join(f"{name} {ends[name]:.3f}" for name in falling)
    return {
        f"In the last epoch the loss is {ends[high]:.3f} at the high rate, and {told}.": ends[best] < 0.7 * ends[high],
        f"At the low constant rate it is {ends[low]:.3f}: {best} is below that, too.": ends[best] < 0.9 * ends[low],
        f"On test images it is right in {accuracy[best]:.1%}, the high constant rate in {accuracy[high]:.1%}.": (
            accuracy[best] >= accuracy[high]
        ),
    }


def last_epoch(losses: np.ndarray, epochs: int) -> float:
    """The mean loss of the last epoch."""
    return float(np.mean(losses[-(len(losses) // epochs) :]))


def draw(data: Data) -> Any:
    """The rates and the smoothed losses by step."""
    figure, (rates, losses) = style.subplots(1, 2, height=3.2, gridspec_kw={"width_ratios": [1, 1.6]})
    for number, (name, found) in enumerate(data["schedules"].items()):
        steps = np.arange(1, len(found["rates"]) + 1)
        rates.semilogy(steps, found["rates"], color=style.COLOURS[number])
        losses.semilogy(steps, smoothed(np.asarray(found["losses"])), color=style.COLOURS[number], label=name)
    highest = max(np.max(found["rates"]) for found in data["schedules"].values())
    rates.set(xlabel="step", ylabel="learning rate", ylim=(1e-3 * highest, 1.5 * highest))
    losses.set(xlabel="step", ylabel="training loss, smoothed")
    losses.set_yticks([value for value in LOSS_TICKS if losses.get_ylim()[0] < value < losses.get_ylim()[1]])
    losses.yaxis.set_major_formatter("{x:g}")
    losses.minorticks_off()
    figure.legend(loc="outside upper center", ncols=len(data["schedules"]))
    return figure
