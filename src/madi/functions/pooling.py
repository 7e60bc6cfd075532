"""Nodes that summarise windows of channels-last images: the largest number, or the mean."""

from __future__ import annotations

from typing import Any

import numpy as np

from madi.errors import ShapeError
from madi.graph import Array, Function, Variable
from madi.kernels.arrays import array_library
from madi.kernels.pooling import (
    average_pool2d_backward,
    average_pool2d_forward,
    max_pool2d_backward,
    max_pool2d_forward,
    positions_of_maxima,
)


class MaxPool2D(Function):
    """The largest number of each window, channel by channel; windows s apart, their pixels d apart, padding p.

    forward   y[n,i,j,c]  = max over k, l of x[n, i s + k d - p, j s + l d - p, c]
    backward  gx[n,h,w,c] = Σ of gy[n,i,j,c] over the windows whose maximum stood at (h, w)
    keeps the place of each maximum in its window, a byte

    Of equal maxima the first, row by row, gets the whole gradient: exactly one place of each window does, as in
    PyTorch.  Padding never wins.  A NaN beats every number.
    """

    symbol = "max pool"

    def __init__(self, **options: Any) -> None:
        self.options = options

    def forward(self, x: Array) -> Array:
        self.image = x.shape[1:3]
        y, self.places = max_pool2d_forward(x, **self.options)
        return y

    def backward(self, gy: Array) -> Array:
        return max_pool2d_backward(gy, self.places, image=self.image, **self.options)


class MaxPool2DPositions(MaxPool2D):
    """`MaxPool2D` that also says which pixel of its image each maximum is.

    forward   y = the largest of each window, as of `MaxPool2D`,  positions = h W + w of the pixel (h, w) that it is
    backward  gx = the gradient of `MaxPool2D`      a position, a whole number, has none
    """

    def forward(self, x: Array) -> tuple[Array, Array]:
        y = super().forward(x)
        return y, positions_of_maxima(self.places, image=self.image, **self.options)

    def backward(self, gy: Array, gpositions: Array | None = None) -> Array:
        return MaxPool2D.backward(self, gy)


class AveragePool2D(Function):
    """The mean of each window, channel by channel; windows s apart, their pixels d apart, padding p.

    forward   y[n,i,j,c]  = (1 / m[i,j]) Σ over k, l of x[n, i s + k d - p, j s + l d - p, c]
    backward  gx[n,h,w,c] = Σ over the windows (i, j) that see (h, w) of gy[n,i,j,c] / m[i,j]

    m[i,j]   the pixels of the window: with `count_padding` those in the padding too, as zeros; without it those of the
             image alone.  What `ceil_mode` hangs over the padding's edge never counts.
    """

    symbol = "mean pool"

    def __init__(self, **options: Any) -> None:
        self.options = options

    def forward(self, x: Array) -> Array:
        self.image = x.shape[1:3]
        return average_pool2d_forward(x, **self.options)

    def backward(self, gy: Array) -> Array:
        return average_pool2d_backward(gy, image=self.image, **self.options)


class GlobalAveragePool(Function):
    """The mean of each channel over the whole image.

    forward   y[n,c]      = (1 / (H W)) Σ over h, w of x[n,h,w,c]
    backward  gx[n,h,w,c] = gy[n,c] / (H W)
    """

    symbol = "mean"

    def forward(self, x: Array) -> Array:
        if x.ndim != 4:
            raise ShapeError(
                f"global_average_pool: expected x (N, H, W, C), got {x.shape}. Add the axes that are missing."
            )
        return x.mean(axis=(1, 2))

    def backward(self, gy: Array) -> Array:
        _, height, width, _ = shape = self.inputs[0].shape
        return array_library(gy).broadcast_to(gy[:, None, None] / (height * width), shape)


class GlobalMaxPool(Function):
    """The largest number of each channel in the whole image.

    forward   y[n,c]      = max over h, w of x[n,h,w,c]
    backward  gx[n,h,w,c] = gy[n,c] where the maximum stands, else 0
    keeps the pixel of each maximum: of equal ones the first, row by row; a NaN beats every number
    """

    symbol = "max"

    def forward(self, x: Array) -> Array:
        if x.ndim != 4:
            raise ShapeError(f"global_max_pool: expected x (N, H, W, C), got {x.shape}. Add the axes that are missing.")
        pixels = x.reshape(x.shape[0], -1, x.shape[3])
        self.places = pixels.argmax(axis=1)
        return pixels.max(axis=1)

    def backward(self, gy: Array) -> Array:
        _, height, width, _ = shape = self.inputs[0].shape
        pixels = np.arange(height * width)[:, None]
        there = array_library(gy).where(pixels == self.places[:, None], gy[:, None], np.zeros((), gy.dtype))
        return there.reshape(shape)


def max_pool2d(
    x: Any, size: Any, *, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False
) -> Variable:
    """The largest number of each window of images (N, H, W, C).  See `MaxPool2D`.

    size        of the window: a number, or (height, width); at most 256 pixels
    stride      pixels from one window to the next; the window's size where it is left out
    padding     "valid" (none), "same" (as for `conv2d`), a number of pixels below the size, (height, width), or
                ((top, bottom), (left, right))
    dilation    distance between the pixels of a window, whose size then is its reach: d (size - 1) + 1
    ceil_mode   a last window may hang over the edge: H_out is rounded up instead of down, as long as the window begins
                inside the image or the padding before it, as in PyTorch

    Raises ShapeError where no window fits into the image, ConfigurationError for options out of range.
    """
    return MaxPool2D(size=size, stride=stride, padding=padding, dilation=dilation, ceil=ceil_mode)(x)


def max_pool2d_positions(
    x: Any, size: Any, *, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False
) -> tuple[Variable, Variable]:
    """`max_pool2d`, and which pixel of its image each maximum is: h W + w, as PyTorch's return_indices gives it.

    Both (N, H_out, W_out, C).  Options and errors as for `max_pool2d`; no gradient goes through the positions.
    """
    options = {"size": size, "stride": stride, "padding": padding, "dilation": dilation, "ceil": ceil_mode}
    y, positions = MaxPool2DPositions(**options)(x)
    return y, positions


def average_pool2d(
    x: Any, size: Any, *, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False,
    count_padding: bool = True,
) -> Variable:  # fmt: skip
    """The mean of each window of images (N, H, W, C).  See `AveragePool2D`; options as for `max_pool2d`.

    count_padding   whether a window's padding counts among its pixels, as zeros (PyTorch's count_include_pad, and its
                    default)
    """
    options = {"size": size, "stride": stride, "padding": padding, "dilation": dilation, "ceil": ceil_mode}
    return AveragePool2D(**options, count_padding=count_padding)(x)


def global_average_pool(x: Any) -> Variable:
    """The mean of each channel: (N, H, W, C) -> (N, C).  See `GlobalAveragePool`."""
    return GlobalAveragePool()(x)


def global_max_pool(x: Any) -> Variable:
    """The largest number of each channel: (N, H, W, C) -> (N, C).  See `GlobalMaxPool`."""
    return GlobalMaxPool()(x)
