"""The primitives of a drawing, back to front: boxes, curves, arrowheads, texts; svg.py and png.py write them down."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from math import sqrt
from typing import Literal

from madi.graph.drawing.picture import Picture, Shape
from madi.graph.drawing.placing import PORT_GAP, Layout, spread
from madi.graph.drawing.ranking import Route, Slot
from madi.graph.drawing.rows import STUB
from madi.graph.drawing.sizes import (
    FRAME_PADDING,
    LABEL_GAP,
    LABEL_LINE,
    LABEL_SIZE,
    NAME_LINE,
    NAME_SIZE,
    SYMBOL_SIZE,
    is_circle,
)
from madi.graph.drawing.text import text_width

# Each can be read on white and on black: blue and vermilion of Okabe and Ito, told apart by the colour-blind, and grey.
VALUE_COLOUR = "#1B7FC4"
GRADIENT_COLOUR = "#D55E00"
GREY = "#7A8691"
FILLS = {  # fill, outline, text
    "operation": ("#2F4858", "#7A8691", "#FFFFFF"),
    "value": ("#EAF3FB", "#1B7FC4", "#17324D"),
    "parameter": ("#FFF3D1", "#B98900", "#4A3900"),
    "constant": ("#F1F3F5", "#7A8691", "#37424D"),
    "output": ("#FFFFFF", "#7A8691", "#17324D"),
    "cut": ("#F1F3F5", "#7A8691", "#37424D"),
    "branch": ("#7A8691", "#7A8691", "#7A8691"),
}
APART = 3.0  # forward and backward line on either side of an edge's middle
HEAD = 8.0  # length of an arrowhead

Point = tuple[float, float]


@dataclass
class Box:
    """A rectangle with rounded corners, or a circle; dashed where it frames a block."""

    x: float
    y: float
    width: float
    height: float
    radius: float
    fill: str
    stroke: str
    dashed: bool = False


@dataclass
class Curve:
    """A line through points, level at each: between two of unlike height a cubic curve.

    lean   how far to the right it falls, and to the left it climbs: so that the two lines of an edge never touch
    """

    points: list[Point]
    colour: str
    dashed: bool = False
    lean: float = 0.0


@dataclass
class Head:
    """An arrowhead with its tip at a point, pointing right (1) or left (-1)."""

    tip: Point
    direction: int
    colour: str


@dataclass
class Text:
    """One line of text; y is the middle of its height."""

    x: float
    y: float
    text: str
    size: float
    colour: str
    anchor: Literal["middle", "start"] = "middle"
    bold: bool = False


Mark = Box | Curve | Head | Text


@dataclass
class Item:
    """Marks that belong together: a shape, an edge's way forward, its way back, a frame, the legend.

    made_by, readers    of an edge, as of the picture's
    """

    kind: str
    marks: list[Mark]
    tip: str = ""
    step: int | None = None
    made_by: int | None = None
    readers: tuple[int, ...] | None = None


@dataclass
class Scene:
    """A whole drawing."""

    width: float
    height: float
    items: list[Item] = field(default_factory=list)
    summary: str = ""


def scene_of(picture: Picture, layout: Layout, *, legend: bool = True) -> Scene:
    """The marks of a picture that has been laid out."""
    slots = [slot for column in layout.columns for slot in column]
    framed = [[slot for slot in slots if slot.frame == index] for index in range(len(picture.frames))]
    frames = [_frame(title, inside) for title, inside in zip(picture.frames, framed, strict=True) if inside]
    edges = _edges(layout.routes, layout.drops)
    shapes = [_shape(slot, slot.shape) for slot in slots if slot.shape is not None]
    texts, width, height = _footer(picture, layout, legend)
    return Scene(width, height, [*frames, *edges, *shapes, texts], picture.summary)


def curve_controls(first: Point, second: Point, lean: float = 0.0) -> tuple[Point, Point] | None:
    """The control points between two points of a Curve; None where it is a straight line."""
    climb = second[1] - first[1]
    if abs(climb) < 0.01:
        return None
    middle = (first[0] + second[0]) / 2 + lean * max(-1.0, min(1.0, climb / 20))
    return (middle, first[1]), (middle, second[1])


def _frame(title: str, slots: list[Slot]) -> Item:
    left = min(slot.x - slot.width / 2 for slot in slots) - FRAME_PADDING
    right = max(slot.x + slot.width / 2 for slot in slots) + FRAME_PADDING
    top = min(slot.top for slot in slots)
    bottom = max(slot.bottom for slot in slots)
    box = Box(left, top, right - left, bottom - top, 12, "none", GREY, dashed=True)
    return Item("frame", [box, Text(left + 14, top + 17, title, 15, GREY, "start", bold=True)])


def _shape(slot: Slot, shape: Shape) -> Item:
    fill, stroke, colour = FILLS[shape.kind]
    height = slot.up + slot.down
    rounded = shape.kind == "branch" or is_circle(shape)
    radius = height / 2 if rounded or shape.kind == "operation" else 7.0
    box = Box(slot.x - slot.width / 2, slot.y - slot.up, slot.width, height, min(radius, height / 2), fill, stroke)
    size = SYMBOL_SIZE if is_circle(shape) else NAME_SIZE
    first = slot.y - NAME_LINE * (len(shape.lines) - 1) / 2
    bold = shape.kind == "operation"
    lines = [Text(slot.x, first + NAME_LINE * i, line, size, colour, bold=bold) for i, line in enumerate(shape.lines)]
    return Item(shape.kind, [box, *lines], shape.tip, shape.step)


def _edges(routes: list[Route], drops: list[float]) -> list[Item]:
    starts = _ports(routes, 0, drops)
    ends = _ports(routes, -1, drops)
    return [item for route in routes for item in _edge(route, starts[id(route)], ends[id(route)], drops)]


def _ports(routes: list[Route], side: int, drops: list[float]) -> dict[int, float]:
    """How far above or below the middle of its shape each edge ends: spread, but near to where the edge comes from."""
    by_slot: dict[int, list[Route]] = {}
    for route in routes:
        by_slot.setdefault(id(route.slots[side]), []).append(route)
    ports: dict[int, float] = {}
    for meeting in by_slot.values():
        meeting.sort(key=lambda route: _wanted_rise(route, side, drops))
        wanted = [_wanted_rise(route, side, drops) for route in meeting]
        ports.update(zip(map(id, meeting), _rises(meeting, wanted, side), strict=True))
    return ports


def _wanted_rise(route: Route, side: int, drops: list[float]) -> float:
    """How far below the middle of its shape an edge would come in straight."""
    slot, neighbour = route.slots[side], route.slots[1 if side == 0 else -2]
    return _height_in_row_of(neighbour, slot, drops) - slot.y


def _rises(meeting: list[Route], wanted: list[float], side: int) -> list[float]:
    slot, last = meeting[0].slots[side], len(meeting) - 1
    reach = max(slot.up - 5, 0.0)
    gap = min(PORT_GAP, 2 * reach / max(last, 1))
    wanted = [min(max(rise, -reach), reach) for rise in wanted]
    weights = [1.0 if route.slots[0].before else 0.01 for route in meeting]
    rises = spread(wanted, [gap] * last, weights)
    return [min(max(rise, gap * i - reach), reach - gap * (last - i)) for i, rise in enumerate(rises)]


def _edge(route: Route, start: float, end: float, drops: list[float]) -> list[Item]:
    edge = route.edge
    apart = APART if edge.returns else 0.0
    value, gradient = _label(route)
    forward = _forward(route, _lines(route, start - apart, end - apart, -apart, drops), apart)
    tags = _tags(_lines(route, start, end, 0.0, drops), route.tag)
    items = [Item("edge", [*forward, *tags, *value], made_by=edge.made_by, readers=edge.readers)]
    if edge.returns:
        back = _backward(route, _lines(route, start + apart, end + apart, apart, drops), -apart)
        items.append(Item("return", [*back, *gradient], made_by=edge.made_by, readers=edge.readers))
    return items


def _forward(route: Route, lines: list[list[Point]], lean: float) -> list[Mark]:
    heads: list[Mark] = []
    if not _is_branch(route.slots[-1]):
        tip = lines[-1].pop()
        lines[-1].append((tip[0] - HEAD + 1, tip[1]))
        heads = [Head(tip, 1, VALUE_COLOUR)]
    return [*(Curve(line, VALUE_COLOUR, lean=lean) for line in lines), *heads]


def _backward(route: Route, lines: list[list[Point]], lean: float) -> list[Mark]:
    heads: list[Mark] = []
    if not _is_branch(route.slots[0]):
        tip = lines[0].pop(0)
        lines[0].insert(0, (tip[0] + HEAD - 1, tip[1]))
        heads = [Head(tip, -1, GRADIENT_COLOUR)]
    return [*(Curve(line, GRADIENT_COLOUR, dashed=True, lean=lean) for line in lines), *heads]


def _lines(route: Route, start: float, end: float, aside: float, drops: list[float]) -> list[list[Point]]:
    """From outline to outline, level within each column, one line for each row that the edge runs through.

    `start` and `end` are heights over the shapes' middles.
    """
    first, *inner, last = route.slots
    tail = (first.x + _half_width(first, start), first.y + start)
    tip = (last.x - _half_width(last, end), last.y + end)
    lines = [[tail, (max(first.x + first.room / 2, tail[0] + HEAD), tail[1])]]
    for before, slot in zip(route.slots, inner, strict=False):
        _run_on(lines, before, slot, drops, aside)
        lines[-1] += [(slot.x + way * slot.room / 2, slot.y + aside) for way in (-1, 1)]
    _run_on(lines, route.slots[-2], last, drops, aside)
    lines[-1] += [(min(last.x - last.room / 2, tip[0] - HEAD), tip[1]), tip]
    return lines


def _run_on(lines: list[list[Point]], before: Slot, slot: Slot, drops: list[float], aside: float) -> None:
    """Where the next slot stands in another row: end the line in a stub there, and begin one here."""
    if before.row != slot.row:
        lines[-1].append((lines[-1][-1][0] + STUB, lines[-1][-1][1]))
        lines.append([(slot.x - slot.room / 2 - STUB, _height_in_row_of(before, slot, drops) + aside)])


def _height_in_row_of(other: Slot, slot: Slot, drops: list[float]) -> float:
    """The height of `other`, were it in the row of `slot`."""
    return other.y - drops[other.row] + drops[slot.row]


def _tags(lines: list[list[Point]], tag: str) -> list[Mark]:
    """The number of an edge, at both its ends where it goes on in another row."""
    ends = [(line[-1], on[0]) for line, on in pairwise(lines)]
    return [_tag(x + way * 11, y, tag) for pair in ends for way, (x, y) in zip((1, -1), pair, strict=True)]


def _tag(x: float, y: float, tag: str) -> Text:
    return Text(x, y, tag, LABEL_SIZE, GREY, bold=True)


def _half_width(slot: Slot, rise: float) -> float:
    """Half the width of a shape's outline at a height above its middle."""
    if slot.shape is None or slot.shape.kind not in ("operation", "branch"):
        return slot.width / 2
    return slot.width / 2 - slot.up + sqrt(max(slot.up**2 - rise**2, 0.0))


