"""The loss of logistic regression: why cross entropy, not squared error.

Both costs are averages of a loss over the examples, and both are lowest for much the same w and b.  But the squared
error of a sigmoid is not convex: far from the lowest point it is flat and bends downward, so that descent from there
hardly moves, or need not end in the right place.  Cross entropy undoes the sigmoid's exponential: it bends upward
everywhere, and the more wrong an answer, the steeper.  Whether examples are rows or columns changes no number.

    ŷ = σ(X w + b), examples in rows       = σ(wᵀ X + b), examples in columns
    squared error   J = 1/m Σ (ŷ - y)²
    cross entropy   J = 1/m Σ (-(y log ŷ + (1 - y) log(1 - ŷ)))
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import numpy as np

import madi.functions as F
from madi.errors import ConfigurationError
from madi.graph import Variable, no_grad
from madi.lab.framework import style
from madi.lab.framework.experiment import Cost, Data
from madi.lab.framework.parameters import Number
from madi.models import logistic_regression

ROWS = ("A8",)
COST = Cost(full=0.9, quick=0.5)

TITLES = {"squared_error": "squared error", "cross_entropy": "cross entropy"}
STEP = 1e-4  # of the differences of gradients that give second derivatives
TOLERANCE = 1e-9  # below 0: how far rounding takes a second derivative that is 0


def compute(
    *,
    x: Annotated[tuple[float, ...], Number(-100, 100, "the one feature of each example")] = (-3, -2, -1, 0.5, 1, 2),
    y: Annotated[tuple[int, ...], Number(0, 1, "the class of each example, 0 or 1")] = (0, 0, 1, 0, 1, 1),
    reach: Annotated[float, Number(0.5, 50, "of w and b, to either side of 0")] = 8.0,
    points: Annotated[int, Number(11, 201, "of the grid along w and along b", quick=61)] = 81,
    learning_rate: Annotated[float, Number(1e-3, 10, "of the descents")] = 1.0,
    steps: Annotated[int, Number(1, 10_000, "of the descents")] = 200,
) -> Data:
    """Both costs over w and b, the smallest second derivative at each point, and a descent from the wrong side."""
    if len(x) != len(y):
        raise ConfigurationError(
            f"logistic_loss: x and y must have as many entries as there are examples, got {len(x)} and {len(y)}. "
            "Give each example its class."
        )
    features, targets, side = np.array(x, float), np.array(y, float), np.linspace(-reach, reach, points)
    costs = {name: _cost(name, features, targets) for name in TITLES}
    return {
        "side": side,
        "surfaces": {name: surface(cost, side) for name, cost in costs.items()},
        "paths": {name: descend(cost, (-0.75 * reach, 0.0), learning_rate, steps) for name, cost in costs.items()},
        "forms_apart": rows_against_columns(features, w=0.7, b=-0.3),
    }


def _cost(name: str, x: np.ndarray, y: np.ndarray) -> Callable[[Any, Any], Any]:
    """The cost as a function of w and b of any one shape, averaged over all of them: one number."""

    def cost(w: Any, b: Any) -> Any:
        z = F.reshape(w, (-1, 1)) * x + F.reshape(b, (-1, 1))
        target = np.broadcast_to(y, z.shape)
        if name == "squared_error":
            return F.mean_squared_error(F.sigmoid(z), target)
        return F.sigmoid_binary_cross_entropy(z, target)

    return cost


def surface(cost: Callable[[Any, Any], Any], side: np.ndarray) -> dict[str, np.ndarray]:
    """The cost at each (b, w) of the grid, its second derivative along w, and the smallest of all directions'."""
    b, w = np.meshgrid(side, side, indexing="ij")
    along_w = (gradients(cost, w + STEP, b) - gradients(cost, w - STEP, b)) / (2 * STEP)
    along_b = (gradients(cost, w, b + STEP) - gradients(cost, w, b - STEP)) / (2 * STEP)
    curvature = np.stack([along_w, along_b], axis=-2)
    with no_grad():
        values = [float(cost(w_i, b_i)) for w_i, b_i in zip(w.ravel(), b.ravel(), strict=True)]
    return {
        "cost": np.reshape(values, w.shape),
        "along_w": along_w[..., 0],
        "least": np.linalg.eigvalsh((curvature + curvature.swapaxes(-1, -2)) / 2)[..., 0],
    }


