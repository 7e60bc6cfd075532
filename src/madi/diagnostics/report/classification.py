"""How good answers that are classes are: confusion, scores by class, calibration, ROC.  Numbers of scikit-learn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from madi.diagnostics.report.answers import Answers

BINS = 10  # of the reliability diagram


@dataclass(frozen=True, eq=False)
class Scores:
    """Of each class, or of each yes/no question: precision, recall, F1 (NaN where not defined) and examples."""

    precision: np.ndarray
    recall: np.ndarray
    f1: np.ndarray
    support: np.ndarray


@dataclass(frozen=True, eq=False)
class Calibration:
    """Whether a probability of 0.8 is right in 8 of 10 cases.

    said, true    of each bin that is not empty: the mean probability said, and the share that came true
    counts        examples in it
    bins          its place among the ten: bin 3 is from 0.3 to 0.4
    error         the expected calibration error: Σ counts |true - said| / Σ counts  (Naeini et al., 2015)
    """

    said: np.ndarray
    true: np.ndarray
    counts: np.ndarray
    bins: np.ndarray
    error: float


@dataclass(frozen=True, eq=False)
class Curve:
    """The ROC curve of the second of two classes, and the area under it."""

    false_positives: np.ndarray
    true_positives: np.ndarray
    area: float


def confusion(answers: Answers) -> np.ndarray:
    """How many examples of each true class (row) were called each class (column), (classes, classes)."""
    from sklearn.metrics import confusion_matrix

    return confusion_matrix(answers.labels, answers.predicted, labels=np.arange(_classes(answers)))


def scores(answers: Answers) -> Scores:
    """Precision, recall, F1 and support of each class or question."""
    from sklearn.metrics import precision_recall_fscore_support

    found = precision_recall_fscore_support(
        answers.labels, answers.predicted, labels=np.arange(_classes(answers)), zero_division=np.nan
    )
    return Scores(*(np.asarray(column) for column in found))


def most_confused(matrix: np.ndarray, most: int) -> list[tuple[int, int, int]]:
    """(true class, predicted class, how often) of the pairs that are confused, the most frequent first."""
    wrong = matrix - np.diag(np.diag(matrix))
    order = np.argsort(-wrong, axis=None, kind="stable")[:most]
    pairs = [(int(place // len(matrix)), int(place % len(matrix))) for place in order]
    return [(true, said, int(wrong[true, said])) for true, said in pairs if wrong[true, said]]


def calibration(answers: Answers) -> Calibration:
    """Of two classes: the probability of the second; of more: that of the class that is predicted."""
    from sklearn.calibration import calibration_curve

    said, came_true = _promises(answers)
    true, mean = calibration_curve(came_true, said, n_bins=BINS)
    places = np.searchsorted(np.linspace(0, 1, BINS + 1)[1:-1], said)  # the bins of calibration_curve
    bins, counts = np.unique(places, return_counts=True)
    return Calibration(mean, true, counts, bins, float((counts * abs(true - mean)).sum() / counts.sum()))


def roc(answers: Answers) -> Curve | None:
    """The ROC curve of two classes; None where there are more, or where all examples are of one."""
    from sklearn.metrics import roc_auc_score, roc_curve

    if answers.questions or _classes(answers) != 2 or len(np.unique(answers.labels)) < 2:
        return None
    shown = np.asarray(answers.probabilities)[:, 1]
    false, true, _ = roc_curve(answers.labels, shown)
    return Curve(false, true, float(roc_auc_score(answers.labels, shown)))


def _classes(answers: Answers) -> int:
    return np.asarray(answers.probabilities).shape[1]


def _promises(answers: Answers) -> tuple[np.ndarray, np.ndarray]:
    """(probabilities said, whether what they were said of is true)."""
    shown = np.clip(np.asarray(answers.probabilities, np.float64), 0, 1)
    if answers.questions:
        return shown.reshape(-1), answers.labels.reshape(-1).astype(int)
    if shown.shape[1] == 2:
        return shown[:, 1], (answers.labels == 1).astype(int)
    return shown.max(axis=1), (answers.labels == answers.predicted).astype(int)
