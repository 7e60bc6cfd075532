"""What compiles, and when; nothing is assigned while a step is traced; compiled programs are kept in a folder."""

import json
import os
import stat
import subprocess
import sys

import jax
import numpy as np
import pytest

from madi import Trainer, optimizers
from madi.layers import Dense, Dropout, LeakyReLU, Sequential
from madi.training import compilation

from .common import CLASSES, assert_same, fit, network, points, trainer, values


@pytest.fixture(scope="module")
def trained():
    """A trainer that has compiled what it needs: batches of 10 of 50 examples, which come out even."""
    optimizer = optimizers.Momentum(0.01, weight_decay=1e-3, clip_norm=1.0, multipliers={"0": 0.5})
    own = trainer(network(dropout=0.5), engine="jax", optimizer=optimizer, metrics=["accuracy"])
    fit(own)
    return own


def compilations(own):
    return own._engines["jax"].compilations


def test_the_first_epoch_compiles_one_program(trained):
    """Training alone, batches of one size."""
    assert compilations(trained) == 1


def test_nothing_compiles_after_the_first_epoch_nor_on_a_second_fit(trained):
    before = compilations(trained)
    fit(trained, epochs=3)
    fit(trained, points(50, seed=1), epochs=2)
    assert compilations(trained) == before


def test_nothing_compiles_when_a_number_changes(trained):
    before = compilations(trained)
    weights = values(trained.model)
    trained.optimizer.learning_rate = 0.1
    trained.optimizer.momentum = 0.5
    trained.optimizer.weight_decay = 0.1
    trained.optimizer.clip_norm = 3.0
    trained.optimizer.multipliers = {"0": 0.1}
    trained.model.layers[2].rate = 0.25
    fit(trained)
    assert compilations(trained) == before
    assert (values(trained.model)["0.weight"] != weights["0.weight"]).any()


@pytest.mark.parametrize(
    ("name", "value"), [("learning_rate", 0.3), ("momentum", 0.1), ("weight_decay", 0.5), ("multipliers", {"0": 0.0})]
)
def test_a_changed_number_counts(trained, name, value):
    """The program takes the new value; it does not keep the one that it was compiled with."""
    finals = []
    before = compilations(trained)
    for change in (False, True):
        trained.reset()
        old = getattr(trained.optimizer, name)
        if change:
            setattr(trained.optimizer, name, value)
        fit(trained)
        setattr(trained.optimizer, name, old)
        finals.append(values(trained.model)["0.weight"])
    assert (finals[0] != finals[1]).any()
    assert compilations(trained) == before


def test_a_changed_dropout_rate_counts(trained):
    finals = []
    before = compilations(trained)
    for rate in (0.5, 0.1):
        trained.reset()
        trained.model.layers[2].rate = rate
        fit(trained)
        finals.append(values(trained.model)["0.weight"])
    assert (finals[0] != finals[1]).any()
    assert compilations(trained) == before


def test_a_partial_last_batch_is_a_second_program_and_validation_a_third():
    own = trainer(engine="jax")
    fit(own, points(25))
    assert compilations(own) == 2
    fit(own, points(25), epochs=2)
    assert compilations(own) == 2
    fit(own, points(25), validation=points(20, seed=1))
    assert compilations(own) == 3
    fit(own, points(25), validation=points(20, seed=2), epochs=2)
    own.evaluate(points(20, seed=3))
    assert compilations(own) == 3


def test_a_change_of_structure_compiles_anew():
    """Freezing, and a setting that the equations read."""
    own = trainer(Sequential(Dense(4), LeakyReLU(), Dense(CLASSES)), engine="jax")
    fit(own)
    own.model.freeze("0")
    fit(own)
    assert compilations(own) == 2
    own.model.layers[1].slope = 0.5
    fit(own)
    assert compilations(own) == 3
    own.model.parameters()["2.weight"].decay = False
    fit(own)
    assert compilations(own) == 4


def test_no_tracer_leaks_and_the_model_is_untouched_while_tracing(monkeypatch):
    model = network(dropout=0.5)
    own = trainer(model, engine="jax", optimizer="adam", metrics=["accuracy", "f1"])
    held = {path: parameter.value for path, parameter in model.parameters().items()}
    kept = {path: value.copy() for path, value in held.items()}
    seen = []

    def look(*arguments):
        now = {path: parameter.value for path, parameter in model.parameters().items()}
        seen.append(all(now[path] is held[path] for path in held))

    engine = own._engine(10**9, 10**9)
    run = engine._run
    monkeypatch.setattr(engine, "_run", lambda *a, **k: (run(*a, **k), look())[0])
    with jax.check_tracer_leaks():
        fit(own, points(25), validation=0.2)
    assert seen
    assert all(seen)
    assert_same(held, kept)  # and the first arrays themselves were not written into


