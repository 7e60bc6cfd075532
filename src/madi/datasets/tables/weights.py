"""The weights of rows, from a column of the table."""

from __future__ import annotations

import numpy as np

from madi.datasets.tables.parts import Part
from madi.datasets.tables.values import as_numbers
from madi.errors import DataError


def weights_of(part: Part, name: str) -> np.ndarray:
    """The weight of each row, float32 (N,).  Raises DataError, with the first place, for what is no weight."""
    part.expect([name], "the weights")
    weights, missing = as_numbers(part.column(name), part.place)
    wrong = ~(weights >= 0)  # NaN too, which stands for a missing one
    if wrong.any():
        row = int(wrong.argmax())
        received = "none" if missing is not None and missing[row] else f"{weights[row]:g}"
        raise DataError(
            f"{part.place(row)}: expected a weight of at least 0 in column '{name}', got {received}. Mend it; 0 leaves "
            "the row out."
        )
    return weights.astype(np.float32)
