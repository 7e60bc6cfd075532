"""Activations of five layers by their initial weights: the course's numbers, and that they follow the parameters."""

from __future__ import annotations

import numpy as np
import pytest

from madi.lab import run


@pytest.fixture(scope="module")
def data():
    return run("activation_histograms").data


def test_a_deviation_of_1_piles_sigmoids_up_at_0_and_1(data):
    found = data["sigmoid"]["std 1"]
    assert found["histograms"].shape == (5, 40)
    shares = found["histograms"] / found["histograms"].sum(axis=1, keepdims=True)
    assert (shares[:, [0, -1]].sum(axis=1) > 0.5).all()  # in the outermost two of 40 bins
    assert (found["deviation"] > 0.4).all()


def test_a_hundredth_collapses_sigmoids_at_a_half(data):
    found = data["sigmoid"]["std 0.01"]
    np.testing.assert_allclose(found["mean"], 0.5, atol=0.01)
    assert (found["deviation"][1:] < 0.02).all()


@pytest.mark.parametrize("start", ["Xavier", "He"])
def test_xavier_and_he_keep_a_spread(data, start):
    assert (data["sigmoid"][start]["deviation"] > 0.1).all()
    assert (data["tanh"][start]["deviation"] > 0.3).all()
    assert (data["sigmoid"][start]["at the ends"] < 0.25).all()


def test_relu_keeps_its_size_with_he_alone(data):
    size = {name: found["root mean square"] for name, found in data["relu"].items()}
    assert abs(size["He"][-1] / size["He"][0] - 1) < 0.3
    assert size["std 0.01"][-1] / size["std 0.01"][0] < 1e-4
    assert size["Xavier"][-1] / size["Xavier"][0] < 0.4
    assert size["std 1"][-1] / size["std 1"][0] > 1000


def test_each_layer_multiplies_the_size_as_its_weights_say():
    # n inputs of mean square s² and weights of deviation d give sums of mean square n d² s², and ReLU keeps half.
    size = run("activation_histograms", units=400, small=0.02).data["relu"]["std 0.02"]["root mean square"]
    np.testing.assert_allclose(size[1:] / size[:-1], 0.02 * np.sqrt(400 / 2), rtol=0.15)


def test_the_numbers_follow_the_parameters():
    data = run("activation_histograms", layers=3, examples=50, large=0.2).data
    assert list(data["tanh"]) == ["std 0.2", "std 0.01", "Xavier", "He"]
    assert data["tanh"]["He"]["histograms"].shape == (3, 40)
    assert not all(run("activation_histograms", large=0.2).claims.values())
    first, second = (run("activation_histograms", seed=seed).data["relu"]["He"]["deviation"] for seed in (0, 1))
    assert not np.array_equal(first, second)
