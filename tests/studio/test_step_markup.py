"""What of arrays is shown, and the page's own markup: every number is the run's, every text is escaped."""

from __future__ import annotations

import base64
import html
import io
import re
from typing import Any

import numpy as np
import pytest
from PIL import Image

import madi
import madi.functions as F
from madi.studio.pages.step.markup import Tensor, behind_html, picture_html, step_html, tensor_html
from madi.studio.pages.step.pictures import is_coloured
from madi.studio.stepping.arrays import COLUMNS, ROWS, TILES, view
from madi.studio.stepping.picking import picked
from madi.studio.stepping.walk import Place, walked
from madi.studio.texts import Texts

TEXTS = Texts("en")
RANDOM = np.random.default_rng(3)


@pytest.mark.parametrize(
    ("shape", "kernel", "shown", "left"),
    [
        ((), False, 1, ()),
        ((1, 1), False, 1, ()),
        ((10,), False, 10, ()),
        ((1, 64), False, 64, ()),
        ((1, 100), False, 64, ((64, 100, "numbers"),)),
        ((3, 4), False, 12, ()),
        ((20, 30), False, ROWS * COLUMNS, ((ROWS, 20, "rows"), (COLUMNS, 30, "columns"))),
        ((5, 3, 4), False, 12, ((1, 5, "matrices"),)),
        ((1, 6, 5, 3), False, 90, ()),
        ((2, 6, 5, 40), False, TILES * 30, ((1, 2, "examples"), (TILES, 40, "channels"))),
        ((3, 3, 1, 8), True, 72, ()),
        ((3, 3, 4, 20), True, TILES * 9, ((1, 4, "channels"), (TILES, 20, "filters"))),
        ((1, 1, 8, 4), True, 32, ((1, 1, "rows"),)[1:]),
        ((0, 3), False, 0, ()),
    ],
)
def test_what_is_shown_and_what_is_left_out(shape: Any, kernel: bool, shown: int, left: Any) -> None:
    values = RANDOM.normal(size=shape)
    seen = view(values, kernel=kernel)
    places = list(seen.places)
    for tile in seen.tiles:
        down, along = tile.steps
        for row, column in np.ndindex(tile.pixels.shape):
            place = tile.first + row * down + column * along
            assert values[seen.index(place)] == tile.pixels[row, column]
            assert place in places
    assert (len(places), len(set(places)), seen.left) == (shown, shown, left)


def test_every_number_of_a_matrix_is_told_with_its_place_and_all_its_digits() -> None:
    values = RANDOM.normal(size=(3, 4)).astype(np.float32)
    told = tensor_html(Tensor("in.1", "W", "", values, name="1.weight"), TEXTS)
    cells = re.findall(r'data-p="(\d+)" data-v="([^"]+)"', told)
    assert [int(place) for place, _ in cells] == list(range(12))
    assert [np.float32(value) for _, value in cells] == values.ravel().tolist()
    assert "1.weight" in told
    assert "3 × 4" in told


def test_a_picture_carries_its_numbers() -> None:
    values = RANDOM.normal(size=(1, 4, 5, 2)).astype(np.float32)
    told = tensor_html(Tensor("value", "y", "", values), TEXTS)
    encoded = re.findall(r'data-pixels="([^"]+)"', told)
    assert len(encoded) == 2
    for channel, text in enumerate(encoded):
        pixels = np.frombuffer(base64.b64decode(text), np.float32).reshape(4, 5)
        assert np.array_equal(pixels, values[0, :, :, channel])


