"""The bytes of a model: from memory or from a file, and the message that they are, if they are one."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import numpy as np

from madi.errors import ConfigurationError, FileError
from madi.kernels.arrays import aligned_empty
from madi.onnx.package import onnx_package
from madi.onnx.room import expect_bytes

MOST = 2**31 - 1  # bytes of one message of protobuf
_IN_MEMORY = "the model in memory"
_KINDS = {
    b"\x80": "a pickle, which could run any code; madi never opens one",
    b"PK": "a ZIP archive (a checkpoint of PyTorch or Keras?): export it as ONNX",
    b"\x89HDF": "an HDF5 file: export it as ONNX",
    b"\x1f\x8b": "compressed by gzip: unpack it",
}


def read_model(source: Any) -> tuple[Any, str, Path | None]:
    """The message of a path, of bytes or of a message, what messages call it, and the folder of its external data.

    Raises FileError where it is no whole ONNX model, and ConfigurationError where the package onnx is missing.
    """
    if isinstance(source, str | os.PathLike):
        path = Path(os.fspath(source)).expanduser()
        return parsed(read_file(path), str(path)), str(path), path.parent
    if isinstance(source, bytes | bytearray | memoryview):
        return parsed(bytes(source), _IN_MEMORY), _IN_MEMORY, None
    if isinstance(source, onnx_package().ModelProto):
        return source, _IN_MEMORY, None
    raise ConfigurationError(f"madi.onnx.load: expected a path or the bytes of a model, got {type(source).__name__}.")


def parsed(content: bytes, where: str) -> Any:
    """The ModelProto that these bytes are."""
    onnx = onnx_package()
    if kind := _other_kind(content):
        raise FileError(f"{where}: expected an ONNX model, got {kind}.")
    if len(content) > MOST:
        raise _too_large(where, len(content))
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

    try:
        model = onnx.ModelProto.FromString(content)
    except (DecodeError, ValueError, RecursionError) as error:
        raise FileError(f"{where}: truncated, corrupt or no ONNX model ({error}). Export it anew.") from error
    if not model.HasField("graph") or not model.ir_version:
        raise FileError(f"{where}: no ONNX model: it has no graph or no version of the format. Export it anew.")
    return model


def read_file(path: Path) -> bytes:
    """All bytes of a file that is one, if there is memory for them and for the model in them."""
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | _flag("O_NONBLOCK") | _flag("O_BINARY")), "rb") as file:
            size = checked_size(file, str(path))
            if size > MOST:
                raise _too_large(str(path), size)
            expect_bytes(f"Cannot read {path}", 3 * size)
            return file.read(size + 1)
    except FileError:
        raise
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise FileError(f"Cannot read {path}: {reason}. Check the path and its permissions.") from error


def checked_size(file: Any, where: str) -> int:
    """How many bytes an open file has; FileError unless it is a regular one."""
    found = os.fstat(file.fileno())
    if not stat.S_ISREG(found.st_mode):
        raise FileError(f"Cannot read {where}: expected a file, got a folder, a pipe or a device.")
    return found.st_size


class Beside:
    """The files beside a model that hold its large tensors, none of which lies outside of the model's folder.

    folder   that of the model; None for a model in memory, which has none
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder

    def read(self, where: str, entries: dict[str, str], count: int) -> np.ndarray:
        """The `count` bytes that a tensor's entry describes; FileError where it lies, or leads out of the folder."""
        path = self._inside(where, entries.get("location", ""))
        offset, length = (_whole(where, name, entries.get(name)) for name in ("offset", "length"))
        if length is not None and length != count:
            raise FileError(f"{where}: expected {count} bytes of external data, and its length says {length}.")
        try:
            with os.fdopen(os.open(path, os.O_RDONLY | _flag("O_NOFOLLOW") | _flag("O_NONBLOCK")), "rb") as file:
                return _span(file, where, path, offset or 0, count, entries.get("checksum"), whole=length is None)
        except FileError:
            raise
        except OSError as error:
            raise FileError(f"{where}: cannot read its external data {path}: {error.strerror}.") from error

    def _inside(self, where: str, location: str) -> Path:
        """The path of a location, no part of which leads elsewhere."""
        if self.folder is None:
            raise FileError(f"{where}: its data lie in the file '{location}', and a model in memory has no folder. "
                            "Load it by its path.")  # fmt: skip
        parts = location.split("/")
        if "\\" in location or ":" in location or "\0" in location or any(part in ("", ".", "..") for part in parts):
            raise FileError(f"{where}: expected external data within the model's folder, got the location "
                            f"{location!r}. Nothing is read there.")  # fmt: skip
        path = self.folder
        for part in parts:
            path = path / part
            if path.is_symlink():
                raise FileError(f"{where}: its external data lie behind the link {path}, which could lead anywhere. "
                                "Put the file itself there.")  # fmt: skip
        return path


def _span(file: Any, where: str, path: Path, offset: int, count: int, checksum: str | None, *, whole: bool) -> Any:
    size = checked_size(file, f"the external data {path}")
    if os.fstat(file.fileno()).st_nlink > 1:
        raise FileError(f"{where}: its external data {path} have another name (a hard link), which could lie anywhere. "
                        "Put a copy there.")  # fmt: skip
    if offset + count > size or (whole and offset + count < size and offset == 0):
        raise FileError(f"{where}: expected {count} bytes of external data from byte {offset} of {path} on, "
                        f"which has {size}.")  # fmt: skip
    if checksum:
        _check(file, where, path, checksum)
    expect_bytes(where, count)
    data = aligned_empty((count,), np.uint8)
    file.seek(offset)
    if file.readinto(data) != count:
        raise FileError(f"{where}: its external data {path} ended while they were read.")
    return data


def _check(file: Any, where: str, path: Path, checksum: str) -> None:
    """Hold the file against the SHA-1 that the format has for it: one against accidents, no signature."""
    import hashlib

    found = hashlib.file_digest(file, lambda: hashlib.sha1(usedforsecurity=False)).hexdigest()
    if found != checksum.lower():
        raise FileError(f"{where}: expected external data {path} of SHA-1 {checksum}, got {found}.")


def _whole(where: str, name: str, text: str | None) -> int | None:
    if text is None or text == "":
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise FileError(f"{where}: expected a whole number as {name} of its external data, got {text[:40]!r}.")
    return int(text)


def _other_kind(content: bytes) -> str | None:
    """What the bytes are, where they are plainly something else."""
    if not content:
        return "an empty file"
    return next((kind for start, kind in _KINDS.items() if content.startswith(start)), None)


def _too_large(where: str, size: int) -> FileError:
    return FileError(
        f"{where}: {size} bytes; a model takes up to 2 GiB in one file. Export it with its weights as external data."
    )


def _flag(name: str) -> int:
    """A flag of `os.open`, where the system has it."""
    return getattr(os, name, 0)
