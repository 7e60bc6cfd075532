"""Operators that take tensors apart and put them together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import madi.functions as F
from madi.graph import Variable
from madi.onnx.graph import Node
from madi.onnx.operators.inputs import along, as_it_lies, counted, integers, keeping, known, last_axis
from madi.onnx.room import expect_room
from madi.onnx.table import operator
from madi.onnx.value import Value


@operator("Concat")
def concat(*xs: Value, node: Node, axis: int = 1) -> Value:
    """End to end along the axis; channels last where one of them lies so."""
    place, ndim = counted(node, axis, xs[0].ndim), xs[0].ndim
    if any(x.is_last for x in xs):
        return Value(last=F.concatenate([x.last for x in xs], last_axis(place, ndim)))
    return Value(F.concatenate([x.first for x in xs], place))


@operator("Split", since=18)
def split(
    x: Value, sizes: Value | None = None, *, node: Node, axis: int = 0, num_outputs: int | None = None
) -> tuple[Value, ...]:  # fmt: skip
    """Into pieces of these sizes, or into equal ones, of which the last may be smaller."""
    return _split(node, x, axis, integers(node, 1, sizes))


@operator("Split", since=13)
def split_before_18(x: Value, sizes: Value | None = None, *, node: Node, axis: int = 0) -> tuple[Value, ...]:
    """Into pieces of these sizes, or into equal ones."""
    return _split(node, x, axis, integers(node, 1, sizes))


@operator("Split")
def split_before_13(
    x: Value, *, node: Node, axis: int = 0, split: Sequence[int] | None = None
) -> tuple[Value, ...]:  # fmt: skip
    """Into pieces of these sizes, or into equal ones."""
    return _split(node, x, axis, split)


def _split(node: Node, x: Value, axis: int, sizes: Sequence[int] | None) -> tuple[Value, ...]:
    place, count = counted(node, axis, x.ndim), len(node.outputs)
    whole = x.shape[place]
    piece = -(-whole // count)
    parts = list(sizes) if sizes is not None else [max(min(piece, whole - piece * index), 0) for index in range(count)]
    if x.is_last:
        return tuple(Value(last=part) for part in F.split(x.last, parts, last_axis(place, x.ndim)))
    return tuple(Value(part) for part in F.split(x.first, parts, place))


@operator("Slice", since=10)
def slice_(
    x: Value, starts: Value, ends: Value, axes: Value | None = None, steps: Value | None = None, *, node: Node
) -> Value:  # fmt: skip
    """From start to end, the end not counted, in steps; negative places count from the back, as Python's do."""
    given = (integers(node, index, value) for index, value in enumerate((starts, ends, axes, steps), start=1))
    return _sliced(node, x, *given)


@operator("Slice")
def slice_before_10(
    x: Value, *, node: Node, starts: Sequence[int], ends: Sequence[int], axes: Sequence[int] | None = None
) -> Value:  # fmt: skip
    """From start to end, the end not counted."""
    return _sliced(node, x, starts, ends, axes, None)


def _sliced(node: Node, x: Value, starts: Any, ends: Any, axes: Any, steps: Any) -> Value:
    axes = range(len(starts)) if axes is None else axes
    steps = [1] * len(starts) if steps is None else steps
    parts = [slice(None)] * x.ndim
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        parts[counted(node, axis, x.ndim)] = slice(start, end, step)
    return keeping(lambda variable: F.get_item(variable, tuple(as_it_lies(x, parts))), x)


@operator("Pad", since=11)
def pad(
    x: Value, pads: Value, value: Value | None = None, axes: Value | None = None, *, node: Node, mode: str = "constant"
) -> Value:  # fmt: skip
    """With numbers around it: `value`, or those of x as `mode` says."""
    filling = 0 if value is None else known(node, 2, value).reshape(-1)[0]
    return _padded(node, x, integers(node, 1, pads) or [], integers(node, 3, axes), mode, filling)


@operator("Pad")
def pad_before_11(
    x: Value, *, node: Node, pads: Sequence[int], mode: str = "constant", value: float = 0.0
) -> Value:  # fmt: skip
    """With numbers around it: `value`, or those of x as `mode` says."""
    return _padded(node, x, pads, None, mode, value)


def _padded(
    node: Node, x: Value, pads: Sequence[int], axes: Sequence[int] | None, mode: str, value: Any
) -> Value:  # fmt: skip
    """Widths before all axes, then after all; negative ones cut off, which is done first."""
    places = [counted(node, axis, x.ndim) for axis in (range(x.ndim) if axes is None else axes)]
    widths = [(0, 0)] * x.ndim
    for place, before, after in zip(places, pads[: len(places)], pads[len(places) :], strict=True):
        widths[place] = (before, after)
    expect_room(node.label, [size + max(sum(pair), 0) for size, pair in zip(x.shape, widths, strict=True)], x.dtype)
    return keeping(lambda variable: _cut_and_padded(variable, as_it_lies(x, widths), mode, value), x)


def _cut_and_padded(x: Variable, widths: Sequence[tuple[int, int]], mode: str, value: Any) -> Variable:
    if any(min(pair) < 0 for pair in widths):
        ends = (size - max(-after, 0) for size, (_, after) in zip(x.shape, widths, strict=True))
        x = F.get_item(x, tuple(slice(max(-before, 0), end) for (before, _), end in zip(widths, ends, strict=True)))
    grown = [(max(before, 0), max(after, 0)) for before, after in widths]
    return F.pad(x, grown, mode=mode, value=value)


@operator("Gather")
def gather(x: Value, indices: Value, *, node: Node, axis: int = 0) -> Value:
    """The places along `axis` that `indices` names, whose axes take its place; negative ones count from the back."""
    place = counted(node, axis, x.ndim)
    if indices.ndim == 1:
        return along(lambda variable, axis: F.take(variable, indices.first, axis), x, place)
    return Value(F.take(x.first, indices.first, place))
