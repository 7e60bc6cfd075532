"""From features back to the row, for each kind of column."""

from __future__ import annotations

import datetime

import numpy as np
import pytest

from madi.datasets.tables import TablePreparation
from madi.datasets.tables.originals import original

ROWS = 60


def columns():
    bits = np.random.default_rng(0)
    day = datetime.date(2021, 3, 1)
    times = [
        datetime.datetime(2020, 1, 1) + datetime.timedelta(minutes=int(m)) for m in bits.integers(0, 900_000, ROWS)
    ]
    return {
        "age": [None if number % 5 == 2 else number * 1.25 for number in range(ROWS)],
        "income": [1e5 + 321.0 * number for number in range(ROWS)],
        "colour": [["red", "green", None, "blue"][k] for k in bits.integers(0, 4, ROWS)],
        "day": [day + datetime.timedelta(int(days)) for days in bits.integers(0, 400, ROWS)],
        "moment": [None if number == 7 else moment for number, moment in enumerate(times)],
        "member": [None if number == 3 else bool(number % 3) for number in range(ROWS)],
        "city": [f"city {number % 7}" for number in range(ROWS)],
        "kind": ["dog", "cat"] * (ROWS // 2),
    }


def test_every_kind_of_column_comes_back(made):
    raw = columns()
    preparation = TablePreparation.fit(made(raw), target="kind", embed={"city": 2})
    x = preparation.inputs(made(raw))
    for row, features in enumerate(x):
        found = original(preparation, features)
        assert list(found) == [name for name in raw if name != "kind"]
        for name in ("colour", "member", "city"):
            assert found[name] == raw[name][row], name
        for name in ("age", "income"):
            expected = raw[name][row]
            assert (
                found[name] is None if expected is None else found[name] == pytest.approx(expected, rel=1e-5, abs=1e-4)
            )
        assert found["day"] == str(raw["day"][row])
        assert found["moment"] == (raw["moment"][row] and raw["moment"][row].strftime("%Y-%m-%d %H:%M"))


def test_what_training_has_not_seen(made):
    raw = columns()
    preparation = TablePreparation.fit(made(raw), target="kind", embed={"city": 2})
    new = {name: column[:1] for name, column in raw.items()} | {"colour": ["violet"], "city": ["elsewhere"]}
    (features,) = preparation.inputs(made(new), notices=[])
    found = original(preparation, features)
    assert (found["colour"], found["city"]) == ("(other)", "(other)")
