"""Numerical differentiation: the course's slopes, the order of both differences, and what rounding leaves."""

from __future__ import annotations

import numpy as np

from madi.lab import run


def test_the_numbers_of_the_course():
    data = run("numerical_slope").data
    np.testing.assert_allclose(data["slopes"], (0.2, 0.3), rtol=0, atol=1e-9)
    np.testing.assert_allclose(data["heights"], (0.75, 2.0), rtol=1e-12)
    assert data["too small"]["forward"] == data["too small"]["central"] == 0


def test_the_errors_are_those_of_taylors_series_where_rounding_plays_no_part():
    data = run("numerical_slope", at=0.0, smallest=1e-3, count=10).data
    h, errors = data["h"], data["errors"]
    np.testing.assert_allclose(errors["forward"], (np.exp(h) - 1) / h - 1, rtol=1e-8)
    np.testing.assert_allclose(errors["central"], np.sinh(h) / h - 1, rtol=1e-4)


def test_the_slopes_follow_the_points():
    result = run("numerical_slope", points=(-5.0, 0.0, 1.0))
    np.testing.assert_allclose(result.data["slopes"], (0.0, 0.1, 0.12), rtol=0, atol=1e-9)
    assert result.data["points"] == [-5, 0, 1]
