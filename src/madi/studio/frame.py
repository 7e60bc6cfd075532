"""The frame of every page: its name and links, language, theme, and the state in its address."""

from __future__ import annotations

import copy
import inspect
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nicegui import app, ui
from starlette.requests import Request

from madi.studio.address import Address
from madi.studio.texts import LANGUAGES, Texts, preferred
from madi.studio.workplace import Workplace

THEMES = {"auto": None, "light": False, "dark": True}
LOCALES: dict[str, Any] = {"en": "en-US", "ko": "ko-KR"}  # as the framework names them
PATIENCE = 60.0  # seconds in which a page must be made: the framework's three are few where a training has the machine
STYLE = (Path(__file__).parent / "style.css").read_text(encoding="utf-8")


@dataclass
class Page:
    """What the builder of a page is given.

    texts      the catalogue in the page's language: page.texts("step.title")
    address    the page's state
    workplace  what the program works on: folder, models, runs, jobs
    """

    texts: Texts
    address: Address
    workplace: Workplace


Builder = Callable[[Page], Any]


@dataclass(frozen=True)
class Entry:
    """A page in the list of links.

    name    of its link in the catalogue: "step" for "common.step"
    build   makes its elements; a coroutine function may wait
    routes  adds what it answers besides pages, such as files, to the framework's application
    """

    path: str
    name: str
    build: Builder
    routes: Callable[[Any, Workplace], None] | None = None


def register(entries: Sequence[Entry], workplace: Workplace) -> None:
    """Let the framework serve every page; the first one also at "/"."""
    for entry in entries:
        if entry.routes is not None:
            entry.routes(app, workplace)
        _page(entry.path)(_served(entry, entries, workplace))
    _page("/")(_served(entries[0], entries, workplace))


def _page(path: str) -> ui.page:
    return ui.page(path, title="madi", response_timeout=PATIENCE)


def _served(entry: Entry, entries: Sequence[Entry], workplace: Workplace) -> Callable[[Request], Any]:
    async def served(request: Request) -> None:
        address = Address(entry.path, dict(request.query_params))
        asked = address.text("lang") or preferred(request.headers.get("accept-language", ""))
        shown = Page(Texts(asked), address, workplace)
        _head(shown, entry, entries)
        with ui.element("main").classes("studio-main").props("id=content tabindex=-1"):
            await _built(shown, entry)

    return served


async def _built(shown: Page, entry: Entry) -> None:
    """The page's own elements; where they cannot be made the page says so, and the log what it was."""
    try:
        made = entry.build(shown)
        if inspect.isawaitable(made):
            await made
    except Exception:
        logging.getLogger("madi").exception("the page %s could not be made", entry.path)
        ui.label(shown.texts("common.fault")).classes("notice").props("role=alert")


def _head(shown: Page, entry: Entry, entries: Sequence[Entry]) -> None:
    ui.add_css(STYLE)
    theme = shown.address.choice("theme", THEMES, "auto")
    ui.dark_mode(THEMES[theme])
    ui.page_title(f"{shown.texts(f'common.{entry.name}')} · {shown.texts('common.name')}")
    _speak(shown.texts.language)
    ui.link(shown.texts("common.skip"), "#content").classes("skip")
    with ui.element("header").classes("studio-head"):
        ui.link(shown.texts("common.name"), shown.address.link("/")).classes("name")
        with ui.element("nav"):
            for other in entries:
                link = ui.link(shown.texts(f"common.{other.name}"), shown.address.link(other.path))
                link.props("aria-current=page" if other is entry else "")
        _switches(shown, theme)


def _speak(language: str) -> None:
    """Let the framework's own words, such as those of a lost connection, be in the language of this visitor's page."""
    client = ui.context.client
    client.page = copy.copy(client.page)  # it is shared by all visitors
    client.page.language = LOCALES[language]


def _switches(shown: Page, theme: str) -> None:
    """Language and theme: both lead to the same page in its state."""

    def lead(**values: str) -> None:
        ui.navigate.to(shown.address.link(shown.address.path, **{**shown.address.values, **values}))

    following = list(THEMES)[(list(THEMES).index(theme) + 1) % len(THEMES)]
    icon = {"auto": "brightness_auto", "light": "light_mode", "dark": "dark_mode"}[theme]
    label = shown.texts("common.theme")
    ui.button(icon=icon, on_click=lambda: lead(theme=following)).props(f'flat round dense aria-label="{label}"')
    for language, name in LANGUAGES.items():
        if language != shown.texts.language:
            ui.button(name, on_click=lambda language=language: lead(lang=language)).props("flat dense no-caps")
