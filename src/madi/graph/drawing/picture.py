"""What is drawn of a graph: shapes, the edges between them, and the texts on both; no coordinates yet."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from madi.graph.drawing.run import Run
from madi.graph.drawing.text import array_lines, concrete, norm_text, number_text, shape_text, shortened
from madi.graph.trace import equations_of, symbol_of
from madi.graph.variable import Function, Parameter, Variable

LONGEST_NAME = 24
MOST_INPUTS = 24  # of one node; the others are drawn as one shape
MOST_FOLDS_TOLD = 4
COMPACT_FROM = 40  # drawn nodes; from there on arrays are told by their shapes alone


@dataclass
class Shape:
    """A box or circle.  Its kind is one of

    operation    a node of the graph
    value        a leaf; "parameter" and "constant" where it is one
    branch       the point where one value goes several ways, and the gradients that come back are added up
    output       the end
    cut          what stands for nodes or inputs that are not drawn
    """

    kind: str
    lines: list[str]
    tip: str = ""
    step: int | None = None  # index in the trace of the same run
    frame: int | None = None


@dataclass
class Edge:
    """A value going forward, written above, and its gradient coming back (if it does), written below.

    made_by    the step that computed the value, as it is drawn; None for a leaf
    readers    the drawn steps that the edge leads to, several behind a branch; () to the end of the graph
    """

    source: int
    target: int
    above: list[str]
    below: list[str]
    returns: bool
    made_by: int | None = None
    readers: tuple[int, ...] = ()


@dataclass
class Picture:
    """Shapes, edges by the shapes' indices, the titles of the frames, and plain notices below it all."""

    shapes: list[Shape] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)
    frames: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    summary: str = ""


def picture_of(run: Run) -> Picture:
    """What is drawn of a run."""
    return _Painter(run).paint()


