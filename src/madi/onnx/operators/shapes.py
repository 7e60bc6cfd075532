"""Operators that give numbers another shape, or tell it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

import madi.functions as F
from madi.errors import ShapeError
from madi.functions.arithmetic import broadcastable
from madi.onnx.graph import Node
from madi.onnx.operators.inputs import counted, integers
from madi.onnx.room import expect_room
from madi.onnx.table import operator
from madi.onnx.value import Value


@operator("Identity")
def identity(x: Value) -> Value:
    """x itself."""
    return x


@operator("Shape")
def shape(x: Value, *, start: int = 0, end: int | None = None) -> Value:
    """The sizes of x's axes from `start` to `end`."""
    return Value(np.array(x.shape[start:end], np.int64))


@operator("Size")
def size(x: Value) -> Value:
    """The count of x's numbers."""
    return Value(np.array(math.prod(x.shape), np.int64))


@operator("Flatten")
def flatten(x: Value, *, node: Node, axis: int = 1) -> Value:
    """Two axes: those before `axis` as one, and the others as one."""
    first = x.ndim if axis == x.ndim else counted(node, axis, x.ndim)
    return Value(F.reshape(x.first, (math.prod(x.shape[:first]), math.prod(x.shape[first:]))))


@operator("Reshape")
def reshape(x: Value, shape: Value, *, node: Node, allowzero: int = 0) -> Value:
    """A size of 0 is that of x there (or 0, with `allowzero`); one of -1 is what is left."""
    sizes = integers(node, 1, shape) or []
    if not allowzero:
        sizes = [_size_of(node, x, axis) if size == 0 else size for axis, size in enumerate(sizes)]
    return Value(F.reshape(x.first, tuple(sizes)))


def _size_of(node: Node, x: Value, axis: int) -> int:
    if axis >= x.ndim:
        raise ShapeError(f"{node.label}: the shape takes the size of axis {axis} from an input of shape {x.shape}.")
    return x.shape[axis]


@operator("Transpose")
def transpose(x: Value, *, perm: Sequence[int] | None = None) -> Value:
    """What only moves the channels to the other end is another view of the same numbers, and costs nothing."""
    order = tuple(perm) if perm is not None else tuple(range(x.ndim))[::-1]
    if x.ndim > 2 and order == (0, x.ndim - 1, *range(1, x.ndim - 1)):
        return Value(last=x.first)
    if x.ndim > 2 and order == (0, *range(2, x.ndim), 1):
        return Value(x.last)
    return Value(F.transpose(x.first, order))


@operator("Squeeze", since=13)
def squeeze(x: Value, axes: Value | None = None, *, node: Node) -> Value:
    """Without these axes, or without all of size 1."""
    return _squeezed(node, x, integers(node, 1, axes))


@operator("Squeeze")
def squeeze_before_13(x: Value, *, node: Node, axes: Sequence[int] | None = None) -> Value:
    """Without these axes, or without all of size 1."""
    return _squeezed(node, x, axes)


def _squeezed(node: Node, x: Value, axes: Sequence[int] | None) -> Value:
    gone = {axis for axis, size in enumerate(x.shape) if size == 1}
    if axes is not None:
        named = {counted(node, axis, x.ndim) for axis in axes}
        if named - gone:
            raise ShapeError(
                f"{node.label}: expected axes of size 1 at {sorted(named)}, got an input of shape {x.shape}."
            )
        gone = named
    return Value(F.reshape(x.first, tuple(size for axis, size in enumerate(x.shape) if axis not in gone)))


@operator("Unsqueeze", since=13)
def unsqueeze(x: Value, axes: Value, *, node: Node) -> Value:
    """With axes of size 1 at these places of the result."""
    return _unsqueezed(node, x, integers(node, 1, axes) or [])


@operator("Unsqueeze")
def unsqueeze_before_13(x: Value, *, node: Node, axes: Sequence[int]) -> Value:
    """With axes of size 1 at these places of the result."""
    return _unsqueezed(node, x, axes)


def _unsqueezed(node: Node, x: Value, axes: Sequence[int]) -> Value:
    ndim = x.ndim + len(axes)
    new, sizes = {counted(node, axis, ndim) for axis in axes}, iter(x.shape)
    if len(new) != len(axes):
        raise ShapeError(f"{node.label}: expected each axis once, got {tuple(axes)}.")
    return Value(F.reshape(x.first, tuple(1 if axis in new else next(sizes) for axis in range(ndim))))


@operator("Expand", since=8)
def expand(x: Value, shape: Value, *, node: Node) -> Value:
    """Repeated to what x and `shape` broadcast to."""
    wanted = tuple(integers(node, 1, shape) or ())
    if not broadcastable(x.shape, wanted):
        raise ShapeError(f"{node.label}: an input of shape {x.shape} does not broadcast against {wanted}.")
    whole = np.broadcast_shapes(x.shape, wanted)
    expect_room(node.label, whole, x.dtype)
    return Value(F.broadcast_to(x.first, whole))


@operator("Tile", since=6)
def tile(x: Value, repeats: Value, *, node: Node) -> Value:
    """x after itself, as often along each axis as `repeats` says."""
    counts = integers(node, 1, repeats) or []
    pairs = list(zip(counts, x.shape, strict=True))
    expect_room(node.label, [count * size for count, size in pairs], x.dtype)
    whole = F.broadcast_to(F.reshape(x.first, [n for _, size in pairs for n in (1, size)]), sum(pairs, ()))
    return Value(F.reshape(whole, [count * size for count, size in pairs]))


@operator("DepthToSpace")
def depth_to_space(x: Value, *, blocksize: int, mode: str = "DCR") -> Value:
    """Channels as blocks of pixels: the places in a block count before the channels that are left (DCR), or after."""
    n, channels, height, width = x.shape
    left, block = channels // blocksize**2, (blocksize, blocksize)
    first = mode == "DCR"
    sizes = (n, *block, left, height, width) if first else (n, left, *block, height, width)
    turned = F.transpose(F.reshape(x.first, sizes), (0, 3, 4, 1, 5, 2) if first else (0, 1, 4, 2, 5, 3))
    return Value(F.reshape(turned, (n, left, height * blocksize, width * blocksize)))


@operator("SpaceToDepth")
def space_to_depth(x: Value, *, blocksize: int, mode: str = "DCR") -> Value:
    """Blocks of pixels as channels: the places in a block count before the channels that there were (DCR), or after."""
    n, channels, height, width = x.shape
    rows, columns = height // blocksize, width // blocksize
    blocks = F.reshape(x.first, (n, channels, rows, blocksize, columns, blocksize))
    turned = F.transpose(blocks, (0, 3, 5, 1, 2, 4) if mode == "DCR" else (0, 1, 3, 5, 2, 4))
    return Value(F.reshape(turned, (n, channels * blocksize**2, rows, columns)))
