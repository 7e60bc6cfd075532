"""Random search: a small search whose numbers are those of training with the parameters, and follow the knobs."""

from __future__ import annotations

import numpy as np
import pytest

from madi.datasets import load
from madi.lab import run
from madi.lab.random_search import trainer
from madi.tuning import Search
from madi.tuning.rounds import divided

SMALL = {"data": "digits", "examples": 100, "layers": 1, "units": 8, "epochs": 2, "trials": 9}


@pytest.fixture(scope="module")
def small():
    return Search.from_dict(run("random_search", **SMALL).data["search"])


def test_the_defaults_are_those_of_the_course():
    from madi.lab import experiment

    values = experiment("random_search").values({}, quick=False)
    wanted = {"examples": 500, "validation": 0.2, "layers": 6, "units": 100, "epochs": 50, "trials": 100,
              "learning_rate": (1e-6, 1e-2), "weight_decay": (1e-8, 1e-4)}  # fmt: skip
    assert {name: values[name] for name in wanted} == wanted


def test_a_trial_is_what_training_alone_gives(small):
    digits, found = load("digits"), small.records[4]
    training, validation = divided((digits.train.x[:100], digits.train.y[:100]), 0.2, seed=0)
    assert len(validation.x) == 20
    alone = trainer(digits, (8,), 0, **found.parameters)
    history = alone.fit(training, validation=validation, epochs=2, batch_size=100, verbose=0)
    np.testing.assert_allclose(found.curve("loss"), history["loss"], rtol=1e-4)
    np.testing.assert_allclose(found.curve("validation_accuracy"), history["validation_accuracy"], atol=0.051)


def test_the_search_follows_its_parameters(small):
    assert len(small.records) == 9
    assert [len(small.ranges), small.ranges[0]["learning_rate"].low] == [3, 1e-6]
    other = run("random_search", **SMALL, learning_rate=(0.1, 1.0), rounds=1, seed=1).data["search"]
    rates = [trial.parameters["learning_rate"] for trial in Search.from_dict(other).records]
    assert 0.1 <= min(rates) <= max(rates) <= 1.0
    assert len(set(rates)) == 9


def test_rates_that_are_all_too_low_fail_the_claims():
    result = run("random_search", **SMALL, learning_rate=(1e-9, 1e-6))
    assert list(result.claims.values())[:2] == [False, False]
