"""How a graph answers: on NumPy, or by a program that is compiled for the shapes of its inputs."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import cached_property
from threading import Lock
from typing import Any

import numpy as np

from madi.errors import unknown_name
from madi.graph import no_grad
from madi.onnx.foresight import largest
from madi.onnx.plan import Plan, interpret
from madi.onnx.refusal import Unsupported
from madi.onnx.room import expect_bytes
from madi.onnx.value import Value
from madi.training.choice import compiling_pays, inference_seconds

ENGINES = ("auto", "jax", "numpy")
KEPT = 8  # compiled programs of a graph: those of its latest shapes
_LARGE = 1024  # numbers from which on a constant is an argument of the program, and no part of it
_FEW = 64  # numbers of an input that may be the sizes or axes that a node works by

Arrays = Mapping[str, np.ndarray]
Program = Callable[[Arrays], "list[np.ndarray]"]


class Runner:
    """A plan, and the programs that it was compiled to.  Safe to ask from several threads.

    Which engine is quicker is told by the rule of `madi.training.inference`: NumPy answers as long as what it has taken
    for inputs of this shape so far, by an estimate from the graph's size, is less than compiling would take.
    """

    def __init__(self, plan: Plan, where: str) -> None:
        self.plan, self.where = plan, where
        self._lock, self._compiling = Lock(), Lock()  # of what is kept, for a moment; and while a program is made
        self._programs: dict[Any, Program] = {}
        self._seconds: dict[Any, float] = {}  # that NumPy has taken for inputs of a shape
        self._fixed = False  # whether small inputs are part of the program, because nodes work by their numbers
        self._refused: set[Any] = set()  # shapes for which nothing can be compiled

    def run(self, inputs: Arrays, engine: str) -> list[np.ndarray]:
        """The graph's outputs."""
        if engine not in ENGINES:
            raise unknown_name("engine", engine, ENGINES)
        program = None if engine == "numpy" else self._program(inputs, forced=engine == "jax")
        return self._eager(inputs) if program is None else program(inputs)

    def _eager(self, inputs: Arrays) -> list[np.ndarray]:
        values = self._constants | {name: Value(array) for name, array in inputs.items()}
        with no_grad():
            found = [value.known for value in interpret(self.plan, values)]
        return [np.array(array) for array in found]  # the caller's own, whatever it is a view of

    def _program(self, inputs: Arrays, *, forced: bool) -> Program | None:
        """The program for inputs like these; None where NumPy is to answer."""
        with self._lock:
            key = self._key(inputs)
            program = self._programs.get(key)
            if program is not None or not (forced or self._due(key, inputs)):
                return program
        with self._compiling:  # whoever has a program, or asks NumPy, does not wait for it
            try:
                return self._programs.get(self._key(inputs)) or self._kept(inputs, self._compiled(inputs))
            except Unsupported:
                if forced:
                    raise
                self._refused.add(self._key(inputs))
                return None

    def _compiled(self, inputs: Arrays) -> Program:
        try:
            return Compiled(self, inputs, self._fixed_of(inputs))
        except Unsupported:
            if self._fixed or not _few(inputs):
                raise
            self._fixed = True  # a node works by the numbers of an input, as Reshape does
            return Compiled(self, inputs, self._fixed_of(inputs))

    def _kept(self, inputs: Arrays, program: Program) -> Program:
        with self._lock:
            while len(self._programs) >= KEPT:
                del self._programs[next(iter(self._programs))]
            self._programs[self._key(inputs)] = program
        return program

    def _fixed_of(self, inputs: Arrays) -> Arrays:
        return _few(inputs) if self._fixed else {}

    def _key(self, inputs: Arrays) -> Any:
        shapes = tuple((name, array.shape, array.dtype.name) for name, array in sorted(inputs.items()))
        return shapes, tuple(array.tobytes() for _, array in sorted(self._fixed_of(inputs).items()))

    def _due(self, key: Any, inputs: Arrays) -> bool:
        """Whether compiling is the quicker way by now, where it can be done."""
        steps, (multiply_adds, writes) = len(self.plan.steps), self._work(inputs)
        spent = inference_seconds(steps, multiply_adds, 1, 1, writes=writes)
        return key not in self._refused and compiling_pays(self._seconds, key, spent, steps)

    def _work(self, inputs: Arrays) -> tuple[int, int]:
        """Multiply-adds, and what convolutions write: at most about so many, as if each weight met each pixel of x."""
        pixels = max((array.size // max(array.shape[1], 1) for array in inputs.values() if array.ndim > 2), default=1)
        examples = max((array.shape[0] for array in inputs.values() if array.ndim), default=1)
        kernels, planes, others = self._weights
        return kernels * pixels + others * examples, planes * pixels

    @cached_property
    def _constants(self) -> dict[str, Value]:
        """The constants as NumPy's interpreter takes them; a form that a node has asked for once is there for all."""
        return {name: self.plan.constant(name, array) for name, array in self.plan.constants.items()}

    @cached_property
    def _weights(self) -> tuple[int, int, int]:
        """Numbers of the weights of convolutions, those that meet one channel, and numbers of all other constants."""
        sizes = {name: math.prod(array.shape) for name, array in self.plan.constants.items()}
        kernels = sum(sizes[name] for name in self.plan.kernels)
        planes = sum(sizes[name] // max(self.plan.constants[name].shape[-2], 1) for name in self.plan.kernels)
        return kernels, planes, sum(sizes.values()) - kernels

    @cached_property
    def weights(self) -> dict[str, Any]:
        """The large constants as JAX has them: on a CPU the very same memory."""
        import jax

        large = {name: array for name, array in self.plan.constants.items() if array.size > _LARGE}
        with jax.enable_x64(True):
            return {name: jax.device_put(array) for name, array in large.items() if array.dtype.kind != "O"}


class Compiled:
    """The program of a plan for inputs of these shapes.

    Large constants travel as its arguments, so that no copy of them is part of it; small ones are known while it is
    traced.  `fixed` inputs are known too: the program is for these very numbers.
    """

    def __init__(self, runner: Runner, inputs: Arrays, fixed: Arrays) -> None:
        import jax

        self._weights, self._where = runner.weights, runner.where
        self._free = {name for name, array in inputs.items() if name not in fixed and array.dtype.kind != "O"}
        known = {name: array for name, array in inputs.items() if name not in self._free}
        plan = runner.plan

        def run(weights: dict[str, Any], free: dict[str, Any]) -> list[Any]:
            arrays = {**plan.constants, **weights}
            values = {name: plan.constant(name, array) for name, array in arrays.items()}
            values |= {name: Value(array) for name, array in {**known, **free}.items()}
            with no_grad():
                found = interpret(plan, values)
            texts: dict[int, Any] = {place: value.known for place, value in enumerate(found) if value.dtype.kind == "U"}
            self._texts = texts
            return [value.first.value for value in found if value.dtype.kind != "U"]

        with jax.enable_x64(True):
            traced = jax.jit(run).trace(self._weights, self._chosen(inputs))
            expect_bytes(self._where, largest(traced.jaxpr.jaxpr))  # XLA ends the process at what it cannot count
            self._call = traced.lower().compile()
        memory: Any = self._call.memory_analysis()
        self._bytes = memory.temp_size_in_bytes + 2 * memory.output_size_in_bytes if memory else 0

    def _chosen(self, inputs: Arrays) -> dict[str, Any]:
        return {name: inputs[name] for name in sorted(self._free)}

    def __call__(self, inputs: Arrays) -> list[np.ndarray]:
        """The graph's outputs, as arrays of the caller's own."""
        import jax

        expect_bytes(self._where, self._bytes)
        with jax.enable_x64(True):
            found = [np.array(array) for array in self._call(self._weights, self._chosen(inputs))]
        self._bytes = 0  # there was room, and what was freed may still count as taken
        for place, text in self._texts.items():
            found.insert(place, text)
        return found


def _few(inputs: Arrays) -> dict[str, np.ndarray]:
    """The inputs that may be the sizes or axes that a node works by."""
    return {name: array for name, array in inputs.items() if array.ndim <= 1 and array.size <= _FEW}
