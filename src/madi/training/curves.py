"""Learning curves: the figure of a history."""

from __future__ import annotations

import functools
import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from madi.errors import DataError
from madi.training.history import NOT_RESULTS, VALIDATION

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from madi.training.history import History

TERMS = {"auc": "AUC", "f1": "F1", "r_squared": "R²"}  # where the field writes more than words

# Of the palette of Okabe and Ito, "Color universal design" (2008): told apart with any colour vision, and in grey.
TRAINING_COLOUR, VALIDATION_COLOUR, STEP_COLOUR = "#0072B2", "#D55E00", "#A9CCE3"
INK, FAINT = "#333333", "#E6E6E6"

PANEL = (4.6, 3.1)  # inches
MOST_POINTS = 400  # of the line by step: more are one band of ink, so their means are drawn
MOST_MARKERS = 25
WIDE = 30.0  # a loss that falls by this factor is drawn on a logarithmic axis
LABEL_HEIGHT = 0.075  # of the panel


def figure(history: History) -> Figure:
    """The learning curves of a history: a panel for the loss and for each metric, over the epochs.

    Blue is training: as the mean over each epoch, and in a thin light line by step.  Orange is validation.  Each curve
    is named at its end, with its last value.  A loss that falls far has a logarithmic axis.

    Returns a figure that shows itself in a notebook; `.savefig(path)` writes it.
    Raises DataError for a history without an epoch.
    """
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    panels = [panel for panel in map(functools.partial(_Panel.of, history), _measures(history)) if panel.has_points()]
    if not panels:
        raise DataError("history: nothing to plot, it holds no epoch. Call fit() first.")
    columns = _columns(len(panels))
    rows = -(-len(panels) // columns)
    layout = ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.12)
    made = shown_figure()(figsize=(PANEL[0] * columns, PANEL[1] * rows), layout=layout)
    for number, panel in enumerate(panels, start=1):
        axes = made.add_subplot(rows, columns, number)
        panel.draw(axes)
        if number + columns > len(panels):
            axes.set_xlabel("epoch", color=INK)
    _explain_steps(made, panels)
    return made


@functools.cache
def shown_figure() -> type[Figure]:
    """matplotlib's Figure, which alone does not show itself in a notebook unless pyplot was imported."""
    from matplotlib.figure import Figure

    class ShownFigure(Figure):
        """A figure that shows itself in a notebook."""

        def _repr_png_(self) -> bytes:
            buffer = io.BytesIO()
            self.savefig(buffer, format="png", dpi=110)
            return buffer.getvalue()

    return ShownFigure


def _measures(history: History) -> list[str]:
    """What was measured, without the prefix of validation, in order."""
    names = [name for name in [*history.names(), *history.steps] if name not in NOT_RESULTS]
    return list(dict.fromkeys(name.removeprefix(VALIDATION) for name in names))


def _columns(panels: int) -> int:
    return {1: 1, 2: 2, 3: 3, 4: 2}.get(panels, 3)


def _explain_steps(made: Figure, panels: Sequence[_Panel]) -> None:
    """One line below the figure that says what the thin lines are."""
    counts = [(len(panel.raw_steps), len(panel.steps)) for panel in panels if len(panel.steps)]
    if not counts:
        return
    many, drawn = counts[0]
    means = f", means of {-(-many // MOST_POINTS)} steps" if drawn < many else ""
    text = f"thin line: training by step{means}"
    made.supxlabel(text, x=0.995, ha="right", fontsize=7.5, color="#777777")


