"""Several networks trained on the same examples."""

from __future__ import annotations

import numpy as np
import pytest

from madi import models
from madi.datasets import Split
from madi.lab.framework.fitting import fit_each, fit_steps
from madi.optimizers import SGD
from madi.training import Trainer


@pytest.fixture
def data() -> Split:
    random = np.random.default_rng(0)
    return Split(random.standard_normal((50, 4)).astype(np.float32), random.integers(0, 3, 50))


def trainer(rate: float, *, engine: str = "numpy") -> Trainer:
    return Trainer(models.mlp((8,), 3), optimizer=SGD(rate), engine=engine)


def test_one_that_diverges_disturbs_no_other(data):
    wild, tame = trainer(1e30), trainer(0.1)
    assert fit_each([wild, tame], data, epochs=3, batch_size=10) == [False, True]
    alone = trainer(0.1)
    alone.fit(data, epochs=3, batch_size=10, verbose=0)
    assert tame.history["loss"] == alone.history["loss"]
    assert len(wild.history) < 3


def test_networks_of_one_shape_are_compiled_once(data):
    trainers = [trainer(rate, engine="jax") for rate in (0.1, 0.2, 0.3)]
    fit_each(trainers, data, epochs=2, batch_size=10)
    programs = {id(engine): engine for trainer in trainers for engine in trainer._engines.values()}
    assert [engine.compilations for engine in programs.values()] == [1]


@pytest.mark.parametrize("steps", [1, 4, 5, 7, 12])
def test_so_many_steps(data, steps):
    losses = fit_steps([trainer(0.1), trainer(0.1)], data, steps=steps, batch_size=10)
    assert losses.shape == (2, steps)
    assert np.isfinite(losses).all()


def test_losses_after_divergence_are_nan(data):
    losses = fit_steps([trainer(1e30)], data, steps=10, batch_size=10)[0]
    assert np.isfinite(losses[0])
    assert np.isnan(losses[-1])


def test_ctrl_c_ends_all(data, monkeypatch):
    first, second = trainer(0.1), trainer(0.1)
    monkeypatch.setattr(Trainer, "fit", lambda self, data, **options: setattr(self, "interrupted", True))
    with pytest.raises(KeyboardInterrupt):
        fit_each([first, second], data)
    assert not second.interrupted
