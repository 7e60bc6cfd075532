"""The studio behind the guard, as a browser of somebody else would ask it; and where both programs listen."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.studio.conftest import Studio
from tests.web.running import listening_on, received, status_of

SECONDS = 30
SOCKET = "/_nicegui_ws/socket.io/?EIO=4&transport="


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    pytest.importorskip("nicegui")
    running = Studio(tmp_path_factory.mktemp("studio"))
    yield running
    said = running.end()
    assert token_of(running) not in said
    assert running.process.returncode == 0


def token_of(studio: Studio) -> str:
    return parse_qs(urlsplit(studio.entrance).query)["token"][0]


def port_of(studio: Studio) -> int:
    return urlsplit(studio.entrance).port or 0


def ask(studio: Studio, method: str, path: str, *, known: bool = True, **headers: str) -> Any:
    """An answer of the studio, its body read; `known` with the cookie that a browser has."""
    port = port_of(studio)
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    cookie = {"Cookie": f"madi_studio_{port}={token_of(studio)}"} if known else {}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    connection.request(method, path, headers={**cookie, **given})
    answer = connection.getresponse()
    answer.text = answer.read()  # type: ignore[attr-defined]
    connection.close()
    return answer


def test_nothing_is_told_without_the_token(studio: Studio) -> None:
    for path in ("/", "/step", SOCKET + "polling", "/_nicegui/x/components/y.js", "/favicon.ico", "/?token=wrong"):
        assert ask(studio, "GET", path, known=False).status == 401
    assert ask(studio, "GET", "/").status == 200


def test_the_token_becomes_a_cookie_of_this_program_alone(studio: Studio) -> None:
    answer = ask(studio, "GET", f"/step?token={token_of(studio)}", known=False)
    assert (answer.status, answer.headers["location"]) == (303, "/step")
    assert answer.headers["set-cookie"].startswith(f"madi_studio_{port_of(studio)}=")
    assert "HttpOnly" in answer.headers["set-cookie"]
    assert "SameSite=Strict" in answer.headers["set-cookie"]


def test_every_answer_is_guarded_and_lets_no_origin_in(studio: Studio) -> None:
    for method, path in (
        ("GET", "/"),
        ("GET", SOCKET + "polling"),
        ("OPTIONS", SOCKET + "polling"),
        ("GET", "/nothing"),
    ):
        headers = {
            name.lower(): value for name, value in ask(studio, method, path, Origin="http://evil.example").getheaders()
        }
        assert not [name for name in headers if name.startswith("access-control")], path
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "http" not in headers["content-security-policy"]
        assert headers["referrer-policy"] == "no-referrer"
        assert "server" not in headers


def test_other_names_and_other_origins_are_refused(studio: Studio) -> None:
    assert ask(studio, "GET", "/", Host=f"evil.example:{port_of(studio)}").status == 421
    for method, path in (("POST", SOCKET + "polling"), ("POST", "/"), ("DELETE", "/x")):
        assert ask(studio, method, path, Origin="http://evil.example").status == 403
    own = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec_WebSocket_Version": "13",
           "Sec_WebSocket_Key": "dGhlIHNhbXBsZSBub25jZQ=="}  # fmt: skip
    path = SOCKET + "websocket"
    mine = {"Origin": studio.address}
    for origin in ("http://evil.example", "null", "", "http://localhost:1", studio.address + ".evil.example"):
        assert ask(studio, "GET", path, Origin=origin, **own).status == 403
    assert ask(studio, "GET", path, **own).status == 403  # every browser says where a page is from
    assert ask(studio, "GET", path, known=False, **mine, **own).status == 403
    other = f"madi_studio_{port_of(studio) + 1}={token_of(studio)}"  # a cookie of another program of this machine
    assert ask(studio, "GET", path, known=False, Cookie=other, **mine, **own).status == 403
    assert ask(studio, "GET", path, Host="evil.example", **mine, **own).status == 403
    connection = http.client.HTTPConnection("127.0.0.1", port_of(studio), timeout=SECONDS)
    cookie = f"madi_studio_{port_of(studio)}={token_of(studio)}"
    connection.request(
        "GET", path, headers={"Cookie": cookie, **mine, **{k.replace("_", "-"): v for k, v in own.items()}}
    )
    assert connection.getresponse().status == 101
    connection.close()


@pytest.mark.parametrize(
    "path", ["/%2e%2e/x", "/_nicegui/%252e%252e/x", "/a%5c..%5cx", "/x%00", "/..%2f..%2fetc/passwd"]
)
def test_paths_that_leave_are_refused(studio: Studio, path: str) -> None:
    assert ask(studio, "GET", path).status == 400


def test_large_bodies_and_headers_are_refused(studio: Studio) -> None:
    def raw(text: str) -> int | None:
        with socket.create_connection(("127.0.0.1", port_of(studio)), SECONDS) as connection:
            head = f"POST / HTTP/1.1\r\nHost: 127.0.0.1:{port_of(studio)}\r\nConnection: close\r\n"
            connection.sendall((head + text).encode())
            return status_of(received(connection))

    assert raw(f"Content-Length: {2**40}\r\n\r\n") == 413
    assert raw(f"X: {'y' * 50_000}\r\n\r\n") == 431
    assert raw("Content-Length: -1\r\n\r\n") == 400
    assert ask(studio, "GET", "/").status == 200


def test_no_answer_tells_of_the_program(studio: Studio) -> None:
    for method, path in (("GET", "/nothing"), ("POST", "/step"), ("GET", "/_nicegui/auto/static/nothing.js")):
        text = ask(studio, method, path).text
        for secret in ("Traceback", "site-packages", str(studio.folder), str(Path.home()), token_of(studio)):
            assert secret.encode() not in text


def test_it_listens_on_this_machine_s_own_address_alone(studio: Studio) -> None:
    assert listening_on(port_of(studio)) == ["0100007F"]
