"""Whether there is memory for an array, asked before any of it is taken."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from madi.datasets.memory import available
from madi.errors import DataError

SMALL = 2**26  # bytes up to which nobody asks: 64 MiB


def expect_room(where: str, shape: Sequence[int], dtype: Any) -> None:
    """Raise DataError unless an array of this shape and type fits into the memory that is left."""
    expect_bytes(where, math.prod(int(size) for size in shape) * np.dtype(dtype).itemsize, f" of shape {tuple(shape)}")


def expect_bytes(where: str, count: int, what: str = "") -> None:
    """Raise DataError unless `count` bytes fit into the memory that is left."""
    if count <= SMALL or count <= (left := available()):
        return
    raise DataError(
        f"{where}: a result{what[:200]} takes {count / 2**30:.4g} GiB, and {left / 2**30:.3g} GiB of memory are left. "
        "Give smaller inputs, or check the shapes in the file."
    )
