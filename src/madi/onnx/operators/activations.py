"""Activation functions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import madi.functions as F
from madi.onnx.graph import Node
from madi.onnx.operators.arithmetic import enter_unary, placed
from madi.onnx.operators.inputs import along, counted
from madi.onnx.table import operator
from madi.onnx.value import Value, elementwise

SELU_ALPHA, SELU_GAMMA = 1.67326319217681884765625, 1.05070102214813232421875  # ONNX's, as float32 has them

enter_unary("Relu", F.relu)
enter_unary("Sigmoid", F.sigmoid)
enter_unary("Softplus", F.softplus)
enter_unary("Tanh", F.tanh)
enter_unary("HardSwish", lambda x: F.multiply(x, F.hard_sigmoid(x, slope=1 / 6, offset=0.5)), since=14)
enter_unary("Mish", lambda x: F.multiply(x, F.tanh(F.softplus(x))), since=18)
enter_unary("Softsign", lambda x: F.divide(x, F.add(F.absolute(x), 1)))


@operator("LeakyRelu")
def leaky_relu(x: Value, *, alpha: float = 0.01) -> Value:
    """x where positive, else alpha x."""
    return elementwise(lambda x: F.leaky_relu(x, alpha), x)


@operator("Elu")
def elu(x: Value, *, alpha: float = 1.0) -> Value:
    """x where positive, else alpha (exp(x) - 1)."""
    return elementwise(lambda x: F.elu(x, alpha), x)


@operator("Celu", since=12)
def celu(x: Value, *, alpha: float = 1.0) -> Value:
    """x where positive, else alpha (exp(x / alpha) - 1)."""
    return elementwise(lambda x: F.multiply(F.elu(F.divide(x, alpha)), alpha), x)


@operator("Selu")
def selu(x: Value, *, alpha: float = SELU_ALPHA, gamma: float = SELU_GAMMA) -> Value:
    """gamma x where positive, else gamma alpha (exp(x) - 1)."""
    return elementwise(lambda x: F.multiply(F.elu(x, alpha), gamma), x)


@operator("Swish", since=24)
def swish(x: Value, *, alpha: float = 1.0) -> Value:
    """x sigmoid(alpha x)."""
    return elementwise(lambda x: F.multiply(x, F.sigmoid(F.multiply(x, alpha))), x)


@operator("ThresholdedRelu", since=10)
def thresholded_relu(x: Value, *, alpha: float = 1.0) -> Value:
    """x where it is more than alpha, else 0."""
    return elementwise(lambda x: F.where(x.value > alpha, x, 0), x)


@operator("HardSigmoid")
def hard_sigmoid(x: Value, *, alpha: float = 0.2, beta: float = 0.5) -> Value:
    """alpha x + beta, held between 0 and 1."""
    return elementwise(lambda x: F.hard_sigmoid(x, slope=alpha, offset=beta), x)


@operator("Gelu", since=20)
def gelu(x: Value, *, approximate: str = "none") -> Value:
    """x times the share of a normal distribution below x, or with "tanh" nearly so."""
    return elementwise(lambda x: F.gelu(x, approximate=approximate), x)


@operator("PRelu", since=7)
def prelu(x: Value, slope: Value) -> Value:
    """x where positive, else slope x."""
    return elementwise(F.prelu, x, slope)


@operator("PRelu")
def prelu_before_7(x: Value, slope: Value, *, node: Node) -> Value:
    """With one slope for all channels, or one for each: these are the second axis."""
    return elementwise(F.prelu, x, slope if math.prod(slope.shape) == 1 else placed(node, slope, x.ndim, 1))


@operator("Clip", since=11)
def clip(x: Value, low: Value | None = None, high: Value | None = None) -> Value:
    """min(max(x, low), high): where low > high, every number is high."""
    least, most = (None if bound is None else bound.known for bound in (low, high))
    if (least is None) == (low is None) and (most is None) == (high is None):
        return elementwise(lambda x: F.clip(x, least, most), x)
    y = x if low is None else elementwise(F.maximum, x, low)
    return y if high is None else elementwise(F.minimum, y, high)


@operator("Clip")
def clip_before_11(x: Value, *, min: float | None = None, max: float | None = None) -> Value:
    """min(max(x, low), high)."""
    return elementwise(lambda x: F.clip(x, min, max), x)


def _enter_softmax(kind: str, function: Callable[..., Any]) -> None:
    @operator(kind, since=13)
    def softmax(x: Value, *, node: Node, axis: int = -1) -> Value:
        """Along one axis."""
        return along(function, x, counted(node, axis, x.ndim))

    @operator(kind)
    def softmax_before_13(x: Value, *, node: Node, axis: int = 1) -> Value:
        """Over all axes from `axis` on, as one."""
        first = axis if axis == x.ndim else counted(node, axis, x.ndim)
        rows = F.reshape(x.first, (math.prod(x.shape[:first]), math.prod(x.shape[first:])))
        return Value(F.reshape(function(rows, -1), x.shape))


_enter_softmax("Softmax", F.softmax)
_enter_softmax("LogSoftmax", F.log_softmax)
