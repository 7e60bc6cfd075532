"""The chain rule: the slope of z = (x + y)² from the slopes of its nodes.

A function made of functions has for its slope the product of theirs.  Going back from z, each node multiplies what
arrives by its own slope: the square by 2 t, the sum by 1, so that 2 (x + y) reaches both x and y.  No node knows the
whole expression, and yet the product is the slope of the whole: the tangent of z, and what central differences measure.

    t = x + y      z = t²
    dz/dx = dz/dt dt/dx = 2 t · 1 = 2 (x + y)
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np

import madi.functions as F
from madi.graph import Variable, numerical_gradient, trace
from madi.graph import draw as drawing
from madi.lab.framework import style
from madi.lab.framework.experiment import Cost, Data
from madi.lab.framework.graphs import graphs
from madi.lab.framework.parameters import Number

ROWS = ("C2",)
COST = Cost(full=0.1, quick=0.1)


def compute(
    *,
    x: Annotated[float, Number(-100, 100, "the first input")] = 2.0,
    y: Annotated[float, Number(-100, 100, "the second input")] = 1.0,
    power: Annotated[int, Number(1, 5, "of the outer function")] = 2,
    reach: Annotated[float, Number(0.1, 100, "how far the curve goes to either side of x")] = 3.0,
) -> Data:
    """z, its slopes three ways (the graph's, the product of the nodes', measured), and z along x."""
    leaves: dict[str, Any] = {"x": Variable(x, name="x"), "y": Variable(y, name="y")}
    z = composed(**leaves, power=power)
    z.backward()
    measured = numerical_gradient(lambda x, y: composed(x=x, y=y, power=power), (x, y))
    return {
        "x": x,
        "y": y,
        "power": power,
        "nodes": [_node(step) for step in trace(z)],
        "z": float(z),
        "gradients": {name: float(leaf.grad) for name, leaf in leaves.items()},
        "measured": dict(zip(leaves, map(float, measured), strict=True)),
        "curve": curve(np.linspace(x - reach, x + reach, 201), y, power),
    }


def composed(*, x: Any, y: Any, power: int) -> Any:
    """z = (x + y)^power as a graph of two nodes."""
    t = F.add(x, y)
    t.name = "t"
    z = F.power(t, power)
    z.name = "z"
    return z


def curve(x: np.ndarray, y: float, power: int) -> dict[str, np.ndarray]:
    """z and dz/dx at many x at once."""
    leaf = Variable(x)
    z = composed(x=leaf, y=y, power=power)
    z.backward(np.ones_like(x))
    return {"x": x, "z": z.value, "slope": leaf.grad}


def _node(step: Any) -> dict[str, Any]:
    return {
        "kind": step.kind,
        "value": float(step.value),
        "gradient": float(step.gradient),
        "local_derivatives": [None if slope is None else float(slope) for slope in step.local_derivatives],
    }


def claims(data: Data) -> dict[str, bool]:
    """What the slopes show."""
    outer, inner = data["nodes"][1]["local_derivatives"][0], data["nodes"][0]["local_derivatives"]
    gradients, measured = data["gradients"], data["measured"]
    products = [outer * slope for slope in inner]
    return {
        f"dz/dx = {outer:g} · {inner[0]:g} = {products[0]:g}, the product of the nodes' own slopes, and what backward "
        f"gives: {gradients['x']:g}.": bool(np.isclose(products[0], gradients["x"], rtol=1e-12)),
        f"The sum passes the same {gradients['x']:g} on to x and to y.": gradients["x"] == gradients["y"],
        f"Central differences measure {measured['x']:.8g} and {measured['y']:.8g}.": bool(
            np.allclose(list(gradients.values()), list(measured.values()), rtol=1e-7, atol=1e-7)
        ),
    }


def draw(data: Data) -> Any:
    """The graph; and below it z along x, with the tangent whose slope the graph gives."""
    leaves = {name: Variable(data[name], name=name) for name in ("x", "y")}
    title = f"$z = (x + y)^{data['power']}$ at x = {data['x']:g}, y = {data['y']:g}"
    figure, below = graphs({title: drawing(composed(**leaves, power=data["power"]))}, below=2.6)
    panels = below.subplots(1, 2)
    line, at, slope = data["curve"], data["x"], data["gradients"]["x"]
    panels[0].plot(line["x"], line["z"])
    panels[0].plot(line["x"], data["z"] + slope * (line["x"] - at), color=style.ORANGE, linewidth=1.2)
    panels[1].plot(line["x"], line["slope"], color=style.ORANGE)
    points = ((data["z"], f"slope {slope:.4g}", "z"), (slope, f"{slope:.4g}", "dz/dx"))
    for axes, (height, text, name) in zip(panels, points, strict=True):
        axes.plot(at, height, "o", color=style.INK)
        axes.annotate(text, (at, height), (-9, 5), textcoords="offset points", ha="right", color=style.ORANGE)
        axes.set(xlabel="x", ylabel=name)
    return figure
