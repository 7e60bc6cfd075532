"""What goes on within the network: what each layer answers to, and which training examples are alike."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from nicegui import ui

from madi.studio.drawing.looking import Look
from madi.studio.drawing.nearest import Neighbour
from madi.studio.drawing.reader import SPACES, Reader
from madi.studio.frame import Page
from madi.studio.pages.draw.elements import Tiles

SIDE = 64  # of a training example on the page, in pixels
TILE, UNIT = 54, 14  # sides of a channel's picture and of a unit's cell
FEW = 16  # units
GIVEN = 112  # of what the network is given


class Inside:
    """Both parts; their elements stay while only numbers change."""

    def __init__(self, shown: Page, given: Tiles, space: str, choose: Callable[[str], None]) -> None:
        self.texts, self.given = shown.texts, given
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

    def show(self, reader: Reader, picture: np.ndarray | None, looks: list[Look], alike: list[Neighbour]) -> None:
        """Show them for a picture; None: for an empty sheet."""
        if picture is None:
            return self._clear(reader)
        if self.known is not reader:
            self.known = reader
            self._make(reader, looks)
        self.given.show(picture[None], zoom=GIVEN / len(picture))
        for look, tiles, label in zip(looks, self.tiles, self.strongest, strict=True):
            tiles.show(look.tiles, zoom=_zoom(look))
            label.set_text(self.texts("draw.strongest", value=f"{look.largest:.3g}"))
        if alike:
            captions = [(reader.classes[n.label], f"{n.distance:.2f}") for n in alike]
            pictures = np.stack([reader.example(neighbour.index) for neighbour in alike])
            self.near.show(pictures, zoom=SIDE / reader.side, captions=captions)
        return None

    def _clear(self, reader: Reader) -> None:
        self.known = None
        self.given.show(np.zeros((0, 1, 1), np.uint8), zoom=1)
        self.count.set_text("")
        for place, text in ((self.rows, "empty"), (self.alike, "empty" if reader.count else "unknown")):
            place.clear()
            with place:
                ui.label(self.texts(f"draw.{text}")).classes("soft")

    def _make(self, reader: Reader, looks: list[Look]) -> None:
        """The elements for these layers."""
        self.rows.clear()
        self.tiles, self.strongest = [], []
        with self.rows:
            for look in looks:
                self._layer(look)
        self.alike.clear()
        with self.alike:
            if reader.count:
                self.near = Tiles(self.texts("draw.nearest"))
                self.count.set_text(self.texts("draw.nearest_lead", count=f"{reader.count:,}"))
            else:
                ui.label(self.texts("draw.unknown")).classes("soft")

    def _layer(self, look: Look) -> None:
        with ui.element("div").classes("draw-layer"):
            with ui.element("div").classes("draw-layer-name"):
                ui.label(look.name).classes("caption").props("lang=en")
                ui.label(self._shape(look)).classes("soft small")
                self.strongest.append(ui.label().classes("soft small numbers"))
            self.tiles.append(Tiles(look.name))

    def _shape(self, look: Look) -> str:
        shape, shown = " x ".join(map(str, look.shape)), look.tiles.shape[0] if len(look.shape) == 3 else look.count
        shown = min(shown, look.tiles.size)
        return shape if shown == look.count else self.texts("draw.some", shape=shape, shown=shown, count=look.count)


def _zoom(look: Look) -> float:
    """Pixels of a number's side: all channels alike, few units larger than many."""
    if len(look.shape) == 3:
        return TILE / look.tiles.shape[2]
    return UNIT if look.count > FEW else 2 * UNIT
