"""Learning rates: the same start and batches for all, one step by hand, and what divergence leaves."""

from __future__ import annotations

import numpy as np
import pytest

from madi.lab import run


def test_all_curves_start_alike_and_part_by_the_rate():
    data = run("learning_rates", data="digits", rates=(0.2, 0.001, 0.1), steps=20).data
    assert data["rates"] == [0.001, 0.1, 0.2]
    first, second, third = (data["loss"][name] for name in ("0.001", "0.1", "0.2"))
    assert first[0] == second[0] == third[0]
    # to first order the second batch's loss is L - rate (g1 · g2): equal steps of the rate make equal differences
    curves = run("learning_rates", data="digits", rates=(1e-3, 2e-3, 3e-3), steps=10).data["loss"]
    second = [loss[1] for loss in curves.values()]
    assert second[0] - second[1] == pytest.approx(second[1] - second[2], rel=0.05)
    assert second[0] > second[1]


def test_what_diverges_is_told_as_such():
    result = run("learning_rates", data="digits", rates=(0.1, 1e25), steps=30)
    assert np.isnan(result.data["end"]["1e+25"])
    assert np.isnan(result.data["loss"]["1e+25"]).any()
    assert any("leaves the finite numbers" in text and held for text, held in result.claims.items())
    assert np.isfinite(result.data["end"]["0.1"])


def test_the_seed_counts():
    first, second = (run("learning_rates", data="digits", rates=(0.1,), steps=10, seed=s).data for s in (0, 1))
    assert first["loss"]["0.1"][0] != second["loss"]["0.1"][0]
