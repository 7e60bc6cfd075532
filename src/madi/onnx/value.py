"""A value on its way through an ONNX graph: images lie channels first there, and channels last in madi."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

import madi.functions as F
from madi.graph import Array, Variable
from madi.onnx.refusal import Unsupported


class Value:
    """A value in one order of axes or in several; another one is made when it is asked for, once.

    first    the Variable as ONNX has it: images (N, C, H, W)
    last     the Variable with the channels last: (N, H, W, C)
    kernel   the Variable of a convolution's weight as madi has it: (kH, kW, C / groups, filters), for ONNX's (filters,
             C / groups, kH, kW)
    known    the NumPy array as ONNX has it, where the value is known before anything runs, as shapes and weights are;
             else None: inside a program that is being compiled.  NumPy's arrays are known, JAX's are not, so that what
             is computed from known values alone is known by itself; on the engine "numpy" every value is

    A chain of convolutions, activations and pools asks for `last` alone, so that nothing is moved between them: what is
    never asked for is never computed.  Text is no Variable: it has `known` alone, an array of Python's strings.
    """

    __slots__ = ("_first", "_kernel", "_last", "_text")

    def __init__(self, first: Any = None, *, last: Any = None, kernel: Any = None) -> None:
        self._text = first if _is_text(first) else None
        self._first: Any = _variable(first if self._text is None else None)
        self._last: Any = _variable(last)
        self._kernel: Any = _variable(kernel)

    @property
    def first(self) -> Variable:
        """The value as ONNX has it."""
        if self._first is None:
            held = self._held
            n = held.ndim
            order = (0, n - 1, *range(1, n - 1)) if held is self._last else (n - 1, n - 2, *range(n - 2))
            self._first = F.transpose(held, order)
        return self._first

    @property
    def last(self) -> Variable:
        """The value with its second axis moved to the end."""
        if self._last is None:
            self._last = F.transpose(self.first, (0, *range(2, self.ndim), 1))
        return self._last

    @property
    def kernel(self) -> Variable:
        """The value with its second axis and then its first moved to the end."""
        if self._kernel is None:
            self._kernel = F.transpose(self.first, (*range(2, self.ndim), 1, 0))
        return self._kernel

    @property
    def known(self) -> np.ndarray | None:
        """As ONNX has it."""
        if self._text is not None:
            return self._text
        return self.first.value if self.is_known else None

    @property
    def is_known(self) -> bool:
        """Whether the value is known before anything runs."""
        return self._text is not None or isinstance(self._held.value, np.ndarray)

    @property
    def is_last(self) -> bool:
        """Whether the value lies channels last as it is."""
        return self._first is None and self._last is not None

    @property
    def shape(self) -> tuple[int, ...]:
        """As ONNX has it."""
        if self._text is not None:
            return self._text.shape
        shape = tuple(self._held.shape)
        if self._held is self._first:
            return shape
        return (shape[0], shape[-1], *shape[1:-1]) if self._held is self._last else (shape[-1], shape[-2], *shape[:-2])

    @property
    def ndim(self) -> int:
        """Count of axes."""
        return len(self.shape)

    @property
    def dtype(self) -> Any:
        """Type of the numbers; that of `str` for text."""
        return np.dtype(str) if self._text is not None else self._held.dtype

    @property
    def _held(self) -> Variable:
        found = next((form for form in (self._first, self._last, self._kernel) if form is not None), None)
        if found is None:
            raise Unsupported("madi takes numbers there, got text.")
        return found


def elementwise(function: Callable[..., Any], *values: Value) -> Value:
    """`function` of Variables, number by number and broadcast, in the order of axes in which the values lie.

    Channels last where one of them lies so and no other has more axes: what has fewer gets them in front, of size 1.
    """
    whole = max((value for value in values if value.is_last), key=lambda value: value.ndim, default=None)
    if whole is None or any(value.ndim > whole.ndim for value in values):
        return Value(function(*(value.first for value in values)))
    return Value(last=function(*(_beside(whole, value) for value in values)))


def _beside(whole: Value, value: Value) -> Variable:
    """The value as it broadcasts against one that lies channels last."""
    if value.ndim == whole.ndim:
        return value.last
    if math.prod(value.shape) == 1:
        return value.first
    return Value(F.reshape(value.first, (1,) * (whole.ndim - value.ndim) + value.shape)).last


def _is_text(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind in "OSTU"


def _variable(value: Variable | Array | None) -> Variable | None:
    return value if value is None or isinstance(value, Variable) else Variable(value)
