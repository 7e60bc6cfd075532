"""The flower: the published costs and accuracies, and that the networks follow their parameters."""

from __future__ import annotations

import numpy as np
import pytest

from madi.lab import run


@pytest.fixture(scope="module")
def four():
    return run("planar", hidden=(4,), steps=3001).data["models"]


def test_logistic_regression_and_four_units(four):
    assert four["logistic regression"]["accuracy"] == pytest.approx(0.47, abs=0.005)
    assert four["4"]["accuracy"] >= 0.9


def test_the_costs_are_those_of_the_exercise(four):
    # 0.693048 before the first step, 0.288083, 0.254385, 0.233864 before steps 1000, 2000, 3000, with its first weights
    steps, costs = four["4"]["steps"], four["4"]["costs"]
    known = dict(zip(steps, costs, strict=True))
    assert known[0] == pytest.approx(0.693048, abs=1e-6)
    assert known[1020] == pytest.approx(0.288, abs=2e-3)
    assert known[3000] == pytest.approx(0.233864, abs=1e-5)


@pytest.mark.long
def test_ten_thousand_steps():
    found = run("planar", hidden=(4,)).data["models"]["4"]
    assert found["accuracy"] >= 0.9
    assert found["costs"][found["steps"].index(9000)] == pytest.approx(0.218607, abs=1e-3)


def test_the_networks_follow_their_parameters():
    data = run("planar", hidden=(2, 3), steps=10, learning_rate=0.5, spread=0.1, points=3).data
    assert list(data["models"]) == ["logistic regression", "2", "3"]
    assert len(data["models"]["2"]["costs"]) == 11
    assert not np.allclose(data["x"], run("planar", hidden=(2,), steps=10).data["x"])


def test_one_step_of_logistic_regression_by_hand():
    # from weights of 0: p = 1/2, so that the gradient is mean((1/2 - y) x), and the new cost that of z = x W
    data = run("planar", hidden=(1,), steps=10, learning_rate=1e-4).data
    x, y = data["x"], data["y"]
    slope = ((0.5 - y)[:, None] * x).mean(axis=0)
    costs = data["models"]["logistic regression"]["costs"]
    assert costs[0] - costs[1] == pytest.approx(1e-4 * (slope**2).sum(), rel=1e-2)
