"""A figure as PNG and as SVG, the same bytes each time: without dates, names from the content alone."""

from __future__ import annotations

import io
import re
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from madi.lab.framework.style import styled

RESOLUTION = 200  # pixels an inch
PLACES = 6  # decimals of a panel's place, a fraction of its figure
UNSAID = dict.fromkeys(("Date", "Creator", "Format", "Type"))


def settled(figure: Any) -> Any:
    """The figure with every panel where it will stay, the same for the same data.

    matplotlib's layout moves panels a little more each time a figure is drawn, and its solver's last bits differ.
    """
    if hasattr(figure, "savefig"):
        figure.draw_without_rendering()
        figure.draw_without_rendering()
        figure.set_layout_engine("none")
        _round_parts(figure)
        for axes in figure.axes:
            axes.set_position([round(size, PLACES) for size in axes.get_position(original=True).bounds])
    return figure


def png_of(figure: Any) -> bytes:
    """A figure of matplotlib, or a drawing of a graph, as PNG."""
    if hasattr(figure, "savefig"):
        return _saved(figure, format="png", dpi=RESOLUTION, metadata={"Software": None})
    with TemporaryDirectory() as folder:
        return figure.save(Path(folder) / "drawing.png").read_bytes()


def svg_of(figure: Any) -> str:
    """A figure of matplotlib, or a drawing of a graph, as SVG."""
    return _saved(figure, format="svg", metadata=UNSAID).decode() if hasattr(figure, "savefig") else figure.svg


def inline(svg: str, title: str) -> str:
    """An SVG as it stands within HTML: the element alone, of any width up to its own, with a title for who cannot see.

    title   escaped already
    """
    element = svg[svg.index("<svg") :]
    return re.sub(r"<svg ", f'<svg role="img" aria-label="{title}" ', element, count=1)


def _round_parts(figure: Any) -> None:
    """Round the places of a figure's SubFigures, and of those within them."""
    for part in figure.subfigs:
        part.bbox_relative.set_points(part.bbox_relative.get_points().round(PLACES))
        _round_parts(part)


def _saved(figure: Any, **options: Any) -> bytes:
    buffer = io.BytesIO()
    with styled():
        figure.savefig(buffer, **options)
    return buffer.getvalue()
