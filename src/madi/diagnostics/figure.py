"""The figure of statistics by layer: activations, gradients, dead and saturated units, sizes of updates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from madi.errors import DataError
from madi.training.curves import INK, bare, shown_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from madi.diagnostics.statistics import LayerRow

SIZE = (10.4, 6.6)  # inches
MARGINS = {"left": 0.06, "right": 0.89, "top": 0.95, "bottom": 0.08, "wspace": 0.38, "hspace": 0.25}
WIDE = 30.0  # what spans this factor is drawn on a logarithmic axis
MOST_NAMES = 6  # of layers beside a panel
GAP = 0.075  # of the panel's height, between two names
FIRST, LAST = 0.0, 0.82  # of the colour map: its end is too light to read

Curve = tuple[str, np.ndarray, Any]  # a layer's name, (epoch, value), and its colour
Chosen = Callable[["LayerRow"], float | None]


def figure(rows: Sequence[LayerRow]) -> Figure:
    """Four panels over the epochs, a line for each layer, from dark (the first) to light (the last).

    Activations are those of the layers with an activation function, and of the last one; gradients and updates those of
    the layers with weights.
    Raises DataError where there are no rows.
    """
    if not rows:
        raise DataError("statistics: nothing to plot, no layer was looked at. Pass them to fit(callbacks=[...]) first.")
    last = rows[-1].layer
    made = shown_figure()(figsize=SIZE)
    made.subplots_adjust(**MARGINS)
    panels: list[tuple[str, Chosen]] = [
        ("activations: standard deviation", lambda row: row.deviation if _is_shown(row, last) else None),
        ("gradients: norm of dL/d(output)", lambda row: row.gradient_norm if row.weight_norm is not None else None),
        ("dead (ReLU) or saturated (sigmoid, tanh) units: share", _idle),
        ("updates: |change of weights| / |weights|", lambda row: row.update_ratio),
    ]  # fmt: skip
    for number, (title, chosen) in enumerate(panels, start=1):
        _panel(made.add_subplot(2, 2, number), title, _curves(rows, chosen), share=number == 3, below=number > 2)
    return made


def _idle(row: LayerRow) -> float | None:
    return row.saturated if row.dead is None else row.dead


def _is_shown(row: LayerRow, last: str) -> bool:
    """Whether what the layer puts out is an activation, or the output of the network."""
    return row.units is not None or row.kind == "Maxout" or row.layer == last


def _curves(rows: Sequence[LayerRow], chosen: Chosen) -> list[Curve]:
    from matplotlib import colormaps

    found: dict[tuple[str, str], list[tuple[int, float]]] = {}
    for row in rows:
        value = chosen(row)
        if value is not None:
            found.setdefault((row.layer, row.kind), []).append((row.epoch, value))
    shades = colormaps["viridis"](np.linspace(FIRST, LAST, len(found)))
    return [
        (f"{layer} {kind}", np.array(points, np.float64), shade)
        for ((layer, kind), points), shade in zip(found.items(), shades, strict=True)
    ]


def _panel(axes: Axes, title: str, curves: Sequence[Curve], *, share: bool, below: bool) -> None:
    marker = "o" if curves and max(len(points) for _, points, _ in curves) <= 25 else None
    axes.set_title(title, loc="left", color=INK, fontsize=10.5)
    bare(axes)
    axes.set_xlabel("epoch" if below else "", color=INK)
    if curves:
        _limit(axes, np.concatenate([points for _, points, _ in curves]), share=share)
        for _, points, shade in curves:
            shown = points[points[:, 1] > 0] if axes.get_yscale() == "log" else points
            axes.plot(*shown.T, color=shade, linewidth=1.6, marker=marker, markersize=3, clip_on=False)
        _name(axes, curves)
    else:
        axes.text(0.5, 0.5, "no such layer", color="#777777", ha="center", transform=axes.transAxes)
        axes.set_yticks([])


def _limit(axes: Axes, points: np.ndarray, *, share: bool) -> None:
    values = points[np.isfinite(points[:, 1]), 1]
    epochs = points[:, 0]
    axes.set_xlim(epochs.min(), max(epochs.max(), epochs.min() + 1))
    positive = values[values > 0]
    if share or not len(positive):
        axes.set_ylim(0, 1)
    elif positive.max() / positive.min() > WIDE:
        axes.set_yscale("log")
        axes.set_ylim(positive.min() / 1.5, positive.max() * 1.5)
    else:
        axes.set_ylim(0, 1.08 * positive.max())


def _name(axes: Axes, curves: Sequence[Curve]) -> None:
    """The layers' names at the ends of their lines, apart from each other; of many layers some."""
    count = min(len(curves), MOST_NAMES)
    chosen = [curves[round(place)] for place in np.linspace(0, len(curves) - 1, count)]
    ends = [axes.transData.transform((0.0, points[-1, 1]))[1] for _, points, _ in chosen]
    heights = [float(axes.transAxes.inverted().transform((0.0, end))[1]) for end in ends]
    heights = [min(max(height, 0.0), 1.0) if np.isfinite(height) else 0.0 for height in heights]
    for (name, _, shade), height in zip(chosen, apart(heights, GAP), strict=True):
        axes.text(1.02, height, name, color=shade, fontsize=8.5, va="center", transform=axes.transAxes)


def apart(heights: Sequence[float], gap: float) -> list[float]:
    """Heights from 0 to 1, each group of near ones spread around its middle so that none are nearer than the gap."""
    order = np.argsort(np.asarray(heights, np.float64), kind="stable")
    groups: list[tuple[float, int]] = []  # (middle, how many)
    for height in (heights[place] for place in order):
        groups.append((height, 1))
        while len(groups) > 1 and groups[-1][0] - groups[-2][0] < gap * (groups[-1][1] + groups[-2][1]) / 2:
            (upper, many), (lower, few) = groups.pop(), groups.pop()
            groups.append(((upper * many + lower * few) / (many + few), many + few))
        middle, count = groups[-1]
        half = gap * (count - 1) / 2
        groups[-1] = min(max(middle, half), max(1 - half, half)), count
    spread = [middle + gap * (number - (count - 1) / 2) for middle, count in groups for number in range(count)]
    return [spread[int(np.flatnonzero(order == place)[0])] for place in range(len(heights))]
