"""Ctrl-C during training: the first asks for an orderly end, the second ends at once."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any, Self


class Interrupts:
    """Within the block a first SIGINT only sets `pending`, and a second raises KeyboardInterrupt.

    Outside the main thread, or where somebody else handles SIGINT, nothing is changed.
    """

    pending = False

    def __enter__(self) -> Self:
        ours = threading.current_thread() is threading.main_thread()
        self._before: Any = None
        if ours and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            self._before = signal.signal(signal.SIGINT, self._handle)
        return self

    def __exit__(self, *error: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.pending:
            raise KeyboardInterrupt
        self.pending = True
