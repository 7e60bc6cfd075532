"""What initial weights do to the activations of five layers.

Random inputs go through five layers whose weights have just been drawn; each panel shows how the outputs of its five
layers are spread.  With a deviation of 1 a sigmoid or tanh sits at its ends, where its slope is 0, and nothing can be
learned through it; with 0.01 all units of a sigmoid say 0.5, as if there were one.  Xavier's deviation keeps a spread
through sigmoid and tanh.  ReLU lets half of the signal through, so its outputs fade with Xavier's and keep their size
with He's.

    xₗ = h(xₗ₋₁ Wₗ)        W ~ N(0, std²)       Xavier  std = 1 / √n       He  std = √(2 / n)       n inputs of a unit
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np

from madi.initializers import He, Initializer, Normal, Xavier
from madi.lab.framework import style
from madi.lab.framework.experiment import Cost, Data
from madi.lab.framework.parameters import Number, Seed
from madi.layers import ACTIVATIONS, Dense, Sequential

ROWS = ("D4",)
COST = Cost(full=0.2, quick=0.2)

BINS = 40
BOUNDED = {"sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0)}


def compute(
    *,
    large: Annotated[float, Number(0, 10, "the first deviation of the weights")] = 1.0,
    small: Annotated[float, Number(0, 10, "the second")] = 0.01,
    layers: Annotated[int, Number(2, 10, "one after the other")] = 5,
    units: Annotated[int, Number(2, 500, "of each layer, and numbers of an input")] = 100,
    examples: Annotated[int, Number(10, 10_000, "random inputs")] = 1000,
    seed: Seed = 0,
) -> Data:
    """For each activation and each start: how the outputs of each layer are spread."""
    x = np.random.default_rng(seed).standard_normal((examples, units)).astype(np.float32)
    starts = {f"std {large:g}": Normal(large), f"std {small:g}": Normal(small), "Xavier": Xavier(fan="in"), "He": He()}
    return {
        activation: {
            name: spread(outputs(x, activation, start, layers, seed), BOUNDED.get(activation))
            for name, start in starts.items()
        }
        for activation in ("sigmoid", "tanh", "relu")
    }


def outputs(x: np.ndarray, activation: str, start: Initializer, layers: int, seed: int) -> list[np.ndarray]:
    """What each layer's activation gives, (examples, units) each."""
    units = x.shape[1]
    pairs = [(Dense(units, initializer=start), ACTIVATIONS[activation]()) for _ in range(layers)]
    Sequential(*(layer for pair in pairs for layer in pair)).build((units,), seed=seed)
    found = []
    for dense, node in pairs:
        x = node(dense(x)).value
        found.append(x)
    return found


def spread(found: list[np.ndarray], ends: tuple[float, float] | None) -> Data:
    """Mean, deviation, root mean square and histogram of each layer's outputs, and the share next to either end.

    The histograms go from end to end.  ReLU has none: its histograms go from 0 to three times the largest root mean
    square, and leave out the zeros, which are about half of its outputs.
    """
    sizes = np.sqrt([np.mean(np.square(x, dtype=np.float64)) for x in found])
    low, high = ends or (0.0, 3 * float(sizes.max()) or 1.0)
    margin = 0.1 * (high - low)
    return {
        "mean": np.array([x.mean() for x in found]),
        "deviation": np.array([x.std() for x in found]),
        "root mean square": sizes,
        "at the ends": np.array([np.mean((x < low + margin) | (x > high - margin)) for x in found]),
        "edges": np.linspace(low, high, BINS + 1),
        "histograms": np.array([np.histogram(x[(x != 0) | bool(ends)], BINS, (low, high))[0] for x in found]),
    }


def claims(data: Data) -> dict[str, bool]:
    """What each start does to the last layer's outputs."""
    sigmoid, tanh, relu = data["sigmoid"], data["tanh"], data["relu"]
    large, small, *_ = sigmoid
    ends, middle = sigmoid[large]["at the ends"][-1], sigmoid[small]
    kept = {name: float(relu[name]["root mean square"][-1] / relu[name]["root mean square"][0]) for name in relu}
    wide = {name: float(found["Xavier"]["deviation"][-1]) for name, found in (("sigmoid", sigmoid), ("tanh", tanh))}
    flat = middle["deviation"][-1]
    return {
        f"Weights of {large} pile sigmoids up at 0 and 1: {ends:.0%} of the last are within 0.1 of them.": bool(
            ends > 0.6
        ),
        f"Those of {small} collapse them at {middle['mean'][-1]:.2f}, to a deviation of {flat:.3f}.": bool(
            abs(middle["mean"][-1] - 0.5) < 0.02 and flat < 0.02
        ),
        f"Xavier keeps a spread: a deviation of {wide['sigmoid']:.2f} of sigmoids, {wide['tanh']:.2f} of tanhs.": (
            wide["sigmoid"] > 0.05 and wide["tanh"] > 0.3
        ),
        f"He keeps the size of ReLU's outputs: the last layer's is {kept['He']:.2f} of the first's.": (
            0.7 < kept["He"] < 1.3
        ),
        f"With ReLU {small} leaves {kept[small]:.1e} of it, and Xavier {kept['Xavier']:.2f}.": (
            kept[small] < 1e-4 and kept["Xavier"] < 0.7 * kept["He"]
        ),
    }


def draw(data: Data) -> Any:
    """A panel for each start and activation, with a histogram on its side for each layer."""
    starts = list(data["sigmoid"])
    figure, axes = style.subplots(len(starts), len(data), height=1.45, sharex=True)
    for column, (activation, found) in enumerate(data.items()):
        for row, name in enumerate(starts):
            draw_histograms(axes[row, column], found[name], style.COLOURS[column])
        axes[0, column].set_title({"relu": "ReLU, where above 0"}.get(activation, activation))
        axes[-1, column].set_xlabel("layer")
    for row, name in enumerate(starts):
        axes[row, 0].set_ylabel(name)
    return figure


def draw_histograms(axis: Any, found: Data, colour: str) -> None:
    """The outputs of each layer upwards, their frequency sideways, the largest of each layer as wide as the others'."""
    edges = found["edges"]
    for layer, counts in enumerate(found["histograms"], start=1):
        widths = 0.42 * np.append(counts, counts[-1]) / max(counts.max(), 1)
        axis.fill_betweenx(edges, layer - widths, layer + widths, step="post", color=colour, linewidth=0)
    axis.set(xticks=range(1, len(found["histograms"]) + 1), ylim=edges[[0, -1]])
    axis.tick_params(axis="x", length=0)
    axis.locator_params(axis="y", nbins=3)
