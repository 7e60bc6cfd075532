"""A picture as DOT text, for those who lay out with Graphviz."""

from __future__ import annotations

from madi.graph.drawing.picture import Edge, Picture, Shape
from madi.graph.drawing.scene import FILLS, GRADIENT_COLOUR, VALUE_COLOUR
from madi.graph.drawing.sizes import is_circle


def dot_text(picture: Picture) -> str:
    """A directed graph from left to right; gradients are dashed edges that point back."""
    free = [_node(i, shape) for i, shape in enumerate(picture.shapes) if shape.frame is None]
    framed = [line for i, title in enumerate(picture.frames) for line in _cluster(picture, i, title)]
    edges = [line for edge in picture.edges for line in _edge(edge)]
    notices = [f"  label={_quoted(picture.notices)};"] if picture.notices else []
    head = ["digraph madi {", "  rankdir=LR;", '  node [fontname="DejaVu Sans"];', '  edge [fontname="DejaVu Sans"];']
    return "\n".join([*head, *notices, *free, *framed, *edges, "}"]) + "\n"


def _cluster(picture: Picture, index: int, title: str) -> list[str]:
    inside = [f"  {_node(i, shape)}" for i, shape in enumerate(picture.shapes) if shape.frame == index]
    return [f"  subgraph cluster_{index} {{", f"    label={_quoted([title])}; style=dashed;", *inside, "  }"]


def _node(index: int, shape: Shape) -> str:
    fill, outline, text = FILLS[shape.kind]
    if shape.kind == "branch":
        return f'  n{index} [shape=point, color="{fill}"];'
    form = "circle" if is_circle(shape) else "box"
    style = "filled" if form == "circle" else '"rounded,filled"'
    colours = f'fillcolor="{fill}", color="{outline}", fontcolor="{text}"'
    return f"  n{index} [label={_quoted(shape.lines)}, shape={form}, style={style}, {colours}];"


def _edge(edge: Edge) -> list[str]:
    forward = _arrow(edge.source, edge.target, edge.above, VALUE_COLOUR, "")
    backward = _arrow(edge.target, edge.source, edge.below, GRADIENT_COLOUR, ", style=dashed, constraint=false")
    return [forward, backward] if edge.returns else [forward]


def _arrow(source: int, target: int, lines: list[str], colour: str, style: str) -> str:
    return f'  n{source} -> n{target} [label={_quoted(lines)}, color="{colour}", fontcolor="{colour}"{style}];'


def _quoted(lines: list[str]) -> str:
    """A DOT string: quotes and backslashes escaped, lines apart."""
    return '"' + "\\n".join(line.replace("\\", "\\\\").replace('"', '\\"') for line in lines) + '"'
