"""Metrics: how good the network is, in terms of the task.

Most are sums over examples, computed inside the compiled step and added up over batches; `Whole` ones need all outputs
of a pass at once, leave weights out, and are computed on the host.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from madi.errors import ConfigurationError, unknown_name
from madi.graph import Array
from madi.kernels.arrays import array_library
from madi.kernels.indexing import one_hot
from madi.training.losses import Loss

SMALL = 1e-30  # in place of a sum of weights that is 0
ROUNDING, NO_SPREAD = 1e-6, 1e-12  # of float32 sums, over the sum of squares


@dataclass(frozen=True)
class Metric:
    """A metric from sums over examples.

    sums(prediction, target, weight, logits) -> the sums of one batch, a vector; weight (N,) counts each example
    result(sums) -> the metric, from sums (..., entries): those of one step, or of many steps added up
    """

    name: str
    sums: Callable[[Array, Array, Array, bool], Array]
    result: Callable[[np.ndarray], np.ndarray]
    greater_is_better: bool = True

    def length(self, prediction: np.ndarray, target: np.ndarray) -> int:
        """How many sums it has for outputs and targets shaped like these; ConfigurationError where it fits neither."""
        try:
            return len(self.sums(prediction, target, np.ones(len(prediction), prediction.dtype), False))
        except (ValueError, IndexError) as error:
            shapes = [("N", *array.shape[1:]) for array in (prediction, target)]
            outputs, targets = (f"({', '.join(map(str, shape))}{',' * (len(shape) == 1)})" for shape in shapes)
            raise ConfigurationError(
                f"metric {self.name}: does not fit outputs {outputs} with targets {targets}. Choose another."
            ) from error


@dataclass(frozen=True)
class Whole:
    """A metric of all outputs at once: function(target, prediction) -> number, on NumPy arrays, as in scikit-learn."""

    name: str
    function: Callable[[np.ndarray, np.ndarray], float]
    greater_is_better: bool = True


def decided(prediction: Array, logits: bool) -> Array:
    """The class that each row of the prediction decides for: the first maximum, or yes/no for a single output."""
    if prediction.shape[-1] == 1:
        return (prediction[..., 0] > (0 if logits else 0.5)).astype(np.int32)
    return first_maximum(prediction)


def first_maximum(scores: Array) -> Array:
    """The index of the first maximum along the last axis; the number of entries, which is no index, where one is NaN.

    A comparison and a minimum: inside a compiled loop half the time of argmax.
    """
    xp = array_library(scores)
    places = xp.arange(scores.shape[-1], dtype=np.int32)
    return xp.where(scores == scores.max(axis=-1, keepdims=True), places, np.int32(len(places))).min(axis=-1)


def labels_of(target: Array) -> Array:
    """Targets as labels: one-hot rows by their maximum, a column of 0 and 1 as it is."""
    if target.ndim > 1 and target.shape[-1] > 1:
        return first_maximum(target)
    return target.reshape(-1).astype(np.int32)


def _several_labels(prediction: Array, target: Array) -> bool:
    """Whether each output is a yes/no question of its own (several labels an example)."""
    return target.shape == prediction.shape and prediction.shape[-1] > 1


def _accuracy(prediction: Array, target: Array, weight: Array, logits: bool) -> Array:
    xp = array_library(prediction)
    right = decided(prediction, logits) == labels_of(target)
    return xp.stack([(right * weight).sum(), weight.sum()])


def _binary_accuracy(prediction: Array, target: Array, weight: Array, logits: bool) -> Array:
    xp = array_library(prediction)
    right = (prediction > (0 if logits else 0.5)) == (target.reshape(prediction.shape) > 0.5)
    return xp.stack([(right.reshape(len(right), -1).mean(axis=-1) * weight).sum(), weight.sum()])


def _top(k: int) -> Callable[[Array, Array, Array, bool], Array]:
    def sums(prediction: Array, target: Array, weight: Array, logits: bool) -> Array:
        xp = array_library(prediction)
        labels = labels_of(target)
        own = (prediction * one_hot(labels, prediction.shape[-1], prediction.dtype)).sum(axis=-1, keepdims=True)
        right = (prediction > own).sum(axis=-1) < k
        return xp.stack([(right * weight).sum(), weight.sum()])

    return sums


def _confusion(prediction: Array, target: Array, weight: Array, logits: bool) -> Array:
    """(true positives, predicted, actual) for each class, or for "yes" alone where there is one output."""
    xp = array_library(prediction)
    if prediction.shape[-1] == 1 or _several_labels(prediction, target):
        said = (prediction > (0 if logits else 0.5)).astype(prediction.dtype)
        true = target.reshape(prediction.shape).astype(prediction.dtype)
    else:
        said = one_hot(decided(prediction, logits), prediction.shape[-1], prediction.dtype)
        true = one_hot(labels_of(target), prediction.shape[-1], prediction.dtype)
    column = weight[:, None]
    return xp.stack(
        [(said * true * column).sum(axis=0), (said * column).sum(axis=0), (true * column).sum(axis=0)]
    ).reshape(-1)


def _share(sums: np.ndarray) -> np.ndarray:
    return sums[..., 0] / sums[..., 1]


def _macro(score: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]) -> Callable[[np.ndarray], np.ndarray]:
    """The mean over the classes of a score of (true positives, predicted, actual); 0 for a class where it is 0 / 0."""

    def result(sums: np.ndarray) -> np.ndarray:
        counts = sums.reshape(*sums.shape[:-1], 3, -1)
        return score(counts[..., 0, :], counts[..., 1, :], counts[..., 2, :]).mean(axis=-1)

    return result


def _ratio(top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    return np.divide(top, bottom, out=np.zeros_like(top), where=bottom != 0)


def _errors(prediction: Array, target: Array, weight: Array, logits: bool) -> Array:
    """Σ |e|, Σ e², n, n m, n m², Σ (t - m)² over the elements of a batch, weighted: n of them, of mean target m."""
    xp = array_library(prediction)
    t = target.reshape(prediction.shape).astype(prediction.dtype)
    e = prediction - t
    w = weight.reshape(weight.shape + (1,) * (e.ndim - 1)) * xp.ones_like(e)
    n, total = w.sum(), (t * w).sum()
    m = total / xp.maximum(n, SMALL)
    return xp.stack([(abs(e) * w).sum(), (e * e * w).sum(), n, total, m * total, ((t - m) ** 2 * w).sum()])


def _r_squared(sums: np.ndarray) -> np.ndarray:
    """1 - Σ e² / Σ (t - mean)²; NaN, for it is not defined, where all targets are the same.

    Σ (t - mean)² is what batches vary within themselves, and what their means m vary by: Σ n m² - (Σ n m)² / Σ n.  Of
    float32 sums the latter is mere rounding where it is small beside its terms.
    """
    _, squared, n, total, means, within = np.moveaxis(sums.astype(np.float64), -1, 0)
    between = means - total**2 / n
    spread = within + np.where(between > ROUNDING * means, between, 0.0)
    return 1 - squared / np.where(spread > NO_SPREAD * means, spread, np.nan)


def _auc(target: np.ndarray, prediction: np.ndarray) -> float:
    """Area under the ROC curve, the mean over questions or over classes (one against the rest).

    Those that are never, or always, the answer have no curve and are left out; NaN where none has one.
    """
    from sklearn.metrics import roc_auc_score

    yes, scores = target.reshape(len(target), -1), prediction
    if yes.shape != prediction.shape or (yes.shape[1] > 1 and _one_hot_rows(yes)):
        yes = one_hot(labels_of(target), prediction.shape[-1], prediction.dtype)
        scores = _shares(prediction)
    if not np.isfinite(scores).all():
        return float("nan")
    known = [column for column in range(yes.shape[1]) if len(np.unique(yes[:, column])) == 2]
    areas = [roc_auc_score(yes[:, column], scores[:, column]) for column in known]
    return float(np.mean(areas)) if areas else float("nan")


def _one_hot_rows(target: np.ndarray) -> bool:
    return bool(((target == 0) | (target == 1)).all() and (target.sum(axis=-1) == 1).all())


def _shares(prediction: np.ndarray) -> np.ndarray:
    """Rows that sum to 1, as roc_auc_score asks: probabilities as they are, logits through softmax."""
    if prediction.min() >= 0 and np.allclose(prediction.sum(axis=-1), 1, atol=1e-3):
        return prediction / prediction.sum(axis=-1, keepdims=True)
    with np.errstate(invalid="ignore"):
        raised = np.exp(prediction.astype(np.float64) - prediction.max(axis=-1, keepdims=True))
    return raised / raised.sum(axis=-1, keepdims=True)


METRICS: dict[str, Metric | Whole] = {
    metric.name: metric
    for metric in (
        Metric("accuracy", _accuracy, _share),
        Metric("binary_accuracy", _binary_accuracy, _share),
        Metric("top_3_accuracy", _top(3), _share),
        Metric("top_5_accuracy", _top(5), _share),
        Metric("precision", _confusion, _macro(lambda hits, said, true: _ratio(hits, said))),
        Metric("recall", _confusion, _macro(lambda hits, said, true: _ratio(hits, true))),
        Metric("f1", _confusion, _macro(lambda hits, said, true: _ratio(2 * hits, said + true))),
        Metric("mean_absolute_error", _errors, lambda sums: sums[..., 0] / sums[..., 2], greater_is_better=False),
        Metric("mean_squared_error", _errors, lambda sums: sums[..., 1] / sums[..., 2], greater_is_better=False),
        Metric("root_mean_squared_error", _errors, lambda s: np.sqrt(s[..., 1] / s[..., 2]), greater_is_better=False),
        Metric("r_squared", _errors, _r_squared),
        Whole("auc", _auc),
    )
}
ALIASES = {
    "mae": "mean_absolute_error",
    "mse": "mean_squared_error",
    "rmse": "root_mean_squared_error",
    "r2": "r_squared",
    "top_k": "top_5_accuracy",
}


def top_k(k: int) -> Metric:
    """Share of the examples whose class is among the k highest outputs."""
    if not isinstance(k, int) or k < 1:
        raise ConfigurationError(f"top_k: expected a whole number of at least 1, got {k!r}.")
    return Metric(f"top_{k}_accuracy", _top(k), _share)


def get(metric: str | Metric | Whole | Callable[..., float], loss: Loss | None = None) -> Metric | Whole:
    """A metric by its name ("accuracy", "top_5_accuracy", "rmse", ...), or a function(target, prediction) -> number.

    "accuracy" with a binary loss asks every output its own yes/no question.
    """
    if isinstance(metric, (Metric, Whole)):
        return metric
    if isinstance(metric, str):
        name = ALIASES.get(metric, metric)
        if top := re.fullmatch(r"top_(\d+)_accuracy", name):
            return top_k(int(top[1]))
        if name not in METRICS:
            raise unknown_name("metric", metric, [*METRICS, *ALIASES])
        found = METRICS[name]
        binary = name == "accuracy" and loss is not None and loss.binary
        return Metric("accuracy", _binary_accuracy, _share) if binary else found
    if not callable(metric):
        raise ConfigurationError(f"metrics: expected names or functions of (target, prediction), got {metric!r}.")
    name = getattr(metric, "__name__", type(metric).__name__)
    return Whole(name, metric, greater_is_better=not any(word in name for word in ("loss", "error")))
