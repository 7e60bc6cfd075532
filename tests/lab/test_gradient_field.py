"""The gradient field: the course's points, directions, and that the valley follows its parameter."""

from __future__ import annotations

import numpy as np

from madi.lab import run


def test_the_gradients_of_the_course():
    course = run("gradient_field").data["course"]
    np.testing.assert_array_equal(course["points"], ((3, 4), (0, 2), (3, 0)))
    np.testing.assert_array_equal(course["gradients"], ((6, 8), (0, 4), (6, 0)))
    np.testing.assert_allclose(course["differences"], ((6, 8), (0, 4), (6, 0)), rtol=0, atol=1e-8)


def test_the_arrows_follow_the_equation_of_each_surface():
    data = run("gradient_field", valley=4.0, reach=1.0, arrows=2).data
    np.testing.assert_array_equal(data["points"], ((-1, -1), (1, -1), (-1, 1), (1, 1)))
    np.testing.assert_array_equal(data["surfaces"]["valley"]["gradients"], data["points"] * (0.5, 2.0))
    # the way down from (1, 1) is (-0.5, -2), the way to the middle (-1, -1): cos = 2.5 / sqrt(8.5)
    np.testing.assert_allclose(data["surfaces"]["valley"]["degrees"], np.degrees(np.arccos(2.5 / 8.5**0.5)))


def test_a_valley_that_is_as_long_as_steep_misses_nothing():
    claims = run("gradient_field", valley=1.0).claims
    assert [held for text, held in claims.items() if "1 times as long" in text] == [False]
