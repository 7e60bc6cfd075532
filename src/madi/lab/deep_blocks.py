"""A deep network as a chain of blocks.

Each layer is a block forward and a block backward.  The forward block makes z and a, and keeps in its cache what the
backward block will ask for; the backward block takes da, and gives dz, dW and db to the update and da of the layer
before to the next block.  The chain ends in da = -y/a + (1-y)/(1-a) at one end and in da[0] at the other, which is
thrown away: nobody updates the inputs.  Every gradient has the shape of its value.  So shapes are the first tool of
debugging: write them down, here with examples as rows, in the course's notes with examples as columns.

    forward    z[l] = a[l-1] W[l] + b[l]        a[l] = g(z[l])
    backward   dz[l] = da[l] g'(z[l])           da[l-1] = dz[l] W[l]ᵀ
               dW[l] = a[l-1]ᵀ dz[l] / m        db[l] = Σ dz[l] / m
    notes      Z[l] = W[l] A[l-1] + b[l]        dA[l-1] = W[l]ᵀ dZ[l]       dW[l] = dZ[l] A[l-1]ᵀ / m
"""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Any

import numpy as np

from madi.functions import affine, binary_cross_entropy, relu, sigmoid
from madi.graph import Trace, Variable, trace
from madi.graph.trace import Step
from madi.kernels.arrays import silent_products
from madi.lab.framework import style
from madi.lab.framework.experiment import Cost, Data
from madi.lab.framework.parameters import Number, Seed

ROWS = ("B11",)
COST = Cost(full=0.1, quick=0.1)


def compute(
    *,
    inputs: Annotated[int, Number(1, 1000, "features of an example, n[0]")] = 4,
    hidden: Annotated[tuple[int, ...], Number(1, 1000, "ReLU units of each hidden layer")] = (5, 3),
    examples: Annotated[int, Number(1, 10_000, "m")] = 10,
    seed: Seed = 0,
) -> Data:
    """Each layer's blocks with caches and shapes, and how far the two conventions and the equations are apart."""
    sizes = (inputs, *hidden, 1)
    x, y, weights = problem(sizes, examples, np.random.default_rng(seed))
    run = trace(cost(Variable(x, name="a[0]"), y, weights))
    unread = trace(cost(x, y, weights))
    return {
        "examples": examples,
        "sizes": list(sizes),
        "cost": float(run[-1].value),
        "blocks": [block(run, layer) for layer in range(1, len(sizes))],
        "apart": {
            "da at the end": apart({"da": examples * gradient(run[-1])}, {"da": end(run[-1].inputs[0].value, y)}),
            "notes": apart(gradients(run, examples), in_columns(x, y, weights)),
            "without da[0]": apart(updates(run), updates(unread)),
        },
        "da[0]": {
            "shape": list(gradient(run[0]).shape),
            "largest": float(np.abs(gradient(run[0])).max()),
            "computed when nobody asks": unread[0].inputs[0].gradient is not None,
        },
    }


def problem(sizes: tuple[int, ...], examples: int, random: np.random.Generator) -> tuple[Any, Any, list[np.ndarray]]:
    """Inputs (examples, inputs), labels (examples, 1) of 0 and 1, and first weights of He's deviation."""
    x = random.standard_normal((examples, sizes[0]))
    y = (random.random((examples, 1)) < 0.5).astype(float)
    return x, y, [random.standard_normal((n, k)) * np.sqrt(2 / n) for n, k in pairwise(sizes)]


def cost(x: Any, y: np.ndarray, weights: list[np.ndarray]) -> Variable:
    """The network's cost on x: ReLU layers, then one of a sigmoid; every variable bears the course's name."""
    a = x
    for layer, weight in enumerate(weights, start=1):
        z = affine(a, Variable(weight, f"W[{layer}]"), Variable(np.zeros(weight.shape[1]), f"b[{layer}]"))
        a = sigmoid(z) if layer == len(weights) else relu(z)
        z.name, a.name = f"z[{layer}]", f"a[{layer}]"
    return binary_cross_entropy(a, y)


def end(a: np.ndarray, y: np.ndarray) -> np.ndarray:
    """da of the last layer, as the course writes it."""
    return -y / a + (1 - y) / (1 - a)


def block(run: Trace, layer: int) -> Data:
    """One layer: what its nodes are, keep and hand on; shapes are those of this run."""
    product, activation = run[2 * layer - 2 : 2 * layer]
    before, weight, bias = product.inputs
    named = {
        f"a[{layer - 1}]": (before.value, before.gradient),
        f"W[{layer}]": (weight.value, weight.gradient),
        f"b[{layer}]": (bias.value, bias.gradient),
        product.name: (product.value, product.gradient),
        activation.name: (activation.value, activation.gradient),
    }
    return {
        "layer": layer,
        "nodes": [product.kind, activation.kind],
        "equations": {step.kind: [step.forward, step.backward] for step in (product, activation)},
        "cache": cached((product.node, activation.node), {name: value for name, (value, _) in named.items()}),
        "shapes": {name: list(value.shape) for name, (value, _) in named.items()},
        "shapes of gradients": {f"d{name}": list(gradient.shape) for name, (_, gradient) in named.items()},
    }


