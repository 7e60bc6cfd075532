"""One way to serve an application: bound before it starts, quiet, ended by a signal with what was begun finished."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from madi.errors import ConfigurationError

GRACE = 25  # seconds that requests in flight have to finish


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
    make: Callable[[int], Any], *, ready: Callable[[int], None], host: str = "127.0.0.1", port: int = 0
) -> None:
    """Serve what `make(port)` gives until SIGINT or SIGTERM, then finish what is in flight.

    ready    is called with the port once the application answers
    """
    import uvicorn

    with bound(host, port) as listening:
        number = listening.getsockname()[1]

        class Server(uvicorn.Server):
            async def startup(self, sockets: Any = None) -> None:
                await super().startup(sockets=sockets)
                if self.started:
                    ready(number)

        settings = uvicorn.Config(
            make(number), log_level="warning", access_log=False, server_header=False, date_header=False,
            http="h11", h11_max_incomplete_event_size=64 * 1024, timeout_graceful_shutdown=GRACE,
            ws="websockets-sansio",
        )  # fmt: skip
        Server(settings).run(sockets=[listening])
