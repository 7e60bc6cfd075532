"""A three-layer network, forward.

Two inputs, three and two hidden units, two outputs.  Each layer is one matrix product, a bias and an activation, and
its shapes say all: as many rows of W as inputs, as many columns as units.  The output layer keeps its numbers as they
are, as regression does.  In the notes' w¹₁₂ the upper index is the layer, the lower ones the unit it leads to and the
unit it comes from: from the second to the first.  In W, whose rows are the inputs, that is W[1, 0].

    A1 = X W1 + b1      (2,) (2, 3) + (3,) → (3,)      Z1 = σ(A1)
    A2 = Z1 W2 + b2     (3,) (3, 2) + (2,) → (2,)      Z2 = σ(A2)
    Y  = Z2 W3 + b3     (2,) (2, 2) + (2,) → (2,)
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np

import madi.functions as F
from madi.graph import Variable, trace
from madi.kernels.arrays import silent_products
from madi.lab.framework import style
from madi.lab.framework.experiment import Cost, Data
from madi.lab.framework.parameters import Choice, Number
from madi.models import mlp

ROWS = ("A5",)
COST = Cost(full=0.1, quick=0.1)

SIZES = (2, 3, 2, 2)


def compute(
    *,
    x: Annotated[tuple[float, ...], Number(-100, 100, "the two inputs", length=2)] = (1.0, 0.5),
    w1: Annotated[tuple[float, ...], Number(-10, 10, "2 x 3, row by row", length=6)] = (0.1, 0.3, 0.5, 0.2, 0.4, 0.6),
    b1: Annotated[tuple[float, ...], Number(-10, 10, "biases", length=3)] = (0.1, 0.2, 0.3),
    w2: Annotated[tuple[float, ...], Number(-10, 10, "3 x 2, row by row", length=6)] = (0.1, 0.4, 0.2, 0.5, 0.3, 0.6),
    b2: Annotated[tuple[float, ...], Number(-10, 10, "biases", length=2)] = (0.1, 0.2),
    w3: Annotated[tuple[float, ...], Number(-10, 10, "2 x 2, row by row", length=4)] = (0.1, 0.3, 0.2, 0.4),
    b3: Annotated[tuple[float, ...], Number(-10, 10, "biases", length=2)] = (0.1, 0.2),
    activation: Annotated[str, Choice(("sigmoid", "tanh", "relu"), "of the hidden layers")] = "sigmoid",
) -> Data:
    """Each layer's weights, shapes, sums A and outputs Z; and how A1's first unit follows the second input."""
    model = mlp(SIZES[1:-1], SIZES[-1], activation=activation, flatten=False).build(SIZES[:1])
    given = (w1, b1, w2, b2, w3, b3)
    for parameter, values in zip(model.parameters().values(), given, strict=True):
        parameter.value = np.reshape(values, parameter.shape)
    steps = trace(model(np.array(x)))
    products = [step for step in steps if step.kind == "Affine"]
    followed = [step.value for step in steps if step.kind != "Affine"]
    return {
        "x": np.array(x),
        "activation": activation,
        "layers": [_layer(step, output) for step, output in zip(products, [*followed, None], strict=True)],
        "slope": second_to_first(x, products[0].inputs[1].value),
    }


def second_to_first(x: tuple[float, ...], weight: np.ndarray) -> float:
    """d(first unit's sum) / d(second input)."""
    leaf: Any = Variable(np.array(x))
    F.affine(leaf, weight).backward(np.eye(weight.shape[1])[0])
    return float(leaf.grad[1])


def _layer(step: Any, output: Any) -> dict[str, Any]:
    """One matrix product, and what the activation makes of it; the output layer has none."""
    inputs, weight, bias = (entry.value for entry in step.inputs)
    shapes = [inputs.shape, weight.shape, bias.shape, step.value.shape]
    return {"weight": weight, "bias": bias, "a": step.value, "z": output, "shapes": shapes}


@silent_products
def claims(data: Data) -> dict[str, bool]:
    """What the layers show."""
    layers, weight = data["layers"], data["layers"][0]["weight"]
    told = [f"{x} {w} + {b} → {a}" for x, w, b, a in (layer["shapes"] for layer in layers)]
    fits = all(x[-1] == w[0] and a[-1] == w[1] == b[0] for x, w, b, a in (layer["shapes"] for layer in layers))
    outputs = [layer["a" if layer["z"] is None else "z"] for layer in layers]
    sums = [x @ layer["weight"] + layer["bias"] for x, layer in zip([data["x"], *outputs], layers, strict=False)]
    return {
        f"The network gives {_told(layers[-1]['a'])} for {_told(data['x'])}: X W + b, layer after layer.": all(
            np.allclose(sum_, layer["a"], rtol=1e-12) for sum_, layer in zip(sums, layers, strict=True)
        ),
        f"Each shape fits the next: {'; '.join(told)}.": fits,
        f"The first unit rises by {data['slope']:g} for 1 of the second input: W1[1, 0] = {weight[1, 0]:g}.": bool(
            data["slope"] == weight[1, 0]
        ),
    }


def _told(numbers: np.ndarray) -> str:
    return f"({', '.join(f'{number:.4g}' for number in numbers)})"


def draw(data: Data) -> Any:
    """The network: units with their sums and outputs, and the weight on every edge."""
    figure, axes = style.subplots(height=3.7)
    columns = [data["x"], *(layer["a"] for layer in data["layers"])]
    places = [_places(column, len(values)) for column, values in enumerate(columns)]
    for index, layer in enumerate(data["layers"]):
        _edges(axes, places[index], places[index + 1], layer["weight"], first=index == 0)
    for column, values in enumerate(columns):
        layer = data["layers"][column - 1] if column else None
        _units(axes, places[column], values, layer["z"] if layer else None)
        _caption(axes, column, layer, data["activation"])
    axes.set(xlim=(-0.8, 10), ylim=(-0.9, 4.5), aspect="equal")
    axes.axis("off")
    return figure


def _places(column: int, count: int) -> list[tuple[float, float]]:
    return [(3.0 * column, 2.2 + 1.6 * ((count - 1) / 2 - row)) for row in range(count)]


def _edges(axes: Any, sources: list[Any], targets: list[Any], weight: np.ndarray, *, first: bool) -> None:
    """Lines from each unit to each, with their weights; w¹₁₂ stands out."""
    for (i, j), value in np.ndenumerate(weight):
        ends = np.array([sources[i], targets[j]])
        lit = first and (i, j) == (1, 0)
        colour, share = (style.ORANGE, 0.62) if lit else (style.INK, 0.3)
        axes.plot(*ends.T, color=colour if lit else style.GREY, linewidth=1.6 if lit else 0.8, zorder=1)
        text = f"$w^1_{{12}}$ = {value:g}" if lit else f"{value:g}"
        axes.text(*(ends[0] + share * (ends[1] - ends[0])), text, size=8, color=colour, ha="center", va="center",
                  bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8})  # fmt: skip


