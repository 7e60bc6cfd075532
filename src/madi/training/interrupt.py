"""Signals during training: the first Ctrl-C or SIGTERM asks for an orderly end, the second ends at once."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, NoReturn, Self

INTERRUPTED = 130  # the exit code of a program that SIGINT has ended, as shells count
PATIENCE = 0.5  # seconds that the main thread has to react to a second SIGINT

_answers = 0  # to SIGINT, by Python code of the main thread


def _answered() -> None:
    global _answers
    _answers += 1


class Interrupts:
    """Within the block a first SIGINT or SIGTERM only sets `pending`.

    A second SIGINT raises KeyboardInterrupt.  The handler that SIGTERM had is called when the block ends, or at once
    for a second SIGTERM.  Within `holding` second signals wait for the end of that block.

    Outside the main thread, where somebody else handles SIGINT, and where nobody handles SIGTERM, nothing is changed.
    """

    pending = False
    held = False

    def __enter__(self) -> Self:
        self.counts: Counter[int] = Counter()
        self._before: dict[int, Any] = {}
        if threading.current_thread() is threading.main_thread():
            if _raises(signal.getsignal(signal.SIGINT)):
                self._take(signal.SIGINT)
            if callable(signal.getsignal(signal.SIGTERM)):
                self._take(signal.SIGTERM)
        return self

    def _take(self, number: int) -> None:
        self._before[number] = signal.signal(number, self._handle)

    def __exit__(self, *error: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if self.counts[signal.SIGTERM]:
            self._terminate()

    @contextmanager
    def holding(self) -> Iterator[None]:
        """While a compiled call writes over the old state, nobody may leave with neither the old nor the new one."""
        self.held = True
        try:
            yield
        finally:
            self.held = False
        self._end_if_urgent()

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self.pending = True
        self.counts[number] += 1
        if number == signal.SIGINT and self.counts[number] == 1:
            _answered()
        self._end_if_urgent()

    def _end_if_urgent(self) -> None:
        if self.held:
            return
        if self.counts[signal.SIGTERM] > 1:
            self._terminate()
        if self.counts[signal.SIGINT] > 1:
            _answered()
            raise KeyboardInterrupt

    def _terminate(self) -> None:
        self.counts[signal.SIGTERM] = 0
        handler: Callable[[int, FrameType | None], Any] = self._before[signal.SIGTERM]
        handler(signal.SIGTERM, None)


# ---- for a program of its own


@contextmanager
def immediate_second_interrupt() -> Iterator[None]:
    """Within the block a second SIGINT ends the program with 130 even while a compiled call runs.

    Python's handlers wait for the end of such a call.  So a thread listens for signals, and where the main thread has
    not reacted to the second SIGINT within half a second, ends the process: nothing is cleaned up, and files that are
    being written stay as they were.  Where the main thread does react, it gets its KeyboardInterrupt as ever.

    For the command line: what runs in a notebook must not end the notebook.  Outside the main thread, and where
    somebody else handles SIGINT, nothing is changed.
    """
    ours, handler = threading.current_thread() is threading.main_thread(), signal.getsignal(signal.SIGINT)
    if not ours or handler is _interrupted or not _raises(handler):
        yield
        return
    listening, telling = socket.socketpair()
    telling.setblocking(False)
    watch = threading.Thread(target=_watch, args=(listening, _answers), name="madi-interrupts", daemon=True)
    before = signal.set_wakeup_fd(telling.fileno(), warn_on_full_buffer=False)
    signal.signal(signal.SIGINT, _interrupted)
    watch.start()
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
        signal.set_wakeup_fd(before)
        telling.close()
        watch.join()
        listening.close()


def _interrupted(number: int, frame: FrameType | None) -> NoReturn:
    _answered()
    raise KeyboardInterrupt


def _raises(handler: Any) -> bool:
    """Whether a handler of SIGINT is Python's own, or says that it raises KeyboardInterrupt as that does."""
    own = handler in (signal.default_int_handler, _interrupted)
    return own or getattr(handler, "raises_keyboard_interrupt", False)


def _watch(listening: socket.socket, answered: int) -> None:
    """Wait for signals until the other end is closed; end the process where a second SIGINT is not answered."""
    arrived = 0
    while byte := listening.recv(1):
        arrived += byte[0] == signal.SIGINT
        if byte[0] == signal.SIGINT and arrived > 1 and not _is_answered(answered + arrived):
            os.write(2, b"\nmadi: interrupted.\n")
            os._exit(INTERRUPTED)


def _is_answered(number: int) -> bool:
    end = time.monotonic() + PATIENCE
    while _answers < number and time.monotonic() < end:
        time.sleep(0.01)
    return _answers >= number
