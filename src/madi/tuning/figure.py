"""The figure of a search: the curves of its best trials, and where each parameter was looked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from madi.errors import DataError
from madi.training.curves import FAINT, INK, TRAINING_COLOUR, VALIDATION_COLOUR, bare, shown_figure
from madi.tuning.ranges import Choice, LogUniform, Range, text
from madi.tuning.trial import VALIDATION, Measure, Trial

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from madi.tuning.result import Search

WIDTH, PANEL_HEIGHT, STRIP_HEIGHT = 7.6, 1.15, 2.5  # inches
COLUMNS, STRIPS = 5, 3  # panels of curves in a row, and of parameters
GREY = "#8A8A8A"
WIDE = 30.0  # losses that differ by this factor are drawn on a logarithmic axis
MOST_TOLD = 3  # parameters in a panel of curves


def figure(search: Search, best: int = 20) -> Figure:
    """The best trials' curves, a panel each, over the values, results and ranges of each parameter.

    Raises DataError where no trial has a result.
    """
    shown = search.measure.ranked(search.records)[:best]
    if not shown:
        raise DataError("search: nothing to plot, no trial has a result.")
    rows, strips = -(-len(shown) // COLUMNS), -(-len(search.ranges[0]) // STRIPS)
    heights = [0.55 + PANEL_HEIGHT * rows, STRIP_HEIGHT * strips]
    made = shown_figure()(figsize=(WIDTH, sum(heights)), layout="constrained")
    parts: Any = made.subfigures(2, 1, height_ratios=heights, hspace=0.02)
    top, bottom = parts
    _draw_curves(top, shown, search.measure, rows)
    _draw_parameters(bottom, search, strips)
    return made


# ---- the best trials


def _draw_curves(part: Any, shown: Sequence[Trial], measure: Measure, rows: int) -> None:
    panels = part.subplots(rows, COLUMNS, sharex=True, sharey=True, squeeze=False)
    for place, (axes, trial) in enumerate(zip(panels.flat, shown, strict=False), start=1):
        _draw_trial(axes, trial, measure, place)
    for axes in panels.flat[len(shown) :]:
        axes.set_axis_off()
    for column in range(min(COLUMNS, len(shown))):
        lowest = panels[(len(shown) - 1 - column) // COLUMNS, column]
        lowest.set_xlabel("epoch", fontsize=8, color=INK)
        lowest.tick_params(labelbottom=True)
    _set_limits(panels[0, 0], shown, measure)
    for axes, trial in zip(panels.flat, shown, strict=False):
        _tell_parameters(axes, trial)
    word = measure.name.replace("_", " ")
    part.suptitle(f"The {len(shown)} best trials: {word} by epoch", x=0.01, ha="left", fontsize=10.5, color=INK)
    for text_, colour, x in (("validation", VALIDATION_COLOUR, 0.995), ("training", TRAINING_COLOUR, 0.895)):
        part.text(x, 0.985, text_, color=colour, ha="right", va="top", fontsize=9)


def _draw_trial(axes: Axes, trial: Trial, measure: Measure, place: int) -> None:
    for name, colour, width in (
        (measure.name, TRAINING_COLOUR, 1.0),
        (VALIDATION + measure.name, VALIDATION_COLOUR, 1.6),
    ):
        curve = trial.curve(name)
        axes.plot(np.arange(1, len(curve) + 1), curve, color=colour, linewidth=width)
    axes.set_title(f"{place}.  {_short(measure.value(trial))}", loc="left", fontsize=8, color=INK, pad=2)
    bare(axes)
    axes.tick_params(labelsize=7, pad=1)


def _tell_parameters(axes: Axes, trial: Trial) -> None:
    """The trial's parameters in the corner where the curves leave most room."""
    told = [f"{_words(name)} {text(value)}" for name, value in list(trial.parameters.items())[:MOST_TOLD]]
    width, height = 0.037 * max(map(len, told)), 0.13 * len(told)
    places = np.concatenate([_dense(axes, line) for line in axes.get_lines()])

    def hidden(corner: tuple[int, int]) -> int:
        """How many points of the curves lie beneath the text in this corner (0 or 1, across and up)."""
        across, up = np.abs(places - corner).T
        return int(((across < width) & (up < height)).sum())

    right, top = min([(1, 0), (0, 1), (1, 1)], key=hidden)
    axes.text(
        0.02 + 0.96 * right, 0.04 + 0.92 * top, "\n".join(told), transform=axes.transAxes, fontsize=6, color="#666666",
        linespacing=1.15, ha="right" if right else "left", va="top" if top else "bottom",
    )  # fmt: skip


def _dense(axes: Axes, line: Any) -> np.ndarray:
    """Points along a curve, in shares of the panel."""
    x, y = axes.transAxes.inverted().transform(axes.transData.transform(line.get_xydata())).T
    many = np.linspace(x[0], x[-1], 100)
    return np.column_stack([many, np.interp(many, x, y)])


def _set_limits(axes: Axes, shown: Sequence[Trial], measure: Measure) -> None:
    """All curves, but for training losses at the start, which may be huge; a wide span on a logarithmic axis."""
    curves = [trial.curve(VALIDATION + measure.name) for trial in shown]
    curves += [trial.curve(measure.name)[0 if measure.rises else -1 :] for trial in shown]
    values = np.array([value for curve in curves for value in curve])
    low, high = values.min(), values.max()
    if _is_wide(values, measure):
        axes.set_yscale("log")
        axes.set_ylim(low / 1.2, high * 1.2)
    else:
        margin = 0.06 * (high - low) or 0.05
        axes.set_ylim(low - margin, high + margin)


