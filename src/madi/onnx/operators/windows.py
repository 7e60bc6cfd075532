"""Windows over images as ONNX writes them: what convolutions and pools have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import madi.functions as F
from madi.errors import FileError, ShapeError
from madi.graph import Variable
from madi.kernels.windows import Padding, Pair, Windows, make_windows
from madi.onnx.graph import Node
from madi.onnx.refusal import Unsupported
from madi.onnx.value import Value

AUTO_PADS = ("NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID")


def windows(
    node: Node, x: Value, size: Sequence[int], *, strides: Sequence[int] | None, pads: Sequence[int] | None,
    dilations: Sequence[int] | None = None, auto_pad: str = "NOTSET",
) -> Windows:  # fmt: skip
    """The windows of a node over rows (N, C, L), which are images of one line, or images (N, C, H, W).

    Raises Unsupported for windows of three axes, ShapeError and FileError where input and attributes do not fit them.
    """
    _expect_images(node, x, size)
    _expect_fitting(node, len(size), auto_pad, strides=strides, dilations=dilations, pads=pads)
    ones = [1] * len(size)
    sizes, stride, dilation = two(size, 1), two(strides or ones, 1), two(dilations or ones, 1)
    if auto_pad == "NOTSET":
        return Windows(sizes, stride, _pairs(pads, len(size)), dilation)
    padding = "same" if auto_pad.startswith("SAME") else "valid"
    look = make_windows(sizes, image=two(x.shape[2:], 1), stride=stride, padding=padding, dilation=dilation)
    rows, columns = (shared(sum(ends), auto_pad) for ends in look.padding)
    return look._replace(padding=(rows, columns))


def shared(total: int, auto_pad: str) -> Pair:
    """Pixels before and after: an odd one goes before with SAME_LOWER, else after."""
    half = total // 2
    return (total - half, half) if auto_pad == "SAME_LOWER" else (half, total - half)


def _pairs(pads: Sequence[int] | None, axes: int) -> Padding:
    """((top, bottom), (left, right)) of ONNX's list: first all that come before, then all that come after."""
    before, after = (pads[:axes], pads[axes:]) if pads else ([0] * axes, [0] * axes)
    (top, left), (bottom, right) = two(before, 0), two(after, 0)
    return (top, bottom), (left, right)


def _expect_images(node: Node, x: Value, size: Sequence[int]) -> None:
    """Raise Unsupported for windows of more than two axes, ShapeError where they are not those of the input."""
    if len(size) not in (1, 2):
        raise Unsupported(f"{node.label}: madi slides windows along 1 or 2 axes, got {len(size)}: {tuple(size)}.")
    if x.ndim != len(size) + 2:
        raise ShapeError(f"{node.label}: expected an input of {len(size) + 2} axes for {tuple(size)}, got {x.shape}.")


def _expect_fitting(node: Node, axes: int, auto_pad: str, **given: Sequence[int] | None) -> None:
    """Raise FileError for an unknown auto_pad, and unless there is a number for each axis, and two pads."""
    if auto_pad not in AUTO_PADS:
        raise FileError(f"{node.label}: expected auto_pad to be one of {', '.join(AUTO_PADS)}, got '{auto_pad}'.")
    for name, numbers in given.items():
        count = 2 * axes if name == "pads" else axes
        if numbers is not None and len(numbers) != count:
            raise FileError(f"{node.label}: expected {count} numbers as {name}, got {tuple(numbers)}.")


def two(values: Sequence[int], one: int) -> Pair:
    """Numbers by axis as (height, width); along the height of a row of pixels the number is `one`."""
    height, width = values if len(values) == 2 else (one, values[0])
    return int(height), int(width)


def image(x: Value) -> Variable:
    """(N, H, W, C): a row of pixels is an image of one line."""
    last: Any = x.last
    return F.reshape(last, (last.shape[0], 1, *last.shape[1:])) if x.ndim == 3 else last


def like(x: Value, y: Variable) -> Value:
    """What was computed of `image(x)`, with as many axes as x has."""
    n, _, width, channels = y.shape
    return Value(last=F.reshape(y, (n, width, channels)) if x.ndim == 3 else y)
