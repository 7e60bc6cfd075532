"""What the page is made of: numbers as text, charts, pictures."""

from __future__ import annotations

import base64
import io
import math

import numpy as np
import pytest
from PIL import Image

from madi.diagnostics.report.charts import Axis, Chart
from madi.diagnostics.report.markup import Markup, number, percent, plural, section, short, table, tag
from madi.diagnostics.report.origin import machine, peak_memory, versions
from madi.diagnostics.report.pictures import heat, is_picture, picture


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"), (1234567, "1,234,567"), (12345.6, "12,346"), (0.123456, "0.1235"), (1e-9, "1e-09"), (-2.5, "-2.5"),
        (100.0, "100"), (1e20, "1e+20"), (math.nan, "–"), (math.inf, "–"), (None, "–"),
    ],
)  # fmt: skip
def test_numbers(value, text):
    assert number(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"), (-0.005, "-0.005"), (5000.0, "5000"), (10_000.0, "10k"), (-250_000.0, "-250k"), (2e6, "2M"),
        (3.5e9, "3.5G"), (1e12, "1e+12"), (1e-7, "1e-07"),
    ],
)  # fmt: skip
def test_numbers_beside_an_axis(value, text):
    assert short(value) == text


def test_texts():
    assert (percent(0.1234), percent(math.nan)) == ("12.3%", "–")
    assert (plural(1, "epoch"), plural(2000, "epoch"), plural(0, "epoch")) == ("1 epoch", "2,000 epochs", "0 epochs")


def test_markup_is_escaped_once():
    assert tag("b", "<", tag("i", "&"), title='"x"') == '<b title="&quot;x&quot;">&lt;<i>&amp;</i></b>'
    assert tag("b", class_="k", aria_label="a", id=None) == '<b class="k" aria-label="a"></b>'
    assert section("Empty", "", Markup("")) == ""
    assert section("A", "b") == "<section><h2>A</h2>b</section>"


def test_a_table():
    found = table(["", "loss"], [["test", 0.5], ["training", float("nan")]])
    assert '<th class="n">loss</th>' in found
    assert '<td class="n">0.5</td>' in found
    assert '<td class="n">–</td>' in found


@pytest.mark.parametrize(
    ("axis", "ticks"),
    [
        (Axis(0, 1), [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (Axis(0, 30), [0, 10, 20, 30]),
        (Axis(-1.2, 3.1), [-1, 0, 1, 2, 3]),
        (Axis(1e-3, 3e-3), [1e-3, 1.5e-3, 2e-3, 2.5e-3, 3e-3]),
        (Axis(0.8, 1200, log=True), [1, 10, 100, 1000]),
        (Axis(0.03, 3, log=True), [0.03, 0.1, 0.3, 1, 3]),
    ],
)
def test_ticks_are_round_numbers(axis, ticks):
    np.testing.assert_allclose(axis.ticks(), ticks, atol=1e-12)


@pytest.mark.parametrize("values", [[0.0], [5.0, 5.0], [1e-300, 1e300], [-1e9, 1e9]])
def test_an_axis_has_room_for_its_values(values):
    axis = Axis.over(np.array(values))
    assert all(0 < axis.share(value) < 1 for value in values)
    assert all(map(math.isfinite, axis.ticks()))


def test_places_of_a_line():
    chart = Chart(Axis(0, 10), Axis(1, 100, log=True), "t").line(
        np.array([[0.0, 1.0], [5.0, 10.0], [10.0, 100.0]]), "blue"
    )
    # 340 by 230, margins 46 left, 12 right, 10 above, 38 below
    assert 'points="46.0,192.0 187.0,101.0 328.0,10.0"' in chart.svg()


def pixels(uri):
    image = Image.open(io.BytesIO(base64.b64decode(uri.removeprefix("data:image/png;base64,"))))
    return image.mode, np.asarray(image)


def test_a_tiny_picture_is_enlarged_without_smoothing():
    x = np.array([[[0.0], [1.0]], [[0.5], [0.25]]])
    mode, found = pixels(picture(x))
    assert (mode, found.shape) == ("L", (96, 96))
    np.testing.assert_array_equal(found, np.kron(np.array([[0, 255], [128, 64]]), np.ones((48, 48), int)))


def test_pictures_of_colour_and_of_any_range():
    x = np.random.default_rng(0).normal(size=(100, 120, 3))
    mode, found = pixels(picture(x))
    assert (mode, found.shape) == ("RGB", (100, 120, 3))
    assert (found.min(), found.max()) == (0, 255)
    assert pixels(picture(np.zeros((100, 100, 4))))[0] == "RGBA"
    assert pixels(picture(np.full((100, 100), 7.0)))[1].max() == 0


def test_a_large_picture_is_reduced():
    assert pixels(picture(np.zeros((448, 896, 1))))[1].shape == (112, 224)


def test_heat_goes_from_dark_to_light():
    _, found = pixels(heat(np.linspace(0, 5, 100 * 100 * 2).reshape(100, 100, 2)))
    brightness = found.sum(axis=-1).reshape(-1)
    assert brightness[0] < 100 < 600 < brightness[-1]
    assert (np.diff(brightness.astype(int)) >= -1).all()
    assert pixels(heat(np.zeros((100, 100, 1))))[1].std() < 10


def test_what_can_be_shown():
    assert is_picture((8, 8, 1))
    assert is_picture((8, 8))
    assert not is_picture((64,))
    assert not is_picture((8, 8, 5))
    assert not is_picture((1, 8, 3))


def test_where_it_was_made():
    assert {"Python", "madi", "jax", "numpy"} <= set(versions())
    assert all(versions().values())
    assert "cores" in machine()
    assert peak_memory() is None or 10e6 < peak_memory() < 1e12
