"""Variable and Function: the two ends of every edge of a computational graph.

Variable --> Function (forward: values ->, keeps what backward needs) --> Variable
         <-- Function (backward: gradients <-, one local derivative)   <--
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from madi.errors import DataError, ShapeError
from madi.graph.backward import gradients
from madi.kernels.arrays import array_library, is_floating, is_jax, widened

Array = Any  # a NumPy array or a JAX array (a tracer inside jit): both libraries run the same equations

Observer = Callable[["Function", "tuple[Variable, ...]", "list[Variable]"], None]

_observer: ContextVar[Observer | None] = ContextVar("madi_observer", default=None)
_recording: ContextVar[bool] = ContextVar("madi_recording", default=True)


@contextmanager
def no_grad() -> Iterator[None]:
    """Within the block functions compute values only: nothing is kept for backward."""
    token = _recording.set(False)
    try:
        yield
    finally:
        _recording.reset(token)


@contextmanager
def observing(observer: Observer) -> Iterator[None]:
    """Within the block `observer(node, inputs, outputs)` is called after each node's forward."""
    token = _observer.set(observer)
    try:
        yield
    finally:
        _observer.reset(token)


class Variable:
    """A value of a graph, and the gradient of the graph's output with respect to it.

    value     a NumPy or JAX array, whose dtype and library are kept; a Python number becomes a float64 NumPy value
    grad      dL/dvalue, of the value's shape, written by `backward()` on the leaves; None before
    name      what drawings and messages call it
    creator   the Function that computed it; None for a leaf

    Raises DataError for values that are not numbers.
    """

    __array_ufunc__ = None  # array * Variable is left to Variable.__rmul__, and so stays on the graph

    def __init__(self, value: Any, name: str | None = None) -> None:
        self.value = value
        self.grad: Array | None = None
        self.name = name
        self.creator: Function | None = None
        self.output_index = 0
        self.needs_grad = is_floating(self.dtype)

    @property
    def value(self) -> Array:
        """The array itself.  Assignable: what was computed from the old value stays as it was."""
        return self._value

    @value.setter
    def value(self, value: Any) -> None:
        self._value = as_array(value)

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of the axes, `()` for a single number."""
        return self._value.shape

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self._value.ndim

    @property
    def size(self) -> int:
        """Number of elements."""
        return self._value.size

    @property
    def dtype(self) -> Any:
        """The element type, as NumPy names it."""
        return self._value.dtype

    def backward(self, gradient: Any = None) -> None:
        """Write `.grad` of every leaf that this variable was computed from, over whatever was there.

        gradient   dL/d(this variable), of its shape; may be left out where this is a single number, and is then 1

        Raises ShapeError when the variable has more than one element and no gradient is given.
        """
        for variable, found in gradients(self, self._seed(gradient)).items():
            variable.grad = as_array(found)

    def _seed(self, gradient: Any) -> Array:
        if gradient is not None:
            return self._seed_of_shape(as_array(gradient))
        if self.size != 1:
            raise ShapeError(
                f"backward() starts at a single number, got {_label(self)} of shape {self.shape}. "
                "Reduce it first (sum() or mean()), or pass gradient= of that shape."
            )
        return array_library(self._value).ones(self.shape, self.dtype)

    def _seed_of_shape(self, gradient: Array) -> Array:
        if gradient.shape != self.shape:
            raise ShapeError(f"backward(gradient): expected shape {self.shape}, got {gradient.shape}.")
        return array_library(self._value).asarray(gradient, dtype=self.dtype)

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("a Variable that holds a single number has no length")
        return self.shape[0]

    def __repr__(self) -> str:
        name = "" if self.name is None else f", name={self.name!r}"
        body = str(self._value).replace("\n", "\n         ")
        return f"Variable({body}{name})"

    def __float__(self) -> float:
        return float(self._value)


class Parameter(Variable):
    """A leaf that training changes.

    trainable   False: frozen, no gradient is computed and no update taken
    decay       whether weight decay applies (weights: yes; biases and norm parameters: no)
    """

    def __init__(self, value: Any, name: str | None = None, *, trainable: bool = True, decay: bool = True) -> None:
        super().__init__(value, name)
        self.trainable = trainable
        self.decay = decay

    @property
    def trainable(self) -> bool:
        """Whether training changes it."""
        return self.needs_grad

    @trainable.setter
    def trainable(self, trainable: bool) -> None:
        self.needs_grad = bool(trainable)


class Function:
    """A node: one equation forward, its local derivative backward.  A user's own node overrides both.

    forward(*arrays)     -> an array, or a tuple of them.  Keeps on `self` what backward needs.
    backward(*gradients) -> dL/d(input) for each input, given dL/d(output) for each output; None where there is none.

    `inputs` are the Variables it was called on and `needs[i]` says whether anyone wants the gradient of input i: an
    expensive one may be left out (None) where it is False.

    `wide` nodes, such as those that take means of many numbers, compute in float32 what is given to them in half
    precision: their outputs are rounded to the first input's type, their gradients to that of each input.

    >>> class Square(Function):
    ...     def forward(self, x):
    ...         self.x = x
    ...         return x**2
    ...     def backward(self, gy):
    ...         return 2 * self.x * gy
    >>> x = Variable(3.0)
    >>> y = Square()(x)
    >>> y.backward()
    >>> float(y), float(x.grad)
    (9.0, 6.0)
    """

    wide = False
    inputs: tuple[Variable, ...] = ()
    needs: tuple[bool, ...] = ()
    output_shapes: tuple[tuple[tuple[int, ...], Any], ...] = ()

    def forward(self, *arrays: Any) -> Any:
        """The equation: arrays in, an array (or a tuple of arrays) out."""
        raise NotImplementedError(f"{type(self).__name__} defines no forward(self, ...)")

    def backward(self, *gradients: Any) -> Any:
        """The local derivative: dL/d(output) in, dL/d(input) out, one for each input."""
        raise NotImplementedError(f"{type(self).__name__} defines no backward(self, ...)")

    def __call__(self, *inputs: Any) -> Any:
        if self.inputs:
            raise RuntimeError(f"this {type(self).__name__} is already a node of a graph: make a new one for each call")
        variables = as_variables(inputs)
        self.needs = (
            tuple(variable.needs_grad for variable in variables) if _recording.get() else (False,) * len(inputs)
        )
        values = [variable.value for variable in variables]
        results = self._forward_wide(*values) if self.wide else self.forward(*values)
        outputs = [_constant(result) for result in (results if isinstance(results, tuple) else (results,))]
        if any(self.needs):
            self._join(variables, outputs)
        if (observer := _observer.get()) is not None:
            observer(self, variables, outputs)
        return tuple(outputs) if isinstance(results, tuple) else outputs[0]

    def _forward_wide(self, *values: Array) -> Any:
        results, first = self.forward(*map(widened, values)), values[0]
        if widened(first) is first:
            return results
        rounded = [result.astype(first.dtype) for result in (results if isinstance(results, tuple) else (results,))]
        return tuple(rounded) if isinstance(results, tuple) else rounded[0]

    def _join(self, inputs: tuple[Variable, ...], outputs: list[Variable]) -> None:
        self.inputs = inputs
        self.output_shapes = tuple((output.shape, output.dtype) for output in outputs)
        for index, output in enumerate(outputs):
            output.creator, output.output_index = self, index
            output.needs_grad = is_floating(output.dtype)


def as_array(value: Any) -> Array:
    """`value` as an array: JAX's and NumPy's stay as they are, a Python number becomes a float64 NumPy value."""
    if is_jax(value) or isinstance(value, np.ndarray):
        array = value
    elif isinstance(value, Variable):
        raise TypeError("a Variable cannot hold a Variable; use its .value")
    else:
        array = np.asarray(value, dtype=np.float64 if isinstance(value, (int, float)) else None)
    if array.dtype == object or array.dtype.kind in "USmM":
        raise DataError(f"A Variable holds numbers; expected an array of numbers, got {_describe(value)}.")
    return array


def as_variables(inputs: tuple[Any, ...]) -> tuple[Variable, ...]:
    """The inputs of a node as Variables: an array becomes a constant, a Python number one of the others' dtype."""
    dtypes = [entry.dtype for entry in inputs if hasattr(entry, "dtype")]
    floating = [dtype for dtype in dtypes if is_floating(dtype)]
    return tuple(entry if isinstance(entry, Variable) else _constant(_number(entry, floating)) for entry in inputs)


def _number(entry: Any, floating: list[Any]) -> Any:
    weak = isinstance(entry, (bool, int, float)) and not isinstance(entry, np.generic)
    return np.asarray(entry, dtype=floating[0]) if weak and floating else entry


def _constant(value: Any) -> Variable:
    variable = Variable(value)
    variable.needs_grad = False
    return variable


def _label(variable: Variable) -> str:
    return f"Variable '{variable.name}'" if variable.name else "a Variable"


def _describe(value: Any) -> str:
    dtype = getattr(value, "dtype", None)
    return type(value).__name__ if dtype is None else f"an array of dtype {dtype}"
