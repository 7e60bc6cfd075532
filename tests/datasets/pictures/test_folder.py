"""Which files below a folder count."""

import inspect
import os
import sys

import pytest

from madi.datasets.pictures.folder import open_folder
from madi.datasets.pictures.opening import open_source
from madi.errors import FileError


def names(source):
    return ["/".join(entry.parts) for entry in source.entries]


def test_files_and_folders_sorted(tmp_path, write):
    write(tmp_path, {"b/2.png": b"22", "b/10.png": b"1", "a/deep/er/1.png": b"", "c.txt": b"text"})
    source = open_folder(tmp_path)
    assert names(source) == ["a/deep/er/1.png", "b/10.png", "b/2.png", "c.txt"]
    assert [entry.size for entry in source.entries] == [0, 1, 2, 4]
    assert source.folders == (("a",), ("a", "deep"), ("a", "deep", "er"), ("b",))
    assert source.notices == ()
    assert source.read(source.entries[2]) == b"22"


@pytest.mark.parametrize("name", [".hidden.png", "Thumbs.db", "thumbs.DB", "desktop.ini", ".DS_Store", "._1.png"])
def test_hidden_files_and_those_of_the_system_are_ignored(tmp_path, write, name):
    write(tmp_path, {f"cat/{name}": b"", "cat/1.png": b"", ".git/1.png": b"", "__MACOSX/cat/1.png": b""})
    assert names(open_folder(tmp_path)) == ["cat/1.png"]
    assert open_folder(tmp_path).folders == (("cat",),)


def test_links_that_lead_outside_are_left_out_with_a_notice(tmp_path, write):
    write(tmp_path / "outside", {"secret.png": b"", "more/1.png": b""})
    inside = write(tmp_path / "photos", {"cat/1.png": b"", "dog/1.png": b""})
    (inside / "cat" / "secret.png").symlink_to(tmp_path / "outside" / "secret.png")
    (inside / "dog" / "up").symlink_to("../../outside")
    (inside / "gone").symlink_to("/nowhere/at/all")
    source = open_folder(inside)
    assert names(source) == ["cat/1.png", "dog/1.png"]
    assert source.notices == ("Left out, because they lead outside of photos: 3 link(s), such as cat/secret.png.",)


def test_links_within_are_followed_but_not_in_circles(tmp_path, write):
    inside = write(tmp_path / "photos", {"cat/1.png": b"", "dog/1.png": b""})
    (inside / "dog" / "2.png").symlink_to("../cat/1.png")
    (inside / "cat" / "round").symlink_to("..")
    source = open_folder(inside)
    assert names(source) == ["cat/1.png", "dog/1.png", "dog/2.png"]
    assert source.notices == ()


def test_the_folder_itself_may_be_a_link(tmp_path, write):
    write(tmp_path / "real", {"cat/1.png": b"x"})
    (tmp_path / "photos").symlink_to("real")
    source = open_source(tmp_path / "photos")
    assert names(source) == ["cat/1.png"]
    assert source.read(source.entries[0]) == b"x"


def test_what_is_neither_file_nor_folder_is_left_alone(tmp_path, write):
    write(tmp_path, {"cat/1.png": b""})
    os.mkfifo(tmp_path / "cat" / "pipe.png")
    assert names(open_folder(tmp_path)) == ["cat/1.png"]


def test_folders_deeper_than_python_calls_itself(tmp_path):
    deep = tmp_path.joinpath(*"a" * 200)
    deep.mkdir(parents=True)
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack(0)) + 60)
    try:
        source = open_folder(tmp_path)
    finally:
        sys.setrecursionlimit(limit)
    assert len(source.folders) == 200


def test_a_missing_folder_gets_the_closest_name(tmp_path):
    (tmp_path / "photos").mkdir()
    with pytest.raises(FileError) as caught:
        open_source(tmp_path / "fotos")
    assert str(caught.value) == (f"No such file or folder: {tmp_path}/fotos. Did you mean {tmp_path}/photos?")
    with pytest.raises(FileError, match=r"No such file or folder: .*nowhere/at/all\. Check the path\.$"):
        open_source(tmp_path / "nowhere" / "at" / "all")


def test_a_file_is_no_folder(tmp_path, write, encode, pixels):
    write(tmp_path, {"data.csv": b"id,label\n", "1.png": encode(pixels(1))})
    with pytest.raises(FileError) as caught:
        open_source(tmp_path / "data.csv")
    assert str(caught.value) == (
        f"{tmp_path}/data.csv: expected a folder with a folder of pictures for each class, or a .zip of one, "
        "got a file with text ('id,label'). Give the folder."
    )


def test_a_folder_that_may_not_be_read(tmp_path, write, monkeypatch):
    write(tmp_path, {"cat/1.png": b""})
    scan = os.scandir

    def forbid(path):
        if str(path).endswith("cat"):
            raise PermissionError(13, "Permission denied")
        return scan(path)

    monkeypatch.setattr(os, "scandir", forbid)
    with pytest.raises(FileError) as caught:
        open_folder(tmp_path)
    fix = "Check that it is there, and its permissions."
    assert str(caught.value) == f"{tmp_path}/cat: cannot be read (Permission denied). {fix}"


def test_a_file_that_is_gone_when_it_is_read(tmp_path, write):
    source = open_folder(write(tmp_path, {"cat/1.png": b"x"}))
    (tmp_path / "cat" / "1.png").unlink()
    with pytest.raises(FileError, match=r"cat/1.png: cannot be read \(No such file or directory\)\. Check"):
        source.read(source.entries[0])


def test_a_file_that_has_grown_or_shrunk_is_read_as_far_as_was_seen(tmp_path, write):
    source = open_folder(write(tmp_path, {"cat/1.png": b"12345"}))
    (tmp_path / "cat" / "1.png").write_bytes(b"123")
    assert source.read(source.entries[0]) == b"123"


def test_a_file_too_large_is_never_read(tmp_path, write):
    source = open_folder(write(tmp_path, {"cat/1.png": b""}))
    with (tmp_path / "cat" / "1.png").open("wb") as file:
        file.truncate(2**33)
    source = open_folder(tmp_path)
    with pytest.raises(FileError, match=r"1.png: expected at most 512 MiB, got 8192 MiB\. Make the picture smaller"):
        source.read(source.entries[0])


def test_names_in_messages_stay_on_one_line(tmp_path, write):
    source = open_folder(write(tmp_path, {"cat/a\nb\x1b[31m.png": b""}))
    assert source.name(source.entries[0].parts) == f"{tmp_path}/cat/a\\nb\\x1b[31m.png"
