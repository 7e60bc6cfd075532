"""One way to serve an application: bound before it starts, quiet, ended by a signal with what was begun finished."""

from __future__ import annotations

import asyncio
import errno
import signal
import socket
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from madi.errors import ConfigurationError

if TYPE_CHECKING:
    from madi.web.connections import Bounds

GRACE = 25  # seconds that requests in flight have to finish
LINGER = 1.0  # seconds at most in which connections that are kept alive can end with an answer of their own
TICKS = 10  # of uvicorn's loop, a second together


def bound(host: str, port: int) -> socket.socket:
    """A listening socket; port 0: a free one.  ConfigurationError where the address cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise ConfigurationError(
            f"Port {port} of {host} cannot be listened on ({error.strerror}). Choose another; 0 takes a free one."
        ) from error
    return listening


def serve_application(
    make: Callable[[int], Any],
    *,
    ready: Callable[[int], None],
    host: str = "127.0.0.1",
    port: int = 0,
    ending: Callable[[], None] | None = None,
    bounds: Bounds | None = None,
) -> None:
    """Serve what `make(port)` gives until SIGINT or SIGTERM, then finish what is in flight.

    ready    is called with the port once the application answers
    ending   is called when a signal has ended it, while what is in flight still is
    bounds   of each connection

    Returns after SIGTERM; raises KeyboardInterrupt after SIGINT, and ConfigurationError where a package is missing.
    """
    server_of = _server_class()
    from madi.web.connections import BoundedProtocol, Bounds

    bounds = bounds or Bounds()
    with bound(host, port) as listening:
        number = listening.getsockname()[1]
        server = server_of(
            make(number), log_level="error", access_log=False, server_header=False, date_header=False,
            proxy_headers=False, http=partial(BoundedProtocol, bounds=bounds), ws="websockets-sansio",
            timeout_graceful_shutdown=GRACE, timeout_keep_alive=60,
        )  # fmt: skip
        server.bounds, server.told = bounds, (partial(ready, number), ending or (lambda: None))
        server.run(sockets=[listening])


def _server_class() -> Any:
    """uvicorn's server with our beginning and end; ConfigurationError where uvicorn or httptools is missing."""
    try:
        import httptools  # noqa: F401
        import uvicorn

        from madi.web.connections import BoundedProtocol
    except ImportError as error:
        raise ConfigurationError(
            f"A server needs the package {error.name}, which is not installed. pip install madi[serve]"
        ) from error

    class Server(uvicorn.Server):  # type: ignore[misc, unused-ignore]
        bounds: Bounds
        told: tuple[Callable[[], None], Callable[[], None]]

        def __init__(self, application: Any, **settings: Any) -> None:
            super().__init__(uvicorn.Config(application, **settings))

        async def startup(self, sockets: Any = None) -> None:
            await super().startup(sockets=sockets)
            if self.started:
                self.told[0]()

        async def on_tick(self, counter: int) -> bool:
            if counter % TICKS == 0:
                now = time.monotonic()
                for connection in self._plain():
                    connection.check(now)
            return await super().on_tick(counter)

        async def shutdown(self, sockets: Any = None) -> None:
            """Take no more connections, let those that are kept alive end with an answer, then end the others."""
            self.bounds.ending = True
            self.told[1]()
            for listening in sockets or []:
                await self._take_waiting(listening)
            for server in self.servers:
                server.close()
            for connection in self._plain():
                connection.let_end()
            end = time.monotonic() + LINGER
            while self.server_state.connections and time.monotonic() < end and not self.force_exit:
                await asyncio.sleep(0.02)
            await super().shutdown(sockets=sockets)

        def _plain(self) -> list[BoundedProtocol]:
            """The connections that are no web sockets."""
            return [one for one in self.server_state.connections if isinstance(one, BoundedProtocol)]

        async def _take_waiting(self, listening: socket.socket) -> None:
            """The connections that the system has made and nobody has taken yet: closing would lose them."""
            loop, make = asyncio.get_running_loop(), self.config.http_protocol_class
            for taken in _waiting(listening):
                await loop.connect_accepted_socket(
                    lambda: make(config=self.config, server_state=self.server_state, app_state=self.lifespan.state),
                    taken,
                )

        def handle_exit(self, sig: int, frame: Any) -> None:
            super().handle_exit(sig, frame)
            self._captured_signals = [number for number in self._captured_signals if number == signal.SIGINT]

    return Server


def _waiting(listening: socket.socket) -> list[socket.socket]:
    taken = []
    with listening.dup() as waiting:
        waiting.setblocking(False)
        while True:
            try:
                taken.append(waiting.accept()[0])
            except OSError as error:
                if error.errno in (errno.EAGAIN, errno.EMFILE, errno.ENFILE, errno.EINVAL):
                    return taken
