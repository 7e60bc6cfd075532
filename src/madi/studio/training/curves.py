"""The curves of a training as a chart: by step as the steps saw it, by epoch for what was kept out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from madi.training import History
from madi.training.history import NOT_RESULTS

MOST = 240  # points of a curve
TRAINED, HELD_OUT, QUIET = "#2f8fd0", "#e07b2f", "#8a9299"  # seen on light and on dark

Points = list[list[float]]


def by_step(values: Sequence[float], most: int = MOST) -> Points:
    """[step, mean of the steps up to it] for at most `most` stretches of equal length."""
    if not len(values):
        return []
    length = -(-len(values) // most)
    parts = [np.asarray(values[start : start + length], np.float64) for start in range(0, len(values), length)]
    ends = [min((place + 1) * length, len(values)) for place in range(len(parts))]
    return [[end, float(part.mean())] for end, part in zip(ends, parts, strict=True) if np.isfinite(part).all()]


def by_epoch(history: History, name: str, steps: int) -> Points:
    """[step, value] of an entry of the epochs, each of so many steps."""
    column = [(row["epoch"] * steps, row[name]) for row in list(history.epochs) if name in row]
    every = -(-max(len(column), 1) // MOST)
    return [[step, float(value)] for step, value in column[::-1][::every][::-1] if math.isfinite(value)]


def metric_of(history: History) -> str | None:
    """The first metric beside the loss."""
    rows = list(history.epochs)
    names = [name for name in (rows[-1] if rows else {}) if name not in (*NOT_RESULTS, "loss")]
    return next((name for name in names if not name.startswith("validation_")), None)


def chart(history: History | None, steps: int, total: int, until: int | None, words: dict[str, str]) -> dict[str, Any]:
    """The options of an ECharts chart: the loss above, the first metric below.

    steps   of an epoch;  total: of the training
    until   the step that is looked at: later points are left out, and a line stands there
    words   "training", "validation", "loss", "step" and names of metrics in the page's language
    """
    metric = None if history is None else metric_of(history)
    rows = ["loss", *([metric] if metric else [])]
    series = [] if history is None else [
        entry for place, name in enumerate(rows) for entry in _pair(history, name, place, steps, until, words)
    ]  # fmt: skip
    height = 76 if len(rows) == 1 else 34
    return {
        "animation": False,
        "aria": {"enabled": True},
        "legend": {
            "top": 0, "right": 0, "data": [words["training"], words["validation"]], "textStyle": {"color": QUIET},
            "icon": "roundRect", "itemHeight": 4,
        },
        "tooltip": {"trigger": "axis", "confine": True},
        "grid": [
            {"left": 52, "right": 14, "top": f"{10 + 45 * place}%", "height": f"{height}%"}
            for place in range(len(rows))
        ],
        "xAxis": [_steps(place, place == len(rows) - 1, total, words) for place in range(len(rows))],
        "yAxis": [
            {"gridIndex": place, "type": "value", "scale": True, "name": words.get(name, name), "splitNumber": 3,
             "nameTextStyle": {"color": QUIET, "align": "left"}, "axisLabel": {"color": QUIET},
             "splitLine": {"lineStyle": {"color": QUIET, "opacity": 0.22}}}
            for place, name in enumerate(rows)
        ],
        "series": series,
    }  # fmt: skip


def _steps(place: int, last: bool, total: int, words: dict[str, str]) -> dict[str, Any]:
    return {
        "gridIndex": place, "type": "value", "min": 0, "max": max(total, 1), "splitLine": {"show": False},
        "axisLabel": {"color": QUIET, "show": last, "hideOverlap": True}, "axisLine": {"lineStyle": {"color": QUIET}},
        "name": words["step"] if last else "", "nameLocation": "middle", "nameGap": 22,
        "nameTextStyle": {"color": QUIET},
    }  # fmt: skip


def _pair(
    history: History, name: str, place: int, steps: int, until: int | None, words: dict[str, str]
) -> list[dict[str, Any]]:
    """What the steps saw, faint; the means of the epochs, and what was kept out."""
    lines = [
        ("", by_step(list(history.steps.get(name, ()))), {"width": 1, "color": TRAINED, "opacity": 0.4}),
        (words["training"], by_epoch(history, name, steps), {"width": 2, "color": TRAINED}),
        (words["validation"], by_epoch(history, f"validation_{name}", steps), {"width": 2, "color": HELD_OUT}),
    ]
    return [_line(title, _until(points, until), look, place, until) for title, points, look in lines if points]


def _until(points: Points, step: int | None) -> Points:
    return points if step is None else [point for point in points if point[0] <= step]


def _line(title: str, points: Points, look: dict[str, Any], place: int, until: int | None) -> dict[str, Any]:
    mark = {
        "silent": True, "symbol": "none", "data": [{"xAxis": until}], "label": {"show": False},
        "lineStyle": {"color": QUIET, "type": "dashed"},
    }  # fmt: skip
    return {
        **({"name": title} if title else {"tooltip": {"show": False}, "silent": True}),
        "type": "line", "data": points, "showSymbol": len(points) < 3, "symbolSize": 5, "lineStyle": look,
        "xAxisIndex": place, "yAxisIndex": place, "itemStyle": {"color": look["color"]},
        **({} if until is None else {"markLine": mark}),
    }  # fmt: skip
