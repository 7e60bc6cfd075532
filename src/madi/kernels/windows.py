"""Sizes of sliding windows, for convolution and pooling: output size, padding, and which pixels a window looks at."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from typing import Any, NamedTuple

from madi.errors import ConfigurationError, ShapeError

Pair = tuple[int, int]
Padding = tuple[Pair, Pair]


class Windows(NamedTuple):
    """Windows over an image, each field as (along the height, along the width).

    padding     ((top, bottom), (left, right)), in pixels
    dilation    distance between the pixels of one window
    """

    size: Pair
    stride: Pair
    padding: Padding
    dilation: Pair

    @property
    def reach(self) -> Pair:
        """Pixels from the first to the last of a window, both counted."""
        return tuple((size - 1) * dilation + 1 for size, dilation in zip(self.size, self.dilation, strict=True))  # type: ignore[return-value]

    def offsets(self, axis: int) -> range:
        """Pixels from the first of a window to each of it, along the height (0) or the width (1)."""
        return range(0, self.reach[axis], self.dilation[axis])

    @property
    def first(self) -> Pair:
        """Padding above and to the left."""
        return self.padding[0][0], self.padding[1][0]

    def output_size(self, image: Sequence[int]) -> Pair:
        """(height, width) of the output for an image of this (height, width).

        out = floor((in + padding - reach) / stride) + 1.  Raises ShapeError where not one window fits.
        """
        room = [size + sum(pads) - reach for size, pads, reach in zip(image, self.padding, self.reach, strict=True)]
        if min(room) < 0:
            raise ShapeError(
                f"windows of {self.reach} pixels: expected an image at least as large with its padding {self.padding}, "
                f"got {tuple(image)}. Pad more, or make the kernel smaller."
            )
        return room[0] // self.stride[0] + 1, room[1] // self.stride[1] + 1

    def image_size(self, output: Sequence[int]) -> Pair:
        """(height, width) of the smallest image that has this (height, width) of windows.

        in = (out - 1) stride + reach - padding.  Raises ShapeError where the padding leaves no pixel of it.
        """
        fields = zip(output, self.stride, self.reach, self.padding, strict=True)
        sizes = tuple((count - 1) * step + reach - sum(pads) for count, step, reach, pads in fields)
        if min(sizes) < 1:
            raise ShapeError(
                f"{tuple(output)} windows of {self.reach} pixels: expected a padding that leaves something of their "
                f"image, got {self.padding}, with which it has {sizes} pixels. Pad less."
            )
        return sizes[0], sizes[1]


def pair(where: str, value: Any, *, least: int = 1) -> Pair:
    """A whole number, or two, as (along the height, along the width); ConfigurationError below `least`."""
    values = tuple(value) if isinstance(value, (tuple, list)) else (value, value)
    if len(values) != 2 or not all(_is_whole(entry) and entry >= least for entry in values):
        raise ConfigurationError(
            f"{where} must be a whole number of at least {least}, or two of them, got {value!r}. Try {where}={least}."
        )
    return int(values[0]), int(values[1])


def make_windows(
    size: Any, *, image: Sequence[int], stride: Any = 1, padding: Any = 0, dilation: Any = 1, ceil: bool = False
) -> Windows:
    """Windows over an image of (height, width) `image`, from options as users write them.

    padding     "valid" (none), "same" (out = ceil(in / stride), the odd pixel below and to the right), a number of
                pixels, (height, width), or ((top, bottom), (left, right))
    ceil        pads more below and to the right where a last window would otherwise be cut off, as long as it begins
                inside the image or the padding before it
    """
    sizes, strides, dilations = pair("size", size), pair("stride", stride), pair("dilation", dilation)
    windows = Windows(sizes, strides, ((0, 0), (0, 0)), dilations)
    rows, columns = (_pad_axis(axis, _axis_padding(padding, axis), image[axis], windows, ceil=ceil) for axis in (0, 1))
    return windows._replace(padding=(rows, columns))


def _is_whole(value: object) -> bool:
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def _axis_padding(padding: Any, axis: int) -> Any:
    """What `padding` says of one axis: a name, or (before, after)."""
    if isinstance(padding, str):
        return padding
    entry = padding[axis] if isinstance(padding, (tuple, list)) and len(padding) == 2 else padding
    return pair("padding", entry, least=0)


def _pad_axis(axis: int, padding: Any, size: int, windows: Windows, *, ceil: bool) -> Pair:
    stride, reach = windows.stride[axis], windows.reach[axis]
    if padding == "same":
        total = max((-(-size // stride) - 1) * stride + reach - size, 0)
        return total // 2, total - total // 2
    if isinstance(padding, str) and padding != "valid":
        raise ConfigurationError(
            f"padding must be 'same', 'valid' or a number of pixels, got {padding!r}. Try padding='same'."
        )
    before, after = (0, 0) if padding == "valid" else padding
    return (before, _round_up(size, before, after, stride, reach)) if ceil else (before, after)


def _round_up(size: int, before: int, after: int, stride: int, reach: int) -> int:
    """Padding after the image with which no pixel is cut off by the last window."""
    windows = -(-(size + before + after - reach) // stride) + 1
    if (windows - 1) * stride >= size + before:
        windows -= 1
    return max((windows - 1) * stride + reach - size - before, after)
