"""Filters before and after training: the measure of smoothness, and what training makes of noise."""

from __future__ import annotations

import numpy as np
import pytest

from madi.lab import run
from madi.lab.filters import edges, smoothness

SMALL = {"data": "digits", "epochs": 2}


def test_smoothness_of_known_filters():
    flat = np.ones((5, 5))
    chequered = (-1.0) ** (np.arange(5) + np.arange(5)[:, None])
    noise = np.random.default_rng(0).normal(size=(5, 5, 2000))
    np.testing.assert_allclose(smoothness(np.stack([flat, chequered], axis=-1)), [1, -1])
    assert smoothness(noise).mean() == pytest.approx(0, abs=0.01)


def test_edges_are_found_in_their_directions():
    ramp = np.broadcast_to(np.arange(5.0) - 2, (5, 5))
    planted = np.stack([-ramp, ramp.T, ramp, -ramp.T], axis=-1)
    assert edges(planted) == [2, 0, 1, 3]


def test_training_moves_the_filters_and_its_settings_count():
    data = run("filters", quick=True, **SMALL).data
    assert data["before"].shape == data["after"].shape == (5, 5, 30)
    assert data["before"].std() == pytest.approx(0.01, rel=0.1)
    assert data["training"] == [1437, 2]
    other = run("filters", quick=True, filters=8, kernel_size=3, deviation=0.1, **SMALL).data
    assert other["before"].shape == (3, 3, 8)
    assert other["before"].std() == pytest.approx(0.1, rel=0.3)
