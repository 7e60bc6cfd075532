"""Picking and placing by index: scatter, and one-hot rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from madi.kernels.arrays import array_library


def scatter_add(shape: tuple[int, ...], index: Any, values: Any) -> Any:
    """Zeros of `shape` with `values` added at `[index]`; what is picked twice is added twice."""
    xp = array_library(values)
    zeros = xp.zeros(shape, values.dtype)
    if xp is not np:
        return zeros.at[index].add(values)
    np.add.at(zeros, index, values)
    return zeros


def one_hot(labels: Any, classes: int, dtype: Any) -> Any:
    """Rows of zeros with a one at the label: `(...) -> (..., classes)`, of `dtype`.

    A label outside 0..classes-1 gives a row of zeros: callers check labels before they get here.
    """
    xp = array_library(labels)
    return (labels[..., None] == xp.arange(classes, dtype=labels.dtype)).astype(dtype)
