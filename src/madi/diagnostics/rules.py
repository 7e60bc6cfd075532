"""What can be wrong: a rule for each fault, from the evidence to a finding or None."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from madi.diagnostics import thresholds as T
from madi.diagnostics.evidence import Evidence
from madi.diagnostics.findings import Finding
from madi.diagnostics.statistics import LayerRow
from madi.layers import BatchNorm, Flatten

# ---- input and labels


def unscaled_input(evidence: Evidence) -> Finding | None:
    """Features that are large, tiny, or of very different sizes; a batch norm that comes first makes up for it."""
    first = next((layer for _, layer in evidence.trainer.model.walk() if not _passes_on(layer)), None)
    sizes, varies = feature_sizes(evidence.sample)
    if isinstance(first, BatchNorm) or not varies.any():
        return None
    largest, place, middle = float(sizes.max()), int(sizes.argmax()), float(np.median(sizes[varies]))
    advice = (
        "scaling each feature to mean 0 and deviation 1, by the numbers of the training data (images: divide by 255), "
        "or a BatchNorm() as the first layer."
    )
    where = f"input feature {place} has a root mean square of {largest:.3g}"
    name = "unscaled_input"
    if largest > T.LARGE_FEATURE:
        return Finding(name, f"{where}, where about 1 is meant.", advice, largest, T.LARGE_FEATURE)
    if largest < T.SMALL_INPUT:
        message = f"no input feature has a root mean square above {largest:.3g}, where about 1 is meant."
        return Finding(name, message, advice, largest, T.SMALL_INPUT)
    if largest > T.UNEVEN_FEATURES * middle:
        message = f"{where}, {largest / middle:.3g} times that of the middle one ({middle:.3g})."
        return Finding(name, message, advice, largest / middle, T.UNEVEN_FEATURES)
    return None


def feature_sizes(sample: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The root mean square of each feature, and whether it varies at all."""
    return np.sqrt((sample**2).mean(axis=0)), sample.std(axis=0) > 0


def _passes_on(layer: object) -> bool:
    return isinstance(layer, Flatten) or bool(getattr(layer, "inner_layers", list)())


def label_imbalance(evidence: Evidence) -> Finding | None:
    """A class with so few examples that the network does not learn it."""
    if evidence.labels is None or not evidence.trainer.step:
        return None
    labels, counts = np.unique(evidence.labels, return_counts=True)
    ratio = float(counts.max() / counts.min())
    if ratio <= T.IMBALANCE:
        return None
    rare, count = int(labels[counts.argmin()]), int(counts.min())
    recall, accuracy, of, where = recall_of(evidence, rare)
    if recall >= T.NEGLECTED * accuracy:
        return None
    message = (
        f"class {rare} has {count} of {counts.sum():,} examples, 1 for {ratio:.0f} of the most frequent class, and the "
        f"network finds {recall * of:.0f} of {of} of it in the {where}, while it is right in {accuracy:.0%} of all."
    )
    weight = counts.max() / counts.min()
    advice = (
        f"class_weight={{{rare}: {weight:.0f}}} in fit, more examples of that class, and a metric that sees it (f1, "
        "balanced accuracy) in place of accuracy."
    )
    return Finding("label_imbalance", message, advice, ratio, T.IMBALANCE)


def recall_of(evidence: Evidence, label: int) -> tuple[float, float, int, str]:
    """(recall of the class, accuracy, examples of the class, of which data): of the validation data where it can."""
    found, where = evidence.examples, "training data"
    if evidence.validation is not None:
        held_out = evidence.classes_of(evidence.validation)
        if held_out is not None and np.sum(held_out == label) >= 5:
            found, where = evidence.validation, "validation data"
    truth, given = evidence.classes_of(found), evidence.predicted(found)
    own = np.asarray(truth) == label
    return float((given[own] == label).mean()), float((given == truth).mean()), int(own.sum()), where


# ---- layers


def identical_weights(evidence: Evidence) -> Finding | None:
    """A layer before the last whose units all have the same weights: they get the same gradient, and stay the same."""
    for path, layer, weight in evidence.weights[:-1]:
        spread = spread_of(weight)
        if weight.shape[-1] > 1 and spread < T.IDENTICAL:
            alike = "all 0" if not weight.any() else "all alike"
            message = (
                f"the weights of all {weight.shape[-1]} units of {_name(path, layer)} are the same, {alike}: each unit "
                f"gets the same gradient, so that they act as one. Their deviation is {spread:.2g} of their size."
            )
            advice = 'random first weights: initializer="he" before a ReLU, "xavier" before tanh or a sigmoid.'
            return Finding("identical_weights", message, advice, spread, T.IDENTICAL, path)
    return None


