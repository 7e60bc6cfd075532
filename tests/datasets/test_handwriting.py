"""Drawings made alike to the examples of networks: MNIST's own pictures, which are such, stay as they are."""

from __future__ import annotations

import numpy as np
import pytest

from madi.datasets import load
from madi.datasets.handwriting import as_digits, as_mnist, normalized
from madi.errors import DataError


def drawn(*strokes: tuple[slice, slice], side: int = 112) -> np.ndarray:
    """Rectangles of ink."""
    bitmap = np.zeros((side, side), np.float32)
    for rows, columns in strokes:
        bitmap[rows, columns] = 1
    return bitmap


def test_a_drawing_fills_twenty_pixels_and_its_mass_is_in_the_middle() -> None:
    one = drawn((slice(10, 50), slice(80, 88)))  # 40 high, 8 wide: 20 by 4, whose middle is 14
    picture = as_mnist(one)
    assert picture.shape == (28, 28)
    assert picture.dtype == np.float32
    expected = np.zeros((28, 28), np.float32)
    expected[4:24, 12:16] = 1
    np.testing.assert_allclose(picture, expected, atol=1e-6)


def test_size_and_place_of_a_drawing_are_of_no_effect() -> None:
    rng = np.random.default_rng(0)
    shape = np.kron(rng.integers(0, 2, (5, 4)), np.ones((8, 8)))
    shape[0] = shape[:, 0] = 1
    small = np.zeros((112, 112), np.float32)
    small[60:100, 5:37] = shape
    large = np.zeros((112, 112), np.float32)
    large[10:90, 30:94] = np.kron(shape, np.ones((2, 2)))
    for side in (28, 32):
        np.testing.assert_allclose(normalized(small, side), normalized(large, side), atol=1e-5)
    np.testing.assert_array_equal(as_digits(small), as_digits(np.roll(small, (-40, 60), axis=(0, 1))))


def test_ink_that_fills_part_of_a_pixel_is_grey() -> None:
    wide = drawn((slice(40, 70), slice(10, 70)))  # 60 wide: 3 pixels a pixel, 30 high: 10
    wide[40:42] = 0
    wide[40, 10] = 1  # keeps the box: the first row of the result has 1 of 3 pixels inked, and one corner
    picture = as_mnist(wide)
    first = picture[np.flatnonzero(picture.any(axis=1))[0]]
    np.testing.assert_allclose(first[first > 0], [4 / 9, *[1 / 3] * 19], atol=1e-6)


def test_mass_that_leans_to_one_side_stays_within_the_picture() -> None:
    heavy = drawn((slice(0, 112), slice(0, 40)), (slice(0, 4), slice(0, 112)))
    picture = as_mnist(heavy)
    assert picture.any(axis=0).sum() == 20
    assert picture.sum() == pytest.approx(heavy.sum() * (20 / 112) ** 2, rel=1e-4)


def test_the_digits_are_counts_of_four_by_four_over_the_whole_height() -> None:
    bar = drawn((slice(8, 104), slice(50, 60)))  # 96 by 10: 32 high, 3.3 wide, at most 1.5 times that: 5 of 20
    picture = as_digits(bar)
    assert picture.shape == (8, 8)
    np.testing.assert_array_equal(picture * 16, np.round(picture * 16))
    counts = picture[0] * 16  # columns 13 to 17 of 32: 3 of the fourth four, 2 of the fifth
    np.testing.assert_array_equal(counts, [0, 0, 0, 12, 8, 0, 0, 0])
    assert (picture == picture[0]).all()


def test_a_slanted_stroke_is_set_upright() -> None:
    slanted = np.zeros((112, 112), np.float32)
    for row in range(100):
        slanted[row, 80 - row // 2 : 92 - row // 2] = 1
    upright = np.zeros((112, 112), np.float32)
    upright[:100, 50:62] = 1
    assert np.abs(as_digits(slanted) - as_digits(upright)).max() <= 4 / 16


def test_thick_and_thin_pens_give_about_as_much_ink() -> None:
    def ring(thickness: int) -> np.ndarray:
        y, x = np.indices((112, 112)) - 56
        return (np.abs(np.hypot(y, x) - 36) < thickness / 2).astype(np.float32)

    thin, thick = (as_digits(ring(width)).sum() for width in (10, 16))
    assert thick < 1.35 * thin


def test_paper_stays_paper() -> None:
    for side in (28, 8):
        assert not normalized(np.zeros((50, 40), np.float32), side).any()
    assert as_mnist(drawn((slice(3, 4), slice(3, 4)))).sum() == pytest.approx(400)  # a dot fills its box


@pytest.mark.parametrize(
    "bitmap", [np.zeros((3, 3, 1)), np.full((3, 3), 2.0), np.full((3, 3), np.nan), np.zeros((0, 3)), np.array("text")]
)
def test_what_is_no_bitmap_is_refused(bitmap: np.ndarray) -> None:
    with pytest.raises(DataError, match=r"drawing: expected .*, got"):
        as_mnist(bitmap)


@pytest.mark.long
@pytest.mark.usefixtures("local_data")
def test_pictures_of_mnist_stay_as_they_are() -> None:
    pictures = load("mnist").test.x[:300, ..., 0]
    for picture in pictures:
        larger = np.kron(picture, np.ones((4, 4), np.float32))
        np.testing.assert_allclose(as_mnist(larger), picture, atol=2 / 255)
