"""A SIGTERM within a compiled call waits for its end: the old state is written over there, the new not yet at hand."""

from __future__ import annotations

import os
import signal
import sys

import numpy as np
import pytest

import madi
from madi.layers import Dense
from madi.training import engines

X = np.linspace(-1, 1, 40, dtype=np.float32).reshape(20, 2)
Y = X @ np.array([[1.0], [2.0]], np.float32)


@pytest.fixture
def terminating():
    """SIGTERM ends the program in order, as the command line has it."""
    before = signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(143))
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.usefixtures("terminating")
@pytest.mark.parametrize("small", [2**26, 0], ids=["kept", "donated"])
def test_sigterm_within_a_call_leaves_the_weights_after_it(monkeypatch, small):
    monkeypatch.setattr(engines, "SMALL_STATE", small)
    trainers = [madi.Trainer(Dense(1), loss="mean_squared_error", engine="jax") for _ in range(2)]
    trainers[0].fit((X, Y), epochs=1, batch_size=20, verbose=0)
    finish = engines.JaxEngine._run

    def terminated(*arguments, **options):
        result = finish(*arguments, **options)
        os.kill(os.getpid(), signal.SIGTERM)
        return result

    monkeypatch.setattr(engines.JaxEngine, "_run", terminated)
    with pytest.raises(SystemExit) as ended:
        trainers[1].fit((X, Y), epochs=5, batch_size=20, verbose=0)
    assert ended.value.code == 143
    weights = [trainer.model.weight.value for trainer in trainers]
    np.testing.assert_array_equal(*weights)
    assert trainers[1].step == 1


def test_a_signal_that_nobody_handles_is_let_alone():
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        madi.Trainer(Dense(1), loss="mean_squared_error", engine="jax").fit((X, Y), batch_size=20, verbose=0)
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, before)