def _is_wide(values: np.ndarray, measure: Measure) -> bool:
    return bool(not measure.rises and len(values) and 0 < values.min() < values.max() / WIDE)


def _short(value: float) -> str:
    return f"{value:.3f}" if 0.01 <= abs(value) < 10 else f"{value:.3g}"


def _words(name: str) -> str:
    return name.replace("_", " ")


# ---- the parameters


def _draw_parameters(part: Any, search: Search, strips: int) -> None:
    names = list(search.ranges[0])
    columns = min(STRIPS, len(names))
    panels = part.subplots(
        2 * strips, columns, squeeze=False, sharey="row", height_ratios=[1, 0.1 + 0.09 * len(search.ranges)] * strips
    )
    colours = _colours(len(search.ranges))
    for number in range(strips * columns):
        row, column = divmod(number, columns)
        results, ranges = panels[2 * row, column], panels[2 * row + 1, column]
        if number < len(names):
            _draw_results(results, search, names[number], colours)
            _draw_ranges(ranges, search, names[number], colours)
        else:
            results.set_axis_off()
            ranges.set_axis_off()
    part.suptitle(_heading(search), x=0.01, ha="left", fontsize=10.5, color=INK)
    for row in range(strips):
        panels[2 * row, 0].set_ylabel(_words(VALIDATION + search.measure.name), fontsize=8.5, color=INK)


def _heading(search: Search) -> str:
    diverged = sum(not search.measure.counts(trial) for trial in search.records)
    told = f"; {diverged} diverged (×)" if diverged else ""
    return f"All {len(search.records)} trials{told}, and the ranges of each round"


def _colours(rounds: int) -> list[Any]:
    """Of the rounds, from light to dark."""
    import matplotlib

    return list(matplotlib.colormaps["viridis_r"](np.linspace(0.18, 0.95, rounds)))


def _places(entry: Range, trials: Sequence[Trial], name: str) -> np.ndarray:
    """Where the trials' values lie on the axis; those of an option side by side."""
    values = [trial.parameters[name] for trial in trials]
    if not isinstance(entry, Choice):
        return np.array(values, np.float64)
    index = {word: place for place, word in enumerate(entry.texts())}
    aside = [(0.618 * trial.number) % 1 - 0.5 for trial in trials]
    return np.array([index[text(value)] + 0.5 * apart for value, apart in zip(values, aside, strict=True)])


def _draw_results(axes: Axes, search: Search, name: str, colours: Sequence[Any]) -> None:
    entry, measure = search.ranges[0][name], search.measure
    for number, colour in enumerate(colours, start=1):
        mine = [trial for trial in search.records if trial.round == number]
        counted = [trial for trial in mine if measure.counts(trial)]
        lost = [trial for trial in mine if not measure.counts(trial)]
        results = [measure.value(trial) for trial in counted]
        axes.plot(_places(entry, counted, name), results, "o", color=colour, markersize=3.6, alpha=0.9)
        bottom = np.full(len(lost), 0.03)
        axes.plot(
            _places(entry, lost, name), bottom, "x", color=colour, markersize=4, transform=axes.get_xaxis_transform()
        )
    best = measure.ranked(search.records)[:1]
    axes.plot(
        _places(entry, best, name), [measure.value(trial) for trial in best], "o", markersize=8, fillstyle="none",
        color=VALIDATION_COLOUR, markeredgewidth=1.4,
    )  # fmt: skip
    if _is_wide(np.array([measure.value(trial) for trial in measure.ranked(search.records)]), measure):
        axes.set_yscale("log")
    bare(axes)
    _set_axis(axes, entry)
    axes.tick_params(labelsize=8, labelbottom=False)
    axes.margins(y=0.1)


def _set_axis(axes: Axes, entry: Any) -> None:
    if isinstance(entry, Choice):
        axes.set_xticks(range(len(entry.options)), entry.texts())
        axes.set_xlim(-0.6, len(entry.options) - 0.4)
        return
    if isinstance(entry, LogUniform):
        axes.set_xscale("log")
    low, high = entry.to_scale(entry.low), entry.to_scale(entry.high)
    reach = 0.03 * (high - low)
    axes.set_xlim(entry.from_scale(low - reach), entry.from_scale(high + reach))


def _draw_ranges(axes: Axes, search: Search, name: str, colours: Sequence[Any]) -> None:
    first = search.ranges[0][name]
    for number, (ranges, colour) in enumerate(zip(search.ranges, colours, strict=True), start=1):
        for low, high in _spans(first, ranges[name]):
            axes.plot([low, high], [number, number], color=colour, linewidth=5, solid_capstyle="butt")
    axes.set_ylim(len(search.ranges) + 0.6, 0.4)
    axes.set_yticks(
        range(1, len(search.ranges) + 1), [f"round {number}" for number in range(1, len(search.ranges) + 1)]
    )
    bare(axes)
    axes.grid(axis="y", visible=False)
    axes.grid(axis="x", color=FAINT, linewidth=0.8)
    _set_axis(axes, first)
    axes.tick_params(labelsize=8)
    axes.set_xlabel(_words(name), fontsize=9, color=INK)


def _spans(first: Any, entry: Any) -> list[tuple[float, float]]:
    if not isinstance(entry, Choice):
        return [(entry.low, entry.high)]
    places = [first.texts().index(word) for word in entry.texts()]
    return [(place - 0.35, place + 0.35) for place in places]
