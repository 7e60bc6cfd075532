"""How large shapes and labels are, in pixels of the drawing."""

from __future__ import annotations

from madi.graph.drawing.picture import Edge, Shape
from madi.graph.drawing.text import text_width

SYMBOL_SIZE = 18.0
NAME_SIZE = 13.0
LABEL_SIZE = 12.0
LABEL_LINE = 15.0  # from one line of a label to the next
NAME_LINE = 17.0
CIRCLE = 38.0
BOLD = 1.08  # how much wider bold text runs
BRANCH = 8.0
FRAME_PADDING = 14.0
FRAME_TITLE = 20.0
LABEL_GAP = 7.0  # between an edge's middle and the text above or below it


def shape_size(shape: Shape) -> tuple[float, float]:
    """Width and height."""
    if shape.kind == "branch":
        return BRANCH, BRANCH
    if is_circle(shape):
        return CIRCLE, CIRCLE
    if shape.kind == "operation":
        return text_width(shape.lines[0], NAME_SIZE) * BOLD + 26, CIRCLE
    width = max(text_width(line, NAME_SIZE) for line in shape.lines) + 22
    return max(width, CIRCLE), NAME_LINE * len(shape.lines) + 15


def is_circle(shape: Shape) -> bool:
    """Whether an operation's symbol is short enough for a circle."""
    return shape.kind == "operation" and text_width(shape.lines[0], SYMBOL_SIZE) <= CIRCLE - 8


def label_size(edge: Edge) -> tuple[float, float, float]:
    """Width, reach above the edge, reach below it."""
    lines = [*edge.above, *edge.below]
    width = max((text_width(line, LABEL_SIZE) for line in lines), default=8.0)
    return width + 4, _reach(len(edge.above)), _reach(len(edge.below))


def _reach(lines: int) -> float:
    return LABEL_GAP + LABEL_LINE * lines if lines else 5.0
