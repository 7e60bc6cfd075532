"""Perceptrons as logic gates.

A perceptron adds its inputs, each times a weight, and the bias, and answers 1 where the sum is above 0.  Weights and
bias alone make it AND, NAND or OR: they place one straight line, with the answers 1 on one side.  For XOR no line does
it: its 1s would need w2 + b > 0 and w1 + b > 0, its 0s b ≤ 0 and w1 + w2 + b ≤ 0; but the first two add up to
w1 + w2 + b > -b ≥ 0.  Two layers do: AND of NAND and OR.  Of all 16 gates of two inputs a perceptron makes 14.

    y = h(b + w1 x1 + w2 x2)        h(a) = 1 where a > 0, else 0
    XOR(x) = AND(NAND(x), OR(x))
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np

import madi.functions as F
from madi.lab.framework import style
from madi.lab.framework.bands import bands
from madi.lab.framework.experiment import Cost, Data
from madi.lab.framework.parameters import Number
from madi.models.gates import LAYERS

ROWS = ("A1",)
COST = Cost(full=0.1, quick=0.1)

PAIRS = np.array([[0, 0], [1, 0], [0, 1], [1, 1]], float)
WANTED = {"AND": [0, 0, 0, 1], "NAND": [1, 1, 1, 0], "OR": [0, 1, 1, 1], "XOR": [0, 1, 1, 0]}
EDGE = (-0.5, 1.5)  # of the plane that is drawn

Gate = Annotated[tuple[float, ...], Number(-10, 10, "w1, w2 and b", length=3)]


def compute(
    *,
    and_gate: Gate = (0.5, 0.5, -0.7),
    nand_gate: Gate = (-0.5, -0.5, 0.7),
    or_gate: Gate = (0.5, 0.5, -0.2),
    tried: Annotated[int, Number(2, 60, "values of each weight and the bias, from -1 to 1, in the search")] = 21,
) -> Data:
    """The truth table of each gate and its answers over the plane; and how often each table arises in the search."""
    weights = {"AND": and_gate, "NAND": nand_gate, "OR": or_gate}
    side = np.linspace(*EDGE, 81)
    plane = np.stack(np.meshgrid(side, side), axis=-1)
    return {
        "weights": weights,
        "tables": {name: answers(name, PAIRS, weights) for name in LAYERS},
        "planes": {name: answers(name, plane, weights) for name in LAYERS},
        "found": search(np.linspace(-1, 1, tried)),
    }


def answers(name: str, x: np.ndarray, weights: dict[str, tuple[float, ...]]) -> np.ndarray:
    """What a gate of one layer or more answers to inputs (..., 2): 0 or 1."""
    for names in LAYERS[name]:
        rows = np.array([weights[inner] for inner in names])
        x = F.step(F.affine(x, rows[:, :2].T, rows[:, 2])).value
    return x[..., 0]


def search(values: np.ndarray) -> dict[str, int]:
    """How many of all perceptrons with these weights and biases have each of the 16 truth tables ("0001": AND)."""
    w1, w2, b = (grid.ravel() for grid in np.meshgrid(values, values, values))
    outputs = F.step(F.affine(PAIRS, np.stack([w1, w2]), b)).value.astype(int)
    numbers, counts = np.unique(np.array([8, 4, 2, 1]) @ outputs, return_counts=True)
    found = dict(zip(numbers.tolist(), counts.tolist(), strict=True))
    return {f"{number:04b}": found.get(number, 0) for number in range(16)}


def claims(data: Data) -> dict[str, bool]:
    """What the gates show."""
    right = {name: data["tables"][name].tolist() == table for name, table in WANTED.items()}
    missing = [table for table, count in data["found"].items() if not count]
    total = sum(data["found"].values())
    return {
        "One perceptron each makes AND, NAND and OR.": right["AND"] and right["NAND"] and right["OR"],
        "Two layers of them make XOR.": right["XOR"],
        f"Of {total:,} perceptrons none is XOR (0110) or its opposite (1001); the other {16 - len(missing)} tables all "
        "arise.": missing == ["0110", "1001"],
    }


def draw(data: Data) -> Any:
    """The plane of each gate, and how often each truth table arose in the search."""
    figure, (planes, tables) = bands(2.4, 2.0)
    for panel, name in zip(planes.subplots(1, 4), LAYERS, strict=True):
        _plane(panel, name, data)
    _tables(tables.subplots(), data["found"])
    return figure


def _plane(axes: Any, name: str, data: Data) -> None:
    """Where the gate answers 1, its line or lines, and the four points."""
    side = np.linspace(*EDGE, data["planes"][name].shape[0])
    axes.contourf(side, side, data["planes"][name], levels=(0.5, 1.5), colors=style.SKY, alpha=0.3)
    for inner in LAYERS[name][0]:
        _line(axes, *data["weights"][inner])
    for (x1, x2), value in zip(PAIRS, data["tables"][name], strict=True):
        axes.plot(x1, x2, "o", markersize=15, color=style.BLUE if value else "white", mec=style.BLUE, clip_on=False)
        axes.text(x1, x2, f"{value:.0f}", ha="center", va="center_baseline", color="white" if value else style.BLUE)
    layers = "two layers" if len(LAYERS[name]) > 1 else "one layer"
    axes.set(title=f"{name}: {layers}", xlabel="$x_1$", aspect="equal", xlim=EDGE, ylim=EDGE)
    axes.set(xticks=(0, 1), yticks=(0, 1))
    axes.set_ylabel("$x_2$", rotation=0, va="center")


def _line(axes: Any, w1: float, w2: float, b: float) -> None:
    """Where w1 x1 + w2 x2 + b = 0."""
    side = np.array(EDGE)
    if w2:
        axes.plot(side, -(w1 * side + b) / w2, color=style.ORANGE)
    elif w1:
        axes.axvline(-b / w1, color=style.ORANGE)


def _tables(axes: Any, found: dict[str, int]) -> None:
    share = 100 * np.array(list(found.values())) / sum(found.values())
    bars = axes.bar(range(16), share, color=style.BLUE)
    axes.bar_label(bars, [f"{part:.0f}%" if part else "none" for part in share], fontsize=8)
    known = {"0110": "XOR", "0001": "AND", "1110": "NAND", "0111": "OR"}
    axes.set_xticks(range(16), [f"{table}\n{known.get(table, '')}" for table in found], fontsize=8)
    axes.set(ylabel="perceptrons", yticks=(), title=f"{np.count_nonzero(share)} of 16 truth tables")
    axes.spines["left"].set_visible(False)
