"""The card with the knobs: quick or in full, one knob for each parameter, all back as they were."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nicegui import ui

from madi.studio.experiments.bench import Bench
from madi.studio.pages.lab.knobs import Knob
from madi.studio.pages.lab.words import duration, heading
from madi.studio.texts import Texts


class Panel:
    """The knobs of a bench."""

    def __init__(self, texts: Texts, bench: Bench) -> None:
        self.texts, self.bench = texts, bench
        parameters = bench.setting.made.parameters
        self.knobs = {
            name: Knob(texts, parameter, lambda: bench.setting, bench.go) for name, parameter in parameters.items()
        }

    def label(self, name: str) -> str:
        """What the page calls a parameter."""
        return self.knobs[name].label

    def build(self) -> None:
        """Its elements."""
        with ui.element("section").classes("card lab-panel").props(f'aria-label="{self.texts("lab.knobs")}"'):
            with ui.element("div").classes("lab-panel-head"):
                heading(self.texts("lab.knobs"), 2)
                self.reset = ui.button(self.texts("lab.reset"), icon="replay", on_click=self._reset)
                self.reset.props("flat dense no-caps size=sm")
            self.quick = self._quick()
            if not self.knobs:
                ui.label(self.texts("lab.no_knobs")).classes("soft")
            for knob in self.knobs.values():
                knob.build()

    def show(self) -> None:
        """Stand where the setting is."""
        for knob in self.knobs.values():
            knob.show()
        self.quick.set_value(self.bench.setting.quick)
        self.reset.set_visibility(bool(self.bench.setting.given))

    def refuse(self, why: Mapping[str, str]) -> None:
        """Say at each knob why its value in the address is not taken."""
        for name, reason in why.items():
            if name in self.knobs:
                self.knobs[name].refuse(reason)

    def _quick(self) -> Any:
        """The switch and how long both take; not shown where both are the same."""
        made, texts = self.bench.setting.made, self.texts
        with ui.element("div").classes("lab-quick") as box:
            switch = ui.switch(texts("lab.quick"), value=self.bench.setting.quick, on_change=self._switched)
            word = "quick_recorded" if made.long else "quick_takes"
            takes = texts(f"lab.{word}", quick=duration(texts, made.cost.quick), full=duration(texts, made.cost.full))
            ui.label(takes).classes("lab-knob-about soft")
        box.set_visibility(made.values({}, quick=True) != made.values({}, quick=False))
        return switch.props("dense")

    def _switched(self, event: object) -> None:
        if self.quick.value != self.bench.setting.quick:
            self.bench.go(self.bench.setting.with_quick(bool(self.quick.value)))

    def _reset(self) -> None:
        self.bench.go(self.bench.setting.reset())
        for knob in self.knobs.values():
            knob.show(force=True)
