"""Losses: how wrong the network is, as one number.

All are means.  With a weight w for each example the mean is weighted, Σ w l / Σ w: examples of weight 0 do not count.
Targets and weights are data: no gradient flows to them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from madi.errors import DataError, ShapeError
from madi.functions.activations import normalized_exponential
from madi.graph import Array, Function, Variable, as_array
from madi.kernels.arrays import array_library, is_traced
from madi.kernels.indexing import one_hot


class _Loss(Function):
    """The mean of a loss l by example or element; `slope` is dl/dx.

    forward   L  = Σ w l / Σ w
    backward  gx = gL w dl/dx / Σ w
    """

    def __init__(self, target: Any, *, sample_weight: Any = None) -> None:
        self.target = _data(target)
        self.weight = None if sample_weight is None else _data(sample_weight)

    def forward(self, x: Array) -> Array:
        self.x, self.t = x, self.prepare(x, self.target)
        losses = self.losses()
        self.share = self.shares(losses)
        return (losses * self.share).sum()

    def backward(self, gy: Array) -> Array:
        slope = self.slope()
        return gy * slope * self.share.reshape(self.share.shape + (1,) * (slope.ndim - self.share.ndim))

    def shares(self, losses: Array) -> Array:
        """w / Σ w for each entry of the losses, which is 1 / m without weights."""
        xp = array_library(self.x)
        if self.weight is None:
            return xp.full((1,) * losses.ndim, 1 / max(losses.size, 1), self.x.dtype)
        if self.weight.shape != self.x.shape[:1]:
            raise ShapeError(
                f"{_name(self)}: expected sample_weight of shape {self.x.shape[:1]}, got {self.weight.shape}."
            )
        column = self.weight.reshape(self.weight.shape + (1,) * (losses.ndim - 1)).astype(self.x.dtype)
        return column / (self.weight.sum() * (losses.size // max(losses.shape[0], 1))).astype(self.x.dtype)

    def prepare(self, x: Array, target: Array) -> Array:
        """The target as an array of x's dtype and shape."""
        if target.shape != x.shape:
            raise ShapeError(
                f"{_name(self)}: expected targets of the prediction's shape {x.shape}, got {target.shape}. "
                "A column of targets is (N, 1): reshape one of them."
            )
        return target.astype(x.dtype)

    def losses(self) -> Array:
        raise NotImplementedError

    def slope(self) -> Array:
        raise NotImplementedError


class MeanSquaredError(_Loss):
    """Mean squared error over all elements.

    forward   L  = mean (x - t)²
    backward  gx = gL 2 (x - t) / m          m elements
    """

    def losses(self) -> Array:
        return (self.x - self.t) ** 2

    def slope(self) -> Array:
        return 2 * (self.x - self.t)


class MeanAbsoluteError(_Loss):
    """Mean absolute error over all elements.

    forward   L  = mean |x - t|
    backward  gx = gL sign(x - t) / m        slope 0 where x = t
    """

    def losses(self) -> Array:
        return abs(self.x - self.t)

    def slope(self) -> Array:
        return array_library(self.x).sign(self.x - self.t)


class Huber(_Loss):
    """Huber's loss over all elements: squared near 0, absolute beyond `delta` (Huber, 1964).

    forward   l  = r²/2 where |r| <= δ, else δ (|r| - δ/2),    r = x - t
    backward  gx = gL clip(r, -δ, δ) / m
    """

    def __init__(self, target: Any, *, delta: float = 1.0, sample_weight: Any = None) -> None:
        super().__init__(target, sample_weight=sample_weight)
        self.delta = delta

    def losses(self) -> Array:
        distance = abs(self.x - self.t)
        near = array_library(self.x).minimum(distance, self.delta)
        return near * (distance - near / 2)

    def slope(self) -> Array:
        return (self.x - self.t).clip(-self.delta, self.delta)


