"""The layout of the page "runs": the table of runs, and beneath it those that are chosen."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from nicegui import run, ui

from madi.studio.frame import Page
from madi.studio.pages.runs.chosen import Chosen, spoken
from madi.studio.records import BROKEN, Record, Records, network_of
from madi.studio.texts import Texts

STYLE = (Path(__file__).parent / "runs.css").read_text(encoding="utf-8")
RENEWAL = 2.0  # seconds between two looks at the folder
MOST = 8  # runs that are compared
COLUMNS = ("run", "when", "state", "data", "network", "epochs", "seconds")
MEASURED = (("test", "accuracy"), ("test", "r_squared"), ("test", "loss"))
PAGE = 12  # rows of the table at once

# How a cell is shown is said in the browser, so that numbers sort as numbers.
FORMATS = {
    "when": "value => new Date(value * 1000).toLocaleString('sv', {dateStyle: 'short', timeStyle: 'short'})",
    "seconds": "value => value == null ? '' : value.toFixed(1)",
    "epochs": "value => value == null ? '' : String(value)",
}
MEASURED_FORMAT = "value => value == null ? '' : value.toFixed(4)"


async def build(shown: Page) -> None:
    """The page's elements."""
    records = Records.of(shown.workplace)
    found = await run.io_bound(records.find)
    await RunsPage(shown, records, found or []).lay_out()


class RunsPage:
    """One visitor's page: the runs as they were found last, and the names of those that are chosen."""

    def __init__(self, shown: Page, records: Records, found: list[Record]) -> None:
        self.shown, self.texts, self.records, self.found = shown, shown.texts, records, found
        asked = [unquote(name) for name in shown.address.text("runs").split(",") if name]
        self.names = [name for name in asked if any(record.name == name for record in found)][:MOST]
        self.missing = [name for name in asked if name not in self.names]
        if not asked:
            self.names = [record.name for record in found if record.state != BROKEN][:1]

    async def lay_out(self) -> None:
        """Make the elements."""
        ui.add_css(STYLE)
        with ui.element("div").classes("page-title"):
            ui.html(f"<h1>{self.texts('runs.title')}</h1>", sanitize=False)
            ui.label(self.texts("runs.lead")).classes("soft")
        self._none()
        if self.missing:
            gone = self.texts("runs.gone", names=", ".join(self.missing))
            ui.label(gone).classes("notice").props("role=alert")
        self._table()
        self.chosen = Chosen(self.shown, self._take_out)
        self._fill()
        await self.chosen.show(self._chosen())
        ui.timer(RENEWAL, self._renew)

    def _none(self) -> None:
        self.none = ui.element("div").classes("card")
        with self.none:
            ui.label(self.texts("runs.none"))
            ui.label(f"madi train --output {self.shown.workplace.folder / 'first'}").classes("numbers runs-command")
            with ui.element("div").classes("runs-links"):
                ui.link(self.texts("common.train"), self.shown.address.link("/train"))

    # ---- the table

    def _table(self) -> None:
        self.card = ui.element("section").classes("card runs-card")
        with self.card:
            filtered = ui.input(self.texts("runs.filter"), placeholder=self.texts("runs.filter_hint"))
            filtered.props("outlined dense clearable debounce=150").classes("runs-filter")
            self.table = ui.table(
                rows=[], columns=[], row_key="name", selection="multiple", pagination=PAGE, on_select=self._on_select
            )
            self.table.props("flat dense binary-state-sort hide-selected-banner").classes("runs-table")
            self.table.props[":rows-per-page-options"] = f"[{PAGE}]"
            self.table.props[":pagination-label"] = "(first, last, all) => `${first}–${last} / ${all}`"
            filtered.bind_value_to(self.table, "filter")
            self.table.add_slot("header-cell", HEADER)
            self.table.add_slot("header-selection", CHECK_ALL.replace("#", self.texts("runs.select_all")))
            self.table.add_slot("body-selection", CHECK)
            self.table.add_slot("body-cell-run", NAME)
            self.table.add_slot("body-cell-state", STATE)

    def _fill(self) -> None:
        """The rows for the runs as they are now."""
        self.none.set_visibility(not self.found)
        self.card.set_visibility(bool(self.found))
        self.chosen.place.set_visibility(bool(self.found))
        rows = [row_of(record, self.texts, self._place(record)) for record in self.found]
        self.table.columns = columns_of(self.found, self.texts)
        self.table.rows = rows
        self.table.selected = [row for row in rows if row["name"] in self.names]
        self.table.update()

    def _place(self, record: Record) -> int:
        """Which colour the run has: its place among the chosen, -1 for none."""
        return self.names.index(record.name) if record.name in self.names else -1

    # ---- the choice

    def _chosen(self) -> list[Record]:
        known = {record.name: record for record in self.found}
        return [known[name] for name in self.names if name in known]

    async def _on_select(self, event: Any) -> None:
        wanted = [row["name"] for row in event.selection]
        kept = [name for name in self.names if name in wanted]
        names = [*kept, *(name for name in wanted if name not in kept)]
        if len(names) > MOST:
            ui.notify(self.texts("runs.most", count=MOST))
        await self._choose(names[:MOST])

    async def _take_out(self, name: str) -> None:
        await self._choose([other for other in self.names if other != name])

    async def _choose(self, names: list[str]) -> None:
        self.names = names
        self.shown.address.set(runs=",".join(quote(name, safe="/") for name in names) or ",")
        self._fill()
        await self.chosen.show(self._chosen())

    async def _renew(self) -> None:
        """Look at the folder, and show what has changed."""
        found = await run.io_bound(self.records.find)
        if found is not None and found != self.found:
            self.found = found
            self._fill()
            await self.chosen.show(self._chosen())


