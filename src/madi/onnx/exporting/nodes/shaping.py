"""Functions that move numbers without changing them."""

from __future__ import annotations

from typing import Any

import numpy as np

import madi.functions as F
from madi.onnx.exporting.table import exporter
from madi.onnx.exporting.writer import Shape, Tensor, Writer, channels_first
from madi.onnx.refusal import Unsupported

END = np.iinfo(np.int64).max  # of a slice that goes on to the end


@exporter(F.Reshape)
def reshape(write: Writer, node: F.Reshape, x: Tensor) -> Tensor:
    """Flatten where all axes but the first become one, else Reshape."""
    if x.shape == write.shape:
        return x
    flat = len(write.shape) == 2 and x.ndim > 2 and write.shape[0] is None and x.shape[0] is None
    return write.flatten(x) if flat else write.reshape(x, write.shape)


@exporter(F.Transpose)
def transpose(write: Writer, node: F.Transpose, x: Tensor) -> Tensor:
    """Transpose."""
    return x if list(node.order) == sorted(node.order) else write("Transpose", x, perm=list(node.order))


@exporter(F.BroadcastTo)
def broadcast_to(write: Writer, node: F.BroadcastTo, x: Tensor) -> Tensor:
    """Expand, in which 1 leaves a size as it is."""
    shape = write.shape
    front = (1,) * (len(shape) - x.ndim) + x.shape
    if any(size is None and own is not None for size, own in zip(shape, front, strict=True)):
        raise Unsupported(
            f"{write.where}: broadcast_to repeats a value for each example, which needs their number. Add it to a "
            "value of the examples instead: it is broadcast."
        )
    return write("Expand", x, np.array([1 if size is None else size for size in shape], np.int64))


@exporter(F.Concatenate)
def concatenate(write: Writer, node: F.Concatenate, *xs: Tensor) -> Tensor:
    """Concat, in the order in which the images lie."""
    xs, ndim = tuple(write.cast(x, write.dtype) for x in xs), len(write.shape)
    if any(x.lies_first for x in xs):
        name = write.line("Concat", [write.first(x) for x in xs], axis=channels_first(node.axis, ndim))[0]
        return Tensor(write.shape, write.dtype, first=name)
    return write("Concat", *xs, axis=node.axis % ndim)


@exporter(F.Split)
def split(write: Writer, node: F.Split, x: Tensor) -> tuple[Tensor, ...]:
    """Split, in the order in which x lies."""
    first, axis = x.lies_first, node.axis % x.ndim
    sizes = write.constant(np.array(node.sizes, np.int64))
    names = write.line(
        "Split", [write.first(x) if first else write.last(x), sizes], outputs=len(node.sizes),
        axis=channels_first(axis, x.ndim) if first else axis,
    )  # fmt: skip
    order = "first" if first else "last"
    shapes = [(*x.shape[:axis], size, *x.shape[axis + 1 :]) for size in node.sizes]
    return tuple(Tensor(shape, x.dtype, **{order: name}) for shape, name in zip(shapes, names, strict=True))


@exporter(F.Pad)
def pad(write: Writer, node: F.Pad, x: Tensor) -> Tensor:
    """Pad by a number."""
    return write.padded(x, node.widths, value=float(node.value))


@exporter(F.PadByCopies)
def pad_by_copies(write: Writer, node: F.PadByCopies, x: Tensor) -> Tensor:
    """Pad, or where ONNX has no such mode or width: Gather along each axis that grows."""
    sizes = [size or 1 for size in x.shape]
    within = all(max(pair) < size for pair, size in zip(node.widths, sizes, strict=True) if any(pair))
    if node.mode in ("edge", "reflect") and within:
        return write.padded(x, node.widths, mode=node.mode)
    shape: Shape = x.shape
    for index in node.places(tuple(sizes)):
        axis, line = len(index) - 1, np.asarray(index[-1], np.int64)
        shape = (*shape[:axis], len(line), *shape[axis + 1 :])
        x = write("Gather", x, line, axis=axis, shape=shape)
    return x


