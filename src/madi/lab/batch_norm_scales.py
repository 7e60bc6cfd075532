"""Batch normalization and the scale of the initial weights.

The same network of five hidden layers of 100 ReLU units, with batch normalization before each of them and without,
starts from weights of 16 scales.  Without it only a narrow range of scales learns: larger ones diverge, and smaller
ones pass no signal on.  With it every layer gets inputs of mean 0 and variance 1 whatever the scale, so most of them
learn, and the best of them sooner than the best without.  Large scales slow it: a step is small beside the weights.

    forward    μ = mean of x,  σ² = mean of (x - μ)²      over the batch
               x̂ = (x - μ) / √(σ² + ε),   y = γ x̂ + β
    backward   gβ = Σ gy,   gγ = Σ gy x̂,   gx = γ / √(σ² + ε) (gy - mean of gy - x̂ · mean of gy x̂)
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np

from madi.datasets import Split
from madi.initializers import Normal
from madi.lab.framework import style
from madi.lab.framework.experiment import Cost, Data
from madi.lab.framework.fitting import fit_each
from madi.lab.framework.images import images
from madi.lab.framework.parameters import ImageData, Number, Seed
from madi.layers import BatchNorm, Dense, Flatten, ReLU, Sequential
from madi.optimizers import SGD
from madi.training import Trainer

ROWS = ("D6",)
COST = Cost(full=12, quick=6)

KINDS = {"with batch norm": True, "without": False}


def compute(
    *,
    data: ImageData = "mnist",
    scales: Annotated[int, Number(2, 64, "how many, evenly spaced in the logarithm", quick=8)] = 16,
    largest: Annotated[float, Number(1e-6, 10, "scale, a deviation of the weights")] = 1.0,
    smallest: Annotated[float, Number(1e-6, 10, "scale")] = 1e-4,
    learning_rate: Annotated[float, Number(1e-6, 10, "of SGD")] = 0.01,
    hidden: Annotated[int, Number(1, 20, "layers")] = 5,
    units: Annotated[int, Number(1, 1000, "of each hidden layer")] = 100,
    examples: Annotated[int, Number(10, 60_000, "images to train on")] = 1000,
    epochs: Annotated[int, Number(1, 1000, "of training")] = 20,
    seed: Seed = 0,
) -> Data:
    """Accuracy on the training images after each epoch, (scales, epochs); NaN from where a network diverged."""
    found = images(data)
    chosen = Split(found.train.x[:examples], found.train.y[:examples])
    deviations = np.geomspace(largest, smallest, scales)
    accuracy = {}
    for name, normalized in KINDS.items():
        networks = [network(std, [units] * hidden, len(found.classes), normalized) for std in deviations.tolist()]
        accuracy[name] = curves(networks, chosen, SGD(learning_rate), epochs, seed)
    return {"images": {"name": found.name, "notice": found.notice}, "scales": deviations, "accuracy": accuracy}


def network(std: float, hidden: list[int], outputs: int, normalized: bool) -> Sequential:
    """Dense, batch norm where it is asked for, and ReLU, for each hidden layer; weights of that deviation."""
    start, norm = Normal(std), [BatchNorm] if normalized else []
    blocks = [[Dense(units, initializer=start), *(kind() for kind in norm), ReLU()] for units in hidden]
    return Sequential(Flatten(), *(layer for block in blocks for layer in block), Dense(outputs, initializer=start))


def curves(networks: list[Sequential], data: Split, optimizer: SGD, epochs: int, seed: int) -> np.ndarray:
    """Each network's accuracy on the data after each epoch, in inference, (networks, epochs)."""
    trainers = [
        Trainer(model, optimizer=optimizer, metrics=["accuracy"], engine="jax", seed=seed) for model in networks
    ]
    fit_each(trainers, data, validation=data, epochs=epochs, batch_size=100)
    found = np.full((len(networks), epochs), np.nan)
    for row, trainer in zip(found, trainers, strict=True):
        accuracy = trainer.history["validation_accuracy"]
        row[: len(accuracy)] = accuracy
    return found


def claims(data: Data) -> dict[str, bool]:
    """At how many scales each kind learns, and how fast."""
    accuracy = data["accuracy"]
    scales = len(data["scales"])
    learned = {name: int((rows[:, -1] > 0.5).sum()) for name, rows in accuracy.items()}
    normed, plain = (learned[name] for name in KINDS)
    epochs = accuracy["without"].shape[1]
    sooner, later = (first_epoch(accuracy[name], 0.95) for name in KINDS)
    told = f"only after {later}" if later <= epochs else f"not within {epochs}"
    return {
        f"With batch norm {normed} of {scales} scales learn: more than half of the training images are right after "
        f"{epochs} epochs.": normed > 0.5 * scales,
        f"Without it {plain} of {scales} do.": plain <= 0.5 * normed,
        f"At its best scale 95% are right after {sooner} epochs, at the best without {told}.": sooner < later,
    }


def first_epoch(accuracy: np.ndarray, level: float) -> int:
    """The first epoch, counted from 1, after which one of the networks reached the level; past the last if none did."""
    reached = np.flatnonzero((accuracy >= level).any(axis=0))
    return int(reached[0]) + 1 if len(reached) else accuracy.shape[1] + 1


def draw(data: Data) -> Any:
    """A panel for each scale: accuracy by epoch, with and without."""
    columns = min(4, len(data["scales"]))
    rows = -(-len(data["scales"]) // columns)
    figure, axes = style.subplots(rows, columns, height=1.5, sharex=True, sharey=True, squeeze=False)
    for number, axis in enumerate(axes.flat):
        if number < len(data["scales"]):
            draw_scale(axis, data, number)
        else:
            axis.set_axis_off()
    figure.supxlabel("epoch", fontsize="medium", color=style.INK)
    figure.supylabel("accuracy on the training images", fontsize="medium", color=style.INK)
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure


def draw_scale(axis: Any, data: Data, number: int) -> None:
    """The two curves of one scale."""
    epochs = np.arange(1, data["accuracy"]["without"].shape[1] + 1)
    for (name, rows), colour in zip(data["accuracy"].items(), (style.BLUE, style.ORANGE), strict=True):
        axis.plot(epochs, rows[number], color=colour, label=name)
    if np.isnan(data["accuracy"]["without"][number, -1]):
        axis.text(0.97, 0.04, "diverges without", color=style.ORANGE, transform=axis.transAxes, ha="right", fontsize=8)
    axis.set_title(f"std {data['scales'][number]:.2g}", fontsize=9)
    axis.set(ylim=(0, 1.03), yticks=(0, 0.5, 1))
    axis.yaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
