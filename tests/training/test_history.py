"""The history: by epoch and by step, as plain values and as JSON lines; files that are none."""

import json
import math
import re

import pytest

from madi.errors import FileError
from madi.training import History

from .common import fit, points, trainer


def history():
    found = History()
    found.epochs = [{"epoch": 1, "loss": 0.5, "r_squared": math.nan}, {"epoch": 2, "loss": math.inf, "accuracy": 1.0}]
    found.add_steps({"loss": [0.75, 0.25]})
    found.add_steps({"loss": [math.nan], "accuracy": [1.0]})
    found.notices = ["stopped after epoch 2: 그만\u2028 해요", "two\nlines"]
    return found


def test_columns_and_names():
    found = history()
    assert found["loss"] == [0.5, math.inf]
    assert found["accuracy"] == [1.0]
    assert found["nothing"] == []
    assert found.names() == ["epoch", "loss", "r_squared", "accuracy"]
    assert len(found) == 2
    assert found.steps["loss"][:2] == [0.75, 0.25]


def test_to_dict():
    found = history()
    assert found.to_dict() == {"epochs": found.epochs, "steps": found.steps, "notices": found.notices}


def test_json_lines_and_back(tmp_path):
    """One epoch a line, then the steps; what JSON cannot hold becomes null, and NaN when it is read."""
    path = tmp_path / "기록 1.jsonl"
    history().to_json(path)
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").removesuffix("\n").split("\n")]
    assert lines == [
        {"epoch": 1, "loss": 0.5, "r_squared": None},
        {"epoch": 2, "loss": None, "accuracy": 1.0},
        {"steps": {"loss": [0.75, 0.25, None], "accuracy": [1.0]}, "notices": history().notices},
    ]
    found = History.from_json(path)
    assert math.isnan(found.epochs[0]["r_squared"])
    assert math.isnan(found["loss"][1])
    assert found.steps["loss"][:2] == [0.75, 0.25]
    assert math.isnan(found.steps["loss"][2])
    assert found.notices == history().notices
    again = tmp_path / "again.jsonl"
    found.to_json(again)
    assert again.read_bytes() == path.read_bytes()


def test_a_real_one_comes_back_as_it_was(tmp_path):
    found = fit(trainer(metrics=["accuracy"]), points(25), epochs=3, validation=0.2, batch_size=100)
    found.to_json(tmp_path / "history.jsonl")
    assert History.from_json(tmp_path / "history.jsonl").to_dict() == found.to_dict()


def test_the_entries_of_a_row():
    found = fit(trainer(metrics=["accuracy"]), points(25), epochs=2, validation=0.2)
    assert found.names() == [
        *("epoch", "loss", "accuracy", "validation_loss", "validation_accuracy", "learning_rate", "seconds")
    ]
    assert found["epoch"] == [1, 2]
    assert found["learning_rate"] == [0.001, 0.001]
    assert all(seconds > 0 for seconds in found["seconds"])
    assert {name: len(column) for name, column in found.steps.items()} == {"loss": 4, "accuracy": 4}


LAST = '{"steps": {"loss": [1.0]}, "notices": []}'
NO_ROW = "is no row of a history. Expected an object with 'epoch' and numbers, as History.to_json writes."
CUT_OFF = "the last line, with 'steps', is missing. The file is cut off; write it again."
WRONG = {
    "empty": ("", "line 1 is not JSON (Expecting value, column 1)."),
    "text": (f'{{"epoch": 1}}\nloss 0.5\n{LAST}\n', "line 2 is not JSON (Expecting value, column 1)."),
    "a line cut off": (
        '{"epoch": 1}\n{"steps": {"lo',
        "line 2 is not JSON (Unterminated string starting at, column 12).",
    ),
    "the last line missing": ('{"epoch": 1}\n{"epoch": 2}\n', CUT_OFF),
    "a list": (f"[1, 2]\n{LAST}\n", f"line 1 {NO_ROW}"),
    "another object": (f'{{"loss": 1}}\n{LAST}\n', f"line 1 {NO_ROW}"),
    "text for a number": (f'{{"epoch": 1, "loss": "low"}}\n{LAST}\n', f"line 1 {NO_ROW}"),
    "steps that are a list": ('{"epoch": 1}\n{"steps": [1, 2]}\n', f"line 2 {NO_ROW}"),
    "steps of text": ('{"epoch": 1}\n{"steps": {"loss": ["low"]}}\n', f"line 2 {NO_ROW}"),
    "notices that are text": ('{"epoch": 1}\n{"steps": {}, "notices": "none"}\n', f"line 2 {NO_ROW}"),
}


@pytest.mark.parametrize("case", WRONG)
def test_files_that_are_no_history(case, tmp_path):
    content, message = WRONG[case]
    path = tmp_path / "history.jsonl"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(FileError, match=f"^{re.escape(f'{path}: {message}')}$"):
        History.from_json(path)


def test_files_that_cannot_be_read_or_written(tmp_path):
    missing = tmp_path / "missing" / "history.jsonl"
    with pytest.raises(
        FileError, match=f"^{re.escape(str(missing))}: cannot read the history \\(No such file or direct"
    ):
        History.from_json(missing)
    with pytest.raises(
        FileError, match=f"^{re.escape(str(missing))}: cannot write the history \\(No such file or direc"
    ):
        history().to_json(missing)
    image = tmp_path / "image.png"
    image.write_bytes(b"\x89PNG\xff\xfe")
    with pytest.raises(FileError, match=r"is no text, and so no history\. Give a file that History\.to_json wrote\.$"):
        History.from_json(image)
