"""Files of named arrays in the safetensors format: written whole or not at all, and checked before anything is read.

    8 bytes          length n of the header, little-endian
    n bytes          JSON: {"__metadata__": {text: text}, name: {"dtype", "shape", "data_offsets": [begin, end]}, ...}
    the rest         the arrays' bytes, one after the other, without gaps

The writer is madi's own: the package's puts the metadata in another order each time, and takes the elements of an array
with strides as if they were contiguous.  Format: https://huggingface.co/docs/safetensors
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from madi.errors import FileError
from madi.kernels.arrays import aligned_copy

DTYPES = {
    **{"F64": np.float64, "F32": np.float32, "F16": np.float16, "BOOL": np.bool_},
    **{"I64": np.int64, "I32": np.int32, "I16": np.int16, "I8": np.int8},
    **{"U64": np.uint64, "U32": np.uint32, "U16": np.uint16, "U8": np.uint8},
}
_CODES = {np.dtype(dtype): code for code, dtype in DTYPES.items()}
_LENGTH_BYTES = 8


class TensorFile(NamedTuple):
    """What the header of a file says: its metadata, and dtype and shape of each array by name."""

    metadata: dict[str, str]
    tensors: dict[str, tuple[str, tuple[int, ...]]]


# ---- writing


def write(path: str | Path, tensors: Mapping[str, Any], metadata: Mapping[str, str]) -> None:
    """Write arrays and metadata to `path`; a file that was there is replaced only once the new one is complete.

    The same arrays and metadata give the same bytes.  Raises FileError where the folder cannot be written.
    """
    arrays = {name: np.asarray(value) for name, value in tensors.items()}
    arrays = {name: array.astype(array.dtype.newbyteorder("<"), copy=False) for name, array in arrays.items()}
    # The widest elements first, so that each array starts at a multiple of its element's size.
    ordered = dict(sorted(arrays.items(), key=lambda entry: -entry[1].dtype.itemsize))
    target = Path(os.path.realpath(Path(path).expanduser()))
    temporary = target.with_name(f".madi-{secrets.token_hex(8)}.tmp")
    try:
        _write_all(temporary, _header(ordered, metadata), ordered)
        temporary.replace(target)
        _flush_folder(target.parent)
    except OSError as error:
        fix = "Choose a folder that exists and can be written."
        raise FileError(f"Cannot write {path}: {error.strerror}. {fix}") from error
    finally:
        with contextlib.suppress(OSError):  # it has its new name, or was never made
            temporary.unlink()


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


def _write_all(path: Path, header: bytes, arrays: Mapping[str, Any]) -> None:
    with path.open("xb") as file:
        file.write(header)
        for array in arrays.values():
            file.write(array.reshape(-1).view(np.uint8))  # in the order of the last axis, whatever the strides
        file.flush()
        os.fsync(file.fileno())


def _flush_folder(folder: Path) -> None:
    """Have the new name itself on the disk, where folders can be flushed."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


# ---- reading


def read_header(path: str | Path) -> TensorFile:
    """The header of a file, held against the file's size.

    Raises FileError for anything but a whole safetensors file.
    """
    try:
        with Path(path).expanduser().open("rb") as file:
            return _checked_header(path, file)
    except FileError:
        raise
    except OSError as error:
        raise FileError(f"Cannot read {path}: {error.strerror}.") from error


def read_tensors(path: str | Path) -> dict[str, Any]:
    """The arrays of a file by name, writable, aligned.  Raises FileError for anything but a whole safetensors file."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    read_header(path)
    try:
        found = load_file(Path(path).expanduser())
    except SafetensorError as error:
        raise FileError(f"{path}: corrupt: {error}.") from error
    return {name: aligned_copy(found.pop(name)) for name in list(found)}  # not two of each at a time


def _checked_header(path: str | Path, file: BinaryIO) -> TensorFile:
    size = os.fstat(file.fileno()).st_size
    start = file.read(_LENGTH_BYTES + 1)
    length = int.from_bytes(start[:_LENGTH_BYTES], "little")
    if not start.endswith(b"{") or len(start) <= _LENGTH_BYTES:
        raise FileError(f"{path}: {_description(start)}. Give a file that madi.save wrote.")
    room = size - _LENGTH_BYTES
    if length > room:
        raise FileError(f"{path}: truncated: its header takes {length} bytes, and {room} are there. Get the file anew.")
    file.seek(_LENGTH_BYTES)
    try:
        return _parsed(file.read(length), room - length)
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


def _parsed(text: bytes, room: int) -> TensorFile:
    """The header, its arrays held against the `room` bytes that follow it; ValueError where it lies."""
    header = json.loads(text)
    metadata = header.pop("__metadata__", {})
    if not all(isinstance(entry, str) for pair in metadata.items() for entry in pair):
        raise ValueError("its metadata are not text")
    spans = sorted((*_span(name, entry), name) for name, entry in header.items())
    end = 0
    for begin, after, name in spans:
        if begin != end:
            raise ValueError(f"tensor '{name}' starts at byte {begin}, where byte {end} is expected")
        end = after
    if end != room:
        raise ValueError(f"its tensors take {end} bytes, and {room} are there")
    return TensorFile(metadata, {name: (entry["dtype"], tuple(entry["shape"])) for name, entry in header.items()})


def _span(name: str, entry: dict[str, Any]) -> tuple[int, int]:
    """First byte of an array and the one after its last; ValueError unless its shape fills them exactly."""
    if entry["dtype"] not in DTYPES:
        raise ValueError(f"tensor '{name}' has the unknown dtype {entry['dtype']!r}")
    begin, end = entry["data_offsets"]
    counts = [*entry["shape"], begin, end]
    if not all(type(count) is int and count >= 0 for count in counts):
        raise ValueError(f"tensor '{name}' has the sizes {counts}, which must be whole numbers of at least 0")
    needed = math.prod(entry["shape"]) * np.dtype(DTYPES[entry["dtype"]]).itemsize
    if end - begin != needed:
        raise ValueError(
            f"tensor '{name}' of shape {tuple(entry['shape'])} takes {needed} bytes, and has {end - begin}"
        )
    return begin, end
