"""Conv2DTranspose: filters that draw an image, larger than the one they see."""

from __future__ import annotations

from typing import Any

import numpy as np

import madi.functions as F
from madi.graph import Parameter, Variable
from madi.kernels.windows import pair
from madi.layers.base import Layer
from madi.layers.convolution import Filters, channels_of, expect_images, naming


class Conv2DTranspose(Filters, Layer):
    """Transposed convolution of images: each pixel lays the kernel, times itself, upon one `stride` times as large.

    forward   y = x *ᵀ W + b          (N, H, W, C) -> (N, H_out, W_out, filters)
    backward  as `madi.functions.Conv2DTranspose` has it

    filters         number of channels of the output
    kernel_size     a number, or (height, width)
    stride          pixels of y from one place of the kernel to the next: a number, or (along the height, along the
                    width)
    padding         what y loses at its edges: "same": H_out = H stride; "valid": nothing; a number of pixels, (height,
                    width), or ((top, bottom), (left, right)).  PyTorch's padding is such a number
    output_padding  pixels that y gains below and to the right; not beside "same"
    dilation        distance between the pixels that the kernel is laid upon
    groups          number of groups of channels, each with filters of its own
    bias            False leaves b out, as before a BatchNorm, which has a shift of its own
    initializer     of W (height, width, filters / groups, C): a name or one of madi.initializers; b starts at 0.  Its
                    fan in is what a pixel of y sums over: 1 / stride² of the kernel's pixels, in C / groups channels

    Raises ConfigurationError for options out of range, ShapeError for inputs that are no images of the channels that
    the layer was built for, and for a padding that leaves nothing of y.
    """

    def __init__(
        self, filters: int, kernel_size: Any, stride: Any = 1, padding: Any = "same", *, output_padding: Any = 0,
        dilation: Any = 1, groups: int = 1, bias: bool = True, initializer: Any = "he",
    ) -> None:  # fmt: skip
        options = {"dilation": dilation, "groups": groups, "bias": bias, "initializer": initializer}
        self._take(filters, kernel_size, stride, padding, **options)
        with naming("Conv2DTranspose"):
            self.output_padding = pair("output_padding", output_padding, least=0)

    def build(self, shape: Any, key: Any = None, *, seed: int = 0) -> Any:
        """W from the initializer, b zeros."""
        channels = channels_of(self, shape)
        filters, pixels = self.filters // self.groups, self.kernel_size[0] * self.kernel_size[1]
        seen = max(pixels // (self.stride[0] * self.stride[1]), 1)
        fan = channels // self.groups * seen, filters * pixels
        self.weight = Parameter(self.initializer(key, (*self.kernel_size, filters, channels), fan))
        self.bias = Parameter(np.zeros(self.filters, np.float32), decay=False) if self.use_bias else None

    def __call__(self, x: Any) -> Variable:
        """The filters laid upon each other."""
        expect_images(self, x.shape, self.weight.shape[3])
        with naming(self.label()):
            return F.conv2d_transpose(
                x, self.weight, self.bias, stride=self.stride, padding=self.padding,
                output_padding=self.output_padding, dilation=self.dilation, groups=self.groups,
            )  # fmt: skip
