"""A network's run as a list of nodes: what is written is what runs, whatever layers called it.

The network is called once on the shapes of two examples and once on those of three.  Nothing is computed, and what
differs between the two runs is what the count of examples decides: those axes are free in the file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from madi.graph import Function, Variable, no_grad, observing
from madi.kernels.arrays import is_traced
from madi.layers import Layer, observing_layers, running_layers
from madi.onnx.refusal import Unsupported

COUNTS = 2, 3  # examples of the two runs

Shape = tuple[int | None, ...]


@dataclass(frozen=True, eq=False)
class Result:
    """What a node computes, or the network's input: a value that is not known before the network runs.

    shape   None where the size is the count of examples, or depends on it
    dtype   NumPy's name
    """

    shape: Shape
    dtype: str


@dataclass(frozen=True, eq=False)
class Known:
    """An array that no example changes: a weight, by its path, or a number of the code."""

    array: np.ndarray
    path: str = ""


@dataclass(frozen=True, eq=False)
class Call:
    """One node of the run: the Function, what it read and computed, and the path and label of the layer it is in."""

    node: Function
    inputs: tuple[Result | Known, ...]
    outputs: tuple[Result, ...]
    path: str
    layer: str


@dataclass(frozen=True, eq=False)
class Run:
    """All nodes between the network's input and its output, in the order of computation.

    paths   the path of each parameter and running statistic by the id of its array, and the arrays, whose ids they are
    """

    input: Result
    calls: tuple[Call, ...]
    output: Result | Known
    paths: Mapping[int, str]
    arrays: Any


def run_of(model: Layer) -> Run:
    """The run of a built network in inference.

    Raises Unsupported, with the layer, where code that looks at values or computes beside madi's functions would be
    lost; ShapeError for a network that is not built.
    """
    first, second = (_Recording(model, count) for count in COUNTS)
    if [type(seen.node) for seen in first.seen] != [type(seen.node) for seen in second.seen]:
        raise Unsupported(
            f"{model.label()}: runs other nodes for {COUNTS[1]} examples than for {COUNTS[0]}; a file holds one run "
            "for any number. Let the layers do the same whatever the number of examples."
        )
    return _merged(first, second)


@dataclass(frozen=True, eq=False)
class _Seen:
    """A node as it was observed."""

    node: Function
    inputs: tuple[Variable, ...]
    outputs: tuple[Variable, ...]
    path: str
    layer: str


class _Recording:
    """One run on shapes alone."""

    def __init__(self, model: Layer, count: int) -> None:
        import jax

        parameters = {path: np.asarray(parameter.value) for path, parameter in model.parameters().items()}
        states = {path: np.asarray(value) for path, value in model.state().items() if value is not None}
        self.paths = {id(array): path for path, array in {**states, **parameters}.items()}
        self.arrays = parameters, states
        self.bound = model.bind({**parameters, **states})
        self.seen: list[_Seen] = []
        example = jax.ShapeDtypeStruct((count, *model.shape_of_one()), np.float32)
        with no_grad(), observing(self._see), observing_layers(_nothing), _told_what_looks(model):
            jax.eval_shape(self._run, example)

    def _run(self, x: Any) -> Any:
        self.input = Variable(x)
        self.output = self.bound(self.input)
        return self.output.value

    def _see(self, node: Function, inputs: tuple[Variable, ...], outputs: list[Variable]) -> None:
        layer = running_layers()[-1]
        self.seen.append(_Seen(node, inputs, tuple(outputs), layer.path, layer.label()))


@contextmanager
def _told_what_looks(model: Layer) -> Iterator[None]:
    """Within the block, code that needs values where there are only shapes is refused."""
    import jax

    try:
        yield
    except (jax.errors.JAXTypeError, jax.errors.JAXIndexError) as error:
        reason = str(error).splitlines()[0]
        raise Unsupported(
            f"{model.label()}: a layer in it looks at values, or hands them to another library ({reason}). A file "
            "holds nodes: write the layer with madi.functions."
        ) from error


def _nothing(*arguments: Any) -> None:
    """Have the running layers kept."""


def _merged(first: _Recording, second: _Recording) -> Run:
    """Both runs as one, in which the count of examples is free."""
    values = _Values(first.paths)
    x = values.result(first.input, second.input)
    calls = []
    for one, other in zip(first.seen, second.seen, strict=True):
        inputs = tuple(values.source(*pair, one.layer) for pair in zip(one.inputs, other.inputs, strict=True))
        outputs = tuple(values.result(*pair) for pair in zip(one.outputs, other.outputs, strict=True))
        if any(is_traced(output.value) for output in one.outputs):  # else it is known: the same for any example
            calls.append(Call(one.node, inputs, outputs, one.path, one.layer))
    output = values.source(first.output, second.output, "the network")
    return Run(x, tuple(calls), output, first.paths, first.arrays)


class _Values:
    """The values of both runs, by the Variable of the first that holds them, or by its array."""

    def __init__(self, paths: Mapping[int, str]) -> None:
        self.paths = paths
        self.results: dict[int, Result] = {}

    def result(self, one: Variable, other: Variable) -> Result:
        """A new value."""
        sizes = zip(one.shape, other.shape, strict=True)
        found = Result(tuple(size if size == again else None for size, again in sizes), one.dtype.name)
        if is_traced(one.value):
            self.results[id(one)] = found
            self.results.setdefault(id(one.value), found)
        return found

    def source(self, one: Variable, other: Variable, layer: str) -> Result | Known:
        """What a node reads."""
        found = self.results.get(id(one)) or self.results.get(id(one.value))
        if found is not None:
            return found
        if is_traced(one.value):
            raise Unsupported(
                f"{layer}: computes a value beside the nodes, with a library of arrays, so that it cannot be written. "
                "Use madi.functions for it, or a Function of your own and madi.onnx.exporter."
            )
        array = np.asarray(one.value)
        if one.value is not other.value and not _same(array, np.asarray(other.value)):
            raise Unsupported(
                f"{layer}: holds a constant that depends on the number of examples. Make it of one example's shape: "
                "it is broadcast."
            )
        return Known(array, self.paths.get(id(one.value), ""))


def _same(one: np.ndarray, other: np.ndarray) -> bool:
    return one.shape == other.shape and np.array_equal(one, other, equal_nan=one.dtype.kind == "f")
