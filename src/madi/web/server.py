"""One way to serve an application: bound before it starts, quiet, ended by a signal with what was begun finished."""

from __future__ import annotations

import socket
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from madi.errors import ConfigurationError

if TYPE_CHECKING:
    from madi.web.lifetime import Server


def bound(host: str, port: int) -> socket.socket:
    """A socket to listen on; port 0: a free one.  ConfigurationError where the address cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise _taken(host, port, error) from error
    return listening


def _taken(host: str, port: int, error: OSError) -> ConfigurationError:
    return ConfigurationError(
        f"Port {port} of {host} cannot be listened on ({error.strerror}). Choose another; 0 takes a free one."
    )


def serve_application(
    make: Callable[[int], Any],
    *,
    ready: Callable[[int], None],
    host: str = "127.0.0.1",
    port: int = 0,
    web_sockets: bool = True,
    **told: Any,
) -> None:
    """Serve what `make(port)` gives until SIGINT or SIGTERM, then finish what is in flight.

    ready         is called with the port once the application answers
    web_sockets   whether the application has any
    told          "ending", "over" and "refused" of madi.web.lifetime.Server

    Returns after SIGTERM; raises KeyboardInterrupt after SIGINT, and ConfigurationError where a package is missing.
    """
    made = _server_class()
    with bound(host, port) as listening:
        number = listening.getsockname()[1]
        server = made(make(number), ready=partial(ready, number), web_sockets=web_sockets, **told)
        try:
            listening.listen()  # two programs can be bound to a port while neither listens yet
        except OSError as error:
            raise _taken(host, number, error) from error
        server.run(sockets=[listening])


def _server_class() -> type[Server]:
    try:
        import httptools  # noqa: F401

        from madi.web.lifetime import Server
    except ImportError as error:
        raise ConfigurationError(
            f"A server needs the package {error.name}, which is not installed. pip install madi[serve]"
        ) from error
    return Server
