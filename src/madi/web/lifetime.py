"""uvicorn's server with an end that loses nothing, and an eye on slow connections."""

from __future__ import annotations

import asyncio
import errno
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import uvicorn

from madi.web.connections import BoundedProtocol, Bounds

GRACE = 25  # seconds that requests in flight have to finish
LINGER = 1.0  # seconds at most in which connections that are kept alive can end with an answer of their own
KEPT_ALIVE = 60  # seconds that a connection stays open without a request
TICKS = 10  # of uvicorn's loop, a second together


def _nothing(*told: Any) -> None:
    """What nobody is told of."""


class Server(uvicorn.Server):
    """A quiet server of one application.

    bounds        of each connection
    web_sockets   whether there are any
    ready         is called once the application answers
    ending        is called when a signal has ended it, while what is in flight still is
    over          is asked ten times a second; True ends it as a signal does
    refused       is told the status of what is refused before the application hears of it
    """

    def __init__(
        self,
        application: Any,
        *,
        bounds: Bounds | None = None,
        web_sockets: bool = True,
        ready: Callable[[], None] = _nothing,
        ending: Callable[[], None] = _nothing,
        over: Callable[[], bool] = lambda: False,
        refused: Callable[[int], None] = _nothing,
    ) -> None:
        self._bounds = replace(bounds or Bounds())  # its own: it ends alone
        self._ready, self._ending, self._over = ready, ending, over
        protocol: Any = partial(BoundedProtocol, bounds=self._bounds, refused=refused)
        settings = uvicorn.Config(
            application, log_level="error", access_log=False, server_header=False, date_header=False,
            proxy_headers=False, http=protocol, ws="websockets-sansio" if web_sockets else "none",
            timeout_graceful_shutdown=GRACE, timeout_keep_alive=KEPT_ALIVE,
        )  # fmt: skip
        super().__init__(settings)

    async def startup(self, sockets: Any = None) -> None:
        """Listen, and tell it."""
        await super().startup(sockets=sockets)
        if self.started:
            self._ready()

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second; once a second each connection is looked at."""
        if counter % TICKS == 0:
            now = time.monotonic()
            for connection in self._plain():
                connection.check(now)
        return await super().on_tick(counter) or self._over()

    async def shutdown(self, sockets: Any = None) -> None:
        """Take no more connections, let those that are kept alive end with an answer, then end the others."""
        self._bounds.ending = True
        self._ending()
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
        made: Any = self.config.http_protocol_class
        make = partial(made, config=self.config, server_state=self.server_state, app_state=self.lifespan.state)
        for taken in _waiting(listening):
            await asyncio.get_running_loop().connect_accepted_socket(make, taken)

    def handle_exit(self, sig: int, frame: Any) -> None:
        """A signal: SIGTERM has done its work when the server has ended, SIGINT goes on to whoever runs it."""
        super().handle_exit(sig, frame)
        self._captured_signals = [number for number in self._captured_signals if number == signal.SIGINT]


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
