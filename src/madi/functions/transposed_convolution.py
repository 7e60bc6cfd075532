"""The node that enlarges images: a convolution from its output back to its input."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from madi.errors import ConfigurationError, ShapeError
from madi.functions.padding import zero_pad
from madi.graph import Array, Function, Variable
from madi.kernels.convolution import conv2d_forward, conv2d_input_gradient, conv2d_weight_gradient
from madi.kernels.windows import Pair, Windows, make_windows, pair


class Conv2DTranspose(Function):
    """Transposed convolution of images: each pixel of x lays the kernel, times itself, upon y, s pixels apart.

    forward   y[n,h,w,f]  = Σ over c and the (i, j, k, l) with i s + k d - p = h and j s + l d - p = w of
                            x[n,i,j,c] W[k,l,f,c]  + b[f]
    backward  gx[n,i,j,c] = Σ over k, l, f of gy[n, i s + k d - p, j s + l d - p, f] W[k,l,f,c]
              gW[k,l,f,c] = Σ over n, i, j of gy[n, i s + k d - p, j s + l d - p, f] x[n,i,j,c]
              gb[f]       = Σ over n, h, w of gy[n,h,w,f]
    keeps x and W

    x (N, H, W, C), W (kH, kW, filters / groups, C), b (filters,) -> y (N, H_out, W_out, filters), with stride s,
    dilation d, padding p and H_out = (H - 1) s + (kH - 1) d + 1 - p_top - p_bottom + the padding of the output.

    It is `Conv2D` with x and y exchanged, and with them the last two axes of W: forward is that convolution's gradient
    by its input, and backward is the convolution itself.  The same kernels compute both.
    """

    symbol = "conv transpose"

    def __init__(self, image: Pair, windows: Windows, groups: int) -> None:
        self.image = image
        self.options: dict[str, Any] = {
            "stride": windows.stride, "padding": windows.padding, "dilation": windows.dilation, "groups": groups
        }  # fmt: skip

    def forward(self, x: Array, weight: Array, bias: Array | None = None) -> Array:
        self.x, self.weight = x, weight
        y = conv2d_input_gradient(x, weight, image=self.image, **self.options)
        return y if bias is None else y + bias

    def backward(self, gy: Array) -> tuple[Array | None, ...]:
        gx = gweight = gbias = None
        if self.needs[0]:
            gx = conv2d_forward(gy, self.weight, **self.options)
        if self.needs[1]:
            gweight, _ = conv2d_weight_gradient(gy, self.x, kernel_size=self.weight.shape[:2], **self.options)
        if len(self.inputs) == 3:
            gbias = gy.sum(axis=(0, 1, 2))
        return (gx, gweight, gbias)[: len(self.inputs)]

    @property
    def multiply_adds(self) -> int:
        """Multiplications, each with its addition, of the whole call: kH kW filters / groups for each number of x."""
        return math.prod(self.x.shape) * math.prod(self.weight.shape[:3])

    @property
    def numpy_writes(self) -> int:
        """Numbers that NumPy writes in the whole call: kH kW filters for each pixel of x."""
        return math.prod(self.x.shape[:3]) * math.prod(self.weight.shape[:3]) * self.options["groups"]


def conv2d_transpose(
    x: Any, weight: Any, bias: Any = None, *, stride: Any = 1, padding: Any = 0, output_padding: Any = 0,
    dilation: Any = 1, groups: int = 1,
) -> Variable:  # fmt: skip
    """Transposed convolution of images (N, H, W, C) with `weight` (kH, kW, filters / groups, C).

    stride          pixels of y from where one pixel of x lays the kernel to where the next does: a number, or
                    (along the height, along the width)
    padding         pixels that y loses at its edges: "valid" (none), "same", a number of them, (height, width), or
                    ((top, bottom), (left, right)).  "same" makes H_out = H stride; what is lost there cannot always be
                    shared evenly, and the odd pixel is lost below and to the right
    output_padding  pixels that y gains below and to the right: a number, or (height, width)
    dilation        distance between the pixels that the kernel is laid upon
    groups          number of groups of channels, each with filters of its own

    PyTorch's weight (C, filters / groups, kH, kW) becomes W by transpose(2, 3, 1, 0).  See `Conv2DTranspose`.

    Raises ShapeError where x, weight and bias do not fit, or the padding leaves nothing of y; ConfigurationError for
    options out of range, groups that do not divide the channels, and an output_padding beside "same".
    """
    _expect_fitting(np.shape(x), np.shape(weight), None if bias is None else np.shape(bias), groups)
    extra, steps = _output_padding(output_padding, padding), pair("stride", stride)
    rows, columns = extra[0] // steps[0], extra[1] // steps[1]
    if rows or columns:  # y gains what zeros below x lay upon it
        x = zero_pad(x, ((0, 0), (0, rows), (0, columns), (0, 0)))
    whole = (x.shape[1] * steps[0], x.shape[2] * steps[1])
    windows = make_windows(weight.shape[:2], image=whole, stride=steps, padding=padding, dilation=dilation)
    height, width = windows.image_size(x.shape[1:3])
    image = whole if padding == "same" else (height + extra[0] % steps[0], width + extra[1] % steps[1])
    node = Conv2DTranspose(image, windows, groups)
    return node(x, weight) if bias is None else node(x, weight, bias)


def _output_padding(output_padding: Any, padding: Any) -> Pair:
    extra = pair("output_padding", output_padding, least=0)
    if any(extra) and padding == "same":
        raise ConfigurationError(
            f"conv2d_transpose: padding='same' says how large y is, got output_padding={output_padding!r} beside it. "
            "Leave one of them out."
        )
    return extra


def _expect_fitting(
    x: tuple[int, ...], weight: tuple[int, ...], bias: tuple[int, ...] | None, groups: int
) -> None:  # fmt: skip
    """Raise ShapeError or ConfigurationError unless arrays of these shapes go into a transposed convolution."""
    if len(x) != 4 or len(weight) != 4:
        raise ShapeError(
            "conv2d_transpose: expected x (N, H, W, C) and weight (kH, kW, filters / groups, C), got "
            f"{x} and {weight}. Add the axes that are missing."
        )
    if weight[3] != x[3]:
        raise ShapeError(
            f"conv2d_transpose: expected a weight whose last axis has the {x[3]} channels of x {x}, got {weight}. "
            "Build the layer for this input."
        )
    if groups < 1 or x[3] % groups:
        raise ConfigurationError(
            f"conv2d_transpose: expected groups to divide the {x[3]} channels, got {groups}. Use groups=1."
        )
    if bias not in (None, filters := (weight[2] * groups,)):
        raise ShapeError(f"conv2d_transpose: expected a bias of shape {filters}, one a filter, got {bias}.")
