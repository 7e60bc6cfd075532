"""The page "lab": every experiment with its text and equations, its knobs, its figure, and what was seen before."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from nicegui import run, ui

from madi.studio.frame import Page

STYLE = (Path(__file__).parent / "lab.css").read_text(encoding="utf-8")

DESK = "madi.studio.pages.lab.desk"  # which imports the whole library, as the studio need not to start


async def build(shown: Page) -> None:
    """The page's elements; the first visitor sees that the experiments are being read."""
    ui.add_css(STYLE)
    if "lab" not in shown.workplace.kept:
        waiting = ui.label(shown.texts("lab.opening")).classes("soft").props("role=status")
        await ui.context.client.connected()
        shown.workplace.kept.setdefault("lab", await run.io_bound(_desk))
        waiting.delete()
    shown.workplace.kept["lab"].lay(shown)


def _desk() -> Any:
    return importlib.import_module(DESK).Desk.made()
