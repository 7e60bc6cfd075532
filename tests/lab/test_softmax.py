"""Softmax: the book's numbers, overflow, and what changes nothing."""

from __future__ import annotations

import numpy as np
import pytest

from madi.lab import run


@pytest.fixture(scope="module")
def data():
    return run("softmax").data


def test_the_numbers_of_the_book(data):
    np.testing.assert_allclose(data["outputs"], (0.01821127, 0.24519181, 0.73659691), atol=5e-9)
    large = data["large"]
    np.testing.assert_allclose(large["outputs"], (9.99954600e-01, 4.53978686e-05, 2.06106005e-09), rtol=1e-8)
    assert np.isnan(large["as_written"]).all()
    np.testing.assert_array_equal(data["identity"], (0.3, 2.9, 4.0))


def test_a_shift_changes_nothing_but_overflow(data):
    shifted = data["shifted"]
    np.testing.assert_allclose(shifted["outputs"], np.tile(data["outputs"], (401, 1)), rtol=0, atol=1e-12)
    finite = np.isfinite(shifted["as_written"]).all(axis=1)
    assert data["shifts"][finite].max() == 705  # exp(4 + 710) is beyond float64's largest number
    np.testing.assert_allclose(shifted["as_written"][finite & (data["shifts"] > -700)][0], data["outputs"], rtol=1e-9)


def test_the_order_is_kept(data):
    assert data["same_answer"] == data["rows"] == 1000
    np.testing.assert_array_equal(data["scaled"].argmax(axis=1), 2)


def test_small_inputs_do_not_overflow():
    found = run("softmax", inputs=(1, 1), large=(1, 2, 3), shift=100, rows=3)
    np.testing.assert_array_equal(found.data["outputs"], (0.5, 0.5))
    np.testing.assert_allclose(found.data["large"]["as_written"], found.data["large"]["outputs"], rtol=1e-12)
    assert list(found.claims.values()) == [True, False, False, True, True]
