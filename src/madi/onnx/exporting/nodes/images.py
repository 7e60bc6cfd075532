"""Functions of images, which lie channels first in ONNX: (N, C, H, W)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import madi.functions as F
from madi.functions.convolution import Conv2DReLU
from madi.kernels.pooling import pool2d_windows
from madi.kernels.windows import Padding, Pair, Windows, make_windows
from madi.onnx.exporting.table import exporter
from madi.onnx.exporting.writer import Tensor, Writer
from madi.onnx.refusal import Unsupported

KERNEL_FIRST = 3, 2, 0, 1  # (kH, kW, C, filters) -> (filters, C, kH, kW)
DILATED_SINCE = 19  # average pools


@exporter(F.Conv2D, Conv2DReLU)
def conv2d(write: Writer, node: F.Conv2D, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Conv, and Relu where it is part of the node."""
    size, options = weight.shape[:2], node.options
    window = {name: value for name, value in options.items() if name != "groups"}
    windows = make_windows(size, image=_image(write, x), **window)
    y = write.images(
        "Conv", x, write.moved(weight, KERNEL_FIRST), *([] if bias is None else [bias]),
        **geometry(windows), group=options["groups"],
    )  # fmt: skip
    return write.elementwise("Relu", y) if node.relu else y


@exporter(F.Conv2DTranspose)
def conv2d_transpose(
    write: Writer, node: F.Conv2DTranspose, x: Tensor, weight: Tensor, bias: Tensor | None = None
) -> Tensor:
    """ConvTranspose; what its output has beyond the last place of the kernel is output_padding."""
    window = {name: value for name, value in node.options.items() if name != "groups"}
    windows = make_windows(weight.shape[:2], image=node.image, **window)
    places = zip(node.image, _image(write, x), windows.stride, windows.reach, windows.padding, strict=True)
    beyond = [size - (count - 1) * step - reach + sum(pads) for size, count, step, reach, pads in places]
    return write.images(
        "ConvTranspose", x, write.moved(weight, KERNEL_FIRST), *([] if bias is None else [bias]),
        **geometry(windows), group=node.options["groups"], output_padding=beyond,
    )  # fmt: skip


def _image(write: Writer, x: Tensor) -> Pair:
    """(height, width), which no count of examples changes."""
    height, width = x.shape[1:3]
    if height is None or width is None:
        raise Unsupported(f"{write.where}: images whose size depends on the number of examples cannot be written.")
    return height, width


def geometry(windows: Windows) -> dict[str, Any]:
    """The attributes of windows: pads as (top, left, bottom, right)."""
    return {
        "kernel_shape": list(windows.size), "strides": list(windows.stride), "dilations": list(windows.dilation),
        "pads": pads_of(windows.padding),
    }  # fmt: skip


def pads_of(padding: Padding) -> list[int]:
    """((top, bottom), (left, right)) as ONNX has it."""
    return [before for before, _ in padding] + [after for _, after in padding]


@exporter(F.MaxPool2D)
def max_pool(write: Writer, node: F.MaxPool2D, x: Tensor) -> Tensor:
    """MaxPool; what `ceil_mode` adds is padding too, which never wins."""
    return write.images("MaxPool", x, **geometry(_windows(write, x, node)))


@exporter(F.MaxPool2DPositions)
def max_pool_positions(write: Writer, node: F.MaxPool2DPositions, x: Tensor) -> tuple[Tensor, Tensor]:
    """MaxPool with Indices, which count through all images: what is left by H W is the pixel."""
    y, indices = write.line("MaxPool", [write.first(x)], outputs=2, **geometry(_windows(write, x, node)))
    pixels = write.constant(np.array(math.prod(_image(write, x)), np.int64))
    places = write.line("Mod", [indices, pixels])[0]
    return Tensor(write.shape, x.dtype, first=y), Tensor(write.shape, "int64", first=places)


@exporter(F.AveragePool2D)
def average_pool(write: Writer, node: F.AveragePool2D, x: Tensor) -> Tensor:
    """AveragePool; where padding counts and what `ceil_mode` adds does not, the padding is written before it."""
    whole, plain = _windows(write, x, node), _windows(write, x, node, ceil=False)
    counts = bool(node.options["count_padding"])
    if counts and whole != plain:
        x = write.padded(x, ((0, 0), *plain.padding, (0, 0)))
        rows, columns = (after - own for (_, after), (_, own) in zip(whole.padding, plain.padding, strict=True))
        whole, counts = whole._replace(padding=((0, rows), (0, columns))), False
    options = geometry(whole)
    if whole.dilation == (1, 1):
        del options["dilations"]
    elif write.opset < DILATED_SINCE:
        raise Unsupported(f"{write.where}: an average pool with dilation is known since version {DILATED_SINCE}.")
    return write.images("AveragePool", x, **options, count_include_pad=int(counts))


def _windows(write: Writer, x: Tensor, node: Any, **changed: Any) -> Windows:
    options = {**node.options, **changed}
    options.pop("count_padding", None)
    shape = 1, *_image(write, x), 1
    return pool2d_windows(shape, options.pop("size"), options.pop("stride"), options.pop("padding"), **options)


@exporter(F.GlobalAveragePool, F.GlobalMaxPool)
def global_pool(write: Writer, node: Any, x: Tensor) -> Tensor:
    """GlobalAveragePool or GlobalMaxPool, and Flatten."""
    n, _, _, channels = x.shape
    kind = "GlobalMaxPool" if isinstance(node, F.GlobalMaxPool) else "GlobalAveragePool"
    pooled = write.images(kind, x, shape=(n, 1, 1, channels))
    return write.flatten(pooled)


@exporter(F.BatchNormInference)
def batch_norm(write: Writer, node: F.BatchNormInference, x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """BatchNormalization by the running statistics."""
    held = scale, shift, write.tensor(node.mean), write.tensor(node.variance)
    return write.images("BatchNormalization", x, *held, epsilon=float(node.eps))


@exporter(F.LocalResponseNormalization)
def local_response_normalization(write: Writer, node: F.LocalResponseNormalization, x: Tensor) -> Tensor:
    """LRN; for an even size, whose middle ONNX takes one channel later, the mean of squares written out."""
    if node.size % 2:
        weights: dict[str, Any] = {"alpha": float(node.alpha), "beta": float(node.beta), "bias": float(node.k)}
        return write.images("LRN", x, size=node.size, **weights)
    return _even(write, node, x)


def _even(write: Writer, node: F.LocalResponseNormalization, x: Tensor) -> Tensor:
    """The mean of squares as an AveragePool along the channels, taken for the height of images: (N, H W, C, 1)."""
    n, *_, channels = x.shape
    before, squares = node.size // 2, write.elementwise("Mul", x, x)
    rows = write.reshape(squares, (n, math.prod(_image(write, x)), channels, 1))
    means = write(
        "AveragePool", rows, shape=rows.shape, kernel_shape=[node.size, 1],
        pads=[before, 0, node.size - 1 - before, 0], count_include_pad=1,
    )  # fmt: skip
    means = write.reshape(means, x.shape)
    divisor = write.elementwise("Add", write.elementwise("Mul", means, float(node.alpha)), float(node.k))
    return write.elementwise("Div", x, write.elementwise("Pow", divisor, float(node.beta)))
