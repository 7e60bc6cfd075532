"""Steps with constants, which become scales and shifts, and merges of what the network computes."""

from __future__ import annotations

from typing import Any

import numpy as np

from madi.graph import Parameter
from madi.layers import BatchNorm, Conv2D, Dense, Layer, LayerNorm, Scale
from madi.onnx.network.filling import filled, lying_as
from madi.onnx.network.flow import Flow
from madi.onnx.network.merging import ADD, JOIN, MULTIPLY, merged
from madi.onnx.network.reshaping import reshaped
from madi.onnx.network.table import Place, merge, step


@step("Add", "Sum", symmetric=True)
def add(place: Place, *inputs: Flow | np.ndarray) -> Flow:
    """A shift; the bias of the Dense or Conv2D before it that has none."""
    x, *constants = _flow_first(inputs)
    for constant in constants:
        x = _shifted(place, x, constant)
    return x


@step("Sub", symmetric=True)
def subtract(place: Place, *inputs: Flow | np.ndarray) -> Flow:
    """A shift by what is taken away; where x is taken away, of -x."""
    x, constant = _flow_first(inputs)
    if isinstance(inputs[0], Flow):
        return _shifted(place, x, -constant)
    return _shifted(place, _scaled(place, x, np.float32(-1)), constant)


@step("Mul", symmetric=True)
def multiply(place: Place, *inputs: Flow | np.ndarray) -> Flow:
    """A scale."""
    return _scaled(place, *_flow_first(inputs))


@step("Div", symmetric=True)
def divide(place: Place, x: Flow | np.ndarray, divisor: Flow | np.ndarray) -> Flow:
    """A scale by 1 / divisor."""
    if not isinstance(x, Flow):
        raise place.refusal("it divides by what the network computes.")
    return _scaled(place, x, 1 / np.asarray(divisor, np.float32))


@step("Neg")
def negative(place: Place, x: Flow) -> Flow:
    """A scale by -1."""
    return _scaled(place, x, np.float32(-1))


@step("Mean")
def mean_of_one(place: Place, x: Flow) -> Flow:
    """The value itself."""
    return x.then()


def _flow_first(inputs: tuple[Flow | np.ndarray, ...]) -> Any:
    return sorted(inputs, key=lambda value: not isinstance(value, Flow))


# ---- scales and shifts


def _scaled(place: Place, x: Flow, factor: Any) -> Flow:
    """γ x; where a normalization is before it, its own γ and β take the factor."""
    x, factor = lying_as(place, x, np.asarray(factor))
    last = x.last_layer
    if _holds_scale(last, factor):
        for parameter in (last.scale, last.shift):  # type: ignore[union-attr]
            parameter.value = (parameter.value * factor).astype(np.float32)
        return x.then()
    return x.then(_scale(x, scale=factor))


def _shifted(place: Place, x: Flow, shift: Any) -> Flow:
    """x + β; where a layer is before it that could have such a β or bias, that layer takes it."""
    x, shift = lying_as(place, x, np.asarray(shift))
    last = x.last_layer
    if _holds_scale(last, shift):
        last.shift.value = (last.shift.value + shift).astype(np.float32)  # type: ignore[union-attr]
        return x.then()
    if isinstance(last, Scale) and last.shift is None and last.scale is not None and last.scale.ndim == shift.ndim:
        return x.replaced(_scale(x, scale=np.asarray(last.scale.value), shift=shift))
    if type(last) in (Dense, Conv2D) and last.bias is None and shift.ndim == 1:  # type: ignore[union-attr]
        return x.replaced(_with_bias(last, shift))
    return x.then(_scale(x, shift=shift))


def _holds_scale(layer: Layer | None, row: np.ndarray) -> bool:
    """Whether the layer has a γ and a β of these axes."""
    return row.ndim > 0 and isinstance(layer, (BatchNorm, LayerNorm)) and layer.scale.shape == row.shape


def _scale(x: Flow, **arrays: np.ndarray) -> Scale:
    """A Scale; a single number is no weight, and stays what it is in training."""
    (axes,) = {array.ndim for array in arrays.values()}
    layer = filled(Scale(axes=axes, **{name: name in arrays for name in ("scale", "shift")}), x.shape, **arrays)
    for parameter in layer.parameters().values():
        parameter.trainable = axes > 0
        parameter.decay = False
    return layer


def _with_bias(layer: Any, bias: np.ndarray) -> Layer:
    """The same Dense or Conv2D with a bias."""
    made = type(layer)(**{**layer.arguments, "bias": True})
    made.input_shape, made.weight = layer.input_shape, layer.weight
    made.bias = Parameter(np.array(bias, np.float32), decay=False)
    return made


# ---- merges


@merge("Add", "Sum")
def sums(place: Place, flows: list[Flow]) -> Flow:
    """Paths added."""
    return _elementwise(place, ADD, flows)


@merge("Mul")
def products(place: Place, flows: list[Flow]) -> Flow:
    """Paths multiplied."""
    return _elementwise(place, MULTIPLY, flows)


@merge("Sub")
def difference(place: Place, flows: list[Flow]) -> Flow:
    """One path less another: the sum with -1 times the other."""
    return _elementwise(place, ADD, [flows[0], _scaled(place, flows[1], np.float32(-1))])


@merge("Mean")
def means(place: Place, flows: list[Flow]) -> Flow:
    """The sum of paths, scaled."""
    return _scaled(place, _elementwise(place, ADD, flows), np.float32(1 / len(flows)))


@merge("Concat")
def join(place: Place, flows: list[Flow], *, axis: int) -> Flow:
    """Paths joined along one axis, which becomes madi's last."""
    rank = len(flows[0].sizes)
    along = axis - 1 if axis > 0 else rank + axis
    if not 0 <= along < rank:
        raise place.refusal("it joins examples.")
    first = flows[0].unordered.ending_in(along)
    order = [held for held in first.axes if held is not None]
    paths = [flow.arranged(order) for flow in (first, *flows[1:])]
    sizes = list(first.sizes)
    sizes[along] = sum(path.sizes[along] for path in paths)
    return merged(JOIN, paths, label=place.node.label, sizes=tuple(sizes), axes=order)


@step("Concat")
def join_of_one(place: Place, x: Flow, *others: np.ndarray, axis: int) -> Flow:
    """The value itself."""
    if others:
        raise place.refusal("it joins a constant to what the network computes.")
    return x.then()


def _elementwise(place: Place, kind: str, flows: list[Flow]) -> Flow:
    """Paths that meet number by number, broadcast."""
    sizes = np.broadcast_shapes(*(flow.sizes for flow in flows))
    raised = [reshaped(flow, (1,) * (len(sizes) - len(flow.sizes)) + flow.sizes) for flow in flows]
    whole = max(raised, key=lambda flow: (flow.sizes == sizes, len(flow.axes)))
    order = [axis for axis in whole.axes if axis is not None]
    alike = all(flow.axes == whole.axes and flow.rows == whole.rows for flow in raised)
    paths = raised if alike else [flow.arranged(order) for flow in raised]
    same = len({flow.shape for flow in paths}) == 1
    axes = whole.axes if alike else order
    return merged(kind, paths, label=place.node.label, sizes=sizes, axes=axes, same=same)
