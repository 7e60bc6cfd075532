"""scikit-learn is loaded where an estimator is asked for, and not before."""

import subprocess
import sys

import pytest

from madi import estimators


def test_the_estimators_wait_until_they_are_asked_for():
    ask = "print('sklearn' in sys.modules)"
    code = f"import sys, madi.estimators as own; {ask}; own.NeuralNetworkRegressor; {ask}"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["False", "True"]


def test_the_names_are_told_and_others_are_refused():
    assert dir(estimators) == estimators.__all__ == ["NeuralNetworkClassifier", "NeuralNetworkRegressor"]
    with pytest.raises(AttributeError, match="has no attribute 'Perceptron'"):
        estimators.Perceptron  # noqa: B018
