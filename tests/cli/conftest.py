"""The command line as a function of its arguments, and one trained network for all tests."""

from dataclasses import dataclass

import pytest

from madi.cli.running import run


@dataclass
class Result:
    code: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    """Every test works in a folder of its own, and faults are logged there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr("pooch.os_cache", lambda name: tmp_path / "cache" / name)  # nothing downloaded is at hand
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("MADI_DATA", raising=False)


@pytest.fixture
def madi(capsys):
    """Run a command line: madi("train", "digits") -> Result."""

    def call(*arguments):
        capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        return Result(code, *capsys.readouterr())

    return call


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """The folder of a short run on digits."""
    folder = tmp_path_factory.mktemp("trained") / "run"
    options = ["--epochs", "2", "--hidden", "16", "--engine", "numpy", "--quiet"]
    assert run(["train", "digits", *options, "--output", str(folder)]) == 0
    return folder
