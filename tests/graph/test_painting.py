"""`Drawing.paint`: a graph beside other things in a figure of matplotlib's."""

import numpy as np
import pytest
from matplotlib.figure import Figure

import madi


@pytest.fixture
def drawing():
    return madi.draw(madi.Variable(100.0, name="apple") * madi.Variable(2.0, name="count"))


def painted(drawing, scale):
    width, height = drawing.size
    axes = Figure(figsize=(width * scale / 72, height * scale / 72)).add_axes((0, 0, 1, 1))
    drawing.paint(axes, scale=scale)
    return axes


def test_axes_hold_the_texts_of_the_drawing_and_fit_it(drawing):
    axes = painted(drawing, 1.0)
    width, height = drawing.size
    assert {"apple", "count", "×", "200", "100"} <= {text.get_text() for text in axes.texts}
    assert axes.get_xlim() == (0, width)
    assert axes.get_ylim() == (height, 0)


def test_letters_and_lines_follow_the_scale(drawing):
    whole, half = painted(drawing, 1.0), painted(drawing, 0.5)
    for kind, measure in (("texts", "get_fontsize"), ("patches", "get_linewidth")):
        sizes = [[getattr(entry, measure)() for entry in getattr(axes, kind)] for axes in (whole, half)]
        assert sum(sizes[0]) > 0
        np.testing.assert_allclose(sizes[1], np.array(sizes[0]) / 2)


def test_texts_stay_within_the_axes(drawing):
    axes = painted(drawing, 0.6)
    frame = axes.get_window_extent()
    for text in axes.texts:
        box = text.get_window_extent()
        assert frame.x0 <= box.x0 < box.x1 <= frame.x1
