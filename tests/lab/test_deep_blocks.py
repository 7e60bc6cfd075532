"""The chain of blocks: shapes in both conventions, caches, and the two ends of the way back."""

from __future__ import annotations

import numpy as np
import pytest

from madi.graph import Variable
from madi.lab import run
from madi.lab.deep_blocks import cost, end, in_columns


def test_the_shapes_of_a_small_chain():
    data = run("deep_blocks", inputs=2, hidden=(3,), examples=5).data
    assert data["sizes"] == [2, 3, 1]
    first, second = data["blocks"]
    assert first["shapes"] == {"a[0]": [5, 2], "W[1]": [2, 3], "b[1]": [3], "z[1]": [5, 3], "a[1]": [5, 3]}
    assert second["shapes of gradients"]["dW[2]"] == [3, 1]
    assert (first["nodes"], second["nodes"]) == (["Affine", "ReLU"], ["Affine", "Sigmoid"])


def test_the_notes_have_the_transposed_shapes_and_the_same_numbers():
    data = run("deep_blocks", seed=3).data
    assert data["apart"]["notes"] < 1e-12
    weights = [np.ones((2, 3)), np.ones((3, 1))]
    found = in_columns(np.ones((4, 2)), np.ones((4, 1)), weights)
    assert {name: value.shape for name, value in found.items()} == {
        "dz[2]": (1, 4), "dW[2]": (1, 3), "db[2]": (1, 1),
        "dz[1]": (3, 4), "dW[1]": (3, 2), "db[1]": (3, 1), "da[0]": (2, 4),
    }  # fmt: skip


def test_the_gradient_at_the_end_by_hand():
    # y = 1 at a = 0.8: -1 / 0.8;  y = 0 at a = 0.6: 1 / 0.4
    np.testing.assert_allclose(end(np.array([0.8, 0.6]), np.array([1.0, 0.0])), (-1.25, 2.5))
    assert run("deep_blocks", examples=3).data["apart"]["da at the end"] < 1e-12


def test_one_unit_by_hand():
    # z = 2 · 0.5 = 1, a = sigmoid(1), dz = a - 1, dW = 2 dz, da[0] = 0.5 dz
    x = Variable(np.array([[2.0]]))
    loss = cost(x, np.ones((1, 1)), [np.array([[0.5]])])
    loss.backward()
    a = 1 / (1 + np.exp(-1.0))
    assert float(loss) == pytest.approx(-np.log(a))
    np.testing.assert_allclose(x.grad, [[0.5 * (a - 1)]])
    np.testing.assert_allclose(in_columns(x.value, np.ones((1, 1)), [np.array([[0.5]])])["dW[1]"], [[2 * (a - 1)]])


def test_the_inputs_gradient_is_there_and_needed_by_nobody():
    data = run("deep_blocks", inputs=6).data
    assert data["da[0]"]["shape"] == [10, 6]
    assert not data["da[0]"]["computed when nobody asks"]
    assert data["apart"]["without da[0]"] == 0
