"""Reading the bytes of a file that may be compressed, truncated, corrupt, or made to exhaust memory."""

from __future__ import annotations

import gzip
import hashlib
import lzma
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Protocol, Self, cast

from madi.datasets.published import PublishedFile
from madi.errors import FileError

REMEDY = "Replace it with a fresh copy (a cached one: delete it, and it is downloaded again)."
SUFFIXES = ("", ".gz", ".xz")
_BLOCK = 1 << 20
_MOST_MEMORY = 1 << 28  # bytes that unpacking .xz may take: xz -9 asks for 65 MiB, a header could ask for 4 GiB
_KINDS = {".gz": "gzip", ".xz": "xz"}


class Readable(Protocol):
    """Anything with a file's `read`."""

    def read(self, size: int, /) -> bytes: ...


class _Xz:
    """An .xz file, unpacked forward in at most _MOST_MEMORY: `lzma.open` takes what the header asks for."""

    def __init__(self, path: Path, mode: str) -> None:
        self._file = path.open(mode)
        self._unpacker, self._packed = _unpacker(), b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def read(self, size: int, /) -> bytes:
        found = bytearray()
        while len(found) < size and self._more():
            found += self._unpacker.decompress(self._packed, size - len(found))
            self._packed = b""
        return bytes(found)

    def _more(self) -> bool:
        """Have the unpacker ready for the next bytes; whether there are some.  A file may hold several streams."""
        if not self._unpacker.eof and not self._unpacker.needs_input:
            return True
        ended = self._unpacker.eof
        self._packed = (ended and self._unpacker.unused_data) or self._file.read(_BLOCK)
        if ended:
            self._packed = self._packed.lstrip(b"\0")
            self._unpacker = _unpacker() if self._packed else self._unpacker
        elif not self._packed:
            raise EOFError
        return bool(self._packed)


def _unpacker() -> lzma.LZMADecompressor:
    return lzma.LZMADecompressor(memlimit=_MOST_MEMORY)


_OPENERS: dict[str, Any] = {".gz": gzip.open, ".xz": _Xz}


class Content:
    """The decompressed bytes of one file, read forward, counted, hashed, and never more than `limit` of them.

    where     the file as messages name it
    at        how many bytes have been read
    """

    def __init__(self, stream: Readable, where: str, *, limit: int, sha256: str | None = None):
        self.where, self.at = where, 0
        self._stream, self._limit, self._sha256 = stream, limit, sha256
        self._digest = hashlib.sha256()

    def read(self, size: int) -> bytes:
        """The next `size` bytes; fewer at the end of the file alone."""
        data = self._decompress(size)
        self.at += len(data)
        if self.at > self._limit:
            raise FileError(f"{self.where}: expected at most {self._limit} bytes of content, got more. {REMEDY}")
        if self._sha256:
            self._digest.update(data)
        return data

    def take(self, size: int) -> bytearray:
        """The next `size` bytes, all of them.  Memory grows with the bytes that are there, not with `size`."""
        data = bytearray()
        while len(data) < size:
            block = self.read(min(_BLOCK, size - len(data)))
            if not block:
                raise self.truncated(f"expected {size - len(data)} bytes more")
            data += block
        return data

    def rest(self) -> bytearray:
        """All bytes that are left."""
        data = bytearray()
        while block := self.read(_BLOCK):
            data += block
        return data

    def finish(self) -> None:
        """Check that nothing follows, and that what was read has the published SHA-256."""
        if self.read(1):
            raise FileError(f"{self.where}: expected its content to end at byte {self.at - 1}, got more. {REMEDY}")
        if self._sha256 and self._digest.hexdigest() != self._sha256:
            raise wrong_hash(self.where, "SHA-256 of the content", self._sha256, self._digest.hexdigest())

    def truncated(self, detail: str) -> FileError:
        """The error for a file that ends too early."""
        return FileError(f"{self.where}: truncated after byte {self.at} of its content ({detail}). {REMEDY}")

    def _decompress(self, size: int) -> bytes:
        try:
            return self._stream.read(size)
        except FileError:  # of the archive that this stream lies in
            raise
        except EOFError:
            raise self.truncated("the compressed data end too early") from None
        except (gzip.BadGzipFile, zlib.error, lzma.LZMAError, tarfile.TarError) as error:
            kind = _KINDS.get(Path(self.where).suffix, "archive")
            text = f"{self.where}: corrupt {kind} data after byte {self.at} of its content ({error}). {REMEDY}"
            raise FileError(text) from error
        except OSError as error:
            raise FileError(f"Cannot read {self.where}: {error.strerror or error}.") from error


@contextmanager
def open_content(path: Path, *, limit: int, sha256: str | None = None) -> Iterator[Content]:
    """The content of `path`: decompressed when its name ends in .gz or .xz, at most `limit` bytes."""
    try:
        stream = cast(BinaryIO, _OPENERS.get(path.suffix, open)(path, "rb"))
    except OSError as error:
        raise FileError(f"Cannot read {path}: {error.strerror}. Check the path and its permissions.") from error
    with stream:
        yield Content(stream, str(path), limit=limit, sha256=sha256)


@contextmanager
def open_published(path: Path, file: PublishedFile) -> Iterator[Content]:
    """The content of `path`, a copy of `file`; checks the MD5 of the .gz first where that is what was published."""
    if file.md5 and path.suffix == ".gz":
        _check_md5(path, file.md5)
    with open_content(path, limit=file.size, sha256=file.sha256) as content:
        yield content


def has_checksum(path: Path, file: PublishedFile) -> bool:
    """Whether a published checksum says anything about `path`, a copy of `file`."""
    return bool(file.sha256 or (file.md5 and path.suffix == ".gz"))


def verify(path: Path, file: PublishedFile) -> None:
    """Raise FileError unless `path` has the published checksum; reads it through without keeping it."""
    with open_published(path, file) as content:
        while content.read(_BLOCK):
            pass
        content.finish()


def wrong_hash(where: str, kind: str, expected: str, received: str) -> FileError:
    """The error for content that is not what was published."""
    return FileError(f"{where}: expected {kind} {expected}, got {received}. {REMEDY}")


def _check_md5(path: Path, expected: str) -> None:
    try:
        with path.open("rb") as stream:
            # A checksum against accidents, published before MD5 was broken, not a signature.
            received = hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    except OSError as error:
        raise FileError(f"Cannot read {path}: {error.strerror}. Check the path and its permissions.") from error
    if received != expected:
        raise wrong_hash(str(path), "MD5", expected, received)
