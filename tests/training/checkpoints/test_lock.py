"""One trainer a folder."""

import json
import os
import subprocess
import sys

import pytest

from madi.errors import ConfigurationError, FileError
from madi.training.checkpoints import clear, lock
from madi.training.checkpoints.lock import FolderLock

from ..common import points
from .common import FIT, fitted, often, plain, resumed

HOLDER = """
import sys
from pathlib import Path
from madi.training.checkpoints.lock import FolderLock
FolderLock(Path(sys.argv[1])).take()
print("taken", flush=True)
sys.stdin.read()
"""


def test_the_second_is_told_who_holds_it(tmp_path):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout.readline() == "taken\n"
    with pytest.raises(ConfigurationError, match=(
        rf"^checkpoints: {tmp_path} is in use by process {holder.pid} on {os.uname().nodename}, "
        r"since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\. Wait until it has ended, or choose another folder\.$"
    )):  # fmt: skip
        plain().fit(points(24), checkpoints=tmp_path, **FIT)
    holder.kill()  # the system takes the lock back
    holder.communicate()
    assert resumed(plain, tmp_path).epoch == 4


def test_within_one_process(tmp_path):
    one, two = FolderLock(tmp_path), FolderLock(tmp_path)
    one.take()
    assert one.locked
    with pytest.raises(ConfigurationError, match=f"is in use by process {os.getpid()} on "):
        two.take()
    assert not two.locked
    one.give_back()
    two.take()
    two.give_back()
    two.give_back()
    assert json.loads((tmp_path / lock.NAME).read_text())["process"] == os.getpid()


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", "{"])
def test_a_holder_that_could_not_say_who_it_is(text, tmp_path):
    one = FolderLock(tmp_path)
    one.take()
    (tmp_path / lock.NAME).write_text(text)
    with pytest.raises(ConfigurationError, match=r"is in use by another process\. "):
        FolderLock(tmp_path).take()
    one.give_back()


def test_what_a_fit_is_writing_is_not_cleared(tmp_path):
    fitted(plain, checkpoints=tmp_path)
    one = FolderLock(tmp_path)
    one.take()
    with pytest.raises(ConfigurationError, match=" is in use by process "):
        clear(tmp_path)
    assert len(list(tmp_path.glob("*.safetensors"))) == 1
    one.give_back()
    clear(tmp_path)
    assert not list(tmp_path.glob("*.safetensors"))
    clear(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()


def test_it_is_given_back_however_the_fit_ends(tmp_path):
    def fail(epoch, values):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        plain().fit(points(24), checkpoints=often(tmp_path), callbacks=[fail], **FIT)
    assert resumed(plain, tmp_path).epoch == 4


def test_no_other_process_inherits_it(tmp_path):
    one = FolderLock(tmp_path)
    one.take()
    child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    one._close()  # as if this process had died
    two = FolderLock(tmp_path)
    two.take()
    two.give_back()
    child.communicate()


@pytest.mark.parametrize("without", ["no fcntl", "no locks"])
def test_where_the_system_has_no_locks_the_history_says_so(without, tmp_path, monkeypatch):
    if without == "no fcntl":
        monkeypatch.setattr(lock, "fcntl", None)
    else:

        def refuse(descriptor, operation):
            raise OSError(37, "No locks available")

        monkeypatch.setattr(lock.fcntl, "flock", refuse)
    found = fitted(plain, checkpoints=tmp_path)
    assert found.history.notices == [
        f"this system cannot lock {tmp_path}: see to it yourself that no other trainer writes to it"
    ]


def test_a_folder_that_cannot_be_made_or_written(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(FileError, match=(
        r"^checkpoints: cannot make the folder .*/file/checkpoints \(Not a directory\)\. Choose another\.$"
    )):  # fmt: skip
        fitted(plain, checkpoints=tmp_path / "file" / "checkpoints")
    with pytest.raises(FileError, match=r"^checkpoints: cannot make the folder .*/file \(File exists\)"):
        fitted(plain, checkpoints=tmp_path / "file")
    (tmp_path / "held" / "lock").mkdir(parents=True)
    with pytest.raises(FileError, match=r"^checkpoints: cannot write to .*/held \(Is a directory\)\. Choose"):
        fitted(plain, checkpoints=tmp_path / "held")