def cached(nodes: tuple[Any, ...], named: dict[str, np.ndarray]) -> list[str]:
    """The names of the arrays that these nodes hold on to: the very arrays, no copies."""
    kept = {id(held) for node in nodes for held in vars(node).values() if isinstance(held, np.ndarray)}
    return [name for name, value in named.items() if id(value) in kept]


def gradient(step: Step) -> np.ndarray:
    """The gradient that a node hands to its first input."""
    return np.asarray(step.inputs[0].gradient)


def updates(run: Trace) -> dict[str, np.ndarray]:
    """dJ/dW and dJ/db of every layer."""
    return {entry.name: np.asarray(entry.gradient) for step in run for entry in step.inputs if entry.name[0] in "Wb"}


def gradients(run: Trace, examples: int) -> dict[str, np.ndarray]:
    """All gradients of a run as the notes have them: examples as columns, and 1/m in dW and db alone."""
    found = {f"dz[{step.name[2:-1]}]": examples * step.gradient.T for step in run if step.name[0] == "z"}
    found |= {f"d{name}": np.atleast_2d(value).T for name, value in updates(run).items()}
    return found | {"da[0]": examples * gradient(run[0]).T}


@silent_products
def in_columns(x: np.ndarray, y: np.ndarray, weights: list[np.ndarray]) -> dict[str, np.ndarray]:
    """The gradients by the equations of the notes, examples as columns and W of shape (n[l], n[l-1])."""
    m, a = len(x), [x.T]
    for weight in weights[:-1]:
        a.append(np.maximum(weight.T @ a[-1], 0))
    a.append(1 / (1 + np.exp(-(weights[-1].T @ a[-1]))))
    found: dict[str, np.ndarray] = {}
    da = end(a[-1], y.T)
    for layer in range(len(weights), 0, -1):
        slope = a[layer] * (1 - a[layer]) if layer == len(weights) else (a[layer] > 0)
        dz = da * slope
        found |= {f"dz[{layer}]": dz, f"dW[{layer}]": dz @ a[layer - 1].T / m}
        found[f"db[{layer}]"] = dz.sum(axis=1, keepdims=True) / m
        da = weights[layer - 1] @ dz
    return found | {"da[0]": da}


def apart(first: dict[str, np.ndarray], second: dict[str, np.ndarray]) -> float:
    """The largest difference between arrays of the same names; infinite where the shapes differ."""
    if first.keys() != second.keys() or any(first[name].shape != second[name].shape for name in first):
        return float("inf")
    return float(max(np.abs(first[name] - second[name]).max() for name in first))


def claims(data: Data) -> dict[str, bool]:
    """What the chain shows."""
    gap, first = data["apart"], data["da[0]"]
    blocks = data["blocks"]
    alike = all(
        shape == part["shapes of gradients"][f"d{name}"] for part in blocks for name, shape in part["shapes"].items()
    )
    kept = ", ".join(blocks[0]["cache"])
    return {
        f"Every gradient has the shape of its value: all {5 * len(blocks)} of them.": alike,
        f"m times the gradient at a[{len(blocks)}] is -y/a + (1-y)/(1-a), to {gap['da at the end']:.0e}.": gap[
            "da at the end"
        ]
        < 1e-10,
        f"With examples as columns the notes' equations give the same numbers, transposed: at most {gap['notes']:.0e} "
        "apart.": gap["notes"] < 1e-10,
        f"The cache of the first block holds {kept}: of b and z nothing is asked for on the way back.": blocks[0][
            "cache"
        ]
        == ["a[0]", "W[1]", "a[1]"],
        f"da[0], {first['shape'][0]} x {first['shape'][1]} numbers, serves no update: without it dW and db are the "
        "same to the last bit.": gap["without da[0]"] == 0
        and first["largest"] > 0
        and not first["computed when nobody asks"],
    }


def draw(data: Data) -> Any:
    """The chain of blocks there and back, and below it every shape in both conventions."""
    figure, (chain, table) = style.subplots(2, 1, height=2.6, gridspec_kw={"height_ratios": (1.9, 1)})
    draw_chain(chain, data)
    draw_shapes(table, data)
    return figure


FORWARD, BACKWARD = 1.0, -1.0  # heights of the two rows of blocks
WIDE, HIGH = 0.62, 0.56  # of a block; from one to the next is 1


