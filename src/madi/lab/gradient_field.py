"""The gradient.

The partial derivatives of f(x0, x1) form a vector at each point, the gradient.  It points to where f rises fastest; the
arrows drawn here are its negative, the way down.  On the bowl all of them point to the lowest place.  That is the
exception: in a long valley the way down leads across it, and the narrower it is the more the arrows miss the lowest
place.  What a gradient promises holds next to its point only.

    f(x0, x1) = x0² + x1²          ∇f = (∂f/∂x0, ∂f/∂x1) = (2 x0, 2 x1)
    valley      x0² / k + x1²      ∇f = (2 x0 / k, 2 x1)
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np

from madi.functions import sum as total
from madi.graph import Variable, numerical_gradient
from madi.lab.framework import style
from madi.lab.framework.experiment import Cost, Data
from madi.lab.framework.parameters import Number

ROWS = ("B5",)
COST = Cost(full=0.1, quick=0.1)

POINTS = ((3.0, 4.0), (0.0, 2.0), (3.0, 0.0))  # of the course


def compute(
    *,
    reach: Annotated[float, Number(0.1, 100, "of the field in both directions")] = 2.0,
    arrows: Annotated[int, Number(2, 60, "in a row of the field; an odd number puts one on the lowest place")] = 10,
    valley: Annotated[float, Number(1, 1000, "k: how much longer than steep the valley is")] = 10.0,
    step: Annotated[float, Number(1e-6, 1, "of the walk that checks each arrow")] = 1e-3,
) -> Data:
    """Points (N, 2), and for each of the two surfaces the gradients there and what a step along them changes."""
    axis = np.linspace(-reach, reach, arrows)
    points = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    surfaces = {"bowl": np.array((1.0, 1.0)), "valley": np.array((1 / valley, 1.0))}
    return {
        "valley": valley,
        "reach": reach,
        "points": points,
        "course": both_gradients(np.array(POINTS), surfaces["bowl"]),
        "surfaces": {name: field(points, weights, step) for name, weights in surfaces.items()},
    }


def surface(x: Any, weights: np.ndarray) -> Any:
    """weights[0] x0² + weights[1] x1² at each of the points x (N, 2)."""
    return total(weights * x**2, axis=1)


def both_gradients(points: np.ndarray, weights: np.ndarray) -> Data:
    """The gradient at each point, by backpropagation and by differences."""
    return {
        "points": points,
        "gradients": gradient(points, weights),
        "differences": numerical_gradient(lambda x: total(surface(Variable(x), weights)), points),
    }


def gradient(points: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The gradient at each of the points, (N, 2), by backpropagation."""
    x = Variable(points)
    total(surface(x, weights)).backward()  # a sum passes 1 to each point, so that each has its own gradient
    return np.asarray(x.grad)


def field(points: np.ndarray, weights: np.ndarray, step: float) -> Data:
    """Gradients, the angle by which the way down misses the lowest place, and f after a step down and a step up."""
    slope = gradient(points, weights)
    return {
        "weights": weights,
        "gradients": slope,
        "degrees": angles(-slope, -points),
        "fall": change(points, -step * unit(slope), weights),
        "rise": change(points, step * unit(slope), weights),
    }


def change(points: np.ndarray, moves: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """f(point + move) - f(point) for each point."""
    return surface(Variable(points + moves), weights).value - surface(Variable(points), weights).value


def unit(vectors: np.ndarray) -> np.ndarray:
    """Each row divided by its length; a row of zeros stays."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(length == 0, 1, length)


def angles(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Degrees between the rows of both."""
    return np.degrees(np.arccos(np.clip((unit(first) * unit(second)).sum(axis=1), -1, 1)))


def claims(data: Data) -> dict[str, bool]:
    """What the arrows show."""
    course, surfaces = data["course"], data["surfaces"]
    miss = {name: float(part["degrees"].max()) for name, part in surfaces.items()}
    told = ", ".join(
        f"({g[0]:g}, {g[1]:g}) at ({x[0]:g}, {x[1]:g})"
        for x, g in zip(course["points"], course["gradients"], strict=True)
    )
    return {
        f"On the bowl the gradient is {told}; differences give the same to 1e-8.": bool(
            np.allclose(course["gradients"], course["differences"], rtol=0, atol=1e-8)
        ),
        "A small step against the gradient goes down, one along it up, from every point that is drawn.": all(
            bool(np.all(part["fall"] < 0) and np.all(part["rise"] > 0)) for part in surfaces.values()
        ),
        f"On the bowl every arrow points to the lowest place: none misses it by more than {miss['bowl']:.1f}°.": miss[
            "bowl"
        ]
        < 0.1,
        f"In a valley {data['valley']:g} times as long the arrows miss the lowest place by up to "
        f"{miss['valley']:.0f}°.": miss["valley"] > 45,
    }


def draw(data: Data) -> Any:
    """The arrows of the negative gradient over the contours of both surfaces."""
    figure, axes = style.subplots(1, 2, height=3.7)
    titles = {"bowl": "$x_0^2 + x_1^2$", "valley": f"$x_0^2 / {data['valley']:g} + x_1^2$"}
    for place, (name, part) in zip(axes, data["surfaces"].items(), strict=True):
        draw_field(place, data, part)
        place.set(xlabel="$x_0$", ylabel="$x_1$", aspect="equal", title=f"−∇f of f = {titles[name]}")
    return figure


def draw_field(axes: Any, data: Data, part: Data) -> None:
    """Contours, arrows, and the lowest place."""
    grid = np.linspace(-1.15 * data["reach"], 1.15 * data["reach"], 81)
    x0, x1 = np.meshgrid(grid, grid)
    height = part["weights"][0] * x0**2 + part["weights"][1] * x1**2
    axes.contour(x0, x1, height, levels=8, colors=style.FAINT, linewidths=1)
    axes.quiver(*data["points"].T, *(-part["gradients"]).T, angles="xy", color=style.BLUE, width=0.006)
    axes.plot(0, 0, "o", color=style.ORANGE, markersize=6)
