"""madi serve as a program: models, guard and server together, and the signals that it hears."""

from __future__ import annotations

import gc
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from madi.errors import ConfigurationError
from madi.serving.application import Application
from madi.serving.batching import PATIENCE, Batching
from madi.serving.metrics import Metrics
from madi.serving.models import Models, Open
from madi.serving.sources import Source
from madi.web.guard import Guard, Rules, local_hosts
from madi.web.server import serve_application

LOCAL = ("127.0.0.1", "::1", "localhost")
SHORTEST_TOKEN = 16  # characters
BODIES = 8  # of the largest size, that are held at a time


@dataclass(frozen=True)
class Settings:
    """Where and how models are served.

    host       an address of this machine; any but its own demands a token
    port       0 takes a free one
    token      that every request must carry, or None
    batching   how requests are put together
    body       bytes of the largest body
    version    of madi, to tell

    Raises ConfigurationError for settings that cannot be.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    token: str | None = None
    batching: Batching = field(default_factory=Batching)
    body: int = 16 * 2**20
    version: str = ""

    def __post_init__(self) -> None:
        if self.token is None and self.host not in LOCAL:
            raise ConfigurationError(
                f"--host {self.host}: whoever reaches that address could ask, so it needs a token. "
                "Set MADI_TOKEN, or give --token."
            )
        text = self.token
        if text is not None and (len(text) < SHORTEST_TOKEN or not text.isascii() or not text.isalnum()):
            raise ConfigurationError(
                f"The token must have at least {SHORTEST_TOKEN} letters and digits, so that nobody guesses it. "
                "Make one: python -c 'import secrets; print(secrets.token_hex(24))'"
            )

    def rules(self, port: int) -> Rules:
        """What the guard asks."""
        hosts = local_hosts(port) if self.host in LOCAL else None  # elsewhere the token tells: names are unknown here
        return Rules(hosts, token=self.token, cookie=f"madi_serve_{port}", body=self.body, json=True)


def run(
    wanted: Sequence[Source], open: Open, settings: Settings, *, ready: Callable[[str], None],
    told: Callable[[str], None],
) -> None:  # fmt: skip
    """Serve models until a signal ends the program; SIGHUP reads their files anew.

    open     path -> the model there
    ready    is told the address once every model is warmed up and requests are answered
    told     takes a line for what becomes of a model that is read anew

    Returns after SIGTERM, what was in flight being answered.  Raises what `open` raises, and ConfigurationError where
    the port cannot be had or a package is missing.
    """
    made: list[Application] = []

    def make(port: int) -> Guard:
        models = Models(wanted, open, settings.batching, Metrics())
        reloading.models = models
        made.append(Application(models, version=settings.version, budget=BODIES * settings.body))
        return Guard(made[0], settings.rules(port))

    def ending() -> None:
        made[0].ready = False

    host = "127.0.0.1" if settings.host == "localhost" else settings.host
    shown = f"[{host}]" if ":" in host else host

    def began(port: int) -> None:
        keep_out_of_collections()
        ready(f"http://{shown}:{port}")

    with _Reloading(told).on_signal() as reloading:
        serve_application(
            make,
            ready=began,
            host=host,
            port=settings.port,
            ending=ending,
            web_sockets=False,
        )


def keep_out_of_collections() -> None:
    """What is there now stays there: that Python looks through it again and again would hold requests up."""
    gc.collect()
    gc.freeze()


class _Reloading:
    """Reads the models anew in a thread of its own, once for all signals that come meanwhile."""

    def __init__(self, told: Callable[[str], None]) -> None:
        self._told, self._asked = told, threading.Event()
        self.models: Models | None = None

    @contextmanager
    def on_signal(self) -> Iterator[_Reloading]:
        """Within the block SIGHUP asks for it."""
        threading.Thread(target=self._work, daemon=True, name="reload").start()
        hangup: Any = getattr(signal, "SIGHUP", None)
        if hangup is None or threading.current_thread() is not threading.main_thread():
            yield self
            return
        before = signal.signal(hangup, lambda number, frame: self._asked.set())
        try:
            yield self
        finally:
            signal.signal(hangup, before)

    def _work(self) -> None:
        while self._asked.wait():
            self._asked.clear()
            if self.models is None:
                continue  # they are being read at this moment
            gc.unfreeze()  # what is replaced is to go
            self.models.reload(self._told)
            if not self._asked.wait(2 * PATIENCE):  # by then nobody asks the old ones any more
                keep_out_of_collections()
