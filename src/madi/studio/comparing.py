"""Runs beside each other: where their configurations differ, their curves in one figure, their results in one table."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from madi.config import TrainConfig
from madi.studio.records import PARTS, Record
from madi.training.history import NOT_RESULTS, VALIDATION

COLOURS = 8  # that tell curves apart; the ninth run has the first one again
LOSS = "loss"
SMALLEST = 1e-12  # what a logarithmic axis can still show

Rows = Sequence[Mapping[str, float]]


class Setting(NamedTuple):
    """A field of the configuration: what each run says of it, "" where it says nothing, and whether they differ."""

    name: str
    values: tuple[str, ...]
    differs: bool


def settings(records: Sequence[Record]) -> list[Setting]:
    """The fields that some of the runs set, those that differ first, each part in the order of the configuration."""
    order = [field.name for field in dataclasses.fields(TrainConfig)]
    found = dict.fromkeys(name for record in records for name in record.config)
    names = sorted(found, key=lambda name: order.index(name) if name in order else len(order))
    rows = [(name, tuple(shown(record.config.get(name)) for record in records)) for name in names]
    made = [Setting(name, values, len(set(values)) > 1) for name, values in rows]
    return sorted(made, key=lambda setting: not setting.differs)


def shown(value: Any) -> str:
    """A value of a configuration as a person writes it: 100, 50 for a list, yes or no, nothing for None."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(shown, value)) or "none"
    return f"{value:g}" if isinstance(value, float) else str(value)


class Result(NamedTuple):
    """What was measured on a part of the data: "test", and a value for each metric, None where there is none."""

    part: str
    values: tuple[float | None, ...]


def results(record: Record) -> tuple[list[str], list[Result]]:
    """The names of the metrics, and a row for each part of the data on which some were measured."""
    metrics = record.metrics()
    rows = [Result(part, tuple(record.measured(part, name) for name in metrics)) for part in PARTS]
    return metrics, [row for row in rows if any(value is not None for value in row.values)]


def metrics_of(histories: Sequence[Rows]) -> list[str]:
    """What was measured in training or validation of some of the runs, the loss first, each once."""
    names = dict.fromkeys(
        name.removeprefix(VALIDATION) for rows in histories for row in rows for name in row if name not in NOT_RESULTS
    )
    return sorted(names, key=lambda name: name != LOSS)


class Line(NamedTuple):
    """A curve: of which run by number, of validation or training, and its points (epoch, value or None for a gap)."""

    run: int
    validation: bool
    points: list[tuple[float, float | None]]


def lines(histories: Sequence[Rows], metric: str, *, logarithmic: bool = False) -> list[Line]:
    """The curves of a metric over the epochs: of each run training, then validation, where there are such."""
    made = [
        Line(
            number, bool(prefix), [_point(row, prefix + metric, logarithmic) for row in rows if prefix + metric in row]
        )
        for number, rows in enumerate(histories)
        for prefix in ("", VALIDATION)
    ]
    return [line for line in made if line.points]


def _point(row: Mapping[str, float], name: str, logarithmic: bool) -> tuple[float, float | None]:
    value = row[name]
    kept = math.isfinite(value) and not (logarithmic and value < SMALLEST)
    return row["epoch"], float(f"{value:.6g}") if kept else None


def chart(
    drawn: Sequence[Line], names: Sequence[str], words: Mapping[str, str], *, logarithmic: bool
) -> dict[str, Any]:
    """The options of the framework's chart for curves; training dashed, validation full.

    names    of the runs
    words    "training", "validation", "epoch"
    """
    axis = {
        "axisLine": {"lineStyle": {"color": "var(--line)"}}, "axisLabel": {"color": "var(--soft)"},
        "splitLine": {"lineStyle": {"color": "var(--line)"}}, "nameTextStyle": {"color": "var(--soft)"},
    }  # fmt: skip
    series = [_series(line, names[line.run], words) for line in drawn]
    return {
        "animation": False,
        "aria": {"enabled": True},
        "grid": {"left": 56, "right": 16, "top": 16, "bottom": 40},
        "tooltip": {"trigger": "axis", "confine": True, "order": "valueAsc", "renderMode": "richText"},
        "xAxis": {"type": "value", "name": words["epoch"], "nameLocation": "middle", "nameGap": 26, "min": "dataMin",
                  "max": "dataMax", "minInterval": 1, **axis, "splitLine": {"show": False}},
        "yAxis": {"type": "log" if logarithmic else "value", "scale": True, **axis},
        "series": series,
    }  # fmt: skip


def _series(line: Line, name: str, words: Mapping[str, str]) -> dict[str, Any]:
    colour = f"var(--run-{line.run % COLOURS})"
    style = {"color": colour, "width": 2, "type": "solid" if line.validation else "dashed"}
    few = len(line.points) < 2
    return {
        "type": "line", "name": f"{name} · {words['validation' if line.validation else 'training']}",
        "data": [list(point) for point in line.points], "showSymbol": few, "symbolSize": 6, "lineStyle": style,
        "itemStyle": {"color": colour},
    }  # fmt: skip
