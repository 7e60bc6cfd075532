"""The guard before every program over HTTP: who asks, from where, how much; and what every answer carries.

One class wraps the whole application, pages, files and web sockets alike, so that no route can be forgotten.
"""

from __future__ import annotations

import hmac
import logging
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
LARGEST_BODY = 64 * 2**20  # bytes
TOKEN = "token"  # of the address, once

SECURITY_HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}

# What a page may load: all of it from here.  The page's own framework compiles its templates in the browser.
PAGE_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
PLAIN_POLICY = "default-src 'none'; frame-ancestors 'none'"


@dataclass(frozen=True)
class Rules:
    """What the guard asks.

    hosts    names, with their ports, under which the program may be asked for ("127.0.0.1:8080"): any other is a
             page elsewhere whose name was made to point here
    token    what every request must know, or None: in the address (`?token=`) once, then in a cookie, or as a bearer
    cookie   the cookie's name: one a port, since cookies know no ports
    policy   the content policy of answers
    body     bytes of the largest body
    """

    hosts: frozenset[str]
    token: str | None = None
    cookie: str = "madi"
    policy: str = PLAIN_POLICY
    body: int = LARGEST_BODY


class Refusal(Exception):
    """A request that is not let through: the status and one line."""

    def __init__(self, status: int, line: str) -> None:
        super().__init__(line)
        self.status, self.line = status, line


class Guard:
    """An ASGI application before another: refuses by the rules, and adds headers to what the other answers.

    An exception of the application becomes a plain 500: what went wrong stands in the log of this program alone.
    """

    def __init__(self, application: Application, rules: Rules) -> None:
        self.application, self.rules = application, rules

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection."""
        if scope["type"] not in ("http", "websocket"):
            return await self.application(scope, receive, send)
        answer = _Answer(send, self.rules)
        try:
            self._check(scope)
            if (clean := self._arrival(scope)) is not None:
                return await _enter(scope, send, self.rules, clean)
            await self.application(scope, _limited(receive, self.rules.body), answer.send)
        except Refusal as refusal:
            await _refuse(scope, send, refusal, self.rules, begun=answer.begun)
        except Exception:
            logging.getLogger("madi").exception("a request failed")
            await _refuse(scope, send, Refusal(500, "A fault of the program."), self.rules, begun=answer.begun)

    def _check(self, scope: Scope) -> None:
        headers = _headers(scope)
        if headers.get("host") not in self.rules.hosts:
            raise Refusal(421, "This program does not answer under that name.")
        _expect_own_origin(scope, headers, self.rules.hosts)
        _expect_clean_path(scope)
        if (length := headers.get("content-length")) and (not length.isdecimal() or int(length) > self.rules.body):
            raise Refusal(413, f"A body may have at most {self.rules.body} bytes.")

    def _arrival(self, scope: Scope) -> str | None:
        """The address without the token, where it carries the right one; Refusal where the token is not known."""
        if self.rules.token is None:
            return None
        query = parse_qsl(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)
        given = dict(query).get(TOKEN)
        if given is not None and scope["type"] == "http" and _same(given, self.rules.token):
            rest = urlencode([(name, value) for name, value in query if name != TOKEN])
            return scope["path"] + (f"?{rest}" if rest else "")
        if not any(_same(known, self.rules.token) for known in _known(_headers(scope), self.rules.cookie)):
            raise Refusal(401, "Open the address that the program printed: it carries a token.")
        return None


def local_hosts(port: int, *, host: str = "127.0.0.1") -> frozenset[str]:
    """The names of a program on this machine's own address, and `host` where it is bound to another."""
    names = {"127.0.0.1", "localhost", "[::1]", f"[{host}]" if ":" in host else host}
    return frozenset(f"{name}:{port}" for name in names) | (frozenset(names) if port == 80 else frozenset())


def _headers(scope: Scope) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())


def _known(headers: dict[str, str], cookie: str) -> Iterable[str]:
    """The tokens that a request carries."""
    kind, _, value = headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        yield value.strip()
    try:
        held = SimpleCookie(headers.get("cookie", ""))
    except CookieError:
        return
    if cookie in held:
        yield held[cookie].value


def _expect_own_origin(scope: Scope, headers: dict[str, str], hosts: frozenset[str]) -> None:
    """Refuse what a page of another origin asks to change, and every web socket of one."""
    origin = headers.get("origin")
    changes = scope["type"] == "websocket" or scope.get("method") not in SAFE_METHODS
    if changes and origin is not None and origin.partition("://")[2] not in hosts:
        raise Refusal(403, "Pages of other origins may not ask for that.")


def _expect_clean_path(scope: Scope) -> None:
    path = scope["path"]
    for _ in range(3):  # as it came, and what would become of it decoded twice more
        if "\0" in path or "\\" in path or ".." in path.split("/"):
            raise Refusal(400, "That is no path of this program.")
        path = unquote(path)


def _limited(receive: Receive, most: int) -> Receive:
    """`receive` that ends with a Refusal after `most` bytes of body, whatever its header said."""
    seen = 0

    async def limited() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b"")) if message["type"] == "http.request" else 0
        if seen > most:
            raise Refusal(413, f"A body may have at most {most} bytes.")
        return message

    return limited


class _Answer:
    """Sends an answer on with the guard's headers, and without those that let other origins in."""

    def __init__(self, send: Send, rules: Rules) -> None:
        self._send, self._rules, self.begun = send, rules, False

    async def send(self, message: Message) -> None:
        if message["type"] in ("http.response.start", "websocket.accept"):
            self.begun = True
            kept = [
                (name, value)
                for name, value in message.get("headers", [])
                if not name.lower().startswith(b"access-control-") and name.lower() != b"server"
            ]
            held = {name.lower() for name, _ in kept}
            added = [pair for pair in _guarding(self._rules) if pair[0] not in held]
            message = {**message, "headers": [*kept, *added]}
        await self._send(message)


def _guarding(rules: Rules) -> list[tuple[bytes, bytes]]:
    headers = {**SECURITY_HEADERS, "content-security-policy": rules.policy}
    return [(name.encode(), value.encode()) for name, value in headers.items()]


async def _enter(scope: Scope, send: Send, rules: Rules, address: str) -> None:
    """Keep the token in a cookie and lead to the address without it, so that it stands in no history."""
    cookie = f"{rules.cookie}={rules.token}; Path=/; HttpOnly; SameSite=Strict"
    leading = address if address.startswith("/") and not address.startswith("//") else "/"
    headers = [(b"location", leading.encode()), (b"set-cookie", cookie.encode()), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": 303, "headers": [*headers, *_guarding(rules)]})
    await send({"type": "http.response.body", "body": b""})


async def _refuse(scope: Scope, send: Send, refusal: Refusal, rules: Rules, *, begun: bool) -> None:
    if scope["type"] == "websocket":
        return await send({"type": "websocket.close", "code": 1008, "reason": refusal.line})
    if begun:
        return None  # what was sent cannot be taken back; the server closes the connection
    body = refusal.line.encode()
    plain = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    closing = [(b"connection", b"close")] if refusal.status == 413 else []
    headers = [*plain, *closing, *_guarding(rules)]
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
    return None
