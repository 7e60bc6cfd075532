"""Permutation importance: what is not used does not matter, and what scikit-learn finds is found."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.inspection import permutation_importance

from madi import predict
from madi.diagnostics.report import Evidence, report_html
from madi.diagnostics.report.importance import MOST_ROWS, importances
from madi.layers import Dense, Sequential
from tests.diagnostics.report.made import Page

RANDOM = np.random.default_rng(3)
X = RANDOM.normal(size=(400, 3)).astype(np.float32)


def linear(weights, x, y, loss="mean_squared_error", **options):
    model = Sequential(Dense(np.asarray(weights).shape[1])).build((x.shape[1],), seed=0)
    model.parameters()["0.weight"].value = np.asarray(weights, np.float32)
    return Evidence(model=model, loss=loss, parts={"test": (x, y)}, **options)


class Known(BaseEstimator):
    """A network as scikit-learn's inspection takes it."""

    def __init__(self, model):
        self.model = model

    def fit(self, x, y):
        return self

    def predict(self, x):
        found = predict(self.model, np.asarray(x, np.float32))
        return found.argmax(axis=1) if found.shape[1] > 1 else found[:, 0]


@pytest.mark.parametrize("task", ["numbers", "classes"])
def test_as_scikit_learn(task):
    if task == "numbers":
        y = (X @ [[2.0], [0.5], [0.0]] + 0.1 * RANDOM.normal(size=(400, 1))).astype(np.float32)
        evidence, scoring, y = linear([[2.0], [0.5], [0.0]], X, y), "r2", y[:, 0]
    else:
        y = (X @ [2.0, 0.5, 0.0] > 0).astype(int)
        evidence, scoring = linear([[0, 2], [0, 0.5], [0, 0]], X, y, "softmax_cross_entropy"), "accuracy"
    theirs = permutation_importance(Known(evidence.model), X, y, scoring=scoring, n_repeats=50, random_state=0)
    found = importances(evidence)
    assert [entry.column for entry in found.columns] == ["feature 0", "feature 1", "feature 2"]
    for place, entry in enumerate(found.columns):
        near = 4 * theirs.importances_std[place] / found.repeats**0.5 + 1e-9
        assert entry.drop == pytest.approx(theirs.importances_mean[place], abs=near)
    assert (found.columns[2].drop, found.columns[2].deviation) == (0, 0)  # it is not used


def test_the_features_of_one_column_are_shuffled_together():
    twin = np.repeat(X[:, :1], 2, axis=1)
    both = np.concatenate([twin, X[:, 1:2]], axis=1)
    y = X[:, 1:2].copy()
    weights = [[1.0], [-1.0], [1.0]]  # the twins cancel each other, as long as they stay together
    columns = {"twins": slice(0, 2), "other": np.array([2])}
    found = {entry.column: entry for entry in importances(linear(weights, both, y, columns=columns)).columns}
    assert found["twins"].drop == pytest.approx(0, abs=1e-6)
    assert found["other"].drop > 1
    alone = importances(linear(weights, both, y, columns={"one of them": slice(0, 1)}))
    assert alone.columns[0].drop > 1


def test_the_same_seed_gives_the_same_numbers_and_x_stays_as_it_is():
    before, y = X.copy(), X[:, :1].copy()
    first, again, other = (importances(linear([[1], [1], [0]], X, y, seed=seed)) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    np.testing.assert_array_equal(X, before)


def test_it_says_on_how_many_examples():
    x = RANDOM.normal(size=(MOST_ROWS + 500, 2)).astype(np.float32)
    evidence = linear([[1.0], [0.0]], x, x[:, :1], columns={"size": slice(0, 1), "<b>": slice(1, 2)})
    page = report_html(evidence)
    assert "on 2,000 examples of the test part" in Page(page).text
    assert "&lt;b&gt;" in page


def test_pictures_and_many_features_have_none():
    assert importances(linear(np.zeros((60, 1)), np.zeros((5, 60), np.float32), np.zeros((5, 1)))) is None
    assert importances(linear([[1.0]], X[:, :1], X[:, :1])) is None  # of one feature there is nothing to compare


@pytest.mark.parametrize("loss", ["sigmoid_binary_cross_entropy", "binary_cross_entropy"])
def test_one_output_and_several_questions(loss):
    logits = 6 * X[:, :2]
    x = logits if loss.startswith("sigmoid") else 1 / (1 + np.exp(-logits))
    y = (X[:, :2] > 0).astype(np.float32)
    one = importances(linear([[1.0], [0.0]], x, y[:, :1], loss))
    half = {entry.column: entry.drop for entry in one.columns}
    assert one.score == 1
    assert half == {"feature 0": pytest.approx(0.5, abs=0.1), "feature 1": 0}
    both = importances(linear(np.eye(2), x, y, loss))
    assert both.score == 1
    assert [entry.drop for entry in both.columns] == pytest.approx([0.25, 0.25], abs=0.06)  # half of half the answers
