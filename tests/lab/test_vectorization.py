"""Vectorization: the three gradients agree with one worked by hand, and matrices have to be faster by a wide margin."""

from __future__ import annotations

import numpy as np
import pytest

from madi.lab import run
from madi.lab.vectorization import WAYS, claims


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_the_gradient_of_two_examples_by_hand(way):
    # weights of 0: p = 1/2, dz = (-1/2, 1/2), dW = ((1, 2) (-1/2) + (3, 5) (1/2)) / 2 = (0.5, 0.75)
    x, y, w = np.array([[1.0, 2.0], [3.0, 5.0]]), np.array([[1.0], [0.0]]), np.zeros((2, 1))
    np.testing.assert_allclose(way(x, y, w), [[0.5], [0.75]], rtol=1e-15)


def test_the_ways_agree():
    data = run("vectorization", examples=(500,), features=50).data
    assert max(data["apart"].values()) < 1e-12
    assert all(min(column) > 0 for column in data["seconds"].values())


def test_the_product_has_to_win():
    data = run("vectorization", examples=(3,), features=2, repeats=1).data
    for ratios, shown in (((6, 6), [True, True]), ((4, 6), [False, True]), ((6, 4), [True, False])):
        data["seconds"] = {"two loops": [ratios[0]], "one loop": [ratios[1]], "matrices": [1]}
        assert list(claims(data).values())[1:3] == shown


def test_one_over_m_stands_in_the_weights_gradient():
    data = run("vectorization", examples=(5, 20), features=3, seed=1).data
    assert data["1/m"]["m"] == 20
    assert data["1/m"]["dZ"] < 1e-14
    assert data["1/m"]["dW"] < 1e-14


def test_sizes_are_those_asked_for():
    data = run("vectorization", examples=(3, 7), features=2, repeats=1).data
    assert data["examples"] == [3, 7]
    assert all(len(column) == 2 for column in data["seconds"].values())
