"""Initial weights on images: the losses are those of the three deviations."""

from __future__ import annotations

import numpy as np
import pytest

from madi import datasets, models
from madi.initializers import Normal
from madi.lab import run
from madi.optimizers import SGD
from madi.training import Trainer

SMALL = {"data": "digits", "hidden": (40, 30), "steps": 24}


@pytest.mark.parametrize(
    ("name", "deviations"),
    [("std 0.03", (0.03,) * 3), ("Xavier", (64**-0.5, 40**-0.5, 30**-0.5)), ("He", (32**-0.5, 20**-0.5, 15**-0.5))],
)
def test_the_losses_are_those_of_the_deviations(name, deviations):
    losses = run("initializer_mnist", **SMALL, small=0.03).data["losses"]
    network = models.mlp((40, 30), 10)
    for place, deviation in zip((1, 3, 5), deviations, strict=True):
        network[place].initializer = Normal(deviation)
    trainer = Trainer(network, optimizer=SGD(0.01))
    trainer.fit(datasets.load("digits").train, epochs=2, batch_size=128, verbose=0)
    np.testing.assert_allclose(losses[name], trainer.history.steps["loss"], rtol=1e-5)


def test_a_deviation_that_is_not_small_fails_the_claim():
    claims = run("initializer_mnist", data="digits", hidden=(40, 40), small=0.2, steps=200).claims
    assert not next(shown for claim, shown in claims.items() if "stays that of a guess" in claim)
