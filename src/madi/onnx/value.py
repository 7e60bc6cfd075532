"""A value on its way through an ONNX graph: images lie channels first there, and channels last in madi."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import madi.functions as F
from madi.graph import Array, Variable


class Value:
    """A value in one order of axes or in both; the other one is made when it is asked for, once.

    known   the NumPy array where the value is known before anything runs, as shapes and weights are; else None
    first   the Variable as ONNX has it: images (N, C, H, W)
    last    the Variable with the channels last: (N, H, W, C)

    A chain of convolutions, activations and pools asks for `last` alone, so that nothing is moved between them: what is
    never asked for is never computed.
    """

    __slots__ = ("_first", "_last", "known")

    def __init__(self, first: Any = None, *, last: Any = None, known: np.ndarray | None = None) -> None:
        self._first: Any = _variable(known if first is None and last is None else first)
        self._last: Any = _variable(last)
        self.known = known

    @property
    def first(self) -> Variable:
        """The value as ONNX has it."""
        if self._first is None:
            order = (0, self._last.ndim - 1, *range(1, self._last.ndim - 1))
            self._first = F.transpose(self._last, order)
        return self._first

    @property
    def last(self) -> Variable:
        """The value with its second axis moved to the end."""
        if self._last is None:
            self._last = F.transpose(self._first, (0, *range(2, self._first.ndim), 1))
        return self._last

    @property
    def is_last(self) -> bool:
        """Whether the value lies channels last as it is."""
        return self._first is None

    @property
    def shape(self) -> tuple[int, ...]:
        """As ONNX has it."""
        if self._first is not None:
            return tuple(self._first.shape)
        n, *middle, channels = self._last.shape
        return (n, channels, *middle)

    @property
    def ndim(self) -> int:
        """Count of axes."""
        return len(self.shape)

    @property
    def dtype(self) -> Any:
        """Type of the numbers."""
        return (self._last if self._first is None else self._first).dtype


def elementwise(function: Callable[..., Any], *values: Value) -> Value:
    """`function` of Variables, number by number and broadcast, in the order of axes in which the values lie.

    Channels last where one of them lies so and the others do too, are single numbers, or have an axis for each of its.
    """
    whole = max((value for value in values if value.is_last), key=lambda value: value.ndim, default=None)
    if whole is None or any(value.ndim not in (0, whole.ndim) and value.shape != (1,) for value in values):
        return Value(function(*(value.first for value in values)))
    return Value(last=function(*(value.last if value.ndim == whole.ndim else value.first for value in values)))


def _variable(value: Variable | Array | None) -> Variable | None:
    return value if value is None or isinstance(value, Variable) else Variable(value)
