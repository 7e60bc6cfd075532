"""Files that are written whole or not at all; what else may go wrong is tested where they are written."""

from __future__ import annotations

from pathlib import Path

import pytest

from madi.files import remove_unfinished, replace, replace_text


def test_the_new_content_takes_the_place_of_the_old(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    for parts in ([b"one", b"", bytes([0, 255])], [b"two"]):
        replace(path, parts)
        assert path.read_bytes() == b"".join(parts)
    assert list(tmp_path.iterdir()) == [path]


def test_text_keeps_its_line_ends(tmp_path: Path) -> None:
    replace_text(tmp_path / "a.csv", "하나\r\ntwo\n")
    assert (tmp_path / "a.csv").read_bytes() == "하나\r\ntwo\n".encode()


def test_what_fails_on_the_way_leaves_the_old_content(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    replace_text(path, "old")

    def parts():
        yield b"new"
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        replace(path, parts())
    with pytest.raises(UnicodeEncodeError):
        replace_text(path, "\ud800")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere/file")
    replace_text(tmp_path / "link", "text")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "elsewhere/file").read_text() == "text"


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        replace_text(tmp_path / "nowhere/file", "text")


def test_unfinished_files_are_removed(tmp_path: Path) -> None:
    for name in (".madi-0123456789abcdef.tmp", "other.tmp", "a.safetensors"):
        (tmp_path / name).touch()
    remove_unfinished(tmp_path)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["a.safetensors", "other.tmp"]
