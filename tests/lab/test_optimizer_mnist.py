"""Four optimizers on images: what comes out is what was trained, and it follows the parameters."""

from __future__ import annotations

import numpy as np

from madi import datasets, models
from madi.lab import run
from madi.optimizers import Momentum
from madi.training import Trainer

SMALL = {"data": "digits", "hidden": (20,), "steps": 24}


def test_the_losses_are_those_of_the_training():
    data = run("optimizer_mnist", **SMALL).data
    digits = datasets.load("digits")  # 1,437 images: two epochs of 12 steps
    trainer = Trainer(models.mlp((20,), 10), optimizer=Momentum(0.01), metrics=["accuracy"])
    trainer.fit(digits.train, epochs=2, batch_size=128, verbose=0)
    np.testing.assert_allclose(data["losses"]["Momentum"], trainer.history.steps["loss"], rtol=1e-6)
    assert data["accuracy"]["Momentum"] == trainer.evaluate(digits.test)["accuracy"]


def test_each_rate_is_that_of_its_optimizers():
    usual, changed = (run("optimizer_mnist", **SMALL, adam_rate=rate).data["losses"] for rate in (0.001, 0.01))
    assert not np.allclose(usual["Adam"], changed["Adam"])
    np.testing.assert_array_equal(usual["SGD"], changed["SGD"])


def test_an_adam_that_stands_still_fails_the_claim():
    claims = run("optimizer_mnist", data="digits", hidden=(50,), steps=40, adam_rate=1e-6).claims
    assert not all(claims.values())
