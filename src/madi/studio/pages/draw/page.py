"""The layout of the page "draw", and what happens while somebody draws."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from nicegui import run, ui

from madi.datasets.handwriting import DIGITS_SIDE, MNIST_BOX, MNIST_SIDE
from madi.studio.drawing.desk import RUN, Choice, Desk, Making
from madi.studio.drawing.looking import Look
from madi.studio.drawing.nearest import Neighbour
from madi.studio.drawing.reader import PIXELS, SPACES, Reader
from madi.studio.frame import Page
from madi.studio.pages.draw.elements import Bars, Drawn, Sheet, Tiles, received
from madi.studio.pages.draw.inside import Inside
from madi.studio.pages.draw.keeping import Keeping
from madi.studio.records import network_of

STYLE = (Path(__file__).parent / "draw.css").read_text(encoding="utf-8")
LOOKS = 0.15  # seconds between two looks inside, while somebody draws
NEAREST = 10  # training examples that are shown
QUICK = 0.004  # seconds a reading up to which nobody is held up by it


async def build(shown: Page) -> None:
    """The page's elements."""
    desk = Desk.of(shown.workplace)
    choices = await run.io_bound(desk.choices)
    DrawPage(shown, desk, choices or []).lay_out()


class DrawPage:
    """One visitor's page: the chosen network, what is drawn, and what was last shown of it."""

    def __init__(self, shown: Page, desk: Desk, choices: list[Choice]) -> None:
        self.shown, self.desk, self.choices = shown, desk, choices
        self.making: Making | None = None
        self.waiting: ui.timer | None = None  # for it
        self.drawn: Drawn | None = None
        self.picture: np.ndarray | None = None  # what the network was last given
        self.given_number = 0  # that changes with it
        self.looked: Any = None  # what was last looked at: network, number and space
        self.space = shown.address.choice("near", SPACES, SPACES[0])

    @property
    def reader(self) -> Reader | None:
        """The chosen network, once it is there."""
        return None if self.making is None else self.making.reader

    def lay_out(self) -> None:
        """Make the elements."""
        texts = self.shown.texts
        ui.add_css(STYLE)
        with ui.element("div").classes("draw-title"):
            with ui.element("div"):
                ui.html(f"<h1>{texts('draw.title')}</h1>", sanitize=False)
                ui.label(texts("draw.lead")).classes("soft")
            self._network()
        self.notice = ui.label().classes("notice").props("role=alert")
        self._progress()
        with ui.element("div").classes("draw-desk"):
            self._sheet()
            self._answer()
        self.inside = Inside(self.shown, self.given, self.space, self._choose_space)
        asked = self.shown.address.text("model")
        known = any(choice.key == asked for choice in self.choices)
        self.notice.set_visibility(bool(asked) and not known)
        self.notice.set_text(texts("draw.gone"))
        self._begin(asked if known else self.choices[0].key)
        ui.timer(LOOKS, self._look)

    # ---- the network

    def _network(self) -> None:
        options = {choice.key: self._called(choice) for choice in self.choices}
        self.chosen = ui.select(options, label=self.shown.texts("draw.network"), on_change=self._on_chosen)
        self.chosen.classes("draw-network").props("outlined dense options-dense")

    def _called(self, choice: Choice) -> str:
        texts, record = self.shown.texts, choice.record
        if record is None:
            return texts(f"draw.{choice.key}")
        config = record.config
        of = {"dataset": Path(str(config.get("dataset", ""))).name, "model": network_of(config)}
        text = texts("draw.run", run=record.name, **of) if all(of.values()) else record.name
        share = record.measured("test", "accuracy")
        return text if share is None else texts("draw.accuracy", text=text, share=f"{share:.1%}")

    def _progress(self) -> None:
        self.progress = ui.element("div").classes("draw-progress card")
        with self.progress:
            self.told = ui.label().props("role=status")
            self.bar = ui.linear_progress(0, show_value=False).props('aria-label="%"')
            self.cancel = ui.button(self.shown.texts("common.cancel"), on_click=self._cancel)
            self.cancel.props("flat dense no-caps")

    def _on_chosen(self) -> None:
        key = self.chosen.value
        if key is not None and (self.making is None or key != self.making.key or self.making.cancelled):
            self.notice.set_visibility(False)
            self._begin(str(key))

    def _begin(self, key: str) -> None:
        """Have that network made, and wait for it without holding anybody up."""
        if self.waiting is not None:
            self.waiting.cancel()
        self.making = self.desk.make(key)
        self.shown.address.set(model=key)
        self.chosen.set_value(key)
        self._give(None)
        self.waiting = ui.timer(0.1, self._wait)
        self._wait()

    def _wait(self) -> None:
        making, texts = self.making, self.shown.texts
        if making is None:
            return
        done = making.done.is_set()
        self.progress.set_visibility(not done)
        trained = not making.key.startswith(RUN)
        share = f"{making.progress:.0%}"
        self.told.set_text(texts("draw.training", share=share) if trained else texts("draw.reading"))
        self.bar.set_value(making.progress if trained else 0)
        self.bar.props(add="" if trained else "indeterminate", remove="indeterminate" if trained else "")
        self.cancel.set_visibility(trained)
        if done:
            if self.waiting is not None:
                self.waiting.cancel()
            self._ready(making)

    def _ready(self, making: Making) -> None:
        if making.reader is None:
            gone = self.shown.texts("draw.stopped" if making.cancelled else "draw.gone")
            english = making.problem not in ("", "missing")  # the library's own words
            self.notice.set_text(making.problem if english else gone)
            self.notice.props(add="lang=en" if english else "", remove="" if english else "lang")
            self.notice.set_visibility(True)
            self.chosen.set_value(None)
            return
        self._explain(making.reader)
        self.bars.show(making.reader.classes, [0.0] * len(making.reader.classes), drawn=False)
        self.sheet.renew()

    def _explain(self, reader: Reader) -> None:
        """How a drawing becomes what this network takes."""
        name = "draw.given_digits" if reader.side == DIGITS_SIDE else "draw.given_mnist"
        box = round(reader.side * MNIST_BOX / MNIST_SIDE)
        self.given_text.set_text(self.shown.texts(name, side=reader.side, box=box))

    def _cancel(self) -> None:
        if self.making is not None:
            self.making.cancel()

    # ---- the sheet and the answer

    def _sheet(self) -> None:
        texts = self.shown.texts
        with ui.element("section").classes("card draw-sheet"):
            self.sheet = Sheet(texts("draw.sheet"))
            self.sheet.on("drawn", self._on_drawn)
            with ui.element("div").classes("draw-tools"):
                for name, icon, act in (("undo", "undo", self.sheet.undo), ("clear", "clear", self.sheet.wipe)):
                    button = ui.button(texts(f"draw.{name}"), icon=icon, on_click=act)
                    button.props("flat no-caps").tooltip(texts(f"draw.{name}_key"))
            self.keeping = Keeping(self.shown, lambda: self.drawn, self.sheet.wipe)

    def _answer(self) -> None:
        texts = self.shown.texts
        with ui.element("section").classes("card draw-answer"):
            self.bars = Bars(
                {"says": texts("draw.says"), "nothing": texts("draw.nothing"), "label": texts("draw.bars")}
            )
            with ui.element("div").classes("draw-given"):
                ui.label(texts("draw.given")).classes("caption")
                with ui.element("div").classes("draw-picture"):
                    self.given = Tiles(texts("draw.given"))
                self.given_text = ui.label().classes("soft small")

    def _give(self, picture: np.ndarray | None) -> None:
        self.picture, self.given_number = picture, self.given_number + 1

    async def _on_drawn(self, event: Any) -> None:
        """Read what is drawn, in a thread; the sheet sends the next one when this one is answered.

        It sends again where an answer takes long, so that a reading may end after a newer one: then it is not shown.
        """
        drawn = received(event.args)
        if drawn is None:
            return
        self.drawn = drawn
        reader = self.reader
        if reader is not None:
            reading = await _in_time(reader, partial(reader.read, drawn.bitmap))
            if drawn is not self.drawn:
                return
            if reading is not None and reader is self.reader:
                some = drawn.strokes > 0
                self.bars.show(reader.classes, reading.probabilities, drawn=some, number=drawn.number)
                self._give(reading.picture if some else None)
        self.sheet.answer(drawn.number)

    # ---- inside

    def _choose_space(self, space: str) -> None:
        self.space = space
        self.shown.address.set(near=space if space == PIXELS else None)

    async def _look(self) -> None:
        """Show what goes on inside for the newest picture, where that is not shown yet."""
        reader, picture, space = self.reader, self.picture, self.space
        wanted = (reader, self.given_number, space)
        if reader is None or wanted == self.looked:
            return
        self.looked = wanted
        found: Any = [], []
        if picture is not None:
            found = await _in_time(reader, partial(_inside, reader, picture, space))
        if found is not None and reader is self.reader:
            self.inside.show(reader, picture, *found)
            self.keeping.allow(picture is not None)


def _inside(reader: Reader, picture: np.ndarray, space: str) -> tuple[list[Look], list[Neighbour]]:
    """What each layer answers to the picture, and the nearest examples."""
    return reader.look(picture), reader.nearest(picture, NEAREST, space)


async def _in_time(reader: Reader, work: Callable[[], Any]) -> Any:
    """What the work gives: done at once where the network is quick, since threads that take turns cost more."""
    return work() if reader.seconds < QUICK else await run.io_bound(work)
