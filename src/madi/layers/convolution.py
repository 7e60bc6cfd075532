"""Conv2D: filters that slide over an image; ZeroPad: zeros around it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

import madi.functions as F
from madi import initializers
from madi.errors import ConfigurationError, ShapeError
from madi.graph import Parameter, Variable
from madi.kernels.convolution import conv2d_path
from madi.kernels.windows import make_windows, pair
from madi.layers.base import Layer
from madi.options import expect_count


class Filters:
    """What the layers share whose filters slide over images: their options, and the parameters that `build` makes."""

    weight: Parameter
    bias: Parameter | None

    def _take(
        self, filters: Any, kernel_size: Any, stride: Any, padding: Any, *, dilation: Any, groups: Any, bias: bool,
        initializer: Any,
    ) -> None:  # fmt: skip
        """Keep the options of a constructor; ConfigurationError for those that are out of range."""
        name = type(self).__name__
        self.filters = expect_count(f"{name}: filters", filters, fix="")
        with naming(name):
            self.kernel_size = pair("kernel_size", kernel_size)
            self.stride, self.dilation = pair("stride", stride), pair("dilation", dilation)
            self.padding = checked_padding(padding)
        self.groups = expect_count(f"{name}: groups", groups, fix="Try 1.")
        self.initializer = initializers.get(initializer)
        self.weight = self.bias = None  # type: ignore[assignment]  # made by build
        self.use_bias = bias

    def kernel_path(self, engine: str = "jax") -> str:
        """What runs it on float32 images: see `kernel_path`."""
        return kernel_path(engine)


class Conv2D(Filters, Layer):
    """Convolution of images: each filter looks at every place of the image with the same weights.

    forward   y = x * W + b           (N, H, W, C) -> (N, H_out, W_out, filters)
    backward  as `madi.functions.Conv2D` has it

    filters      number of channels of the output
    kernel_size  a number, or (height, width)
    stride       pixels from one place of the kernel to the next: a number, or (along the height, along the width)
    padding      zeros around the image: "same": H_out = ceil(H / stride), as TensorFlow shares them out; "valid": none;
                 a number of pixels, (height, width), or ((top, bottom), (left, right)).  PyTorch's networks write
                 padding=kernel_size // 2, which differs from "same" at a stride above 1: see `madi.functions.conv2d`
    dilation     distance between the pixels that the kernel looks at
    groups       number of groups of channels, each seen by filters of its own
    bias         False leaves b out, as before a BatchNorm, which has a shift of its own
    initializer  of W (height, width, C / groups, filters): a name or one of madi.initializers; b starts at 0

    Raises ConfigurationError for options out of range, ShapeError for inputs that are no images of the channels that
    the layer was built for, and for images smaller than the kernel.
    """

    def __init__(
        self, filters: int, kernel_size: Any, stride: Any = 1, padding: Any = "same", *,
        dilation: Any = 1, groups: int = 1, bias: bool = True, initializer: Any = "he",
    ) -> None:  # fmt: skip
        options = {"dilation": dilation, "groups": groups, "bias": bias, "initializer": initializer}
        self._take(filters, kernel_size, stride, padding, **options)

    def build(self, shape: Any, key: Any = None, *, seed: int = 0) -> Any:
        """W from the initializer, b zeros."""
        channels = channels_of(self, shape)
        inputs, pixels = channels // self.groups, self.kernel_size[0] * self.kernel_size[1]
        fan = inputs * pixels, self.filters // self.groups * pixels
        self.weight = Parameter(self.initializer(key, (*self.kernel_size, inputs, self.filters), fan))
        self.bias = Parameter(np.zeros(self.filters, np.float32), decay=False) if self.use_bias else None

    def __call__(self, x: Any) -> Variable:
        """The filters at every place of x."""
        return self.convolved(x)

    def convolved(self, x: Any, *, relu: bool = False) -> Variable:
        """The filters at every place of x; with `relu` what is below 0 becomes 0, in the same node."""
        expect_images(self, x.shape, self.weight.shape[2] * self.groups)
        with naming(self.label()):
            return F.conv2d(
                x, self.weight, self.bias,
                stride=self.stride, padding=self.padding, dilation=self.dilation, groups=self.groups, relu=relu,
            )  # fmt: skip


class ZeroPad(Layer):
    """Zeros around images: (N, H, W, C) -> (N, H + zeros, W + zeros, C + zeros).

    height, width, channels    how many at each end: a number, or (before, after)
    """

    def __init__(self, height: Any = 0, width: Any = 0, channels: Any = 0) -> None:
        with naming("ZeroPad"):
            self.height = pair("height", height, least=0)
            self.width = pair("width", width, least=0)
            self.channels = pair("channels", channels, least=0)

    def __call__(self, x: Any) -> Variable:
        """x with zeros around it."""
        expect_images(self, x.shape)
        return F.zero_pad(x, ((0, 0), self.height, self.width, self.channels))


def kernel_path(engine: str = "jax") -> str:
    """What runs the kernels of images on float32 arrays of that engine, on this machine.

    "numpy" for the engine of that name; for "jax" the compiled variant ("avx512", "avx2", "portable"), or "xla".
    """
    import jax.numpy as jnp

    pixel = np.zeros((1, 1, 1, 1), np.float32)
    return conv2d_path(pixel if engine == "numpy" else jnp.asarray(pixel), pixel)


def channels_of(layer: Any, shape: Any) -> int:
    """The channels of images of this shape; ConfigurationError where groups do not divide them or the filters."""
    expect_images(layer, (None, *shape))
    channels: int = shape[-1]
    if channels % layer.groups or layer.filters % layer.groups:
        raise ConfigurationError(
            f"{layer.label()}: expected groups to divide the {channels} channels and the {layer.filters} filters, "
            f"got {layer.groups}. Use groups=1."
        )
    return channels


def expect_images(layer: Layer, shape: Any, channels: int | None = None) -> None:
    """Raise ShapeError unless this is a shape (N, H, W, C) of images, with that many channels where it is given."""
    if len(shape) == 4 and channels in (None, shape[3]):
        return
    sizes = ", ".join("N" if size is None else str(size) for size in shape)
    fix = f"Give it images of {channels} channels, or build the model for this data."
    if len(shape) != 4:
        fix = "Add the axis of channels: x[..., None]." if len(shape) == 3 else "Give it images, channels last."
    raise ShapeError(f"{layer.label()}: expected images (N, H, W, {channels or 'C'}), got ({sizes}). {fix}")


def checked_padding(padding: Any) -> Any:
    """The padding as it was given, tuples for lists; ConfigurationError where it means nothing."""
    padding = tuple(tuple(e) if isinstance(e, list) else e for e in padding) if isinstance(padding, list) else padding
    make_windows(1, image=(1, 1), padding=padding)
    return padding


@contextmanager
def naming(layer: str) -> Iterator[None]:
    """Within the block an error of shapes or options says which layer it is about."""
    try:
        yield
    except (ShapeError, ConfigurationError) as error:
        raise type(error)(f"{layer}: {error}") from error
