"""Files of named arrays in the safetensors format: written whole or not at all, and checked before anything is read.

    8 bytes          length n of the header, little-endian
    n bytes          JSON: {"__metadata__": {text: text}, name: {"dtype", "shape", "data_offsets": [begin, end]}, ...}
    the rest         the arrays' bytes, one after the other, without gaps

The writer is madi's own: the package's puts the metadata in another order each time, and takes the elements of an array
with strides as if they were contiguous.  Format: https://huggingface.co/docs/safetensors

A file may carry a checksum, the first entry of its metadata: the SHA-256 of all of its bytes, with 64 zeros where the
digits of the checksum itself stand.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from madi.errors import FileError
from madi.files import replace
from madi.kernels.arrays import aligned_copy, aligned_empty

DTYPES = {
    **{"F64": np.float64, "F32": np.float32, "F16": np.float16, "BOOL": np.bool_},
    **{"I64": np.int64, "I32": np.int32, "I16": np.int16, "I8": np.int8},
    **{"U64": np.uint64, "U32": np.uint32, "U16": np.uint16, "U8": np.uint8},
}
_CODES = {np.dtype(dtype): code for code, dtype in DTYPES.items()}
BFLOAT16 = "BF16"  # the upper half of a float32, and read as one; never written
_ITEM_BYTES = {BFLOAT16: 2, **{code: np.dtype(dtype).itemsize for code, dtype in DTYPES.items()}}
_LENGTH_BYTES = 8

CHECKSUM = "madi.sha256"
_DIGITS = 64
_BEFORE_CHECKSUM = f'{{"__metadata__":{{"{CHECKSUM}":"'.encode()
_CHECKSUM_AT = _LENGTH_BYTES + len(_BEFORE_CHECKSUM)
_OWN_FILE = "Give a file that madi.save wrote."


class TensorFile(NamedTuple):
    """What the header of a file says: its metadata; dtype and shape of each array by name, and its first byte."""

    metadata: dict[str, str]
    tensors: dict[str, tuple[str, tuple[int, ...]]]
    begins: dict[str, int]


# ---- writing


def write(path: str | Path, tensors: Mapping[str, Any], metadata: Mapping[str, str], *, checksum: bool = False) -> None:
    """Write arrays and metadata to `path`; a file that was there is replaced only once the new one is complete.

    checksum   whether the file carries one, which `read_checked` holds it against

    The same arrays and metadata give the same bytes.  Raises FileError where the folder cannot be written.
    """
    arrays = {name: np.asarray(value) for name, value in tensors.items()}
    arrays = {name: array.astype(array.dtype.newbyteorder("<"), copy=False) for name, array in arrays.items()}
    # The widest elements first, so that each array starts at a multiple of its element's size.
    ordered = dict(sorted(arrays.items(), key=lambda entry: -entry[1].dtype.itemsize))
    header = _header(ordered, {CHECKSUM: "0" * _DIGITS, **metadata} if checksum else metadata)
    header = _signed(header, ordered) if checksum else header
    write_whole(path, (header, *map(_bytes, ordered.values())))


def write_whole(path: str | Path, parts: Iterable[Any]) -> None:
    """Write bytes to `path`, part after part; a file that was there is replaced only once the new one is complete.

    Raises FileError where the folder cannot be written.
    """
    try:
        replace(Path(path).expanduser(), parts)
    except OSError as error:
        fix = "Choose a folder that exists and can be written."
        raise FileError(f"Cannot write {path}: {error.strerror}. {fix}") from error


def _header(arrays: Mapping[str, Any], metadata: Mapping[str, str]) -> bytes:
    header: dict[str, Any] = {"__metadata__": dict(metadata)}
    begin = 0
    for name, array in arrays.items():
        offsets = [begin, begin + array.nbytes]
        header[name] = {"dtype": _CODES[array.dtype], "shape": list(array.shape), "data_offsets": offsets}
        begin += array.nbytes
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _LENGTH_BYTES)
    return len(text).to_bytes(_LENGTH_BYTES, "little") + text


def _signed(header: bytes, arrays: Mapping[str, Any]) -> bytes:
    """The header with the checksum of the file in place of its zeros."""
    digits = _sha256(header, *map(_bytes, arrays.values()))
    return header[:_CHECKSUM_AT] + digits + header[_CHECKSUM_AT + _DIGITS :]


def _sha256(*parts: Any) -> bytes:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest().encode()


def _bytes(array: np.ndarray) -> Any:
    """The array's bytes in the order of the last axis, whatever the strides."""
    return array.reshape(-1).view(np.uint8)


# ---- reading


def read_header(path: str | Path, *, fix: str = _OWN_FILE) -> TensorFile:
    """The header of a file, held against the file's size.

    fix   what to do about a file of another kind, as a sentence

    Raises FileError for anything but a whole safetensors file.
    """
    with _opened(path, fix) as (_, header):
        return header


def read_tensors(path: str | Path, names: Collection[str] | None = None, *, fix: str = _OWN_FILE) -> dict[str, Any]:
    """The arrays of a file by name, all or those of `names`, writable, aligned; bfloat16 as float32.

    fix   what to do about a file of another kind, as a sentence

    Raises FileError for anything but a whole safetensors file.
    """
    with _opened(path, fix) as (file, header):
        return {name: _array(path, file, header, name) for name in (header.tensors if names is None else names)}


