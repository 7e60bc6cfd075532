"""Pooling of channels-last images, and its gradients, by array library and device.

    max       y[n,i,j,c]  = max over k, l of x[n, i s + k d - p, j s + l d - p, c]      padding never wins
    average   y[n,i,j,c]  = (1 / pixels) sum over k, l of the same

with stride s, dilation d and padding p.  Max pooling keeps where in its window each maximum stood, row by row (the
first of equal ones; a NaN beats all), so that the gradient goes to exactly one place.  JAX on a CPU, float32, d = 1:
the compiled kernels.  Otherwise both are loops over the places of a window, each one pass over shifted slices.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from madi.errors import ConfigurationError, ShapeError
from madi.kernels import native
from madi.kernels.arrays import array_library
from madi.kernels.windows import Padding, Windows, make_windows

LARGEST_WINDOW = 256  # pixels whose place in the window fits one byte


def max_pool2d_forward(
    x: Any, *, size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil: bool = False
) -> tuple[Any, Any]:
    """(y, places): the maxima, and the place of each in its window, as uint8.

    x           (N, H, W, C)
    size        of the window: a number, or (height, width); at most 256 pixels
    stride      the window's size, where None
    padding     "valid", "same", a number of pixels, (height, width), or ((top, bottom), (left, right))
    dilation    distance between the pixels of a window
    ceil        a last window may hang over the edge
    returns     both (N, H_out, W_out, C)

    Raises ShapeError where no window fits, and ConfigurationError for a padding as large as the window, in which a
    window could see no pixel.
    """
    windows = pool2d_windows(x.shape, size, stride, padding, dilation, ceil=ceil)
    if array_library(x) is np:
        return _max_pool(x, windows)
    return _jax_max_pool(x, windows=windows, path=native.path())


def max_pool2d_backward(
    gy: Any, places: Any, *, image: tuple[int, int], size: Any, stride: Any = None, padding: Any = 0,
    dilation: Any = 1, ceil: bool = False,
) -> Any:  # fmt: skip
    """gx, of shape (N, *image, C): gy of each window at the place of its maximum; what overlaps adds up."""
    shape = (gy.shape[0], *image, gy.shape[3])
    windows = pool2d_windows(shape, size, stride, padding, dilation, ceil=ceil)
    if array_library(gy) is np:
        return _max_unpool(gy, places, shape, windows)
    return _jax_max_unpool(gy, places, shape=shape, windows=windows, path=native.path())


def average_pool2d_forward(
    x: Any, *, size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil: bool = False,
    count_padding: bool = False,
) -> Any:  # fmt: skip
    """Means of the windows; options as for `max_pool2d_forward`.

    count_padding   whether a window's padding counts among its pixels, as zeros
    """
    windows = pool2d_windows(x.shape, size, stride, padding, dilation, ceil=ceil)
    return _window_sums(x, windows) / _pixels(x, x.shape[1:3], windows, padding, count_padding=count_padding)


def average_pool2d_backward(
    gy: Any, *, image: tuple[int, int], size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
    ceil: bool = False, count_padding: bool = False,
) -> Any:  # fmt: skip
    """gx, of shape (N, *image, C): gy of each window in equal parts to its pixels."""
    shape = (gy.shape[0], *image, gy.shape[3])
    windows = pool2d_windows(shape, size, stride, padding, dilation, ceil=ceil)
    return _spread_sums(gy / _pixels(gy, image, windows, padding, count_padding=count_padding), shape, windows)


def positions_of_maxima(
    places: Any, *, image: tuple[int, int], size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
    ceil: bool = False,
) -> Any:  # fmt: skip
    """Which pixel of its image each maximum is, h W + w, from its place in the window; whole numbers."""
    shape = (places.shape[0], *image, places.shape[3])
    windows = pool2d_windows(shape, size, stride, padding, dilation, ceil=ceil)
    starts = [
        np.arange(count) * step - first
        for count, step, first in zip(places.shape[1:3], windows.stride, windows.first, strict=True)
    ]
    places = places.astype(int)
    rows = starts[0][:, None, None] + places // windows.size[1] * windows.dilation[0]
    return rows * image[1] + starts[1][:, None] + places % windows.size[1] * windows.dilation[1]


def pool2d_windows(
    shape: Any, size: Any, stride: Any, padding: Any, dilation: Any = 1, *, ceil: bool = False
) -> Windows:  # fmt: skip
    """The windows of a pooling, checked against an image of `shape` (N, H, W, C)."""
    if len(shape) != 4:
        raise ShapeError(f"pooling: expected x (N, H, W, C), got {tuple(shape)}. Add the axes that are missing.")
    stride = size if stride is None else stride
    windows = make_windows(size, image=shape[1:3], stride=stride, padding=padding, dilation=dilation, ceil=ceil)
    if any(map(any, windows.padding)) and not all(map(np.all, _seen(shape[1:3], windows))):
        raise ConfigurationError(
            f"pooling: expected a padding smaller than the window {windows.size}, got {windows.padding}. Pad less."
        )
    return windows


# ---- slices: the pixels that one place of the window meets, for all windows


def _slices(windows: Windows, out: tuple[int, int]) -> Iterator[tuple[int, tuple[slice, ...]]]:
    """Each place of a window, and the pixels of the padded image there."""
    for place in range(windows.size[0] * windows.size[1]):
        row, column = divmod(place, windows.size[1])
        starts = windows.offsets(0)[row], windows.offsets(1)[column]
        yield place, tuple(_slice(*parts) for parts in zip(starts, out, windows.stride, strict=True))


def _slice(start: int, count: int, step: int) -> slice:
    return slice(start, start + (count - 1) * step + 1, step)


def _padded_size(image: Any, windows: Windows, out: tuple[int, int]) -> list[tuple[int, int]]:
    """Padding with which the last window is whole, never less than none."""
    ends = [(count - 1) * step + reach for count, step, reach in zip(out, windows.stride, windows.reach, strict=True)]
    return [(first, max(end - size - first, 0)) for first, end, size in zip(windows.first, ends, image, strict=True)]


def _pad(x: Any, windows: Windows, out: tuple[int, int], value: float) -> Any:
    pads = ((0, 0), *_padded_size(x.shape[1:3], windows, out), (0, 0))
    return array_library(x).pad(x, pads, constant_values=value)


def _place_back(part: Any, axis: int, start: int, step: int, length: int) -> Any:
    """Zeros of `length` along `axis`, with `part` at start, start + step, ... ."""
    if array_library(part) is np:
        whole = np.zeros((*part.shape[:axis], length, *part.shape[axis + 1 :]), part.dtype)
        whole[(*[slice(None)] * axis, _slice(start, part.shape[axis], step))] = part
        return whole
    spread = (part.shape[axis] - 1) * step + 1
    pads = [(0, 0, 0)] * part.ndim
    pads[axis] = (start, length - start - spread, step - 1)
    return lax.pad(part, jnp.zeros((), part.dtype), pads)


# ---- max


def _max_pool(x: Any, windows: Windows) -> tuple[Any, Any]:
    xp, out = array_library(x), windows.output_size(x.shape[1:3])
    if windows.size[0] * windows.size[1] > LARGEST_WINDOW:
        raise ConfigurationError(
            f"max_pool2d: expected a window of at most {LARGEST_WINDOW} pixels, got {windows.size}. Pool twice."
        )
    padded = _pad(x, windows, out, -np.inf)
    places = xp.broadcast_to(_first_places(x.shape[1:3], windows, out)[..., None], (x.shape[0], *out, x.shape[3]))
    best = xp.full(places.shape, -np.inf, x.dtype)
    for place, (rows, columns) in _slices(windows, out):
        value = padded[:, rows, columns]
        better = (value > best) | (value != value)
        best = xp.where(better, value, best)
        places = xp.where(better, np.uint8(place), places)
    return best, places


def _first_places(image: Any, windows: Windows, out: tuple[int, int]) -> Any:
    """The first place of each window that lies inside the image: where the maximum of -inf stands.  (H_out, W_out)."""
    rows, columns = (
        np.maximum(-((np.arange(count) * step - first) // apart), 0)
        for first, count, step, apart in zip(windows.first, out, windows.stride, windows.dilation, strict=True)
    )
    return (rows[:, None] * windows.size[1] + columns).astype(np.uint8)


def _max_unpool(gy: Any, places: Any, shape: Any, windows: Windows) -> Any:
    out = gy.shape[1:3]
    (top, bottom), (left, right) = _padded_size(shape[1:3], windows, out)
    height, width = shape[1] + top + bottom, shape[2] + left + right
    gx: Any = 0
    for place, (rows, columns) in _slices(windows, out):
        part = array_library(gy).where(places == place, gy, np.zeros((), gy.dtype))
        part = _place_back(part, 1, rows.start, windows.stride[0], height)
        gx = gx + _place_back(part, 2, columns.start, windows.stride[1], width)
    return gx[:, top : top + shape[1], left : left + shape[2]]


@functools.partial(jax.jit, static_argnames=("windows", "path"))
def _jax_max_pool(x: Any, *, windows: Windows, path: str) -> tuple[Any, Any]:
    shape = (x.shape[0], *windows.output_size(x.shape[1:3]), x.shape[3])

    def kernel(x: Any) -> Any:
        results = (jax.ShapeDtypeStruct(shape, x.dtype), jax.ShapeDtypeStruct(shape, np.uint8))
        return tuple(native.call("madi_max_pool_forward", results, x, **_attributes(windows)))

    return _choose(path, windows, (x,), kernel, lambda x: _max_pool(x, windows))


@functools.partial(jax.jit, static_argnames=("shape", "windows", "path"))
def _jax_max_unpool(gy: Any, places: Any, *, shape: tuple[int, ...], windows: Windows, path: str) -> Any:
    def kernel(gy: Any, places: Any) -> Any:
        result = jax.ShapeDtypeStruct(shape, gy.dtype)
        return native.call("madi_max_pool_backward", result, gy, places, **_attributes(windows))

    return _choose(path, windows, (gy, places), kernel, lambda gy, places: _max_unpool(gy, places, shape, windows))


def _choose(path: str, windows: Windows, arguments: tuple[Any, ...], kernel: Any, operations: Any) -> Any:
    fits = windows.size[0] * windows.size[1] <= LARGEST_WINDOW and windows.dilation == (1, 1)
    if path == "off" or not fits or arguments[0].dtype != np.float32:
        return operations(*arguments)
    return lax.platform_dependent(*arguments, cpu=kernel, default=operations)


def _attributes(windows: Windows) -> dict[str, Any]:
    named = {"size": windows.size, "stride": windows.stride, "padding": windows.first}
    return {name: np.array(value, np.int64) for name, value in named.items()}


# ---- average: sums along the height, then along the width


def _window_sums(x: Any, windows: Windows) -> Any:
    out = windows.output_size(x.shape[1:3])
    padded = _pad(x, windows, out, 0)
    rows = sum(padded[:, _slice(k, out[0], windows.stride[0])] for k in windows.offsets(0))
    return sum(rows[:, :, _slice(k, out[1], windows.stride[1])] for k in windows.offsets(1))


def _spread_sums(gy: Any, shape: Any, windows: Windows) -> Any:
    """The transpose of `_window_sums`: every pixel gets the sum of gy over the windows that see it."""
    (top, bottom), (left, right) = _padded_size(shape[1:3], windows, gy.shape[1:3])
    height, width = shape[1] + top + bottom, shape[2] + left + right
    columns = sum(_place_back(gy, 2, k, windows.stride[1], width) for k in windows.offsets(1))
    gx = sum(_place_back(columns, 1, k, windows.stride[0], height) for k in windows.offsets(0))
    return gx[:, top : top + shape[1], left : left + shape[2]]


def _pixels(x: Any, image: Any, windows: Windows, padding: Any, *, count_padding: bool) -> Any:
    """How many pixels each window's mean is over, (H_out, W_out, 1).  What `ceil` adds never counts."""
    counted: Padding = ((0, 0), (0, 0))
    if count_padding:
        stride, dilation = windows.stride, windows.dilation
        counted = make_windows(windows.size, image=image, stride=stride, padding=padding, dilation=dilation).padding
    rows, columns = _seen(image, windows, counted)
    return (rows[:, None] * columns)[..., None].astype(x.dtype)


def _seen(image: Any, windows: Windows, counted: Padding = ((0, 0), (0, 0))) -> tuple[Any, Any]:
    """How many rows, and how many columns, each window sees of the image with the `counted` pixels around it."""
    out = windows.output_size(image)
    seen = []
    for axis, (before, after) in enumerate(counted):
        starts = np.arange(out[axis]) * windows.stride[axis] - windows.first[axis]
        places = starts[:, None] + np.array(windows.offsets(axis))
        seen.append(((places >= -before) & (places < image[axis] + after)).sum(axis=1))
    return seen[0], seen[1]