def _is_branch(slot: Slot) -> bool:
    return slot.shape is not None and slot.shape.kind == "branch"


def _label(route: Route) -> tuple[list[Mark], list[Mark]]:
    """The value above the edge, the gradient below it."""
    slot, edge = route.label, route.edge
    above, below = edge.above, edge.below
    first = slot.y - LABEL_GAP - LABEL_LINE * (len(above) - 0.5)
    last = slot.y + LABEL_GAP + LABEL_LINE * 0.5
    return (
        [Text(slot.x, first + LABEL_LINE * i, text, LABEL_SIZE, VALUE_COLOUR) for i, text in enumerate(above)],
        [Text(slot.x, last + LABEL_LINE * i, text, LABEL_SIZE, GRADIENT_COLOUR) for i, text in enumerate(below)],
    )


def _footer(picture: Picture, layout: Layout, legend: bool) -> tuple[Item, float, float]:
    """The legend, if there is to be one, and the notices below it."""
    colours = [("value →", VALUE_COLOUR)]
    if any(edge.returns for edge in picture.edges):
        colours.append(("← gradient", GRADIENT_COLOUR))
    marks: list[Mark] = []
    x, y = 20.0, layout.height + 2
    if picture.edges and legend:
        for text, colour in colours:
            marks.append(Text(x, y, text, LABEL_SIZE, colour, "start"))
            x += text_width(text, LABEL_SIZE) + 18
        y += LABEL_LINE + 4
    for notice in picture.notices:
        marks.append(Text(20.0, y, notice, LABEL_SIZE, GREY, "start"))
        y += LABEL_LINE + 4
    widest = max((text_width(notice, LABEL_SIZE) + 40 for notice in picture.notices), default=0.0)
    return Item("legend", marks), max(layout.width, x, widest), y + 4
