"""Gradient descent.

From a start, step after step against the gradient.  On the bowl f(x0, x1) = x0² + x1² each step of rate η multiplies x
by 1 - 2η, so a rate of 0.1 walks down to the middle, one above 1 throws x out further each time, and a tiny one stands
still.  What is right depends on the function: that is why the learning rate is the first thing to choose.

    x ← x - η ∇f(x)        ∇f = (2 x0, 2 x1)
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np

from madi.functions import sum as total
from madi.graph import Variable
from madi.lab.framework import style
from madi.lab.framework.experiment import Cost, Data
from madi.lab.framework.parameters import Number

ROWS = ("B6",)
COST = Cost(full=0.1, quick=0.1)


def compute(
    *,
    start: Annotated[tuple[float, ...], Number(-100, 100, "the first point", length=2)] = (-3.0, 4.0),
    learning_rate: Annotated[float, Number(1e-12, 100, "of the good path")] = 0.1,
    too_high: Annotated[float, Number(1e-12, 100, "a learning rate that diverges")] = 10.0,
    too_low: Annotated[float, Number(1e-12, 100, "a learning rate that stands still")] = 1e-10,
    steps: Annotated[int, Number(1, 10_000, "of each path")] = 100,
) -> Data:
    """The three paths, each (steps + 1, 2)."""
    rates = {"good": learning_rate, "too high": too_high, "too low": too_low}
    return {"rates": rates, "paths": {name: descend(start, rate, steps) for name, rate in rates.items()}}


def descend(start: tuple[float, ...], rate: float, steps: int) -> np.ndarray:
    """All points that gradient descent on x0² + x1² visits, the start first."""
    x: Any = Variable(np.array(start))
    path = [x.value]
    with np.errstate(over="ignore", invalid="ignore"):  # one of the paths is meant to leave the finite numbers
        for _ in range(steps):
            total(x**2).backward()
            x.value = x.value - rate * x.grad
            path.append(x.value)
    return np.array(path)


def claims(data: Data) -> dict[str, bool]:
    """What the three paths show."""
    first = {name: np.linalg.norm(path[0]) for name, path in data["paths"].items()}
    last = {name: np.linalg.norm(path[-1]) for name, path in data["paths"].items()}
    (x0, x1), rates = data["paths"]["good"][-1], data["rates"]
    return {
        f"A rate of {rates['good']:g} ends at ({x0:.3e}, {x1:.3e}), next to the lowest point.": bool(
            last["good"] < 1e-3
        ),
        f"A rate of {rates['too high']:g} is thrown out, to a distance of {last['too high']:.1e}.": not (
            last["too high"] < 1e6
        ),
        f"A rate of {rates['too low']:g} has not moved: {last['too low']:.4f} from the middle, as at the start.": bool(
            abs(last["too low"] - first["too low"]) < 1e-6
        ),
    }


def draw(data: Data) -> Any:
    """The good path over the contours, and how far from the middle each path is after each step."""
    figure, (map_, distance) = style.subplots(1, 2, height=3.2)
    reach = 1.15 * np.abs(data["paths"]["good"]).max()
    x0, x1 = np.meshgrid(np.linspace(-reach, reach, 91), np.linspace(-reach, reach, 91))
    map_.contour(x0, x1, x0**2 + x1**2, levels=8, colors=style.FAINT, linewidths=1)
    map_.plot(*data["paths"]["good"].T, "o-", markersize=4)
    map_.set(xlabel="$x_0$", ylabel="$x_1$", aspect="equal", title=f"learning rate {data['rates']['good']:g}")
    for name, path in data["paths"].items():
        with np.errstate(over="ignore"):
            distance.semilogy(np.linalg.norm(path, axis=1), label=f"{name}: {data['rates'][name]:g}")
    distance.set(xlabel="step", ylabel="distance from the lowest point", ylim=(1e-10, 1e10))
    distance.legend(title="learning rate")
    return figure
