"""Figures: what is written of one does not depend on how often it was drawn before."""

from __future__ import annotations

import numpy as np

import madi
from madi.lab.framework import style
from madi.lab.framework.figures import png_of, settled, svg_of


def crowded():
    """Panels of fixed shape beside wide labels: their layout takes several draws to come to rest."""
    figure, (left, right) = style.subplots(1, 2)
    left.imshow(np.eye(3))
    left.set(ylabel="height", title="a title that is wider than its panel is")
    right.semilogy((1, 1e7))
    return figure


def places(figure):
    return [axes.get_position().bounds for axes in figure.axes]


def test_a_settled_figure_stays_as_it_is():
    with style.styled():
        moving, resting = crowded(), settled(crowded())
        before = places(resting)
        for figure in (moving, resting):
            figure.draw_without_rendering()
    assert places(resting) == before
    moved = places(moving)
    moving.draw_without_rendering()
    assert places(moving) != moved  # what `settled` is for


def test_the_same_bits_whichever_is_written_first():
    with style.styled():
        first, second = settled(crowded()), settled(crowded())
    assert (svg_of(first), png_of(first)) == (png_of(second), svg_of(second))[::-1]


def test_a_drawn_graph_is_left_alone():
    drawing = madi.draw(madi.Variable(2.0) * 3)
    assert settled(drawing) is drawing
