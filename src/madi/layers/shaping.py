"""Layers that move numbers about: other shapes, other orders, and a rim."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

import madi.functions as F
from madi.errors import ConfigurationError, ShapeError
from madi.graph import Variable
from madi.layers.base import Layer
from madi.layers.convolution import naming
from madi.options import FINITE, expect_count, expect_number, is_whole


class Flatten(Layer):
    """All axes after the first become one: (N, 28, 28, 1) -> (N, 784)."""

    def __call__(self, x: Any) -> Variable:
        """x in the shape (N, elements of one example)."""
        return F.reshape(x, (x.shape[0], math.prod(x.shape[1:])))


class Reshape(Layer):
    """Each example in another shape, its numbers in the order in which they lie: Reshape(7, 7, 64), Reshape(-1, 4).

    sizes    of one example; one of them may be -1, which stands for what is left

    Raises ConfigurationError for sizes that are none; ShapeError where an example has another count of numbers.
    """

    def __init__(self, *sizes: int) -> None:
        if not all(is_whole(size) and (size > 0 or size == -1) for size in sizes) or sizes.count(-1) > 1:
            raise ConfigurationError(
                f"Reshape: expected the sizes of one example, at most one of them -1, got {sizes}. Try Reshape(-1)."
            )
        self.sizes = tuple(map(int, sizes))

    def __call__(self, x: Any) -> Variable:
        """x in the shape (N, *sizes)."""
        held, wanted = math.prod(x.shape[1:]), math.prod(size for size in self.sizes if size > 0)
        if held % wanted if -1 in self.sizes else held != wanted:
            raise ShapeError(
                f"{self.label()}: expected examples whose {held} numbers fill the shape {self.sizes}, got x {x.shape}. "
                "Give it other sizes."
            )
        free = held // wanted
        return F.reshape(x, (x.shape[0], *(free if size == -1 else size for size in self.sizes)))

    def __repr__(self) -> str:
        return f"Reshape({', '.join(map(str, self.sizes))})"


class Permute(Layer):
    """The axes of each example in another order: Permute(2, 0, 1) makes (N, C, H, W) of images (N, H, W, C).

    axes    of one example, each once: axis 0 is the one after the examples

    Raises ConfigurationError where one is missing; ShapeError for examples of another count of axes.
    """

    def __init__(self, *axes: int) -> None:
        if not all(map(is_whole, axes)) or sorted(axes) != list(range(len(axes))):
            raise ConfigurationError(
                f"Permute: expected each axis of one example once, from 0 on, got {axes}. Try Permute(2, 0, 1)."
            )
        self.axes = tuple(map(int, axes))

    def __call__(self, x: Any) -> Variable:
        """x with its axes in the order (0, axis + 1, ...)."""
        if x.ndim != 1 + len(self.axes):
            raise ShapeError(
                f"{self.label()}: expected examples of {len(self.axes)} axes, got x {x.shape}. Name each of its axes."
            )
        return F.transpose(x, (0, *(axis + 1 for axis in self.axes)))

    def __repr__(self) -> str:
        return f"Permute({', '.join(map(str, self.axes))})"


class Pad(Layer):
    """A rim around each example: of one number, or of its own numbers again.  See `madi.functions.pad`.

    widths    (before, after) for each axis of one example: ((1, 1), (1, 1), (0, 0)) around images
    mode      "constant", "edge", "reflect" or "wrap"
    value     of mode "constant"

    Raises ConfigurationError for options out of range; ShapeError for examples of another count of axes.
    """

    def __init__(self, widths: Sequence[Sequence[int]], mode: str = "constant", value: float = 0.0) -> None:
        pairs = [tuple(pair) if isinstance(pair, Sequence) else () for pair in widths]
        if not all(len(pair) == 2 and all(is_whole(width) and width >= 0 for width in pair) for pair in pairs):
            raise ConfigurationError(
                f"Pad: expected (before, after) for each axis of one example, got {widths!r}. "
                "Try ((1, 1), (1, 1), (0, 0)) for images."
            )
        with naming("Pad"):
            F.pad(np.zeros(1), [(0, 0)], mode)
        self.widths = tuple(tuple(map(int, pair)) for pair in pairs)
        self.mode, self.value = mode, expect_number("Pad: value", value, FINITE, fix="Try 0.")

    def __call__(self, x: Any) -> Variable:
        """x with a rim."""
        with naming(self.label()):
            return F.pad(x, ((0, 0), *self.widths), self.mode, self.value)


class ChannelShuffle(Layer):
    """The channels of g groups dealt out, one of each group in turn: what grouped convolutions keep apart meets.

    forward   y[..., i g + j] = x[..., j m + i]        m channels a group, i of m, j of g
    backward  gx[..., j m + i] = gy[..., i g + j]

    groups    g, which divides the channels

    Zhang, Zhou, Lin and Sun, 2018, "ShuffleNet".
    """

    def __init__(self, groups: int) -> None:
        self.groups = expect_count("ChannelShuffle: groups", groups, fix="Try 2.")

    def __call__(self, x: Any) -> Variable:
        """x with its channels in another order."""
        *others, channels = x.shape
        if channels % self.groups:
            raise ShapeError(
                f"{self.label()}: expected channels that {self.groups} groups divide, got x {x.shape}. Use fewer."
            )
        apart = F.reshape(x, (*others, self.groups, channels // self.groups))
        dealt = F.transpose(apart, (*range(len(others)), len(others) + 1, len(others)))
        return F.reshape(dealt, (*others, channels))
