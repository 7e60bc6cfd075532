"""Reading digits: shapes, batches, one-hot labels, and that the numbers follow the training."""

from __future__ import annotations

import numpy as np
import pytest

from madi import datasets
from madi.lab import run


@pytest.fixture(scope="module")
def data():
    return run("mnist_inference", quick=True, data="digits").data


def test_shapes_of_a_batch(data):
    assert data["shapes"] == [[100, 8, 8, 1], [100, 64], [100, 50], [100, 10]]
    assert data["range"] == [0, 1]


def test_a_label_as_a_one_hot_row(data):
    label = data["one_hot"]["label"]
    assert label == datasets.load("digits").test.y[0]
    assert data["one_hot"]["row"].tolist() == [float(place == label) for place in range(10)]
    np.testing.assert_allclose(*data["one_hot"]["losses"], rtol=1e-6)


def test_batches_answer_as_single_images_do(data):
    batches = data["batches"]
    assert batches["calls"] == [4, 360]
    assert batches["same_answers"] == batches["images"] == 360
    assert batches["apart"] < 1e-4


def test_the_images_shown(data):
    test, first, unsure = datasets.load("digits").test, data["shown"]["first"], data["shown"]["least sure"]
    np.testing.assert_array_equal(first["images"], test.x[:8])
    np.testing.assert_array_equal(first["labels"], test.y[:8])
    np.testing.assert_allclose(first["probabilities"].sum(axis=1), 1, rtol=1e-5)
    largest = unsure["probabilities"].max(axis=1)
    assert (np.diff(largest) >= 0).all()
    assert largest.max() <= first["probabilities"].max(axis=1).min()


def test_the_numbers_follow_the_parameters(data):
    less = run("mnist_inference", data="digits", epochs=1, hidden=(7, 5), batch_size=36, compared=50).data
    assert less["shapes"] == [[36, 8, 8, 1], [36, 64], [36, 7], [36, 5], [36, 10]]
    assert less["batches"]["calls"] == [2, 50]
    assert less["accuracy"] < data["accuracy"] - 0.1
