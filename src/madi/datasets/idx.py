"""The IDX format: a magic number, the sizes of the axes, then the elements, big-endian.

    byte 0, 1     zero
    byte 2        type of the elements, see TYPES
    byte 3        number of axes
    4 bytes each  size of each axis
    the rest      elements, last axis fastest

Source: LeCun, Cortes, Burges, "The MNIST database of handwritten digits", 1998.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import NamedTuple

import numpy as np

from madi.datasets.content import REMEDY, Content, open_content
from madi.errors import FileError
from madi.kernels.arrays import aligned_empty

TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_MOST_AXES = 64
_ROWS = 1_000


class Header(NamedTuple):
    """What an IDX file says that it holds."""

    dtype: np.dtype
    shape: tuple[int, ...]


def read_header(content: Content) -> Header:
    """The header of an IDX file; says nothing yet about the bytes that follow."""
    magic = content.take(4)
    if magic[:2] != b"\0\0" or magic[2] not in TYPES or not 1 <= magic[3] <= _MOST_AXES:
        text = "expected an IDX file (two zero bytes, a type of 08 to 0E, 1 to 64 axes)"
        raise FileError(f"{content.where}: {text}, got bytes {magic.hex(' ')} at byte 0. {REMEDY}")
    shape = tuple(np.frombuffer(content.take(4 * magic[3]), ">u4").tolist())
    if 0 in shape:
        raise FileError(f"{content.where}: expected at least one element, got shape {shape} at byte 4. {REMEDY}")
    return Header(np.dtype(TYPES[magic[2]]), shape)


def read_array(content: Content) -> np.ndarray:
    """The array of an IDX file, in the machine's own byte order.

    The sizes in the header are believed once that many bytes have been read and no more are left.
    """
    dtype, shape = read_header(content)
    data = content.take(math.prod(shape) * dtype.itemsize)
    content.finish()
    return np.frombuffer(data, dtype).astype(dtype.newbyteorder("="), copy=False).reshape(shape)


def read_idx(path: str | Path, *, limit: int = 1 << 32) -> np.ndarray:
    """Read an IDX file, plain or compressed (.gz, .xz).

    path      the file
    limit     the most bytes of decompressed content to accept, against files made to exhaust memory

    Raises FileError for a file that is missing, truncated, corrupt, too long, or not IDX.
    """
    with open_content(Path(path).expanduser(), limit=limit) as content:
        return read_array(content)


def read_images(content: Content, count: int, height: int, width: int) -> np.ndarray:
    """`count` images of bytes as float32 in 0..1, (count, height, width, 1).

    Converted a thousand images at a time into the one array that is returned: the bytes of all images, a quarter
    of its size, never lie in memory beside it.
    """
    header, expected = read_header(content), Header(np.dtype("u1"), (count, height, width))
    if header != expected:
        raise _unexpected(content, expected, header)
    x = aligned_empty((count, height, width, 1), np.float32)
    for start in range(0, count, _ROWS):
        rows = x[start : start + _ROWS]
        np.divide(np.frombuffer(content.take(rows.size), np.uint8).reshape(rows.shape), np.float32(255), out=rows)
    content.finish()
    return x


def read_labels(content: Content, count: int, classes: int) -> np.ndarray:
    """`count` labels of 0 to classes - 1, int32, (count,)."""
    y = read_array(content)
    expected, received = Header(np.dtype("u1"), (count,)), Header(y.dtype, y.shape)
    if received != expected:
        raise _unexpected(content, expected, received)
    check_labels(content.where, y, classes, start=8, stride=1)
    return y.astype(np.int32)


def check_labels(where: str, y: np.ndarray, classes: int, *, start: int, stride: int) -> None:
    """Raise FileError unless every label of `y`, bytes `stride` apart from byte `start` on, is below `classes`."""
    wrong = np.flatnonzero(y >= classes)
    if wrong.size:
        place, label = start + stride * int(wrong[0]), int(y[wrong[0]])
        raise FileError(f"{where}: expected labels of 0 to {classes - 1}, got {label} at byte {place}. {REMEDY}")


def _unexpected(content: Content, expected: Header, received: Header) -> FileError:
    wanted, got = (f"{header.dtype.name} of shape {header.shape}" for header in (expected, received))
    return FileError(f"{content.where}: expected {wanted}, got {got}. {REMEDY}")
