"""Batch norm and the scale of the initial weights: where each kind learns, and that it follows the parameters."""

from __future__ import annotations

import numpy as np
import pytest

from madi import datasets, models
from madi.datasets import Split
from madi.initializers import Normal
from madi.lab import run
from madi.lab.batch_norm_scales import first_epoch, network
from madi.optimizers import SGD
from madi.training import Trainer


@pytest.fixture(scope="module")
def data():
    return run("batch_norm_scales", quick=True, data="digits").data


def test_the_scales_are_even_in_the_logarithm(data):
    np.testing.assert_allclose(np.log10(data["scales"]), np.linspace(0, -4, 8), atol=1e-12)


def test_batch_norm_trains_where_the_plain_network_does_not(data):
    with_, without = (data["accuracy"][name][:, -1] for name in ("with batch norm", "without"))
    small = (data["scales"] < 0.1) & (data["scales"] > 1e-3)
    assert (with_[small] > 0.9).all()
    assert (without[small] < 0.3).all()


def test_the_largest_scale_diverges_without(data):
    assert np.isnan(data["accuracy"]["without"][0, -1])
    assert np.isfinite(data["accuracy"]["with batch norm"]).all()


def test_the_plain_curve_is_that_of_a_plain_network():
    found = run("batch_norm_scales", data="digits", scales=2, largest=0.3, smallest=0.2, hidden=2, units=20, epochs=3)
    digits = datasets.load("digits").train
    few = Split(digits.x[:1000], digits.y[:1000])
    trainer = Trainer(models.mlp((20, 20), initializer=Normal(0.2)), optimizer=SGD(0.01), metrics=["accuracy"])
    trainer.fit(few, validation=few, epochs=3, batch_size=100, verbose=0)
    accuracy = found.data["accuracy"]["without"][1]
    np.testing.assert_allclose(accuracy, trainer.history["validation_accuracy"], atol=2e-3)


def test_the_network_has_batch_norm_before_each_relu():
    kinds = [type(layer).__name__ for layer in network(0.1, [8, 8], 10, normalized=True).layers]
    assert kinds == ["Flatten", *["Dense", "BatchNorm", "ReLU"] * 2, "Dense"]


def test_first_epoch():
    accuracy = np.array([[0.1, 0.5, np.nan], [0.1, 0.2, 0.9]])
    assert [first_epoch(accuracy, level) for level in (0.1, 0.5, 0.9, 0.95)] == [1, 2, 3, 4]
