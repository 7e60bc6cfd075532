"""NumPy's files, .npy and .npz, read without running anything and without taking memory that they do not fill.

A header may say anything: what it declares is held against the bytes that are there before memory is taken.  Arrays of
objects are pickles, and are refused.
"""

from __future__ import annotations

import math
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO, NamedTuple

import numpy as np

from madi.errors import FileError

LARGEST = 1 << 36  # bytes of an array in an archive: no more are taken, however small the archive
_MOST_INFLATED = 1032  # bytes that a byte of deflate can become
_FIX = "Write it with numpy.save."
_BLOCK = 1 << 20


class Header(NamedTuple):
    """What an array says of itself: dtype, shape, whether its first axis is the fastest, and where its bytes begin."""

    dtype: np.dtype
    shape: tuple[int, ...]
    fortran: bool
    start: int

    @property
    def size(self) -> int:
        """Bytes of the elements."""
        return math.prod(self.shape) * self.dtype.itemsize


def read_npy(path: str | Path) -> np.ndarray:
    """The array in a .npy file.

    Raises FileError for a file that is missing, cut off, too long, no array, or an array of objects.
    """
    path = Path(path).expanduser()
    try:
        with path.open("rb") as file:
            return _array(file, str(path), path.stat().st_size)
    except FileError:
        raise
    except OSError as error:
        raise FileError(f"Cannot read {path}: {error.strerror or error}.") from error


def read_npz(path: str | Path) -> dict[str, np.ndarray]:
    """The arrays in a .npz file, by name.  Raises FileError, naming file and member, as `read_npy` does."""
    path = Path(path).expanduser()
    with _archive(path) as archive:
        members = archive.infolist()
        names = [_name(member.filename, path) for member in members]
        if twice := {name for name in names if names.count(name) > 1}:
            raise FileError(f"{path}: expected each array once, got '{min(twice)}' twice. Write it with numpy.savez.")
        return {name: _member(archive, member, path) for name, member in zip(names, members, strict=True)}


@contextmanager
def _archive(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except FileError:
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise FileError(f"{path}: no whole .npz archive ({error}). Write it with numpy.savez.") from error
    except OSError as error:
        raise FileError(f"Cannot read {path}: {error.strerror or error}.") from error


def _name(filename: str, path: Path) -> str:
    plain = PurePosixPath(filename)
    if plain.suffix != ".npy" or len(plain.parts) != 1 or "\\" in filename:
        raise FileError(f"{path}: expected arrays alone, got a member '{filename}'. Write it with numpy.savez.")
    return plain.stem


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path) -> np.ndarray:
    where = f"{path}: {member.filename}"
    most = min(LARGEST, member.compress_size * _MOST_INFLATED + _BLOCK)
    if member.file_size > most:
        raise FileError(
            f"{where}: declares {member.file_size:,} bytes, and {member.compress_size:,} compressed bytes hold at most "
            f"{most:,}. The archive is corrupt, or made to exhaust memory: get it anew."
        )
    with archive.open(member) as file:
        return _array(file, where, member.file_size)  # type: ignore[arg-type]


def _array(file: BinaryIO, where: str, size: int) -> np.ndarray:
    """The array in a stream of `size` bytes.  Its memory grows with the bytes that are there."""
    header = _header(file, where)
    room = size - header.start
    if header.size != room:
        relation = "cut off" if header.size > room else "too long"
        raise FileError(
            f"{where}: {relation}: an array of {header.dtype} of shape {header.shape} takes {header.size:,} bytes, and "
            f"{room:,} follow the header. {_FIX}"
        )
    data = bytearray()
    while block := file.read(min(_BLOCK, header.size - len(data) + 1)):
        data += block
    if len(data) != header.size:
        raise FileError(f"{where}: cut off after byte {header.start + len(data)}. {_FIX}")
    found = np.frombuffer(data, header.dtype)
    found = found.reshape(header.shape[::-1]).T if header.fortran else found.reshape(header.shape)
    return found.astype(found.dtype.newbyteorder("="), copy=False)


def _header(file: BinaryIO, where: str) -> Header:
    try:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = read(file)
    except (ValueError, SyntaxError, EOFError, RecursionError, MemoryError, TypeError, KeyError) as error:
        raise FileError(f"{where}: {_other(file, where)}. {_FIX}") from error
    if dtype.hasobject:
        raise FileError(f"{where}: an array of Python objects, which is a pickle that could run code. Save numbers.")
    if any(length < 0 for length in shape):
        raise FileError(f"{where}: expected sizes of at least 0, got shape {shape}. {_FIX}")
    return Header(dtype, tuple(shape), bool(fortran), file.tell())


def _other(file: BinaryIO, where: str) -> str:
    """What the file is, if not an array."""
    file.seek(0)
    start = file.read(8)
    if not start:
        return "an empty file"
    if start[:1] == b"\x80":
        return "a pickle, which could run code and is never opened"
    if start[:6] == b"\x93NUMPY":
        return "a NumPy file whose header cannot be read"
    return f"expected a NumPy array, got bytes {start.hex(' ')} at byte 0"
