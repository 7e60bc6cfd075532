"""What a frame of a training shows, computed in threads and shown when it is there."""

from __future__ import annotations

import html
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from nicegui import run, ui

from madi.diagnostics import Finding
from madi.studio.frame import Page
from madi.studio.pages.train.form import Form
from madi.studio.training import pictures
from madi.studio.training.frames import Frame
from madi.studio.training.looking import LayerSpread, Look
from madi.studio.training.script import as_python
from madi.studio.training.settings import short_toml
from madi.studio.training.work import ENDED, Training

SHARE = 25  # times as long as a look took, before the next: the training has the machine
LONGEST = 5.0  # seconds from one look to the next, however long it takes
TABS = ("layers", "doctor", "python", "toml")
MOST_LEGEND = 12

Shown = Callable[[], object]  # shows what was drawn
Draw = Callable[[Look, Frame], Shown]


class Views:
    """The picture beside the curves, and the tabs below."""

    def __init__(self, shown: Page, form: Form) -> None:
        self.shown, self.texts, self.form = shown, shown.texts, form
        self._filled: dict[str, Any] = {}  # elements of the tabs
        self._done: dict[str, Any] = {}
        self._due: dict[str, float] = {}
        self._toml = self._python = ""

    # ---- elements

    def build_picture(self) -> None:
        """The card beside the curves: a plane, or the first weights."""
        with ui.element("div").classes("card train-picture") as self._card:
            self._title = ui.html("", sanitize=False)
            self._picture = ui.html("", sanitize=False).classes("train-canvas")
            self._legend = ui.element("div").classes("train-legend soft")
        self._card.set_visibility(False)

    def build_tabs(self) -> None:
        """Layers, doctor and programs."""
        chosen = self.shown.address.choice("tab", TABS, TABS[0])
        with ui.element("div").classes("card train-tabs"):
            with ui.tabs(on_change=self._chose).props("dense no-caps align=left") as self.tabs:
                for name in TABS:
                    ui.tab(name, self.texts(f"train.{name}"))
            with ui.tab_panels(self.tabs, value=chosen, animated=False):
                for name in TABS:
                    with ui.tab_panel(name):
                        self._panel(name)

    def _panel(self, name: str) -> None:
        if name in ("layers", "doctor"):
            element = ui.element("div").classes(f"train-{name}")
            with element:
                ui.label(self.texts("train.nothing_yet")).classes("soft")
            self._filled[name] = element
            return
        with ui.element("div").classes("train-code-head"):
            ui.label(self.texts(f"train.{name}_hint")).classes("soft")
            copy = ui.button(self.texts("common.copy"), icon="content_copy").props("flat dense no-caps")
            copy.on_click(lambda: self._copy(name))
        self._filled[name] = ui.element("pre").classes("train-code numbers").props("tabindex=0")

    def _chose(self, event: Any) -> None:
        self.shown.address.set(tab=None if event.value == TABS[0] else event.value)

    def _copy(self, name: str) -> None:
        ui.clipboard.write(self._python if name == "python" else self._toml)
        ui.notify(self.texts("common.copied"))

    # ---- without a training

    def data(self, form: Form) -> None:
        """The examples, where they lie in a plane."""
        known = form.known
        if known is None or known.points is None:
            self._card.set_visibility(False)
            return
        self._title.set_content(f"<h2>{self.texts('train.plane_data')}</h2>")
        names = _names(known.columns)
        label = self.texts("train.plane_label")
        self._picture.set_content(pictures.points_alone(*known.points, names, known.classes, label))
        self._show_legend(known.classes)
        self._card.set_visibility(True)

    def code(self, form: Form) -> None:
        """The programs of what is asked for."""
        config, known = form.asked.config, form.known
        if config is None or known is None or not form.ready:
            return
        whole = config.for_targets(not known.classes).for_rows(known.count)
        task = known.task(whole.loss)
        self._toml = short_toml(whole)
        self._python = as_python(whole, outputs=task.outputs, shape=known.shape, classes=len(known.classes))
        for name, text in (("python", self._python), ("toml", self._toml)):
            element = self._filled[name]
            element.clear()
            with element:
                ui.label(text).classes("train-code-text")

    # ---- of a frame

    async def drawn(self, training: Training, frame: Frame, *, newest: bool) -> list[Shown]:
        """The picture and the open tab at a frame, ready to be shown; none that is there already, none too soon."""
        look = training.look
        if look is None:
            return []
        at = (training.name, frame.step)
        views: list[tuple[str, Any, Draw]] = [("picture", at, self._plane if look.has_plane else self._filters)]
        if self.tabs.value == "layers":
            views.append(("layers", at, self._spreads))
        if self.tabs.value == "doctor":
            ended = newest and training.status == ENDED
            views.append(("doctor", (*at, ended), self._examined if ended else self._findings))
        wanted = [view for view in views if not self._is_there(*view[:2], busy=training.is_busy)]
        return [shown for view in wanted if (shown := await self._once(*view, look, frame))]

    def _is_there(self, name: str, key: Any, *, busy: bool) -> bool:
        """Whether it is shown already; while a training has the machine, also what came a short time ago."""
        return self._done.get(name) == key or (busy and time.monotonic() < self._due.get(name, 0.0))

    async def _once(self, name: str, key: Any, draw: Draw, look: Look, frame: Frame) -> Shown | None:
        """What `draw` makes; the next is due when 25 times as long has passed."""
        began = time.monotonic()
        shown = await run.io_bound(draw, look, frame)
        self._done[name] = key
        self._due[name] = time.monotonic() + min(SHARE * (time.monotonic() - began), LONGEST)
        return shown  # None: the program is ending

    def _plane(self, look: Look, frame: Frame) -> Shown:
        data = look.job.data
        names = _names(() if data.preparation is None else tuple(data.preparation.describe()))
        drawn = pictures.plane(look.boundary(frame), names, data.classes, self.texts("train.plane_label"))

        def show() -> None:
            self._show_picture("plane", drawn)
            self._show_legend(data.classes)

        return show

    def _filters(self, look: Look, frame: Frame) -> Shown:
        found = look.filters(frame)
        if found is None:
            return partial(self._card.set_visibility, False)
        drawn = pictures.filters(found, self.texts("train.filters_label"))

        def show() -> None:
            self._show_picture("filters", drawn)
            self._legend.clear()
            with self._legend:
                ui.label(self.texts("train.filters_hint"))

        return show

    def _show_picture(self, title: str, drawn: str) -> None:
        self._title.set_content(f"<h2>{self.texts(f'train.{title}')}</h2>")
        self._picture.set_content(drawn)
        self._card.set_visibility(True)

    def _show_legend(self, classes: Any) -> None:
        self._legend.clear()
        with self._legend:
            for name, colour in list(zip(classes, pictures.palette(classes), strict=True))[:MOST_LEGEND]:
                with ui.element("span"):
                    ui.element("i").style(f"background: {colour}")
                    ui.label(str(name))

    def _spreads(self, look: Look, frame: Frame) -> Shown:
        words = {kind: self.texts(f"train.{kind}") for kind in ("outputs", "gradients")}
        drawn = "".join(_row(layer, words, self.texts) for layer in look.spreads(frame))
        heads = f"<span></span><b>{words['outputs']}</b><b>{words['gradients']}</b>"
        head = f"<div class='spread-row spread-head'>{heads}</div>"

        def show() -> None:
            self._filled["layers"].clear()
            with self._filled["layers"]:
                ui.html(head + drawn, sanitize=False).classes("spreads")

        return show

    def _findings(self, look: Look, frame: Frame) -> Shown:
        return partial(self._show_findings, look.findings(frame, ended=False))

    def _examined(self, look: Look, frame: Frame) -> Shown:
        return partial(self._show_findings, look.findings(frame, ended=True))

    def _show_findings(self, found: list[Finding]) -> None:
        self._filled["doctor"].clear()
        with self._filled["doctor"]:
            if not found:
                ui.label(self.texts("train.healthy")).classes("train-healthy")
            for finding in found:
                self._finding(finding)

    def _finding(self, finding: Finding) -> None:
        with ui.element("div").classes("finding"):
            title = self.texts(f"train.{finding.name}")
            ui.label(title if finding.layer is None else f"{title} · {finding.layer}").classes("finding-title")
            ui.label(self.texts(f"train.{finding.name}_what"))
            ui.label(f"{self.texts('train.try')}: {self.texts(f'train.{finding.name}_try')}")
            with ui.expansion(self.texts("train.said")).props("dense").classes("train-more"):
                ui.label(f"{finding.message} Try {finding.advice}").classes("soft")


def _row(layer: LayerSpread, words: dict[str, str], texts: Any) -> str:
    """A layer's line: its name, its histograms, their mean and deviation."""
    name = html.escape(f"{layer.path} {layer.kind}".strip())
    cells = [f'<span class="spread-name">{name}</span>']
    for kind, style, found in (("outputs", "forward", layer.outputs), ("gradients", "backward", layer.gradients)):
        if found is None:
            cells.append("<span></span>")
            continue
        told = texts("train.spread", mean=f"{found.mean:.3g}", deviation=f"{found.deviation:.3g}")
        drawn = pictures.histogram(found, style, f"{words[kind]}: {name}")
        cells.append(f'<span>{drawn}<small class="soft">{told}</small></span>')
    return f'<div class="spread-row">{"".join(cells)}</div>'


def _names(columns: Any) -> tuple[str, str]:
    """The two inputs: columns of a table where there are two, else x1 and x2."""
    names = [row[0] for row in columns]
    return (names[0], names[1]) if len(names) >= 2 else ("x₁", "x₂")
