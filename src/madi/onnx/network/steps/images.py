"""Steps on images: convolutions, poolings, local response normalization."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from madi.kernels.windows import make_windows
from madi.layers import (
    AveragePool2D,
    Conv2D,
    Conv2DTranspose,
    GlobalAveragePool,
    GlobalMaxPool,
    Layer,
    LocalResponseNormalization,
    MaxPool2D,
)
from madi.onnx.network.filling import expect_modest, filled, number
from madi.onnx.network.flow import IMAGE, Flow
from madi.onnx.network.steps.rows import dense
from madi.onnx.network.table import Place, step
from madi.onnx.operators.normalization import neighbourhood

Pads = tuple[tuple[int, int], tuple[int, int]]


@step("Conv")
def convolution(
    place: Place, x: Flow, weight: np.ndarray, bias: np.ndarray | None = None, *, auto_pad: str = "NOTSET",
    dilations: Sequence[int] = (1, 1), group: int = 1, kernel_shape: Any = None, pads: Any = None,
    strides: Sequence[int] = (1, 1),
) -> Flow:  # fmt: skip
    """Conv2D; on a row of channels, a 1x1 one is a Dense."""
    if weight.shape[2:] == (1, 1) and x.sizes[1:] == (1, 1) and group == 1 and x.axes != IMAGE and not any(pads or ()):
        return _channels(dense(place, _channels(x, x.sizes[:1]), weight[:, :, 0, 0].T, bias), (len(weight), 1, 1))
    x = images(place, x)
    padding = padding_of(place, x, weight.shape[2:], strides, dilations, pads, auto_pad)
    layer = Conv2D(
        len(weight), tuple(weight.shape[2:]), plain(strides), plain(padding), dilation=plain(dilations), groups=group,
        bias=bias is not None,
    )  # fmt: skip
    return imaged(x, filled(layer, x.shape, weight=weight.transpose(2, 3, 1, 0), bias=bias))


@step("ConvTranspose")
def transposed_convolution(
    place: Place, x: Flow, weight: np.ndarray, bias: np.ndarray | None = None, *, auto_pad: str = "NOTSET",
    dilations: Sequence[int] = (1, 1), group: int = 1, kernel_shape: Any = None, output_padding: Sequence[int] = (0, 0),
    output_shape: Any = None, pads: Sequence[int] = (0, 0, 0, 0), strides: Sequence[int] = (1, 1),
) -> Flow:  # fmt: skip
    """Conv2DTranspose."""
    if auto_pad not in ("NOTSET", "VALID") or output_shape is not None:
        raise place.refusal("its padding follows from the shape of the output; give pads and output_padding.")
    x = images(place, x)
    filters = weight.shape[1] * group
    layer = Conv2DTranspose(
        filters, tuple(weight.shape[2:]), plain(strides), plain(_pairs(pads)), output_padding=plain(output_padding),
        dilation=plain(dilations), groups=group, bias=bias is not None,
    )  # fmt: skip
    return imaged(x, filled(layer, x.shape, weight=weight.transpose(2, 3, 1, 0), bias=bias))


@step("MaxPool")
def max_pool(
    place: Place, x: Flow, *, auto_pad: str = "NOTSET", ceil_mode: int = 0, dilations: Sequence[int] = (1, 1),
    kernel_shape: Sequence[int], pads: Any = None, storage_order: int = 0, strides: Sequence[int] = (1, 1),
) -> Flow:  # fmt: skip
    """MaxPool2D."""
    x = images(place, x)
    padding = padding_of(place, x, kernel_shape, strides, dilations, pads, auto_pad)
    sizes = plain(kernel_shape), plain(strides), plain(padding)
    return imaged(x, MaxPool2D(*sizes, dilation=plain(dilations), ceil_mode=bool(ceil_mode)))


@step("AveragePool")
def average_pool(
    place: Place, x: Flow, *, auto_pad: str = "NOTSET", ceil_mode: int = 0, count_include_pad: int = 0,
    dilations: Sequence[int] = (1, 1), kernel_shape: Sequence[int], pads: Any = None, strides: Sequence[int] = (1, 1),
) -> Flow:  # fmt: skip
    """AveragePool2D."""
    x = images(place, x)
    padding = padding_of(place, x, kernel_shape, strides, dilations, pads, auto_pad)
    sizes = plain(kernel_shape), plain(strides), plain(padding)
    options = {"ceil_mode": bool(ceil_mode), "count_padding": bool(count_include_pad)}
    return imaged(x, AveragePool2D(*sizes, dilation=plain(dilations), **options))


@step("GlobalAveragePool")
def global_average_pool(place: Place, x: Flow) -> Flow:
    """GlobalAveragePool; the axes of size 1 are not there in madi."""
    return images(place, x).then(GlobalAveragePool(), sizes=(x.sizes[0], 1, 1), axes=(0,))


@step("GlobalMaxPool")
def global_max_pool(place: Place, x: Flow) -> Flow:
    """GlobalMaxPool, likewise."""
    return images(place, x).then(GlobalMaxPool(), sizes=(x.sizes[0], 1, 1), axes=(0,))


@step("LRN")
def local_response(
    place: Place, x: Flow, *, alpha: float = 1e-4, beta: float = 0.75, bias: float = 1.0, size: int
) -> Flow:
    """LocalResponseNormalization; of an even count of channels, ONNX has the odd one behind, madi before."""
    if size % 2 == 0:
        raise place.refusal(f"it looks at {size} channels, and the layer at an odd number.")
    x = images(place, x)
    size, alpha = neighbourhood(place.node, size, x.sizes[0], alpha)
    return x.then(LocalResponseNormalization(size, number(alpha), number(beta), number(bias)))


# ---- images and windows


def images(place: Place, x: Flow) -> Flow:
    """The value as images, channels last; Unsupported where its examples are none."""
    if len(x.sizes) != 3:
        raise place.refusal(f"madi's layers work on images (N, C, H, W), and its examples have the shape {x.sizes}.")
    return x.arranged(IMAGE)


def imaged(x: Flow, layer: Layer) -> Flow:
    """The images that a layer makes of images."""
    height, width, channels = layer.output_shape(x.shape)
    expect_modest((height, width, channels))
    return x.then(layer, sizes=(channels, height, width), axes=IMAGE)


def padding_of(
    place: Place, x: Flow, kernel: Sequence[int], strides: Sequence[int], dilations: Sequence[int], pads: Any,
    auto_pad: str,
) -> Pads:  # fmt: skip
    """((top, bottom), (left, right)), from pixels or a rule; ValueError for a rim that no image has."""
    pairs = _padding(place, x, kernel, strides, dilations, pads, auto_pad)
    expect_modest([x.shape[2], *(size + sum(pair) for size, pair in zip(x.shape[:2], pairs, strict=True))])
    return pairs


def _padding(
    place: Place, x: Flow, kernel: Sequence[int], strides: Sequence[int], dilations: Sequence[int], pads: Any,
    auto_pad: str,
) -> Pads:  # fmt: skip
    if auto_pad in ("NOTSET", ""):
        return _pairs(pads or (0, 0, 0, 0))
    if auto_pad == "VALID":
        return ((0, 0), (0, 0))
    if auto_pad not in ("SAME_UPPER", "SAME_LOWER"):
        raise place.refusal(f"its auto_pad is {auto_pad!r}.")
    steps, gaps = tuple(strides), tuple(dilations)
    pairs = make_windows(tuple(kernel), image=x.shape[:2], stride=steps, padding="same", dilation=gaps).padding
    return pairs if auto_pad == "SAME_UPPER" else tuple(pair[::-1] for pair in pairs)  # type: ignore[return-value]


def _pairs(pads: Sequence[int]) -> Pads:
    top, left, bottom, right = map(int, pads)
    return ((top, bottom), (left, right))


def plain(values: Sequence[Any]) -> Any:
    """Sizes as one writes them: 1 for (1, 1), and for ((1, 1), (1, 1))."""
    first, second = (plain(value) if isinstance(value, tuple) else int(value) for value in values)
    one = not isinstance(first, tuple) and first == second
    return first if one else tuple(values) if isinstance(first, tuple) or isinstance(second, tuple) else (first, second)


def _channels(x: Flow, sizes: tuple[int, ...]) -> Flow:
    """A row of channels with or without ONNX's axes of size 1."""
    return x.then(sizes=sizes, axes=x.axes, rows=x.rows)
