"""madi studio: look inside networks, draw, train and experiment in a local page."""

from __future__ import annotations

import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from madi.cli.console import say


def studio(
    folder: Annotated[Path, typer.Argument(help="Where runs are read and written.")] = Path("runs"),
    *,
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.", min=0, max=65535)] = 0,
    browser: Annotated[bool, typer.Option(help="Open the page in the browser.")] = True,
) -> None:
    """Open the studio: a local page that shows every number of a network, and trains, draws and experiments.

    \b
    Examples:
      madi studio
      madi studio runs --no-browser --port 8080
    """
    from madi.runs.folder import expect_writable
    from madi.studio import run

    folder = folder.expanduser()
    expect_writable(folder, "Name another: madi studio FOLDER.")

    def ready(address: str) -> None:
        say(f"studio   {address}")
        if browser:
            webbrowser.open(address)

    run(folder, port=port, ready=ready)
