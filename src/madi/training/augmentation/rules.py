"""The augmentations themselves: how each draws its numbers, and the image that they make."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from madi.graph import Array
from madi.kernels.arrays import array_library, silent_products
from madi.kernels.random import random_bits, uniform
from madi.options import FINITE, NON_NEGATIVE, POSITIVE, Interval, choice, option
from madi.training.augmentation.base import SHARE, Augmentation, whole
from madi.training.augmentation.sampling import about_centre, from_centre, pixels_at, within

ASPECT = Interval("a number above 0 and at most 1", lambda value: 0 < value <= 1)
LEVELS = 2**16  # of the noise of an elastic distortion


@dataclass(frozen=True)
class RandomShift(Augmentation):
    """Each image moved by a whole number of pixels, down or up and right or left.

    y[i, j] = x[i - down, j - right], or `fill` outside       down, right: uniform in -pixels .. pixels

    pixels    the longest way, along each axis
    fill      the value of what comes into view
    """

    pixels: int = whole(fix="Try 2.")
    fill: float = option(FINITE, 0.0, fix="Try 0.")

    name = "shift"
    example = "shift:2"

    def draw(self, key: Any, shape: tuple[int, ...]) -> Any:
        """(down, right) of each image, (N, 2) int32."""
        bits = random_bits(key, (shape[0], 2))
        return (bits % np.uint32(2 * self.pixels + 1)).astype(np.int32) - np.int32(self.pixels)

    def apply(self, x: Array, drawn: Any) -> Array:
        """The images, moved."""
        _, h, w, _ = x.shape
        rows = (np.arange(h, dtype=np.int32) - drawn[:, :1])[:, :, None]
        columns = (np.arange(w, dtype=np.int32) - drawn[:, 1:])[:, None, :]
        inside = (within(rows, h) & within(columns, w))[..., None]
        return array_library(x).where(inside, pixels_at(x, rows, columns), np.asarray(self.fill, x.dtype))


@dataclass(frozen=True)
class RandomCrop(Augmentation):
    """Each image padded by zeros on all sides, and cut to its old size at a random place.

    The usual recipe for CIFAR (He et al., 2016, section 4.2), with padding 4.  A cut at (top, left) of the padded image
    is a shift by (padding - top, padding - left), so this is `RandomShift(padding)`, and computed so.
    """

    padding: int = whole(4, fix="Try 4.")

    name = "crop"
    example = "crop:4"

    def draw(self, key: Any, shape: tuple[int, ...]) -> Any:
        """The shift of each image, (N, 2) int32."""
        return RandomShift(self.padding).draw(key, shape)

    def apply(self, x: Array, drawn: Any) -> Array:
        """The images, cut."""
        return RandomShift(self.padding).apply(x, drawn)


@dataclass(frozen=True)
class RandomFlip(Augmentation):
    """Each image mirrored with a probability.

    y[i, j] = x[i, W - 1 - j]     horizontal: left and right change places
    y[i, j] = x[H - 1 - i, j]     vertical: top and bottom do

    Whether a mirrored image still belongs to its class is for you to know: a mirrored cat is a cat, a mirrored 2 is
    no 2.
    """

    probability: float = option(SHARE, 0.5, fix="Try 0.5.")
    direction: str = choice("horizontal", "vertical", default="horizontal")

    name = "flip"
    example = "flip"

    def draw(self, key: Any, shape: tuple[int, ...]) -> Any:
        """Whether each image is mirrored, (N,) bool."""
        return uniform(key, shape[:1]) < np.float32(self.probability)

    def apply(self, x: Array, drawn: Any) -> Array:
        """The images, those that were drawn mirrored."""
        rows, columns = (np.arange(size, dtype=np.int32) for size in x.shape[1:3])
        places = columns if self.direction == "horizontal" else rows
        # A gather: selecting between the image and its reverse takes three times as long.
        mirrored = array_library(x).where(drawn[:, None], places[::-1], places)
        if self.direction == "horizontal":
            return pixels_at(x, rows[:, None], mirrored[:, None, :])
        return pixels_at(x, mirrored[:, :, None], columns)


@dataclass(frozen=True)
class RandomRotation(Augmentation):
    """Each image turned about its middle, counter-clockwise where the angle is positive.

    y(r, c) = x(r cos a + c sin a, -r sin a + c cos a)        a: uniform in -degrees .. degrees

    with r and c counted from the middle; between pixels bilinear, zeros outside.
    """

    degrees: float = option(NON_NEGATIVE, fix="Try 10.")

    name = "rotation"
    example = "rotation:10"

    def draw(self, key: Any, shape: tuple[int, ...]) -> Any:
        """The angle of each image in degrees, (N,) float32."""
        return np.float32(self.degrees) * (2 * uniform(key, shape[:1]) - 1)

    def apply(self, x: Array, drawn: Any) -> Array:
        """The images, turned."""
        xp, (_, h, w, _) = array_library(x), x.shape
        angles = (drawn * np.float32(math.pi / 180))[:, None, None]
        cosine, sine = xp.cos(angles), xp.sin(angles)
        r, c = from_centre(h)[:, None], from_centre(w)
        return about_centre(x, r * cosine + c * sine, c * cosine - r * sine)


@dataclass(frozen=True)
class RandomScaling(Augmentation):
    """Each image enlarged or reduced about its middle, at its old size: cut, or with zeros around it.

    y(r, c) = x(r / s, c / s)         s: uniform in lowest .. highest

    with r and c counted from the middle; between pixels bilinear, zeros outside.
    """

    lowest: float = option(POSITIVE, fix="Try 0.9.")
    highest: float = option(POSITIVE, fix="Try 1.1.")

    name = "scaling"
    example = "scaling:0.9:1.1"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.expect_order("lowest", "highest")

    def draw(self, key: Any, shape: tuple[int, ...]) -> Any:
        """The factor of each image, (N,) float32."""
        return np.float32(self.lowest) + np.float32(self.highest - self.lowest) * uniform(key, shape[:1])

    def apply(self, x: Array, drawn: Any) -> Array:
        """The images, scaled."""
        _, h, w, _ = x.shape
        factors = drawn[:, None, None]
        return about_centre(x, from_centre(h)[:, None] / factors, from_centre(w) / factors)


@dataclass(frozen=True)
class RandomErasing(Augmentation):
    """A rectangle of each image blotted out with a probability.

    height = sqrt(area ratio),  width = sqrt(area / ratio), rounded, and no longer than the image

    probability         of an image to lose a rectangle
    smallest, largest   area of the rectangle as a share of the image: uniform between them
    aspect              height over width: between aspect and 1 / aspect, its logarithm uniform
    fill                the value inside

    Zhong et al., "Random erasing data augmentation" (2020), with one value inside (their RE-0 where it is 0).  They
    draw the ratio itself uniformly, which favours high rectangles, and draw anew until the rectangle fits.
    """

    probability: float = option(SHARE, 0.5, fix="Try 0.5.")
    smallest: float = option(SHARE, 0.02, fix="Try 0.02.")
    largest: float = option(SHARE, 0.4, fix="Try 0.4.")
    aspect: float = option(ASPECT, 0.3, fix="Try 0.3.")
    fill: float = option(FINITE, 0.0, fix="Try 0.")

    name = "erasing"
    example = "erasing:0.5"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.expect_order("smallest", "largest")

    def draw(self, key: Any, shape: tuple[int, ...]) -> Any:
        """(top, left, height, width) of each image's rectangle, (N, 4) int32, of height 0 where there is none."""
        (n, h, w, _), number = shape, np.float32
        chosen, area, ratio, top, left = uniform(key, (n, 5)).T
        xp = array_library(chosen)
        area = (number(self.smallest) + number(self.largest - self.smallest) * area) * number(h * w)
        ratio = xp.exp((2 * ratio - 1) * number(math.log(self.aspect)))
        height, width = (xp.round(xp.sqrt(part)) for part in (area * ratio, area / ratio))
        height, width = xp.where(chosen < number(self.probability), xp.minimum(height, h), 0), xp.minimum(width, w)
        top, left = xp.floor(top * (h + 1 - height)), xp.floor(left * (w + 1 - width))
        return xp.stack([top, left, height, width], axis=-1).astype(np.int32)

    def apply(self, x: Array, drawn: Any) -> Array:
        """The images without their rectangles."""
        _, h, w, _ = x.shape
        top, left, height, width = (part[:, None, None, None] for part in drawn.T)
        rows = within(np.arange(h, dtype=np.int32)[:, None, None] - top, height)
        columns = within(np.arange(w, dtype=np.int32)[:, None] - left, width)
        return array_library(x).where(rows & columns, np.asarray(self.fill, x.dtype), x)


