"""Figures of computational graphs: several drawings one above the other, each with its title."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from madi.graph import Drawing
from madi.lab.framework.bands import bands
from madi.lab.framework.style import INK, WIDTH

TITLE = 22.0  # points above each drawing
LARGEST = 0.76  # scale at which the drawing's letters are as large as those of plots
POINTS = 72.0  # an inch


def graphs(titled: Mapping[str, Drawing], *, below: float = 0.0) -> Any:
    """A figure of drawings one above the other, all at one scale, and the part of the figure below them.

    The words that say which colour is what stand once, below the last drawing.

    below   height in inches of that part; a SubFigure to put plots into
    """
    *others, last = titled.values()
    drawings = [*(drawing.without_legend() for drawing in others), last]
    scale = min(LARGEST, WIDTH * POINTS / max(drawing.size[0] for drawing in drawings))
    heights = [TITLE + drawing.size[1] * scale for drawing in drawings]
    inches = sum(heights) / POINTS
    figure, (above, rest) = bands(inches, max(below, 1e-9), space=0)
    top = sum(heights)
    for title, drawing, height in zip(titled, drawings, heights, strict=True):
        _place(above, title, drawing, scale, top / sum(heights), sum(heights))
        top -= height
    return figure, rest


def _place(figure: Any, title: str, drawing: Drawing, scale: float, top: float, points: float) -> None:
    """One drawing and its title, below `top` (a fraction of the figure's height, `points` in all)."""
    width, height = (size * scale for size in drawing.size)
    bottom = top - (TITLE + height) / points
    axes = figure.add_axes((0, bottom, width / (WIDTH * POINTS), height / points))
    drawing.paint(axes, scale=scale)
    figure.text(0.02, top - TITLE / points, title, size=10.5, color=INK, va="bottom")
