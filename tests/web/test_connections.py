"""Connections that want to hold the program up: none does, and others are answered meanwhile."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from madi.errors import ConfigurationError
from madi.web.connections import Bounds, _Lenient
from madi.web.lifetime import _waiting
from madi.web.server import bound, serve_application
from tests.web.running import SECONDS, Running, received, status_of, wait_for

QUICK = Bounds(seconds=2.0, rate=1000, header=4096, headers=20, most=30)


GO = threading.Event()  # what takes long may end


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Tells the size of the body; /slow waits for `GO`, /large answers with more than sockets hold."""
    if scope["type"] != "http":
        return
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            return
        size, more = size + len(message.get("body", b"")), message.get("more_body")
    while scope["path"] == "/slow" and not GO.is_set():
        await asyncio.sleep(0.01)
    text = b"x" * 50_000_000 if scope["path"] == "/large" else b"%d" % size
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(text))]})
    await send({"type": "http.response.body", "body": text})


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("madi.web.lifetime.TICKS", 1)  # connections are looked at ten times a second
        with Running(lambda port: application, bounds=QUICK) as found:
            yield found


@pytest.fixture(autouse=True)
def _answers_others(running: Running) -> Iterator[None]:
    """After whatever a test did, another one is answered."""
    GO.clear()
    yield
    GO.set()
    assert running.ask("GET", "/").body == b"0"


HEAD = b"POST / HTTP/1.1\r\nHost: x\r\n"


