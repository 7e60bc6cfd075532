"""The folder of a run: what it is taken for, and what gives way to another run."""

import errno
import shlex
from pathlib import Path

import pytest

from madi.config import TrainConfig
from madi.errors import ConfigurationError, FileError
from madi.runs.folder import CHECKPOINTS, CONFIGURATION, JOURNAL, MODEL, SEARCH, RunFolder, expect_writable

CHECKPOINT = f"{CHECKPOINTS}/checkpoint-000001.safetensors"


def folder_with(path: Path, *names: str) -> RunFolder:
    """A folder with such files, all of them empty."""
    for name in names:
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).touch()
    return RunFolder(path, was_there=True)


@pytest.mark.parametrize(
    ("names", "command"),
    [
        ([CONFIGURATION, CHECKPOINT], "madi train --resume "),
        ([CONFIGURATION, SEARCH], "madi tune --resume "),
        ([CONFIGURATION, SEARCH, CHECKPOINT], "madi tune --resume "),  # of the search's last training
    ],
)
def test_the_command_that_goes_on(tmp_path, names, command):
    path = tmp_path / "my run"
    assert folder_with(path, *names).how_to_go_on() == command + shlex.quote(str(path))


def test_nothing_goes_on_where_nothing_has_begun(tmp_path):
    assert folder_with(tmp_path, CONFIGURATION, MODEL).how_to_go_on() is None
    assert RunFolder(tmp_path / "nothing", was_there=False).how_to_go_on() is None


@pytest.mark.parametrize(
    ("names", "held"),
    [
        ([MODEL], "holds a trained model already. Choose another folder, or add --overwrite."),
        ([CHECKPOINT], "holds a run that has not ended. Go on with it by madi train --resume {path}, choose another "),
        ([SEARCH], "holds a search already. Go on with it by madi tune --resume {path}, choose another "),
        ([SEARCH, MODEL], "holds a search already. Go on with it by madi tune --resume {path}, choose another "),
    ],
)
def test_what_is_held_is_not_written_over(tmp_path, names, held):
    path = tmp_path / "run"
    folder_with(path, *names)
    with pytest.raises(ConfigurationError) as refused:
        RunFolder.create(TrainConfig(), path)
    assert str(refused.value).startswith(f"--output {path}: {held.format(path=path)}")
    assert RunFolder.create(TrainConfig(), path, overwrite=True).path == path


def test_a_run_in_the_place_of_a_search_leaves_nothing_of_it_to_go_on_with(tmp_path):
    folder = folder_with(tmp_path, SEARCH, JOURNAL, CHECKPOINT)
    folder.begin(TrainConfig(epochs=3))
    assert not any(folder.file(name).exists() for name in (SEARCH, JOURNAL, CHECKPOINT))
    assert folder.how_to_go_on() is None
    assert TrainConfig.from_toml(folder.file(CONFIGURATION)).epochs == 3


def test_a_folder_that_can_be_written_to_is_made_and_left_empty(tmp_path):
    expect_writable(tmp_path / "new/one", "Name another.")
    assert list((tmp_path / "new/one").iterdir()) == []


def test_no_folder_and_one_that_is_shut_are_told(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "file/below"):
        with pytest.raises(FileError, match=r"cannot write to this folder \(.+\)\. Name another\.$") as refused:
            expect_writable(path, "Name another.")
        assert str(refused.value).startswith(f"{path}: ")

    def shut(**_):
        raise PermissionError(errno.EACCES, "Permission denied")  # as anybody but root is told

    monkeypatch.setattr("tempfile.TemporaryFile", shut)
    with pytest.raises(FileError, match=r"cannot write to this folder \(Permission denied\)\. Name another\.$"):
        expect_writable(tmp_path, "Name another.")
