"""Steps on rows, and on the last axis: products with weights, normalizations."""

from __future__ import annotations

import numpy as np

from madi.layers import BatchNorm, Dense, LayerNorm
from madi.onnx.network.filling import filled, number
from madi.onnx.network.flow import Flow
from madi.onnx.network.table import Place, step


@step("Gemm")
def product_and_sum(
    place: Place, x: Flow, weight: np.ndarray, bias: np.ndarray | None = None, *, alpha: float = 1.0, beta: float = 1.0,
    transA: int = 0, transB: int = 0, broadcast: int = 1,
) -> Flow:  # fmt: skip
    """Dense with its bias."""
    if transA or len(x.sizes) != 1:
        raise place.refusal("it multiplies across examples.")
    units = len(weight) if transB else weight.shape[1]
    if bias is not None and bias.size not in (1, units):
        raise place.refusal(f"its sum has the shape {bias.shape}, one row for each example.")
    row = None if bias is None else beta * np.broadcast_to(bias.reshape(-1), (units,))
    return dense(place, x, alpha * (weight.T if transB else weight), row)


@step("MatMul")
def matrix_product(place: Place, x: Flow, weight: np.ndarray) -> Flow:
    """Dense without a bias; a sum that follows becomes one."""
    if weight.ndim != 2:
        raise place.refusal(f"its weights have the shape {weight.shape}, which is no matrix.")
    return dense(place, x, weight, None)


def dense(place: Place, x: Flow, weight: np.ndarray, bias: np.ndarray | None) -> Flow:
    """A Dense layer on the last axis; rows in another order than ONNX's have the weights' rows follow them."""
    x = x.ending_in(len(x.sizes) - 1)
    if weight.shape[0] != x.sizes[-1]:
        raise place.refusal(f"its weights {weight.shape} do not fit examples of {x.sizes}.")
    rows = weight if x.rows is None else weight[x.rows.places]
    layer = filled(Dense(weight.shape[1], bias=bias is not None), x.shape, weight=rows, bias=bias)
    return x.then(layer, sizes=(*x.sizes[:-1], weight.shape[1]), axes=x.axes)


@step("BatchNormalization")
def batch_norm(
    place: Place, x: Flow, scale: np.ndarray, shift: np.ndarray, mean: np.ndarray, variance: np.ndarray, *,
    epsilon: float = 1e-5, momentum: float = 0.9, spatial: int = 1, training_mode: int = 0, is_test: int = 1,
) -> Flow:  # fmt: skip
    """BatchNorm, whose momentum is the share of the new, ONNX's that of the old."""
    if not spatial or training_mode:
        raise place.refusal("it has statistics for each pixel, or takes those of the batch.")
    held = {"scale": scale, "shift": shift, "mean": mean, "variance": variance}
    for name, array in held.items():
        if array.shape != x.sizes[:1]:
            raise place.refusal(f"its {name} has the shape {array.shape}, for examples of {x.sizes[0]} channels.")
    x = x.ending_in(0)
    places = slice(None) if x.rows is None else x.rows.places
    layer = BatchNorm(round(1 - number(momentum), 7), number(epsilon))
    return x.then(filled(layer, x.shape, **{name: array[places] for name, array in held.items()}))


@step("LayerNormalization")
def layer_norm(
    place: Place, x: Flow, scale: np.ndarray | None = None, shift: np.ndarray | None = None, *, axis: int = -1,
    epsilon: float = 1e-5, stash_type: int = 1,
) -> Flow:  # fmt: skip
    """LayerNorm over the last axes."""
    first = axis - 1 if axis > 0 else len(x.sizes) + axis
    last = range(first, len(x.sizes))
    x = x.arranged([*(axis for axis in x.axes if axis is not None and axis < first), *last])
    sizes = x.sizes[first:]
    held = {"scale": np.ones(1) if scale is None else scale, "shift": np.zeros(1) if shift is None else shift}
    weights = {name: np.broadcast_to(array, sizes) for name, array in held.items()}
    return x.then(filled(LayerNorm(len(last), number(epsilon)), x.shape, **weights))
