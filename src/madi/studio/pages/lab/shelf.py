"""The list of all experiments, by chapter, with a search."""

from __future__ import annotations

from collections.abc import Iterable

from nicegui import ui

from madi.studio.experiments.contents import Line, chapters
from madi.studio.experiments.settings import EXPERIMENT
from madi.studio.frame import Page
from madi.studio.texts.lab import TITLES

OPEN = "lab-open"

# The list keeps what is chosen in sight.
REVEAL = "document.querySelector('.lab-shelf [aria-current]')?.scrollIntoView({block: 'center'}); window.scrollTo(0, 0)"


def title(shown: Page, name: str, otherwise: str) -> str:
    """The title of an experiment in the page's language."""
    return shown.texts(f"lab.title.{name}") if name in TITLES else otherwise


class Shelf:
    """The links, of which a search and a chapter leave some."""

    def __init__(self, shown: Page, known: Iterable[Line], current: str) -> None:
        self.shown, self.known, self.current = shown, tuple(known), current
        self.query, self.chapter = "", ""
        self.links: dict[str, ui.element] = {}
        self.heads: dict[str, ui.element] = {}

    def build(self) -> None:
        """The button that opens it on narrow windows, the search, and the links by chapter."""
        texts = self.shown.texts
        with ui.element("aside").classes("lab-shelf").props(f'aria-label="{texts("lab.all")}"') as side:
            toggle = ui.button(texts("lab.all"), icon="menu_book", on_click=lambda: side.classes(toggle=OPEN))
            toggle.props("flat no-caps dense align=left").classes("lab-opener")
            with ui.element("div").classes("lab-inside"):
                self._search()
                with ui.element("nav").classes("lab-links").props(f'aria-label="{texts("lab.all")}"'):
                    for chapter, lines in chapters(self.known).items():
                        self._chapter(chapter, lines)
                self.nothing = ui.label(texts("lab.nothing")).classes("soft").props("role=status")
                self.nothing.set_visibility(False)
        ui.timer(0.1, lambda: ui.run_javascript(REVEAL), once=True)

    def _search(self) -> None:
        texts = self.shown.texts
        letters = {"": texts("lab.chapters"), **{chapter: chapter for chapter in chapters(self.known)}}
        field = ui.input(placeholder=texts("lab.search"), on_change=lambda event: self._sift(query=event.value or ""))
        field.props(f'dense outlined clearable debounce=150 aria-label="{texts("lab.search")}" type=search')
        choice = ui.toggle(letters, value="", on_change=lambda event: self._sift(chapter=event.value or ""))
        choice.props("dense flat no-caps").classes("lab-letters")

    def _chapter(self, chapter: str, lines: Iterable[Line]) -> None:
        self.heads[chapter] = ui.label(f"{chapter}. {self.shown.texts(f'lab.chapter.{chapter}')}").classes(
            "lab-chapter"
        )
        for line in lines:
            address = self.shown.address
            link = ui.link(title(self.shown, line.name, line.name), address.link("/lab", **{EXPERIMENT: line.name}))
            link.props("aria-current=page" if line.name == self.current else "")
            self.links[line.name] = link

    def _sift(self, *, query: str | None = None, chapter: str | None = None) -> None:
        """Leave the links that answer to what is asked for now."""
        self.query = self.query if query is None else query
        self.chapter = self.chapter if chapter is None else chapter
        left = [line for line in self.known if line.answers(self.query) and self.chapter in ("", line.chapter)]
        names, letters = {line.name for line in left}, {line.chapter for line in left}
        for name, link in self.links.items():
            link.set_visibility(name in names)
        for letter, head in self.heads.items():
            head.set_visibility(letter in letters)
        self.nothing.set_visibility(not left)


def shelf(shown: Page, known: Iterable[Line], current: str) -> None:
    """The list, with the current experiment marked."""
    Shelf(shown, known, current).build()
