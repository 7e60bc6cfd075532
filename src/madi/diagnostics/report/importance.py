"""Permutation importance: how much worse a network answers when one raw column says nothing any more."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from madi.diagnostics.report.answers import Answers, Sample
from madi.kernels import random
from madi.training.metrics import decided, labels_of
from madi.training.prediction import predict

if TYPE_CHECKING:
    from madi.diagnostics.report.evidence import Evidence

REPEATS = 5
MOST_ROWS, FEWEST_ROWS = 2_000, 200
MULTIPLY_ADDS = 1e11  # of all predictions together: some seconds
MOST_FEATURES = 50  # of inputs without named columns
SHUFFLE = 2**32 - 8  # the random key, under the seed's


@dataclass(frozen=True)
class Importance:
    """What shuffling one column costs.

    drop, deviation    mean and standard deviation over the repeats of what the score loses
    """

    column: str
    drop: float
    deviation: float


@dataclass(frozen=True)
class Importances:
    """Those of all columns, the largest first; `score` is what is reached on the examples as they are."""

    columns: tuple[Importance, ...]
    measure: str
    score: float
    examples: int
    repeats: int


def importances(evidence: Evidence) -> Importances | None:
    """The importance of each raw column: all its features are shuffled together among at most 2,000 examples.

    The score is the accuracy, or R² for numbers (Breiman, "Random forests", 2001).  None where the inputs are no rows
    of a table: neither columns are named nor are they at most 50 features.
    """
    columns, answers = _columns(evidence), evidence.answers
    if not columns or len(answers) < 2 or not (answers.is_classification or np.ptp(answers.sample.y, axis=0).any()):
        return None  # of targets that are all the same, R² says nothing
    count = min(len(answers), _rows(evidence, len(columns)))
    generator = random.generator(random.fold_in(random.key(evidence.seed), SHUFFLE))
    drawn = answers.sample.pick(np.sort(generator.permutation(len(answers))[:count]))
    start = score(evidence, drawn)
    orders = [generator.permutation(count) for _ in range(REPEATS)]
    found = []
    for name, where in columns.items():
        drops = [start - score(evidence, _shuffled(drawn, where, order)) for order in orders]
        found.append(Importance(name, float(np.mean(drops)), float(np.std(drops))))
    found.sort(key=lambda entry: -entry.drop)
    return Importances(tuple(found), "accuracy" if answers.is_classification else "R²", start, count, REPEATS)


def _columns(evidence: Evidence) -> Mapping[str, Any]:
    """The raw columns, or the features themselves where they are few."""
    shape = evidence.answers.sample.x.shape[1:]
    if evidence.columns or len(shape) != 1 or not 1 < shape[0] <= MOST_FEATURES:
        return evidence.columns
    return {f"feature {place}": slice(place, place + 1) for place in range(shape[0])}


def _rows(evidence: Evidence, columns: int) -> int:
    """How many examples the arithmetic allows."""
    each = max(1, evidence.model.summary().multiply_adds) * columns * REPEATS
    return int(np.clip(MULTIPLY_ADDS // each, FEWEST_ROWS, MOST_ROWS))


def _shuffled(drawn: Sample, where: Any, order: np.ndarray) -> Sample:
    x = drawn.x.copy()
    x[..., where] = drawn.x[order][..., where]
    return Sample(drawn.rows, drawn.count, x, drawn.y)


def score(evidence: Evidence, drawn: Sample) -> float:
    """Accuracy of classes; R² of numbers, the mean over the targets; NaN where no answer is finite."""
    answers, outputs = evidence.answers, predict(evidence.model, drawn.x)
    finite = np.isfinite(outputs.reshape(len(outputs), -1)).all(axis=1)
    if not finite.any():
        return math.nan
    if answers.is_classification:
        return float((_decided(answers, outputs) == _true(answers, drawn.y))[finite].mean())
    from sklearn.metrics import r2_score

    return float(r2_score(evidence.restored(drawn.y[finite]), evidence.restored(outputs[finite])))


def _decided(answers: Answers, outputs: np.ndarray) -> np.ndarray:
    return outputs > (0 if answers.are_logits else 0.5) if answers.questions else decided(outputs, answers.are_logits)


def _true(answers: Answers, y: np.ndarray) -> np.ndarray:
    return y > 0.5 if answers.questions else labels_of(y)
