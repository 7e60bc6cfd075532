"""The chain rule: (x + y)² and its slopes."""

from __future__ import annotations

import numpy as np

from madi.lab import run


def test_the_slope_is_twice_the_sum():
    data = run("chain_rule", x=2.0, y=1.0).data
    assert data["z"] == 9
    assert data["gradients"] == {"x": 6, "y": 6}
    assert [node["local_derivatives"] for node in data["nodes"]] == [[1, 1], [6, None]]
    np.testing.assert_allclose(data["measured"]["x"], 6, rtol=1e-9)


def test_the_numbers_follow_the_parameters():
    data = run("chain_rule", x=-1.0, y=0.5, power=3).data
    assert data["z"] == -0.125
    assert data["gradients"] == {"x": 0.75, "y": 0.75}
    np.testing.assert_allclose(data["curve"]["slope"], 3 * (data["curve"]["x"] + 0.5) ** 2, rtol=1e-12)
