"""Learning curves: loss and metrics of training and validation over the epochs."""

from __future__ import annotations

import numpy as np

from madi.diagnostics.report.charts import Axis, Chart, panel, row
from madi.diagnostics.report.markup import Markup, section
from madi.diagnostics.report.opening import term
from madi.training.history import NOT_RESULTS, VALIDATION, History

WIDE = 30.0  # a loss that falls by this factor is drawn on a logarithmic axis
MOST_STEPS = 300  # points of the line by step: means where there are more
Curves = dict[str, np.ndarray]


def course(history: History | None) -> Markup:
    """A chart for the loss and for each metric; nothing without an epoch."""
    if history is None:
        return Markup("")
    named = (name.removeprefix(VALIDATION) for name in history.names() if name not in NOT_RESULTS)
    panels = [_panel(history, name) for name in dict.fromkeys(named)]
    return section("Learning curves", row([found for found in panels if found]))


def _panel(history: History, name: str) -> Markup:
    curves = {kind: _curve(history, prefix + name) for kind, prefix in (("blue", ""), ("orange", VALIDATION))}
    curves = {kind: points for kind, points in curves.items() if len(points)}
    if not curves:
        return Markup("")
    steps = _by_step(history, name)
    chart = Chart(_epochs(history), _values(name, curves, steps), f"{term(name)} by epoch")
    if len(steps):
        chart.line(np.column_stack([steps[:, 0], np.clip(steps[:, 1], chart.y.low, chart.y.high)]), "grey thin")
    for kind, points in curves.items():
        chart.line(points, kind)
    words = {"blue": "training", "orange": "validation"}
    legend = [(kind, f"{words[kind]} {points[-1, 1]:.3g}") for kind, points in curves.items()]
    return panel(term(name), chart, legend, "The thin line is training, step by step." if len(steps) else "")


def _epochs(history: History) -> Axis:
    last = max(float(entry.get("epoch", 1)) for entry in history.epochs)
    return Axis(0 if history.steps or last == 1 else 1, last, "epoch")


def _values(name: str, curves: Curves, steps: np.ndarray) -> Axis:
    """An axis for the curves, and for the line by step but for what stands out of it at its start."""
    settled = np.quantile(steps[:, 1], [0.02, 0.98]) if len(steps) else np.zeros(0)
    values = np.concatenate([*(points[:, 1] for points in curves.values()), settled])
    falls = "loss" in name or "error" in name
    return Axis.over(values, log=bool(falls and values.min() > 0 and values.max() / values.min() > WIDE))


def _curve(history: History, name: str) -> np.ndarray:
    """(epoch, value) where the value is a finite number, (n, 2)."""
    points = [(entry.get("epoch", place), entry.get(name, np.nan)) for place, entry in enumerate(history.epochs, 1)]
    found = np.array(points, np.float64).reshape(-1, 2)
    return found[np.isfinite(found[:, 1])]


def _by_step(history: History, name: str) -> np.ndarray:
    """(epoch, value) of the steps, means where there are many; nothing where they are no finer than the epochs."""
    raw = np.asarray(history.steps.get(name, ()), np.float64)
    if len(raw) < 3 * len(history) or not np.isfinite(raw).all():
        return np.zeros((0, 2))
    last = max(float(entry.get("epoch", 1)) for entry in history.epochs)
    points = np.column_stack([np.arange(1, len(raw) + 1) * (last / len(raw)), raw])
    return (
        points if len(points) <= MOST_STEPS else np.array([p.mean(axis=0) for p in np.array_split(points, MOST_STEPS)])
    )
