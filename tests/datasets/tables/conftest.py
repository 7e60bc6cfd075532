"""Tables made in memory, as reading would give them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from madi.datasets.tables.detection import TableFormat
from madi.datasets.tables.table import Table


@pytest.fixture
def made():
    """made({"age": [3, 4]}) is the table of t.csv whose first row stands in line 2."""

    def make(columns, *, decimal=".", first=0):
        frame = columns if isinstance(columns, pl.DataFrame) else pl.DataFrame(columns)
        form = TableFormat("text", ";", decimal, "utf-8")
        return Table(frame, Path("t.csv"), form, (), first, lambda begin, end: np.arange(begin + 2, end + 2))

    return make
