"""The runs that are chosen, beside each other: what they are, their curves, their results, their configurations."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from nicegui import run, ui

from madi.errors import MadiError
from madi.runs.folder import RunFolder
from madi.studio.comparing import LOSS, Rows, Setting, chart, lines, metrics_of, results, settings
from madi.studio.drawing.desk import RUN, reads_digits
from madi.studio.frame import Page
from madi.studio.pages.runs.report import address
from madi.studio.records import FINISHED, INTERRUPTED, UNFINISHED, Record
from madi.studio.texts import CATALOGUE, Texts

TakeOut = Callable[[str], Awaitable[None]]


class Chosen:
    """Shows them anew whenever there are others, or one has changed."""

    def __init__(self, shown: Page, take_out: TakeOut) -> None:
        self.shown, self.texts, self.take_out = shown, shown.texts, take_out
        self.logarithmic = shown.address.text("scale") == "log"
        self.metric = shown.address.text("metric")
        self.known: list[Record] | None = None
        self.read: dict[tuple[str, float], Rows] = {}  # histories by run and time of writing
        self.place = ui.element("div").classes("runs-chosen")

    async def show(self, records: list[Record]) -> None:
        """The parts for these runs."""
        if records == self.known:
            return
        self.known = records
        found = await run.io_bound(self._histories, records)
        digits = await run.io_bound(lambda: [reads_digits(record) for record in records])
        if found is None or digits is None or self.known is not records:
            return  # the studio ends, or others were chosen meanwhile
        self.place.clear()
        with self.place:
            if not records:
                ui.label(self.texts("runs.choose")).classes("soft")
                return
            self._who(records, digits)
            self._curves(records, found)
            self._results(records)
            self._configurations(records)

    def _histories(self, records: list[Record]) -> list[Rows]:
        self.read = {(record.name, record.changed): self._history(record) for record in records}
        return list(self.read.values())

    def _history(self, record: Record) -> Rows:
        key = record.name, record.changed
        if key in self.read:
            return self.read[key]
        try:
            return record.history()
        except MadiError:
            return []  # without curves; that the run is broken is said where its state is

    # ---- what they are

    def _who(self, records: list[Record], digits: list[bool]) -> None:
        with ui.element("ul").classes("runs-who"):
            for place, (record, reads) in enumerate(zip(records, digits, strict=True)):
                with ui.element("li").classes("card"):
                    self._one(record, place, reads)

    def _one(self, record: Record, place: int, reads: bool) -> None:
        with ui.element("div").classes("runs-one"):
            ui.element("span").classes("swatch").style(f"background: var(--run-{place})")
            ui.label(record.name).classes("caption")
            said = self.texts("runs.remove", run=record.name)
            button = ui.button(icon="close", on_click=partial(self.take_out, record.name))
            button.props("flat round dense size=sm").props["aria-label"] = said
        if record.state != FINISHED:
            ui.label(self._said(record)).classes("notice small")
        with ui.element("div").classes("runs-links"):
            if record.report:
                self._link("report", record, address(record.name), "target=_blank rel=noopener")
            if reads:
                self._link("draw_with", record, self.shown.address.link("/draw", model=RUN + record.name), "")

    def _link(self, name: str, record: Record, target: str, props: str) -> None:
        link = ui.link(self.texts(f"runs.{name}"), target).props(props)
        link.props["aria-label"] = self.texts(f"runs.{name}_of", run=record.name)

    def _said(self, record: Record) -> str:
        """What a run that did not end in order says of itself."""
        said = self.texts(f"runs.says_{record.state}", problem=record.problem)
        begun = record.state in (INTERRUPTED, UNFINISHED)
        command = RunFolder(record.path, was_there=True).how_to_go_on() if begun else None
        return said if command is None else f"{said} {self.texts('runs.go_on', command=command)}"

    # ---- curves

    def _curves(self, records: list[Record], found: list[Rows]) -> None:
        names = metrics_of(found)
        with ui.element("section").classes("card runs-part"):
            with ui.element("div").classes("runs-heading"):
                ui.html(f"<h2>{self.texts('runs.curves')}</h2>", sanitize=False)
                ui.label(self.texts("runs.dashed")).classes("soft")
            if not names:
                ui.label(self.texts("runs.no_curves")).classes("soft")
                return
            with ui.element("div").classes("runs-charts"):
                self._losses(records, found)
                self._metrics(records, found, [name for name in names if name != LOSS])

    def _losses(self, records: list[Record], found: list[Rows]) -> None:
        with ui.element("div").classes("runs-chart"):
            with ui.element("div").classes("runs-heading"):
                ui.label(self.texts("runs.loss")).classes("caption")
                switch = ui.switch(self.texts("runs.logarithmic"), value=self.logarithmic).props("dense")
            drawn = ui.echart(self._options(records, found, LOSS), renderer="svg")

            def changed() -> None:
                self.logarithmic = bool(switch.value)
                self.shown.address.set(scale="log" if self.logarithmic else None)
                _redraw(drawn, self._options(records, found, LOSS))

            switch.on_value_change(changed)

    def _metrics(self, records: list[Record], found: list[Rows], names: list[str]) -> None:
        if not names:
            return
        metric = self.metric if self.metric in names else names[0]
        with ui.element("div").classes("runs-chart"):
            with ui.element("div").classes("runs-heading"):
                options = {name: spoken(self.texts, name) for name in names}
                chosen = ui.select(options, value=metric).props("dense borderless options-dense")
                chosen.props["aria-label"] = self.texts("runs.metric")
            drawn = ui.echart(self._options(records, found, metric), renderer="svg")

            def changed() -> None:
                self.metric = str(chosen.value)
                self.shown.address.set(metric=self.metric)
                _redraw(drawn, self._options(records, found, self.metric))

            chosen.on_value_change(changed)

    def _options(self, records: list[Record], found: list[Rows], metric: str) -> dict[str, Any]:
        words = {name: self.texts(f"runs.{name}") for name in ("training", "validation", "epoch")}
        logarithmic = self.logarithmic and metric == LOSS
        made = lines(found, metric, logarithmic=logarithmic)
        return chart(made, [record.name for record in records], words, logarithmic=logarithmic)

    # ---- results and configurations

    def _results(self, records: list[Record]) -> None:
        metrics = list(dict.fromkeys(name for record in records for name in record.metrics()))
        if not metrics:
            return
        with ui.element("section").classes("card runs-part"):
            ui.html(f"<h2>{self.texts('runs.results')}</h2>", sanitize=False)
            head = [
                self.texts("runs.run"),
                self.texts("runs.measured_on"),
                *(spoken(self.texts, name) for name in metrics),
            ]
            with _table(head):
                for place, record in enumerate(records):
                    self._rows(record, place, metrics)

    def _rows(self, record: Record, place: int, metrics: list[str]) -> None:
        own, measured = results(record)
        for number, result in enumerate(measured):
            values = dict(zip(own, result.values, strict=True))
            with ui.element("tr").classes("first" if number == 0 else ""):
                with ui.element("th").props("scope=row"):
                    if number == 0:
                        _named(record, place)
                _cell(self.texts(f"runs.{result.part}"))
                for name in metrics:
                    value = values.get(name)
                    _cell("" if value is None else f"{value:.4f}").classes("number")

    def _configurations(self, records: list[Record]) -> None:
        rows = settings(records)
        if not rows:
            return
        differing, same = [row for row in rows if row.differs], [row for row in rows if not row.differs]
        with ui.element("section").classes("card runs-part"):
            with ui.element("div").classes("runs-heading"):
                ui.html(f"<h2>{self.texts('runs.configurations')}</h2>", sanitize=False)
                if len(records) > 1:
                    ui.label(self.texts("runs.differing" if differing else "runs.alike")).classes("soft")
            if differing:
                self._settings(records, differing)
            if not same:
                return
            title = self.texts("runs.same" if len(records) > 1 else "runs.all", count=len(same))
            with ui.expansion(title).classes("runs-same").props("dense"):
                self._settings(records[:1], same)

    def _settings(self, records: list[Record], rows: list[Setting]) -> None:
        with _table(["", *(record.name for record in records)] if len(records) > 1 else None):
            for row in rows:
                with ui.element("tr").classes("differs" if row.differs else ""):
                    with ui.element("th").props("scope=row"):
                        ui.label(row.name).classes("numbers")
                    for value in row.values[: len(records)]:
                        _cell(value).classes("numbers")


def spoken(texts: Texts, metric: str) -> str:
    """What a metric is called on the page: by its name, where it has no other."""
    name = f"runs.metric_{metric}"
    return texts(name) if name in CATALOGUE else metric


def _redraw(drawn: ui.echart, options: dict[str, Any]) -> None:
    drawn.options.clear()
    drawn.options.update(options)
    drawn.update()


def _named(record: Record, place: int) -> None:
    with ui.element("span").classes("runs-name"):
        ui.element("span").classes("swatch").style(f"background: var(--run-{place})")
        ui.label(record.name)


def _table(head: list[str] | None) -> ui.element:
    """A table in a place that scrolls sideways by itself; its body."""
    with ui.element("div").classes("runs-scroll").props("tabindex=0"), ui.element("table"):
        if head is not None:
            with ui.element("thead"), ui.element("tr"):
                for text in head:
                    with ui.element("th").props("scope=col"):
                        ui.label(text)
        return ui.element("tbody")


def _cell(text: str) -> ui.element:
    cell = ui.element("td")
    with cell:
        ui.label(text)
    return cell
