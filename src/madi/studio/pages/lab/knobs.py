"""The knobs of an experiment: one for each declared parameter."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from nicegui import ui

from madi.errors import ConfigurationError
from madi.lab.framework.parameters import Parameter, shown
from madi.studio.experiments.knobs import ENDLESS, Kind, columns, kind, nearest, stops
from madi.studio.experiments.settings import NO, SWITCHED, Setting
from madi.studio.texts import CATALOGUE, Texts

LIVE = 0.6  # seconds: what takes no longer follows a slider while it is dragged
YES = "yes"

Turn = Callable[[Setting], None]


class Knob:
    """What turns one parameter.

    setting   what the page wants now
    turn      is called with the setting that the knob makes of it
    """

    def __init__(self, texts: Texts, parameter: Parameter, setting: Callable[[], Setting], turn: Turn) -> None:
        self.texts, self.parameter, self.setting, self.turn = texts, parameter, setting, turn
        self.text = ""  # of the value that stands there
        self.fields: list[Any] = []
        self.slider: Any = None
        self.quiet = False

    @property
    def label(self) -> str:
        """What the page calls the parameter."""
        name = f"lab.knob.{self.parameter.name}"
        return self.texts(name) if name in CATALOGUE else self.parameter.name.replace("_", " ")

    @property
    def about(self) -> str:
        """What the parameter is."""
        name = f"lab.about.{self.parameter.rule.text}"
        return self.texts(name) if name in CATALOGUE else self.parameter.rule.text

    def build(self) -> None:
        """Its elements."""
        with ui.element("div").classes("lab-knob").props(f"data-knob={self.parameter.name} role=group") as self.box:
            self.box.props["aria-label"] = self.label
            with ui.element("div").classes("lab-knob-head"):
                ui.label(self.label).classes("lab-knob-name")
                self.back = ui.button(icon="replay", on_click=self._reset).props("flat round dense size=sm")
            ui.label(self.about).classes("lab-knob-about soft")
            with ui.element("div").classes("lab-knob-body"):
                FORMS[kind(self.parameter)](self)
            self.error = ui.label().classes("lab-knob-error").props("role=alert lang=en")
        self.refuse("")
        self.show(force=True)

    def refuse(self, why: str) -> None:
        """Say why a value is not taken; "" when there is nothing to say."""
        self.error.set_text(why)
        self.error.set_visibility(bool(why))
        self.box.classes(add="lab-wrong" if why else "", remove="" if why else "lab-wrong")

    def show(self, *, force: bool = False) -> None:
        """Stand where the setting is.  What was typed and refused stays until the value changes elsewhere."""
        setting, name = self.setting(), self.parameter.name
        value, text = setting.values[name], shown(setting.values[name])
        if force or text != self.text:
            self.text, self.quiet = text, True
            self._place(value)
            self.quiet = False
            self.refuse("")
        usual = shown(setting.usual(name))
        self.back.set_visibility(name in setting.given)
        self.back.props["aria-label"] = self.back.props["title"] = self.texts("lab.reset_one", value=usual)

    def _place(self, value: Any) -> None:
        """Put the elements where a value is."""
        form = kind(self.parameter)
        if form is Kind.CELLS:
            for field, entry in zip(self.fields, value, strict=True):
                field.set_value(shown(entry))
        elif form is Kind.WORDS:
            self.fields[0].set_value(list(value))
        else:
            self.fields[0].set_value(SWITCHED[self.text] if form is Kind.SWITCH else self._written(value))
        if self.slider is not None:
            self.slider.set_value(nearest(self.stops, value))

    def _written(self, value: Any) -> str:
        """A value as its field has it: a list with spaces, so that it can be read and broken into lines."""
        return shown(value).replace(",", ", ") if self.parameter.several else shown(value)

    def _take(self, value: Any) -> None:
        """A person has set a value, or typed a text."""
        if self.quiet or value is None:
            return
        try:
            setting = self.setting().turned(self.parameter.name, value)
        except ConfigurationError as error:
            self.refuse(str(error))
            return
        self.refuse("")
        self.text = shown(setting.values[self.parameter.name])
        self.turn(setting)

    def _reset(self) -> None:
        setting = self.setting()
        self.turn(setting.turned(self.parameter.name, setting.usual(self.parameter.name)))

    # ---- its forms

    def _field(self, label: str, wide: bool = True) -> Any:
        """A field for text; it is taken after a pause, or with Enter."""
        made = ui.input(on_change=lambda event: self._typed()).props("dense outlined debounce=500")
        made.props["aria-label"] = label
        made.props("inputmode=decimal" if not self.parameter.several else "")
        made.classes("numbers" + (" lab-wide" if wide else ""))
        self.fields.append(made)
        return made

    def _typed(self) -> None:
        self._take(",".join(str(field.value or "") for field in self.fields))

    def _make_slider(self) -> None:
        self.stops = stops(self.parameter)
        made = ui.slider(min=0, max=len(self.stops) - 1, step=1).props("dense")
        made.props["aria-label"] = self.label
        self.slider = made
        made.on_value_change(self._dragged)
        made.on("change", lambda: self._take(self.stops[int(made.value)]))
        self._field(f"{self.label}: {self._range()}", wide=False).props["title"] = self._range()

    def _dragged(self, event: Any) -> None:
        """Show the stop; compute it already if that is quick."""
        if self.quiet:
            return
        value = self.stops[int(event.value)]
        if self.setting().seconds <= LIVE:
            self._take(value)
        self.quiet = True
        self.fields[0].set_value(shown(value))
        self.quiet = False

    def _make_field(self) -> None:
        self._field(f"{self.label}: {self._range()}", wide=False)
        if self.parameter.rule.high >= ENDLESS:  # type: ignore[union-attr]
            other = ui.button(icon="casino", on_click=lambda: self._take(random.randrange(1000)))
            other.props(
                f'flat round dense aria-label="{self.texts("lab.new_seed")}" title="{self.texts("lab.new_seed")}"'
            )

    def _make_list(self) -> None:
        self._field(f"{self.label}: {self._range()}")
        ui.label(f"{self._range()}; {self.texts('lab.list_hint')}").classes("lab-knob-hint soft")

    def _make_cells(self) -> None:
        length = int(self.parameter.rule.length or 1)
        with ui.element("div").classes("lab-cells").style(f"--columns: {columns(self.parameter)}"):
            for place in range(length):
                self._field(f"{self.label} {place + 1}", wide=False)

    def _make_choice(self) -> None:
        options: Any = self.parameter.rule
        made: Any = ui.toggle(list(options.options), on_change=lambda event: self._take(event.value))
        made.props("dense no-caps unelevated").classes("lab-choice")
        self.fields.append(made)

    def _make_words(self) -> None:
        options: Any = self.parameter.rule
        made: Any = ui.select(list(options.options), multiple=True, on_change=lambda event: self._words(event.value))
        made.props("dense outlined use-chips options-dense").classes("lab-wide").props["aria-label"] = self.label
        self.fields.append(made)

    def _words(self, chosen: list[str]) -> None:
        options: Any = self.parameter.rule
        self._take(",".join(word for word in options.options if word in chosen))

    def _make_switch(self) -> None:
        made: Any = ui.switch(on_change=lambda event: self._take(YES if event.value else NO))
        made.props["aria-label"] = self.label
        self.fields.append(made)

    def _range(self) -> str:
        """The numbers allowed, in words."""
        rule: Any = self.parameter.rule
        return self.texts("lab.from_to", low=f"{rule.low:,.10g}", high=f"{rule.high:,.10g}")


FORMS: dict[Kind, Callable[[Knob], None]] = {
    Kind.SLIDER: Knob._make_slider,
    Kind.FIELD: Knob._make_field,
    Kind.LIST: Knob._make_list,
    Kind.CELLS: Knob._make_cells,
    Kind.CHOICE: Knob._make_choice,
    Kind.WORDS: Knob._make_words,
    Kind.SWITCH: Knob._make_switch,
}
