"""Layers that shrink images: the largest number, or the mean, of each window."""

from __future__ import annotations

from typing import Any

import madi.functions as F
from madi.graph import Variable
from madi.kernels.windows import pair
from madi.layers.base import Layer
from madi.layers.convolution import checked_padding, expect_images, kernel_path, naming


class _Windows:
    """What the poolings share: their windows."""

    def set_windows(self, size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool) -> None:
        """Keep the options, checked."""
        with naming(type(self).__name__):
            self.size = pair("size", size)
            self.stride = self.size if stride is None else pair("stride", stride)
            self.padding, self.dilation = checked_padding(padding), pair("dilation", dilation)
        self.ceil_mode = bool(ceil_mode)

    def options(self) -> dict[str, Any]:
        """What its function takes."""
        names = ("size", "stride", "padding", "dilation", "ceil_mode")
        return {name: getattr(self, name) for name in names}


class MaxPool2D(_Windows, Layer):
    """The largest number of each window, channel by channel: (N, H, W, C) -> (N, H_out, W_out, C).

    size        of the window: a number, or (height, width); at most 256 pixels
    stride      pixels from one window to the next; the size where it is left out
    padding     "valid" (none), "same", a number of pixels below the size, (height, width), or
                ((top, bottom), (left, right))
    dilation    distance between the pixels of a window
    ceil_mode   a last window may hang over the edge, so that H_out is rounded up

    See `madi.functions.MaxPool2D`: of equal numbers the first gets the gradient.
    """

    def __init__(
        self, size: Any, stride: Any = None, padding: Any = 0, *, dilation: Any = 1, ceil_mode: bool = False
    ) -> None:
        self.set_windows(size, stride, padding, dilation, ceil_mode)

    def __call__(self, x: Any) -> Variable:
        """The maxima of x."""
        expect_images(self, x.shape)
        with naming(self.label()):
            return F.max_pool2d(x, **self.options())

    def kernel_path(self, engine: str = "jax") -> str:
        """What runs it on float32 images: see `madi.layers.convolution.kernel_path`; no compiled kernel has gaps."""
        return kernel_path(engine) if self.dilation == (1, 1) or engine == "numpy" else "xla"


class AveragePool2D(_Windows, Layer):
    """The mean of each window, channel by channel: (N, H, W, C) -> (N, H_out, W_out, C).

    size, stride, padding, dilation, ceil_mode    as for MaxPool2D
    count_padding                                 whether padding counts among a window's pixels, as zeros
    """

    def __init__(
        self, size: Any, stride: Any = None, padding: Any = 0, *, dilation: Any = 1, ceil_mode: bool = False,
        count_padding: bool = True,
    ) -> None:  # fmt: skip
        self.set_windows(size, stride, padding, dilation, ceil_mode)
        self.count_padding = bool(count_padding)

    def __call__(self, x: Any) -> Variable:
        """The means of x."""
        expect_images(self, x.shape)
        with naming(self.label()):
            return F.average_pool2d(x, count_padding=self.count_padding, **self.options())


class GlobalAveragePool(Layer):
    """The mean of each channel: (N, H, W, C) -> (N, C), whatever the size of the image."""

    def __call__(self, x: Any) -> Variable:
        """The means of x."""
        expect_images(self, x.shape)
        return F.global_average_pool(x)


class GlobalMaxPool(Layer):
    """The largest number of each channel: (N, H, W, C) -> (N, C), whatever the size of the image."""

    def __call__(self, x: Any) -> Variable:
        """The maxima of x."""
        expect_images(self, x.shape)
        return F.global_max_pool(x)
