"""Zip archives: read without unpacking, and every trick of a hostile one refused by name."""

import io
import struct
import zipfile

import numpy as np
import pytest

from madi.datasets.pictures import load_pictures
from madi.datasets.pictures.archive import open_archive
from madi.datasets.pictures.opening import open_source
from madi.errors import FileError


def names(source):
    return ["/".join(entry.parts) for entry in source.entries]


def error(path):
    with pytest.raises(FileError) as caught:
        open_archive(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_members_are_read_from_the_archive(tmp_path, zipped, method):
    path = zipped(tmp_path / "p.zip", {"cat/deep/1.png": b"one", "dog/2.png": b"two" * 99}, method=method)
    source = open_source(path)
    assert names(source) == ["cat/deep/1.png", "dog/2.png"]
    assert source.folders == (("cat",), ("cat", "deep"), ("dog",))
    assert [source.read(entry) for entry in source.entries] == [b"one", b"two" * 99]
    assert source.name(("cat", "deep", "1.png")) == f"{path}: cat/deep/1.png"
    assert sorted(found.name for found in tmp_path.iterdir()) == ["p.zip"]


def test_the_archive_of_a_folder_gives_what_the_folder_gives(photos, tmp_path):
    path = tmp_path / "packed.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(photos.rglob("*.png")):
            archive.write(file, file.relative_to(photos))
    ours, theirs = load_pictures(path), load_pictures(photos)
    np.testing.assert_array_equal(ours.train.x, theirs.train.x)
    np.testing.assert_array_equal(ours.test.y, theirs.test.y)
    assert (ours.name, ours.classes, ours.notice) == ("packed", theirs.classes, "")
    streamed = load_pictures(path, stream=True)
    np.testing.assert_array_equal(np.concatenate([batch.x for batch in streamed.test]), theirs.test.x)


def test_the_one_folder_that_holds_all_is_entered(tmp_path, zipped):
    members = {"photos/cat/1.png": b"", "photos/dog/1.png": b"", "__MACOSX/photos/._1.png": b"", ".DS_Store": b""}
    path = zipped(tmp_path / "p.zip", members)
    source = open_archive(path)
    assert names(source) == ["cat/1.png", "dog/1.png"]
    assert source.notices == ("p.zip: all lies in its folder photos, whose own folders count.",)
    assert source.name(("cat", "1.png")) == f"{path}: photos/cat/1.png"
    assert names(open_archive(zipped(tmp_path / "q.zip", {"cat/a/1.png": b""}))) == ["cat/a/1.png"]


def test_empty_folders_of_an_archive_are_seen(tmp_path, zipped):
    assert open_archive(zipped(tmp_path / "p.zip", {"cat/": b"", "dog/1.png": b""})).folders == (("cat",), ("dog",))


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../cat.png", "its name leads out of the folder"),
        ("cat/../../../etc/passwd", "its name leads out of the folder"),
        ("/etc/passwd", "its name is absolute"),
        ("C:/cat.png", "its name is absolute"),
        ("c:cat.png", "its name is absolute"),
        ("cat\\..\\..\\1.png", "its name holds a backslash or a null byte"),
    ],
)
def test_names_that_lead_out_are_refused(tmp_path, zipped, name, reason):
    path = zipped(tmp_path / "p.zip", {"cat/1.png": b"", name: b""})
    assert error(path) == f"{path}: {name}: refused: {reason}. Pack the folder anew, with a program that you trust."


def test_a_null_byte_in_a_name(tmp_path, zipped):
    path = zipped(tmp_path / "p.zip", {"cat/1.png_": b""})
    path.write_bytes(path.read_bytes().replace(b"1.png_", b"1.pn\0g"))
    assert f"{path}: cat/1.pn\\x00g: refused: its name holds a backslash or a null byte" in error(path)


@pytest.mark.parametrize(
    ("mode", "reason"), [(0o120777, "it is a link"), (0o010644, "it is neither a file nor a folder")]
)
def test_links_and_devices_are_refused(tmp_path, mode, reason):
    path = tmp_path / "p.zip"
    with zipfile.ZipFile(path, "w") as archive:
        info = zipfile.ZipInfo("cat/1.png")
        info.external_attr = mode << 16
        archive.writestr(info, "/etc/passwd")
    assert f"{path}: cat/1.png: refused: {reason}. " in error(path)


@pytest.mark.parametrize("second", ["cat/1.png", "cat//1.png", "./cat/1.png"])
def test_doubled_names_are_refused(tmp_path, second):
    path = tmp_path / "p.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("cat/1.png", b"first")
        if second == "cat/1.png":
            with pytest.warns(UserWarning, match="Duplicate name"):
                archive.writestr(second, b"second")
        else:
            archive.writestr(second, b"second")
    assert f"{path}: {second}: refused: its name stands in the archive twice. " in error(path)


def patched(path, member, **fields):
    """The archive with fields of a member's entry in the directory overwritten."""
    places = {"flags": (8, "<H"), "method": (10, "<H"), "packed": (20, "<I"), "size": (24, "<I"), "offset": (42, "<I")}
    data = bytearray(path.read_bytes())
    entry = data.index(b"PK\x01\x02")
    while data[entry + 46 : entry + 46 + len(member)] != member.encode():
        entry = data.index(b"PK\x01\x02", entry + 4)
    for name, value in fields.items():
        place, form = places[name]
        struct.pack_into(form, data, entry + place, value)
    path.write_bytes(data)
    return path


def test_encrypted_members_are_refused(tmp_path, zipped):
    path = patched(zipped(tmp_path / "p.zip", {"cat/1.png": b"x"}), "cat/1.png", flags=1)
    assert "cat/1.png: refused: it is encrypted. " in error(path)


