"""Charts as SVG that take their colours from the page's style sheet, so that they are light or dark as it is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from madi.diagnostics.report.markup import Markup, short, tag

WIDTH, HEIGHT = 340, 230
LEFT, RIGHT, TOP, BOTTOM = 46, 12, 10, 38
MOST_DOTS = 800
TICKS = 5


@dataclass(frozen=True)
class Axis:
    """Values from low to high along a side of a chart."""

    low: float
    high: float
    label: str = ""
    log: bool = False

    @classmethod
    def over(cls, values: np.ndarray, label: str = "", *, log: bool = False) -> Axis:
        """An axis that has room for all these finite values."""
        low, high = float(np.min(values)), float(np.max(values))
        if log:
            return cls(low / 1.2, high * 1.2, label, True)
        margin = 0.05 * (high - low) or 0.05 * abs(high) or 0.05
        return cls(low - margin, high + margin, label)

    def share(self, value: float) -> float:
        """Where a value lies: 0 at the low end, 1 at the high one."""
        if self.log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def ticks(self) -> list[float]:
        """Round values, some five of them."""
        if self.log:
            return _log_ticks(self.low, self.high)
        step = _round_step((self.high - self.low) / TICKS)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        places = 3 - math.floor(math.log10(step))
        return [round(place * step, places) for place in range(first, last + 1)]


def _round_step(least: float) -> float:
    """The smallest of 1, 2, 5, 10, 20, ... (and tenths of them) that is not below `least`."""
    scale = 10.0 ** math.floor(math.log10(least))
    return next(times * scale for times in (1, 2, 5, 10) if times * scale >= least * (1 - 1e-9))


def _log_ticks(low: float, high: float) -> list[float]:
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for times in ((1,), (1, 3), (1, 2, 5)):
        found = [m * 10.0**decade for decade in decades for m in times if low <= m * 10.0**decade <= high]
        if len(found) >= 3:
            break
    return found[:: -(-len(found) // (TICKS + 1))] if found else [low * 1.2, high / 1.2]


@dataclass
class Chart:
    """A chart that is drawn on: lines, dots, bars; `svg` is what came of it."""

    x: Axis
    y: Axis
    title: str
    marks: list[Markup] = field(default_factory=list)

    def line(self, points: np.ndarray, kind: str) -> Chart:
        """A line through (x, y), (n, 2), with small dots where it has few points."""
        path = " ".join(f"{px:.1f},{py:.1f}" for px, py in self._places(points))
        self.marks.append(tag("polyline", points=path, class_=f"line {kind}"))
        return self.dots(points, kind, size=2.5) if 0 < len(points) <= 25 and "thin" not in kind else self

    def dots(self, points: np.ndarray, kind: str, *, size: float = 3) -> Chart:
        """A dot at each (x, y); of many some, evenly."""
        shown = points[:: max(1, -(-len(points) // MOST_DOTS))]
        dots = (tag("circle", cx=f"{px:.1f}", cy=f"{py:.1f}", r=size) for px, py in self._places(shown))
        self.marks.append(tag("g", *dots, class_=f"dots {kind}"))
        return self

    def bars(self, edges: np.ndarray, heights: np.ndarray, kind: str) -> Chart:
        """A bar from the axis up to each height, between neighbouring edges."""
        bottom = HEIGHT - BOTTOM
        for left, right, height in zip(edges, edges[1:], heights, strict=False):
            (px, py), (qx, _) = self._places(np.array([[left, height], [right, height]]))
            box = {"x": f"{px + 0.5:.1f}", "y": f"{py:.1f}", "width": f"{max(qx - px - 1, 0.5):.1f}"}
            self.marks.append(tag("rect", **box, height=f"{max(bottom - py, 0):.1f}", class_=f"bar {kind}"))
        return self

    def svg(self) -> Markup:
        """The chart; its title is for those who cannot see it."""
        grid = [self._row(value) for value in self.y.ticks()] + [self._column(value) for value in self.x.ticks()]
        labels = [
            tag("text", self.x.label, x=WIDTH - RIGHT, y=HEIGHT - 4, class_="label end"),
            tag("text", self.y.label, x=4, y=HEIGHT - 4, class_="label"),
        ]
        box = f"0 0 {WIDTH} {HEIGHT}"
        return tag("svg", *grid, *labels, *self.marks, viewBox=box, role="img", aria_label=self.title, class_="chart")

    def _places(self, points: np.ndarray) -> Sequence[tuple[float, float]]:
        wide, high = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
        return [(LEFT + wide * self.x.share(x), TOP + high * (1 - self.y.share(y))) for x, y in points.tolist()]

    def _row(self, value: float) -> Markup:
        y = TOP + (HEIGHT - TOP - BOTTOM) * (1 - self.y.share(value))
        line = tag("line", x1=LEFT, x2=WIDTH - RIGHT, y1=f"{y:.1f}", y2=f"{y:.1f}", class_="grid")
        return Markup(line + tag("text", short(value), x=LEFT - 6, y=f"{y + 3.5:.1f}", class_="tick end"))

    def _column(self, value: float) -> Markup:
        x = LEFT + (WIDTH - LEFT - RIGHT) * self.x.share(value)
        return tag("text", short(value), x=f"{x:.1f}", y=HEIGHT - BOTTOM + 15, class_="tick middle")


def panel(title: str, chart: Chart, legend: Sequence[tuple[str, str]] = (), note: str = "") -> Markup:
    """A chart below its title; the legend names what its kinds of lines mean: (kind, text)."""
    named = [tag("span", tag("i", class_=f"key {kind}"), " ", text) for kind, text in legend]
    head = tag("figcaption", tag("b", title), *named)
    return tag("figure", head, chart.svg(), tag("p", note, class_="soft") if note else "", class_="panel")


def row(panels: Sequence[Markup]) -> Markup:
    """Panels beside each other where there is room."""
    return tag("div", *panels, class_="panels") if panels else Markup("")
