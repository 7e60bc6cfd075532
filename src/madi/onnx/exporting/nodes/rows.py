"""Functions of rows: products, norms, lookups, sums along axes."""

from __future__ import annotations

from typing import Any

import numpy as np

import madi.functions as F
from madi.onnx.exporting.table import exporter
from madi.onnx.exporting.writer import Tensor, Writer, channels_first

REDUCTIONS = {F.Sum: "ReduceSum", F.Mean: "ReduceMean", F.Max: "ReduceMax", F.Min: "ReduceMin"}
AXES_AS_INPUT = {"ReduceSum": 13, "ReduceMean": 18, "ReduceMax": 18, "ReduceMin": 18}  # since these versions


@exporter(F.Affine)
def affine(write: Writer, node: F.Affine, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Gemm on rows; with more leading axes MatMul and Add."""
    if x.ndim == 2:
        return write("Gemm", x, weight, *([] if bias is None else [bias]))
    y = write("MatMul", x, weight)
    return y if bias is None else write("Add", y, bias)


@exporter(F.MatMul)
def matmul(write: Writer, node: F.MatMul, x0: Tensor, x1: Tensor) -> Tensor:
    """MatMul."""
    return write("MatMul", x0, x1)


@exporter(F.EmbeddingLookup)
def embedding(write: Writer, node: F.EmbeddingLookup, codes: Tensor, weight: Tensor) -> Tensor:
    """Gather, by codes as whole numbers."""
    return write("Gather", weight, write.cast(codes, "int64"), axis=0)


@exporter(F.Softmax)
def softmax(write: Writer, node: F.Softmax, x: Tensor) -> Tensor:
    """Softmax."""
    return write.along("Softmax", x, node.axis)


@exporter(F.LogSoftmax)
def log_softmax(write: Writer, node: F.LogSoftmax, x: Tensor) -> Tensor:
    """LogSoftmax."""
    return write.along("LogSoftmax", x, node.axis)


@exporter(F.LayerNorm)
def layer_norm(write: Writer, node: F.LayerNorm, x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """LayerNormalization over the last axes."""
    return write("LayerNormalization", x, scale, shift, axis=min(node.axes), epsilon=float(node.eps))


@exporter(F.Maxout)
def maxout(write: Writer, node: F.Maxout, x: Tensor) -> Tensor:
    """The largest of each group of neighbours on the last axis."""
    groups = write.reshape(x, (*write.shape, node.pieces))
    return reduced(write, "ReduceMax", groups, (groups.ndim - 1,), keepdims=False)


@exporter(*REDUCTIONS)
def reduction(write: Writer, node: Any, x: Tensor) -> Tensor:
    """A sum, mean, or extreme along axes."""
    return reduced(write, REDUCTIONS[type(node)], x, node.axes, keepdims=node.keepdims)


def reduced(write: Writer, kind: str, x: Tensor, axes: tuple[int, ...], *, keepdims: bool) -> Tensor:
    """x without these axes, or with size 1 there; in the order in which x lies, where the result then has one."""
    left = [axis for axis in range(x.ndim) if axis not in axes]
    first = x.lies_first and (keepdims or sorted(left, key=lambda axis: channels_first(axis, x.ndim)) == left)
    places = np.array([channels_first(axis, x.ndim) if first else axis for axis in axes], np.int64)
    names, options = [write.first(x) if first else write.last(x)], {"keepdims": int(keepdims)}
    if write.opset >= AXES_AS_INPUT[kind]:
        names.append(write.constant(places))
    else:
        options["axes"] = places.tolist()
    name = write.line(kind, names, **options)[0]
    order = "first" if first and keepdims else "last"
    return Tensor(write.shape, write.dtype, **{order: name})
