"""Four optimizers in a long valley.

The valley f(x, y) = x²/20 + y² is much steeper across than along, so almost everywhere the slope points at the other
wall and hardly towards the lowest point.  SGD follows it: it jumps from wall to wall, a zigzag, while it creeps along
the valley.  Momentum adds up the slopes: those across cancel, those along grow.  AdaGrad divides each coordinate's step
by what that coordinate has seen so far, so the steep one is held back at once.  Adam does both, with running means.

    SGD        x ← x - η g
    Momentum   v ← 0.9 v + g                  x ← x - η v
    AdaGrad    h ← h + g²                     x ← x - η g / (√h + ε)
    Adam       m ← 0.9 m + 0.1 g,   v ← 0.999 v + 0.001 g²
               x ← x - η m' / (√v' + ε)       m' = m / (1 - 0.9ᵗ),  v' = v / (1 - 0.999ᵗ)
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np

from madi.errors import expect_shape
from madi.functions import sum as total
from madi.graph import Variable
from madi.lab.framework import style
from madi.lab.framework.experiment import Cost, Data
from madi.lab.framework.parameters import Number
from madi.optimizers import SGD, AdaGrad, Adam, Momentum, Optimizer

ROWS = ("D1",)
COST = Cost(full=0.1, quick=0.1)

CURVATURE = np.array([1 / 20, 1.0])  # f = x²/20 + y²


def compute(
    *,
    learning_rate: Annotated[float, Number(1e-6, 10, "of SGD")] = 0.95,
    momentum_rate: Annotated[float, Number(1e-6, 10, "of Momentum")] = 0.1,
    adagrad_rate: Annotated[float, Number(1e-6, 10, "of AdaGrad")] = 1.5,
    adam_rate: Annotated[float, Number(1e-6, 10, "of Adam")] = 0.3,
    start: Annotated[tuple[float, ...], Number(-100, 100, "the two coordinates of the first point")] = (-7.0, 2.0),
    steps: Annotated[int, Number(1, 1000, "of each path")] = 30,
) -> Data:
    """The path of each optimizer, (steps + 1, 2), and the slope at the start, (2,)."""
    expect_shape("optimizer_paths: start", (len(start),), (2,), fix="Give x and y, such as (-7, 2).")
    chosen = {
        "SGD": SGD(learning_rate),
        "Momentum": Momentum(momentum_rate),
        "AdaGrad": AdaGrad(learning_rate=adagrad_rate),
        "Adam": Adam(adam_rate),
    }
    return {
        "rates": {name: optimizer.rate_at(0) for name, optimizer in chosen.items()},
        "paths": {name: path(optimizer, start, steps) for name, optimizer in chosen.items()},
        "slope": slope(np.array(start, np.float64)),
    }


def height(point: Any) -> Any:
    """f at a point (x, y): of a Variable as a Variable."""
    return total(point**2 * CURVATURE)


def slope(point: np.ndarray) -> np.ndarray:
    """The gradient of f at a point, by backpropagation."""
    place: Any = Variable(point)
    height(place).backward()
    return np.asarray(place.grad)


def path(optimizer: Optimizer, start: tuple[float, ...], steps: int) -> np.ndarray:
    """All points that the optimizer visits, the start first."""
    parameters = {"point": np.array(start, np.float64)}
    state, points = optimizer.init(parameters), [parameters["point"]]
    with np.errstate(over="ignore", invalid="ignore"):  # a rate that is too high leaves the finite numbers
        for step in range(steps):
            parameters, state = optimizer.update(
                parameters, {"point": slope(parameters["point"])}, state,
                learning_rate=optimizer.rate_at(step), numbers=optimizer.numbers(), decays={"point": False},
            )  # fmt: skip
            points.append(parameters["point"])
    return np.array(points)


def claims(data: Data) -> dict[str, bool]:
    """Why SGD zigzags, and that the others do so less."""
    start, descent = data["paths"]["SGD"][0], -data["slope"]
    off = angle(descent, -start)
    crossings = {name: changes_of_side(path) for name, path in data["paths"].items()}
    others = {name: count for name, count in crossings.items() if name != "SGD"}
    told = ", ".join(f"{name} {count}" for name, count in others.items())
    away = {name: float(np.linalg.norm(path[-1])) for name, path in data["paths"].items()}
    steps = len(data["paths"]["SGD"]) - 1
    return {
        f"At the start the steepest way down is {off:.0f}° off the direction of the lowest point.": off > 30,
        f"SGD zigzags: it changes sides of the valley in {crossings['SGD']} of {steps} steps.": (
            crossings["SGD"] > 0.5 * steps
        ),
        f"The others change sides less often: {told}.": max(others.values()) < 0.5 * crossings["SGD"],
        f"AdaGrad ends nearest, at a distance of {away['AdaGrad']:.2f}.": away["AdaGrad"] == min(away.values()),
    }


def angle(one: np.ndarray, other: np.ndarray) -> float:
    """Degrees between two directions."""
    cosine = one @ other / (np.linalg.norm(one) * np.linalg.norm(other))
    return float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))


def changes_of_side(path: np.ndarray) -> int:
    """How many steps lead over the bottom of the valley, y = 0."""
    return int((np.sign(path[1:, 1]) * np.sign(path[:-1, 1]) < 0).sum())


def draw(data: Data) -> Any:
    """One map for each optimizer, with its path."""
    figure, axes = style.subplots(2, 2, height=2.2, sharex=True, sharey=True)
    for number, (axis, (name, points)) in enumerate(zip(axes.flat, data["paths"].items(), strict=True)):
        valley(axis, np.concatenate(list(data["paths"].values())))
        axis.plot(*points.T, "o-", color=style.COLOURS[number], markersize=3, linewidth=1.2)
        axis.plot(0, 0, "+", color=style.INK, markersize=9)
        x, y = points[-1]
        axis.set_title(f"{name}, learning rate {data['rates'][name]:g}")
        label = axis.text(0.98, 0.05, f"ends at ({x:.2f}, {y:.2f})", transform=axis.transAxes, ha="right")
        label.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 1.5})
    for axis in axes[-1]:
        axis.set_xlabel("$x$")
    for axis in axes[:, 0]:
        axis.set_ylabel("$y$")
    return figure


def valley(axis: Any, points: np.ndarray) -> None:
    """Contours of f over a field that holds the points, but for those that went far beyond the start."""
    held = np.concatenate([points[np.abs(points).max(axis=1) <= 3 * np.abs(points[0]).max()], np.zeros((1, 2))])
    low, high = held.min(axis=0), held.max(axis=0)
    margin = 0.12 * (high - low) + 1e-9
    x, y = (np.linspace(*ends, 121) for ends in zip(low - margin, high + margin, strict=True))
    heights = CURVATURE[0] * x[None, :] ** 2 + CURVATURE[1] * y[:, None] ** 2
    levels = heights.max() * np.linspace(0.08, 1, 8) ** 2
    axis.contour(x, y, heights, levels=levels, colors="#D4D4D4", linewidths=0.8)
    axis.set(xlim=x[[0, -1]], ylim=y[[0, -1]])
