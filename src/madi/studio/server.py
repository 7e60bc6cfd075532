"""The studio as a program: its pages behind the guard, on this machine's own address."""

from __future__ import annotations

import importlib.util
import secrets
import warnings
from collections.abc import Callable
from pathlib import Path

from madi.errors import ConfigurationError, as_keyword, spelled
from madi.studio.workplace import Workplace
from madi.web.guard import PAGE_POLICY, Guard, Rules, local_hosts
from madi.web.server import serve_application


def application(workplace: Workplace, rules: Rules) -> Guard:
    """The studio as an ASGI application; one in a process."""
    from fastapi import FastAPI
    from nicegui import ui

    from madi.studio.frame import register
    from madi.studio.pages import PAGES

    # The event loop starts processes by fork and exec at once, in which no thread of JAX can be missed.
    warnings.filterwarnings("ignore", r"os\.fork\(\) was called", RuntimeWarning)
    register(PAGES, workplace)
    inner = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    ui.run_with(
        inner, title="madi", tailwind=False, show_welcome_message=False, reconnect_timeout=30,
        storage_secret=secrets.token_urlsafe(32),
    )  # fmt: skip
    return Guard(inner, rules)


def run(folder: Path, *, port: int = 0, ready: Callable[[str], None]) -> None:
    """Serve the studio of `folder` until a signal ends it.

    port     0: one that is free
    ready    is told the address, with its token, once the studio answers

    Raises ConfigurationError where the port cannot be had, or a package is missing.
    """
    if importlib.util.find_spec("nicegui") is None:
        raise ConfigurationError("madi studio needs nicegui, which is not installed. Run: pip install 'madi[studio]'")
    token = secrets.token_urlsafe(24)

    def made(port: int) -> Guard:
        rules = Rules(local_hosts(port), token=token, cookie=f"madi_studio_{port}", policy=PAGE_POLICY)
        return application(Workplace(folder), rules)

    with spelled(as_keyword):  # who reads a page sees settings, and no options of a command line
        serve_application(made, port=port, ready=lambda port: ready(f"http://127.0.0.1:{port}/?token={token}"))
