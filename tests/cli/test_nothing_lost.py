"""What goes wrong on the command line costs no work: full disks, wrong options beside --overwrite, odd files."""

import contextlib
import json
import resource

import numpy as np
import polars as pl
import pytest

from madi.files import TEMPORARY
from madi.layers import load, read_metadata, save
from madi.runs.folder import CHECKPOINTS

QUICK = ("--target", "y", "--engine", "numpy", "--epochs", "2", "--hidden", "4")


@pytest.fixture
def table(tmp_path):
    """Few numbers, and a class that has nothing to do with them."""
    rng = np.random.default_rng(0)
    columns = {"a": rng.normal(size=60), "y": rng.choice(["no", "yes"], 60)}
    pl.DataFrame(columns).write_csv(tmp_path / "data.csv")
    return tmp_path / "data.csv"


@contextlib.contextmanager
def room_for(size):
    """Within the block no file grows beyond so many bytes: the system refuses in the middle of a write."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def files_of(folder):
    """The bytes of all files of a run; the lock tells who held it last."""
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != "lock"}


@pytest.mark.parametrize(
    "mistake", [("--target", "z"), ("--class-weight", "maybe:2"), ("--types", "a:boolean"), ("--layers", "Dense(x)")]
)
def test_a_mistake_beside_overwrite_leaves_the_old_run(madi, table, tmp_path, mistake):
    assert madi("train", table, *QUICK, "--output", "run").code == 0
    before = files_of(tmp_path / "run")
    assert madi("train", table, *QUICK, *mistake, "--output", "run", "--overwrite").code == 2
    assert files_of(tmp_path / "run") == before
    assert madi("train", "--resume", "run").code == 0


def test_no_room_for_the_configuration(madi, table, tmp_path):
    with room_for(100):
        result = madi("train", table, *QUICK, "--output", "run")
    told = "madi: run: cannot write to this folder (File too large). Choose another folder with --output.\n"
    assert (result.code, result.err) == (2, told)
    assert not (tmp_path / "run").exists()


def test_no_room_for_the_model(madi, table, tmp_path):
    """The earlier one stays, whole."""
    assert madi("train", table, *QUICK, "--output", "run").code == 0
    before = (tmp_path / "run/model.safetensors").read_bytes()
    with room_for(1000):
        result = madi("train", table, *QUICK, "--output", "run", "--overwrite")
    assert (result.code, "Cannot write run/model.safetensors: File too large." in result.err) == (2, True)
    assert (tmp_path / "run/model.safetensors").read_bytes() == before
    assert {path.name for path in (tmp_path / "run" / CHECKPOINTS).iterdir()} == {"lock"}


def test_no_room_after_the_last_checkpoint(madi, table, tmp_path, monkeypatch):
    """What was learned is there, and the message says how to get it."""
    with monkeypatch.context() as patch, room_for(20_000):
        patch.setattr("madi.training.History.plot", lambda _: Drawing())
        result = madi("train", table, *QUICK, "--output", "run")
    assert result.code == 2
    assert result.err.endswith(
        "madi: run: cannot write to this folder (File too large). Free some space, or choose another folder with "
        "--output. What was learned is in its checkpoints; afterwards: madi train --resume run.\n"
    )
    assert madi("train", "--resume", "run").code == 0
    assert {"curves.png", "results.json", "report.html"} <= {path.name for path in (tmp_path / "run").iterdir()}


class Drawing:
    """A figure of more bytes than there is room for."""

    def savefig(self, path, **_):
        path.write_bytes(bytes(30_000))


def test_no_room_for_answers_and_reports(madi, table, tmp_path):
    assert madi("train", table, *QUICK, "--output", "run").code == 0
    (tmp_path / "out.csv").write_text("of yesterday")
    with room_for(500):
        predicted = madi("predict", "run", table, "--output", "out.csv")
        evaluated = madi("evaluate", "run", table, "--report", "page.html")
    assert (predicted.code, predicted.err) == (
        2, "madi: out.csv: cannot be written (File too large). Choose another file.\n",
    )  # fmt: skip
    assert (evaluated.code, evaluated.err) == (
        2, "madi: page.html: cannot write the report (File too large). Choose another folder.\n",
    )  # fmt: skip
    assert (tmp_path / "out.csv").read_text() == "of yesterday"
    assert not list(tmp_path.glob("*.html")) + list(tmp_path.glob(TEMPORARY))


def test_results_hold_no_bare_nan(madi, table, tmp_path, monkeypatch):
    measured = {"loss": float("inf"), "accuracy": float("nan")}
    monkeypatch.setattr("madi.training.Trainer.evaluate", lambda *_: measured)
    assert madi("train", table, *QUICK, "--no-report", "--output", "run").code == 0
    text = (tmp_path / "run/results.json").read_text()
    found = json.loads(text, parse_constant=lambda word: pytest.fail(f"a bare {word}"))
    assert found["test"] == {"loss": None, "accuracy": None}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"kind": "os.system"}, "Unknown preparation 'os.system'"),
        ({"columns": "?"}, "The preparation in the file cannot be read"),
    ],
)
def test_what_a_model_says_of_raw_rows_is_not_believed(madi, table, tmp_path, change, told):
    assert madi("train", table, *QUICK, "--output", "run").code == 0
    extra = read_metadata(tmp_path / "run/model.safetensors").extra
    changed = {**extra, "preparation": {**extra["preparation"], **change}}
    save(load(tmp_path / "run/model.safetensors"), tmp_path / "odd.safetensors", extra=changed)
    result = madi("predict", "odd.safetensors", table)
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert result.err.startswith(f"madi: odd.safetensors: {told}")
