"""Learning-rate decay: the rates are those of the page, and the losses follow them."""

from __future__ import annotations

import numpy as np

from madi.lab import run

SMALL = {"data": "digits", "examples": 200, "epochs": 4, "batch_size": 10}  # 80 steps


def test_the_rates_are_those_of_the_equations():
    found = run("learning_rate_decay", **SMALL, learning_rate=0.5, low=0.01).data["schedules"]
    t = np.arange(80)
    np.testing.assert_allclose(found["constant, high"]["rates"], 0.5)
    np.testing.assert_allclose(found["constant, low"]["rates"], 0.01)
    np.testing.assert_allclose(found["step decay"]["rates"], 0.5 * 0.1 ** (t // 20))
    np.testing.assert_allclose(found["exponential"]["rates"], 0.5 * 0.01 ** (t / 80))
    np.testing.assert_allclose(found["cosine"]["rates"], 0.25 * (1 + np.cos(np.pi * t / 80)))


def test_losses_are_the_same_until_the_rates_part():
    found = run("learning_rate_decay", **SMALL, learning_rate=0.5).data["schedules"]
    high, stairs = found["constant, high"]["losses"], found["step decay"]["losses"]
    assert high.shape == stairs.shape == (80,)
    np.testing.assert_array_equal(high[:21], stairs[:21])
    assert not np.array_equal(high[21:], stairs[21:])


def test_a_high_rate_that_is_low_leaves_nothing_to_decay():
    assert not all(run("learning_rate_decay", **SMALL, learning_rate=0.05).claims.values())
