"""Records and messages, against published values and bytes worked out by hand."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from madi.errors import FileError
from madi.tensorboard import events
from madi.tensorboard.events import EventFile, crc32c, masked, record
from tests.tensorboard.reading import fields, number


@pytest.mark.parametrize(
    ("data", "checksum"),
    [
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (bytes(range(31, -1, -1)), 0x113FDB5C),
        (
            bytes.fromhex(
                "01c00000 00000000 00000000 00000000 14000000 00000400"
                "00000014 00000018 28000000 00000000 02000000 00000000"
            ),
            0xD9963A56,
        ),
        (b"123456789", 0xE3069283),
        (b"", 0),
    ],
)
def test_the_checksums_of_rfc_3720(data, checksum):
    assert crc32c(data) == checksum


def test_a_checksum_is_masked_as_tensorflow_does():
    # crc32c.h: ((crc >> 15) | (crc << 17)) + 0xa282ead8, in 32 bits
    assert masked(0) == 0xA282EAD8
    assert masked(1) == 0x20000 + 0xA282EAD8
    assert masked(0x8000) == 1 + 0xA282EAD8
    assert masked(0xFFFFFFFF) == 0xA282EAD7


def test_the_first_bytes_of_every_event_file(tmp_path):
    # "brain.Event:2" and the time are 24 bytes; so begins every event file that TensorFlow writes
    file = EventFile(tmp_path)
    file.close()
    (path,) = tmp_path.iterdir()
    data = path.read_bytes()
    assert data[:12] == bytes.fromhex("1800000000000000 a37f4b22")
    assert data[12] == 0x09
    assert data[21:36] == b"\x1a\x0dbrain.Event:2"
    assert data[36:] == struct.pack("<I", masked(crc32c(data[12:36])))
    assert "tfevents" in path.name


def test_a_record():
    data = b"123456789"
    found = record(data)
    assert found[:8] == bytes([9, 0, 0, 0, 0, 0, 0, 0])
    assert found[8:12] == struct.pack("<I", masked(crc32c(found[:8])))
    assert found[12:21] == data
    assert found[21:] == struct.pack("<I", (((0xE3069283 >> 15) | (0xE3069283 << 17)) + 0xA282EAD8) & 0xFFFFFFFF)


@pytest.mark.parametrize(("value", "data"), [(0, "00"), (1, "01"), (127, "7f"), (150, "9601"), (300, "ac02")])
def test_the_varints_of_protobufs_guide(value, data):
    assert events.varint(value) == bytes.fromhex(data)
    assert number(bytes.fromhex(data), 0) == (value, len(data) // 2)


def test_the_messages_of_protobufs_guide():
    assert events.whole(1, 150) == bytes.fromhex("089601")
    assert events.piece(2, "testing") == bytes.fromhex("120774657374696e67")
    assert events.piece(3, events.whole(1, 150)) == bytes.fromhex("1a03089601")
    assert events.double(1, 1.0) == bytes.fromhex("09000000000000f03f")
    assert events.single(2, 1.0) == bytes.fromhex("150000803f")
    assert events.doubles(6, np.array([1.0])) == bytes.fromhex("3208000000000000f03f")


def test_a_scalar():
    #  wall_time 2.0, step 3, summary { value { tag "a" simple_value 0.5 } }
    found = events.scalar_event(3, 2.0, {"a": 0.5})
    assert found == bytes.fromhex("09 0000000000000040  10 03  2a 0a  0a 08  0a 01 61  15 0000003f")


def test_a_histogram():
    values = np.array([0.0, 1.0, 3.0, 3.0])
    found = fields(events.histogram(values))
    assert [found[place][0] for place in range(1, 6)] == [0, 3, 4, 7, 19]  # smallest, largest, count, sum, squares
    bounds, counts = (np.frombuffer(found[place][0], "<f8") for place in (6, 7))
    np.testing.assert_allclose(bounds, np.arange(1, 31) / 10)
    assert counts.tolist() == [1] + [0] * 9 + [1] + [0] * 18 + [2]  # 1.0 begins the bin up to 1.1


def test_a_histogram_of_equal_values():
    found = fields(events.histogram(np.zeros(5)))
    assert np.frombuffer(found[7][0], "<f8").sum() == 5
    assert np.isfinite(np.frombuffer(found[6][0], "<f8")).all()


def test_what_is_not_finite_is_left_out_of_a_histogram():
    found = fields(
        fields(events.histogram_event(1, 0.0, {"a": np.array([1.0, np.nan]), "b": np.array([np.inf])}))[5][0]
    )
    (value,) = (fields(value) for value in found[1])
    assert value[1] == [b"a"]
    assert fields(value[5][0])[3] == [1]


def test_two_files_of_one_second_have_two_names(tmp_path):
    for _ in range(3):
        EventFile(tmp_path).close()
    assert len(list(tmp_path.iterdir())) == 3


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("here")
    with pytest.raises(FileError, match=r"file/run: cannot write event files there \(.*\)\. Choose another folder\."):
        EventFile(tmp_path / "file" / "run")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk(tmp_path):
    file = EventFile(tmp_path)
    file.close()
    with Path("/dev/full").open("wb", buffering=0) as full:
        file._file = full
        with pytest.raises(FileError, match=r"cannot write event files there \(No space left on device\)"):
            file.add(b"something")
