"""Operators that bring numbers to a common scale, and dropout."""

from __future__ import annotations

from typing import Any

import numpy as np

import madi.functions as F
from madi.errors import FileError
from madi.graph import Array, Variable
from madi.onnx.graph import Node
from madi.onnx.operators.arithmetic import placed
from madi.onnx.operators.inputs import counted, known
from madi.onnx.refusal import Unsupported
from madi.onnx.table import operator
from madi.onnx.value import Value, elementwise


@operator("BatchNormalization", since=14)
def batch_normalization(
    x: Value, scale: Value, shift: Value, mean: Value, variance: Value, *, node: Node,
    epsilon: float = 1e-5, momentum: float = 0.9, training_mode: int = 0,
) -> tuple[Value, ...]:  # fmt: skip
    """By the running statistics, or with `training_mode` by the batch's; `momentum` is the share of the old ones."""
    if not training_mode:
        return (_by_running_statistics(x, scale, shift, mean, variance, epsilon=epsilon),)
    norm = F.BatchNorm(eps=epsilon)
    y = Value(last=norm(x.last, scale.first, shift.first))
    old = mean.first.value, variance.first.value
    running = (_moved(*pair, momentum) for pair in zip(old, (norm.mean, norm.variance), strict=True))
    return (y, *map(Value, running))[: len(node.outputs)]


def _moved(old: Array, batch: Array, momentum: float) -> Array:
    return (old * momentum + batch.astype(old.dtype) * (1 - momentum)).astype(old.dtype)


def _by_running_statistics(
    x: Value, scale: Value, shift: Value, mean: Value, variance: Value, *, epsilon: float
) -> Value:  # fmt: skip
    norm = F.BatchNormInference(mean=mean.first.value, variance=variance.first.value, eps=epsilon)
    return Value(last=norm(x.last, scale.first, shift.first))


@operator("BatchNormalization")
def batch_normalization_before_14(
    x: Value, scale: Value, shift: Value, mean: Value, variance: Value, *, node: Node,
    epsilon: float = 1e-5, momentum: float = 0.9, is_test: int = 0, spatial: int = 1,
) -> Value:  # fmt: skip
    """By the running statistics; with `spatial` 0 each number of an example has a scale and statistics of its own.

    The one output of inference says that it is meant, whatever `is_test` says.
    """
    if any(node.outputs[1:]):
        raise Unsupported(f"{node.label}: madi trains by operators of version 14 and later; this one has 5 outputs.")
    if spatial:
        return _by_running_statistics(x, scale, shift, mean, variance, epsilon=epsilon)
    rows: Any = F.reshape(x.first, (x.shape[0], -1))
    vectors = [Value(F.reshape(value.first, (-1,))) for value in (scale, shift, mean, variance)]
    return Value(F.reshape(_by_running_statistics(Value(rows), *vectors, epsilon=epsilon).first, x.shape))


@operator("LayerNormalization", since=17)
def layer_normalization(
    x: Value, scale: Value, shift: Value | None = None, *, node: Node, axis: int = -1, epsilon: float = 1e-5,
    stash_type: int = 1,
) -> tuple[Value, ...]:  # fmt: skip
    """Over all axes from `axis` on; the mean and 1 / deviation follow, in float32, where they are asked for."""
    if stash_type != 1:
        raise Unsupported(f"{node.label}: madi computes it in float32 (stash_type 1), got stash_type {stash_type}.")
    axes = x.ndim - counted(node, axis, x.ndim)
    size = x.shape[-axes:]
    zeros = Variable(np.zeros(size, x.dtype))
    norm = F.LayerNorm(eps=epsilon, axes=axes)
    y = norm(x.first, F.broadcast_to(scale.first, size), zeros if shift is None else F.broadcast_to(shift.first, size))
    means = (Value(found.astype(np.float32)) for found in (norm.mean, norm.per_deviation))
    return (Value(y), *means)[: len(node.outputs)]


@operator("InstanceNormalization")
def instance_normalization(
    x: Value, scale: Value, shift: Value, *, node: Node, epsilon: float = 1e-5
) -> Value:  # fmt: skip
    """Each channel of each example by itself."""
    return _scaled(node, Value(_normal(x.first, x.ndim - 2, epsilon)), scale, shift)


