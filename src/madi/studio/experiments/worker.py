"""A process that computes experiments for the studio: orders come as lines of JSON, answers go as such.

    {"id": 3, "experiment": "planar", "quick": true, "anew": false, "values": {"hidden": [1, 4]}}
    {"cancel": 3}

It computes one order after the other, and a cancelled one ends as by Ctrl-C.  It ends itself when nobody can give
orders any more, so that none is left behind.  A process of its own, because NumPy in a loop would keep the pages from
answering, matplotlib's settings belong to a whole process, and what hangs can be ended.
"""

from __future__ import annotations

import _thread
import base64
import json
import logging
import os
import queue
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, TextIO

from madi.errors import MadiError

GENTLE = 5  # of the system's priorities: the pages go first
MOST_NUMBERS = 200  # lines of the table of numbers

Message = dict[str, Any]


class Worker:
    """Computes the orders that `listening` brings, and tells the answers into `telling`."""

    def __init__(self, listening: TextIO, telling: TextIO) -> None:
        self.listening, self.telling = listening, telling
        self.orders: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self.current: int | None = None
        self.given_up: set[int] = set()  # orders that were cancelled before they began
        self.lock = threading.Lock()

    def run(self) -> None:
        """Compute until the process is ended."""
        threading.Thread(target=self._listen, daemon=True).start()
        self._tell({"ready": True})
        while True:
            with suppress(KeyboardInterrupt):  # one that comes late: its order is done
                self._serve(self.orders.get())

    def _serve(self, order: Message) -> None:
        answer: Message = {"cancelled": True}
        with self.lock:
            self.current = order["id"]
            given_up = self.current in self.given_up
            self.given_up.discard(order["id"])
        try:
            with suppress(KeyboardInterrupt):
                answer = answer if given_up else answered(order)
        finally:
            with self.lock:
                self.current = None
            self._tell({"id": order["id"], **answer})

    def _listen(self) -> None:
        for line in self.listening:
            message = json.loads(line)
            if "cancel" not in message:
                self.orders.put(message)
                continue
            with self.lock:
                if self.current == message["cancel"]:
                    _thread.interrupt_main()
                else:
                    self.given_up.add(message["cancel"])
        os._exit(0)

    def _tell(self, message: Message) -> None:
        print(json.dumps(message), file=self.telling, flush=True)


def answered(order: Mapping[str, Any]) -> Message:
    """What an order gives: {"result": ...}, {"refused": why} or {"fault": what kind}."""
    try:
        return {"result": computed(order)}
    except MadiError as error:
        return {"refused": str(error)}
    except Exception as error:
        logging.getLogger("madi").exception("the experiment %s failed", order["experiment"])
        return {"fault": type(error).__name__}


def computed(order: Mapping[str, Any]) -> Message:
    """The result of an experiment as the page shows it: figure, claims, numbers and how it came about."""
    from madi.lab import run
    from madi.lab.framework.page import leaves

    result = run(order["experiment"], quick=order["quick"], anew=order["anew"], **order["values"])
    numbers = list(leaves(result.data))
    return {
        "picture": picture(result),
        "claims": list(result.claims.items()),
        "numbers": numbers[:MOST_NUMBERS],
        "left_out": max(0, len(numbers) - MOST_NUMBERS),
        "notice": result.notice,
        "seconds": result.seconds,
        "recorded": result.origin.date if result.recorded else None,
        "command": result.command,
        "call": result.call,
    }


def picture(result: Any) -> str:
    """The figure as the address of an image that holds it: SVG, or PNG where that would be large."""
    from madi.lab.framework.result import LARGE

    small = len(result.svg) <= LARGE
    kind, content = ("svg+xml", result.svg.encode()) if small else ("png", result.png)
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def main() -> None:
    """Work for the process that holds the other ends of standard input and output."""
    telling = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints is no answer
    if hasattr(os, "nice"):
        os.nice(GENTLE)
    warm()
    Worker(sys.stdin, telling).run()


def warm() -> None:
    """Load what every experiment needs, so that the first one does not wait for it."""

    import madi.lab  # noqa: F401


if __name__ == "__main__":
    main()
