"""The files of a folder: which are kept, which are read, what a damaged one does."""

import json
import re

import numpy as np
import pytest

from madi.errors import ConfigurationError, FileError
from madi.layers import tensor_file
from madi.training import Checkpoints
from madi.training.checkpoints import clear, folder, newest

from ..common import points
from .common import FIT, assert_same_bits, fitted, killed, often, plain, resumed


@pytest.fixture(autouse=True)
def calls_of_one_step(monkeypatch):
    """So that there are many checkpoints."""
    monkeypatch.setattr("madi.training.run.SECONDS_PER_CALL", 0)


def names(path):
    return sorted(entry.name for entry in path.iterdir())


def damage(path):
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def test_the_last_two_are_kept(tmp_path):
    assert killed(plain, tmp_path, 7)
    kept = ["checkpoint-000006.safetensors", "checkpoint-000007.safetensors", "lock"]
    assert names(tmp_path) == kept
    assert newest(tmp_path).path.name == kept[1]
    resumed(plain, tmp_path, epochs=FIT["epochs"])
    assert len(names(tmp_path)) == 3


def test_what_one_says(tmp_path):
    assert killed(plain, tmp_path, 7)
    found = newest(tmp_path)
    assert (found.epoch, found.last_epoch, found.finished, found.about) == (1, 4, False, None)
    own = plain()
    about = {"dataset": "points", "rates": [0.1, None]}
    own.fit(points(24), checkpoints=Checkpoints(tmp_path / "b", about=about), **FIT)
    found = newest(tmp_path / "b")
    assert (found.epoch, found.last_epoch, found.finished, found.about) == (4, 4, True, about)
    assert newest(tmp_path / "c") is None


def test_files_are_safetensors_of_arrays_by_name(tmp_path):
    assert killed(plain, tmp_path, 7)
    header = tensor_file.read_header(newest(tmp_path).path)
    assert header.tensors["weights/state/parameters/0.weight"] == ("F32", (6, 8))
    assert header.tensors["trainer/history/steps/loss"] == ("F64", (6,))
    assert header.metadata["madi.format"] == "madi-checkpoint"


def test_a_damaged_newest_one_falls_back_on_the_one_before(tmp_path):
    assert killed(plain, tmp_path, 7)
    damage(tmp_path / "checkpoint-000007.safetensors")
    found = resumed(plain, tmp_path)
    notice = found.history.notices.pop()
    assert notice == (
        f"{tmp_path}/checkpoint-000007.safetensors: corrupt: its bytes do not have the checksum that it was written "
        "with. The checkpoint before it is taken."
    )
    assert_same_bits(found, fitted(plain))
    assert all(int(number) > 8 for number in folder.paths(tmp_path))  # no name twice


def test_nothing_whole_is_left(tmp_path):
    assert killed(plain, tmp_path, 7)
    for path in folder.paths(tmp_path).values():
        damage(path)
    with pytest.raises(FileError, match=(
        r"checkpoint-000007\.safetensors: corrupt: .* No other checkpoint of .* can be read\. "
        r"Remove them to start anew\.$"
    )):  # fmt: skip
        resumed(plain, tmp_path)
    clear(tmp_path)
    assert names(tmp_path) == ["lock"]
    assert_same_bits(resumed(plain, tmp_path), fitted(plain))


def changed(path, **metadata):
    """The checkpoint with other metadata, whole."""
    before, arrays = tensor_file.read_checked(path)
    del before[tensor_file.CHECKSUM]
    tensor_file.write(path, arrays, {**before, **metadata}, checksum=True)


def test_one_of_a_newer_format_is_not_passed_over(tmp_path):
    assert killed(plain, tmp_path, 7)
    changed(newest(tmp_path).path, **{"madi.format_version": "2"})
    with pytest.raises(FileError, match=(
        r"000007\.safetensors: has format version 2, and this madi reads version 1 and older\. Update it: pip install"
    )):  # fmt: skip
        resumed(plain, tmp_path)


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        ({"madi.format": "madi-model"}, "no checkpoint of a training."),
        ({"madi.format_version": "one"}, "corrupt: its content cannot be read"),
        ({"madi.content": "{"}, "corrupt: its content cannot be read"),
        ({"madi.content": '{"dict": {"a": {"array": "missing"}}}'}, "corrupt: its content cannot be read"),
        ({"madi.content": '{"call": "os.system"}'}, "corrupt: its content cannot be read"),
        ({"madi.content": "3"}, "corrupt: its content cannot be read (ValueError('it has no entries'))."),
        ({"madi.content": '{"dict": {"about": 3}}'}, "corrupt: its content cannot be read (ValueError('it has no call"),
        ({"madi.content": "[" * 100_000}, "corrupt: its content cannot be read"),
    ],
)
def test_other_content(metadata, reason, tmp_path):
    assert killed(plain, tmp_path, 7)
    path = newest(tmp_path).path
    changed(path, **metadata)
    with pytest.raises(FileError, match=f"^{re.escape(f'{path}: {reason}')}"):
        folder.read(path)


