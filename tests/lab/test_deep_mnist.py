"""The deep network: the book's recipe, in small."""

from __future__ import annotations

import numpy as np
import pytest

from madi.lab import deep_mnist, experiment, run

SMALL = {"data": "digits", "quick": True, "anew": True, "epochs": 2}


@pytest.fixture(scope="module")
def result():
    return run("deep_mnist", **SMALL)


def test_the_recipe_is_the_books():
    default = {name: parameter.default for name, parameter in experiment("deep_mnist").parameters.items()}
    chosen = ("examples", "epochs", "batch_size", "learning_rate", "dropout")
    assert [default[name] for name in chosen] == [60_000, 20, 100, 1e-3, 0.5]
    assert deep_mnist.LONG


def test_a_run_a_seed_and_a_value_an_epoch(result):
    runs = result.data["runs"]
    assert [run["seed"] for run in runs] == [0, 1]
    assert result.data["training"] == [1000, 2]
    assert all(run[name].shape == (2,) for run in runs for name in deep_mnist.COLUMNS)
    assert not np.array_equal(runs[0]["training loss"], runs[1]["training loss"])


def test_the_same_seed_gives_the_same_run(result):
    (again,) = run("deep_mnist", seed=1, runs=1, **SMALL).data["runs"]
    np.testing.assert_array_equal(again["test loss"], result.data["runs"][1]["test loss"])


def test_claims_ask_more_of_the_whole_training(result):
    data = {**result.data, "images": {"name": "mnist", "notice": ""}, "training": deep_mnist.WHOLE}
    first = next(iter(deep_mnist.claims(data).items()))
    assert first[0].startswith("Trained on 60,000 images for 20 epochs")
    assert not first[1]
