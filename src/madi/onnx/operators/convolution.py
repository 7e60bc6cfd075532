"""Convolution and its transpose."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import madi.functions as F
from madi.errors import ShapeError
from madi.graph import Variable
from madi.kernels.windows import Pair, Windows
from madi.onnx.graph import Node
from madi.onnx.operators.windows import image, like, shared, two, windows
from madi.onnx.table import operator
from madi.onnx.value import Value

Sizes = Sequence[int] | None


def kernel(weight: Value) -> Variable:
    """A weight as madi has it, (kH, kW, C / groups, filters); that of a row of pixels is one pixel high."""
    held: Any = weight.kernel
    return F.reshape(held, (1, *held.shape)) if weight.ndim == 3 else held


def kernel_windows(node: Node, x: Value, weight: Value, kernel_shape: Sizes, **options: Any) -> Windows:
    """The windows of a convolution; ShapeError where the file says another size of them than the weight has."""
    if kernel_shape is not None and tuple(kernel_shape) != weight.shape[2:]:
        raise ShapeError(
            f"{node.label}: expected a weight whose last axes are its kernel_shape {tuple(kernel_shape)}, got one of "
            f"shape {weight.shape}."
        )
    return windows(node, x, weight.shape[2:], **options)


@operator("Conv")
def conv(
    x: Value, weight: Value, bias: Value | None = None, *, node: Node, auto_pad: str = "NOTSET",
    dilations: Sizes = None, group: int = 1, kernel_shape: Sizes = None, pads: Sizes = None, strides: Sizes = None,
    relu: bool = False,
) -> Value:  # fmt: skip
    """Of rows (N, C, L) and images (N, C, H, W).

    `relu` is no attribute of ONNX: it is written where a convolution and the ReLU that follows it become one node.
    """
    look = kernel_windows(
        node, x, weight, kernel_shape, strides=strides, pads=pads, dilations=dilations, auto_pad=auto_pad
    )
    y = F.conv2d(
        image(x), kernel(weight), None if bias is None else bias.first, stride=look.stride, padding=look.padding,
        dilation=look.dilation, groups=group, relu=relu,
    )  # fmt: skip
    return like(x, y)


@operator("ConvTranspose")
def conv_transpose(
    x: Value, weight: Value, bias: Value | None = None, *, node: Node, auto_pad: str = "NOTSET",
    dilations: Sizes = None, group: int = 1, kernel_shape: Sizes = None, output_padding: Sizes = None,
    output_shape: Sizes = None, pads: Sizes = None, strides: Sizes = None,
) -> Value:  # fmt: skip
    """Of rows (N, C, L) and images (N, C, H, W)."""
    look = kernel_windows(node, x, weight, kernel_shape, strides=strides, pads=pads, dilations=dilations)
    extra = two(output_padding or [0] * (x.ndim - 2), 0)
    wanted = _wanted_size(x, look, output_shape, auto_pad)
    if wanted is not None:
        look, extra = _fitted(look, two(x.shape[2:], 1), extra, wanted, auto_pad)
    y = F.conv2d_transpose(
        image(x), kernel(weight), None if bias is None else bias.first, stride=look.stride, padding=look.padding,
        output_padding=extra, dilation=look.dilation, groups=group,
    )  # fmt: skip
    return like(x, y)


def _wanted_size(x: Value, look: Windows, output_shape: Sizes, auto_pad: str) -> Pair | None:
    """The height and width that the node asks for, where it does."""
    if output_shape is not None:
        return two(output_shape[-(x.ndim - 2) :], 1)
    if not auto_pad.startswith("SAME"):
        return None
    height, width = two(x.shape[2:], 1)
    return height * look.stride[0], width * look.stride[1]


def _fitted(look: Windows, image: Pair, extra: Pair, wanted: Pair, auto_pad: str) -> tuple[Windows, Pair]:
    """Windows, and pixels gained at the end, with which the output is as large as is wanted.

    What is to be lost is shared between both edges; an odd pixel is lost in front, and with SAME_UPPER at the end.
    """
    lost = [
        (size - 1) * stride + reach + gained - want
        for size, stride, reach, gained, want in zip(image, look.stride, look.reach, extra, wanted, strict=True)
    ]
    edge = "SAME_UPPER" if auto_pad == "SAME_UPPER" else "SAME_LOWER"
    rows, columns = (shared(max(pixels, 0), edge) for pixels in lost)
    return look._replace(padding=(rows, columns)), (extra[0] + max(-lost[0], 0), extra[1] + max(-lost[1], 0))
