"""The sigmoid as four nodes, and as one.

Built of elementary nodes the sigmoid is a chain: times -1, exp, plus 1, reciprocal.  Going back, each node multiplies
by its own slope; the four slopes multiply to y (1 - y), which needs nothing but the output.  So the chain can be one
node: the same numbers, less to keep, and no overflow, where exp(-x) in the chain leaves the finite numbers.

    y = 1 / (1 + exp(-x))

    times w      passes on the gradient times w          plus 1       passes it on
    exp          times exp(u), its own output            1 / u        times -1/u² = -y²

    all four     dy/dx = (-y²)(1)(exp(-x))(-1) = y (1 - y)
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np

import madi.functions as F
from madi.graph import Variable, trace
from madi.graph import draw as drawing
from madi.lab.framework import style
from madi.lab.framework.experiment import Cost, Data
from madi.lab.framework.graphs import graphs
from madi.lab.framework.parameters import Number

ROWS = ("C3",)
COST = Cost(full=0.1, quick=0.1)


def compute(
    *,
    x: Annotated[float, Number(-30, 30, "the input of the two graphs")] = 1.0,
    reach: Annotated[float, Number(0.1, 30, "of the curves, to either side of 0")] = 6.0,
    far: Annotated[float, Number(-1e6, 1e6, "an input at which exp(-x) overflows")] = -800.0,
) -> Data:
    """Each node of the four at x; values and slopes of both forms over a range; and both far out."""
    inputs = np.linspace(-reach, reach, 241)
    return {
        "x": x,
        "nodes": [_node(step) for step in trace(four_nodes(Variable(x)))],
        "inputs": inputs,
        "four": evaluated(four_nodes, inputs),
        "one": evaluated(F.sigmoid, inputs),
        "far": {"x": far, "four": evaluated(four_nodes, far), "one": evaluated(F.sigmoid, far)},
    }


def four_nodes(x: Any) -> Any:
    """The sigmoid of elementary nodes."""
    raised: Any = F.exp(x * -1)
    return 1 / (raised + 1)


def evaluated(function: Any, x: Any) -> dict[str, Any]:
    """Value and slope of a function at each x."""
    leaf = Variable(x)
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is what is to be seen
        y = function(leaf)
        y.backward(np.ones(leaf.shape))
    return {"value": y.value, "slope": leaf.grad}


def _node(step: Any) -> dict[str, Any]:
    """One node: its symbol, what arrives from behind, and what it passes on to the input that is not a constant."""
    (entry,) = (entry for entry in step.inputs if entry.gradient is not None)
    return {
        "symbol": step.symbol,
        "value": float(step.value),
        "gradient": float(step.gradient),
        "passes_on": float(entry.gradient),
    }


def claims(data: Data) -> dict[str, bool]:
    """What the two forms show."""
    four, one, far = data["four"], data["one"], data["far"]
    apart = max(float(np.abs(four[part] - one[part]).max()) for part in ("value", "slope"))
    nodes = {node["symbol"]: node for node in data["nodes"]}
    return {
        f"Four nodes and one differ by {apart:.0e} at most, in value and in slope.": apart <= 1e-12,
        f"Plus 1 passes on what arrives, {nodes['+']['gradient']:.4g}; times -1 passes on "
        f"{nodes['×']['passes_on']:.4g} for {nodes['×']['gradient']:.4g}.": (
            nodes["+"]["passes_on"] == nodes["+"]["gradient"] and nodes["×"]["passes_on"] == -nodes["×"]["gradient"]
        ),
        f"The slope is y (1 - y), at most {one['slope'].max():.4g}.": bool(
            np.allclose(one["slope"], one["value"] * (1 - one["value"]), rtol=1e-12)
        ),
        f"At x = {far['x']:g} the four give a slope of {far['four']['slope']:g}, the one of {far['one']['slope']:g}.": (
            not np.isfinite(far["four"]["slope"]) and bool(np.isfinite(far["one"]["slope"]))
        ),
    }


def draw(data: Data) -> Any:
    """Both graphs at x; below them value and slope, and the tangent at x."""
    forms = {"Four nodes": four_nodes, "One node": F.sigmoid}
    figure, below = graphs({title: drawing(_named(form, data["x"])) for title, form in forms.items()}, below=2.6)
    panels = below.subplots(1, 2)
    for axes, part, title in zip(panels, ("value", "slope"), ("y", "dy/dx"), strict=True):
        axes.plot(data["inputs"], data["four"][part], color=style.SKY, linewidth=5, alpha=0.6, label="four nodes")
        axes.plot(data["inputs"], data["one"][part], color=style.INK, linewidth=1, label="one node")
        axes.set(xlabel="x", ylabel=title)
    panels[0].legend()
    return figure


def _named(form: Any, x: float) -> Any:
    """The graph of one form at x, its ends named."""
    y = form(Variable(x, name="x"))
    y.name = "y"
    return y