@operator("GroupNormalization", since=21)
def group_normalization(
    x: Value, scale: Value, shift: Value, *, node: Node, num_groups: int, epsilon: float = 1e-5, stash_type: int = 1
) -> Value:  # fmt: skip
    """Each group of neighbouring channels of each example by itself; scale and shift are those of channels."""
    groups: Any = F.reshape(x.first, (x.shape[0], num_groups, -1))
    return _scaled(node, Value(F.reshape(_normal(groups, 1, epsilon), x.shape)), scale, shift)


def _normal(x: Any, axes: int, epsilon: float) -> Variable:
    """x with mean 0 and variance 1 over its last axes."""
    size = x.shape[-axes:]
    return F.layer_norm(x, np.ones(size, x.dtype), np.zeros(size, x.dtype), eps=epsilon, axes=axes)


def _scaled(node: Node, x: Value, scale: Value, shift: Value) -> Value:
    """x times the scale of each channel and its shift."""
    y = elementwise(F.multiply, x, placed(node, scale, x.ndim, 1))
    return elementwise(F.add, y, placed(node, shift, x.ndim, 1))


def neighbourhood(node: Node, size: int, channels: int, alpha: float) -> tuple[int, float]:
    """The `size` and `alpha` of an LRN, of so few channels as there are: those beyond the first and last count 0."""
    if size < 1:
        raise FileError(f"{node.label}: expected a size of at least 1, got {size}.")
    whole = 2 * channels + 1
    return (size, alpha) if size <= whole else (whole, alpha * whole / size)


@operator("LRN")
def local_response_normalization(
    x: Value, *, node: Node, size: int, alpha: float = 1e-4, beta: float = 0.75, bias: float = 1.0
) -> Value:  # fmt: skip
    """Around a channel are (size - 1) // 2 before it and size // 2 after it: madi's, seen from the last channel on."""
    size, alpha = neighbourhood(node, size, x.shape[1], alpha)
    options: Any = {"alpha": alpha, "beta": beta, "k": bias}
    if size % 2:
        return Value(last=F.local_response_normalization(x.last, size, **options))
    mirror = (..., slice(None, None, -1))
    return Value(last=F.get_item(F.local_response_normalization(F.get_item(x.last, mirror), size, **options), mirror))


def _kept(x: Value, node: Node, mask: Any) -> tuple[Value, ...]:
    """x, and a mask of the type `mask` that keeps all of it, where one is asked for."""
    return (x, Value(np.ones(x.shape, mask)))[: len(node.outputs)]


@operator("Dropout", since=12)
def dropout(
    x: Value, ratio: Value | None = None, training_mode: Value | None = None, *, node: Node, seed: int = 0
) -> tuple[Value, ...]:  # fmt: skip
    """x itself, and a mask of what is kept: all of it.  Training is refused, unless the ratio is 0."""
    training = training_mode is not None and bool(known(node, 2, training_mode))
    _refuse_training(node, training and (ratio is None or float(known(node, 1, ratio)) > 0))
    return _kept(x, node, np.bool_)


@operator("Dropout", since=10)
def dropout_before_12(x: Value, *, node: Node, ratio: float = 0.5) -> tuple[Value, ...]:
    """x itself, and a mask of what is kept."""
    return _kept(x, node, np.bool_)


@operator("Dropout", since=7)
def dropout_before_10(x: Value, *, node: Node, ratio: float = 0.5) -> tuple[Value, ...]:
    """x itself, and a mask of what is kept, of x's type."""
    return _kept(x, node, x.dtype)


@operator("Dropout")
def dropout_before_7(x: Value, *, node: Node, is_test: int = 0, ratio: float = 0.5) -> tuple[Value, ...]:
    """x itself where `is_test` says so; else it is training, which is refused."""
    _refuse_training(node, not is_test and ratio > 0)
    return _kept(x, node, x.dtype)


def _refuse_training(node: Node, training: bool) -> None:
    if training:
        raise Unsupported(f"{node.label}: drops numbers at random, as in training. Export the network for inference.")
