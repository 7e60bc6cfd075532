"""The run that led to a variable, node by node: what a debugger shows of a program, shown of a graph."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any, overload

import numpy as np

from madi.graph.backward import gradients
from madi.graph.drawing.text import array_lines, concrete, norm_text, shortened
from madi.graph.variable import Array, Function, Variable
from madi.kernels.arrays import array_library, is_floating


@dataclass(frozen=True)
class StepInput:
    """One input of a step.

    name       the variable's name; else `#3` for what step 3 computed, or the number itself, or its shape
    step       index of the step that computed it; None for a leaf
    value      its value during the run
    gradient   dL/d(this variable), summed over all who read it; None where none is wanted
    """

    name: str
    step: int | None
    value: Array
    gradient: Array | None


@dataclass(frozen=True)
class Step:
    """One node of a run.

    index      place in the order of computation, from 0
    name       the name of the variable that it computed, else `#index`
    kind       the node's class
    symbol     what a drawing writes into the node: "+", "×", "exp", or the class's name
    forward    the equations, as text, from the class's docstring; "" where it states none
    backward
    inputs     a StepInput for each input, in order
    value      what it computed; for a node of several outputs a tuple, None where nobody read an output
    gradient   dL/d(value), of the same form; None where the run has no gradients
    """

    index: int
    name: str
    kind: str
    symbol: str
    forward: str
    backward: str
    inputs: tuple[StepInput, ...]
    value: Any
    gradient: Any
    node: Function = field(repr=False)

    @cached_property
    def local_derivatives(self) -> tuple[Array | None, ...]:
        """For each input x: d(sum of the node's outputs)/dx, that is the node's `backward` applied to ones.

        For a node that works element by element this is its derivative at each element (of `x * w`: `w`).  Of one that
        mixes elements it is the row sum of the Jacobian (of `x @ w`: each row of x gets the row sums of w).  It has the
        input's shape, and is None for an input that needs no gradient.
        """
        return _local_derivatives(self.node)

    def to_dict(self) -> dict[str, Any]:
        """Plain lists, numbers and strings, for JSON (numbers that are not finite become None)."""
        keys = ("index", "name", "kind", "symbol", "forward", "backward")
        local = self.local_derivatives
        return {
            **{key: getattr(self, key) for key in keys},
            "inputs": [_input_dict(entry, slope) for entry, slope in zip(self.inputs, local, strict=True)],
            "value": _plain(self.value),
            "gradient": _plain(self.gradient),
        }


class Trace(Sequence[Step]):
    """The steps of a run in the order of computation; a sequence of `Step`.  `print` shows it as a table."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self.steps = tuple(steps)

    @overload
    def __getitem__(self, index: int) -> Step: ...
    @overload
    def __getitem__(self, index: slice) -> Trace: ...
    def __getitem__(self, index: int | slice) -> Step | Trace:
        return Trace(self.steps[index]) if isinstance(index, slice) else self.steps[index]

    def __len__(self) -> int:
        return len(self.steps)

    def __repr__(self) -> str:
        return f"<Trace of {len(self)} steps>"

    def __str__(self) -> str:
        return "\n".join(_table(self.steps)) if self.steps else "No steps: a leaf was not computed from anything."

    def to_dict(self) -> dict[str, Any]:
        """{"steps": [...]} of plain lists, numbers and strings, for JSON."""
        return {"steps": [step.to_dict() for step in self.steps]}


def trace(output: Variable, *, gradient: Any = None) -> Trace:
    """Every node that `output` was computed from: inputs, value, gradient, local derivatives, equations as text.

    output     the end of the run.  `backward()` need not have been called, and no `.grad` is written
    gradient   dL/d(output), of its shape.  May be left out where `output` is a single number, and is then 1; where a
               larger output comes without it, the steps carry no gradients

    >>> class Square(Function):
    ...     "forward y = x²"
    ...     def forward(self, x):
    ...         self.x = x
    ...         return x**2
    ...     def backward(self, gy):
    ...         return 2 * self.x * gy
    >>> step, = trace(Square()(Variable(3.0, name="x")))
    >>> step.kind, step.forward, float(step.value), float(step.local_derivatives[0])
    ('Square', 'y = x²', 9.0, 6.0)

    Raises ShapeError where `gradient` is not of the output's shape.
    """
    nodes = computation_order(output)
    found = all_gradients(output, gradient)
    place = {node: index for index, node in enumerate(nodes)}
    made = outputs_of(output, nodes)
    return Trace([_step(node, place, made[node], found) for node in nodes])


def computation_order(output: Variable) -> list[Function]:
    """Every node that `output` depends on, inputs before their readers, the first input's first."""
    order: list[Function] = []
    seen: set[Function] = set()
    stack = [(output.creator, False)]
    while stack:
        node, inputs_done = stack.pop()
        if node is None or (node in seen and not inputs_done):
            continue
        if inputs_done:
            order.append(node)
            continue
        seen.add(node)
        stack.append((node, True))
        stack.extend((entry.creator, False) for entry in reversed(node.inputs))
    return order


def outputs_of(output: Variable, nodes: list[Function]) -> dict[Function, dict[int, Variable]]:
    """For each node, those of its outputs that lead to `output`."""
    made: dict[Function, dict[int, Variable]] = {node: {} for node in nodes}
    for variable in [output, *(entry for node in nodes for entry in node.inputs)]:
        if variable.creator is not None:
            made[variable.creator][variable.output_index] = variable
    return made


def all_gradients(output: Variable, gradient: Any = None) -> dict[Variable, Array]:
    """dL/dv of every variable on the way; none at all where there is nothing to start from."""
    unseeded = gradient is None and output.size != 1
    if unseeded or not is_floating(output.dtype):
        return {}
    return gradients(output, output._seed(gradient), keep=True)


def symbol_of(node: Function) -> str:
    """What a drawing writes into the node: its `symbol`, else its class's name."""
    symbol = getattr(node, "symbol", None)
    return symbol if isinstance(symbol, str) and symbol else type(node).__name__


@cache
def equations_of(docstring: str | None) -> tuple[str, str]:
    """The equations forward and backward that a class's docstring states; "" for one that it does not.

    A line that begins with "forward" or "backward" states one; deeper lines below it go on with it; what stands behind
    a gap of three spaces is a remark and is left out (not so behind a comma or before "=").
    """
    lines = (docstring or "").splitlines()
    return _equation(lines, "forward"), _equation(lines, "backward")


def _equation(lines: list[str], word: str) -> str:
    start = next((i for i, line in enumerate(lines) if re.match(rf"\s*{word}\s+\S", line)), None)
    if start is None:
        return ""
    head = re.sub(rf"^(\s*){word}", lambda match: " " * len(match[0]), lines[start])
    depth, column = _indent(lines[start]), _indent(head)
    end = start + 1
    while end < len(lines) and lines[end].strip() and _indent(lines[end]) > depth:
        end += 1
    parts = [_without_remark(line, column) for line in [head, *lines[start + 1 : end]]]
    return "; ".join(part for part in parts if part)


def _without_remark(line: str, column: int) -> str:
    """The equation of a line; nothing of a line that only goes on with a remark further right."""
    if _indent(line) > column + 2:
        return ""
    return " ".join(re.split(r"(?<![\s,])\s{3,}(?![\s=])", line.strip())[0].split())


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _step(node: Function, place: dict[Function, int], made: dict[int, Variable], found: dict[Variable, Array]) -> Step:
    forward, backward = equations_of(type(node).__doc__)
    named = next((variable.name for variable in made.values() if variable.name), None)
    return Step(
        index=place[node],
        name=named or f"#{place[node]}",
        kind=type(node).__name__,
        symbol=symbol_of(node),
        forward=forward,
        backward=backward,
        inputs=tuple(_input(entry, place, found) for entry in node.inputs),
        value=_one_or_all(node, {index: variable.value for index, variable in made.items()}),
        gradient=_one_or_all(node, {index: found.get(variable) for index, variable in made.items()}),
        node=node,
    )


def _input(variable: Variable, place: dict[Function, int], found: dict[Variable, Array]) -> StepInput:
    step = None if variable.creator is None else place[variable.creator]
    name = variable.name or (" ".join(array_lines(variable.value)) if step is None else f"#{step}")
    return StepInput(name, step, variable.value, found.get(variable))


def _one_or_all(node: Function, entries: dict[int, Any]) -> Any:
    if len(node.output_shapes) == 1:
        return entries[0]
    return tuple(entries.get(index) for index in range(len(node.output_shapes)))


def _local_derivatives(node: Function) -> tuple[Array | None, ...]:
    library = array_library(*(entry.value for entry in node.inputs))
    ones = [
        (library.ones if is_floating(dtype) else library.zeros)(shape, dtype) for shape, dtype in node.output_shapes
    ]
    answers = node.backward(*ones)
    answers = answers if isinstance(answers, tuple) else (answers,)
    return tuple(answer if need else None for answer, need in zip(answers, node.needs, strict=True))


def _input_dict(entry: StepInput, slope: Array | None) -> dict[str, Any]:
    return {
        "name": entry.name,
        "step": entry.step,
        "value": _plain(entry.value),
        "gradient": _plain(entry.gradient),
        "local_derivative": _plain(slope),
    }


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, tuple):
        return value and [_plain(entry) for entry in value]
    numbers = concrete(value)
    if numbers is None:
        return None
    if not is_floating(numbers.dtype) or np.all(np.isfinite(numbers)):
        return numbers.tolist()
    told = numbers.astype(object)
    told[~np.isfinite(numbers)] = None
    return told.tolist()


