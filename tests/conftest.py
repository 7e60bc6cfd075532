"""What every test shares: no window for figures, threads of its own core, one profile of property tests, a lab."""

from __future__ import annotations

import importlib
import os
import signal
import sys
from pathlib import Path

import hypothesis
import pytest

os.environ["MPLBACKEND"] = "Agg"
for threads in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):  # each core has tests of its own: others would wait for it
    os.environ.setdefault(threads, "1")

import numpy as np  # noqa: E402  (it reads them when it is imported)

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as shells have it for what they start in the background
    signal.signal(signal.SIGINT, signal.default_int_handler)

# The same examples on every run, so that a red test stays red; a first call that compiles is not a failure, nor is a
# machine that is busy while examples are drawn.
hypothesis.settings.register_profile(
    "madi", deadline=None, derandomize=True, print_blob=True, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("madi")


@pytest.fixture
def undrawn(monkeypatch):
    """Initial weights are zeros that take no memory: shapes and counts need no 100 million random numbers."""
    from madi import initializers

    def zeros(self, key, shape, fan):
        return np.broadcast_to(np.float32(0), shape)

    for initializer in (initializers.He, initializers.Xavier, initializers.Normal, initializers.Zeros):
        monkeypatch.setattr(initializer, "__call__", zeros)


@pytest.fixture
def add_experiment(tmp_path, monkeypatch):
    """A lab of one's own for a test, empty at first: add_experiment("toy", source)."""
    from madi import lab
    from madi.lab.framework import experiment as framework

    folder, added = tmp_path / "experiments", []
    folder.mkdir()
    monkeypatch.setattr(lab, "__path__", [str(folder)])

    def forget():
        for cached in (framework.names, framework._files, framework._read):
            cached.cache_clear()
        for name in added:
            sys.modules.pop(f"madi.lab.{name}", None)

    def add(name, source):
        (folder / f"{name}.py").write_text(source, encoding="utf-8")
        importlib.invalidate_caches()
        forget()
        added.append(name)

    forget()
    yield add
    forget()


TOY = (Path(__file__).parent / "lab" / "toy.py").read_text(encoding="utf-8")


@pytest.fixture
def toy(add_experiment):
    """An experiment that takes no time: its name."""
    add_experiment("toy", TOY)
    return "toy"


@pytest.fixture
def long_toy(add_experiment):
    """One that takes hours, as it says: its name."""
    add_experiment("long_toy", TOY.replace("COST = ", "LONG = True\nCOST = ").replace("full=0.2", "full=7200"))
    return "long_toy"


@pytest.fixture
def broken(add_experiment):
    """One that raises: its name."""
    add_experiment(
        "broken",
        TOY.replace("A toy.", "Broken.").replace("    noise = ", "    raise ValueError('no <luck>')\n    noise = "),
    )
    return "broken"
