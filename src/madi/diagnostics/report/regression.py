"""How good answers that are numbers are, in the targets' own units.  Numbers of scikit-learn."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Fit:
    """Of one target: what is true and what was predicted, (n,), and how far off that is.

    r_squared   share of the targets' variance that is explained; NaN, for it is not defined, where all are the same
    mae, rmse   mean absolute error and root mean squared error, in the target's units
    """

    true: np.ndarray
    predicted: np.ndarray
    r_squared: float
    mae: float
    rmse: float


def fits(true: np.ndarray, predicted: np.ndarray) -> list[Fit]:
    """The fit of each column of (n, targets)."""
    return [_fit(t, p) for t, p in zip(true.T, predicted.T, strict=True)]


def _fit(true: np.ndarray, predicted: np.ndarray) -> Fit:
    from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

    squared = r2_score(true, predicted) if np.ptp(true) > 0 else math.nan
    mae, rmse = mean_absolute_error(true, predicted), root_mean_squared_error(true, predicted)
    return Fit(true, predicted, float(squared), float(mae), float(rmse))
