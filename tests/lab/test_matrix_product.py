"""The matrix product: the course's numbers, shapes that fit or not, batches."""

from __future__ import annotations

import numpy as np
import pytest

from madi.errors import ConfigurationError
from madi.lab import run

SMALL = {"batch": 5, "inputs": 7, "units": 3}


@pytest.fixture(scope="module")
def data():
    return run("matrix_product").data


def test_the_numbers_of_the_course(data):
    np.testing.assert_array_equal(data["product"], [[19, 22], [43, 50]])
    np.testing.assert_array_equal(data["reversed"], [[23, 34], [31, 46]])


def test_shapes(data):
    assert [attempt["shape"] for attempt in data["tried"]] == [(3, 4), (3,), None]
    assert "(2, 3) @ (2, 2)" in data["tried"][2]["message"]


def test_a_batch_is_its_examples(data):
    assert data["batch"]["shapes"] == [(100, 784), (784, 50), (100, 50)]
    assert 0 <= data["batch"]["apart"] <= 1e-12


def test_the_numbers_follow_the_parameters():
    found = run("matrix_product", left=(0, 1, 1, 0), right_shape=(3, 5), **SMALL)
    np.testing.assert_array_equal(found.data["product"], [[7, 8], [5, 6]])
    assert found.data["tried"][2]["shape"] == (2, 5)
    assert not all(found.claims.values())


def test_a_matrix_has_four_numbers():
    with pytest.raises(ConfigurationError, match=r"left must be 4 numbers from -1000 to 1000, got \(1, 2\)"):
        run("matrix_product", left=(1, 2))
