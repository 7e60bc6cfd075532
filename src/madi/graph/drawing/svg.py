"""A scene as SVG text: no style sheet and no script, so that it can stand in any page."""

from __future__ import annotations

from html import escape
from itertools import pairwise
from zlib import crc32

from madi.graph.drawing.scene import HEAD, Box, Curve, Head, Item, Mark, Scene, Text, curve_controls

FONT = "'DejaVu Sans', Verdana, 'Noto Sans CJK KR', 'Malgun Gothic', sans-serif"


def svg_text(scene: Scene) -> str:
    """The whole document, with a title and a description for those who cannot see it."""
    body = "\n".join(_item(item) for item in scene.items)
    name = f"madi-{crc32(body.encode()):08x}"
    width, height = _number(scene.width), _number(scene.height)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'role="img" aria-labelledby="{name}-title {name}-desc" font-family="{FONT}">\n'
        f'<title id="{name}-title">Computational graph</title>\n'
        f'<desc id="{name}-desc">{_escaped(scene.summary)}</desc>\n{body}\n</svg>\n'
    )


def _item(item: Item) -> str:
    step = "" if item.step is None else f' data-step="{item.step}"'
    tip = f"<title>{_escaped(item.tip)}</title>" if item.tip else ""
    return f'<g class="madi-{item.kind}"{step}{_ends(item)}>{tip}{"".join(_mark(mark) for mark in item.marks)}</g>'


def _ends(item: Item) -> str:
    """Of an edge the steps at its ends, so that a page can follow a run along it."""
    if item.readers is None:
        return ""
    made_by = "" if item.made_by is None else item.made_by
    return f' data-from="{made_by}" data-to="{" ".join(map(str, item.readers))}"'


def _mark(mark: Mark) -> str:
    if isinstance(mark, Box):
        return _box(mark)
    if isinstance(mark, Curve):
        return _curve(mark)
    return _head(mark) if isinstance(mark, Head) else _text(mark)


def _box(box: Box) -> str:
    dash = ' stroke-dasharray="6 4"' if box.dashed else ""
    return (
        f'<rect x="{_number(box.x)}" y="{_number(box.y)}" width="{_number(box.width)}" height="{_number(box.height)}" '
        f'rx="{_number(box.radius)}" fill="{box.fill}" stroke="{box.stroke}" stroke-width="1.3"{dash}/>'
    )


def _curve(curve: Curve) -> str:
    parts = [f"M{_point(*curve.points[0])}"]
    for first, second in pairwise(curve.points):
        controls = curve_controls(first, second, curve.lean)
        bend = "L" if controls is None else f"C{_point(*controls[0])} {_point(*controls[1])} "
        parts.append(f"{bend}{_point(*second)}")
    dash = ' stroke-dasharray="5 3"' if curve.dashed else ""
    return f'<path d="{"".join(parts)}" fill="none" stroke="{curve.colour}" stroke-width="1.5"{dash}/>'


def _head(head: Head) -> str:
    x, y = head.tip
    back = x - head.direction * HEAD
    corners = " ".join(_point(*corner) for corner in ((x, y), (back, y - 3.6), (back, y + 3.6)))
    return f'<polygon points="{corners}" fill="{head.colour}"/>'


def _text(text: Text) -> str:
    anchor = "" if text.anchor == "start" else ' text-anchor="middle"'
    weight = ' font-weight="bold"' if text.bold else ""
    baseline = text.y + 0.36 * text.size  # the middle of digits and capitals; dominant-baseline is not known everywhere
    return (
        f'<text x="{_number(text.x)}" y="{_number(baseline)}" font-size="{_number(text.size)}" fill="{text.colour}"'
        f'{anchor}{weight} xml:space="preserve">{_escaped(text.text)}</text>'
    )


def _escaped(text: str) -> str:
    """Text without markup, and without the characters that XML does not allow."""
    return escape("".join(character if character.isprintable() or character == "\n" else " " for character in text))


def _point(x: float, y: float) -> str:
    return f"{_number(x)},{_number(y)}"


def _number(value: float) -> str:
    return f"{round(value, 1):g}" if abs(value) < 1e5 else f"{value:.1f}"
