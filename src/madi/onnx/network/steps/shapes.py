"""Steps that change the shape: reshapes, transposes, rims, and means over the image."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from madi.layers import Dense, GlobalAveragePool, GlobalMaxPool, Layer, Maxout, Pad, Reshape, ZeroPad
from madi.onnx.network.filling import expect_modest, number
from madi.onnx.network.flow import IMAGE, Flow, Sizes, arm_of
from madi.onnx.network.reshaping import reshaped, transposed
from madi.onnx.network.table import Place, step


@step("Reshape")
def reshape(place: Place, x: Flow, shape: np.ndarray, *, allowzero: int = 0) -> Flow:
    """The same numbers in other sizes, each example by itself."""
    examples, *rest = (int(size) for size in shape.reshape(-1))
    rest = [x.sizes[axis] if size == 0 and axis < len(x.sizes) else size for axis, size in enumerate(rest)]
    held, free = math.prod(x.sizes), math.prod(size for size in rest if size != -1)
    sizes = tuple(held // free if size == -1 and free > 0 else size for size in rest)
    if examples not in (0, -1, place.count or 1) or math.prod(sizes) != held:
        raise place.refusal(f"it makes {tuple(shape.tolist())} of examples of {x.sizes}, and so mixes examples.")
    return reshaped(x, sizes)


@step("Flatten")
def flatten(place: Place, x: Flow, *, axis: int = 1) -> Flow:
    """Rows."""
    if axis % (len(x.sizes) + 1) != 1:
        raise place.refusal("it mixes examples.")
    return reshaped(x, (math.prod(x.sizes),))


@step("Squeeze")
def squeeze(place: Place, x: Flow, where: np.ndarray | None = None, *, axes: Sequence[int] | None = None) -> Flow:
    """Axes of size 1 away, which are an input since version 13."""
    given = axes if where is None else where.reshape(-1)
    all_ones = [axis for axis, size in enumerate(x.sizes) if size == 1]
    gone = all_ones if given is None else [_of_example(place, axis, len(x.sizes)) for axis in given]
    if any(x.sizes[axis] != 1 for axis in gone):
        raise place.refusal(f"it removes axes of more than one number from examples of {x.sizes}.")
    return reshaped(x, tuple(size for axis, size in enumerate(x.sizes) if axis not in gone))


@step("Unsqueeze")
def unsqueeze(place: Place, x: Flow, where: np.ndarray | None = None, *, axes: Sequence[int] | None = None) -> Flow:
    """Axes of size 1 in between."""
    given = axes if where is None else where.reshape(-1)
    if given is None:
        raise place.refusal("it does not say which axes.")
    count = len(x.sizes) + len(given)
    new = {_of_example(place, axis, count) for axis in given}
    old = iter(x.sizes)
    return reshaped(x, tuple(1 if axis in new else next(old) for axis in range(count)))


@step("Transpose")
def transpose(place: Place, x: Flow, *, perm: Sequence[int] | None = None) -> Flow:
    """The axes in another order, which no layer has to do until one needs it."""
    order = tuple(range(len(x.sizes), -1, -1)) if perm is None else tuple(perm)
    if order[0] != 0:
        raise place.refusal("it moves the axis of examples.")
    return transposed(x, tuple(axis - 1 for axis in order[1:]))


@step("Pad")
def pad(
    place: Place, x: Flow, widths: np.ndarray | None = None, constant: np.ndarray | None = None,
    where: np.ndarray | None = None, *, mode: str = "constant", pads: Sequence[int] | None = None, value: float = 0.0,
) -> Flow:  # fmt: skip
    """Pad; ZeroPad for zeros around images."""
    rank = len(x.sizes)
    given = np.reshape(np.asarray(pads if widths is None else widths), (2, -1)).T
    over = range(-1, rank) if where is None else [_of_example(place, axis, rank) for axis in where.reshape(-1)]
    pairs: dict[int, Any] = {axis: tuple(map(int, pair)) for axis, pair in zip(over, given, strict=True)}
    if any(pairs.pop(-1, ())):
        raise place.refusal("it adds examples.")
    number_ = number(value if constant is None else constant.item())
    x = x.unordered if set(range(rank)) <= set(x.axes) else x.arranged(IMAGE if rank == 3 else range(rank))
    rim = tuple(pairs.get(axis, (0, 0)) for axis in x.axes)  # type: ignore[arg-type]
    zeros = len(rim) == 3 and mode == "constant" and number_ == 0
    layer: Layer = ZeroPad(*rim) if zeros else Pad(rim, mode, number_)
    sizes = tuple(size + sum(pairs.get(axis, (0, 0))) for axis, size in enumerate(x.sizes))
    expect_modest(size + sum(max(width, 0) for width in pairs.get(axis, ())) for axis, size in enumerate(x.sizes))
    return x.then(layer, sizes=sizes, axes=x.axes)


@step("ReduceMean", "ReduceMax")
def over_image(
    place: Place, x: Flow, where: np.ndarray | None = None, *, axes: Sequence[int] | None = None, keepdims: int = 1,
    noop_with_empty_axes: int = 0,
) -> Flow:  # fmt: skip
    """The mean, or the maximum, over all axes but one: of images, or of rows of an example."""
    given = axes if where is None else where.reshape(-1).tolist()
    gone = sorted({_of_example(place, axis, len(x.sizes)) for axis in given or ()})
    rest = [axis for axis in range(len(x.sizes)) if axis not in gone]
    if place.node.kind == "ReduceMax" and gone == [len(x.sizes) - 1] and not keepdims and (unit := _maxout(x)):
        return unit
    if len(rest) != 1 or len(gone) not in (1, 2):
        raise place.refusal("a layer reduces all axes but one, and this reduces others.")
    order = [axis for axis in x.axes if axis in gone]
    order = order if len(order) == len(gone) else gone
    x = x.arranged([*order, *rest])
    if len(gone) == 1:
        x = x.shaped((x.shape[0], 1, x.shape[1]), (*order, None, *rest))
    layer = GlobalAveragePool() if place.node.kind == "ReduceMean" else GlobalMaxPool()
    sizes: Sizes = tuple(1 if axis in gone else size for axis, size in enumerate(x.sizes))
    pooled = x.then(layer, sizes=sizes, axes=rest)
    return pooled if keepdims else reshaped(pooled, (x.sizes[rest[0]],))


def _maxout(x: Flow) -> Flow | None:
    """A Dense whose units come in groups, of which the largest is taken, as a Maxout."""
    source, layers = arm_of(x)
    match layers[-2:]:
        case [Dense() as dense, Reshape(sizes=(*others, units, pieces), input_shape=joined)]:
            if joined == (*others, units * pieces) and x.axes[-1] == len(x.sizes) - 1:
                layer = Maxout(units, pieces, bias=dense.bias is not None)
                layer.input_shape, layer.weight, layer.bias = dense.input_shape, dense.weight, dense.bias
                return Flow(x.sizes[:-1], x.axes[:-1], source=source, layers=[*layers[:-2], layer])
    return None


def _of_example(place: Place, axis: int, rank: int) -> int:
    """An axis of examples of that many axes; Unsupported for that of the examples themselves."""
    found = int(axis) - 1 if axis > 0 else rank + int(axis)
    if axis == 0 or not 0 <= found < rank:
        raise place.refusal("it works on the axis of examples.")
    return found
