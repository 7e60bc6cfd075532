"""madi serve as a program: models, guard and server together, and the signals that it hears."""

from __future__ import annotations

import gc
import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from madi.errors import ConfigurationError
from madi.serving.application import Application
from madi.serving.batching import BATCHES, PATIENCE, Batching
from madi.serving.metrics import Metrics
from madi.serving.models import Models, Open
from madi.serving.sources import Source
from madi.web.guard import Guard, Rules, local_hosts
from madi.web.server import serve_application

LOCAL = ("127.0.0.1", "::1", "localhost")
SHORTEST_TOKEN = 16  # characters
OPENING = "opening"  # the name of a thread
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
    wanted: Sequence[Source], open: Open, settings: Settings, *, listening: Callable[[str], None],
    ready: Callable[[], None], told: Callable[[str], None],
) -> None:  # fmt: skip
    """Serve models until a signal ends the program; SIGHUP reads their files anew.

    open        path -> the model there
    listening   is told the address once requests are answered, though not by models yet
    ready       is called once every model is warmed up
    told        takes a line for what becomes of a model that is read anew

    Returns after SIGTERM, what was in flight being answered.  Raises what `open` raises, and ConfigurationError where
    the port cannot be had or a package is missing.
    """
    metrics = Metrics()
    models = Models(wanted, open, settings.batching, metrics)
    application = Application(models, version=settings.version, budget=BODIES * settings.body)
    host = "127.0.0.1" if settings.host == "localhost" else settings.host
    opening = Opening(models, ready, told)

    def began(port: int) -> None:
        listening(f"http://{f'[{host}]' if ':' in host else host}:{port}")
        opening.thread.start()

    with opening:
        serve_application(
            lambda port: Guard(application, settings.rules(port), refused=metrics.refused),
            ready=began, host=host, port=settings.port, web_sockets=False, ending=application.end,
            over=lambda: opening.failure is not None, refused=metrics.refused,
        )  # fmt: skip
    if opening.failure is not None:
        raise opening.failure


def at_work() -> bool:
    """Whether models are still being compiled or asked, a second after `run` has ended.

    Python's own end aborts where XLA is in the middle of it.
    """
    end, ours = time.monotonic() + 1, [one for one in threading.enumerate() if one.name in (OPENING, BATCHES)]
    for thread in ours:
        thread.join(max(0, end - time.monotonic()))
    return any(thread.is_alive() for thread in ours)


def keep_out_of_collections() -> None:
    """What is there now stays there: that Python looks through it again and again would hold requests up."""
    gc.collect()
    gc.freeze()


class Opening:
    """Reads the models in a thread of its own; then, at each SIGHUP, anew: once for all signals that come meanwhile.

    ready      is called once all of them answer
    told       takes a line for what becomes of a model that is read anew
    failure    what kept a model from being opened the first time

    Signals are heard within a `with` block, at whose end the models are closed.
    """

    def __init__(self, models: Models, ready: Callable[[], None], told: Callable[[str], None]) -> None:
        self._models, self._ready, self._told = models, ready, told
        self._asked, self._ended = threading.Event(), False
        self.failure: BaseException | None = None
        self.thread = threading.Thread(target=self._work, daemon=True, name=OPENING)

    def __enter__(self) -> Opening:
        self._hangup: Any = getattr(signal, "SIGHUP", None)
        if threading.current_thread() is not threading.main_thread():
            self._hangup = None
        if self._hangup is not None:
            self._before = signal.signal(self._hangup, lambda number, frame: self.again())
        return self

    def __exit__(self, *error: object) -> None:
        if self._hangup is not None:
            signal.signal(self._hangup, self._before)
        self._ended = True
        self._asked.set()
        self._models.close()

    def again(self) -> None:
        """Read them anew, as soon as what is being read has been."""
        self._asked.set()

    def _work(self) -> None:
        try:
            self._models.load()
        except BaseException as error:
            self.failure = error  # the server's thread raises it
            return
        keep_out_of_collections()
        self._ready()
        while self._asked.wait() and not self._ended:
            self._asked.clear()
            gc.unfreeze()  # what is replaced is to go
            self._models.reload(self._told)
            if not self._asked.wait(2 * PATIENCE):  # by then nobody asks the old ones any more
                keep_out_of_collections()
