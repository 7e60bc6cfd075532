"""Losses step by step: smoothed and compared."""

from __future__ import annotations

import numpy as np

from madi.lab.framework.loss_curves import final, smoothed, steps_to_reach


def test_smoothing_keeps_a_level_and_a_slope():
    np.testing.assert_allclose(smoothed(np.full(200, 0.7)), 0.7)
    line = np.linspace(3, 1, 200)
    np.testing.assert_allclose(smoothed(line)[20:-20], line[20:-20])


def test_smoothing_takes_noise_away():
    noise = np.random.default_rng(0).standard_normal(1000)
    assert smoothed(noise).std() < 0.2 * noise.std()


def test_the_final_loss_is_that_of_the_last_twentieth():
    losses = np.concatenate([np.full(95, 9.0), np.full(5, 1.0)])
    assert final(losses) == 1.0
    assert final(np.array([3.0])) == 3.0


def test_steps_to_reach():
    losses = np.linspace(1, 0, 101)  # 0.5 at the 51st
    assert steps_to_reach(losses, 0.5) == 51
    assert steps_to_reach(losses, -1.0) == 102