@dataclass(frozen=True)
class _Panel:
    """The curves of one measure: epochs and values of training and validation, and values by step."""

    name: str
    training: np.ndarray
    validation: np.ndarray
    raw_steps: np.ndarray
    last_epoch: float

    @classmethod
    def of(cls, history: History, name: str) -> _Panel:
        training, validation = _curve(history, name), _curve(history, VALIDATION + name)
        last = max((float(row.get("epoch", number)) for number, row in enumerate(history.epochs, 1)), default=0.0)
        return cls(name, training, validation, np.asarray(history.steps.get(name, ()), np.float64), last)

    def has_points(self) -> bool:
        return bool(len(self.training) or len(self.validation))

    @property
    def steps(self) -> np.ndarray:
        """(epoch, value) of the thin line, means where there are many."""
        x = np.arange(1, len(self.raw_steps) + 1) * (self.last_epoch / max(1, len(self.raw_steps)))
        points = np.column_stack([x, self.raw_steps])
        if len(points) <= MOST_POINTS:
            return points
        return np.array([part.mean(axis=0) for part in np.array_split(points, MOST_POINTS)])

    def curves(self) -> list[tuple[str, np.ndarray, str]]:
        """(word, curve, colour) of those that there are."""
        both = [("training", self.training, TRAINING_COLOUR), ("validation", self.validation, VALIDATION_COLOUR)]
        return [(word, curve, colour) for word, curve, colour in both if len(curve)]

    @property
    def is_loss(self) -> bool:
        return "loss" in self.name or "error" in self.name

    def draw(self, axes: Axes) -> None:
        steps = self.steps
        if len(steps):
            axes.plot(*steps.T, color=STEP_COLOUR, linewidth=0.8, zorder=1)
        marker = "o" if max(len(self.training), len(self.validation)) <= MOST_MARKERS else None
        for _, curve, colour in self.curves():
            axes.plot(*curve.T, color=colour, linewidth=1.8, marker=marker, markersize=3.5, zorder=2, clip_on=False)
        axes.set_title(_term(self.name), loc="left", color=INK, fontsize=11)
        self._set_limits(axes, steps)
        bare(axes)
        self._label(axes)

    def _set_limits(self, axes: Axes, steps: np.ndarray) -> None:
        """Show the curves, and the thin line but for what stands out of it at the very start."""
        settled = steps[steps[:, 0] > 1, 1] if self.last_epoch > 1 else steps[:, 1]
        spread = np.quantile(settled, [0.02, 0.98]) if len(settled) else []
        values = np.concatenate([self.training[:, 1], self.validation[:, 1], spread])
        low, high = float(values.min()), float(values.max())
        axes.set_xlim(0 if len(steps) or self.last_epoch == 1 else 1, max(self.last_epoch, 1))
        if self.is_loss and low > 0 and high / low > WIDE:
            axes.set_yscale("log")
            axes.set_ylim(low / 1.2, high * 1.2)
            return
        margin = 0.06 * (high - low) or 0.05 * abs(high) or 0.05
        axes.set_ylim(0 if self.is_loss and low >= 0 else low - margin, high + margin)

    def _label(self, axes: Axes) -> None:
        """Each curve's name and last value at its end, apart from each other."""
        ends = [(f"{word} {_short(curve[-1, 1])}", curve[-1, 1], colour) for word, curve, colour in self.curves()]
        heights = _apart([_height(axes, value) for _, value, _ in ends])
        for (text, _, colour), height in zip(ends, heights, strict=True):
            axes.text(1.025, height, text, color=colour, fontsize=9, va="center", transform=axes.transAxes)


def _term(name: str) -> str:
    """The measure as the field writes it: "top_5_accuracy" is the top-5 accuracy."""
    return TERMS.get(name) or re.sub(r"^top (\d+)", r"top-\1", name.replace("_", " "))


def _curve(history: History, name: str) -> np.ndarray:
    """(epoch, value) of the rows in which the value is a finite number, (n, 2)."""
    rows = enumerate(history.epochs, start=1)
    points = [(row.get("epoch", number), row[name]) for number, row in rows if math.isfinite(row.get(name, math.nan))]
    return np.array(points, np.float64).reshape(-1, 2)


def bare(axes: Axes) -> None:
    """Only the lines that help to read a value; whole epochs on the axis."""
    from matplotlib.ticker import MaxNLocator

    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color("#999999")
    axes.grid(axis="y", color=FAINT, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(which="both", colors=INK, length=0, labelsize=9)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))


def _height(axes: Axes, value: float) -> float:
    """Where a value lies in the panel: 0 at the bottom, 1 at the top."""
    return float(axes.transAxes.inverted().transform(axes.transData.transform((0.0, value)))[1])


def _apart(heights: list[float]) -> list[float]:
    """The heights of at most two labels, moved apart as far as they would touch."""
    if len(heights) < 2 or abs(heights[0] - heights[1]) >= LABEL_HEIGHT:
        return heights
    middle, sign = sum(heights) / 2, 1 if heights[0] >= heights[1] else -1
    return [middle + sign * LABEL_HEIGHT / 2, middle - sign * LABEL_HEIGHT / 2]


def _short(value: float) -> str:
    return f"{value:.3g}" if not 0.1 <= abs(value) <= 1 else f"{value:.3f}"
