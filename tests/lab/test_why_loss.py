"""Why the loss: the jumps of the accuracy by the points themselves, slopes by hand, and parameters that count."""

from __future__ import annotations

import numpy as np
import pytest

from madi.datasets import moons_points
from madi.errors import ConfigurationError
from madi.lab import run


def test_accuracy_and_loss_are_those_of_the_points():
    data = run("why_loss", weights=(0.3, 0.7), reach=1.0, moves=11).data
    moons = moons_points(0)
    x, y = moons.x[::4], moons.y[::4]
    for w, accuracy, loss in zip(data["weights"], data["accuracy"], data["loss"], strict=True):
        z = x @ (w, 0.7)
        np.testing.assert_allclose(accuracy, np.mean((z > 0) == y))
        np.testing.assert_allclose(loss, np.mean(np.log1p(np.exp(-z)) * y + np.log1p(np.exp(z)) * (1 - y)))


def test_slopes_of_the_loss_agree_and_that_of_the_accuracy_is_nothing():
    slopes = run("why_loss", moves=11).data["slopes"]
    assert slopes["accuracy"] == 0
    np.testing.assert_allclose(slopes["loss"], slopes["loss by backpropagation"], rtol=0, atol=1e-9)


def test_only_the_step_hands_nothing_on():
    data = run("why_loss", moves=11, hidden=3, seed=4).data
    assert data["hidden"]["step"] == 0
    assert data["hidden"]["sigmoid"] > 1e-4
    np.testing.assert_allclose(data["activations"]["sigmoid"]["slopes"].max(), 0.25, atol=1e-3)


def test_a_move_as_small_as_the_points_are_close_shows_no_jump():
    claims = run("why_loss", reach=0.01, moves=11).claims
    assert sum(claims.values()) == len(claims) - 1


def test_another_number_of_weights_is_refused():
    with pytest.raises(ConfigurationError, match="weights must be 2 numbers"):
        run("why_loss", weights=(1.0, 2.0, 3.0))
