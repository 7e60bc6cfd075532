"""A model is asked: from the body of a request to the body of its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

import numpy as np

from madi.serving import raw, wire
from madi.serving.answers import Asked, inference_of, predictions_of
from madi.serving.batching import Outputs
from madi.serving.models import Models
from madi.serving.served import Served
from madi.web.guard import Receive, Refusal, Scope

JSON = "application/json"
LARGE = 2**15  # bytes of a body that is read in a thread, so that others are answered meanwhile
MANY = 256  # examples from which on the answer is written in a thread too

Read = Callable[[Served, bytes], tuple[np.ndarray, Any]]
Tell = Callable[[Served, Any, Outputs], Any]


class Asking:
    """Requests to models.

    budget    bytes of bodies that may be held at a time: beyond it requests are refused
    """

    def __init__(self, models: Models, budget: int) -> None:
        self._models, self._budget, self._held = models, budget, 0
        self._reading = asyncio.Lock()  # one large body at a time: it takes twenty times its size while it is read

    async def infer(self, scope: Scope, receive: Receive, model: str, version: str | None) -> bytes:
        """The route of the protocol: tensors in, tensors out."""
        if _header(scope, b"inference-header-content-length"):
            raise Refusal(415, "Send tensors in JSON, not binary: with the official client, binary_data=False.")
        _expect_plain(scope)
        if _kind(scope) not in (JSON, ""):
            raise Refusal(415, f"Send {JSON}, got {_kind(scope)[:50]}.")
        return await self._asked(receive, model, version, _read_inference, inference_of)

    async def predict(self, scope: Scope, receive: Receive, model: str, version: str | None) -> bytes:
        """The friendly route: rows or a picture in, classes with probabilities or numbers in their units out."""
        _expect_plain(scope)
        kind = _kind(scope)
        if kind.startswith("image/"):
            query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
            invert = query.get("invert") == ["true"]
            return await self._asked(
                receive, model, version,
                lambda served, body: (raw.from_picture(served, body, invert=invert), []), predictions_of, slow=True,
            )  # fmt: skip
        if kind != JSON:
            told = kind[:50] or "no content-type"
            raise Refusal(415, f"Send {JSON} or a picture, such as image/png, as its Content-Type, got {told}.")
        return await self._asked(
            receive, model, version, lambda served, body: raw.from_json(served, wire.read(body)), predictions_of
        )

    async def _asked(
        self, receive: Receive, model: str, version: str | None, read: Read, tell: Tell, *, slow: bool = False
    ) -> bytes:
        """The answer to a body: `read` as examples, put through the model, told by `tell`.

        slow    whether reading takes long whatever the size
        """
        held = _Held(self)
        try:
            body = await held.body(receive)
            served = self._models.find(model, version)  # as it is now, with the body here
            if slow or len(body) > LARGE or raw.is_table(served):  # a table's rows take ten milliseconds, be it one
                async with self._reading:
                    x, given = await asyncio.to_thread(_examples, served, read, body)
            else:
                x, given = _examples(served, read, body)
            outputs = await served.answer(x)
            if not all(np.isfinite(values).all() for values in outputs.values()):
                raise Refusal(422, "The network's output for these inputs is not finite.")
            if len(x) > MANY:
                return await asyncio.to_thread(lambda: wire.written(tell(served, given, outputs)))
            return wire.written(tell(served, given, outputs))
        finally:
            self._held -= held.bytes

    def hold(self, count: int) -> None:
        """So many bytes more are held; Refusal 503 where they are too many together."""
        if self._held + count > self._budget:
            raise Refusal(503, "Too many large requests at a time. Try again a little later.")
        self._held += count


class _Held:
    """The body of one request, counted among those that are held."""

    def __init__(self, asking: Asking) -> None:
        self._asking, self.bytes = asking, 0

    async def body(self, receive: Receive) -> bytes:
        parts = []
        while True:
            message = await receive()
            if message["type"] != "http.request":
                raise Refusal(400, "The request ended before its body.")
            part = message.get("body", b"")
            self._asking.hold(len(part))
            self.bytes += len(part)
            parts.append(part)
            if not message.get("more_body"):
                return parts[0] if len(parts) == 1 else b"".join(parts)


def _header(scope: Scope, name: bytes) -> str:
    found = next((value for known, value in scope["headers"] if known == name), b"")
    return found.strip().lower().decode("latin-1")


def _kind(scope: Scope) -> str:
    """The type of the body: "application/json"."""
    return _header(scope, b"content-type").partition(";")[0].strip()


def _expect_plain(scope: Scope) -> None:
    """Refusal 415 for a body that is compressed: what it would become is not known before it is there."""
    if _header(scope, b"content-encoding") not in ("", "identity"):
        raise Refusal(415, "Send the body as it is, not compressed.")


def _examples(served: Served, read: Read, body: bytes) -> tuple[np.ndarray, Any]:
    """The examples in a body, as the network takes them, and what `tell` is to know; Refusal 400 for none."""
    found, given = read(served, body)
    if not 0 < len(found) <= served.most:
        raise Refusal(400, f"Expected at least one example, and at most {served.most}, got {len(found)}.")
    x = served.examples(found)
    if not np.isfinite(x).all():
        raise Refusal(400, "Expected finite numbers: some are too large for the network's.")
    return x, given


def _read_inference(served: Served, body: bytes) -> tuple[np.ndarray, Asked]:
    request = wire.read(body)
    return raw.from_request(served, request), Asked.of(request, served)
