"""Overfitting, weight decay and dropout: the gaps of the course, and that they follow the parameters."""

from __future__ import annotations

import numpy as np
import pytest

from madi import datasets
from madi.datasets import Split
from madi.lab import run
from madi.lab.dropout import dropping, gap_at
from madi.lab.framework.generalization import accuracy_curves, gap, last, trainers_of
from madi.layers import Dense, Flatten, Sequential
from madi.optimizers import SGD

FEW = {"data": "digits", "examples": 100, "epochs": 4, "hidden": 1, "seeds": 2, "marks": 2}


def digits(count: int) -> tuple[Split, Split]:
    found = datasets.load("digits")
    return Split(found.train.x[:count], found.train.y[:count]), found.test


# ---- what is measured


def test_curves_are_the_accuracies_in_inference_on_the_way():
    train, test = digits(100)
    trainers = trainers_of(lambda: Sequential(Flatten(), Dense(10)), lambda: SGD(0.1), seeds=2, seed=3)
    found = accuracy_curves(trainers, train, test, epochs=5, points=2, batch_size=50)
    assert found["epoch"].tolist() == [0, 2, 5]
    again = trainers_of(lambda: Sequential(Flatten(), Dense(10)), lambda: SGD(0.1), seeds=2, seed=3)
    for row, trainer in enumerate(again):
        trainer.fit(train, epochs=5, batch_size=50, verbose=0)
        assert found["training"][row, -1] == pytest.approx(trainer.evaluate(train)["accuracy"], abs=0.011)
        assert found["test"][row, -1] == pytest.approx(trainer.evaluate(test)["accuracy"], abs=0.006)
    assert not np.array_equal(found["test"][0], found["test"][1])


def test_one_that_diverges_has_no_accuracy():
    train, test = digits(100)
    trainers = trainers_of(lambda: Sequential(Flatten(), Dense(10)), lambda: SGD(1e38), seeds=1, seed=0)
    found = accuracy_curves(trainers, train, test, epochs=4, points=2)
    assert np.isfinite(found["test"][0, 0])
    assert np.isnan(found["test"][0, -1])


def test_the_gap_is_a_mean_over_the_seeds():
    curves = {"training": np.array([[0.1, 1.0], [0.1, 0.8]]), "test": np.array([[0.1, 0.6], [0.1, 0.7]])}
    assert last(curves, "test") == pytest.approx(0.65)
    assert gap(curves) == pytest.approx(0.25)
    assert gap_at(curves, 0.5) == pytest.approx(0.25 * 0.4 / 0.8)


# ---- the experiments


@pytest.mark.long
@pytest.mark.parametrize("name", ["weight_decay", "dropout"])
def test_the_gap_shrinks_over_three_seeds(name):
    curves = run(name, data="digits", quick=True).data["curves"]
    assert curves["with"]["test"].shape[0] == 3
    assert gap(curves["with"]) < gap(curves["without"]) - 0.02


@pytest.mark.long
@pytest.mark.parametrize(("name", "least"), [("weight_decay", 0.04), ("dropout", 0.04)])
def test_the_gap_shrinks_at_the_sizes_of_the_course(name, least):
    result = run(name)
    if result.data["images"]["name"] != "mnist":
        pytest.skip("MNIST is not on this machine")
    curves = result.data["curves"]
    assert gap(curves["without"]) > 0.2
    assert gap(curves["with"]) < gap(curves["without"]) - least
    assert all(result.claims.values())


def test_no_decay_decays_nothing():
    data = run("weight_decay", **FEW, weight_decay=0.0).data
    np.testing.assert_array_equal(data["curves"]["with"]["test"], data["curves"]["without"]["test"])
    assert data["sizes"]["with"] == data["sizes"]["without"]


def test_a_decay_multiplies_the_weights_at_each_step():
    # Without a slope to speak of, 4 epochs of 1 step leave (1 - 0.01 * 5)⁴ of the weights.
    sizes = run("weight_decay", **FEW, weight_decay=5.0).data["sizes"]
    assert sizes["with"] / sizes["without"] == pytest.approx(0.95**4, rel=0.02)


def test_both_forms_of_dropout_drop_the_same_and_differ_in_scale():
    x = np.ones((4, 50), np.float32)
    layers = {form: Sequential(*dropping(0.2, form)).build((50,)) for form in ("course", "inverted")}
    key = np.array([0, 1], np.uint32)
    course, inverted = (layer(x, training=True, key=key).value for layer in layers.values())
    assert set(np.unique(course.round(5))) == {0.0, 1.0}
    np.testing.assert_allclose(course, 0.8 * inverted, rtol=1e-6)
    np.testing.assert_allclose(layers["course"](x).value, 0.8)
    np.testing.assert_array_equal(layers["inverted"](x).value, 1.0)


def test_dropout_follows_its_rate_and_form():
    usual, more, inverted = (
        run("dropout", **FEW, **given).data["curves"] for given in ({}, {"rate": 0.8}, {"form": "inverted"})
    )
    np.testing.assert_array_equal(usual["without"]["test"], more["without"]["test"])
    assert not np.array_equal(usual["with"]["test"], more["with"]["test"])
    assert not np.array_equal(usual["with"]["test"], inverted["with"]["test"])


def test_as_many_images_have_the_same_gap():
    result = run("overfitting", data="digits", few=200, more=200, epochs=6, hidden=1, seeds=1, marks=2)
    curves = result.data["curves"]
    np.testing.assert_array_equal(curves["few"]["test"], curves["more"]["test"])
    assert not all(result.claims.values())


def test_more_images_are_seen_in_as_many_steps():
    curves = run("overfitting", data="digits", few=100, more=400, epochs=8, hidden=1, seeds=1, marks=2).data["curves"]
    assert (curves["few"]["epoch"][-1], curves["more"]["epoch"][-1]) == (8, 2)
