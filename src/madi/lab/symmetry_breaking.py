"""Why weights do not start at zero.

Units of one layer that start with the same weights give the same outputs and get the same gradients, step after step:
they stay one unit, however many there are.  With zeros it is worse: nothing passes forward or back, and no weight ever
moves.  Random weights break the symmetry, and each of the units can find a part of the task of its own.

    h = tanh(x W + b),  y = h v + c           W's columns equal, v's entries equal
    ∂L/∂W = xᵀ [∂L/∂y vᵀ ∘ (1 - h²)]          has equal columns then, too, and is 0 where v = 0
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np

from madi import datasets
from madi.datasets import Split
from madi.functions import sigmoid, sigmoid_binary_cross_entropy
from madi.initializers import Constant, Initializer, Normal, Zeros
from madi.lab.framework import style
from madi.lab.framework.experiment import Cost, Data
from madi.lab.framework.parameters import Number, Seed
from madi.layers import Dense, Sequential, Tanh

ROWS = ("D4",)
COST = Cost(full=2, quick=0.4)

GRID = 60  # points of the map along each axis


def compute(
    *,
    hidden: Annotated[int, Number(2, 50, "tanh units")] = 4,
    constant: Annotated[float, Number(-10, 10, "the same start of all weights")] = 0.5,
    deviation: Annotated[float, Number(0, 10, "of the random start")] = 1.0,
    learning_rate: Annotated[float, Number(1e-6, 100, "of gradient descent over all points")] = 2.0,
    steps: Annotated[int, Number(10, 20_000, "of training", quick=500)] = 1000,
    seed: Seed = 0,
) -> Data:
    """For each start: the paths of the units' weights, (marks, 2, hidden), the accuracy, and a map of the output."""
    points = datasets.load("moons").train
    starts = {"zeros": Zeros(), f"all {constant:g}": Constant(constant), "random": Normal(deviation)}
    low, high = points.x.min(axis=0) - 0.3, points.x.max(axis=0) + 0.3
    axes = [np.linspace(*ends, GRID) for ends in zip(low, high, strict=True)]
    return {
        "points": {"x": points.x, "y": points.y},
        "axes": axes,
        "starts": {
            name: trained(start, points, axes, hidden, learning_rate, steps, seed) for name, start in starts.items()
        },
    }


def trained(
    start: Initializer, points: Split, axes: list[np.ndarray], hidden: int, rate: float, steps: int, seed: int
) -> Data:
    """One network after gradient descent, and the way there."""
    network = Sequential(Dense(hidden, initializer=start), Tanh(), Dense(1, initializer=start)).build((2,), seed=seed)
    x, target = points.x, points.y[:, None]
    weights: dict[str, Any] = dict(network.parameters())
    path = [weights["0.weight"].value]
    for _ in range(steps):
        sigmoid_binary_cross_entropy(network(x), target).backward()
        for weight in weights.values():
            weight.value = weight.value - np.float32(rate) * weight.grad
        path.append(weights["0.weight"].value)
    marks = np.unique(np.linspace(0, steps, 201).round().astype(int))
    field = np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, 2).astype(np.float32)
    return {
        "marks": marks,
        "path": np.array(path)[marks],
        "outgoing": weights["2.weight"].value.ravel(),
        "accuracy": float(np.mean((network(x).value > 0) == target)),
        "map": sigmoid(network(field)).value.reshape(GRID, GRID),
    }


def apart(found: Data) -> float:
    """The largest difference between two units' weights at the end."""
    last = np.asarray(found["path"])[-1]
    return float(np.ptp(last, axis=1).max())


def claims(data: Data) -> dict[str, bool]:
    """That equal units stay equal, and that random ones learn the task."""
    zeros, equal, random = data["starts"].values()
    units = len(zeros["outgoing"])
    moved = float(np.abs(np.asarray(equal["path"])[-1] - np.asarray(equal["path"])[0]).max())
    largest = float(max(np.abs(zeros["path"]).max(), np.abs(zeros["outgoing"]).max()))
    return {
        f"From zeros no weight moves, the largest is {largest:g}: {zeros['accuracy']:.0%} are right, as by a guess.": (
            largest == 0
        ),
        f"Equal units move by up to {moved:.2f} and stay equal: they differ by {apart(equal):.0e} at most.": (
            moved > 0.1 and apart(equal) < 1e-4
        ),
        f"So {units} equal units do what one does: {equal['accuracy']:.1%} are right, and {random['accuracy']:.1%} "
        "from a random start.": random["accuracy"] > equal["accuracy"] + 0.05,
    }


def draw(data: Data) -> Any:
    """Above the map that each network makes of the plane, below the way of its hidden units' weights."""
    figure, axes = style.subplots(2, 3, height=2.3, sharey="row")
    for (above, below), (name, found) in zip(axes.T, data["starts"].items(), strict=True):
        draw_map(above, data, found)
        above.set_title(f"{name}: {found['accuracy']:.0%} right")
        draw_paths(below, found)
    axes[1, 0].set_ylabel("weights of the hidden units")
    return figure


def draw_map(axis: Any, data: Data, found: Data) -> None:
    """The probability of the second class, and the points."""
    from matplotlib.colors import ListedColormap

    x, y = np.asarray(data["points"]["x"]), np.asarray(data["points"]["y"])
    axis.contourf(*data["axes"], found["map"], levels=np.linspace(0, 1, 11), cmap=style.SIGNED, alpha=0.5)
    axis.scatter(*x.T, c=y, cmap=ListedColormap([style.BLUE, style.ORANGE]), s=4, linewidth=0)
    axis.set(xticks=[], yticks=[], aspect="equal")


def draw_paths(axis: Any, found: Data) -> None:
    """Both incoming weights of each unit by step; equal ones lie on one line."""
    path, steps = np.asarray(found["path"]), found["marks"]
    for number in range(path.shape[2]):
        for place, line in enumerate(("-", "--")):
            axis.plot(
                steps, path[:, place, number], line, color=style.COLOURS[number % len(style.COLOURS)], linewidth=1.2
            )
    axis.set_xlabel("step")
