"""Downloading a published file from the first mirror that gives the right bytes."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO
from urllib.parse import urlsplit

from madi.datasets.content import SUFFIXES, verify
from madi.datasets.published import PublishedFile
from madi.errors import FileError

# A compressed file is hardly longer than its content; gzip and xz add headers and one check a block.
_MARGIN = 1 << 16
_CHUNK = 1 << 16


class _BoundedFile:
    """A file to write to that refuses more than `limit` bytes, against a mirror that never stops sending."""

    def __init__(self, stream: BinaryIO, limit: int):
        self._stream, self._left = stream, limit

    def write(self, data: bytes) -> None:
        self._left -= len(data)
        if self._left < 0:
            raise FileError("sends more bytes than the file has")
        self._stream.write(data)

    def flush(self) -> None:
        """Nothing: the file is flushed once, when it is closed."""


def download(file: PublishedFile, folder: Path, *, report: Callable[[str], None], timeout: float = 30.0) -> Path:
    """Download `file` into `folder` and return its path there.

    Each mirror is tried in turn until one gives content with the published checksum; the file takes its final name
    only then, so that `folder` never holds half of one.

    report    is told of each attempt, one line each
    timeout   seconds to wait for a connection, and for each next piece

    Raises FileError, with what each mirror failed with, when none gives it, or `folder` cannot be written to.
    """
    import requests  # what pooch downloads with, for its exceptions

    failures = []
    for address in file.mirrors:
        report(f"Downloading {file.name} from {urlsplit(address).netloc} ...")
        try:
            return _from_mirror(file, address, folder, timeout)
        except (FileError, requests.RequestException) as error:
            failures.append(f"{address} {_reason(error)}")
        except OSError as error:
            raise FileError(f"cannot write to {folder}: {error.strerror or error}") from error
    raise FileError("; ".join(failures) or "it has no mirror")


def _from_mirror(file: PublishedFile, address: str, folder: Path, timeout: float) -> Path:
    """Download from one mirror: into a temporary file beside the final one, checked, then renamed."""
    from pooch import HTTPDownloader

    suffix = PurePosixPath(urlsplit(address).path).suffix
    suffix = suffix if suffix in SUFFIXES else ""
    fetch = HTTPDownloader(chunk_size=_CHUNK, timeout=timeout, headers={"Accept-Encoding": "identity"})
    with _temporary_file(folder, suffix) as temporary:
        with temporary.open("wb") as stream:
            fetch(address, _BoundedFile(stream, file.size + _MARGIN), None)
        _verify_download(temporary, file)
        return temporary.replace(folder / (file.name + suffix))


def _verify_download(temporary: Path, file: PublishedFile) -> None:
    """As `verify`; the message leaves out the temporary file, which nobody will find."""
    try:
        verify(temporary, file)
    except FileError as error:
        text = str(error).removeprefix(f"{temporary}: ")
        raise FileError(f"gave a wrong file: {text.split('. Replace')[0]}") from error


@contextmanager
def _temporary_file(folder: Path, suffix: str) -> Iterator[Path]:
    """A new file in `folder`, which is made where it is missing; gone afterwards unless renamed."""
    folder.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix="download-", suffix=f".part{suffix}", dir=folder)
    os.close(handle)
    try:
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


def _reason(error: Exception) -> str:
    """What went wrong with a mirror, in a few words."""
    response = getattr(error, "response", None)
    if response is not None:
        return f"answered {response.status_code}"
    return str(error) if isinstance(error, FileError) else f"failed with {type(error).__name__}"
