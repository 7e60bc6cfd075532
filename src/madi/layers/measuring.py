"""What a model does with one example, found by tracing it on shapes alone: nothing is computed.

A node's work, and what it keeps for backward, belong to the innermost layer that called it.
"""

from __future__ import annotations

import copy
import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from madi.functions import Reshape
from madi.graph import Array, Function, Variable, observing
from madi.kernels import native, random
from madi.kernels.arrays import is_traced
from madi.layers.base import Layer
from madi.layers.calling import observing_layers, running_layers
from madi.layers.composition import auxiliary_outputs

BATCH = 997  # examples of the trace in training: a prime, of which only the sizes that count examples are multiples
KERNEL = "target_name=madi_"  # what a traced program says where it calls a compiled kernel


@dataclass
class Call:
    """One call of a layer; what the layers within it do is left out.

    output_shape    of one example
    multiply_adds   of one example
    numpy_writes    numbers that convolutions of one example write on NumPy
    kept            bytes of one example that its nodes are the first to keep for backward; 0 in inference
    kernels         in training, what runs its nodes (forward, backward): "xla", or the name of a compiled variant
    """

    output_shape: tuple[int, ...] = ()
    multiply_adds: int = 0
    numpy_writes: int = 0
    kept: int = 0
    kernels: set[tuple[str, str]] = field(default_factory=set)


Calls = dict[int, list[Call]]  # by the layer's identity


def inference_calls(model: Layer) -> tuple[Calls, int]:
    """The calls of every layer in inference on one example, and the most bytes that its values take at once.

    A value counts until its last reader has run.  A compiler may need less, or reserve more.
    """
    recorder = _Inference(1)
    with recorder.listening():
        model.output_shape()
    return recorder.calls, recorder.peak()


def training_calls(model: Layer) -> Calls:
    """The calls of every layer in a training step, auxiliary heads among them.  Raises what the model raises in it."""
    import jax

    bound = model.bind({})  # running statistics move on a copy
    recorder = _Training(BATCH)
    held = (*model.parameters().values(), *model.state().values())
    dtype = np.result_type(np.float32, *(array.dtype for array in held))
    shape = jax.ShapeDtypeStruct((BATCH, *model.shape_of_one()), dtype)
    wide = jax.enable_x64(True) if dtype == np.float64 else nullcontext()
    with wide, recorder.listening(), auxiliary_outputs():
        jax.eval_shape(lambda x, key: bound(x, training=True, key=key).value, shape, random.key(0))
    pairs = zip(model.walk(), bound.walk(), strict=True)
    return defaultdict(list, {id(layer): recorder.calls[id(copied)] for (_, layer), (_, copied) in pairs})


class _Recorder:
    """Gathers the calls of layers in a trace of `examples` examples."""

    def __init__(self, examples: int) -> None:
        self.examples = examples
        self.calls: Calls = defaultdict(list)
        self.current: dict[int, Call] = defaultdict(Call)
        self.paused = False
        self.same: dict[int, Any] = {}  # what a reshaped array was made of: the same memory

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Within the block nodes and layers are recorded."""
        with observing(self.on_node), observing_layers(self.on_layer):
            yield

    def on_node(self, node: Function, inputs: Sequence[Variable], outputs: Sequence[Variable]) -> None:
        """Add a node to the innermost call that is going on."""
        if self.paused:
            return
        if isinstance(node, Reshape):
            self.same[id(outputs[0].value)] = self.memory(inputs[0].value), outputs[0].value
        call = self.current[id(running_layers()[-1])]
        call.multiply_adds += getattr(node, "multiply_adds", 0) // self.examples
        call.numpy_writes += getattr(node, "numpy_writes", 0) // self.examples
        self.see(call, node, inputs, outputs)

    def on_layer(self, layer: Layer, x: Variable, y: Variable) -> None:
        """Close a layer's call."""
        if not self.paused:
            call = self.current.pop(id(layer), None) or Call()
            call.output_shape = y.shape[1:]
            self.calls[id(layer)].append(call)

    def memory(self, array: Array) -> Array:
        """The array whose memory this one shares."""
        return self.same[id(array)][0] if id(array) in self.same else array

    def bytes_of_one(self, array: Array) -> int:
        """Bytes for one example; 0 for what is there once for the whole batch."""
        counts_examples = any(size and size % self.examples == 0 for size in array.shape)
        return math.prod(array.shape) // self.examples * array.dtype.itemsize if counts_examples else 0

    def see(self, call: Call, node: Function, inputs: Sequence[Variable], outputs: Sequence[Variable]) -> None:
        """What else is recorded of a node."""
        raise NotImplementedError