_HEADER = ("step", "node", "equation", "inputs", "value", "gradient", "local derivatives")
_WIDEST = 48


def _table(steps: Sequence[Step]) -> list[str]:
    rows = [_HEADER, *(_row(step) for step in steps)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADER))]
    lines = ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return [lines[0], "  ".join("-" * width for width in widths), *lines[1:]]


def _row(step: Step) -> tuple[str, ...]:
    named = step.kind if step.name.startswith("#") else f"{step.kind} {step.name}"
    inputs = ", ".join(_input_text(entry) for entry in step.inputs)
    local = ", ".join("-" if slope is None else _cell(slope) for slope in step.local_derivatives)
    texts = (named, step.forward, inputs, _cell(step.value), _cell(step.gradient), local)
    return (str(step.index), *(shortened(text, _WIDEST) for text in texts))


def _input_text(entry: StepInput) -> str:
    value = _cell(entry.value)
    return value if entry.name == value else f"{entry.name} = {value}"


def _cell(value: Any) -> str:
    if value is None or isinstance(value, tuple):
        return "-" if value is None else "; ".join(_cell(entry) for entry in value)
    lines = array_lines(value)
    large = value.ndim > 0 and "(" in lines[0]
    return f"{lines[0]} {norm_text(value)}".rstrip() if large else " ".join(line.strip() for line in lines)
