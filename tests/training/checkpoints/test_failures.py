"""Checkpoints that cannot be written: the old one stays whole, the fit goes on, and says so once."""

import errno
import os
import shutil
import subprocess
import sys

import pytest

from madi.errors import ConfigurationError
from madi.files import TEMPORARY
from madi.training import Callback
from madi.training.checkpoints import folder, newest

from ..common import points
from .common import FIT, assert_same_bits, fitted, often, plain, resumed, without_seconds


@pytest.fixture(autouse=True)
def calls_of_one_step(monkeypatch):
    """So that there are many checkpoints."""
    monkeypatch.setattr("madi.training.run.SECONDS_PER_CALL", 0)


class After(Callback):
    """Does something after the first epoch."""

    def __init__(self, change):
        self.change = change

    def on_epoch_end(self, trainer, epoch, values):
        if epoch == 1:
            self.change()


def trained(path, change, **options):
    """A fit that `change` befalls, and the same without checkpoints."""
    own, expected = plain(), fitted(plain, **options)
    own.fit(points(24), checkpoints=often(path), callbacks=[After(change)], **FIT | options)
    return own, expected


def assert_told(own, expected, path, reason, *, last):
    """Once when it began and once at the end, and nothing else is different."""
    notices = own.history.notices
    assert notices == [
        f"no checkpoint could be written to {path} ({reason}); the last one is {last}, and the fit goes on",
        f"the checkpoint of the end could not be written to {path} ({reason}); the last one is {last}",
    ]
    notices.clear()
    assert without_seconds(own.history) == without_seconds(expected.history)


@pytest.mark.parametrize("call", ["fsync", "replace", "write"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EIO])
def test_a_call_that_fails_from_some_moment_on(call, number, tmp_path, monkeypatch):
    reason = os.strerror(number)

    def fail(*arguments, **options):
        raise OSError(number, reason)

    def half(path, parts):
        path.write_bytes(next(iter(parts))[:100])
        fail()

    def break_it():
        if call == "write":
            monkeypatch.setattr("madi.files._write_all", half)
        else:
            monkeypatch.setattr(os, call, fail)

    own, expected = trained(tmp_path, break_it)
    monkeypatch.undo()
    monkeypatch.setattr("madi.training.run.SECONDS_PER_CALL", 0)
    assert_told(own, expected, tmp_path, reason, last="checkpoint-000005.safetensors")
    assert not list(tmp_path.glob(TEMPORARY))
    assert list(folder.paths(tmp_path)) == [4, 5]
    assert_same_bits(resumed(plain, tmp_path, callbacks=[After(lambda: None)]), expected)


def test_a_disk_that_has_room_again(tmp_path, monkeypatch):
    """One notice of the failure, and none at the end."""
    fsync, failed = os.fsync, []

    def full(descriptor):
        if len(failed) < 3:
            failed.append(descriptor)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fsync(descriptor)

    own, _ = trained(tmp_path, lambda: monkeypatch.setattr(os, "fsync", full))
    assert [text.split(" (")[0] for text in own.history.notices] == [f"no checkpoint could be written to {tmp_path}"]
    assert newest(tmp_path).finished


def test_a_folder_that_is_removed(tmp_path):
    path = tmp_path / "checkpoints"
    own, expected = trained(path, lambda: shutil.rmtree(path))
    last = "checkpoint-000005.safetensors"
    assert_told(own, expected, path, "No such file or directory", last=last)


def test_a_file_in_place_of_the_folder(tmp_path):
    path = tmp_path / "checkpoints"

    def replace():
        shutil.rmtree(path)
        path.touch()

    own, expected = trained(path, replace)
    assert_told(own, expected, path, "Not a directory", last="checkpoint-000005.safetensors")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_is_made_read_only(tmp_path):
    own, expected = trained(tmp_path, lambda: tmp_path.chmod(0o500))
    tmp_path.chmod(0o700)
    assert_told(own, expected, tmp_path, "Permission denied", last="checkpoint-000005.safetensors")


def test_a_file_that_may_not_grow(tmp_path):
    """The system itself refuses in the middle of a write."""
    body = f"""
import resource, sys
import numpy as np
from madi import Trainer
from madi.layers import Dense
from madi.training import Checkpoints, run
run.SECONDS_PER_CALL = 0
own = Trainer(Dense(3), engine="numpy")
def shrink(epoch, values):
    if epoch == 2:
        resource.setrlimit(resource.RLIMIT_FSIZE, (500, resource.RLIM_INFINITY))
x, y = np.ones((20, 4), np.float32), np.zeros(20, int)
kept = Checkpoints({str(tmp_path)!r}, every=0)
own.fit((x, y), epochs=4, batch_size=5, verbose=0, callbacks=[shrink], checkpoints=kept)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print(own.epoch, len(own.history.notices), own.history.notices[0])
"""
    said = subprocess.run([sys.executable, "-c", body], capture_output=True, text=True, check=True)
    assert said.stdout == (
        f"4 2 no checkpoint could be written to {tmp_path} (File too large); the last one is "
        "checkpoint-000009.safetensors, and the fit goes on\n"
    )
    assert newest(tmp_path).epoch == 1
    assert sorted(path.name for path in tmp_path.iterdir())[-1] == "lock"
    assert len(list(tmp_path.iterdir())) == 3


def test_temporary_files_of_a_fit_that_was_killed_are_removed(tmp_path):
    (tmp_path / TEMPORARY.replace("*", "0" * 16)).write_bytes(b"half of a file")
    fitted(plain, checkpoints=tmp_path)
    assert not list(tmp_path.glob(TEMPORARY))


def test_a_callback_that_keeps_what_cannot_be_kept_is_told_before_training(tmp_path):
    class Keeping(Callback):
        def state(self):
            return {"model": object()}

    own = plain()
    with pytest.raises(
        ConfigurationError, match=r"^callbacks/0/state/model: <object object at .*> cannot be kept in a"
    ):
        own.fit(points(24), checkpoints=tmp_path, callbacks=[Keeping()], **FIT)
    assert own.step == 0
