"""Nodes that slide a kernel over channels-last images."""

from __future__ import annotations

import math
from typing import Any

from madi.errors import ShapeError
from madi.graph import Array, Function, Variable
from madi.kernels.convolution import conv2d_forward, conv2d_input_gradient, conv2d_weight_gradient


class Conv2D(Function):
    """Convolution of images, as networks mean it: the kernel is not flipped.  Stride s, dilation d, padding p.

    forward   y[n,i,j,o]  = Σ over k, l, c of x[n, i s + k d - p, j s + l d - p, c] W[k,l,c,o]  + b[o]
    backward  gx[n,h,w,c] = Σ over o and the (i, j, k, l) that saw (h, w) of gy[n,i,j,o] W[k,l,c,o]
              gW[k,l,c,o] = Σ over n, i, j of x[n, i s + k d - p, j s + l d - p, c] gy[n,i,j,o]
              gb[o]       = Σ over n, i, j of gy[n,i,j,o]
    keeps x and W

    x (N, H, W, C), W (kH, kW, C / groups, filters), b (filters,) -> y (N, H_out, W_out, filters), with
    H_out = floor((H + p_top + p_bottom - (kH - 1) d - 1) / s) + 1.  x is 0 outside of the image.  With g groups a
    filter sees only the channels of its group, the first C / g channels for the first filters / g filters, and so on.

    The arithmetic is in `madi.kernels.convolution`: these equations in NumPy, XLA's convolution, and compiled kernels.
    """

    symbol = "conv"
    relu = False
    y: Array | None = None  # of a ReLU that is part of the node

    def __init__(self, *, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1) -> None:
        self.options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}

    def forward(self, x: Array, weight: Array, bias: Array | None = None) -> Array:
        self.x, self.weight = x, weight
        if bias is not None and bias.shape != weight.shape[-1:]:
            raise ShapeError(f"conv2d: expected a bias of shape {weight.shape[-1:]}, one a filter, got {bias.shape}.")
        y = conv2d_forward(x, weight, bias=bias, relu=self.relu, **self.options)
        self.y_shape = y.shape
        return y

    def backward(self, gy: Array) -> tuple[Array | None, ...]:
        gx = gweight = gbias = None
        if self.needs[0]:
            gx = conv2d_input_gradient(gy, self.weight, image=self.x.shape[1:3], output=self.y, **self.options)
        if any(self.needs[1:]):
            gweight, gbias = conv2d_weight_gradient(
                self.x, gy, kernel_size=self.weight.shape[:2], bias=len(self.inputs) == 3, output=self.y, **self.options
            )
        return (gx, gweight, gbias)[: len(self.inputs)]

    @property
    def multiply_adds(self) -> int:
        """Multiplications, each with its addition, of the whole call: kH kW C / groups for each number of y."""
        return math.prod(self.y_shape) * math.prod(self.weight.shape[:3])

    @property
    def numpy_writes(self) -> int:
        """Numbers that NumPy writes in the whole call: y once for each of the kernel's kH kW places."""
        return math.prod(self.y_shape) * math.prod(self.weight.shape[:2])


class Conv2DReLU(Conv2D):
    """A convolution and the ReLU that follows it, as one node: what the images pass through twice, they pass once.

    forward   y  = max(u, 0), with u the y of `Conv2D`
    backward  gu = gy where y > 0, else 0; from it gx, gW and gb as `Conv2D` has them
    keeps x, W and y
    """

    symbol = "conv relu"
    relu = True

    def forward(self, x: Array, weight: Array, bias: Array | None = None) -> Array:
        self.y = super().forward(x, weight, bias)
        return self.y


def conv2d(
    x: Any, weight: Any, bias: Any = None, *, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1,
    relu: bool = False,
) -> Variable:  # fmt: skip
    """Convolution of images (N, H, W, C) with `weight` (kH, kW, C / groups, filters).  See `Conv2D`.

    stride      pixels from one place of the kernel to the next: a number, or (along the height, along the width)
    padding     zeros around the image: "valid" (none), "same", a number of pixels, (height, width), or
                ((top, bottom), (left, right)).  "same" makes H_out = ceil(H / stride), as in TensorFlow: where the
                zeros cannot be shared evenly the odd one goes below and to the right.  At stride 1 an odd kernel has
                d (k - 1) / 2 on each side, as in PyTorch.  At stride 2 an image of even size has one row of zeros less
                above than with padding=k // 2, which is what PyTorch's networks write
    dilation    distance between the pixels that the kernel looks at
    groups      number of groups that see channels of their own
    relu        max(y, 0) follows, in the same node: see `Conv2DReLU`

    Raises ShapeError where x, weight and bias do not fit, or no place of the kernel fits into the image;
    ConfigurationError for options out of range, and groups that do not divide channels and filters.
    """
    kind = Conv2DReLU if relu else Conv2D
    node = kind(stride=stride, padding=padding, dilation=dilation, groups=groups)
    return node(x, weight) if bias is None else node(x, weight, bias)
