"""What all visitors of the page share: the list of experiments, and the processes that compute them."""

from __future__ import annotations

from dataclasses import dataclass, field

from nicegui import app, background_tasks, ui

from madi.errors import UnknownNameError
from madi.studio.experiments.contents import Line, lines
from madi.studio.experiments.laboratory import Laboratory
from madi.studio.experiments.settings import EXPERIMENT, read
from madi.studio.frame import Page
from madi.studio.pages.lab.sheet import sheet
from madi.studio.pages.lab.shelf import shelf
from madi.studio.pages.lab.words import heading
from madi.studio.texts.lab import TITLES

FIRST = "optimizer_paths"


@dataclass
class Desk:
    """The experiments, as `made` has read them; the processes start with the first page."""

    known: tuple[Line, ...]
    laboratory: Laboratory | None = field(default=None)

    @classmethod
    def made(cls) -> Desk:
        """Read all experiments, which takes a while."""
        return cls(lines({name: " ".join(titles) for name, titles in TITLES.items()}))

    def lay(self, shown: Page) -> None:
        """The list beside the experiment in the address, or the words that there is none of that name."""
        with ui.element("div").classes("lab"):
            try:
                setting, refused = read(shown.address.values, FIRST)
            except UnknownNameError as error:
                shelf(shown, self.known, shown.address.text(EXPERIMENT))
                _missing(shown, str(error))
                return
            shelf(shown, self.known, setting.made.name)
            sheet(shown, self._laboratory(), setting, refused)

    def _laboratory(self) -> Laboratory:
        """The one of all pages, with a process that is started before anybody asks for a second figure."""
        if self.laboratory is None:
            self.laboratory = Laboratory()
            app.on_shutdown(self.laboratory.close)
            background_tasks.create(self.laboratory.warm())
        return self.laboratory


def _missing(shown: Page, why: str) -> None:
    with ui.element("article").classes("lab-sheet"):
        heading(shown.texts("lab.unknown"), 1)
        ui.label(why).classes("notice").props("role=alert lang=en")
