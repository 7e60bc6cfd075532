"""The guard before every program over HTTP: who asks, from where, how much; and what every answer carries.

One class wraps the whole application, pages, files and web sockets alike, so that no route can be forgotten.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
Pairs = list[tuple[bytes, bytes]]

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
# Headers that stand once or never.
SINGLE = ("host", "content-length", "content-type", "content-encoding", "origin", "authorization")
DIGITS = 20  # of the length of a body
LARGEST_BODY = 64 * 2**20  # bytes
TOKEN = "token"  # of the address, once
LINGER = 2.0  # seconds in which the rest of a body that is too large is read and dropped, so that the answer arrives

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
             page elsewhere whose name was made to point here.  None: any, for a program that listens on addresses
             whose names it cannot know; then the token alone tells
    token    what every request must know, or None: in the address (`?token=`) once, then in a cookie, or as a bearer
    cookie   the cookie's name: one a port, since cookies know no ports
    policy   the content policy of answers
    body     bytes of the largest body
    json     whether a refusal is {"error": line}, for programs; else the plain line, for people
    """

    hosts: frozenset[str] | None
    token: str | None = None
    cookie: str = "madi"
    policy: str = PLAIN_POLICY
    body: int = LARGEST_BODY
    json: bool = False

    def __post_init__(self) -> None:
        if self.hosts is None and self.token is None:
            raise ValueError("Rules: whoever may be asked for under any name needs a token. Give one.")


class Refusal(Exception):
    """A request that is not let through: the status and one line."""

    def __init__(self, status: int, line: str) -> None:
        super().__init__(line)
        self.status, self.line = status, line


class Guard:
    """An ASGI application before another: refuses by the rules, and adds headers to what the other answers.

    An exception of the application becomes a plain 500: what went wrong stands in the log of this program alone.

    refused    is told the status of each answer that is the guard's own
    """

    def __init__(
        self, application: Application, rules: Rules, *, refused: Callable[[int], None] = lambda status: None
    ) -> None:
        self.application, self.rules, self._refused = application, rules, refused
        headers = {**SECURITY_HEADERS, "content-security-policy": rules.policy}
        self._added = [(name.encode(), value.encode()) for name, value in headers.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection."""
        if scope["type"] not in ("http", "websocket"):
            return await self.application(scope, receive, send)
        answer = _Answer(send, self._added)
        try:
            headers = _headers(scope)
            self._check(scope, headers)
            if (clean := self._arrival(scope, headers)) is not None:
                return await self._enter(answer.send, clean)
            if scope.get("method") == "HEAD":  # the server leaves the body out
                scope = {**scope, "method": "GET"}
            await self.application(scope, _limited(receive, self.rules.body), answer.send)
        except Refusal as refusal:
            await self._refuse(scope, receive, answer, refusal)
        except asyncio.CancelledError:  # the server ends and has waited long enough
            if scope["type"] != "http":
                raise
            await self._refuse(scope, receive, answer, Refusal(503, "The program ends."))
        except Exception:
            logging.getLogger("madi").exception("a request failed")
            await self._refuse(scope, receive, answer, Refusal(500, "A fault of the program."))

    def _check(self, scope: Scope, headers: dict[str, str]) -> None:
        hosts = self.rules.hosts
        if hosts is not None and headers.get("host", "").lower() not in hosts:
            raise Refusal(421, "This program does not answer under that name.")
        _expect_own_origin(scope, headers, hosts)
        _expect_clean_path(scope)
        if headers.get("transfer-encoding", "chunked").lower() != "chunked":
            raise Refusal(400, "Send the body as it is, or in chunks.")
        if (length := headers.get("content-length", "").lstrip("0")) and (
            not length.isdecimal() or len(length) > DIGITS or int(length) > self.rules.body
        ):
            raise _too_large(self.rules.body)

    def _arrival(self, scope: Scope, headers: dict[str, str]) -> str | None:
        """The address without the token, where it carries the right one; Refusal where the token is not known."""
        if self.rules.token is None:
            return None
        query = parse_qsl(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)
        given = dict(query).get(TOKEN)
        if given is not None and scope["type"] == "http" and _same(given, self.rules.token):
            rest = urlencode([(name, value) for name, value in query if name != TOKEN])
            return scope["path"] + (f"?{rest}" if rest else "")
        if not any(_same(known, self.rules.token) for known in _known(headers, self.rules.cookie)):
            raise Refusal(401, self._how_to_enter())
        return None

    def _how_to_enter(self) -> str:
        if self.rules.json:
            return "This program asks for its token: send the header Authorization: Bearer TOKEN."
        return "Open the address that the program printed: it carries a token."

    async def _enter(self, send: Send, address: str) -> None:
        """Keep the token in a cookie and lead to the address without it, so that it stands in no history."""
        cookie = f"{self.rules.cookie}={self.rules.token}; Path=/; HttpOnly; SameSite=Strict"
        plain = address.startswith("/") and not address.startswith("//") and address.isascii() and address.isprintable()
        headers = [(b"location", (address if plain else "/").encode()), (b"set-cookie", cookie.encode())]
        headers += [(b"cache-control", b"no-store"), (b"content-length", b"0")]
        await send({"type": "http.response.start", "status": 303, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    async def _refuse(self, scope: Scope, receive: Receive, answer: _Answer, refusal: Refusal) -> None:
        if scope["type"] == "websocket":
            return await answer.send({"type": "websocket.close", "code": 1008, "reason": refusal.line})
        if answer.begun:
            return None  # what was sent cannot be taken back; the server closes the connection
        self._refused(refusal.status)
        kind, body = b"text/plain; charset=utf-8", refusal.line.encode()
        if self.rules.json:
            kind, body = b"application/json", json.dumps({"error": refusal.line}).encode()
        headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode())]
        headers += [(b"www-authenticate", b"Bearer")] if refusal.status == 401 else []
        unread = refusal.status == 413
        headers += [(b"connection", b"close")] if unread else []
        await answer.send({"type": "http.response.start", "status": refusal.status, "headers": headers})
        await answer.send({"type": "http.response.body", "body": body, "more_body": unread})
        if unread:
            await _drop(receive)
            await answer.send({"type": "http.response.body", "body": b""})
        return None


def local_hosts(port: int, *, host: str = "127.0.0.1") -> frozenset[str]:
    """The names of a program on this machine's own address, and `host` where it is bound to another."""
    names = {"127.0.0.1", "localhost", "[::1]", f"[{host}]" if ":" in host else host}
    return frozenset(f"{name}:{port}" for name in names) | (frozenset(names) if port == 80 else frozenset())


def _headers(scope: Scope) -> dict[str, str]:
    """The headers by name; Refusal where one that says what the others mean is given twice."""
    found: dict[str, str] = {}
    for name_, value in scope["headers"]:
        name = name_.decode("latin-1").lower()
        if name in found and name in SINGLE:
            raise Refusal(400, f"The header {name} is given twice.")
        found[name] = value.decode("latin-1")
    return found


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(errors="replace"), other.encode(errors="replace"))