def test_a_step_forward_and_back_tells_the_numbers_of_the_trace() -> None:
    def compute() -> Any:
        x, w = madi.Variable([[1.0, -2.0]], name="x"), madi.Variable([[3.0], [4.0]], name="w")
        return F.sum(x @ w)

    walk = walked(compute)
    forward = step_html(walk, Place(0), TEXTS)
    assert re.findall(r'data-v="([^"]+)"', forward) == ["1.0", "-2.0", "3.0", "4.0", "-5.0"]
    back = step_html(walk, Place(0, back=True), TEXTS)
    told = {key: re.findall(r'data-v="([^"]+)"', part) for key, part in _arrays(back)}
    step = walk.trace[0]
    assert told["arrives"] == ["1.0"]
    assert told["handed.0"] == ["3.0", "4.0"] == [str(value) for value in step.inputs[0].gradient.ravel()]
    assert told["handed.1"] == ["1.0", "-2.0"] == [str(value) for value in step.inputs[1].gradient.ravel()]
    assert told["local.0"] == [str(value) for value in step.local_derivatives[0].ravel()]


def _arrays(markup: str) -> list[tuple[str, str]]:
    parts = re.split(r'data-array="([^"]+)"', markup)[1:]
    return list(zip(parts[::2], parts[1::2], strict=True))


def test_where_gradients_meet_what_they_add_up_to_is_said() -> None:
    def compute() -> Any:
        x = madi.Variable(3.0, name="x")
        return x * x

    assert "with the others: 6" in step_html(walked(compute), Place(0, back=True), TEXTS)


def test_behind_a_number_the_first_terms_are_written_and_the_others_counted() -> None:
    walk = walked(lambda: F.affine(madi.Variable(np.ones((1, 30))), np.arange(30.0)[:, None]))
    told = behind_html(picked(walk, Place(0), "value:0").behind, TEXTS)
    rows = re.findall(r"<tr.*?</tr>", told)
    assert "30 terms, largest first" in told
    assert len(rows) == 14  # twelve, those left, the sum
    assert "18 more together" in rows[12]
    assert ">153<" in rows[12]  # 0 + 1 + ... + 17
    assert ">435<" in rows[13]


def test_names_from_a_file_are_no_markup() -> None:
    evil = '<img src=x onerror="alert(1)">'

    class Node(madi.Function):
        """A node.

        forward   y = <script>x</script>
        backward  gx = gy
        """

        def forward(self, x: Any) -> Any:
            return x

        def backward(self, gy: Any) -> Any:
            return gy

    walk = walked(lambda: Node()(madi.Variable(2.0, name=evil)))
    walk.layers[walk.trace[0].node] = evil
    for place in (Place(0), Place(0, back=True)):
        told = step_html(walk, place, TEXTS, picked=evil) + behind_html(
            picked(walk, place, "").behind, TEXTS, note=evil
        )
        assert "<img" not in told
        assert "<script" not in told
        assert html.escape(evil) in told
    assert "<img" not in walk.svg


# ---- pictures in colours


def _pixels(markup: str) -> np.ndarray:
    (source,) = re.findall(r'<img class="coloured" src="data:image/png;base64,([^"]+)"', markup)
    with Image.open(io.BytesIO(base64.b64decode(source))) as image:
        return np.asarray(image)


def test_an_example_in_colours_is_shown_in_them_too() -> None:
    pixels = RANDOM.integers(0, 256, (6, 5, 3)).astype(np.uint8)
    x = madi.Variable((pixels / 255).astype(np.float32)[None], name="x")
    walk = walked(lambda: F.mean(F.relu(x)))
    first, second = (step_html(walk, Place(step, back=False), TEXTS) for step in range(2))
    np.testing.assert_array_equal(_pixels(first), pixels)
    assert 'alt="The example as a picture"' in first
    assert "coloured" not in second  # what a node computed is no picture of anything
    assert first.count("<canvas") == 6


def test_an_example_is_shown_beside_its_number_in_colours_or_by_its_channel() -> None:
    image = RANDOM.normal(size=(1, 4, 4, 3))  # scaled in another way: from the least to the largest
    shown = _pixels(picture_html(image, "the <picture>"))
    assert (shown.min(), shown.max(), shown.shape) == (0, 255, (4, 4, 3))
    assert "&lt;picture&gt;" in picture_html(image, "the <picture>")
    grey = picture_html(image[..., :1], "the picture")
    assert "<canvas" in grey
    assert "coloured" not in grey
    assert not is_coloured(np.zeros((1, 1, 4, 3)))
