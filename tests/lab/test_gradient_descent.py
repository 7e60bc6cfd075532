"""Gradient descent: the course's numbers, and that they follow the parameters."""

from __future__ import annotations

import numpy as np
import pytest

from madi.errors import ConfigurationError
from madi.lab import run


def test_the_numbers_of_the_course():
    paths = run("gradient_descent").data["paths"]
    np.testing.assert_allclose(paths["good"][-1], (-6.111e-10, 8.148e-10), rtol=1e-3)
    assert not np.linalg.norm(paths["too high"][-1]) < 1e12
    np.testing.assert_allclose(paths["too low"][-1], (-3.0, 4.0), rtol=1e-7)


def test_the_path_follows_its_parameters():
    path = run("gradient_descent", start=(1.0, 0.0), learning_rate=0.25, steps=3).data["paths"]["good"]
    np.testing.assert_allclose(path[:, 0], (1, 0.5, 0.25, 0.125))
    assert run("gradient_descent", learning_rate=0.25).data["rates"]["good"] == 0.25


def test_another_number_of_coordinates_is_refused():
    with pytest.raises(ConfigurationError, match="start must be 2 numbers"):
        run("gradient_descent", start=(1.0,))
