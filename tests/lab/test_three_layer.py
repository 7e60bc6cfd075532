"""The three-layer network: the book's numbers (Saito, 2016, chapter 3), shapes, and that they follow the weights."""

from __future__ import annotations

import numpy as np
import pytest

from madi.lab import run


@pytest.fixture(scope="module")
def data():
    return run("three_layer").data


def test_the_numbers_of_the_book(data):
    first, second, third = data["layers"]
    np.testing.assert_allclose(first["a"], (0.3, 0.7, 1.1), rtol=1e-12)
    np.testing.assert_allclose(first["z"], (0.57444252, 0.66818777, 0.75026011), atol=5e-9)
    np.testing.assert_allclose(second["a"], (0.51615984, 1.21402696), atol=5e-9)
    np.testing.assert_allclose(second["z"], (0.62624937, 0.7710107), atol=5e-9)
    np.testing.assert_allclose(third["a"], (0.31682708, 0.69627909), atol=5e-9)
    assert third["z"] is None


def test_shapes(data):
    assert data["layers"][1]["shapes"] == [(3,), (3, 2), (2,), (2,)]


def test_the_weight_from_the_second_to_the_first_stands_in_row_1_column_0(data):
    assert data["slope"] == data["layers"][0]["weight"][1, 0] == 0.2


def test_the_numbers_follow_the_parameters():
    data = run("three_layer", x=(1, -1), w1=(1, 2, 3, 5, 7, 9), b1=(0, 0, 0), activation="relu").data
    np.testing.assert_array_equal(data["layers"][0]["a"], (-4, -5, -6))
    np.testing.assert_array_equal(data["layers"][0]["z"], (0, 0, 0))
    np.testing.assert_allclose(data["layers"][1]["a"], (0.1, 0.2))
    assert data["slope"] == 5
