"""The two-layer network: the loss before learning, how many steps are taken, and that the settings count."""

from __future__ import annotations

import numpy as np
import pytest

from madi.lab import run


def test_the_first_loss_knows_nothing_and_every_step_is_taken():
    data = run("two_layer_mnist", data="digits", steps=50).data
    assert len(data["loss"]) == 50
    assert data["loss"][0] == pytest.approx(np.log(10), abs=0.02)
    assert data["parameters"] == 64 * 50 + 50 + 50 * 10 + 10
    assert data["epochs"]["epoch"][0] == 0
    assert data["epochs"]["epoch"][-1] == pytest.approx(50 / np.ceil(1437 / 100))
    assert data["images"]["name"] == "digits"


def test_a_higher_rate_and_wider_weights_learn_sooner():
    slow, fast = (
        run("two_layer_mnist", data="digits", steps=150, **settings).data["loss"][-1]
        for settings in ({}, {"learning_rate": 1.0, "spread": 0.1})
    )
    assert fast < 0.5 * slow


@pytest.mark.long
def test_the_course_on_mnist():
    data = run("two_layer_mnist").data
    if data["images"]["name"] == "mnist":
        assert data["parameters"] == 784 * 50 + 50 + 50 * 10 + 10
        assert data["epochs"]["test"][-1] > 0.93
