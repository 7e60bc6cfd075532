"""The numbers on numbers: in the targets' own units, equal to scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics

from madi.diagnostics.report import report_html
from madi.diagnostics.report.regression import fits
from tests.diagnostics.report.made import Page, numbers

RANDOM = np.random.default_rng(2)
TRUE = RANDOM.normal(size=(80, 2)).astype(np.float32)
SAID = (TRUE + 0.3 * RANDOM.normal(size=(80, 2))).astype(np.float32)


def test_by_hand():
    # true 1 2 3, predicted 1 2 6: errors 0 0 3; mean of |e| = 1, of e² = 3; the variance of the true ones is 2 / 3
    (found,) = fits(np.array([[1.0], [2.0], [3.0]]), np.array([[1.0], [2.0], [6.0]]))
    assert (found.mae, found.rmse) == (1, pytest.approx(3**0.5))
    assert found.r_squared == pytest.approx(1 - 9 / 2)


def test_each_target_in_its_own_units():
    scale, middle = np.array([10.0, 1000.0]), np.array([5.0, -50.0])
    evidence = numbers(SAID, TRUE, restore=lambda values: values * scale + middle, targets=["length", "price"])
    text = Page(report_html(evidence)).text
    assert "Errors are in the target's own units." in text
    for place, name in enumerate(["length", "price"]):
        true, said = (
            values[:, place] * scale[place] + middle[place] for values in (TRUE.astype(float), SAID.astype(float))
        )
        expected = [
            metrics.r2_score(true, said),
            metrics.mean_absolute_error(true, said),
            metrics.root_mean_squared_error(true, said),
        ]
        assert f"{name} {' '.join(f'{value:.4g}' for value in expected)}" in text


def test_the_worst_example_is_told_in_its_own_units():
    evidence = numbers([1.0, 2.0, 3.0], [1.0, 2.0, 5.0], restore=lambda values: 100 * values, targets=["weight"])
    text = Page(report_html(evidence)).text
    assert "example 2 500 300 -200 4" in text  # true, predicted, off by, loss 2²


def test_one_example():
    text = Page(report_html(numbers([1.0], [3.0]))).text
    assert "target not defined 2 2" in text


def test_a_constant_target():
    text = Page(report_html(numbers([1.0, 2.0], [3.0, 3.0]))).text
    assert "nan" not in text.lower()
    assert "target not defined 1.5 " in text
    assert "Columns that matter" not in text


def test_outputs_that_are_arrays():
    true = RANDOM.normal(size=(20, 60)).astype(np.float32)
    text = Page(report_html(numbers(true + 1, true))).text
    assert "predicts 60 numbers" in text
