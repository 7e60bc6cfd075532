"""The routes: the Open Inference Protocol over REST, a friendly route, and what there is to know of the program."""

from __future__ import annotations

import time
from typing import NamedTuple

from madi.errors import MadiError
from madi.serving import wire
from madi.serving.asking import JSON, Asking
from madi.serving.document import document
from madi.serving.models import Models
from madi.serving.page import page
from madi.web.guard import PLAIN_POLICY, Receive, Refusal, Scope, Send

METRICS, HTML = "text/plain; version=0.0.4; charset=utf-8", "text/html; charset=utf-8"
PAGE_POLICY = f"{PLAIN_POLICY}; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


class Answer(NamedTuple):
    """Of a request: the status, the type of the body, the body."""

    status: int
    kind: str
    body: bytes


class Target(NamedTuple):
    """What a request is about: an action on a model in a version, or in the latest."""

    action: str
    model: str
    version: str | None = None


class Application:
    """The program's answers, as an ASGI application; the guard stands before it.

    ready     whether it takes requests from whoever asks first: no longer when it ends
    budget    bytes of bodies that may be held at a time
    """

    def __init__(self, models: Models, *, version: str, budget: int) -> None:
        self.models, self.version, self.ready = models, version, True
        self._asking = Asking(models, budget)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            return await _without_routes(scope, receive, send)
        begun, parts = time.perf_counter(), scope["path"].strip("/").split("/")
        target = _target(parts)
        try:
            answer = await self._answer(scope, parts, target, receive)
        except Refusal as refusal:
            if refusal.status == 413:  # the guard answers: it knows how to leave a body unread
                self._count(scope, target, 413, begun)
                raise
            answer = _json({"error": refusal.line}, refusal.status)
        except MadiError as error:  # rows or pictures that the preparation cannot take
            answer = _json({"error": str(error)}, 400)
        self._count(scope, target, answer.status, begun)
        return await _send(send, answer, bare=scope["method"] == "HEAD")

    async def _answer(self, scope: Scope, parts: list[str], target: Target | None, receive: Receive) -> Answer:
        asked = scope["method"] == "POST"
        if not asked and scope["method"] not in ("GET", "HEAD"):
            raise Refusal(405, "Ask by GET or POST.")
        if target is not None and (target.action in ("infer", "predict")) != asked:
            raise Refusal(405, f"Ask by {'GET' if asked else 'POST'}.")
        if target is None:
            return self._told(parts, asked)
        served = self.models.find(target.model, target.version)
        if target.action == "about":
            return _json(served.described(self.models.versions(target.model)))
        if target.action == "ready":
            return _json({"name": target.model, "ready": self.ready}, 200 if self.ready else 503)
        ask = self._asking.infer if target.action == "infer" else self._asking.predict
        return Answer(200, JSON, await ask(scope, receive, target.model, target.version))

    def _told(self, parts: list[str], asked: bool) -> Answer:
        """What is told of the program itself; Refusal 404 where there is no such address."""
        match parts:
            case [""] | ["docs"]:
                answer = Answer(200, HTML, page(self.models, self.version).encode())
            case ["openapi.json"]:
                answer = _json(document(self.version))
            case ["metrics"]:
                answer = Answer(200, METRICS, self.models.metrics.text())
            case ["v2"]:
                answer = _json({"name": "madi", "version": self.version, "extensions": []})
            case ["v2", "health", "live"]:
                answer = _json({"live": True})
            case ["v2", "health", "ready"]:
                answer = _json({"ready": self.ready}, 200 if self.ready else 503)
            case _:
                raise Refusal(404, "There is nothing at this address. /docs tells what there is.")
        if asked:
            raise Refusal(405, "Ask by GET.")
        return answer

    def _count(self, scope: Scope, target: Target | None, status: int, begun: float) -> None:
        """Count it, under the names of models that there are alone."""
        try:
            source = None if target is None else self.models.find(target.model, target.version).source
        except Refusal:
            source = None
        model, version = ("", "") if source is None else (source.name, source.version)
        timed = source is not None and scope["method"] == "POST"
        self.models.metrics.answered(model, version, status, time.perf_counter() - begun if timed else None)


def _target(parts: list[str]) -> Target | None:
    """What an address of a model asks for; None for another address."""
    match parts:
        case ["v2", "models", model, "infer"]:
            return Target("infer", model)
        case ["v2", "models", model, "versions", version, "infer"]:
            return Target("infer", model, version)
        case ["predict", model]:
            return Target("predict", model)
        case ["predict", model, "versions", version]:
            return Target("predict", model, version)
        case ["v2", "models", model]:
            return Target("about", model)
        case ["v2", "models", model, "versions", version]:
            return Target("about", model, version)
        case ["v2", "models", model, "ready"]:
            return Target("ready", model)
        case ["v2", "models", model, "versions", version, "ready"]:
            return Target("ready", model, version)
    return None


def _json(value: object, status: int = 200) -> Answer:
    return Answer(status, JSON, wire.written(value))


async def _send(send: Send, answer: Answer, *, bare: bool) -> None:
    headers = [(b"content-type", answer.kind.encode()), (b"content-length", b"%d" % len(answer.body))]
    if answer.kind == HTML:
        headers.append((b"content-security-policy", PAGE_POLICY.encode()))
    if answer.status == 503:
        headers.append((b"retry-after", b"1"))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if bare else answer.body})


async def _without_routes(scope: Scope, receive: Receive, send: Send) -> None:
    """Web sockets, of which there are none, and the server's own beginning and end."""
    if scope["type"] == "websocket":
        return await send({"type": "websocket.close", "code": 1008})
    while (await receive())["type"] != "lifespan.shutdown":
        await send({"type": "lifespan.startup.complete"})
    return await send({"type": "lifespan.shutdown.complete"})
