"""Nodes that put numbers around an array: a constant, or numbers of the array itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from madi.errors import ConfigurationError, ShapeError
from madi.graph import Array, Function, Variable
from madi.kernels.arrays import array_library
from madi.kernels.indexing import scatter_add

Widths = tuple[tuple[int, int], ...]
MODES = ("constant", "edge", "reflect", "wrap")


class Pad(Function):
    """A constant around an array.

    forward   y  = x with `before` times `value` in front and `after` times behind, on each axis
    backward  gx = gy without them
    """

    symbol = "pad"

    def __init__(self, widths: Widths, *, value: Any = 0) -> None:
        self.widths, self.value = widths, value

    def forward(self, x: Array) -> Array:
        _expect_widths(self.widths, x.shape)
        return array_library(x).pad(x, self.widths, constant_values=self.value)

    def backward(self, gy: Array) -> Array:
        sizes = self.inputs[0].shape
        return gy[tuple(slice(before, before + sizes[axis]) for axis, (before, _) in enumerate(self.widths))]


class PadByCopies(Function):
    """Numbers of an array around it: the outermost again, those next to it in a mirror, or those of the other end.

    forward   y[i] = x[j(i - before)]      along each axis, of n numbers
    backward  gx = zeros like x, to which gy is added at [j]      a number gets the gradients of all its copies

    Within the axis j(i) = i.  Towards either side of it stand, with "edge", x[0] and x[n - 1] again and again; with
    "reflect", x[1], x[2], ... and x[n - 2], x[n - 3], ...; with "wrap", x[n - 1], x[n - 2], ... and x[0], x[1], ...
    Where more of them are asked for than there are, mirrors and ends follow one another.
    """

    symbol = "pad"

    def __init__(self, widths: Widths, *, mode: str) -> None:
        self.widths, self.mode = widths, mode

    def forward(self, x: Array) -> Array:
        _expect_widths(self.widths, x.shape)
        if not x.size:
            raise ShapeError(f"pad: mode {self.mode!r} copies numbers, and an input of shape {x.shape} has none.")
        for index in self.places(x.shape):
            x = x[index]
        return x

    def backward(self, gy: Array) -> Array:
        shape = self.inputs[0].shape
        for index in self.places(shape):  # in whatever order: no axis touches another's numbers
            axis = len(index) - 1
            gy = scatter_add((*gy.shape[:axis], shape[axis], *gy.shape[axis + 1 :]), index, gy)
        return gy

    def places(self, shape: tuple[int, ...]) -> Iterator[tuple[Any, ...]]:
        """For each axis that grows, the index of what stands there."""
        for axis, widths in enumerate(self.widths):
            if any(widths):
                line: Any = np.pad(np.arange(shape[axis]), widths, mode=self.mode)  # type: ignore[call-overload]
                yield (*(slice(None),) * axis, line)


def _expect_widths(widths: Widths, shape: tuple[int, ...]) -> None:
    """Raise ShapeError unless there is a pair of widths for each axis."""
    if len(widths) != len(shape) or not all(len(pair) == 2 and min(pair) >= 0 for pair in widths):
        raise ShapeError(
            f"pad: expected (before, after) of at least 0 for each of the {len(shape)} axes of shape {shape}, "
            f"got {widths}."
        )


def pad(x: Any, widths: Sequence[Sequence[int]], mode: str = "constant", value: Any = 0) -> Variable:
    """x with numbers around it: `widths` gives (before, after) for each axis.  See `Pad` and `PadByCopies`.

    mode      "constant": `value`;  "edge": the outermost number;  "reflect": a mirror in the outermost number, which is
              not repeated;  "wrap": the numbers of the other end
    value     of mode "constant": a number, which becomes one of x's type

    Raises ShapeError for other widths, and for mode "constant" aside for an x without numbers; ConfigurationError for
    another mode.
    """
    pairs: Any = tuple(tuple(int(width) for width in pair) for pair in widths)
    if mode not in MODES:
        raise ConfigurationError(f"pad: mode must be one of {', '.join(map(repr, MODES))}, got {mode!r}.")
    return (Pad(pairs, value=value) if mode == "constant" else PadByCopies(pairs, mode=mode))(x)


def zero_pad(x: Any, widths: Sequence[Sequence[int]]) -> Variable:
    """x with zeros around it: `widths` gives (before, after) for each axis.  See `Pad`."""
    return pad(x, widths)