@contextlib.contextmanager
def _opened(path: str | Path, fix: str) -> Iterator[tuple[BinaryIO, TensorFile]]:
    """The file, open, and its header; FileError where either cannot be had."""
    try:
        with Path(path).expanduser().open("rb") as file:
            yield file, _checked_header(path, file, os.fstat(file.fileno()).st_size, fix)
    except FileError:
        raise
    except OSError as error:
        raise FileError(f"Cannot read {path}: {error.strerror}.") from error


def _array(path: str | Path, file: BinaryIO, header: TensorFile, name: str) -> np.ndarray:
    code, shape = header.tensors[name]
    array = aligned_empty(shape, DTYPES.get(code, np.uint16))
    file.seek(header.begins[name])
    if file.readinto(_bytes(array)) != array.nbytes:  # type: ignore[attr-defined]
        raise FileError(f"{path}: truncated within the tensor '{name}'. Get the file anew.")
    if code != BFLOAT16:
        return array
    wide = aligned_empty(shape, np.uint32)
    return np.left_shift(array, 16, out=wide, dtype=np.uint32).view(np.float32)


def read_checked(path: str | Path) -> tuple[dict[str, str], dict[str, Any]]:
    """Metadata and arrays of a file that carries a checksum.  The arrays are writable and aligned.

    Raises FileError for a file that is no whole safetensors file, carries none, or is not as it was written.
    """
    from safetensors.numpy import load

    try:
        content = Path(path).expanduser().read_bytes()
    except OSError as error:
        raise FileError(f"Cannot read {path}: {error.strerror}.") from error
    metadata = _checked_header(path, BytesIO(content), len(content), _OWN_FILE).metadata
    after = _CHECKSUM_AT + _DIGITS
    if content[_LENGTH_BYTES:_CHECKSUM_AT] != _BEFORE_CHECKSUM:
        raise FileError(f"{path}: carries no checksum, so that nobody can tell whether it is whole.")
    whole = memoryview(content)
    if content[_CHECKSUM_AT:after] != _sha256(whole[:_CHECKSUM_AT], b"0" * _DIGITS, whole[after:]):
        raise FileError(f"{path}: corrupt: its bytes do not have the checksum that it was written with.")
    found = load(content)
    return metadata, {name: aligned_copy(found.pop(name)) for name in list(found)}


def _checked_header(path: str | Path, file: BinaryIO, size: int, fix: str) -> TensorFile:
    start = file.read(_LENGTH_BYTES + 1)
    length = int.from_bytes(start[:_LENGTH_BYTES], "little")
    if not start.endswith(b"{") or len(start) <= _LENGTH_BYTES:
        raise FileError(f"{path}: {_description(start)}. {fix}")
    room = size - _LENGTH_BYTES
    if length > room:
        raise FileError(f"{path}: truncated: its header takes {length} bytes, and {room} are there. Get the file anew.")
    file.seek(_LENGTH_BYTES)
    try:
        return _parsed(file.read(length), _LENGTH_BYTES + length, room - length)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise FileError(f"{path}: corrupt: {error}. Get the file anew.") from error


def _description(start: bytes) -> str:
    if len(start) <= _LENGTH_BYTES:
        return f"too short for a model, {len(start)} bytes" if start else "an empty file"
    if start.startswith(b"\x80"):
        return "a pickle, which could run any code; madi never opens one"
    if start.startswith(b"PK"):
        return "a ZIP archive (NumPy's .npz, or a checkpoint of PyTorch, which holds a pickle)"
    return "an HDF5 file" if start.startswith(b"\x89HDF") else "not a safetensors file"


def _parsed(text: bytes, after: int, room: int) -> TensorFile:
    """The header, its arrays held against the `room` bytes from byte `after` on; ValueError where it lies."""
    header = json.loads(text)
    metadata = header.pop("__metadata__", {})
    if not all(isinstance(entry, str) for pair in metadata.items() for entry in pair):
        raise ValueError("its metadata are not text")
    spans = sorted((*_span(name, entry), name) for name, entry in header.items())
    end = 0
    for begin, next_begin, name in spans:
        if begin != end:
            raise ValueError(f"tensor '{name}' starts at byte {begin}, where byte {end} is expected")
        end = next_begin
    if end != room:
        raise ValueError(f"its tensors take {end} bytes, and {room} are there")
    tensors = {name: (entry["dtype"], tuple(entry["shape"])) for name, entry in header.items()}
    return TensorFile(metadata, tensors, {name: after + begin for begin, _, name in spans})


def _span(name: str, entry: dict[str, Any]) -> tuple[int, int]:
    """First byte of an array and the one after its last; ValueError unless its shape fills them exactly."""
    if entry["dtype"] not in _ITEM_BYTES:
        raise ValueError(f"tensor '{name}' has the unknown dtype {entry['dtype']!r}")
    begin, end = entry["data_offsets"]
    counts = [*entry["shape"], begin, end]
    if not all(type(count) is int and count >= 0 for count in counts):
        raise ValueError(f"tensor '{name}' has the sizes {counts}, which must be whole numbers of at least 0")
    needed = math.prod(entry["shape"]) * _ITEM_BYTES[entry["dtype"]]
    if end - begin != needed:
        raise ValueError(
            f"tensor '{name}' of shape {tuple(entry['shape'])} takes {needed} bytes, and has {end - begin}"
        )
    return begin, end
