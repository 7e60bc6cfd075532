"""Equal weights stay equal: to the last bit, and the numbers follow the parameters."""

from __future__ import annotations

import numpy as np
import pytest

from madi import datasets
from madi.lab import run


@pytest.fixture(scope="module")
def starts():
    return run("symmetry_breaking", quick=True).data["starts"]


def test_zeros_stay_zeros(starts):
    found = starts["zeros"]
    assert not found["path"].any()
    assert not found["outgoing"].any()
    assert found["accuracy"] == 0.5


def test_equal_units_stay_equal(starts):
    path = starts["all 0.5"]["path"]
    np.testing.assert_allclose(path, np.repeat(path[:, :, :1], 4, axis=2), atol=1e-6)
    assert np.abs(path[-1] - path[0]).max() > 0.5


def test_random_units_part_and_solve_the_task(starts):
    assert np.ptp(starts["random"]["path"][-1], axis=1).max() > 1
    assert starts["random"]["accuracy"] > 0.97 > 0.9 > starts["all 0.5"]["accuracy"]


def test_the_first_step_is_against_the_slope():
    # One unit's equations by hand: p = sigmoid(h v), h = tanh(x w), loss = mean of -ln p(y), all weights 0.5.
    data = run("symmetry_breaking", steps=10, learning_rate=0.3).data["starts"]["all 0.5"]
    x, y = datasets.load("moons").train
    h = np.tanh(x @ [0.5, 0.5])
    error = 1 / (1 + np.exp(-4 * 0.5 * h)) - y
    slope = x.T @ (error * 0.5 * (1 - h**2)) / len(x)
    np.testing.assert_allclose(data["path"][1][:, 0], 0.5 - 0.3 * slope, rtol=1e-4)


def test_the_numbers_follow_the_parameters():
    data = run("symmetry_breaking", steps=10, hidden=7, constant=0.1, seed=1).data
    assert list(data["starts"]) == ["zeros", "all 0.1", "random"]
    assert data["starts"]["random"]["path"].shape == (11, 2, 7)
    assert not all(run("symmetry_breaking", steps=10, deviation=0.0).claims.values())
