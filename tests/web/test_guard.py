"""The guard: who may ask, from where, how much, and what every answer carries; each by a real request."""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from madi.web.guard import PLAIN_POLICY, SECURITY_HEADERS, Guard, Rules, local_hosts
from tests.web.running import Running, status_of

TOKEN = "0123456789abcdef0123"


async def echoing(scope: Any, receive: Any, send: Any) -> None:
    """Tells the size of the body; lets everybody in by its own headers; fails where the path says so."""
    if scope["type"] == "websocket":
        await receive()
        return await send({"type": "websocket.accept", "headers": [(b"access-control-allow-origin", b"*")]})
    if scope["type"] != "http":
        return None
    if scope["path"] == "/fault":
        raise RuntimeError("/secret/path of the program")
    size, more = 0, scope["method"] == "POST"
    while more:
        message = await receive()
        size, more = size + len(message.get("body", b"")), message.get("more_body")
    text = json.dumps({"path": scope["path"], "size": size}).encode()
    headers = [(b"Access-Control-Allow-Origin", b"*"), (b"server", b"x"), (b"content-length", b"%d" % len(text))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    return await send({"type": "http.response.body", "body": text})


@pytest.fixture(scope="module")
def open_() -> Iterator[Running]:
    """A program of this machine's own address, without a token."""
    with Running(lambda port: Guard(echoing, Rules(local_hosts(port), body=1000))) as running:
        yield running


@pytest.fixture(scope="module")
def closed() -> Iterator[Running]:
    """One that asks for a token, whatever its name."""
    with Running(lambda port: Guard(echoing, Rules(None, token=TOKEN, json=True))) as running:
        yield running


def test_every_answer_carries_the_headers_and_lets_no_origin_in(open_: Running) -> None:
    for path, status in (("/", 200), ("/%2e%2e/x", 400), ("/fault", 500)):
        answer = open_.ask("GET", path, Origin="http://evil.example")
        assert answer.status == status
        assert answer.headers.items() >= SECURITY_HEADERS.items()
        assert answer.headers["content-security-policy"] == PLAIN_POLICY
        assert not [name for name in answer.headers if name.startswith("access-control") or name == "server"]


def test_a_name_that_was_made_to_point_here_is_refused(open_: Running) -> None:
    for host in (f"localhost:{open_.port}", f"127.0.0.1:{open_.port}"):
        assert open_.ask("GET", "/", Host=host).status == 200
    for host in ("evil.example", f"evil.example:{open_.port}", "127.0.0.1", f"127.0.0.1:{open_.port}.evil.example", ""):
        assert open_.ask("GET", "/", Host=host).status == 421
    assert status_of(open_.send(b"GET / HTTP/1.0\r\n\r\n")) == 421
    twice = f"GET / HTTP/1.1\r\nHost: {open_.host}\r\nHost: evil.example\r\nConnection: close\r\n\r\n".encode()
    assert status_of(open_.send(twice)) == 400


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_pages_of_other_origins_change_nothing(open_: Running, method: str) -> None:
    for origin in ("http://evil.example", "null", f"http://evil.example@{open_.host}", f"ftp://{open_.host}"):
        assert open_.ask(method, "/", b"", Origin=origin).status == 403
    assert open_.ask(method, "/", b"", Origin=f"http://{open_.host}").status == 200
    assert open_.ask(method, "/", b"").status == 200  # no browser


def test_an_origin_is_held_against_the_name_where_names_are_unknown(closed: Running) -> None:
    bearer = {"Authorization": f"Bearer {TOKEN}", "Host": "madi.example"}
    assert closed.ask("POST", "/", b"", Origin="http://madi.example", **bearer).status == 200
    assert closed.ask("POST", "/", b"", Origin="http://evil.example", **bearer).status == 403


def test_a_web_socket_of_another_origin_is_refused(open_: Running) -> None:
    asked = "GET / HTTP/1.1\r\nHost: {host}\r\nOrigin: {origin}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    asked += "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    with open_.connect() as connection:
        connection.sendall(asked.format(host=open_.host, origin=f"http://{open_.host}").encode())
        answer = connection.recv(4096)
    assert status_of(answer) == 101
    assert b"access-control" not in answer.lower()
    others = ["http://evil.example", "null", "", f"http://{open_.host}.evil.example", "http://localhost:1", "file://"]
    for host, origin in [*((open_.host, other) for other in others), ("evil.example", "http://evil.example")]:
        assert status_of(open_.send(asked.format(host=host, origin=origin).encode())) == 403
    without = asked.replace("Origin: {origin}\r\n", "")  # no browser leaves it out
    assert status_of(open_.send(without.format(host=open_.host).encode())) == 403


@pytest.mark.parametrize(
    "path",
    ["/../x", "/a/../../x", "/%2e%2e/x", "/%252e%252e/x", "/%25252e%25252e%25252fx", "/..%2fx", "/..%5cx", "/a%5cb",
     "/a\\b", "/x%00.png", "/x%2500.png"],
)  # fmt: skip
def test_a_path_that_leaves_is_refused(open_: Running, path: str) -> None:
    asked = f"GET {path} HTTP/1.1\r\nHost: {open_.host}\r\nConnection: close\r\n\r\n".encode()
    assert status_of(open_.send(asked)) == 400


def test_a_path_with_dots_in_a_name_is_none_that_leaves(open_: Running) -> None:
    assert open_.ask("GET", "/a..b/c.txt%20d").json["path"] == "/a..b/c.txt d"


@pytest.mark.parametrize(
    "host", ["127.0.0.1.", "localhost.", "127.1", "2130706433", "0.0.0.0", "evil@127.0.0.1", "::1"]
)
def test_other_ways_to_write_a_name_are_refused(open_: Running, host: str) -> None:
    assert open_.ask("GET", "/", Host=f"{host}:{open_.port}").status == 421


def test_the_head_of_an_answer_comes_without_its_body(open_: Running) -> None:
    whole, head = open_.ask("GET", "/"), open_.ask("HEAD", "/")
    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-length"] == whole.headers["content-length"] != "0"


def test_a_length_of_many_digits_and_a_body_in_another_form(open_: Running) -> None:
    head = f"POST / HTTP/1.1\r\nHost: {open_.host}\r\nConnection: close\r\n"
    for lines, status in (
        (f"Content-Length: {'0' * 9000}2\r\n\r\n{{}}", 200),
        (f"Content-Length: {2**63}\r\n\r\n", 413),
        ("Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400),
        ("Content-Encoding: identity\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}", 400),
    ):
        assert status_of(open_.send((head + lines).encode())) == status


def test_a_cookie_is_found_among_others_and_none_takes_long(closed: Running) -> None:
    for held in (f"a=b; madi={TOKEN}", f"madi={TOKEN};c", f"madi=old; madi={TOKEN}", f"; ;madi={TOKEN}; x"):
        assert closed.ask("GET", "/", Cookie=held).status == 200
    for held in (f'madi="{TOKEN}', f"xmadi={TOKEN}", "madi", "=", f"madi {TOKEN}", 'a="' + "\\a" * 10_000 + '"'):
        assert closed.ask("GET", "/", Cookie=held).status == 401


def test_a_body_may_be_so_large_and_no_larger(open_: Running) -> None:
    assert open_.ask("POST", "/", b"x" * 1000).json["size"] == 1000
    answer = open_.ask("POST", "/", b"x" * 300_000)
    assert answer.status == 413
    assert b"1000 bytes" in answer.body
    head = f"POST / HTTP/1.1\r\nHost: {open_.host}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    assert status_of(open_.send(head, *[b"400\r\n" + b"x" * 1024 + b"\r\n"] * 2, b"0\r\n\r\n")) == 413


def test_the_token_is_asked_for_in_every_request(closed: Running) -> None:
    for path in ("/", "/fault", "/?token=wrong", f"/?token={TOKEN}x"):
        answer = closed.ask("GET", path)
        assert answer.status == 401
        assert "Bearer" in answer.json["error"]
        assert answer.headers["www-authenticate"] == "Bearer"
    for given in (f"Bearer {TOKEN[:-1]}", f"Bearer {TOKEN}x", "Bearer", TOKEN, f"Basic {TOKEN}", "Bearer é"):
        assert closed.ask("GET", "/", Authorization=given).status == 401
    assert closed.ask("GET", "/", Authorization=f"Bearer {TOKEN}").status == 200
    assert closed.ask("GET", "/", Cookie=f"madi={TOKEN}").status == 200
    assert closed.ask("GET", "/", Cookie=f"other={TOKEN}").status == 401


def test_a_token_in_the_address_becomes_a_cookie(closed: Running) -> None:
    answer = closed.ask("GET", f"/step?token={TOKEN}&model=a%20b")
    assert (answer.status, answer.headers["location"]) == (303, "/step?model=a+b")
    assert answer.headers["set-cookie"] == f"madi={TOKEN}; Path=/; HttpOnly; SameSite=Strict"
    assert answer.headers.items() >= {"cache-control": "no-store", "referrer-policy": "no-referrer"}.items()
    for path in ("//evil.example/", "/%0d%0aset-cookie:x"):
        assert closed.ask("GET", f"{path}?token={TOKEN}").headers["location"].startswith("/?") or (
            closed.ask("GET", f"{path}?token={TOKEN}").headers["location"] == "/"
        )


def test_a_token_is_compared_in_constant_time(closed: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []
    monkeypatch.setattr(hmac, "compare_digest", lambda one, other: compared.append((one, other)))
    assert closed.ask("GET", "/", Authorization="Bearer guess").status == 401
    assert compared == [(b"guess", TOKEN.encode())]


def test_nothing_that_is_logged_holds_the_token(closed: Running, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        closed.ask("GET", f"/fault?token={TOKEN}")
        closed.ask("GET", f"/fault?x={TOKEN}", Authorization=f"Bearer {TOKEN}", Cookie=f"madi={TOKEN}")
    assert "a request failed" in caplog.text
    assert TOKEN not in caplog.text


def test_a_fault_tells_nothing_of_the_program(open_: Running) -> None:
    answer = open_.ask("GET", "/fault")
    assert (answer.status, answer.body) == (500, b"A fault of the program.")


def test_any_name_without_a_token_is_no_rule() -> None:
    with pytest.raises(ValueError, match="needs a token"):
        Rules(None)


def test_what_the_end_of_the_server_cuts_off_is_told() -> None:
    sent: list[Any] = []

    async def cut_off(scope: Any, receive: Any, send: Any) -> None:
        raise asyncio.CancelledError

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/", "headers": [(b"host", b"localhost:1")]}
    asyncio.run(Guard(cut_off, Rules(local_hosts(1)))(scope, send, send))
    assert (sent[0]["status"], sent[1]["body"]) == (503, b"The program ends.")
