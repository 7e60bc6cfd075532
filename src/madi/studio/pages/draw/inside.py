"""What goes on within the network: what each layer answers to, and which training examples are alike."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from nicegui import run, ui

from madi.studio.drawing.looking import Look
from madi.studio.drawing.nearest import Neighbour
from madi.studio.drawing.reader import SPACES, Reader
from madi.studio.frame import Page
from madi.studio.pages.draw.elements import Tiles

NEAREST = 10
SIDE = 64  # of a training example on the page, in pixels
TILE, UNIT = 54, 14  # sides of a channel's picture and of a unit's cell
GIVEN = 112  # of what the network is given


class Inside:
    """Both parts; their elements stay while only numbers change."""

    def __init__(self, shown: Page, space: str, choose: Callable[[str], None]) -> None:
        self.shown, self.texts = shown, shown.texts
        self.known: Reader | None = None  # what the elements were made for
        self.tiles: list[Tiles] = []
        self.strongest: list[ui.label] = []
        self._examples(space, choose)
        self._layers()

    def _examples(self, space: str, choose: Callable[[str], None]) -> None:
        with ui.element("section").classes("card draw-part"):
            with ui.element("div").classes("draw-heading"):
                ui.html(f"<h2>{self.texts('draw.nearest')}</h2>", sanitize=False)
                self.count = ui.label().classes("soft")
                options = {name: self.texts(f"draw.{name}") for name in SPACES}
                toggle = ui.toggle(options, value=space, on_change=lambda event: choose(str(event.value)))
                toggle.props("flat dense no-caps")
            self.alike = ui.element("div").classes("draw-alike")

    def _layers(self) -> None:
        with ui.element("section").classes("card draw-part"):
            ui.html(f"<h2>{self.texts('draw.layers')}</h2>", sanitize=False)
            ui.label(self.texts("draw.layers_lead")).classes("soft")
            self.rows = ui.element("div").classes("draw-layers")

    async def show(self, reader: Reader, picture: np.ndarray | None, space: str, given: ui.element) -> None:
        """Show them for a picture; None: for an empty sheet."""
        if picture is None:
            return self._clear(reader, given)
        looks = await run.io_bound(reader.look, picture)
        if looks is None:
            return None  # the studio ends
        if self.known is not reader:
            self.known = reader
            self._make(looks, picture, given)
        self._fill(looks, picture)
        alike = await run.io_bound(reader.nearest, picture, NEAREST, space)
        if alike is not None and self.known is reader:
            self._show_alike(reader, alike)
        return None

    def _clear(self, reader: Reader, given: ui.element) -> None:
        self.known = None
        for place in (self.rows, self.alike, given):
            place.clear()
        self.count.set_text("")
        for place in (self.rows, self.alike):
            with place:
                text = "empty" if place is self.rows or reader.count else "unknown"
                ui.label(self.texts(f"draw.{text}")).classes("soft")

    def _make(self, looks: list[Look], picture: np.ndarray, given: ui.element) -> None:
        """The elements for these layers."""
        given.clear()
        with given:
            self.given = Tiles(picture[None], zoom=GIVEN / len(picture), label=self.texts("draw.given"))
        self.rows.clear()
        self.tiles, self.strongest = [], []
        with self.rows:
            for look in looks:
                with ui.element("div").classes("draw-layer"):
                    with ui.element("div").classes("draw-layer-name"):
                        ui.label(look.name).classes("caption")
                        ui.label(self._shape(look)).classes("soft small")
                        self.strongest.append(ui.label().classes("soft small numbers"))
                    self.tiles.append(Tiles(look.tiles, zoom=_zoom(look), label=look.name))

    def _shape(self, look: Look) -> str:
        shape, shown = " x ".join(map(str, look.shape)), look.tiles.shape[0] if len(look.shape) == 3 else look.count
        shown = min(shown, look.tiles.size)
        return shape if shown == look.count else self.texts("draw.some", shape=shape, shown=shown, count=look.count)

    def _fill(self, looks: list[Look], picture: np.ndarray) -> None:
        self.given.show(picture[None], zoom=GIVEN / len(picture))
        for look, tiles, label in zip(looks, self.tiles, self.strongest, strict=True):
            tiles.show(look.tiles, zoom=_zoom(look))
            label.set_text(self.texts("draw.strongest", value=f"{look.largest:.3g}"))

    def _show_alike(self, reader: Reader, alike: list[Neighbour]) -> None:
        self.count.set_text(self.texts("draw.nearest_lead", count=f"{reader.count:,}") if reader.count else "")
        self.alike.clear()
        with self.alike:
            if not alike:
                ui.label(self.texts("draw.unknown")).classes("soft")
            for neighbour in alike:
                self._neighbour(reader, neighbour)

    def _neighbour(self, reader: Reader, neighbour: Neighbour) -> None:
        label, distance = reader.classes[neighbour.label], f"{neighbour.distance:.2f}"
        with ui.element("figure"):
            said = self.texts("draw.distance", label=label, distance=distance)
            Tiles(reader.example(neighbour.index)[None], zoom=SIDE / reader.side, label=said)
            with ui.element("figcaption").props("aria-hidden=true"):
                ui.label(label).classes("caption")
                ui.label(distance).classes("soft numbers")


def _zoom(look: Look) -> float:
    return TILE / look.tiles.shape[2] if len(look.shape) == 3 else UNIT
