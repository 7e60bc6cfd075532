"""The sigmoid as four nodes and as one: the same numbers, node by node."""

from __future__ import annotations

import numpy as np
import pytest

from madi.lab import run


def test_both_forms_agree_to_1e_12():
    data = run("sigmoid_graph", reach=30.0).data
    for part in ("value", "slope"):
        np.testing.assert_allclose(data["four"][part], data["one"][part], rtol=0, atol=1e-12)
    np.testing.assert_allclose(data["one"]["value"], 1 / (1 + np.exp(-data["inputs"])), rtol=0, atol=1e-12)
    assert len(data["nodes"]) == 4


@pytest.mark.parametrize("x", [1.0, -2.5])
def test_each_node_of_the_four(x):
    nodes = run("sigmoid_graph", x=x).data["nodes"]
    y = 1 / (1 + np.exp(-x))
    assert [node["symbol"] for node in nodes] == ["×", "exp", "+", "÷"]
    np.testing.assert_allclose([node["value"] for node in nodes], (-x, np.exp(-x), 1 + np.exp(-x), y), rtol=1e-12)
    passed = (y * (1 - y), -(y**2) * np.exp(-x), -(y**2), -(y**2))
    np.testing.assert_allclose([node["passes_on"] for node in nodes], passed, rtol=1e-12)


def test_far_out_the_four_overflow_and_the_one_does_not():
    far = run("sigmoid_graph").data["far"]
    assert np.isnan(far["four"]["slope"])
    assert far["one"]["slope"] == 0
    near = run("sigmoid_graph", far=-5.0)
    assert np.isfinite(near.data["far"]["four"]["slope"])
    assert not all(near.claims.values())
