"""Connections that cannot hold the program up: headers, time and number of them are bounded.

httptools reads requests three times as quickly as h11, and bounds nothing by itself; this does.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

FRAMES = 8  # bytes of a chunk of one byte, with room to spare


@dataclass
class Bounds:
    """What a client may ask of the connection itself.

    header      bytes of a request's line and headers
    headers     how many of them
    seconds     that a client may take for line and headers, and to read on from an answer
    rate        bytes a second that a body must come with on average, after the first `seconds`
    most        connections at a time: beyond it the one that has kept us waiting longest makes room
    ending      whether the program ends: each answer is the last one of its connection
    """

    header: int = 32 * 1024
    headers: int = 100
    seconds: float = 10.0
    rate: int = 16 * 1024
    most: int = 400
    ending: bool = False


class _Unfit(Exception):
    """Raised within the parser, which then ends in a refusal."""


class _Lenient:
    """A transport that drops what is written when nobody reads any more, as asyncio's own does; uvloop's raises."""

    def __init__(self, transport: Any) -> None:
        self._transport = transport

    def write(self, data: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's protocol by httptools, within bounds.

    A client *owes* bytes from when it connects, or begins a request, until the request is complete.  The server calls
    `check` once a second; a client that owes for too long gets a 408, one that does not read its answer is cut off.
    """

    def __init__(
        self, *arguments: Any, bounds: Bounds, refused: Callable[[int], None] = lambda status: None, **options: Any
    ) -> None:
        super().__init__(*arguments, **options)
        self._refused = refused  # is told the status of each refusal
        self.bounds, self.since, self.owes, self.heading = bounds, time.monotonic(), True, True
        self.received = self.body = 0  # bytes of the request that is being received, and of its body alone
        self.stalled: float | None = None  # since when an answer waits to be read
        self.refusal = 400

    # ---- what the transport calls

    def connection_made(self, transport: Any) -> None:
        lenient: Any = _Lenient(transport)
        super().connection_made(lenient)
        if len(self.connections) > self.bounds.most:
            self._make_room()

    def _make_room(self) -> None:
        """Close the connection that has kept us waiting longest; those whose request is being answered stay."""
        others = [
            other for other in self.connections if isinstance(other, BoundedProtocol) and (other.free or other.owes)
        ]
        min(others, key=lambda other: other.since, default=self).transport.abort()

    @property
    def free(self) -> bool:
        """Whether every request that has come is answered."""
        return self.cycle is None or self.cycle.response_complete

    def data_received(self, data: bytes) -> None:
        heading = self.heading and self.received > 0
        self.received += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if heading and self.heading and self.received > self.bounds.header:
            self.refuse(431, "The headers are too large.")
        elif self.owes and not self.heading and self.received > 2 * self.bounds.header + FRAMES * self.body:
            self.refuse(400, "The body comes with too much beside it.")

    def pause_writing(self) -> None:
        super().pause_writing()
        self.stalled = time.monotonic()

    def resume_writing(self) -> None:
        super().resume_writing()
        self.stalled = None

    # ---- what the parser calls

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.heading = True
        if not self.owes:  # on a new connection the time runs from its first moment
            self.owes, self.since, self.received = True, time.monotonic(), 0
        self.body = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.heading:  # what follows a body in chunks says nothing, for the headers are checked by then
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if size > self.bounds.header or len(self.headers) > self.bounds.headers:
            self.refusal = 431
            raise _Unfit
        if not self.url.startswith((b"/", b"*")) and not self._names_its_host():
            raise _Unfit
        self.heading = False
        super().on_headers_complete()
        if self.bounds.ending and self.cycle is not None:
            self.cycle.keep_alive = False

    def _names_its_host(self) -> bool:
        """Whether a target such as "http://127.0.0.1:8080/x" says the same as the header Host."""
        authority = self.url.partition(b"://")[2].partition(b"/")[0].partition(b"?")[0]
        return all(value.lower() == authority.lower() for name, value in self.headers if name == b"host")

    def on_body(self, body: bytes) -> None:
        self.body += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        self.owes = False
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if not self.owes:
            self.since = time.monotonic()

    def let_end(self) -> None:
        """The answer that is being made is the last one here."""
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.keep_alive = False

    # ---- refusals

    def send_400_response(self, msg: str) -> None:
        """What uvicorn answers to a request that cannot be parsed."""
        if not self.transport.is_closing():
            self.refuse(self.refusal, "The headers are too large." if self.refusal == 431 else msg)

    def refuse(self, status: int, line: str) -> None:
        """Answer with a status and a line, unless another answer has begun, and close."""
        if self.free or not self.cycle.response_started:
            self._refused(status)
            self.transport.write(
                STATUS_LINE[status] + b"content-type: text/plain; charset=utf-8\r\nx-content-type-options: nosniff\r\n"
                b"connection: close\r\ncontent-length: %d\r\n\r\n%s" % (len(line), line.encode())
            )
        if self.cycle is not None:  # nothing more of the application goes out
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.close()

    def check(self, now: float) -> None:
        """End it where the client is too slow."""
        bounds = self.bounds
        if self.stalled is not None and now - self.stalled > bounds.seconds:
            return self.transport.abort()
        if not self.owes or self.flow.read_paused or (self.heading and not self.free):
            return None
        allowed = bounds.seconds + (0 if self.heading else self.received / bounds.rate)
        if now - self.since > allowed and not self.transport.is_closing():
            self.refuse(408, "The request took too long to arrive.")
        return None