class _Inference(_Recorder):
    """Records when each value is made, and when it is read last."""

    def __init__(self, examples: int) -> None:
        super().__init__(examples)
        self.lives: dict[int, list[Any]] = {}  # array, node that makes it, node that reads it last
        self.nodes = 0

    def see(self, call: Call, node: Function, inputs: Sequence[Variable], outputs: Sequence[Variable]) -> None:
        """Note what the node reads and makes."""
        arrays = [self.memory(entry.value) for entry in (*inputs, *outputs) if is_traced(entry.value)]
        for array in arrays:
            self.lives.setdefault(id(array), [array, self.nodes, self.nodes])[2] = self.nodes
        self.nodes += 1

    def peak(self) -> int:
        """The most bytes at one node."""
        change = [0] * (self.nodes + 1)
        for array, first, last in self.lives.values():
            change[first] += self.bytes_of_one(array)
            change[last + 1] -= self.bytes_of_one(array)
        return max(np.cumsum(change).tolist())


class _Training(_Recorder):
    """Records what nodes keep for backward, and what runs them."""

    def __init__(self, examples: int) -> None:
        super().__init__(examples)
        self.kept: dict[int, Any] = {}  # holding the arrays keeps their identities from being used again
        self.known: dict[Any, tuple[str, str]] = {}

    def see(self, call: Call, node: Function, inputs: Sequence[Variable], outputs: Sequence[Variable]) -> None:
        """Count what the node keeps, unless a node before it keeps the same, and ask what runs it."""
        for array in map(self.memory, _traced(_own(node)) if any(node.needs) else ()):
            if id(array) not in self.kept:
                self.kept[id(array)] = array
                call.kept += self.bytes_of_one(array)
        if not isinstance(node, Reshape):  # which moves nothing
            call.kernels.add(self.kernels(node, inputs, outputs))

    def kernels(self, node: Function, inputs: Sequence[Variable], outputs: Sequence[Variable]) -> tuple[str, str]:
        """What runs the node forward and backward: it is traced once more, alone, one way and the other."""
        shapes, results = _shapes(inputs), _shapes(outputs)
        form = (type(node), node.needs, repr(shapes), repr({k: v for k, v in _own(node).items() if _plain(v)}))
        if form not in self.known:
            self.paused = True
            forward = _runs(copy.copy(node).forward, shapes)
            self.known[form] = forward, _runs(node.backward, results) if any(node.needs) else forward
            self.paused = False
        return self.known[form]


def _runs(method: Any, shapes: list[Any]) -> str:
    """What runs a node's method on arrays of these shapes: the compiled variant where its program calls a kernel."""
    import jax

    compiled = jax.default_backend() == "cpu" and KERNEL in str(jax.make_jaxpr(_of_arrays(method))(*shapes))
    return native.path() if compiled else "xla"


def _of_arrays(method: Any) -> Any:
    """The method with the Nones among its results left out."""

    def called(*arrays: Array) -> list[Array]:
        results = method(*arrays)
        return [entry for entry in (results if isinstance(results, tuple) else (results,)) if entry is not None]

    return called


def _shapes(variables: Sequence[Variable]) -> list[Any]:
    import jax

    return [jax.ShapeDtypeStruct(variable.shape, variable.dtype) for variable in variables]


def _own(node: Function) -> dict[str, Any]:
    """What the node itself holds, the edges of the graph left out."""
    return {name: value for name, value in vars(node).items() if name not in ("inputs", "needs", "output_shapes")}


def _plain(value: Any) -> bool:
    return isinstance(value, (bool, int, float, str, dict)) or (isinstance(value, tuple) and all(map(_plain, value)))


def _traced(value: Any) -> Iterator[Array]:
    """The arrays in a value that depend on the example."""
    if is_traced(value):
        yield value
    elif isinstance(value, (dict, list, tuple)):
        for entry in value.values() if isinstance(value, dict) else value:
            yield from _traced(entry)