@pytest.mark.parametrize(
    "parts",
    [
        [b"GET / HTTP/1.1\r\nHost: x\r\nx: " + b"y" * 100_000 + b"\r\n\r\n"],
        [b"GET /" + b"y" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n"],
        [b"GET / HTTP/1.1\r\nHost: x\r\n", b"x: y\r\n" * 40, b"\r\n"],
        [b"GET / HTTP/1.1\r\nHost: x\r\nx: ", *[b"y" * 2000] * 100],
    ],
)
def test_headers_that_are_too_large_or_too_many(running: Running, parts: list[bytes]) -> None:
    assert status_of(running.send(*parts)) in (431, None)  # None: closed while we were still sending


@pytest.mark.parametrize(
    "request_",
    [
        HEAD + b"Content-Length: -5\r\n\r\nhello",
        HEAD + b"Content-Length: 5, 6\r\n\r\nhello",
        HEAD + b"Content-Length: five\r\n\r\nhello",
        HEAD + b"Content-Length: 99999999999999999999999\r\n\r\nhello",
        HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n5;" + b"x" * 10_000,
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n" + b"x: y\r\n" * 10_000,
        b"GET http://evil.example/ HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: x\r\n\r\n",
        b"hello\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"GET / HTTP/1.1\r\n: x\r\n\r\n",
    ],
)
def test_what_is_no_request_is_refused(running: Running, request_: bytes) -> None:
    answer = running.send(request_)
    assert status_of(answer) == 400
    assert b"connection: close" in answer
    assert b"Traceback" not in answer


@pytest.mark.parametrize("target", [b"/", b"http://X/", b"http://x/?a=b"])
def test_a_target_may_name_the_host_too(running: Running, target: bytes) -> None:
    answer = running.send(b"GET " + target + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert status_of(answer) == 200


def test_a_body_in_chunks_of_one_byte_and_headers_behind_it(running: Running) -> None:
    chunks = b"1\r\nz\r\n" * 20_000 + b"0\r\n"
    answer = running.send(HEAD + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"x: y\r\n\r\n")
    assert answer.endswith(b"20000")


def test_headers_behind_a_body_are_none_of_the_request() -> None:
    seen = list[Any]()

    async def told(scope: Any, receive: Any, send: Any) -> None:
        await application(scope, receive, send)
        seen.extend(scope.get("headers", []))

    with Running(lambda port: told) as running:
        head = HEAD + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
        assert running.send(head + b"1\r\nz\r\n0\r\nContent-Encoding: gzip\r\n\r\n").endswith(b"\r\n1")
    assert [name for name, _ in seen] == [b"host", b"connection", b"transfer-encoding"]


def test_what_nobody_reads_any_more_is_dropped() -> None:
    class Closed:
        closing, written = False, b""

        def is_closing(self) -> bool:
            return self.closing

        def write(self, data: bytes) -> None:
            self.written += data

    transport = Closed()
    lenient = _Lenient(transport)
    lenient.write(b"a")
    transport.closing = True
    lenient.write(b"b")
    assert (lenient.written, lenient.is_closing()) == (b"a", True)


def test_a_length_that_is_too_short_leaves_no_second_request(running: Running) -> None:
    answer = running.send(HEAD + b"Content-Length: 3\r\n\r\nhello")
    assert b"HTTP/1.1 400" in answer
    assert answer.count(b"HTTP/1.1 200") <= 1


def test_a_length_that_is_too_long_ends_by_time(running: Running) -> None:
    assert status_of(running.send(HEAD + b"Content-Length: 1000\r\n\r\nhello")) == 408


def test_slow_headers_and_slow_bodies_end_by_time(running: Running) -> None:
    slowly = [b"x: y\r\n"] * 10
    assert status_of(running.send(b"GET / HTTP/1.1\r\nHost: x\r\n", *slowly, pause=0.3)) == 408
    assert status_of(running.send(HEAD + b"Content-Length: 1000\r\n\r\n", *[b"z"] * 10, pause=0.3)) == 408


def test_a_body_that_comes_quickly_enough_may_take_longer(running: Running) -> None:
    parts = [b"z" * 50_000] * 5  # each is time for 50 seconds
    head = HEAD + b"Connection: close\r\nContent-Length: 250000\r\n\r\n"
    assert running.send(head, *parts, pause=QUICK.seconds / 4).endswith(b"250000")


def test_a_client_that_asks_nothing_is_closed(running: Running) -> None:
    with running.connect() as connection:
        assert status_of(received(connection)) == 408


def test_a_client_that_does_not_read_its_answer_is_cut_off(running: Running) -> None:
    with running.connect() as connection:
        connection.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.recv(1)
        wait_for(lambda: not running.server.server_state.connections)


def test_many_idle_connections_make_room(running: Running) -> None:
    idle = [running.connect() for _ in range(100)]
    try:
        assert running.ask("GET", "/").status == 200
        assert len(running.server.server_state.connections) <= QUICK.most + 1
    finally:
        for connection in idle:
            connection.close()


def answering(server: Any) -> bool:
    """Whether a request has come whole and is not answered yet."""
    return any(not one.free and not one.owes for one in server.server_state.connections)


def test_whoever_is_being_answered_is_not_closed_to_make_room(running: Running) -> None:
    with running.connect() as busy:
        busy.sendall(b"GET /slow HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        wait_for(lambda: answering(running.server))
        idle = [running.connect() for _ in range(60)]
        wait_for(lambda: len(running.server.server_state.connections) >= QUICK.most)
        assert running.ask("GET", "/").status == 200  # all of them were taken: this one came after them
        GO.set()
        assert received(busy).endswith(b"\r\n0")
        for connection in idle:
            connection.close()


def test_requests_behind_one_another_are_answered_in_order(running: Running) -> None:
    parts = b"".join(HEAD + b"Content-Length: %d\r\n\r\n" % size + b"z" * size for size in (3, 2, 1))
    answer = running.send(parts + b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert [part[-1:] for part in answer.split(b"HTTP/1.1 200 OK")[1:]] == [b"3", b"2", b"1", b"0"]


def test_at_the_end_each_connection_gets_its_answer_and_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("madi.web.lifetime.LINGER", SECONDS)  # which ends when there are no connections any more
    told = list[str]()
    made = Running(lambda port: application, ending=lambda: told.append("ending"))
    with made as running, running.connect() as idle, running.connect() as busy:
        idle.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"close" not in idle.recv(4096)
        busy.sendall(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        wait_for(lambda: answering(made.server))
        assert told == []
        running.server.should_exit = True
        wait_for(lambda: told == ["ending"])
        idle.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")  # on a connection that was kept alive
        GO.set()
        for connection in (idle, busy):
            answer = received(connection)
            assert status_of(answer) == 200
            assert b"connection: close" in answer
        running.thread.join(SECONDS)
        assert not running.thread.is_alive()


def test_a_server_that_ends_leaves_the_bounds_of_others_as_they_are() -> None:
    bounds = Bounds()
    with Running(lambda port: application, bounds=bounds):
        pass
    assert not bounds.ending


def test_connections_that_nobody_has_taken_yet_are_taken_at_the_end() -> None:
    with bound("127.0.0.1", 0) as listening:
        listening.listen()
        clients = [socket.create_connection(listening.getsockname()) for _ in range(3)]
        taken = list[socket.socket]()
        wait_for(lambda: taken.extend(_waiting(listening)) or len(taken) == len(clients))
        assert {one.getpeername() for one in taken} == {client.getsockname() for client in clients}
        assert _waiting(listening) == []
        for one in (*clients, *taken):
            one.close()


def test_a_port_that_is_taken_is_told() -> None:
    with bound("127.0.0.1", 0) as taken:
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"Port {port} of 127.0.0.1 cannot be listened on"):
            bound("127.0.0.1", port)


def test_a_port_that_another_program_took_meanwhile_is_told() -> None:
    others = []

    def make(port: int) -> Any:
        others.append(bound("127.0.0.1", port))  # Linux allows two while neither listens
        others[0].listen()
        return application

    try:
        with pytest.raises(ConfigurationError, match="cannot be listened on"):
            serve_application(make, ready=lambda port: None)
    finally:
        for other in others:
            other.close()