def draw_chain(axes: Any, data: Data) -> None:
    """Blocks from left to right and back, the caches between them."""
    last = len(data["blocks"])
    for place, part in enumerate(data["blocks"], start=1):
        draw_block(axes, place, part)
    for place in range(last + 1):
        arrow(axes, (place + WIDE / 2, FORWARD), (place + 1 - WIDE / 2, FORWARD), f"a[{place}]", style.BLUE)
        thrown = place == 0
        arrow(axes, (place + 1 - WIDE / 2, BACKWARD), (place + WIDE / 2, BACKWARD), f"da[{place}]",
              style.GREY if thrown else style.ORANGE, dashed=thrown)  # fmt: skip
    box(axes, last + 1, FORWARD, f"cost\n{data['cost']:.3f}", style.BLUE)
    box(axes, last + 1, BACKWARD, "−y/a +\n(1−y)/(1−a)", style.ORANGE, size=7.5)
    arrow(axes, (last + 1, FORWARD - HIGH / 2), (last + 1, BACKWARD + HIGH / 2), "", style.GREY)
    axes.text(0.2, FORWARD, "x", ha="center", va="center")
    axes.text(0.5, BACKWARD - 0.1, "thrown\naway", ha="center", va="top", color=style.GREY, fontsize=8)
    axes.set(xlim=(-0.05, last + 1.4), ylim=(-2.05, 2.05))
    axes.axis("off")


def draw_block(axes: Any, place: int, part: Data) -> None:
    """One layer: forward above, backward below, the cache between, parameters in and their gradients out."""
    layer = part["layer"]
    box(axes, place, FORWARD, "affine\n" + part["nodes"][1], style.BLUE)
    box(axes, place, BACKWARD, "affine,\n" + part["nodes"][1] + "\nbackward", style.ORANGE, size=8)
    arrow(axes, (place, FORWARD - HIGH / 2), (place, BACKWARD + HIGH / 2), "", style.GREY)
    axes.text(place, 0, "keeps\n" + ", ".join(part["cache"]), ha="center", va="center", fontsize=7.5,
              bbox={"facecolor": "white", "edgecolor": "none", "pad": 1})  # fmt: skip
    arrow(axes, (place, FORWARD + 0.78), (place, FORWARD + HIGH / 2), "", style.BLUE)
    axes.text(place, FORWARD + 0.8, f"W[{layer}], b[{layer}]", ha="center", va="bottom", fontsize=8.5)
    arrow(axes, (place, BACKWARD - HIGH / 2), (place, BACKWARD - 0.78), "", style.ORANGE)
    axes.text(place, BACKWARD - 0.82, f"dW[{layer}], db[{layer}]", ha="center", va="top", fontsize=8.5)


def box(axes: Any, x: float, y: float, text: str, colour: str, size: float = 8.5) -> None:
    """A block around its text."""
    from matplotlib.patches import FancyBboxPatch

    corner = (x - WIDE / 2, y - HIGH / 2)
    axes.add_patch(
        FancyBboxPatch(
            corner, WIDE, HIGH, boxstyle="round,pad=0,rounding_size=0.06", facecolor="white", edgecolor=colour
        )
    )
    axes.text(x, y, text, ha="center", va="center", fontsize=size, linespacing=1.1)


def arrow(
    axes: Any, start: tuple[float, float], end: tuple[float, float], text: str, colour: str, *, dashed: bool = False
) -> None:
    """An arrow with its text above."""
    line = {"arrowstyle": "-|>", "color": colour, "linewidth": 1.2, "linestyle": "--" if dashed else "-",
            "shrinkA": 1, "shrinkB": 1}  # fmt: skip
    axes.annotate("", end, start, arrowprops=line)
    axes.text((start[0] + end[0]) / 2, start[1] + 0.08, text, ha="center", va="bottom", fontsize=8.5)


def draw_shapes(axes: Any, data: Data) -> None:
    """A row for each layer: the shapes here, and in the notes."""
    head = ("layer", "W, dW", "b, db", "z, a, dz, da", "W, dW", "b, db", "Z, A, dZ, dA")
    places = (0.03, 0.17, 0.31, 0.46, 0.64, 0.79, 0.93)
    lines = [head, *(shape_row(part) for part in data["blocks"])]
    step = 1 / (len(lines) + 1)
    axes.text(0.31, 1 - step / 2, "examples as rows (here)", ha="center", va="center", color=style.BLUE)
    axes.text(0.79, 1 - step / 2, "examples as columns (notes)", ha="center", va="center", color=style.PURPLE)
    for number, line in enumerate(lines, start=1):
        for place, text in zip(places, line, strict=True):
            colour = style.GREY if number == 1 else style.INK
            axes.text(place, 1 - (number + 0.5) * step, text, ha="center", va="center", color=colour)
    axes.axvline(0.55, color=style.FAINT)
    axes.set(xlim=(0, 1), ylim=(0, 1))
    axes.axis("off")


def shape_row(part: Data) -> tuple[str, ...]:
    """The shapes of one layer as text: W, b, z here; W, b, Z in the notes."""
    weight, bias, z = list(part["shapes"].values())[1:4]
    here = [tuple(weight), tuple(bias), tuple(z)]
    notes = [tuple(weight[::-1]), (bias[0], 1), tuple(z[::-1])]
    return (str(part["layer"]), *(str(shape) for shape in (*here, *notes)))
