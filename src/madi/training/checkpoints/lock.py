"""One trainer a folder: a lock that the system takes back when its holder dies, however that happens."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import platform
import time
from pathlib import Path

from madi.errors import ConfigurationError, FileError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

NAME = "lock"
HELD = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES)


class FolderLock:
    """The lock of a folder, held from `take` to `give_back`.

    Its file stays where it is, for to remove it would let two trainers hold one each; it says who held it last.

    locked   whether the system keeps others out; it cannot on Windows, and on some networks' file systems
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME
        self.locked = False
        self._descriptor: int | None = None

    def take(self) -> None:
        """Take it.

        Raises ConfigurationError where somebody else holds it, with who that is; FileError where the folder cannot be
        written to.
        """
        try:
            self._descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise FileError(
                f"checkpoints: cannot write to {self.path.parent} ({error.strerror}). Choose another folder."
            ) from error
        try:
            self.locked = self._lock()
        except BaseException:
            self._close()
            raise
        with contextlib.suppress(OSError):  # a full disk: the lock itself counts, and it is held
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, json.dumps(_holder()).encode(), 0)

    def _lock(self) -> bool:
        if fcntl is None or self._descriptor is None:
            return False
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in HELD:
                raise self._taken() from error
            return False
        return True

    def _taken(self) -> ConfigurationError:
        try:
            found = json.loads(self.path.read_text(encoding="utf-8"))
            who = f"process {found['process']} on {found['host']}, since {found['since']}"
        except (OSError, ValueError, LookupError, TypeError):
            who = "another process"
        return ConfigurationError(
            f"checkpoints: {self.path.parent} is in use by {who}. Wait until it has ended, or choose another folder."
        )

    def give_back(self) -> None:
        """Give it back, if it is held."""
        if self._descriptor is not None:
            if self.locked and fcntl is not None:
                fcntl.flock(self._descriptor, fcntl.LOCK_UN)  # for processes that were forked meanwhile, too
            self._close()
        self.locked = False

    def _close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
        self._descriptor = None


def _holder() -> dict[str, str | int]:
    return {"process": os.getpid(), "host": platform.node(), "since": time.strftime("%Y-%m-%d %H:%M:%S")}
