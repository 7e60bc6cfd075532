"""Figures in bands: one above the other, each with panels of its own."""

from __future__ import annotations

from typing import Any

from madi.lab.framework.style import WIDTH
from madi.training.curves import shown_figure


def bands(*heights: float, space: float = 0.03) -> tuple[Any, list[Any]]:
    """A figure over the whole page, and its bands as SubFigures: `band.subplots(1, 3)` makes the panels of one.

    heights   of the bands, in inches; panels of one band do not line up with those of another
    space     between bands, as a fraction of their mean height
    """
    figure = shown_figure()(figsize=(WIDTH, sum(heights)), layout="constrained")
    made = figure.subfigures(len(heights), 1, height_ratios=heights, hspace=space, squeeze=False)
    return figure, list(made[:, 0])
