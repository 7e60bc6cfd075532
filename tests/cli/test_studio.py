"""madi studio on what is no folder to work in; the studio itself is tested in tests/studio and tests/web."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest


@pytest.mark.parametrize(
    ("folder", "reason"), [("file", "File exists"), ("file/below", "Not a directory"), ("~/file", "File exists")]
)
def test_no_folder_is_one_clear_line(madi, tmp_path, monkeypatch, folder, reason):
    (tmp_path / "file").touch()
    monkeypatch.setenv("HOME", str(tmp_path))
    result = madi("studio", folder, "--no-browser")
    place = Path(folder).expanduser()
    told = f"madi: {place}: cannot write to this folder ({reason}). Name another: madi studio FOLDER.\n"
    assert (result.code, result.out, result.err) == (2, "", told)


def test_the_folder_is_made_and_tilde_is_home(madi, tmp_path, monkeypatch):
    pytest.importorskip("nicegui")
    monkeypatch.setenv("HOME", str(tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = madi("studio", "~/new/runs", "--no-browser", "--port", port)
    assert (result.code, result.out, result.err.count("\n")) == (2, "", 1)
    assert result.err.startswith(f"madi: Port {port} of 127.0.0.1 cannot be listened on (Address already in use). ")
    assert (tmp_path / "new/runs").is_dir()
    assert not (tmp_path / "~").exists()
