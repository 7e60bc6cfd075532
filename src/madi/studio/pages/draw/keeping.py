""" "It was a 7": drawings that are kept, and how to train on them."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from functools import partial
from pathlib import Path

from nicegui import run, ui

from madi.errors import MadiError
from madi.studio.drawing.keeping import FOLDER, Drawings
from madi.studio.drawing.reader import DIGITS
from madi.studio.frame import Page
from madi.studio.pages.draw.elements import Drawn


class Keeping:
    """A button for each digit, and what is kept so far."""

    def __init__(self, shown: Page, drawn: Callable[[], Drawn | None], clear: Callable[[], None]) -> None:
        self.texts, self.drawn, self.clear = shown.texts, drawn, clear
        self.drawings = Drawings(shown.workplace)
        self.to_train = shown.address.link("/train", data=f"file:{FOLDER}")
        self.last: Path | None = None
        self._lay_out()
        self._count()

    def _lay_out(self) -> None:
        with ui.element("div").classes("draw-keeping"):
            ui.label(self.texts("draw.was")).classes("caption")
            ui.label(self.texts("draw.was_lead")).classes("soft small")
            with ui.element("div").classes("draw-digits"):
                self.buttons = [self._button(digit) for digit in DIGITS]
            with ui.element("div").classes("draw-kept"):
                self.counted = ui.label().classes("soft small").props("role=status")
                self.back = ui.button(self.texts("draw.take_back"), on_click=self._take_back)
                self.back.props("flat dense no-caps size=sm").set_visibility(False)
            self.how = ui.element("div")
            with self.how:
                ui.link(self.texts("draw.train"), self.to_train).classes("small")
                ui.label(self.texts("draw.how")).classes("soft small")
                ui.label(f"madi train {shlex.quote(str(self.drawings.folder))}").classes("numbers draw-command")
        self.allow(False)

    def _button(self, digit: str) -> ui.button:
        button = ui.button(digit, on_click=partial(self._keep, digit))
        said = self.texts("draw.was_a", digit=digit)
        return button.props(f'outline dense aria-label="{said}"')

    def allow(self, something: bool) -> None:
        """Whether there is something to keep."""
        for button in self.buttons:
            button.set_enabled(something)

    async def _keep(self, digit: str) -> None:
        drawn = self.drawn()
        if drawn is None or not drawn.strokes:
            return
        try:
            self.last = await run.io_bound(self.drawings.keep, drawn.bitmap, digit)
        except MadiError as error:
            ui.notify(str(error), type="warning")
            return
        ui.notify(self.texts("draw.kept", digit=digit))
        self.clear()
        self._count()

    async def _take_back(self) -> None:
        if self.last is not None:
            await run.io_bound(self.drawings.take_back, self.last)
            self.last = None
            self._count()

    def _count(self) -> None:
        counts = self.drawings.counts()
        each = "  ".join(f"{digit} × {count}" for digit, count in counts.items())
        self.counted.set_text(self.texts("draw.kept_count", count=sum(counts.values()), each=each) if counts else "")
        self.back.set_visibility(self.last is not None)
        self.how.set_visibility(len(counts) > 1)
