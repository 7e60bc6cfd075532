"""Gates: truth tables, the line of each, and what no line does."""

from __future__ import annotations

import numpy as np
import pytest

import madi
from madi.lab import run
from madi.lab.gates import PAIRS


@pytest.fixture(scope="module")
def data():
    return run("gates").data


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("AND", np.logical_and),
        ("NAND", lambda x1, x2: ~np.logical_and(x1, x2)),
        ("OR", np.logical_or),
        ("XOR", np.logical_xor),
    ],
)
def test_truth_tables(data, name, rule):
    np.testing.assert_array_equal(data["tables"][name], rule(*PAIRS.astype(bool).T))
    np.testing.assert_array_equal(data["tables"][name], madi.models.gate(name)(PAIRS).value.ravel())


def test_fourteen_of_sixteen_tables_are_those_of_a_perceptron(data):
    assert [table for table, count in data["found"].items() if count == 0] == ["0110", "1001"]
    assert sum(data["found"].values()) == 21**3


def test_answers_change_along_the_line(data):
    plane, side = data["planes"]["AND"], np.linspace(-0.5, 1.5, 81)
    x1, x2 = np.meshgrid(side, side)
    clear = np.abs(x1 + x2 - 1.4) > 1e-9
    np.testing.assert_array_equal(plane[clear], (x1 + x2 > 1.4)[clear])


def test_other_weights_make_another_gate():
    found = run("gates", and_gate=(1, 1, -0.5), tried=2)
    assert found.data["tables"]["AND"].tolist() == [0, 1, 1, 1]
    assert found.data["tables"]["XOR"].tolist() != [0, 1, 1, 0]
    assert sum(found.data["found"].values()) == 8
    assert not all(found.claims.values())


def test_a_gate_that_never_fires_can_be_drawn():
    assert run("gates", and_gate=(0, 0, -1)).figure is not None
