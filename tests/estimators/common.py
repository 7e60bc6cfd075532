"""Data small enough to fit in a moment, and estimators that do."""

import numpy as np

from madi.estimators import NeuralNetworkClassifier, NeuralNetworkRegressor

QUICK = {"epochs": 5, "batch_size": 20, "random_state": 0, "engine": "numpy"}


def rows(count=60, features=4, seed=0, dtype=np.float64):
    """Normal numbers (count, features)."""
    return np.random.default_rng(seed).standard_normal((count, features)).astype(dtype)


def classes(x):
    """A label of each row, one of three, that a linear map decides."""
    return np.array(["ash", "birch", "cedar"])[(x @ rows(x.shape[1], 3, seed=1)).argmax(axis=1)]


def classifier(*arguments, **options):
    """A quick classifier."""
    return NeuralNetworkClassifier(*arguments, **{**QUICK, **options})


def regressor(*arguments, **options):
    """A quick regressor."""
    return NeuralNetworkRegressor(*arguments, **{**QUICK, **options})


def fitted(estimator, count=60, **options):
    """The estimator after a fit to rows and classes, or to rows and their sums."""
    x = rows(count)
    y = classes(x) if isinstance(estimator, NeuralNetworkClassifier) else x.sum(axis=1)
    return estimator.fit(x, y, **options)


def weights(estimator):
    """The network's weights, one after the other."""
    return np.concatenate([parameter.value.ravel() for parameter in estimator.model_.parameters().values()])
