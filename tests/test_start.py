"""start.py: installs once, installs again when the package has changed, and hands its arguments and exit codes on."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

START = Path(__file__).resolve().parent.parent / "start.py"


@pytest.fixture
def start(tmp_path, monkeypatch) -> ModuleType:
    """start.py at home in an empty folder, its commands recorded instead of run."""
    spec = importlib.util.spec_from_file_location("start", START)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name, path in [("ROOT", "."), ("VENV", ".venv"), ("PYTHON", ".venv/python"), ("STAMP", ".venv/stamp")]:
        monkeypatch.setattr(module, name, tmp_path / path)
    (tmp_path / "pyproject.toml").write_text("version = 1")
    (tmp_path / "CMakeLists.txt").write_text("")
    (tmp_path / "tools/editable").mkdir(parents=True)
    module.commands = []
    monkeypatch.setattr(module, "check", lambda command, message: record(module, command))
    monkeypatch.setattr(module, "run", lambda *arguments: module.commands.append(arguments) or 7)
    monkeypatch.chdir(tmp_path)
    return module


def record(module: ModuleType, command: list[str]) -> None:
    """Remember a command; making the environment leaves its Python."""
    module.commands.append("venv" if "venv" in command else command[-1].removeprefix(str(module.ROOT)))
    module.VENV.mkdir(exist_ok=True)
    module.PYTHON.touch()


def test_arguments_and_the_exit_code_are_handed_on(start):
    assert start.main(["train", "digits", "--epochs", "3"]) == 7
    assert start.commands == ["venv", "", ("-P", "-m", "madi", "train", "digits", "--epochs", "3")]


def test_the_second_call_only_runs(start):
    start.main(["train"])
    start.commands.clear()
    start.main(["train"])
    assert start.commands == [("-P", "-m", "madi", "train")]


def test_the_tests_bring_what_they_need_and_so_serve_madi_too(start):
    start.main(["train"])
    start.commands.clear()
    start.main(["test", "-x"])
    start.main(["train"])
    assert start.commands == ["[dev]", ("-m", "pytest", "-x"), ("-P", "-m", "madi", "train")]


def test_a_search_brings_what_it_needs_and_stays_beside_the_tests(start):
    start.main(["tune", "digits"])
    assert start.commands == ["venv", "[search]", ("-P", "-m", "madi", "tune", "digits")]
    start.main(["test"])
    start.commands.clear()
    for arguments in (["tune"], ["test"], ["train"]):
        start.main(arguments)
    assert [command[0] for command in start.commands] == ["-P", "-m", "-P"]  # nothing is installed again
    (start.ROOT / "pyproject.toml").write_text("version = 2")
    start.main(["tune"])
    start.main(["test"])
    assert [command for command in start.commands if isinstance(command, str)] == ["[search]", "[dev]"]


@pytest.mark.parametrize("changed", ["pyproject.toml", "native/deep/kernel.cc"])
def test_a_change_of_the_package_installs_again(start, changed):
    start.main(["train"])
    start.commands.clear()
    (start.ROOT / changed).parent.mkdir(parents=True, exist_ok=True)
    (start.ROOT / changed).write_text("version = 2")
    start.main(["train"])
    assert start.commands[0] == ""


def test_a_failed_install_is_tried_again(start, monkeypatch):
    with monkeypatch.context() as broken:
        broken.setattr(start, "check", lambda command, message: sys.exit(message))
        with pytest.raises(SystemExit, match="could not be made"):
            start.main(["train"])
    start.main(["train"])
    assert start.commands[:2] == ["venv", ""]


def test_a_failure_prints_what_the_command_said_and_one_clear_line(capfd):
    spec = importlib.util.spec_from_file_location("start", START)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with pytest.raises(SystemExit, match=r"\Ano such package\nmend it\Z"):
        module.check([sys.executable, "-c", "print('no such package'); raise SystemExit(3)"], "mend it")
    assert capfd.readouterr().out == ""


def test_an_old_python_is_told_what_is_needed(monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 9, 2))
    spec = importlib.util.spec_from_file_location("start", START)
    with pytest.raises(SystemExit, match=r"^madi needs Python 3\.11 or newer, but this is Python 3\.9 at "):
        spec.loader.exec_module(importlib.util.module_from_spec(spec))