def gradients(cost: Callable[[Any, Any], Any], w: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(dJ/dw, dJ/db) at each point (..., 2), all in one pass: a mean over the points has 1/points of each gradient."""
    leaves: Any = (Variable(w), Variable(b))
    cost(*leaves).backward()
    return np.stack([leaf.grad for leaf in leaves], axis=-1) * w.size


def descend(
    cost: Callable[[Any, Any], Any], start: tuple[float, float], learning_rate: float, steps: int
) -> dict[str, Any]:
    """Gradient descent from `start`: all points (steps + 1, 2), and the cost at each."""
    point, points, values = np.array(start), [], []
    for _ in range(steps + 1):
        leaf: Any = Variable(point)
        found = cost(leaf[0:1], leaf[1:2])
        found.backward()
        points.append(point)
        values.append(float(found))
        point = point - learning_rate * leaf.grad
    return {"points": np.array(points), "costs": values}


def rows_against_columns(x: np.ndarray, w: float, b: float) -> float:
    """How far σ(X w + b) of rows and σ(wᵀ X + b) of columns differ."""
    model = logistic_regression().build((1,))
    weight, bias = model.parameters().values()
    weight.value, bias.value = np.array([[w]]), np.array([b])
    rows = F.sigmoid(model(x[:, None])).value
    product: Any = F.matmul(weight.value.T, x[None, :])
    columns = F.sigmoid(product + b).value
    return float(np.abs(rows.T - columns).max())


def claims(data: Data) -> dict[str, bool]:
    """What surfaces and descents show."""
    squared, cross = (data["surfaces"][name] for name in TITLES)
    share = {name: float((found["least"] < -TOLERANCE).mean()) for name, found in data["surfaces"].items()}
    left = {name: _above_lowest(data["surfaces"][name], path["costs"]) for name, path in data["paths"].items()}
    steps = len(data["paths"]["cross_entropy"]["costs"]) - 1
    return {
        f"Squared error bends downward in {share['squared_error']:.0%} of the plane; its least second derivative is "
        f"{squared['least'].min():.3f}.": share["squared_error"] > 0,
        f"Cross entropy does so nowhere: its least second derivative is {cross['least'].min():.0e}.": (
            share["cross_entropy"] == 0
        ),
        f"After {steps} steps from the same start cross entropy is {left['cross_entropy']:.4f} above the lowest "
        f"found, squared error {left['squared_error']:.4f}.": bool(
            left["cross_entropy"] < 0.01 < left["squared_error"]
        ),
        f"Examples as rows or as columns: the same to {data['forms_apart']:.0e}.": data["forms_apart"] < 1e-15,
    }


def _above_lowest(surface: dict[str, np.ndarray], costs: list[float]) -> float:
    """How far the last cost of a descent is above the lowest, on its way or on the grid."""
    return costs[-1] - min(float(surface["cost"].min()), *costs)


def draw(data: Data) -> Any:
    """Both surfaces with their descents; below them both costs and their second derivatives along w."""
    figure, axes = style.subplots(2, 2, height=2.9, height_ratios=(1.25, 1))
    for panel, name in zip(axes[0], TITLES, strict=True):
        _surface(figure, panel, data, name)
    middle = len(data["side"]) // 2
    where = f"b = {data['side'][middle]:.2g}"
    for (name, title), colour in zip(TITLES.items(), (style.ORANGE, style.BLUE), strict=True):
        found = data["surfaces"][name]
        cost = found["cost"][middle]
        axes[1, 0].plot(data["side"], cost / cost.max(), color=colour, label=title)
        axes[1, 1].plot(data["side"], found["along_w"][middle], color=colour)
    axes[1, 1].axhline(0, color=style.GREY, linewidth=0.6)
    axes[1, 0].set(xlabel="w", title=f"cost at {where}, its largest as 1", ylim=(0, None))
    axes[1, 1].set(xlabel="w", title=f"second derivative along w at {where}")
    axes[1, 0].legend()
    return figure


def _surface(figure: Any, axes: Any, data: Data, name: str) -> None:
    """The cost as colour, where it bends downward as hatching, and the descent."""
    side, found = data["side"], data["surfaces"][name]
    shown = axes.contourf(side, side, found["cost"], levels=20, cmap=style.AMOUNTS)
    if (found["least"] < -TOLERANCE).any():
        below = (found["least"] < -TOLERANCE).astype(float)
        hatched = axes.contourf(side, side, below, levels=(0.5, 1.5), colors="none", hatches=("//",))
        hatched.set(edgecolor=(1, 1, 1, 0.45), linewidth=0)
    _path(axes, data["paths"][name]["points"])
    figure.colorbar(shown, ax=axes)
    downward = " (hatched: not convex)" if (found["least"] < -TOLERANCE).any() else ""
    axes.set(title=TITLES[name] + downward, xlabel="w", ylabel="b")


def _path(axes: Any, points: np.ndarray) -> None:
    """A descent: its start, its way, and where it is after the last step; in words too, for it may hardly move."""
    moved = float(np.linalg.norm(points[-1] - points[0]))
    ends = {"color": "white", "markeredgecolor": style.INK, "markeredgewidth": 0.8}
    axes.plot(*points.T, color="white", linewidth=2)
    axes.plot(*points[0], "o", markersize=7, **ends)
    axes.plot(*points[-1], "*", markersize=12, **ends)
    axes.annotate(
        f"in {len(points) - 1} steps\nmoved by {moved:.2g}",
        points[0],
        (-10, -12),
        textcoords="offset points",
        ha="left",
        va="top",
        fontsize=8.5,
        bbox={"boxstyle": "round", "facecolor": "white", "edgecolor": "none", "alpha": 0.8},
    )
