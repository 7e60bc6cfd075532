"""A server in a thread of the test, and plain sockets in front of it."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from madi.web.lifetime import Server
from madi.web.server import bound

SECONDS = 120  # that anything may take on a busy machine


class Running:
    """What `make(port)` gives, served; within a `with` block."""

    def __init__(self, make: Callable[[int], Any], **options: Any) -> None:
        self.listening = bound("127.0.0.1", 0)
        self.port = self.listening.getsockname()[1]
        self.host, answers = f"127.0.0.1:{self.port}", threading.Event()
        self.server = Server(make(self.port), ready=answers.set, **options)
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self.listening]}, daemon=True)
        self.thread.start()
        assert answers.wait(SECONDS)

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *error: object) -> None:
        self.end()

    def end(self) -> None:
        """As SIGTERM ends it."""
        self.server.should_exit = True
        self.thread.join(SECONDS)
        assert not self.thread.is_alive()
        self.listening.close()

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """One request, over a connection of its own; a body that is no bytes goes as JSON."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None and not isinstance(body, bytes):
            body, given = json.dumps(body).encode(), {"Content-Type": "application/json", **given}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)
        try:
            connection.request(method, path, body, given)
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, found, answer.read())
        finally:
            connection.close()

    def connect(self) -> socket.socket:
        """A connection that has asked nothing yet."""
        return socket.create_connection(("127.0.0.1", self.port), SECONDS)

    def send(self, *parts: bytes, pause: float = 0.0) -> bytes:
        """All that comes back for these bytes until the server closes the connection, or nothing more comes."""
        with self.connect() as connection:
            try:
                for part in parts:
                    connection.sendall(part)
                    time.sleep(pause)
            except OSError:
                pass  # closed while we were sending: what came back is still there
            return received(connection)


class Answer:
    """A status, headers in lower case, and a body."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def wait_for(holds: Callable[[], Any]) -> None:
    """Until it holds, as it is bound to."""
    end = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < end, "what was waited for did not come"
        time.sleep(0.01)


def received(connection: socket.socket) -> bytes:
    """What comes until the other side closes."""
    found = b""
    try:
        while part := connection.recv(65536):
            found += part
    except OSError:
        pass
    return found


def listening_on(port: int) -> list[str]:
    """The addresses, as Linux writes them ("0100007F" is 127.0.0.1), on which this machine listens to a port."""
    tables = [Path(f"/proc/net/{name}") for name in ("tcp", "tcp6")]
    if not tables[0].exists():
        pytest.skip("needs Linux")
    lines = [line.split() for table in tables if table.exists() for line in table.read_text().splitlines()[1:]]
    return [line[1].partition(":")[0] for line in lines if line[3] == "0A" and line[1].endswith(f":{port:04X}")]


def status_of(answer: bytes) -> int | None:
    """That of raw bytes; None where the connection was closed without a word."""
    return int(answer.split()[1]) if answer else None
