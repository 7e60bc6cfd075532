"""Numerical differentiation.

A slope from values of the function alone: two of them, a small h apart.  Central differences find the slopes of
0.01 x² + 0.1 x at 5 and at 10.  How small should h be?  The error has two parts: the difference's own falls with h
(forward) or with h² (central), and rounding grows as h shrinks, since two nearly equal numbers are subtracted.  So each
error has a lowest point, and at h = 1e-50 nothing is left of the slope: x + h is x.  The errors are those at x = 1 of
exp, whose slope is exp again; on a parabola the central difference would have none of its own.

    forward   (f(x + h) - f(x)) / h               error  h f''/2    + ε |f| / h
    central   (f(x + h) - f(x - h)) / 2h          error  h² f'''/6  + ε |f| / h
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np

from madi.functions import exp
from madi.graph import Variable, numerical_gradient
from madi.lab.framework import style
from madi.lab.framework.experiment import Cost, Data
from madi.lab.framework.parameters import Number

ROWS = ("B4",)
COST = Cost(full=0.1, quick=0.1)

TOO_SMALL = 1e-50  # the h of the course that rounding swallows


def compute(
    *,
    points: Annotated[tuple[float, ...], Number(-20, 20, "where the tangents of 0.01 x² + 0.1 x are")] = (5.0, 10.0),
    at: Annotated[float, Number(-5, 5, "where the slope of exp is taken")] = 1.0,
    smallest: Annotated[float, Number(1e-20, 1e-2, "h on the axis of the errors")] = 1e-16,
    count: Annotated[int, Number(10, 1000, "how many values of h, from the smallest to 1")] = 161,
) -> Data:
    """Slopes and heights at `points`; the errors of both differences at each h."""
    h = np.geomspace(smallest, 1.0, count)
    true = slope_of_exp(at)
    return {
        "points": list(points),
        "heights": [float(parabola(x)) for x in points],
        "slopes": [float(numerical_gradient(parabola, x)) for x in points],
        "exact": [slope_of_parabola(x) for x in points],
        "h": h,
        "at": at,
        "slope of exp": true,
        "errors": {name: np.array([abs(find(at, step) - true) for step in h]) for name, find in WAYS.items()},
        "too small": {"h": TOO_SMALL, **{name: find(at, TOO_SMALL) for name, find in WAYS.items()}},
    }


def parabola(x: Any) -> Any:
    """The course's function, 0.01 x² + 0.1 x."""
    return 0.01 * x**2 + 0.1 * x


def slope_of_parabola(at: float) -> float:
    """Its slope by backpropagation."""
    x = Variable(at)
    parabola(x).backward()
    return float(np.asarray(x.grad))


def slope_of_exp(at: float) -> float:
    """The slope of exp by backpropagation."""
    x = Variable(at)
    exp(x).backward()
    return float(np.asarray(x.grad))


def forward_difference(at: float, h: float) -> float:
    """(exp(x + h) - exp(x)) / h."""
    return (float(exp(at + h)) - float(exp(at))) / h


def central_difference(at: float, h: float) -> float:
    """(exp(x + h) - exp(x - h)) / 2h."""
    return float(numerical_gradient(exp, at, step=h))


WAYS = {"forward": forward_difference, "central": central_difference}


def claims(data: Data) -> dict[str, bool]:
    """What the slopes and the errors show."""
    h, errors, lost = data["h"], data["errors"], data["too small"]
    slopes = ", ".join(f"{slope:.10g} at {x:g}" for x, slope in zip(data["points"], data["slopes"], strict=True))
    best = {kind: (float(error.min()), float(h[error.argmin()])) for kind, error in errors.items()}
    order = {kind: fall(h, error) for kind, error in errors.items()}
    forward, central = best["forward"], best["central"]
    return {
        f"Central differences find the slopes {slopes}, to 1e-9 those of backpropagation.": bool(
            np.allclose(data["slopes"], data["exact"], rtol=0, atol=1e-9)
        ),
        f"From h = 0.1 to 0.001 the forward error falls as h^{order['forward']:.2f}, the central as "
        f"h^{order['central']:.2f}.": abs(order["forward"] - 1) < 0.1 and abs(order["central"] - 2) < 0.1,
        f"The central error is least at h = {central[1]:.0e} with {central[0]:.0e}, the forward one at "
        f"h = {forward[1]:.0e} with {forward[0]:.0e}: a smaller h is worse.": central[0] < 0.1 * forward[0]
        and h[0] < forward[1] < central[1],
        f"At h = {lost['h']:g} the differences are {lost['forward']:g} and {lost['central']:g}: x + h is x.": lost[
            "forward"
        ]
        == lost["central"]
        == 0,
    }


def fall(h: np.ndarray, error: np.ndarray) -> float:
    """The power of h with which the error falls from h = 0.1 to 0.001, where rounding plays no part yet."""
    chosen = (h >= 1e-3) & (h <= 1e-1)
    return float(np.polyfit(np.log(h[chosen]), np.log(error[chosen]), 1)[0])


def draw(data: Data) -> Any:
    """The parabola with its tangents, and both errors against h."""
    figure, (curve, error) = style.subplots(1, 2, height=3.2)
    draw_tangents(curve, data)
    for kind, found in data["errors"].items():
        error.loglog(data["h"], found, label=f"{kind} difference")
    for x, y, text in ((1e-16, 1e-8, "rounding, as 1 / h"), (3e-6, 3e-3, "as h"), (2e-2, 1e-7, "as h²")):
        error.text(x, y, text, color=style.GREY)
    error.set(xlabel="h", ylabel="error of the slope", title=f"slope of exp at {data['at']:g}")
    error.legend(loc="upper center")
    return figure


def draw_tangents(axes: Any, data: Data) -> None:
    """The curve, and at each point the line of the slope found there."""
    reach = max(20.0, 1.2 * max(map(abs, data["points"])))
    x = np.linspace(min(0.0, *data["points"]), reach, 201)
    axes.plot(x, parabola(x), color=style.INK)
    for point, height, slope in zip(data["points"], data["heights"], data["slopes"], strict=True):
        (line,) = axes.plot(x, height + slope * (x - point), linewidth=1.2, label=f"slope {slope:.3g} at x = {point:g}")
        axes.plot(point, height, "o", color=line.get_color(), markersize=6)
    axes.set(xlabel="x", ylabel="f(x)", title="f(x) = 0.01 x² + 0.1 x and its tangents")
    axes.legend(loc="upper left")
