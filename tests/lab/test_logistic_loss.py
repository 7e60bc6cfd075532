"""The loss of logistic regression: costs, gradients and second derivatives against their own equations."""

from __future__ import annotations

import numpy as np
import pytest

from madi.errors import ConfigurationError
from madi.lab import run

X, Y = np.array([-3, -2, -1, 0.5, 1, 2]), np.array([0, 0, 1, 0, 1, 1])


@pytest.fixture(scope="module")
def data():
    return run("logistic_loss", points=21, steps=50).data


@pytest.fixture(scope="module")
def z(data):
    """w x + b of each example at each (b, w)."""
    b, w = np.meshgrid(data["side"], data["side"], indexing="ij")
    return w[..., None] * X + b[..., None]


@pytest.fixture(scope="module")
def answers(z):
    """ŷ of each example at each (b, w)."""
    return 1 / (1 + np.exp(-z))


def test_costs(data, z, answers):
    squared = np.mean((answers - Y) ** 2, axis=-1)
    cross = np.mean(np.logaddexp(0, z) - Y * z, axis=-1)  # -log ŷ where y = 1, -log(1 - ŷ) where y = 0
    np.testing.assert_allclose(data["surfaces"]["squared_error"]["cost"], squared, atol=1e-12)
    np.testing.assert_allclose(data["surfaces"]["cross_entropy"]["cost"], cross, rtol=1e-12)


def test_second_derivatives(data, answers):
    bend = answers * (1 - answers)
    cross = np.mean(bend * X**2, axis=-1)
    squared = np.mean(2 * (bend**2 + (answers - Y) * bend * (1 - 2 * answers)) * X**2, axis=-1)
    np.testing.assert_allclose(data["surfaces"]["cross_entropy"]["along_w"], cross, atol=1e-6)
    np.testing.assert_allclose(data["surfaces"]["squared_error"]["along_w"], squared, atol=1e-6)


def test_squared_error_is_not_convex_and_cross_entropy_is(data):
    assert data["surfaces"]["squared_error"]["least"].min() < -0.1
    assert data["surfaces"]["cross_entropy"]["least"].min() > -1e-9


def test_the_first_step_of_a_descent(data):
    start, second = data["paths"]["cross_entropy"]["points"][:2]
    error = 1 / (1 + np.exp(-(start[0] * X + start[1]))) - Y
    np.testing.assert_allclose(start - second, (np.mean(error * X), np.mean(error)), rtol=1e-9)
    assert len(data["paths"]["squared_error"]["costs"]) == 51


def test_other_examples_make_another_surface(data):
    other = run("logistic_loss", x=(1.0, -1.0), y=(1, 0), points=21, steps=1).data
    middle = (10, 10)
    np.testing.assert_allclose(other["surfaces"]["cross_entropy"]["along_w"][middle], 0.25, atol=1e-6)
    assert abs(data["surfaces"]["cross_entropy"]["along_w"][middle] - 0.25) > 0.1


def test_each_example_has_a_class():
    with pytest.raises(ConfigurationError, match=r"x and y must have as many entries .* got 6 and 2\. Give"):
        run("logistic_loss", y=(0, 1))
