"""The checksum that a file of arrays may carry covers each of its bytes."""

import errno
import hashlib
import os
import random

import numpy as np
import pytest
from safetensors.numpy import load_file

from madi.errors import FileError
from madi.layers import tensor_file

ARRAYS = {
    "a": np.arange(12, dtype=np.float32).reshape(3, 4).T,  # with strides
    "step": np.array(7, np.int32),
    "none": np.zeros((0, 3), np.float64),
    "flags": np.array([True, False]),
}


@pytest.fixture
def path(tmp_path):
    """A file with a checksum."""
    tensor_file.write(
        tmp_path / "a.safetensors", ARRAYS, {"madi.format": "x", "text": 'a "quoted" 한글'}, checksum=True
    )
    return tmp_path / "a.safetensors"


def test_what_was_written_is_read(path):
    metadata, arrays = tensor_file.read_checked(path)
    assert metadata["text"] == 'a "quoted" 한글'
    assert arrays.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(arrays[name], array)
        assert arrays[name].flags.writeable
    assert load_file(path).keys() == ARRAYS.keys()  # of the format's own package


def test_it_is_the_sha256_of_the_file_with_zeros_in_its_place(path):
    content, digits = path.read_bytes(), tensor_file.read_header(path).metadata[tensor_file.CHECKSUM]
    assert hashlib.sha256(content.replace(digits.encode(), b"0" * 64)).hexdigest() == digits


def test_the_same_arrays_give_the_same_bytes(path, tmp_path):
    metadata = tensor_file.read_header(path).metadata
    tensor_file.write(tmp_path / "b", ARRAYS, {name: metadata[name] for name in ("madi.format", "text")}, checksum=True)
    assert (tmp_path / "b").read_bytes() == path.read_bytes()


def test_every_changed_byte_is_noticed(path):
    content = path.read_bytes()
    for place in range(len(content)):
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        with pytest.raises(FileError):
            tensor_file.read_checked(path)


def test_cut_off_and_lengthened(path):
    content, choose = path.read_bytes(), random.Random(0)
    for wrong in [content[: choose.randrange(len(content))] for _ in range(50)] + [content + b"\0"]:
        path.write_bytes(wrong)
        with pytest.raises(FileError, match=str(path)):
            tensor_file.read_checked(path)


def test_one_without(tmp_path):
    tensor_file.write(tmp_path / "plain", ARRAYS, {})
    with pytest.raises(FileError, match=r"plain: carries no checksum, so that nobody can tell whether it is whole\.$"):
        tensor_file.read_checked(tmp_path / "plain")
    with pytest.raises(FileError, match=r"^Cannot read .*missing: No such file or directory\.$"):
        tensor_file.read_checked(tmp_path / "missing")


def test_a_changed_value_says_checksum(path):
    content = path.read_bytes()
    path.write_bytes(content[:-1] + b"\7")
    with pytest.raises(FileError, match=r"corrupt: its bytes do not have the checksum that it was written with\.$"):
        tensor_file.read_checked(path)


def test_the_order_of_writing(tmp_path, monkeypatch):
    """The content is on the disk before it gets its name, and the name before the call ends."""
    calls = []

    def telling(name, call):
        def told(*arguments, **options):
            calls.append((name, os.path.isdir(f"/proc/self/fd/{arguments[0]}") if name == "fsync" else None))
            return call(*arguments, **options)

        return told

    for name in ("fsync", "replace", "unlink"):
        monkeypatch.setattr(os, name, telling(name, getattr(os, name)))
    tensor_file.write(tmp_path / "a", ARRAYS, {})
    assert calls == [("fsync", False), ("replace", None), ("fsync", True), ("unlink", None)]
    assert [entry.name for entry in tmp_path.iterdir()] == ["a"]


def test_a_file_system_that_flushes_no_folders(tmp_path, monkeypatch):
    fsync = os.fsync

    def refusing(number):
        def called(descriptor):
            if os.path.isdir(f"/proc/self/fd/{descriptor}"):
                raise OSError(number, os.strerror(number))
            fsync(descriptor)

        return called

    monkeypatch.setattr(os, "fsync", refusing(errno.EINVAL))
    tensor_file.write(tmp_path / "a", ARRAYS, {})
    monkeypatch.setattr(os, "fsync", refusing(errno.EIO))
    with pytest.raises(FileError, match=r"Cannot write .*: Input/output error\."):
        tensor_file.write(tmp_path / "a", ARRAYS, {})
