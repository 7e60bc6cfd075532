"""Signals during training: the first Ctrl-C asks for an orderly end, the second ends at once; SIGTERM waits a call."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Self


class Interrupts:
    """Within the block a first SIGINT only sets `pending`, and a second raises KeyboardInterrupt.

    Within `holding` the second waits for the end of that block.

    Outside the main thread, or where somebody else handles SIGINT, nothing is changed.
    """

    pending = False
    count = 0
    held = False

    def __enter__(self) -> Self:
        ours = threading.current_thread() is threading.main_thread()
        self._before: Any = None
        if ours and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            self._before = signal.signal(signal.SIGINT, self._handle)
        return self

    def __exit__(self, *error: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    @contextmanager
    def holding(self) -> Iterator[None]:
        """While a compiled call writes over the old state, nobody may leave with neither the old nor the new one."""
        self.held = True
        try:
            with deferred(signal.SIGTERM):
                yield
        finally:
            self.held = False
        if self.count > 1:
            raise KeyboardInterrupt

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self.pending = True
        self.count += 1
        if self.count > 1 and not self.held:
            raise KeyboardInterrupt


@contextmanager
def deferred(number: int) -> Iterator[None]:
    """Within the block a signal that Python handles waits for its end."""
    handler = signal.getsignal(number)
    if not callable(handler) or threading.current_thread() is not threading.main_thread():
        yield
        return
    arrived: list[tuple[int, FrameType | None]] = []
    signal.signal(number, lambda *given: arrived.append(given))
    try:
        yield
    finally:
        signal.signal(number, handler)
    if arrived:
        handler(*arrived[0])
