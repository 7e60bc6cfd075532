"""Parity: exact counts of the networks that are built, what a missing gate costs, and what training finds."""

from __future__ import annotations

import numpy as np
import pytest

from madi.lab import run
from madi.lab.parity_depth import all_inputs, answer, counting, learns, patterns, staged


@pytest.fixture(scope="module")
def data():
    return run("parity_depth", bits=8, trained_bits=2, layers=(1,), starts=2, steps=300).data


def test_hidden_units_by_depth(data):
    bits = np.arange(2, 9)
    assert [part["hidden"] for part in data["staged"]["1"]] == [2 ** (n - 1) for n in bits]
    assert [part["hidden"] for part in data["staged"]["3"]] == [3 * n - 4 for n in bits]
    assert [part["hidden"] for part in data["counting"]] == list(bits)
    # eight bits in two stages: groups of 3, 3 and 2, of 4 + 1, 4 + 1 and 2 + 1 units, and 4 hidden ones for the three
    assert data["staged"]["2"][-1] == {"hidden": 5 + 5 + 3 + 4, "hidden layers": 3, "wrong": 0}
    assert not any(part["wrong"] for parts in (*data["staged"].values(), data["counting"]) for part in parts)


@pytest.mark.parametrize("network", [[[patterns(5)]], [[counting(5)]], staged(5, 2), staged(5, 3)])
def test_each_network_gives_the_parity(network):
    x, _ = all_inputs(5)
    np.testing.assert_array_equal(answer(network, x)[:, 0], x.sum(axis=1) % 2)


def test_without_a_gate_one_input_is_wrong(data):
    assert data["wrong without one gate"]["4"] == [1] * 8
    assert max(map(int, data["wrong without one gate"])) == 7


def test_training_needs_two_units_for_two_bits(data):
    assert data["trained"] == {"1": [2]}
    assert not learns((2, 1, 1), starts=4, steps=200, rate=0.05, seed=0)


def test_no_size_learns_in_too_few_steps():
    result = run("parity_depth", bits=3, trained_bits=3, layers=(1,), starts=1, steps=10, learning_rate=1e-4)
    assert result.data["trained"]["1"][-1] is None
    assert [held for text, held in result.claims.items() if text.startswith("Training finds")] == [False]
