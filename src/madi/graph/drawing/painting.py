"""A scene painted into matplotlib's axes: the very marks of the SVG."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from madi.graph.drawing.scene import HEAD, Box, Curve, Head, Mark, Scene, Text, curve_controls

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.path import Path as Outline

QUARTER = 0.5523  # how far, in radii, the control points of a quarter circle stand from its ends
FONTS = ("DejaVu Sans", "Noto Sans CJK KR", "NanumGothic", "Malgun Gothic", "Apple SD Gothic Neo")


def paint(scene: Scene, axes: Axes, *, scale: float) -> None:
    """The marks of the scene in axes of scale x (width, height) points, whose limits become the scene's."""
    axes.set(xlim=(0, scene.width), ylim=(scene.height, 0))
    axes.axis("off")
    fonts = _fonts()
    for item in scene.items:
        for mark in item.marks:
            _add(axes, mark, fonts, scale)


def _fonts() -> list[str]:
    from matplotlib.font_manager import fontManager

    known = {font.name for font in fontManager.ttflist}
    return [name for name in FONTS if name in known]


def _add(axes: Axes, mark: Mark, fonts: list[str], scale: float) -> None:
    if isinstance(mark, Text):
        _add_text(axes, mark, fonts, scale)
    elif isinstance(mark, Box):
        _add_box(axes, mark, scale)
    elif isinstance(mark, Curve):
        _add_curve(axes, mark, scale)
    else:
        _add_head(axes, mark)


def _add_text(axes: Axes, text: Text, fonts: list[str], scale: float) -> None:
    axes.text(
        text.x,
        text.y + 0.36 * text.size,
        text.text,
        size=text.size * scale,
        color=text.colour,
        ha="left" if text.anchor == "start" else "center",
        va="baseline",
        family=fonts,
        weight="bold" if text.bold else "normal",
        parse_math=False,
        usetex=False,
    )


def _add_box(axes: Axes, box: Box, scale: float) -> None:
    from matplotlib.patches import PathPatch

    dashes = (0, (4.6, 3.1)) if box.dashed else "solid"
    axes.add_patch(PathPatch(_box_outline(box), facecolor=box.fill, edgecolor=box.stroke, lw=1.3 * scale, ls=dashes))


def _box_outline(box: Box) -> Outline:
    """A rectangle whose corners are quarters of a circle, each one cubic curve."""
    from matplotlib.path import Path as Outline

    radius, bend = box.radius, box.radius * QUARTER
    left, top, right, bottom = box.x, box.y, box.x + box.width, box.y + box.height
    corners = [(right, top, 0, 1), (right, bottom, -1, 0), (left, bottom, 0, -1), (left, top, 1, 0)]
    points: list[Any] = [(left + radius, top)]
    for x, y, dx, dy in corners:  # (dx, dy): the way on behind the corner, going clockwise; (dy, -dx) the way to it
        start, end = (x - dy * radius, y + dx * radius), (x + dx * radius, y + dy * radius)
        points += [start, (start[0] + dy * bend, start[1] - dx * bend), (end[0] - dx * bend, end[1] - dy * bend), end]
    codes = [Outline.MOVETO, *[Outline.LINETO, *[Outline.CURVE4] * 3] * 4, Outline.CLOSEPOLY]
    return Outline([*points, points[0]], codes)


def _add_head(axes: Axes, head: Head) -> None:
    from matplotlib.patches import Polygon

    x, y = head.tip
    back = x - head.direction * HEAD
    axes.add_patch(Polygon([(x, y), (back, y - 3.6), (back, y + 3.6)], closed=True, fc=head.colour, lw=0))


def _curve_path(curve: Curve) -> tuple[list[Any], list[int]]:
    from matplotlib.path import Path as Outline

    points: list[Any] = [curve.points[0]]
    codes = [int(Outline.MOVETO)]
    for first, second in pairwise(curve.points):
        controls = curve_controls(first, second, curve.lean)
        points += [second] if controls is None else [*controls, second]
        codes += [int(Outline.LINETO)] if controls is None else [int(Outline.CURVE4)] * 3
    return points, codes


def _add_curve(axes: Axes, curve: Curve, scale: float) -> None:
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path as Outline

    dashes = (0, (3.3, 2.0)) if curve.dashed else "solid"
    outline = Outline(*_curve_path(curve))
    axes.add_patch(PathPatch(outline, lw=1.5 * scale, ls=dashes, capstyle="butt", edgecolor=curve.colour, fill=False))
