"""The figure of a search for the learning rate."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from madi.training.curves import INK, PANEL, STEP_COLOUR, TRAINING_COLOUR, VALIDATION_COLOUR, bare, shown_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from madi.training.rate_finder import RateSearch

SIZE = (1.35 * PANEL[0], 1.1 * PANEL[1])
FAINT_INK = "#777777"


def figure(search: RateSearch) -> Figure:
    """Loss against learning rate, on a logarithmic axis: by step thin and light, smoothed in blue.

    The orange line is the suggestion, the small grey mark the rate of the lowest loss.
    """
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    made = shown_figure()(figsize=SIZE, layout=ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.12))
    axes = made.add_subplot()
    axes.plot(search.rates, search.losses, color=STEP_COLOUR, linewidth=0.8, zorder=1)
    axes.plot(search.rates, search.smoothed, color=TRAINING_COLOUR, linewidth=1.8, zorder=2)
    axes.set_title("loss, as the learning rate grows", loc="left", color=INK, fontsize=11)
    bare(axes)
    axes.set_xscale("log")
    axes.set_xlim(search.rates[0], search.rates[-1])
    axes.set_xlabel("learning rate", color=INK)
    _set_limits(axes, search)
    _mark_lowest(axes, search)
    _mark_suggestion(axes, search)
    made.supxlabel("thin line: loss of each step", x=0.995, ha="right", fontsize=7.5, color=FAINT_INK)
    return made


def _set_limits(axes: Axes, search: RateSearch) -> None:
    """Show the fall of the loss, and the beginning of its rise."""
    low, start = float(search.smoothed.min()), float(search.smoothed[0])
    high = max(start, float(np.quantile(search.losses, 0.75)))
    margin = 0.15 * (high - low) or 0.05 * abs(high) or 0.05
    axes.set_ylim(0 if 0 <= low < 0.5 * high else low - margin, high + margin)


def _mark_lowest(axes: Axes, search: RateSearch) -> None:
    rate, loss = search.rates[search.lowest], search.smoothed[search.lowest]
    axes.plot([rate], [loss], "o", color=FAINT_INK, markersize=4, zorder=3)
    axes.annotate(
        f"lowest at {rate:.2g}", (rate, loss), xytext=(0, -13), textcoords="offset points", ha="center", fontsize=8,
        color=FAINT_INK, bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5},
    )  # fmt: skip


def _mark_suggestion(axes: Axes, search: RateSearch) -> None:
    rate = search.suggestion
    axes.axvline(rate, color=VALIDATION_COLOUR, linewidth=1.2, zorder=1)
    axes.annotate(
        f"suggestion {rate:.2g}", (rate, 0.97), xycoords=("data", "axes fraction"), xytext=(-5, 0),
        textcoords="offset points", ha="right", va="top", fontsize=9, color=VALIDATION_COLOUR,
    )  # fmt: skip