# ---- what the table is given


def columns_of(records: list[Record], texts: Texts) -> list[dict[str, Any]]:
    """The columns: what every run has, and what was measured of some."""
    plain = [{"name": name, "label": texts(f"runs.{name}"), "field": name} for name in COLUMNS]
    measured = [
        {
            "name": f"{part} {metric}",
            "label": _told(part, metric, texts),
            "field": f"{part} {metric}",
        }
        for part, metric in MEASURED
        if any(record.measured(part, metric) is not None for record in records)
    ]
    for column in plain:
        column |= {":format": FORMATS[column["name"]]} if column["name"] in FORMATS else {}
    for column in measured:
        column[":format"] = MEASURED_FORMAT
    numbers = ("epochs", "seconds", *(column["name"] for column in measured))
    return [
        {**column, "sortable": True, "align": "right" if column["name"] in numbers else "left"}
        for column in [*plain, *measured]
    ]


def _told(part: str, metric: str, texts: Texts) -> str:
    return f"{spoken(texts, metric)} ({texts(f'runs.{part}')})"


def row_of(record: Record, texts: Texts, place: int) -> dict[str, Any]:
    """A run as the table is given it."""
    config, results = record.config, record.results
    network = network_of(config)
    return {
        "name": record.name, "run": record.name, "when": record.changed, "state": texts(f"runs.{record.state}"),
        "kind": record.state, "data": Path(str(config.get("dataset", ""))).name, "network": network,
        "epochs": number(results.get("epochs")), "seconds": number(results.get("seconds")), "place": place,
        **{f"{part} {metric}": record.measured(part, metric) for part, metric in MEASURED},
    }  # fmt: skip


def number(value: Any) -> float | None:
    """The value where it is a number."""
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


HEADER = """
<q-th :props="props" :tabindex="props.col.sortable ? 0 : undefined" @keydown.enter="props.sort(props.col)"
  @keydown.space.prevent="props.sort(props.col)">{{ props.col.label }}</q-th>
"""
CHECK = """
<q-checkbox v-model="props.selected" dense :aria-label="props.row.name" />
"""
CHECK_ALL = """
<q-checkbox v-model="props.selected" dense aria-label="#" />
"""
NAME = """
<q-td :props="props"><span class="runs-name"><span class="swatch"
  :style="{ background: props.row.place < 0 ? 'transparent' : 'var(--run-' + props.row.place + ')' }"></span
  >{{ props.value }}</span></q-td>
"""
STATE = """
<q-td :props="props"><span :class="'runs-state ' + props.row.kind">{{ props.value }}</span></q-td>
"""