def test_rare_compression_is_refused(tmp_path, zipped):
    path = zipped(tmp_path / "p.zip", {"cat/1.png": b"x"}, method=zipfile.ZIP_BZIP2)
    assert "cat/1.png: refused: its compression, method 12, is not read (stored and deflated members are). " in error(
        path
    )


def test_a_member_that_declares_more_than_it_can_hold(tmp_path, zipped):
    path = zipped(tmp_path / "p.zip", {"cat/1.png": b"x" * 1000}, method=zipfile.ZIP_DEFLATED)
    patched(path, "cat/1.png", size=2**31)
    assert "refused: it declares 2147483648 bytes, which its 11 in the archive cannot hold. " in error(path)


def test_a_member_beyond_the_end(tmp_path, zipped):
    path = patched(zipped(tmp_path / "p.zip", {"cat/1.png": b"x"}), "cat/1.png", packed=1000, size=1000)
    assert f"refused: it ends beyond the {path.stat().st_size} bytes of the archive. " in error(path)


def test_members_that_overlap(tmp_path, zipped):
    """A bomb without a nested archive: many members share the same bytes."""
    path = zipped(tmp_path / "p.zip", {f"cat/{k}.png": bytes(1000 if k == 0 else 1) for k in range(20)})
    for k in range(1, 20):
        patched(path, f"cat/{k}.png", packed=1000, size=1000, offset=0)
    assert error(path) == (
        f"{path}: its members take 20000 bytes, more than the {path.stat().st_size} of the archive: they overlap. "
        "Pack the folder anew, with a program that you trust."
    )


def test_a_member_that_is_longer_than_declared_takes_no_more_memory(tmp_path, zipped):
    """100 MB of zeros that call themselves 1,000 bytes: read as far as was declared, and then refused."""
    path = zipped(tmp_path / "p.zip", {"cat/1.png": bytes(10**8), "dog/1.png": b""}, method=zipfile.ZIP_DEFLATED)
    source = open_archive(patched(path, "cat/1.png", size=1000))
    with pytest.raises(FileError, match=r"p.zip: cat/1.png: corrupt in the archive \(Bad CRC-32"):
        source.read(source.entries[0])


def test_a_member_shorter_than_declared(tmp_path, zipped):
    path = patched(zipped(tmp_path / "p.zip", {"cat/1.png": b"x" * 50}), "cat/1.png", size=40)
    source = open_archive(path)
    with pytest.raises(FileError, match=r"cat/1.png: corrupt in the archive"):
        source.read(source.entries[0])


def test_a_picture_too_large_is_refused_by_its_declared_size(tmp_path, zipped):
    path = zipped(tmp_path / "p.zip", {"cat/1.png": bytes(10**6)}, method=zipfile.ZIP_DEFLATED)
    source = open_archive(path)
    entry = source.entries[0]._replace(size=2**30)
    with pytest.raises(FileError, match=r"cat/1.png: expected at most 512 MiB, got 1024 MiB"):
        source.read(entry)


def test_a_damaged_member_is_named(tmp_path, zipped):
    path = zipped(tmp_path / "p.zip", {"cat/1.png": b"abcdefgh"})
    path.write_bytes(path.read_bytes().replace(b"abcdefgh", b"abcdXfgh"))
    source = open_archive(path)
    with pytest.raises(FileError, match=r"p.zip: cat/1.png: corrupt in the archive \(Bad CRC-32 .*\)\. Pack"):
        source.read(source.entries[0])


@pytest.mark.parametrize("keep", [0.5, 0.9, 0.99])
def test_a_truncated_archive(tmp_path, zipped, keep):
    path = zipped(tmp_path / "p.zip", {f"cat/{k}.png": bytes(range(256)) for k in range(9)})
    data = path.read_bytes()
    path.write_bytes(data[: int(keep * len(data))])
    assert error(path).startswith(f"{path}: corrupt zip archive (")


def test_changed_bytes_never_do_worse_than_a_file_error(tmp_path, zipped, encode, pixels):
    path = zipped(
        tmp_path / "p.zip", {f"{name}/1.png": encode(pixels(1)) for name in "ab"}, method=zipfile.ZIP_DEFLATED
    )
    data, random = path.read_bytes(), np.random.RandomState(0)
    for _ in range(300):
        broken = bytearray(data)
        for place in random.randint(0, len(data), 3):
            broken[place] = random.randint(256)
        path.write_bytes(broken)
        try:
            source = open_archive(path)
            for entry in source.entries:
                source.read(entry)
        except FileError:
            continue


@pytest.mark.parametrize("encoding", ["utf-8", "cp949"])
def test_korean_names_of_archives_that_do_not_say_their_encoding(tmp_path, encoding):
    """macOS packs UTF-8, Windows in Korea CP949, both without the mark that says so."""
    name = "고양이/1.png".encode(encoding)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("X" * len(name), b"")
    path = tmp_path / "p.zip"
    path.write_bytes(stream.getvalue().replace(b"X" * len(name), name))
    assert names(open_archive(path)) == ["고양이/1.png"]


def test_names_of_the_standard_stay_what_they_are(tmp_path):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("X", b"")
    path = tmp_path / "p.zip"
    path.write_bytes(stream.getvalue().replace(b"X", b"\x82"))
    assert names(open_archive(path)) == ["é"]


def test_an_archive_without_members(tmp_path, zipped):
    assert open_source(zipped(tmp_path / "p.zip", {})).entries == ()


@pytest.mark.parametrize("name", ["photos.zip", "photos"])
def test_an_archive_is_known_by_content(tmp_path, zipped, name):
    assert names(open_source(zipped(tmp_path / name, {"a/1": b""}))) == ["a/1"]
