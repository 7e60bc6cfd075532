"""The card of the network: a line for each layer, its output's shape and parameters beside it, its error below."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from nicegui import ui

from madi.studio.texts import Texts
from madi.studio.training.network import Checked, Line, split_lines

OFFERED = ("Dense(16)", "ReLU()", "Tanh()", "Conv2D(16, 3)", "MaxPool2D(2)", "BatchNorm()", "Dropout(0.2)", "Flatten()")


class Layers:
    """The lines of a network.

    given   their texts, to be written; None: those of a network by name, to be read
    typed   is called with all texts when one has changed
    """

    def __init__(self, texts: Texts, given: Sequence[str] | None, typed: Callable[[list[str]], None]) -> None:
        self.words, self.given, self._typed = texts, given, typed
        self.texts = list(given or ())
        self._beside: list[Any] = []
        self._below: list[Any] = []
        self._fields: list[Any] = []

    def build(self) -> None:
        """The elements."""
        self._rows = ui.element("div").classes("layers").props("role=list")
        self._wrong = ui.label("").classes("layer-error").props("role=alert")
        self._wrong.set_visibility(False)
        with ui.element("div").classes("layers-end"):
            if self.given is not None:
                self._offer()
            self._total = ui.label("").classes("soft numbers layers-total")
        if self.given is not None:
            self._lay_out()

    def _offer(self) -> None:
        with ui.button(self.words("train.add"), icon="add").props("flat dense no-caps"), ui.menu():
            for text in OFFERED:
                ui.menu_item(text, on_click=lambda text=text: self._insert(text)).classes("numbers")

    # ---- to be written

    def _lay_out(self, focus: int | None = None) -> None:
        self._rows.clear()
        self._beside, self._below, self._fields = [], [], []
        with self._rows:
            self._head()
            for place, text in enumerate(self.texts):
                self._row(place, text)
        if focus is not None and 0 <= focus < len(self._fields):
            self._fields[focus].run_method("focus")

    def _head(self) -> None:
        with ui.element("div").classes("layer layer-input").props("role=listitem"):
            ui.label(self.words("train.input")).classes("soft")
            self._input = ui.label("").classes("layer-beside numbers")

    def _row(self, place: int, text: str) -> None:
        with ui.element("div").classes("layer").props("role=listitem"):
            label = self.words("train.layer", number=place + 1)
            field = ui.input(value=text).props(f'dense borderless debounce=150 aria-label="{label}"')
            field.props("spellcheck=false autocomplete=off")
            field.classes("layer-text").on_value_change(lambda event, place=place: self._changed(place, event.value))
            # What the field holds comes along: its own change may still wait for the typing to end.
            enter = "(event) => emit(event.target.value)"
            field.on("keydown.enter", lambda event, place=place: self._split(place, event.args), js_handler=enter)
            self._fields.append(field)
            self._beside.append(ui.label("").classes("layer-beside numbers"))
            label = self.words("train.remove", number=place + 1)
            remove = ui.button(icon="close", on_click=lambda place=place: self._remove(place))
            remove.props(f'flat round dense size=sm aria-label="{label}"').classes("layer-remove")
            error = ui.label("").classes("layer-error").props("role=alert")
            error.set_visibility(False)
            self._below.append(error)

    def _changed(self, place: int, text: str | None) -> None:
        """What is typed, or pasted: several layers, once the last is whole, become lines of their own."""
        lines = split_lines(text or "")
        if len(lines) > 1 and lines[-1].endswith(")"):
            self.texts[place : place + 1] = lines
            self._lay_out(place + len(lines) - 1)
        else:
            self.texts[place] = text or ""
        self._tell()

    def _split(self, place: int, text: str) -> None:
        self.texts[place : place + 1] = [str(text), ""]
        self._lay_out(place + 1)
        self._tell()

    def _insert(self, text: str) -> None:
        """Before the last line, which gives the outputs."""
        place = max(0, len(self.texts) - 1)
        self.texts.insert(place, text)
        self._lay_out(place)
        self._tell()

    def _remove(self, place: int) -> None:
        del self.texts[place]
        self.texts = self.texts or [""]
        self._lay_out(max(0, place - 1))
        self._tell()

    def _tell(self) -> None:
        """Within what stays: the line that was typed into may be gone."""
        with self._rows:
            self._typed(self.texts)

    # ---- what is told

    def fail(self, error: str) -> None:
        """What is wrong with a network by name as a whole."""
        self._rows.clear()
        self._wrong.set_text(error)
        self._wrong.set_visibility(True)

    def tell(self, checked: Checked, shape: tuple[int, ...]) -> None:
        """Shapes, parameters and errors of all lines."""
        self._wrong.set_visibility(False)
        self._total.set_text(self.words("train.parameters", count=f"{checked.parameters:,}") if checked.fits else "")
        if self.given is None:
            return self._list(checked, shape)
        self._input.set_text(_shape(shape))
        for line, beside, below in zip(checked.lines, self._beside, self._below, strict=False):
            beside.set_text(_beside(line))
            below.set_text(line.error or "")
            below.set_visibility(bool(line.error))
        return None

    def _list(self, checked: Checked, shape: tuple[int, ...]) -> None:
        """A network by name, line by line."""
        self._rows.clear()
        with self._rows:
            self._head()
            self._input.set_text(_shape(shape))
            for line in checked.lines:
                with ui.element("div").classes("layer layer-read").props("role=listitem"):
                    ui.label(line.text).classes("numbers")
                    ui.label(_beside(line)).classes("layer-beside numbers")
                    if line.error:
                        ui.label(line.error).classes("layer-error").props("role=alert")


def _shape(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape))


def _beside(line: Line) -> str:
    """ "8×8×16 · 160"; without parameters the shape alone."""
    if line.shape is None:
        return ""
    return f"{_shape(line.shape)} · {line.parameters:,}" if line.parameters else _shape(line.shape)