@dataclass(frozen=True)
class ElasticDistortion(Augmentation):
    """Each image bent like rubber: every pixel comes from a place nearby, and neighbours move alike.

    d       = alpha G * u             u: uniform in -1 .. 1 for each pixel and axis;  G *: Gaussian blur of width sigma
    y[i, j] = x(i + d_row[i, j], j + d_column[i, j])

    alpha   how far: with sigma 4 a pixel moves by about alpha / 25 along each axis
    sigma   how smoothly, in pixels

    Between pixels bilinear, zeros outside; beyond the edge the noise u counts as 0.  Simard, Steinkraus and Platt,
    "Best practices for convolutional neural networks applied to visual document analysis" (2003), with their alpha and
    sigma for digits.
    """

    alpha: float = option(NON_NEGATIVE, 34.0, fix="Try 34.")
    sigma: float = option(POSITIVE, 4.0, fix="Try 4.")

    name = "elastic"
    example = "elastic:34:4"

    def draw(self, key: Any, shape: tuple[int, ...]) -> Any:
        """u along the rows and along the columns, each (N, H, W) float32."""
        # Two 16-bit numbers from each random word, since most of the time goes into drawing.  Half steps from -1 to 1,
        # all exact in float32, so that no compiler's fused rounding tells the libraries apart.
        bits = random_bits(key, shape[:3])
        halves = bits % np.uint32(LEVELS), bits // np.uint32(LEVELS)
        return tuple((half.astype(np.float32) + np.float32(0.5)) * np.float32(2 / LEVELS) - 1 for half in halves)

    def apply(self, x: Array, drawn: Any) -> Array:
        """The images, bent."""
        _, h, w, _ = x.shape
        along_rows, along_columns = gaussian(h, self.sigma), gaussian(w, self.sigma)
        down, right = (np.float32(self.alpha) * product(along_rows, noise, along_columns) for noise in drawn)
        return about_centre(x, from_centre(h)[:, None] + down, from_centre(w) + right)


@silent_products
def product(first: Array, second: Array, third: Array) -> Array:
    """That of three matrices."""
    return first @ second @ third


def gaussian(size: int, sigma: float) -> np.ndarray:
    """The (size, size) matrix that blurs an axis: exp(-(i-j)^2 / 2 sigma^2) over the sum along an endless row."""
    reach = np.arange(-math.ceil(8 * sigma), math.ceil(8 * sigma) + 1)
    distance = np.arange(size)[:, None] - np.arange(size)
    weights = np.exp(-((distance / sigma) ** 2) / 2) / np.exp(-((reach / sigma) ** 2) / 2).sum()
    return weights.astype(np.float32)