@exporter(F.Take)
def take(write: Writer, node: F.Take, x: Tensor, indices: Tensor) -> Tensor:
    """Gather."""
    return write("Gather", x, write.cast(indices, "int64"), axis=node.axis % x.ndim)


@exporter(F.GetItem)
def get_item(write: Writer, node: F.GetItem, x: Tensor) -> Tensor:
    """Slice, Gather and Unsqueeze: numbers, slices, one array of places, new axes."""
    index = node.index if isinstance(node.index, tuple) else (node.index,)
    entries = _whole_index(write, index, x.ndim)
    axis, gone = 0, []
    for entry in entries:
        if entry is None:
            continue
        if not _is_all(entry):
            x = _picked(write, x, axis, entry)
        if np.ndim(entry) == 0 and not isinstance(entry, slice):
            gone.append(axis)
        axis += 1
    if gone:
        x = write("Squeeze", x, np.array(gone, np.int64), shape=_without(x.shape, gone))
    places = [place for place, entry in enumerate(_left(entries)) if entry is None]
    return write("Unsqueeze", x, np.array(places, np.int64)) if places else x


def _whole_index(write: Writer, index: tuple[Any, ...], ndim: int) -> list[Any]:
    """The index with an entry for each axis."""
    arrays = sum(np.ndim(entry) > 0 for entry in index if not isinstance(entry, slice) and entry is not Ellipsis)
    masks = any(getattr(entry, "dtype", np.dtype(int)).kind == "b" or isinstance(entry, bool) for entry in index)
    numbers = any(np.ndim(entry) == 0 and isinstance(entry, int | np.integer) for entry in index)
    if masks or arrays > 1 or (arrays and numbers) or any(np.ndim(entry) > 1 for entry in index if entry is not None):
        raise Unsupported(
            f"{write.where}: indexes by masks, or by more than one array, which cannot be written. Use "
            "madi.functions.take and where."
        )
    given = [entry for entry in index if entry is not Ellipsis]
    missing = ndim - sum(entry is not None for entry in given)
    place = index.index(Ellipsis) if any(entry is Ellipsis for entry in index) else len(index)
    return [*index[:place], *[slice(None)] * missing, *(entry for entry in index[place:] if entry is not Ellipsis)]


def _picked(write: Writer, x: Tensor, axis: int, entry: Any) -> Tensor:
    """x at one entry of the index; a number leaves an axis of size 1."""
    if isinstance(entry, slice):
        size = x.shape[axis]
        step = 1 if entry.step is None else int(entry.step)
        start = (0 if step > 0 else END) if entry.start is None else int(entry.start)
        end = (END if step > 0 else -END) if entry.stop is None else int(entry.stop)
        count = None if size is None else len(range(*entry.indices(size)))
        bounds = [np.array([number], np.int64) for number in (start, end, axis, step)]
        return write("Slice", x, *bounds, shape=(*x.shape[:axis], count, *x.shape[axis + 1 :]), dtype=x.dtype)
    places = np.atleast_1d(np.asarray(entry, np.int64))
    shape = (*x.shape[:axis], len(places), *x.shape[axis + 1 :])
    return write("Gather", x, places, axis=axis, shape=shape, dtype=x.dtype)


def _is_all(entry: Any) -> bool:
    return isinstance(entry, slice) and entry in (slice(None), slice(None, None, 1), slice(0, None, None))


def _without(shape: Shape, axes: list[int]) -> Shape:
    return tuple(size for axis, size in enumerate(shape) if axis not in axes)


def _left(entries: list[Any]) -> list[Any]:
    """The entries whose axes are in the output."""
    return [entry for entry in entries if entry is None or isinstance(entry, slice) or np.ndim(entry) > 0]