def test_weights_that_the_model_has_not(tmp_path):
    assert killed(plain, tmp_path, 7)
    path = newest(tmp_path).path
    content = folder.read(path)
    content["weights"]["state"]["parameters"]["0.weight"] = np.zeros((2, 2), np.float32)
    folder.write(path, content)
    with pytest.raises(FileError, match=(
        r"corrupt: weights/state/parameters/0\.weight is no array of shape \(6, 8\) and float32\.$"
    )):  # fmt: skip
        resumed(plain, tmp_path)
    content["weights"]["state"]["parameters"].pop("0.weight")
    folder.write(path, content)
    with pytest.raises(FileError, match=r"corrupt: weights/state/parameters has other entries than the model needs\.$"):
        resumed(plain, tmp_path)


# ---- a folder that holds something already


def test_a_fit_that_has_not_ended_is_not_written_over(tmp_path):
    assert killed(plain, tmp_path, 7)
    before = names(tmp_path)
    with pytest.raises(ConfigurationError, match=(
        r"^checkpoints: .* holds those of a fit that has not ended, after epoch 1 of 4\. Pass resume=True to go on "
        r"from there, choose another folder, or remove them\.$"
    )):  # fmt: skip
        plain().fit(points(24), checkpoints=tmp_path, **FIT)
    assert names(tmp_path) == before


def test_one_that_has_ended_is_replaced_at_once(tmp_path):
    """So that a kill in the first seconds does not bring back the old result."""
    plain().fit(points(24), checkpoints=tmp_path, **FIT)
    assert newest(tmp_path).finished
    assert killed(plain, tmp_path, 1, epochs=2)
    assert (newest(tmp_path).epoch, newest(tmp_path).last_epoch) == (0, 2)
    assert len(folder.paths(tmp_path)) == 1
    assert_same_bits(resumed(plain, tmp_path, epochs=2), fitted(plain, epochs=2))


def test_a_further_fit_needs_a_folder_of_its_own(tmp_path):
    own = plain()
    own.fit(points(24), checkpoints=tmp_path, **FIT)
    with pytest.raises(ConfigurationError, match=(
        r"^checkpoints: .* holds a fit that has ended, after epoch 4, and the trainer is no longer before it\. Give a "
        r"further fit a folder of its own, or leave out resume to replace this one\.$"
    )):  # fmt: skip
        own.fit(points(24), checkpoints=tmp_path, resume=True, **FIT)


# ---- how often


def test_not_more_often_than_every_so_many_seconds(tmp_path, monkeypatch):
    now, written = [0.0], []
    monkeypatch.setattr("madi.training.checkpoints.keeping.time.monotonic", lambda: now[0])
    own = plain()
    train = own._engine(24, 4, 5).train

    def slow(*arguments):
        now[0] += 1.0
        written.append(len(folder.paths(tmp_path)))
        return train(*arguments)

    own._engines["numpy"].train = slow
    own.fit(points(24), checkpoints=Checkpoints(tmp_path, every=6), **FIT)
    assert written.index(1) == 6
    assert written.index(2) == 12
    assert max(folder.paths(tmp_path)) == 20 // 6 + 1  # and at the end


def test_a_large_one_takes_no_more_than_a_fiftieth_of_the_time(tmp_path, monkeypatch):
    now, times = [0.0], []
    monkeypatch.setattr("madi.training.checkpoints.keeping.time.monotonic", lambda: now[0])
    write = folder.write

    def slow(path, content):
        times.append(now[0])
        now[0] += 2.0
        write(path, content)

    own = plain()
    train = own._engine(24, 100, 5).train
    own._engines["numpy"].train = lambda *arguments: (now.__setitem__(0, now[0] + 1.0), train(*arguments))[1]
    monkeypatch.setattr(folder, "write", slow)
    own.fit(points(24), checkpoints=Checkpoints(tmp_path, every=3), **FIT | {"epochs": 50})
    assert times[:3] == [3.0, 105.0, 207.0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"folder": 3}, r"^checkpoints: expected a folder or madi\.training\.Checkpoints, got 3\.$"),
        ({"folder": ""}, r"^checkpoints: expected a folder"),
        ({"folder": "a", "every": -1}, r"^Checkpoints: every must be a finite number of at least 0, got -1\. "),
        ({"folder": "a", "about": {"a": object}}, r"^Checkpoints: about must be plain JSON values: "),
        ({"folder": "a", "about": float("nan")}, r"^Checkpoints: about must be plain JSON values: "),
    ],
)
def test_what_they_refuse(arguments, message):
    with pytest.raises(ConfigurationError, match=message):
        Checkpoints(**arguments)


def test_resuming_needs_a_folder():
    with pytest.raises(
        ConfigurationError, match=r"^fit: resume=True needs the folder to go on from\. Pass checkpoints="
    ):
        plain().fit(points(24), resume=True, **FIT)


def test_json_has_no_bare_nan(tmp_path):
    """Even where a metric has none but NaN."""
    own = plain()
    own.history.epochs.append({"epoch": 0, "loss": float("nan")})
    own.fit(points(24), checkpoints=often(tmp_path), **FIT)
    found = newest(tmp_path)
    text = tensor_file.read_header(found.path).metadata["madi.content"]
    json.loads(text, parse_constant=lambda name: pytest.fail(name))
    assert np.isnan(found.content["trainer"]["history"]["epochs"][0]["loss"])
