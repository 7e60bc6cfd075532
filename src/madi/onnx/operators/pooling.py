"""Pooling: the largest number of each window, or its mean."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import madi.functions as F
from madi.graph import Array, Variable
from madi.kernels.arrays import is_floating
from madi.kernels.windows import Windows
from madi.onnx.graph import Node
from madi.onnx.operators.windows import image, like, windows
from madi.onnx.table import operator
from madi.onnx.value import Value

Sizes = Sequence[int] | None


def _options(look: Windows, ceil_mode: int) -> dict[str, Any]:
    """What madi's poolings are told beside the size of the windows."""
    return {"stride": look.stride, "padding": look.padding, "dilation": look.dilation, "ceil_mode": bool(ceil_mode)}


@operator("MaxPool")
def max_pool(
    x: Value, *, node: Node, kernel_shape: Sequence[int], auto_pad: str = "NOTSET", ceil_mode: int = 0,
    dilations: Sizes = None, pads: Sizes = None, storage_order: int = 0, strides: Sizes = None,
) -> Value | tuple[Value, ...]:  # fmt: skip
    """Of rows and images; if they are asked for, the places of the maxima follow, counted through the whole of x."""
    look = windows(node, x, kernel_shape, strides=strides, pads=pads, dilations=dilations, auto_pad=auto_pad)
    options, floats = _options(look, ceil_mode), is_floating(x.dtype)
    pixels: Any = image(x) if floats else F.cast(image(x), np.float32)  # which holds all whole numbers of 8 bits
    if len(node.outputs) == 1:
        y = F.max_pool2d(pixels, look.size, **options)
        return like(x, y if floats else F.cast(y, x.dtype))
    y, positions = F.max_pool2d_positions(pixels, look.size, **options)
    places = _places(positions.value, pixels.shape, by_column=bool(storage_order))
    return like(x, y if floats else F.cast(y, x.dtype)), like(x, Variable(places))


def _places(positions: Array, shape: tuple[int, ...], *, by_column: bool) -> Array:
    """Pixels of their images, h W + w, as places in (N, C, H, W), or in (N, C, W, H) where `by_column`."""
    n, height, width, channels = shape
    within = positions % width * height + positions // width if by_column else positions
    planes = np.arange(n)[:, None, None, None] * channels + np.arange(channels)
    return (planes * (height * width) + within).astype(np.int64)


@operator("AveragePool")
def average_pool(
    x: Value, *, node: Node, kernel_shape: Sequence[int], auto_pad: str = "NOTSET", ceil_mode: int = 0,
    count_include_pad: int = 0, dilations: Sizes = None, pads: Sizes = None, strides: Sizes = None,
) -> Value:  # fmt: skip
    """Of rows and images."""
    look = windows(node, x, kernel_shape, strides=strides, pads=pads, dilations=dilations, auto_pad=auto_pad)
    options = _options(look, ceil_mode)
    return like(x, F.average_pool2d(image(x), look.size, count_padding=bool(count_include_pad), **options))


def _enter_global(kind: str, function: Callable[..., Any]) -> None:
    @operator(kind)
    def pool(x: Value) -> Value:
        """The axes of the image stay, with size 1."""
        return Value(last=function(x.last, tuple(range(1, x.ndim - 1)), keepdims=True))


_enter_global("GlobalAveragePool", F.mean)
_enter_global("GlobalMaxPool", F.max)
