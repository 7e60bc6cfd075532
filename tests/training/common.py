"""Networks and data small enough to train in a moment, and comparisons to the last bit."""

import numpy as np

from madi import Trainer
from madi.layers import Dense, Dropout, ReLU, Sequential

INPUTS, CLASSES = 6, 3
ENGINES = ("numpy", "jax")


def network(*, dropout=None, seed=0):
    """6-8-3, built."""
    middle = [] if dropout is None else [Dropout(dropout)]
    return Sequential(Dense(8), ReLU(), *middle, Dense(CLASSES)).build((INPUTS,), seed=seed)


def points(count=50, seed=0):
    """Examples of three classes that a linear map decides: (x, labels)."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(count, INPUTS)).astype(np.float32)
    return x, (x @ rng.normal(size=(INPUTS, CLASSES))).argmax(axis=1)


def trainer(model=None, **options):
    """A Trainer on NumPy unless told otherwise."""
    return Trainer(network() if model is None else model, **{"engine": "numpy", "optimizer": "sgd", **options})


def fit(own, data=None, **options):
    """A silent fit in batches of 10."""
    return own.fit(points() if data is None else data, **{"batch_size": 10, "verbose": 0, **options})


def values(model):
    """Copies of the weights by path."""
    return {path: np.array(parameter.value) for path, parameter in model.parameters().items()}


def assert_same(found, expected):
    """Two sets of weights are equal to the last bit."""
    assert list(found) == list(expected)
    for path in expected:
        np.testing.assert_array_equal(found[path], expected[path], err_msg=path)


def assert_close(found, expected, tolerance):
    """Two sets of weights differ by no more than `tolerance` of the largest weight of each array."""
    assert list(found) == list(expected)
    for path in expected:
        error = np.abs(found[path] - expected[path]).max() / max(np.abs(expected[path]).max(), 1e-30)
        assert error <= tolerance, (path, error)