def _units(axes: Any, places: list[Any], sums: np.ndarray, outputs: Any) -> None:
    """Circles; in each the sum above the output, or its one number."""
    written = {"size": 8.5, "ha": "center", "va": "center_baseline", "zorder": 3}
    for index, (x, y) in enumerate(places):
        axes.plot(x, y, "o", markersize=39, markerfacecolor="white", markeredgecolor=style.BLUE, zorder=2)
        rise = 0 if outputs is None else 0.15
        axes.text(x, y + rise, f"{sums[index]:.4g}", **written)
        if outputs is not None:
            axes.text(x, y - rise, f"{outputs[index]:.4f}", color=style.BLUE, **written)


def _caption(axes: Any, column: int, layer: Any, activation: str) -> None:
    """What stands below a column of units."""
    name = f"A{column}" if layer is None or layer["z"] is not None else "Y"
    source = "X" if column == 1 else f"Z{column - 1}"
    text = "X\n(2,)"
    if layer is not None:
        x, w, b, a = layer["shapes"]
        text = f"{name} = {source} W{column} + b{column}\n{x} {w} + {b} → {a}"
    axes.text(3 * column, 0, text, ha="center", va="top", linespacing=1.4)
    if name != "Y" and layer is not None:
        axes.text(3 * column, -0.62, f"Z{column} = {activation}(A{column})", color=style.BLUE, ha="center", va="top")
