"""Runs as they are found in a folder: whole, running, stopped and broken ones."""

from __future__ import annotations

import json
import os
import platform
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from madi.config import TrainConfig
from madi.layers import Dense, Sequential
from madi.studio import records
from madi.studio.records import BROKEN, FINISHED, INTERRUPTED, RATE, RUNNING, UNFINISHED, Record, Records
from madi.training import Checkpoints, Trainer

RESULTS = {"epochs": 2, "seconds": 0.5, "interrupted": False, "test": {"loss": 0.25, "accuracy": 0.75}}


def run(folder: Path, name: str, *, results: Any = RESULTS, model: bool = True) -> Path:
    """A run as it is written, its model a mere file."""
    path = folder / name
    path.mkdir(parents=True)
    (path / "config.toml").write_text(TrainConfig(epochs=2).to_toml(), encoding="utf-8")
    if results is not None:
        text = results if isinstance(results, str) else json.dumps(results)
        (path / "results.json").write_text(text, encoding="utf-8")
    if model:
        (path / "model.safetensors").write_bytes(b"")
    return path


def aged(path: Path, seconds: int) -> None:
    """Let all files of a run be that old."""
    for file in path.iterdir():
        os.utime(file, (seconds, seconds))


def states(folder: Path) -> dict[str, str]:
    return {record.name: record.state for record in Records(folder).find()}


def test_runs_are_found_newest_first_wherever_they_lie(tmp_path: Path) -> None:
    names = ("old", "digits/deep/one", "새 실행")
    for name in (*names, ".hidden/run", "too/deep/to/be/found", "old/checkpoints/inner"):  # the last within a run
        run(tmp_path, name)
    for age, name in enumerate(names, start=1):
        aged(tmp_path / name, 1000 * age)
    (tmp_path / "drawings" / "7").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "old")
    found = Records(tmp_path).find()
    assert [record.name for record in found] == ["새 실행", "digits/deep/one", "old"]
    assert [record.changed for record in found] == [3000, 2000, 1000]


def test_what_a_run_says_is_read(tmp_path: Path) -> None:
    run(tmp_path, "one")
    (tmp_path / "one" / "report.html").write_text("<p>", encoding="utf-8")
    (record,) = Records(tmp_path).find()
    assert record.state == FINISHED
    assert record.config["epochs"] == 2
    assert (record.model, record.report, record.problem) == (True, True, "")
    assert record.measured("test", "accuracy") == 0.75
    assert record.measured("test", "f1") is None
    assert record.measured("training", "accuracy") is None
    assert record.metrics() == ["loss", "accuracy"]


def test_what_is_none_of_madi_is_no_run(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "notes.txt").write_text("hello", encoding="utf-8")
    (tmp_path / "config.toml").write_text("", encoding="utf-8")  # the folder itself
    assert Records(tmp_path).find() == []
    assert Records(tmp_path / "missing").find() == []


def test_a_run_that_did_not_end_in_order_says_so(tmp_path: Path) -> None:
    run(tmp_path, "stopped", results={**RESULTS, "interrupted": True})
    run(tmp_path, "killed", results=None, model=False)
    rates = run(tmp_path, "rates", results=None, model=False)
    (rates / "learning_rate.json").write_text("{}", encoding="utf-8")
    (tmp_path / "saved").mkdir()
    (tmp_path / "saved" / "model.safetensors").write_bytes(b"")
    expected = {"stopped": INTERRUPTED, "killed": UNFINISHED, "rates": RATE, "saved": FINISHED}
    assert states(tmp_path) == expected


@pytest.mark.parametrize(
    ("process", "host", "state"),
    [
        ("own", "here", RUNNING),
        (2**22 + 7, "here", UNFINISHED),  # above the largest number of a process
        ("own", "elsewhere", UNFINISHED),
        (-1, "here", UNFINISHED),
        ("x", "here", UNFINISHED),
    ],
)
def test_a_run_whose_process_is_there_is_running(tmp_path: Path, process: Any, host: str, state: str) -> None:
    path = run(tmp_path, "one", results=None, model=False)
    (path / "checkpoints").mkdir()
    lock = {"process": os.getpid() if process == "own" else process}
    lock["host"] = platform.node() if host == "here" else host
    (path / "checkpoints" / "lock").write_text(json.dumps(lock), encoding="utf-8")
    assert states(tmp_path) == {"one": state}


@pytest.mark.parametrize(
    ("results", "problem"),
    [
        ('{"epochs": 2,', "results.json: is not JSON"),
        ("[1]", "results.json: expected an object, got list"),
        ('{"a":' * 100_000, "results.json: is not JSON"),
    ],
)
def test_broken_results_are_told_without_the_path(tmp_path: Path, results: str, problem: str) -> None:
    run(tmp_path, "one", results=results)
    (record,) = Records(tmp_path).find()
    assert record.state == BROKEN
    assert problem in record.problem
    assert str(tmp_path) not in record.problem
    assert record.config["epochs"] == 2  # what can be read is there


def test_other_ways_to_be_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(tmp_path, "lost", model=False)
    (run(tmp_path, "config") / "config.toml").write_text("epochs = = 2", encoding="utf-8")
    run(tmp_path, "large", results={**RESULTS, "more": "x" * 5000})
    monkeypatch.setattr(records, "LARGEST", 3000)
    found = {record.name: record.problem for record in Records(tmp_path).find() if record.state == BROKEN}
    assert set(found) == {"lost", "config", "large"}
    assert "model.safetensors is missing" in found["lost"]
    assert "config.toml: not TOML" in found["config"]
    assert "results.json: larger than 3,000 bytes" in found["large"]


def test_a_run_is_read_again_only_when_it_has_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = run(tmp_path, "one", results={**RESULTS, "interrupted": True})
    run(tmp_path, "two")
    found = Records(tmp_path)
    before = found.find()
    read: list[str] = []
    original = records._read
    monkeypatch.setattr(records, "_read", lambda *given: read.append(given[1].name) or original(*given))
    assert found.find() == before
    assert read == []
    (one / "results.json").write_text(json.dumps(RESULTS), encoding="utf-8")
    assert {record.name: record.state for record in found.find()} == {"one": FINISHED, "two": FINISHED}
    assert read == ["one"]
    run(tmp_path, "three")
    assert len(found.find()) == 3


def test_runs_are_known_by_name(tmp_path: Path) -> None:
    run(tmp_path, "a/one")
    found = Records(tmp_path)
    record = found.named("a/one")
    assert isinstance(record, Record)
    assert record.path == tmp_path / "a" / "one"
    assert found.named("../one") is None


def test_the_history_of_a_run_and_of_one_that_is_not_ended(tmp_path: Path) -> None:
    x = np.random.default_rng(0).random((20, 3), np.float32)
    trainer = Trainer(Sequential(Dense(2)), engine="numpy")
    path = run(tmp_path, "one", results=None, model=False)
    kept = Checkpoints(path / "checkpoints", every=0)
    trainer.fit((x, (x[:, 0] > 0.5).astype(int)), epochs=3, verbose=0, checkpoints=kept)
    (record,) = Records(tmp_path).find()
    rows = record.history()
    assert [row["epoch"] for row in rows] == [1, 2, 3]
    trainer.history.to_json(path / "history.jsonl")
    assert record.history() == rows
    assert Record("none", tmp_path / "none", UNFINISHED).history() == []