class CrossEntropy(_Loss):
    """Cross entropy of probabilities, mean over the batch; targets are labels (N,) or one-hot rows (N, classes).

    forward   L  = -mean Σ t log(x)          log is guarded: x is raised to the smallest normal number
    backward  gx = -gL t / (x N)             0 where x was raised
    """

    def prepare(self, x: Array, target: Array) -> Array:
        return class_targets(_name(self), x, target)

    def losses(self) -> Array:
        return -(self.t * array_library(self.x).log(_guarded(self.x))).sum(axis=-1)

    def slope(self) -> Array:
        xp = array_library(self.x)
        return -xp.where(self.x > 0, self.t / _guarded(self.x), 0)


class SoftmaxCrossEntropy(_Loss):
    """Softmax and cross entropy in one node, on logits; targets are labels (N,) or one-hot rows (N, classes).

    forward   L  = mean (log Σ exp(x) Σ t - Σ t x)       shifted by the maximum: stable for any finite logits
    backward  gx = gL (y Σ t - t) / N,   y = softmax(x)     the difference of prediction and truth; Σ t = 1 for a class

    label_smoothing   s: the target becomes (1 - s) t + s / classes (Szegedy et al., 2016)
    """

    def __init__(self, target: Any, *, label_smoothing: float = 0.0, sample_weight: Any = None) -> None:
        super().__init__(target, sample_weight=sample_weight)
        self.label_smoothing = label_smoothing

    def prepare(self, x: Array, target: Array) -> Array:
        t = class_targets(_name(self), x, target)
        return t if not self.label_smoothing else (1 - self.label_smoothing) * t + self.label_smoothing / x.shape[-1]

    def losses(self) -> Array:
        xp = array_library(self.x)
        shifted = self.x - self.x.max(axis=-1, keepdims=True)
        normalizer = xp.log(xp.exp(shifted).sum(axis=-1))
        return normalizer * self.t.sum(axis=-1) - (self.t * shifted).sum(axis=-1)

    def slope(self) -> Array:
        return normalized_exponential(self.x, -1) * self.t.sum(axis=-1, keepdims=True) - self.t


class BinaryCrossEntropy(_Loss):
    """Binary cross entropy of probabilities, mean over all elements; targets in 0..1, of the prediction's shape.

    forward   l  = -(t log(x) + (1 - t) log(1 - x))      both logs guarded, as in CrossEntropy
    backward  gx = gL (-t / x + (1 - t) / (1 - x)) / m
    """

    def losses(self) -> Array:
        log = array_library(self.x).log
        return -(self.t * log(_guarded(self.x)) + (1 - self.t) * log(_guarded(1 - self.x)))

    def slope(self) -> Array:
        where = array_library(self.x).where
        against = where(self.x < 1, (1 - self.t) / _guarded(1 - self.x), 0)
        return against - where(self.x > 0, self.t / _guarded(self.x), 0)


class SigmoidBinaryCrossEntropy(_Loss):
    """Sigmoid and binary cross entropy in one node, on logits, mean over all elements.

    forward   l  = max(x, 0) - t x + log(1 + exp(-|x|))      stable for any finite logits
    backward  gx = gL (y - t) / m,   y = sigmoid(x)
    """

    def losses(self) -> Array:
        xp = array_library(self.x)
        return xp.maximum(self.x, 0) - self.t * self.x + xp.log1p(xp.exp(-abs(self.x)))

    def slope(self) -> Array:
        return (array_library(self.x).tanh(self.x / 2) + 1) / 2 - self.t


def class_targets(where: str, x: Array, target: Array) -> Array:
    """Targets of classes as rows of x's dtype: labels (N,) become one-hot rows, rows (N, classes) stay.

    Raises DataError for labels outside 0..classes-1 (naming the row) and for fractional labels, ShapeError for targets
    that are neither.  Traced labels cannot be looked at: the trainer checks them before.
    """
    classes = x.shape[-1]
    if target.shape == x.shape:
        return target.astype(x.dtype)
    if target.shape != x.shape[:-1]:
        raise ShapeError(
            f"{where}: expected labels of shape {x.shape[:-1]} or one-hot rows of shape {x.shape}, got {target.shape}."
        )
    check_labels(where, target, classes)
    return one_hot(target, classes, x.dtype)