def test_compiling_is_announced_while_it_lasts(monkeypatch):
    own = trainer(engine="jax")
    said = []
    shown = type("Shown", (), {name: lambda self, *a, **k: None for name in ("start", "advance", "epoch", "note")})
    shown.compiling = lambda self, busy: said.append(busy)
    shown.close = lambda self: said.append("closed")
    monkeypatch.setattr("madi.training.trainer.progress_for", lambda verbose, called: shown())
    fit(own)
    assert said == [True, False, "closed"]
    own.evaluate(points(20))  # compiles, but the bar is gone
    assert said == [True, False, "closed"]


# ---- the cache

PROGRAM = """
import json, sys, jax, logging
import numpy as np
from madi import Trainer, layers
x, y = np.zeros((20, 4), np.float32), np.zeros(20, int)
hits = []
jax.monitoring.register_event_listener(lambda event, **more: hits.append(event))
trainer = Trainer(layers.Dense(2), engine="jax").fit((x, y), batch_size=10, verbose=0)
settings = {name: getattr(jax.config, name) for name in sys.argv[1:]}
print(json.dumps({"hits": hits.count("/jax/compilation_cache/cache_hits"), "settings": settings}))
"""
SETTINGS = [*compilation.SETTINGS, "jax_compilation_cache_dir"]


def another_process(folder, **environment):
    """What a program that trains says of its cache."""
    found = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "-c", PROGRAM, *SETTINGS],
        check=True, capture_output=True, text=True,
        env={**os.environ, "MADI_CACHE": str(folder), "PYTHONPATH": os.pathsep.join(sys.path), **environment},
    )  # fmt: skip
    assert not found.stderr
    return json.loads(found.stdout)


def test_a_second_process_loads_what_the_first_has_compiled(tmp_path):
    first = another_process(tmp_path)
    second = another_process(tmp_path)
    assert (first["hits"], second["hits"]) == (0, 1)
    (folder,) = (tmp_path / "compiled").iterdir()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert len(list(folder.glob("*-cache"))) == 1
    defaults = {name: getattr(jax.config, name) for name in SETTINGS}
    assert first["settings"] == second["settings"] == defaults


def test_the_users_own_cache_is_left_to_the_user(tmp_path):
    found = another_process(tmp_path / "madi", JAX_COMPILATION_CACHE_DIR=str(tmp_path / "own"))
    assert found["settings"]["jax_compilation_cache_dir"] == str(tmp_path / "own")
    assert not (tmp_path / "madi").exists()


@pytest.mark.parametrize("kind", ["a file", "no home", "read-only"])
def test_without_a_folder_to_write_to_it_compiles_as_ever(tmp_path, monkeypatch, kind):
    monkeypatch.setenv("MADI_CACHE", str(tmp_path / "place"))
    if kind == "a file":
        (tmp_path / "place").write_text("not a folder")
    elif kind == "no home":
        monkeypatch.delenv("MADI_CACHE")
        monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
        monkeypatch.setattr("pathlib.Path.home", lambda: (_ for _ in ()).throw(RuntimeError("no home")))
    else:
        monkeypatch.setattr(os, "access", lambda *arguments: False)
    before = {name: getattr(jax.config, name) for name in SETTINGS}
    with compilation.cached_compilation():
        inside = jax.config.jax_compilation_cache_dir
        assert np.array(jax.jit(lambda x: x + 1)(1.0)) == 2
    assert inside is None
    assert {name: getattr(jax.config, name) for name in SETTINGS} == before


def test_settings_come_back_after_an_error(tmp_path, monkeypatch):
    monkeypatch.setenv("MADI_CACHE", str(tmp_path))
    before = {name: getattr(jax.config, name) for name in SETTINGS}

    def fail():
        with compilation.cached_compilation():
            assert jax.config.jax_compilation_cache_dir.startswith(str(tmp_path))
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match=r"^stop$"):
        fail()
    assert {name: getattr(jax.config, name) for name in SETTINGS} == before


def test_nothing_at_all_is_compiled_on_a_second_fit():
    """JAX's own count: it knows also of what is compiled outside the two loops, such as a slice of a result."""
    seen: list[str] = []

    def listen(name, seconds, **facts):
        seen.append(name)

    x = np.random.default_rng(0).random((230, 4), dtype=np.float32)
    own = Trainer(Sequential(Dense(5), Dropout(0.2), Dense(3)), optimizer="adam", metrics=["accuracy"], engine="jax")
    fit = lambda: own.fit((x, np.arange(230) % 3), validation=(x[:50], np.arange(50) % 3), epochs=2, verbose=0)  # noqa: E731
    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        fit()
        assert any("backend_compile" in name for name in seen)
        seen.clear()
        fit()
        assert not [name for name in seen if "backend_compile" in name]
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)
