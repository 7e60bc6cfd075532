"""The files of a folder of checkpoints: written one after the other, the last two kept, the newest whole one read."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from madi.errors import FileError
from madi.layers import tensor_file
from madi.training.checkpoints.lock import FolderLock
from madi.training.checkpoints.packing import pack, unpack

FORMAT, FORMAT_VERSION = "madi-checkpoint", 1
KEPT = 2
ENTRIES = {
    *("about", "environment", "settings", "data", "options", "first_epoch", "finished"),
    *("trainer", "tally", "callbacks", "weights"),
}
NAME = "checkpoint-{:06d}.safetensors"
FORM = re.compile(r"checkpoint-(\d{6,})\.safetensors")


class NewerFormat(FileError):
    """A checkpoint of a madi that is newer than this one: it is whole, so none before it is taken in its place."""


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint as it was read.

    path      of its file
    content   all of it: see `madi.training.checkpoints.keeping`
    damaged   what newer files that could not be read are like, a sentence each
    """

    path: Path
    content: dict[str, Any]
    damaged: tuple[str, ...] = ()

    @property
    def about(self) -> Any:
        """What the caller of `fit` gave to be kept."""
        return self.content["about"]

    @property
    def epoch(self) -> int:
        """Epochs that were done."""
        return int(self.content["trainer"]["epoch"])

    @property
    def last_epoch(self) -> int:
        """Epochs that are done when the fit ends."""
        return int(self.content["first_epoch"] + self.content["settings"]["fit"]["epochs"])

    @property
    def finished(self) -> bool:
        """Whether the fit has ended in order."""
        return bool(self.content["finished"])


def paths(folder: str | Path) -> dict[int, Path]:
    """The files of checkpoints in a folder by their numbers, in order; there need be no such folder."""
    with contextlib.suppress(OSError):
        found = {FORM.fullmatch(path.name): path for path in Path(folder).expanduser().iterdir()}
        return dict(sorted((int(match[1]), path) for match, path in found.items() if match))
    return {}


def newest(folder: str | Path) -> Checkpoint | None:
    """The newest whole checkpoint of a folder, or None where there is none at all.

    Raises FileError where there are some, and none can be read, or the newest is of a newer format.
    """
    damaged: list[str] = []
    for path in reversed(paths(folder).values()):
        try:
            return Checkpoint(path, read(path), tuple(damaged))
        except NewerFormat:
            raise
        except FileError as error:
            damaged.append(str(error))
    if damaged:
        raise FileError(f"{damaged[0]} No other checkpoint of {folder} can be read. Remove them to start anew.")
    return None


def clear(folder: str | Path) -> None:
    """Remove all checkpoints of a folder: the work that they hold is lost.  There need be no such folder.

    Raises ConfigurationError where a fit is writing to it, and FileError where it cannot be written to.
    """
    where = Path(folder).expanduser()
    if not where.is_dir():
        return
    lock = FolderLock(where)
    lock.take()
    try:
        for path in paths(where).values():
            path.unlink()
    except OSError as error:
        raise FileError(f"{folder}: cannot remove its checkpoints ({error.strerror}).") from error
    finally:
        lock.give_back()


def write(path: Path, content: Mapping[str, Any]) -> None:
    """Write a checkpoint.  Raises FileError where that fails, and ConfigurationError for what cannot be kept."""
    packed, arrays = pack(dict(content))
    metadata = {
        "madi.format": FORMAT,
        "madi.format_version": str(FORMAT_VERSION),
        "madi.content": json.dumps(packed, ensure_ascii=False, allow_nan=False, separators=(",", ":")),
    }
    tensor_file.write(path, arrays, metadata, checksum=True)


def read(path: Path) -> dict[str, Any]:
    """What `write` wrote.  Raises FileError for a file that is damaged, no checkpoint, or of a newer format."""
    metadata, arrays = tensor_file.read_checked(path)
    if metadata.get("madi.format") != FORMAT:
        raise FileError(f"{path}: no checkpoint of a training.")
    try:
        version = int(metadata["madi.format_version"])
        if version <= FORMAT_VERSION:
            return _with_all(unpack(json.loads(metadata["madi.content"]), arrays))
    except (LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise FileError(f"{path}: corrupt: its content cannot be read ({error!r}).") from error
    raise NewerFormat(
        f"{path}: has format version {version}, and this madi reads version {FORMAT_VERSION} and older. Update it: "
        "pip install --upgrade madi."
    )


def _with_all(content: Any) -> dict[str, Any]:
    """The content of a checkpoint; ValueError where it lacks something."""
    if not isinstance(content, dict) or (missing := sorted(ENTRIES - content.keys())):
        raise ValueError(f"it has no {'entries' if not isinstance(content, dict) else missing[0]}")
    return content
