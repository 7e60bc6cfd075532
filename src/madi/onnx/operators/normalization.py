"""Operators that bring numbers to a common scale, and dropout."""

from __future__ import annotations

from typing import Any

import numpy as np

import madi.functions as F
from madi.graph import Array
from madi.onnx.graph import Node
from madi.onnx.operators.inputs import counted, known
from madi.onnx.refusal import Unsupported
from madi.onnx.table import operator
from madi.onnx.value import Value


@operator("BatchNormalization", since=14)
def batch_normalization(
    x: Value, scale: Value, shift: Value, mean: Value, variance: Value, *, node: Node,
    epsilon: float = 1e-5, momentum: float = 0.9, training_mode: int = 0,
) -> tuple[Value, ...]:  # fmt: skip
    """By the running statistics, or with `training_mode` by the batch's; `momentum` is the share of the old ones."""
    if not training_mode:
        return (_by_running_statistics(x, scale, shift, mean, variance, epsilon),)
    norm = F.BatchNorm(eps=epsilon)
    y = Value(last=norm(x.last, scale.first, shift.first))
    old = mean.first.value, variance.first.value
    running = (_moved(*pair, momentum) for pair in zip(old, (norm.mean, norm.variance), strict=True))
    return (y, *map(Value, running))[: len(node.outputs)]


def _moved(old: Array, batch: Array, momentum: float) -> Array:
    return (old * momentum + batch.astype(old.dtype) * (1 - momentum)).astype(old.dtype)


def _by_running_statistics(
    x: Value, scale: Value, shift: Value, mean: Value, variance: Value, epsilon: float
) -> Value:  # fmt: skip
    norm = F.BatchNormInference(mean=mean.first.value, variance=variance.first.value, eps=epsilon)
    return Value(last=norm(x.last, scale.first, shift.first))


@operator("BatchNormalization")
def batch_normalization_before_14(
    x: Value, scale: Value, shift: Value, mean: Value, variance: Value, *, node: Node,
    epsilon: float = 1e-5, momentum: float = 0.9, is_test: int = 0, spatial: int = 1,
) -> Value:  # fmt: skip
    """One output means inference, whatever `is_test` says; with `spatial` 0 each number of an example has its own scale."""
    if len(node.outputs) > 1:
        raise Unsupported(f"{node.label}: madi trains by operators of version 14 and later; this one has 5 outputs.")
    if spatial:
        return _by_running_statistics(x, scale, shift, mean, variance, epsilon)
    rows = Value(F.reshape(x.first, (x.shape[0], -1)))
    vectors = (Value(F.reshape(value.first, (-1,))) for value in (scale, shift, mean, variance))
    return Value(F.reshape(_by_running_statistics(rows, *vectors, epsilon).first, x.shape))


@operator("LayerNormalization", since=17)
def layer_normalization(
    x: Value, scale: Value, shift: Value | None = None, *, node: Node, axis: int = -1, epsilon: float = 1e-5,
    stash_type: int = 1,
) -> tuple[Value, ...]:  # fmt: skip
    """Over all axes from `axis` on; the mean and 1 / deviation follow where they are asked for."""
    axes = x.ndim - counted(node, axis, x.ndim)
    size = x.shape[-axes:]
    vectors = [F.broadcast_to(value.first, size) for value in (scale, shift) if value is not None]
    vectors += [np.zeros(size, x.dtype)] * (shift is None)
    y = Value(F.layer_norm(x.first, *vectors, eps=epsilon, axes=axes))
    if len(node.outputs) == 1:
        return (y,)
    over = tuple(range(-axes, 0))
    mean: Any = F.mean(x.first, over, keepdims=True)
    variance: Any = F.mean(F.power(F.subtract(x.first, mean), 2), over, keepdims=True)
    return (y, Value(mean), Value(F.divide(1, F.sqrt(F.add(variance, epsilon)))))[: len(node.outputs)]


@operator("LRN")
def local_response_normalization(
    x: Value, *, size: int, alpha: float = 1e-4, beta: float = 0.75, bias: float = 1.0
) -> Value:  # fmt: skip
    """Around a channel are (size - 1) // 2 before it and size // 2 after it: madi's, seen from the last channel on."""
    channels: Any = x.last if size % 2 else x.last[..., ::-1]
    y = F.local_response_normalization(channels, size, alpha=alpha, beta=beta, k=bias)
    return Value(last=y if size % 2 else y[..., ::-1])


def _kept(x: Value, node: Node, mask: Any) -> tuple[Value, ...]:
    """x as it is, and a mask that says so where it is asked for."""
    return (x, Value(np.ones(x.shape, mask)))[: len(node.outputs)]


@operator("Dropout", since=12)
def dropout(
    x: Value, ratio: Value | None = None, training_mode: Value | None = None, *, node: Node, seed: int = 0
) -> tuple[Value, ...]:  # fmt: skip
    training = training_mode is not None and bool(known(node, 2, training_mode))
    _refuse_training(node, training and (ratio is None or float(known(node, 1, ratio)) > 0))
    return _kept(x, node, np.bool_)


@operator("Dropout", since=10)
def dropout_before_12(x: Value, *, node: Node, ratio: float = 0.5) -> tuple[Value, ...]:
    return _kept(x, node, np.bool_)


@operator("Dropout", since=7)
def dropout_before_10(x: Value, *, node: Node, ratio: float = 0.5) -> tuple[Value, ...]:
    return _kept(x, node, x.dtype)


@operator("Dropout")
def dropout_before_7(x: Value, *, node: Node, is_test: int = 0, ratio: float = 0.5) -> tuple[Value, ...]:
    _refuse_training(node, not is_test and ratio > 0)
    return _kept(x, node, x.dtype)


def _refuse_training(node: Node, training: bool) -> None:
    if training:
        raise Unsupported(
            f"{node.label}: it drops numbers at random, as in training. Export the network for inference."
        )
