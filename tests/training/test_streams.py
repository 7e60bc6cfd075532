"""Measuring on examples that are larger than memory: as on arrays, batch by batch."""

import numpy as np
import pytest

from madi.datasets import Batches, Split
from madi.errors import ConfigurationError, DataError
from madi.layers import Dense, ReLU, Sequential
from madi.training import Trainer

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(53, 3)).astype(np.float32), RNG.integers(0, 2, 53).astype(np.int32)


class Stream(Batches):
    """Batches of 10 in one array that is filled anew for each, as a reader of files would; counts its passes."""

    count, batch_size, shape = 53, 10, (3,)

    def __init__(self, x=X, y=Y):
        self.x, self.y, self.passes = x, y, 0

    def __iter__(self):
        self.passes += 1
        x = np.empty((10, 3), np.float32)
        for start in range(0, len(self.x), 10):
            part = x[: len(self.x[start : start + 10])]
            part[:] = self.x[start : start + 10]
            yield Split(part, self.y[start : start + 10])

    def set_epoch(self, epoch):
        pass


def trainer(engine):
    model = Sequential(Dense(8), ReLU(), Dense(2)).build((3,), seed=0)
    return Trainer(model, optimizer="adam", metrics=["accuracy", "f1", "auc"], engine=engine)


@pytest.mark.parametrize("engine", ["numpy", "jax"])
def test_a_stream_measures_what_its_arrays_measure(engine):
    made, stream = trainer(engine), Stream()
    found, expected = made.evaluate(stream), made.evaluate((X, Y))
    assert list(found) == ["loss", "accuracy", "f1", "auc"]
    assert found == pytest.approx(expected, rel=1e-6)
    assert made.evaluate(stream, batch_size=4) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("engine", ["numpy", "jax"])
def test_validation_in_a_stream(engine):
    rows = [
        trainer(engine).fit((X, Y), validation=held, epochs=3, batch_size=20, verbose=0).epochs
        for held in ((X[:20], Y[:20]), Stream(X[:20], Y[:20]))
    ]
    for one, other in zip(*rows, strict=True):
        assert {k: v for k, v in one.items() if k != "seconds"} == pytest.approx(
            {k: v for k, v in other.items() if k != "seconds"}, rel=1e-6
        )


def test_every_batch_is_checked():
    wrong = X.copy()
    wrong[37, 1] = np.nan
    with pytest.raises(DataError, match=r"evaluate: batch: x: 1 value is NaN or infinite, the first nan at \(7, 1\)"):
        trainer("numpy").evaluate(Stream(wrong))
    with pytest.raises(ConfigurationError, match="evaluate: sample_weight needs arrays"):
        trainer("numpy").evaluate(Stream(), sample_weight=np.ones(53))
