"""NumPy's files: what NumPy writes comes back; what lies, is cut off or could run code is refused."""

import io
import pickle
import struct
import subprocess
import sys
import zipfile

import numpy as np
import pytest

from madi.datasets.arrays import read_npy, read_npz
from madi.errors import FileError

ARRAYS = [
    np.arange(12.0).reshape(3, 4),
    np.asfortranarray(np.arange(12, dtype=np.int16).reshape(3, 4)),
    np.arange(5, dtype=">f4"),
    np.array(7, np.uint8),
    np.zeros((0, 3), np.float32),
    np.array([True, False]),
]


@pytest.mark.parametrize("array", ARRAYS, ids=lambda array: f"{array.dtype.str}{array.shape}")
def test_what_numpy_writes_comes_back(array, tmp_path):
    np.save(tmp_path / "x.npy", array)
    found = read_npy(tmp_path / "x.npy")
    np.testing.assert_array_equal(found, array)
    assert found.dtype == array.dtype.newbyteorder("=")
    found[...] = 0  # it can be written to


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_archives_come_back(save, tmp_path):
    save(tmp_path / "d.npz", x=ARRAYS[0], y=ARRAYS[1])
    found = read_npz(tmp_path / "d.npz")
    assert list(found) == ["x", "y"]
    np.testing.assert_array_equal(found["x"], ARRAYS[0])


def test_old_and_new_versions_of_the_format(tmp_path):
    for version in [(1, 0), (2, 0), (3, 0)]:
        with (tmp_path / "x.npy").open("wb") as file:
            np.lib.format.write_array(file, ARRAYS[0], version=version)
        np.testing.assert_array_equal(read_npy(tmp_path / "x.npy"), ARRAYS[0])


class Harmful:
    def __reduce__(self):
        return (sys.exit, (3,))


def test_objects_are_never_loaded(tmp_path):
    np.save(tmp_path / "x.npy", np.array([Harmful()], dtype=object), allow_pickle=True)
    with pytest.raises(FileError, match=r"x\.npy: an array of Python objects, which is a pickle that could run code"):
        read_npy(tmp_path / "x.npy")
    np.savez(tmp_path / "x.npz", x=np.array([Harmful()], dtype=object), allow_pickle=True)
    with pytest.raises(FileError, match=r"x\.npz: x\.npy: an array of Python objects"):
        read_npz(tmp_path / "x.npz")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "an empty file"),
        (pickle.dumps([Harmful()]), "a pickle, which could run code and is never opened"),
        (b"\x93NUMPY\x01\x00\xff\xff{}", "a NumPy file whose header cannot be read"),
        (b"hello, world", "expected a NumPy array, got bytes 68 65 6c 6c 6f 2c 20 77 at byte 0"),
    ],
)
def test_no_array_says_what_it_is(content, told, tmp_path):
    (tmp_path / "x.npy").write_bytes(content)
    with pytest.raises(FileError) as caught:
        read_npy(tmp_path / "x.npy")
    assert told in str(caught.value)


def written(shape, content, descr="'<f8'"):
    """A .npy file that declares `shape`, and holds `content`."""
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    header += b" " * (-len(header) - 11 % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + content


LYING = [
    (written((2**40,), bytes(16)), "cut off: an array of float64 of shape (1099511627776,) takes 8,796,093,022,208 b"),
    (written((2**70, 2**70), bytes(16)), "cut off"),
    (written((1,), bytes(16)), "too long: an array of float64 of shape (1,) takes 8 bytes, and 16 follow the header"),
    (written((-1,), bytes(16)), "expected sizes of at least 0, got shape (-1,)"),
    (written("__import__('os').abort()", bytes(16)), "a NumPy file whose header cannot be read"),
    (written((1,), bytes(8), descr="'|O'"), "an array of Python objects"),
    (written((1,), bytes(8), descr="[('a', '<f4'), ('b', '|O')]"), "an array of Python objects"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "told"), LYING)
def test_a_header_that_lies_takes_no_memory(content, told, tmp_path):
    (tmp_path / "x.npy").write_bytes(content)
    with pytest.raises(FileError) as caught:
        read_npy(tmp_path / "x.npy")
    assert told in str(caught.value)


def archive(path, name, content, **fields):
    """An archive of one deflated member, whose central directory says what `fields` say."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr(name, content)
        for field, value in fields.items():
            setattr(made.filelist[0], field, value)


def test_an_archive_that_declares_more_than_it_can_hold(tmp_path):
    archive(tmp_path / "x.npz", "x.npy", written((4,), bytes(32)), file_size=2**33)
    with pytest.raises(FileError, match=r"x\.npz: x\.npy: declares 8,589,934,592 bytes, and \d+ compressed bytes hold"):
        read_npz(tmp_path / "x.npz")


@pytest.mark.parametrize("name", ["../x.npy", "/x.npy", "a/x.npy", "..\\x.npy", "x.txt", "x"])
def test_members_that_are_no_arrays_of_this_archive(name, tmp_path):
    archive(tmp_path / "x.npz", name, written((4,), bytes(32)))
    with pytest.raises(FileError, match="expected arrays alone, got a member"):
        read_npz(tmp_path / "x.npz")


def test_a_member_that_is_there_twice(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as made:
        made.writestr("x.npy", written((4,), bytes(32)))
        with pytest.warns(UserWarning, match="Duplicate name"):
            made.writestr("x.npy", written((4,), bytes(32)))
    with pytest.raises(FileError, match="expected each array once, got 'x' twice"):
        read_npz(tmp_path / "x.npz")


@pytest.mark.parametrize("cut", [0, 10, 50, 150])
def test_an_archive_that_is_cut_off(cut, tmp_path):
    np.savez(tmp_path / "x.npz", x=np.arange(50.0))
    whole = (tmp_path / "x.npz").read_bytes()
    (tmp_path / "x.npz").write_bytes(whole[: len(whole) - cut - 1])
    with pytest.raises(FileError, match="no whole \\.npz archive"):
        read_npz(tmp_path / "x.npz")


def test_bytes_that_have_changed(tmp_path):
    np.savez(tmp_path / "x.npz", x=np.arange(50.0))
    whole = bytearray((tmp_path / "x.npz").read_bytes())
    whole[300] ^= 1
    (tmp_path / "x.npz").write_bytes(whole)
    with pytest.raises(FileError, match="Bad CRC-32"):
        read_npz(tmp_path / "x.npz")


def test_missing_files_and_folders(tmp_path):
    for read in (read_npy, read_npz):
        with pytest.raises(FileError, match=r"Cannot read .*No such file"):
            read(tmp_path / "none")
        with pytest.raises(FileError, match=r"Cannot read .*Is a directory"):
            read(tmp_path)


BOMB = """
import resource, sys
from madi.datasets.arrays import read_npz
from madi.errors import MadiError
resource.setrlimit(resource.RLIMIT_AS, (int(open("/proc/self/statm").read().split()[0]) * 4096 + (200 << 20),) * 2)
try:
    read_npz(sys.argv[1])
except MadiError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits the address space by what /proc tells")
def test_lies_do_not_take_memory_first(tmp_path):
    buffer = io.BytesIO()
    np.save(buffer, np.zeros(3))
    archive(tmp_path / "x.npz", "x.npy", written((2**31,), bytes(64)), file_size=2**34)
    done = subprocess.run([sys.executable, "-c", BOMB, str(tmp_path / "x.npz")], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "declares 17,179,869,184 bytes" in done.stdout