def check_labels(where: str, labels: Array, classes: int) -> None:
    """Raise DataError unless every label is a whole number in 0..classes-1; the message names the first that is not."""
    if is_traced(labels):
        return
    labels = np.asarray(labels)
    if labels.dtype.kind not in "iub":
        raise DataError(
            f"{where}: expected whole-number labels, got {labels.dtype} values such as "
            f"{labels.flat[0] if labels.size else '-'}. Convert them with astype(int), or use a regression "
            "loss (mean_squared_error)."
        )
    wrong = np.flatnonzero((labels < 0) | (labels >= classes))
    if wrong.size:
        more = f" and {wrong.size - 1} more" if wrong.size > 1 else ""
        row = int(wrong[0])
        raise DataError(
            f"{where}: expected labels from 0 to {classes - 1} for {classes} classes, got {labels.flat[row]} in row "
            f"{row}{more}. Relabel them, or give the last layer more units."
        )


def _data(values: Any) -> Array:
    return (
        values.value
        if isinstance(values, Variable)
        else as_array(np.asarray(values) if isinstance(values, list) else values)
    )


def _guarded(x: Array) -> Array:
    """x, raised to the smallest normal number of its dtype, so that its logarithm is finite."""
    xp = array_library(x)
    return xp.maximum(x, xp.finfo(x.dtype).tiny)


def _name(loss: _Loss) -> str:
    return NAMES[type(loss)]


def mean_squared_error(x: Any, target: Any, *, sample_weight: Any = None) -> Variable:
    """`mean (x - t)²` over all elements.  See `MeanSquaredError`."""
    return MeanSquaredError(target, sample_weight=sample_weight)(x)


def mean_absolute_error(x: Any, target: Any, *, sample_weight: Any = None) -> Variable:
    """`mean |x - t|` over all elements.  See `MeanAbsoluteError`."""
    return MeanAbsoluteError(target, sample_weight=sample_weight)(x)


def huber(x: Any, target: Any, *, delta: float = 1.0, sample_weight: Any = None) -> Variable:
    """Squared error near 0, absolute error beyond `delta`.  See `Huber`."""
    return Huber(target, delta=delta, sample_weight=sample_weight)(x)


def cross_entropy(x: Any, target: Any, *, sample_weight: Any = None) -> Variable:
    """Cross entropy of probabilities (N, classes) and labels or one-hot rows.  See `CrossEntropy`."""
    return CrossEntropy(target, sample_weight=sample_weight)(x)


def softmax_cross_entropy(x: Any, target: Any, *, label_smoothing: float = 0.0, sample_weight: Any = None) -> Variable:
    """Cross entropy of softmax(logits) (N, classes) and labels or one-hot rows.  See `SoftmaxCrossEntropy`."""
    return SoftmaxCrossEntropy(target, label_smoothing=label_smoothing, sample_weight=sample_weight)(x)


def binary_cross_entropy(x: Any, target: Any, *, sample_weight: Any = None) -> Variable:
    """Binary cross entropy of probabilities, over all elements.  See `BinaryCrossEntropy`."""
    return BinaryCrossEntropy(target, sample_weight=sample_weight)(x)


def sigmoid_binary_cross_entropy(x: Any, target: Any, *, sample_weight: Any = None) -> Variable:
    """Binary cross entropy of sigmoid(logits), over all elements.  See `SigmoidBinaryCrossEntropy`."""
    return SigmoidBinaryCrossEntropy(target, sample_weight=sample_weight)(x)


NAMES: dict[type[_Loss], str] = {
    MeanSquaredError: "mean_squared_error",
    MeanAbsoluteError: "mean_absolute_error",
    Huber: "huber",
    CrossEntropy: "cross_entropy",
    SoftmaxCrossEntropy: "softmax_cross_entropy",
    BinaryCrossEntropy: "binary_cross_entropy",
    SigmoidBinaryCrossEntropy: "sigmoid_binary_cross_entropy",
}