def spread_of(weight: np.ndarray) -> float:
    """The deviation of weights between the units of a layer, over their root mean square; 0 where all are 0."""
    units = weight.reshape(-1, weight.shape[-1]).astype(np.float64)
    size = float(np.sqrt((units**2).mean()))
    return float(np.sqrt(units.var(axis=1).mean())) / size if size else 0.0


def dead_units(evidence: Evidence) -> Finding | None:
    """A layer most of whose ReLU units are 0 for every example of the probe."""
    row = max((row for row in evidence.rows if row.dead is not None), key=lambda row: row.dead or 0, default=None)
    if row is None or row.dead is None or row.units is None or row.dead <= T.DEAD:
        return None
    before = dead_at_first(evidence, row.layer)
    since = "from the first weights on" if before > T.DEAD else f"at the first weights {before * row.units:.0f} were"
    message = (
        f"in {row.name} {row.dead * row.units:.0f} of {row.units} units are 0 for each of {len(evidence._probe)} "
        f"examples ({since}): no gradient reaches their weights."
    )
    advice = (
        "a lower learning rate, He initial weights with biases of 0, a BatchNorm() before the ReLU, or LeakyReLU()."
    )
    return Finding("dead_units", message, advice, row.dead, T.DEAD, row.layer)


def dead_at_first(evidence: Evidence, layer: str) -> float:
    """The share of a layer's units that were dead at the first weights."""
    return next((row.dead or 0.0 for row in evidence.first_rows if row.layer == layer), 0.0)


def saturated_units(evidence: Evidence) -> Finding | None:
    """A hidden layer of sigmoids or tanhs that are nearly all at their flat ends."""
    hidden = [row for row in evidence.rows[:-1] if row.saturated is not None]
    row = max(hidden, key=lambda row: row.saturated or 0, default=None)
    if row is None or row.saturated is None or row.saturated <= T.SATURATED:
        return None
    message = (
        f"{row.saturated:.0%} of the outputs of {row.name} lie where its slope is less than 5% of the steepest: "
        "little gradient passes."
    )
    advice = "smaller first weights (Xavier), scaled inputs, a BatchNorm() before the activation, or ReLU()."
    return Finding("saturated_units", message, advice, row.saturated, T.SATURATED, row.layer)


def exploding_gradients(evidence: Evidence) -> Finding | None:
    """Gradients that grow by a thousand or more on their way back."""
    rows = evidence.first_rows if evidence.history.diverged else evidence.rows
    row, ratio = growth(rows, largest=True)
    if row is None or ratio <= T.EXPLODING:
        return None
    message = (
        f"the gradient at {row.name} is {ratio:.3g} times as long as that at the last layer "
        f"({_length(row)} and {_length(_weighted(rows)[-1])})."
    )
    advice = "smaller first weights (He before ReLU, Xavier before tanh), a BatchNorm() in each block, or clip_norm=1."
    return Finding("exploding_gradients", message, advice, ratio, T.EXPLODING, row.layer)


def vanishing_gradients(evidence: Evidence) -> Finding | None:
    """Gradients of which next to nothing is left at the first layers."""
    row, ratio = growth(evidence.rows, largest=False)
    if row is None or ratio >= T.VANISHING:
        return None
    message = (
        f"the gradient at {row.name} is {ratio:.2g} of that at the last layer ({_length(row)} and "
        f"{_length(_weighted(evidence.rows)[-1])}): the first layers hardly learn."
    )
    advice = "ReLU in place of sigmoid or tanh, He initial weights, a BatchNorm() in each block, or Residual blocks."
    return Finding("vanishing_gradients", message, advice, ratio, T.VANISHING, row.layer)


def growth(rows: Sequence[LayerRow], *, largest: bool) -> tuple[LayerRow | None, float]:
    """The layer with weights whose gradient is longest, or shortest, over that of the last one, and that ratio."""
    weighted = _weighted(rows)
    end = weighted[-1].gradient_norm if weighted else None
    if len(weighted) < 2 or not end or not all(math.isfinite(row.gradient_norm or 0.0) for row in weighted):
        return None, 1.0
    chosen = (max if largest else min)(weighted, key=lambda row: row.gradient_norm or 0.0)
    return chosen, (chosen.gradient_norm or 0.0) / end


def _weighted(rows: Sequence[LayerRow]) -> list[LayerRow]:
    return [row for row in rows if row.weight_norm is not None and row.gradient_norm is not None]


def _length(row: LayerRow) -> str:
    return f"{row.gradient_norm:.2g}"


def _name(path: str, layer: object) -> str:
    return f"layer {path} ({type(layer).__name__})" if path else type(layer).__name__
