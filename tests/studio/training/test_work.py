"""Trainings in threads: paused, by single steps, ended, one at a time; and the folder is that of `madi train`."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from madi.cli.running import run
from madi.errors import ConfigurationError
from madi.layers import load
from madi.studio.training.script import as_python
from madi.studio.training.settings import asked, defaults, short_toml
from madi.studio.training.work import ENDED, FAILED, STOPPED, Training, Trainings
from madi.studio.workplace import Workplace
from tests.studio.conftest import SECONDS

FEW = {"epochs": "3", "batch": "40"}


@pytest.fixture
def workplace(tmp_path: Path) -> Workplace:
    folder = tmp_path / "runs"
    folder.mkdir()
    return Workplace(folder)


@pytest.fixture
def trainings(workplace: Workplace) -> Iterator[Trainings]:
    made = Trainings(workplace.folder)
    yield made
    made.end()


def config_of(workplace: Workplace, **values: str) -> Any:
    given = {"data": "planar", **defaults(values.get("data", "planar"), (2,)), **FEW, **values}
    found = asked(given, workplace)
    assert found.config is not None, found.errors
    return replace(found.config, report=False)  # it takes longer than all the rest


def wait(condition: Callable[[], Any], seconds: float = SECONDS) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it does not come about"
        time.sleep(0.01)


def ended(training: Training) -> Training:
    training.thread.join(SECONDS)
    assert not training.is_open
    return training


def weights(path: Path) -> dict[str, np.ndarray]:
    return {name: parameter.value for name, parameter in load(path).parameters().items()}


def table(workplace: Workplace) -> dict[str, str]:
    """A small table of numbers with numbers to predict."""
    rng = np.random.default_rng(0)
    rows = [f"{a:.3f},{b:.3f},{a - 2 * b:.3f}" for a, b in rng.normal(size=(120, 2))]
    (workplace.folder / "small.csv").write_text("\n".join(["a,b,c", *rows]) + "\n")
    return {"data": "file:small.csv", "target": "c", "network": "mlp", "hidden": "6", "activation": "tanh"}


CASES = {
    "points": {"layers": "Dense(5, initializer=Xavier())\nTanh\nDense(outputs)"},
    "other settings": {"optimizer": "momentum", "schedule": "warmup", "loss": "mean_squared_error", "decay": "0.01"},
    "gate": {"data": "XOR", "batch": "4"},
    "table": {},
}


@pytest.mark.parametrize("case", CASES)
def test_the_program_and_the_configuration_come_to_the_very_weights(
    case: str, workplace: Workplace, trainings: Trainings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = table(workplace) if case == "table" else CASES[case]
    training = ended(trainings.start(config_of(workplace, **values)))
    assert (training.status, training.error) == (ENDED, "")
    job = training.job
    assert job is not None
    expected = weights(training.place / "model.safetensors")

    monkeypatch.chdir(tmp_path)
    outputs, classes = job.trainer.model.output_shape()[-1], len(job.data.classes)
    exec(
        compile(as_python(job.config, outputs=outputs, shape=job.data.train.x.shape[1:], classes=classes), "a", "exec")
    )
    Path("config.toml").write_text(short_toml(job.config))
    assert run(["train", "--config", "config.toml", "--output", "again", "--quiet"]) == 0
    for found in (weights(Path("model.safetensors")), weights(Path("again/model.safetensors"))):
        assert all(np.array_equal(found[name], value) for name, value in expected.items())
        assert len(found) == len(expected)
    assert run(["evaluate", str(training.place), *(["--part", "train"] if case == "gate" else [])]) == 0
    names = {path.name for path in training.place.iterdir()}
    assert {"config.toml", "model.safetensors", "history.jsonl", "results.json", "curves.png"} <= names


def test_it_pauses_goes_by_single_steps_and_on(workplace: Workplace, trainings: Trainings) -> None:
    training = trainings.start(config_of(workplace), paused=True)
    wait(lambda: training.resting)
    assert training.taken == 0
    for taken in (1, 2, 3):
        training.step()
        wait(lambda taken=taken: training.taken == taken and training.resting)
    watcher = training.watcher
    assert watcher is not None
    assert watcher.frames.steps()[:4] == [0, 1, 2, 3]
    before, after = (watcher.frames.at(step) for step in (2, 3))
    assert before is not None
    assert after is not None
    assert any((before.weights[path] != value).any() for path, value in after.weights.items())
    watcher.waited += 3600  # as if somebody had gone for lunch
    training.resume()
    wait(lambda: not training.is_open)
    assert (training.status, training.taken) == (ENDED, training.steps)
    straight = ended(trainings.start(config_of(workplace)))
    names = (training.place, straight.place)
    first, second = (weights(place / "model.safetensors") for place in names)
    assert all(np.array_equal(value, second[name]) for name, value in first.items())
    assert json.loads((training.place / "results.json").read_text())["seconds"] < 0, "a pause is no training"


def test_what_is_stopped_keeps_what_was_learned_and_goes_on_by_the_command_line(
    workplace: Workplace, trainings: Trainings
) -> None:
    training = trainings.start(config_of(workplace), paused=True)
    training.pause()
    wait(lambda: training.resting)
    training.step()
    wait(lambda: training.taken == 1)
    with pytest.raises(ConfigurationError, match=r"is being trained\. Stop it first"):
        trainings.start(config_of(workplace))
    training.end()
    ended(training)
    assert (training.status, trainings.current()) == (STOPPED, None)
    assert json.loads((training.place / "results.json").read_text())["interrupted"] is True
    assert run(["train", "--resume", str(training.place), "--quiet"]) == 0
    straight = ended(trainings.start(config_of(workplace)))
    first, second = (weights(place / "model.safetensors") for place in (training.place, straight.place))
    assert all(np.array_equal(value, second[name]) for name, value in first.items())


def test_what_fails_says_why_and_the_next_one_can_begin(workplace: Workplace, trainings: Trainings) -> None:
    (workplace.folder / "bad.csv").write_text("a,b\n1,x\n2,x\n3,x\n")
    bad = ended(trainings.start(config_of(workplace, data="file:bad.csv", target="b")))
    assert bad.status == FAILED
    assert bad.error.startswith("target column 'b': expected at least two classes")
    assert not bad.place.exists()
    wild = ended(
        trainings.start(
            config_of(workplace, rate="1e30", optimizer="sgd", layers="Dense(outputs)", loss="mean_squared_error")
        )
    )
    assert wild.status == FAILED
    assert wild.error.startswith("Training diverged in step")
    assert ended(trainings.start(config_of(workplace))).status == ENDED


def test_only_the_last_few_are_kept(workplace: Workplace, trainings: Trainings) -> None:
    names = []
    for _ in range(6):
        training = trainings.start(config_of(workplace, epochs="1"), paused=True)
        training.end()
        names.append(ended(training).name)
    assert [trainings.named(name) is not None for name in names] == [False, False, True, True, True, True]
