"""Drawings of digits, made alike to those that networks learn from: size, place, and how strokes become grey levels.

A network reads what resembles its examples.  So a drawing goes through what the examples went through: those of MNIST,
or the 8 x 8 digits that come with madi.
"""

from __future__ import annotations

import numpy as np

from madi.errors import DataError
from madi.kernels.arrays import silent_products

MNIST_SIDE, MNIST_BOX = 28, 20  # pixels of a picture, and of the square that holds the digit
DIGITS_SIDE, BLOCK = 8, 4  # pixels of a picture, each a count over a square of that side
HEIGHT, WIDTH = DIGITS_SIDE * BLOCK, 20  # of the digit in the bitmap that is counted
WIDEST = 1.5  # how much wider than it was drawn a narrow digit may become
INK = 0.31  # share of that bitmap that is ink: measured on the digits
FAINTEST = 0.15  # what is fainter is paper, however little ink there is


def normalized(bitmap: np.ndarray, side: int) -> np.ndarray:
    """A drawing as a picture (side, side) of a data set with pictures of that size: the digits for 8, else MNIST."""
    return as_digits(bitmap) if side == DIGITS_SIDE else as_mnist(bitmap, side=side)


def as_mnist(bitmap: np.ndarray, *, side: int = MNIST_SIDE) -> np.ndarray:
    """A drawing as MNIST's digits were made: (side, side) float32 in 0..1, ink 1.

    The digit is fitted into a square of 20 of the 28 pixels, its aspect ratio kept, grey where a pixel is partly ink,
    and moved by whole pixels until its centre of mass is in the middle.

    bitmap   (H, W), ink 1 (or 255 of bytes) on paper 0; all paper stays all paper

    Raises DataError for what is no such bitmap.
    Source: LeCun, Bottou, Bengio, Haffner, "Gradient-Based Learning Applied to Document Recognition", 1998, III.A.
    """
    ink = _cropped(_levels(bitmap))
    picture = np.zeros((side, side), np.float32)
    if not ink.size:
        return picture
    box = side * MNIST_BOX / MNIST_SIDE
    height, width = (max(1, round(box * length / max(ink.shape))) for length in ink.shape)
    small = _resized(ink, height, width)
    top, left = (_start(small.sum(axis=1 - axis), side) for axis in (0, 1))
    picture[top : top + height, left : left + width] = small
    return picture


def _start(profile: np.ndarray, side: int) -> int:
    """Where a profile of ink begins, its centre of mass in the middle of `side` pixels where all of it then fits."""
    centre = float(profile @ np.arange(len(profile)) / profile.sum())
    return int(np.clip(round(side / 2 - centre), 0, side - len(profile)))


def as_digits(bitmap: np.ndarray) -> np.ndarray:
    """A drawing as the 8 x 8 digits were made: (8, 8) float32, sixteenths in 0..1.

    The digit is set upright, its slant taken out, and fitted into 32 x 20 of 32 x 32 pixels, each of them ink or paper;
    strokes become thinner or thicker until as much is ink as in the digits.  A pixel is the count of ink in a square of
    4 x 4, by 16.

    bitmap   as of `as_mnist`

    Raises DataError for what is no such bitmap.
    Source: Garris et al., "NIST Form-Based Handprint Recognition System", NISTIR 5469, 1994, whose preparation the
    digits went through; the share of ink is measured.
    """
    ink = _cropped(_upright(_cropped(_levels(bitmap))))
    if not ink.size:
        return np.zeros((DIGITS_SIDE, DIGITS_SIDE), np.float32)
    width = max(1, round(min(WIDTH, ink.shape[1] * HEIGHT / ink.shape[0] * WIDEST)))
    sheet = np.zeros((HEIGHT, HEIGHT), np.float32)
    left = (HEIGHT - width) // 2
    sheet[:, left : left + width] = _resized(ink, HEIGHT, width)
    black = sheet > max(float(np.quantile(sheet, 1 - INK)), FAINTEST)
    counts = black.reshape(DIGITS_SIDE, BLOCK, DIGITS_SIDE, BLOCK).sum(axis=(1, 3))
    return counts.astype(np.float32) / BLOCK**2


def _upright(ink: np.ndarray) -> np.ndarray:
    """The digit with its rows shifted until its ink leans to neither side: cov(x, y) = 0."""
    if not ink.size:
        return ink
    rows, columns = np.indices(ink.shape)
    total = ink.sum()
    row = rows - (rows * ink).sum() / total
    column = columns - (columns * ink).sum() / total
    lean = (row * column * ink).sum() / max((row**2 * ink).sum(), 1e-6)
    margin = int(np.ceil(abs(lean) * len(ink)))
    wide = np.pad(ink, ((0, 0), (margin, margin)))
    source = np.arange(wide.shape[1]) + np.rint(lean * row[:, :1]).astype(int)
    return np.take_along_axis(wide, np.clip(source, 0, wide.shape[1] - 1), axis=1)


def _levels(bitmap: np.ndarray) -> np.ndarray:
    """Grey levels in 0..1, float32."""
    given = np.asarray(bitmap)
    if given.ndim != 2 or given.dtype.kind not in "fub" or not given.size:
        raise DataError(f"drawing: expected a bitmap (H, W) of bytes or of 0..1, got {given.dtype} {given.shape}.")
    levels = given.astype(np.float32) / np.float32(255 if given.dtype == np.uint8 else 1)
    if not (levels.min() >= 0 and levels.max() <= 1):
        raise DataError(f"drawing: expected grey levels in 0..1, got {levels.min():g} to {levels.max():g}.")
    return levels


def _cropped(levels: np.ndarray) -> np.ndarray:
    """The part within the outermost pixels with ink; (0, 0) where there is none."""
    seen = levels > 0
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    if not len(rows):
        return levels[:0, :0]
    return levels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


@silent_products
def _resized(levels: np.ndarray, height: int, width: int) -> np.ndarray:
    """The picture in another size: each new pixel is the mean over the area that it covers, A x Bᵀ."""
    return _means(levels.shape[0], height) @ levels @ _means(levels.shape[1], width).T


def _means(length: int, count: int) -> np.ndarray:
    """(count, length): each row the mean over its share of `length` pixels, those at its ends counted in part."""
    step = length / count
    begin, pixel = np.arange(count)[:, None] * step, np.arange(length)
    covered = np.minimum(begin + step, pixel + 1) - np.maximum(begin, pixel)
    return (np.clip(covered, 0, None) / step).astype(np.float32)
