"""The page "lab": every experiment with its text and equations, its knobs, its figure, and what was seen before."""

from __future__ import annotations

from pathlib import Path

from nicegui import app, background_tasks, run, ui

from madi.errors import UnknownNameError
from madi.studio.experiments.contents import Line, lines
from madi.studio.experiments.laboratory import Laboratory
from madi.studio.experiments.settings import EXPERIMENT, read
from madi.studio.frame import Page
from madi.studio.pages.lab.sheet import sheet
from madi.studio.pages.lab.shelf import shelf
from madi.studio.texts.lab import TITLES

STYLE = (Path(__file__).parent / "lab.css").read_text(encoding="utf-8")
FIRST = "optimizer_paths"


async def build(shown: Page) -> None:
    """The page's elements."""
    ui.add_css(STYLE)
    laboratory = _laboratory(shown)
    known = await run.io_bound(_lines)  # reads all experiments once, which takes seconds
    try:
        setting, refused = await run.io_bound(read, shown.address.values, FIRST)
    except UnknownNameError as error:
        _missing(shown, known, str(error))
        return
    with ui.element("div").classes("lab"):
        shelf(shown, known, setting.made.name)
        sheet(shown, laboratory, setting, refused)


def _missing(shown: Page, known: tuple[Line, ...], why: str) -> None:
    """The list beside the words that the experiment in the address is none."""
    with ui.element("div").classes("lab"):
        shelf(shown, known, shown.address.text(EXPERIMENT))
        with ui.element("article").classes("lab-sheet"):
            ui.label(shown.texts("lab.unknown")).classes("lab-title").props("role=heading aria-level=1")
            ui.label(why).classes("notice").props("role=alert lang=en")


def _laboratory(shown: Page) -> Laboratory:
    """The one of all pages, with a process that is started before anybody asks."""
    kept = shown.workplace.kept
    if "laboratory" not in kept:
        kept["laboratory"] = laboratory = Laboratory()
        app.on_shutdown(laboratory.close)
        background_tasks.create(laboratory.warm())
    return kept["laboratory"]


def _lines() -> tuple[Line, ...]:
    return lines({name: " ".join(titles) for name, titles in TITLES.items()})