class _Painter:
    def __init__(self, run: Run) -> None:
        self.run = run
        self.drawn = run.drawn()
        self.compact = len(self.drawn) > COMPACT_FROM
        self.picture = Picture(notices=list(run.notices))
        self.operations: dict[int, int] = {}  # node index -> shape
        self.sources: dict[Variable, int] = {}  # variable -> the shape that its readers' edges leave from
        self.readers = self._readers()

    def paint(self) -> Picture:
        self.picture.frames = [f"× {fold.times:,}" for fold in self.run.folds]
        for index in self.drawn:
            self._paint_node(index)
        self._paint_output()
        self.picture.summary = self._summary()
        return self.picture

    def _readers(self) -> dict[Variable, list[tuple[int, int]]]:
        """For each variable the places where drawn nodes read it: (node, position among its inputs)."""
        readers: dict[Variable, list[tuple[int, int]]] = {}
        for index in self.drawn:
            for position, entry in enumerate(self.run.nodes[index].inputs[:MOST_INPUTS]):
                readers.setdefault(entry, []).append((index, position))
        return readers

    def _paint_node(self, index: int) -> None:
        node, frame = self.run.nodes[index], self.run.frame_of(index)
        entries = node.inputs[:MOST_INPUTS]
        sources = [self._source(entry) for entry in entries]
        omitted = len(node.inputs) - len(entries)
        rest = [self._add(Shape("cut", [f"… {omitted:,} more"], frame=frame))] if omitted else []
        symbol = shortened(symbol_of(node), LONGEST_NAME)
        shape = self.operations[index] = self._add(Shape("operation", [symbol], _tip(index, node), index, frame))
        for position, (entry, source) in enumerate(zip(entries, sources, strict=True)):
            self._connect(entry, source, shape, self.run.gradient_on_edge(index, position))
        self.picture.edges += [Edge(stub, shape, [], [], returns=False) for stub in rest]

    def _paint_output(self) -> None:
        output = self.run.output
        if output.creator is None:
            self._leaf(output)
            return
        source = self._origin(output)
        lines = [shortened(output.name or "output", LONGEST_NAME)]
        shape = self._add(Shape("output", lines, _leaf_tip(output)))
        above, below = self._texts(output, self.run.gradients.get(output), inside=False)
        self.picture.edges.append(Edge(source, shape, above, below, bool(below), self._maker(output)))

    def _source(self, variable: Variable) -> int:
        """The shape that an edge of `variable` leaves from; a branch where it is read more than once."""
        if variable not in self.sources:
            origin = self._origin(variable)
            shared = len(self.readers[variable]) > 1
            self.sources[variable] = self._branch(variable, origin) if shared else origin
        return self.sources[variable]

    def _origin(self, variable: Variable) -> int:
        if variable.creator is None:
            return self._leaf(variable)
        shown = self.run.shown[self.run.place[variable.creator]]
        return self._add(Shape("cut", ["…"])) if shown is None else self.operations[shown]

    def _branch(self, variable: Variable, origin: int) -> int:
        frames = {self.run.frame_of(index) for index, _ in self.readers[variable]}
        frame = frames.pop() if len(frames) == 1 else None
        branch = self._add(Shape("branch", [], frame=frame))
        self._connect(variable, origin, branch, self.run.gradients.get(variable))
        return branch

    def _connect(self, variable: Variable, source: int, target: int, gradient: Any) -> None:
        shapes = self.picture.shapes
        inside = shapes[target].frame is not None and shapes[source].frame == shapes[target].frame
        above, below = self._texts(variable, gradient, inside=inside)
        unnamed_leaf = variable.creator is None and not variable.name  # whose box says the value
        above = [] if unnamed_leaf or shapes[source].kind == "branch" else above
        step = shapes[target].step
        readers = tuple(index for index, _ in self.readers[variable]) if step is None else (step,)
        maker = self._maker(variable)
        self.picture.edges.append(Edge(source, target, above, below, gradient is not None, maker, readers))

    def _maker(self, variable: Variable) -> int | None:
        return None if variable.creator is None else self.run.shown[self.run.place[variable.creator]]

    def _leaf(self, variable: Variable) -> int:
        kind = "parameter" if isinstance(variable, Parameter) else "value" if variable.needs_grad else "constant"
        frame = self._frame_of_leaf(variable)
        named = [shortened(variable.name, LONGEST_NAME)] if variable.name else []
        lines = named or self._value_lines(variable, frame is not None) or ["number"]
        return self._add(Shape(kind, lines, _leaf_tip(variable), frame=frame))

    def _frame_of_leaf(self, variable: Variable) -> int | None:
        """The frame in which each round has such a leaf of its own."""
        places = self.readers.get(variable, [])
        frames = {self.run.frame_of(index) if self.run.has_own(index, position) else None for index, position in places}
        return frames.pop() if len(frames) == 1 else None

    def _texts(self, variable: Variable, gradient: Any, *, inside: bool) -> tuple[list[str], list[str]]:
        above = self._value_lines(variable, inside)
        if variable.name and variable.creator is not None and variable is not self.run.output:
            name = shortened(variable.name, LONGEST_NAME)
            above = [f"{name} = {above[0]}"] if len(above) == 1 else [name, *above]
        return above, [] if gradient is None or inside else self._gradient_lines(gradient)

    def _value_lines(self, variable: Variable, inside: bool) -> list[str]:
        """Inside a frame each round has its own numbers, so that only the shape is said there."""
        if inside or (self.compact and variable.ndim):
            return [shape_text(variable.shape)] if variable.ndim else []
        return array_lines(variable.value)

    def _gradient_lines(self, gradient: Any) -> list[str]:
        lines = array_lines(gradient)
        small = gradient.ndim == 0 or not lines[0].startswith("(")
        if small and not (self.compact and gradient.ndim):
            return lines
        return [] if self.compact else [norm_text(gradient) or lines[0]]

    def _add(self, shape: Shape) -> int:
        self.picture.shapes.append(shape)
        return len(self.picture.shapes) - 1

    def _summary(self) -> str:
        """One plain sentence or two, for those who cannot see the drawing."""
        output = self.run.output
        leaves = [shape.lines[0] for shape in self.picture.shapes if shape.kind in ("value", "parameter")]
        value = " ".join(array_lines(output.value))
        folds = self.run.folds[:MOST_FOLDS_TOLD]
        folded = "".join(f" A block of {_nodes(fold.length)} recurs {fold.times:,} times." for fold in folds)
        start = f" from {', '.join(leaves[:8])}{' and others' if len(leaves) > 8 else ''}" if leaves else ""
        if not self.run.nodes:
            return f"A leaf, {output.name or 'without a name'} = {value}: nothing was computed."
        count = _nodes(len(self.run.nodes))
        return f"{output.name or 'The output'} = {value} is computed{start} by {count}.{folded}"


def _nodes(count: int) -> str:
    return "1 node" if count == 1 else f"{count:,} nodes"


def _tip(index: int, node: Function) -> str:
    forward, backward = equations_of(type(node).__doc__)
    shapes = ", ".join(shape_text(shape) for shape, _ in node.output_shapes)
    said = [f"forward {forward}"] if forward else []
    said += [f"backward {backward}"] if backward else []
    return "\n".join([f"step {index}: {type(node).__name__} → {shapes}", *said])


def _leaf_tip(variable: Variable) -> str:
    numbers = concrete(variable.value)
    said = "" if numbers is None or numbers.ndim else f" = {number_text(numbers)}"
    return f"{variable.name or type(variable).__name__}{said}: shape {shape_text(variable.shape)}, {variable.dtype}"
