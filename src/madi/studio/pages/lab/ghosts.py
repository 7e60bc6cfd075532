"""Earlier results: small figures to look at beside the newest one, or to put their settings back."""

from __future__ import annotations

from collections.abc import Callable

from nicegui import ui

from madi.studio.experiments.bench import Bench, Seen
from madi.studio.pages.lab.stage import claim_list, picture
from madi.studio.pages.lab.words import heading, told
from madi.studio.texts import Texts

BESIDE, OVER = "beside", "over"


class Ghosts:
    """The strip of earlier results.

    label   names a parameter
    """

    def __init__(self, texts: Texts, bench: Bench, label: Callable[[str], str]) -> None:
        self.texts, self.bench, self.label = texts, bench, label
        self.keys: list[str] = []

    def build(self) -> None:
        """Its elements."""
        with ui.element("section").classes("card lab-ghosts"):
            heading(self.texts("lab.ghosts"), 2)
            self.hint = ui.label(self.texts("lab.ghosts_hint")).classes("soft")
            self.strip = ui.element("div").classes("lab-strip")
        self.dialog = ui.dialog()
        self.show()

    def show(self) -> None:
        """Show what was seen before."""
        keys = [ghost.setting.key for ghost in self.bench.ghosts]
        self.hint.set_visibility(not keys)
        self.strip.set_visibility(bool(keys))
        if keys != self.keys:
            self.keys = keys
            self.strip.clear()
            with self.strip:
                for ghost in self.bench.ghosts:
                    self._thumb(ghost)

    def _thumb(self, ghost: Seen) -> None:
        what = told(self.texts, ghost.setting, self.label)
        with ui.element("button").classes("lab-ghost").on("click", lambda: self._compare(ghost)) as button:
            button.props["type"] = "button"
            button.props["aria-label"] = self.texts("lab.look", what=what)
            picture(ghost.result["picture"], "")
            ui.label(what)

    def _compare(self, ghost: Seen) -> None:
        """Both figures beside each other, or one over the other."""
        now = self.bench.seen
        if now is None:
            return
        self.dialog.clear()
        with self.dialog, ui.element("div").classes("card lab-compare"):
            self._compare_head(ghost)
            with ui.element("div").classes(f"lab-pair lab-{BESIDE}") as self.pair:
                self._half(self.texts("lab.earlier"), ghost, "lab-then")
                self._half(self.texts("lab.now"), now, "lab-now")
        self.dialog.open()

    def _compare_head(self, ghost: Seen) -> None:
        texts = self.texts
        with ui.element("div").classes("lab-compare-head"):
            ways = {BESIDE: texts("lab.beside"), OVER: texts("lab.over")}
            toggle = ui.toggle(ways, value=BESIDE, on_change=lambda event: self._lay(event.value))
            toggle.props("dense no-caps unelevated")
            back = ui.button(texts("lab.put_back"), icon="replay", on_click=lambda: self._put_back(ghost))
            back.props("no-caps flat dense")
            close = ui.button(icon="close", on_click=self.dialog.close).classes("lab-close")
            close.props(f'flat round dense aria-label="{texts("lab.close")}"')

    def _half(self, head: str, seen: Seen, name: str) -> None:
        with ui.element("div").classes(f"lab-half {name}"):
            with ui.element("div").classes("lab-half-head"):
                ui.label(head).classes("lab-head")
                ui.label(told(self.texts, seen.setting, self.label)).classes("soft")
            with ui.element("div").classes("lab-figure"):
                picture(seen.result["picture"], head)
            with ui.element("div").classes("lab-half-claims"):
                claim_list(self.texts, seen.result["claims"])

    def _lay(self, way: str) -> None:
        self.pair.classes(add=f"lab-{way}", remove=f"lab-{OVER if way == BESIDE else BESIDE}")

    def _put_back(self, ghost: Seen) -> None:
        self.dialog.close()
        self.bench.go(ghost.setting)
