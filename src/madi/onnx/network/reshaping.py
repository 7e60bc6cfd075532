"""Reshapes in ONNX's order of axes as layers in madi's: what only splits or joins axes keeps the order."""

from __future__ import annotations

import math
from itertools import pairwise

from madi.layers import ChannelShuffle, Flatten, Permute, Reshape
from madi.onnx.network.flow import Flow, Rows, Sizes

Group = tuple[list[int], list[int]]  # axes before and after that hold the same numbers


def reshaped(x: Flow, sizes: Sizes) -> Flow:
    """The value with other sizes of as many numbers; axes of size 1 come and go without a layer."""
    old, new = ([axis for axis, size in enumerate(some) if size != 1] for some in (x.sizes, sizes))
    if [x.sizes[axis] for axis in old] == [sizes[axis] for axis in new]:
        if len(sizes) == 1 and len(x.axes) > 1:
            return x.shaped(sizes, (0,), sizes)
        renamed = dict(zip(old, new, strict=True))
        return x.then(sizes=sizes, axes=[renamed.get(axis) for axis in x.axes], rows=x.rows)  # type: ignore[arg-type]
    x = x.unordered
    held = [axis for axis in x.axes if axis in old]
    if len(new) == 1 and held != old:
        if (dealt := _dealt(x, sizes, new)) is not None:
            return dealt
        places = [x.axes.index(axis) for axis in old]
        ones = [place for place, axis in enumerate(x.axes) if axis not in old]
        return x.then(Flatten(), sizes=sizes, axes=new, rows=Rows(x.shape, (*places, *ones)))
    groups = sorted(_groups(x.sizes, sizes, old, new), key=lambda group: min(map(held.index, group[0])))
    x = x.arranged([axis for before, _ in groups for axis in before]) if len(groups) < len(old) else x
    axes = [axis for _, after in groups for axis in after]
    return _shuffled(x.shaped(tuple(sizes[axis] for axis in axes), axes, sizes))


def _groups(before: Sizes, after: Sizes, old: list[int], new: list[int]) -> list[Group]:
    """The fewest axes that hold the same numbers before and after, in ONNX's order."""
    ends = [{math.prod(sizes[axis] for axis in axes[:count]): count for count in range(len(axes) + 1)}
            for sizes, axes in ((before, old), (after, new))]  # fmt: skip
    common = sorted(ends[0].keys() & ends[1].keys())
    return [(old[ends[0][a] : ends[0][b]], new[ends[1][a] : ends[1][b]]) for a, b in pairwise(common)]


def _shuffled(x: Flow) -> Flow:
    """Three layers that split the channels, exchange the parts and join them again as the one that says so."""
    match x.layers[-3:]:
        case [Reshape(sizes=(*image, groups, each)) as split, Permute(axes=(0, 1, 3, 2)), Reshape(sizes=joined)]:
            if split.input_shape == joined == (*image, groups * each):
                x.layers[-3:] = [ChannelShuffle(groups)]
    return x


def _dealt(x: Flow, sizes: Sizes, new: list[int]) -> Flow | None:
    """A row that was split in two axes, which are now joined the other way round: its channels are dealt out."""
    match x.last_layer:
        case Reshape(sizes=(groups, each), input_shape=(channels,)) if channels == groups * each and len(x.axes) == 2:
            row = x.replaced(ChannelShuffle(groups))
            return Flow(sizes, tuple(new), None, row.source, row.layers)
    return None


def transposed(x: Flow, order: tuple[int, ...]) -> Flow:
    """The value with ONNX's axes in another order, of examples: no layer, madi's axes stay where they are."""
    x = x.unordered
    axes: list[int | None] = [None if axis is None else order.index(axis) for axis in x.axes]
    return x.then(sizes=tuple(x.sizes[axis] for axis in order), axes=axes)