def _known(headers: dict[str, str], cookie: str) -> Iterable[str]:
    """The tokens that a request carries."""
    kind, _, value = headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        yield value.strip()
    for part in headers.get("cookie", "").split(";"):  # Python's own parser takes a second for 30 KB of backslashes
        name, _, value = part.strip().partition("=")
        if name == cookie:
            yield value


def _expect_own_origin(scope: Scope, headers: dict[str, str], hosts: frozenset[str] | None) -> None:
    """Refuse what a page of another origin asks to change, and every web socket of one."""
    origin, socket = headers.get("origin"), scope["type"] == "websocket"
    if not socket and (origin is None or scope.get("method") in SAFE_METHODS):
        return
    scheme, _, host = (origin or "").partition("://")  # every browser says it for a web socket
    own = host == headers.get("host") if hosts is None else host in hosts
    if not own or scheme not in ("http", "https"):
        raise Refusal(403, "Pages of other origins may not ask for that.")


def _expect_clean_path(scope: Scope) -> None:
    """Refuse a path that would lead out of a folder, as it came and decoded twice more."""
    path = scope["path"]
    for _ in range(3):
        if "\0" in path or "\\" in path or ".." in path.split("/"):
            raise Refusal(400, "That is no path of this program.")
        if "%" not in path:
            return
        path = unquote(path)


def _too_large(most: int) -> Refusal:
    return Refusal(413, f"A body may have at most {most} bytes.")


def _limited(receive: Receive, most: int) -> Receive:
    """`receive` that ends with a Refusal after `most` bytes of body, whatever its header said."""
    seen = 0

    async def limited() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b"")) if message["type"] == "http.request" else 0
        if seen > most:
            raise _too_large(most)
        return message

    return limited


async def _drop(receive: Receive) -> None:
    """Read on for a while: a connection that is closed on unread bytes loses the answer too."""
    try:
        async with asyncio.timeout(LINGER):
            while (message := await receive())["type"] == "http.request" and message.get("more_body"):
                pass
    except TimeoutError:
        return


class _Answer:
    """Sends an answer on with the guard's headers, and without those that let other origins in."""

    def __init__(self, send: Send, added: Pairs) -> None:
        self._send, self._added, self.begun = send, added, False

    async def send(self, message: Message) -> None:
        if message["type"] in ("http.response.start", "websocket.accept"):
            self.begun = True
            message = {**message, "headers": self._guarded(message.get("headers", []))}
        await self._send(message)

    def _guarded(self, headers: Iterable[tuple[bytes, bytes]]) -> Pairs:
        kept = [(name.lower(), value) for name, value in headers]
        kept = [pair for pair in kept if not pair[0].startswith(b"access-control-") and pair[0] != b"server"]
        held = {name for name, _ in kept}
        return [*kept, *(pair for pair in self._added if pair[0] not in held)]
