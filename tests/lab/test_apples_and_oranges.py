"""Apples and oranges: the course's numbers in float64, and that they follow the prices."""

from __future__ import annotations

import numpy as np
import pytest

from madi.lab import run


def in_order(found, *names):
    return [found["gradients"][name] for name in names]


@pytest.fixture(scope="module")
def data():
    return run("apples_and_oranges").data


def test_two_apples(data):
    found = data["apples"]
    np.testing.assert_allclose(found["total"], 220, rtol=0, atol=1e-12)
    np.testing.assert_allclose(in_order(found, "apple_price", "apples", "tax"), (2.2, 110, 200), rtol=0, atol=1e-12)


def test_two_apples_and_three_oranges(data):
    found = data["fruit"]
    np.testing.assert_allclose(found["total"], 715, rtol=0, atol=1e-12)
    gradients = in_order(found, "apple_price", "apples", "orange_price", "oranges", "tax")
    np.testing.assert_allclose(gradients, (2.2, 110, 3.3, 165, 650), rtol=0, atol=1e-12)


def test_a_full_basket_is_computed_locally(data):
    values = [node["value"] for node in data["full"]["nodes"]]
    np.testing.assert_allclose(values, (200, 4200, 4620), rtol=1e-12)
    assert data["full"]["inputs"]["rest"] == 4000
    assert len(data["full_from_its_parts"]["nodes"]) > len(data["full"]["nodes"])
    assert data["full_from_its_parts"]["total"] == data["full"]["total"]
    assert in_order(data["full_from_its_parts"], "apple_price", "apples", "tax") == in_order(
        data["full"], "apple_price", "apples", "tax"
    )


def test_the_numbers_follow_the_prices():
    data = run("apples_and_oranges", apples=5, apple_price=10, tax=2, rest=(7,)).data
    assert data["apples"]["total"] == 100
    assert in_order(data["apples"], "apple_price", "apples", "tax") == [10, 20, 50]
    assert data["full"]["total"] == 114
    assert data["full"]["one_more_adds"]["rest"] == 2
