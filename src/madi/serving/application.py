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
TOLD = ([""], ["docs"], ["openapi.json"], ["metrics"], ["v2"], ["v2", "health", "live"], ["v2", "health", "ready"])
ASKED = ("infer", "predict")  # by POST; the rest by GET


class Answer(NamedTuple):
    """Of a request: the status, the type of the body, the body; with 405 the methods that are allowed."""

    status: int
    kind: str
    body: bytes
    allow: str = ""


class Target(NamedTuple):
    """What a request is about: an action on a model in a version, or in the latest."""

    action: str
    model: str
    version: str | None = None


class Application:
    """The program's answers, as an ASGI application; the guard stands before it.

    budget    bytes of bodies that may be held at a time
    """

    def __init__(self, models: Models, *, version: str, budget: int) -> None:
        self.models, self.version = models, version
        self._asking, self._ending = Asking(models, budget), False

    @property
    def ready(self) -> bool:
        """Whether all models answer, and the program does not end."""
        return self.models.loaded and not self._ending

    def end(self) -> None:
        """Ready no more; what is asked nevertheless is answered."""
        self._ending = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            return await _without_routes(scope, receive, send)
        begun, parts = time.perf_counter(), scope["path"].strip("/").split("/")
        target = _target(parts)
        try:
            answer = await self._answer(scope, parts, target, receive)
        except Refusal as refusal:
            if refusal.status == 413:  # the guard answers and counts: it knows how to leave a body unread
                raise
            answer = _json({"error": refusal.line}, refusal.status)
        except MadiError as error:  # rows or pictures that the preparation cannot take
            answer = _json({"error": str(error)}, 400)
        self._count(scope, target, answer.status, begun)
        return await _send(send, answer)

    async def _answer(self, scope: Scope, parts: list[str], target: Target | None, receive: Receive) -> Answer:
        if target is None and parts not in TOLD:
            raise Refusal(404, "There is nothing at this address. /docs tells what there is.")
        methods = ("POST",) if target is not None and target.action in ASKED else ("GET", "HEAD")
        if scope["method"] not in methods:
            return _json({"error": f"Ask by {methods[0]}."}, 405)._replace(allow=", ".join(methods))
        if target is None:
            return self._told(parts)
        source = self.models.source(target.model, target.version)
        if target.action == "ready":
            ready = self.models.answers(source) and not self._ending
            return _json({"name": source.name, "ready": ready}, 200 if ready else 503)
        served = self.models.find(target.model, target.version)
        if target.action == "about":
            return _json(served.described(self.models.versions(target.model)))
        ask = self._asking.infer if target.action == "infer" else self._asking.predict
        return Answer(200, JSON, await ask(scope, receive, target.model, target.version))

    def _told(self, parts: list[str]) -> Answer:
        """What is told of the program itself at one of `TOLD`."""
        match parts:
            case ["openapi.json"]:
                return _json(document(self.version))
            case ["metrics"]:
                return Answer(200, METRICS, self.models.metrics.text())
            case ["v2"]:
                return _json({"name": "madi", "version": self.version, "extensions": []})
            case ["v2", "health", "live"]:
                return _json({"live": True})
            case ["v2", "health", "ready"]:
                return _json({"ready": self.ready}, 200 if self.ready else 503)
        return Answer(200, HTML, page(self.models, self.version).encode())

    def _count(self, scope: Scope, target: Target | None, status: int, begun: float) -> None:
        """Count it, under the names of models that there are alone."""
        try:
            source = None if target is None else self.models.source(target.model, target.version)
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


async def _send(send: Send, answer: Answer) -> None:
    headers = [(b"content-type", answer.kind.encode()), (b"content-length", b"%d" % len(answer.body))]
    if answer.kind == HTML:
        headers.append((b"content-security-policy", PAGE_POLICY.encode()))
    if answer.allow:
        headers.append((b"allow", answer.allow.encode()))
    if answer.status == 503:
        headers.append((b"retry-after", b"1"))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


async def _without_routes(scope: Scope, receive: Receive, send: Send) -> None:
    """Web sockets, of which there are none, and the server's own beginning and end."""
    if scope["type"] == "websocket":
        return await send({"type": "websocket.close", "code": 1008})
    while (await receive())["type"] != "lifespan.shutdown":
        await send({"type": "lifespan.startup.complete"})
    return await send({"type": "lifespan.shutdown.complete"})
