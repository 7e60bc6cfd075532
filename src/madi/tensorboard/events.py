"""Event files: a row of records, each of which is one message in the format of Protocol Buffers.

A library for it would bring protobuf's runtime and its compiled messages along; what is needed of the format is a
number, a text and a message within a message.  Sources: TensorFlow's record_writer.h for the records, event.proto and
summary.proto for the messages, protobuf.dev/programming-guides/encoding, RFC 3720 appendix B.4 for the checksum.
"""

from __future__ import annotations

import functools
import struct
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import BinaryIO

import numpy as np

from madi.errors import FileError

BINS = 30  # of a histogram
POLYNOMIAL = 0x82F63B78  # of Castagnoli, bits reversed
MASK = 0xA282EAD8
VERSION = b"brain.Event:2"


class EventFile:
    """A new event file in a folder, which is made.  Raises FileError where it cannot be written to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = _new_file(folder)
            self.add(double(1, time.time()) + piece(3, VERSION))
        except OSError as error:
            raise self._failure(error) from error

    def add(self, event: bytes) -> None:
        """Append an event."""
        try:
            self._file.write(record(event))
        except OSError as error:
            raise self._failure(error) from error

    def flush(self) -> None:
        """Have all that was added in the file, where TensorBoard sees it."""
        try:
            self._file.flush()
        except OSError as error:
            raise self._failure(error) from error

    def close(self) -> None:
        """No more events."""
        self.flush()
        self._file.close()

    def _failure(self, error: OSError) -> FileError:
        reason = error.strerror or type(error).__name__
        return FileError(f"{self.folder}: cannot write event files there ({reason}). Choose another folder.")


def _new_file(folder: Path) -> BinaryIO:
    """A file of a name that is not taken: TensorBoard asks for "tfevents" in it, and reads them in order of names."""
    stamp, number = int(time.time()), 0
    while True:
        try:
            return (folder / f"events.out.tfevents.{stamp:010d}.{number:03d}.madi").open("xb")
        except FileExistsError:
            number += 1


# ---- records


def record(data: bytes) -> bytes:
    """The length of the data in 8 bytes, its checksum, the data, their checksum: each checksum in 4 bytes, masked."""
    length = struct.pack("<Q", len(data))
    return length + struct.pack("<I", masked(crc32c(length))) + data + struct.pack("<I", masked(crc32c(data)))


def masked(checksum: int) -> int:
    """The checksum turned by 15 bits plus a constant, so that a checksum of checksums is no trivial one."""
    return ((checksum >> 15 | checksum << 17) + MASK) & 0xFFFFFFFF


def crc32c(data: bytes) -> int:
    """The cyclic redundancy check of Castagnoli (RFC 3720), which the standard library does not have.

    >>> hex(crc32c(b"123456789"))
    '0xe3069283'
    """
    table, checksum = _table(), 0xFFFFFFFF
    for byte in data:
        checksum = table[(checksum ^ byte) & 0xFF] ^ checksum >> 8
    return checksum ^ 0xFFFFFFFF


@functools.cache
def _table() -> tuple[int, ...]:
    """The remainder of each byte."""
    remainders = range(256)
    for _ in range(8):
        remainders = [value >> 1 ^ POLYNOMIAL * (value & 1) for value in remainders]  # type: ignore[assignment]
    return tuple(remainders)


# ---- fields of a message: a number, which says field and type, and the value


def varint(value: int) -> bytes:
    """A whole number of at least 0 in as many bytes as it needs: 7 bits in each, the lowest first."""
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)


def whole(number: int, value: int) -> bytes:
    """A field that holds a whole number of at least 0."""
    return varint(number << 3) + varint(value)


def double(number: int, value: float) -> bytes:
    """A field that holds a number of double precision."""
    return varint(number << 3 | 1) + struct.pack("<d", value)


def single(number: int, value: float) -> bytes:
    """A field that holds a number of single precision; what is too large for it becomes infinite."""
    return varint(number << 3 | 5) + np.array(value, np.float64).astype("<f4").tobytes()


def piece(number: int, value: bytes | str) -> bytes:
    """A field that holds bytes, a text, or a message."""
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def doubles(number: int, values: np.ndarray) -> bytes:
    """A field that holds many numbers of double precision."""
    return piece(number, np.asarray(values, "<f8").tobytes())


# ---- events


def event(step: int, when: float, *fields: bytes) -> bytes:
    """An Event: wall_time 1, step 2, and what it is about."""
    return double(1, when) + whole(2, step) + b"".join(fields)


def scalar_event(step: int, when: float, values: Mapping[str, float]) -> bytes:
    """Numbers by name: Event.summary 5, Summary.value 1, Value.tag 1 and simple_value 2."""
    return _summary(step, when, (piece(1, name) + single(2, value) for name, value in values.items()))


def histogram_event(step: int, when: float, arrays: Mapping[str, np.ndarray]) -> bytes:
    """The distribution of the finite numbers of each array by name: Value.histo 5."""
    finite = {name: np.asarray(array, np.float64)[np.isfinite(array)] for name, array in arrays.items()}
    found = ((name, values) for name, values in finite.items() if values.size)
    return _summary(step, when, (piece(1, name) + piece(5, histogram(values)) for name, values in found))


def histogram(values: np.ndarray) -> bytes:
    """A HistogramProto: min 1, max 2, num 3, sum 4, sum_squares 5, upper bounds of the bins 6, numbers in them 7."""
    counts, edges = np.histogram(values, bins=BINS)
    moments = (values.min(), values.max(), values.size, values.sum(), (values**2).sum())
    fields = b"".join(double(number, float(value)) for number, value in enumerate(moments, start=1))
    return fields + doubles(6, edges[1:]) + doubles(7, counts)


def _summary(step: int, when: float, values: Iterable[bytes]) -> bytes:
    return event(step, when, piece(5, b"".join(piece(1, value) for value in values)))
