"""Augmentation: plain loops over examples and pixels are the oracle, SciPy's interpolation and blur another."""

import json
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import ndimage

from madi.kernels import random
from madi.kernels.arrays import is_jax
from madi.training.augmentation import (
    AUGMENTATIONS,
    ElasticDistortion,
    RandomCrop,
    RandomErasing,
    RandomFlip,
    RandomRotation,
    RandomScaling,
    RandomShift,
    get,
)

KEY = random.key(3)
LIBRARIES = {"numpy": np.asarray, "jax": jnp.asarray}

library = pytest.mark.parametrize("library", LIBRARIES)


def run(augment, library, x):
    """The images augmented under KEY: on JAX compiled, which is quicker than operation by operation."""
    return (jax.jit(augment) if library == "jax" else augment)(LIBRARIES[library](x), KEY)


def images(n=6, h=7, w=5, c=2, dtype=np.float32):
    return np.random.default_rng(0).normal(size=(n, h, w, c)).astype(dtype)


def apply(augment, library, x, drawn):
    """The images with these numbers instead of random ones."""
    return (jax.jit(augment.apply) if library == "jax" else augment.apply)(LIBRARIES[library](x), drawn)


# ---- the oracles: one image at a time, one pixel at a time


def shifted(image, down, right, fill):
    h, w, _ = image.shape
    y = np.full_like(image, fill)
    for i in range(h):
        for j in range(w):
            if 0 <= i - down < h and 0 <= j - right < w:
                y[i, j] = image[i - down, j - right]
    return y


def cropped(image, down, right, padding):
    h, w, _ = image.shape
    padded = np.pad(image, ((padding, padding), (padding, padding), (0, 0)))
    top, left = padding - down, padding - right
    return padded[top : top + h, left : left + w]


def sampled(image, place):
    """SciPy's bilinear interpolation at place(i, j) -> (row, column), zeros outside."""
    h, w, c = image.shape
    places = np.array([[place(i, j) for j in range(w)] for i in range(h)]).transpose(2, 0, 1)
    sample = [ndimage.map_coordinates(image[..., k], places, order=1, mode="grid-constant") for k in range(c)]
    return np.stack(sample, axis=-1)


def rotated(image, degrees):
    middle_row, middle_column = (image.shape[0] - 1) / 2, (image.shape[1] - 1) / 2
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))

    def place(i, j):
        r, c = i - middle_row, j - middle_column
        return r * cosine + c * sine + middle_row, c * cosine - r * sine + middle_column

    return sampled(image, place)


def scaled(image, factor):
    middle_row, middle_column = (image.shape[0] - 1) / 2, (image.shape[1] - 1) / 2
    return sampled(
        image, lambda i, j: ((i - middle_row) / factor + middle_row, (j - middle_column) / factor + middle_column)
    )


def erased(image, box, fill):
    top, left, height, width = box
    y = image.copy()
    y[top : top + height, left : left + width] = fill
    return y


def bent(image, noise_rows, noise_columns, alpha, sigma):
    down, right = (
        alpha * ndimage.gaussian_filter(noise.astype(np.float64), sigma, mode="constant", truncate=8)
        for noise in (noise_rows, noise_columns)
    )
    return sampled(image, lambda i, j: (i + down[i, j], j + right[i, j]))


def by_image(reference):
    """reference(image, drawn...) over the batch, `drawn` being one array whose first axis is the examples."""
    return lambda x, drawn: np.stack([reference(image, row) for image, row in zip(x, drawn, strict=True)])


# name of the case: (augmentation, oracle(x, drawn), tolerance: places count to 1/1024 of a pixel)
CASES = {
    "shift": (RandomShift(3), by_image(lambda image, move: shifted(image, *move, 0.0)), 0),
    "shift, filled": (RandomShift(9, fill=0.5), by_image(lambda image, move: shifted(image, *move, 0.5)), 0),
    "crop": (RandomCrop(2), by_image(lambda image, move: cropped(image, *move, 2)), 0),
    "flip": (RandomFlip(), by_image(lambda image, yes: image[:, ::-1] if yes else image), 0),
    "flip, vertical": (
        RandomFlip(0.4, direction="vertical"),
        by_image(lambda image, yes: image[::-1] if yes else image),
        0,
    ),
    "rotation": (RandomRotation(70), by_image(rotated), 5e-3),
    "scaling": (RandomScaling(0.5, 1.8), by_image(scaled), 5e-3),
    "erasing": (RandomErasing(0.7), by_image(lambda image, box: erased(image, box, 0.0)), 0),
    "erasing, filled": (
        RandomErasing(1.0, 0.3, 0.9, 0.2, fill=-1.5),
        by_image(lambda image, box: erased(image, box, -1.5)),
        0,
    ),
    "elastic": (
        ElasticDistortion(20, 2),
        lambda x, drawn: np.stack([bent(image, *noise, 20, 2) for image, *noise in zip(x, *drawn, strict=True)]),
        5e-3,
    ),
}

case = pytest.mark.parametrize("name", CASES)


def test_every_augmentation_has_a_case():
    assert {name.partition(",")[0] for name in CASES} == set(AUGMENTATIONS)


@case
class TestAll:
    @library
    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    def test_agrees_with_the_loop(self, name, library, dtype):
        augment, oracle, tolerance = CASES[name]
        x = images(n=12, dtype=dtype)
        with jax.enable_x64(dtype == "float64"):
            y = run(augment, library, x)
            assert (y.dtype, y.shape, is_jax(y)) == (x.dtype, x.shape, library == "jax")
            np.testing.assert_array_equal(x, images(n=12, dtype=dtype))
        expected = oracle(x, augment.draw(KEY, x.shape))
        assert not np.array_equal(expected, x)
        np.testing.assert_allclose(y, expected, rtol=0, atol=tolerance)

    def test_draws_are_those_of_the_other_library(self, name):
        """To the bit, but for the last one of a scaling's factors: compilers fuse the product with the sum."""
        augment, _, _ = CASES[name]
        shape = (200, 7, 5, 2)
        ours, theirs = augment.draw(KEY, shape), jax.jit(lambda key: augment.draw(key, shape))(KEY)
        for mine, other in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
            assert mine.dtype == other.dtype
            np.testing.assert_allclose(other, mine, rtol=2e-7 if name == "scaling" else 0)

    def test_compiled_is_eager(self, name):
        augment, _, _ = CASES[name]
        x = jnp.asarray(images())
        with jax.check_tracer_leaks():
            traced = jax.jit(augment)(x, KEY)
        np.testing.assert_allclose(traced, augment(x, KEY), rtol=0, atol=5e-3 if CASES[name][2] else 0)

    def test_a_new_key_compiles_nothing(self, name):
        augment, _, _ = CASES[name]
        compiled = jax.jit(lambda x, key: augment(x, key))  # equal augmentations share one cache
        first, again, other = (compiled(images(), random.key(seed)) for seed in (0, 0, 1))
        np.testing.assert_array_equal(first, again)
        assert not np.array_equal(first, other)
        assert compiled._cache_size() == 1

    def test_libraries_and_kinds_of_key_mix(self, name):
        augment, _, _ = CASES[name]
        x, expected = images(), augment(images(), KEY)
        found = augment(x, jax.random.key(3))
        assert type(found) is np.ndarray
        np.testing.assert_array_equal(found, expected)
        np.testing.assert_allclose(jax.jit(lambda key: augment(x, key))(KEY), expected, atol=5e-3)

    def test_each_example_draws_its_own(self, name):
        augment, _, _ = CASES[name]
        y = augment(np.repeat(images(n=1), 40, axis=0), KEY)
        assert len({image.tobytes() for image in y}) > 1

    def test_an_example_does_not_depend_on_those_after_it(self, name):
        augment, _, _ = CASES[name]
        x = images(n=9)
        np.testing.assert_allclose(augment(x, KEY)[:4], augment(x[:4], KEY), rtol=0, atol=1e-6)

    @library
    @pytest.mark.parametrize("shape", [(1, 7, 5, 2), (3, 1, 1, 1), (0, 7, 5, 2)])
    def test_small_batches_and_images(self, name, library, shape):
        augment, oracle, tolerance = CASES[name]
        x = np.random.default_rng(1).normal(size=shape).astype(np.float32)
        y = run(augment, library, x)
        assert y.shape == shape
        if len(x):
            np.testing.assert_allclose(y, oracle(x, augment.draw(KEY, shape)), rtol=0, atol=tolerance)

    def test_half_precision(self, name):
        augment, oracle, tolerance = CASES[name]
        x = jnp.asarray(images(), jnp.bfloat16)
        y = augment(x, KEY)
        assert y.dtype == jnp.bfloat16
        expected = oracle(np.asarray(x, np.float32), augment.draw(KEY, x.shape))
        np.testing.assert_allclose(np.asarray(y, np.float32), expected, rtol=0, atol=0.05 if tolerance else 0)

    def test_there_and_back_through_json(self, name):
        augment, _, _ = CASES[name]
        config = json.loads(json.dumps(augment.to_config()))
        assert config["name"] == name.partition(",")[0]
        assert get(config) == augment
        assert hash(get(config)) == hash(augment)


IDENTITIES = [
    RandomShift(0), RandomCrop(0), RandomFlip(0), RandomFlip(0, direction="vertical"), RandomRotation(0),
    RandomScaling(1, 1), RandomErasing(0), RandomErasing(1, 0, 0), ElasticDistortion(0),
]  # fmt: skip


@library
@pytest.mark.parametrize("augment", IDENTITIES, ids=repr)
@pytest.mark.parametrize("shape", [(3, 7, 5, 2), (2, 33, 28, 1)])
def test_settings_that_change_nothing(augment, library, shape):
    x = np.random.default_rng(2).normal(size=shape).astype(np.float32)
    np.testing.assert_array_equal(run(augment, library, x), x)


def image(*rows):
    return np.array(rows, np.float32)[None, :, :, None]


def flat(y):
    return np.asarray(y)[0, :, :, 0]


@library
class TestByHand:
    def test_shift(self, library):
        x = image([1, 2, 3], [4, 5, 6])
        y = apply(RandomShift(2, fill=9), library, x, np.array([[1, -2]], np.int32))  # down by 1, left by 2
        np.testing.assert_array_equal(flat(y), [[9, 9, 9], [3, 9, 9]])

    def test_crop(self, library):
        x = image([1, 2, 3], [4, 5, 6])
        # Padded by 1 and cut at (0, 2): the rows begin above the image, the columns at its second.
        y = apply(RandomCrop(1), library, x, np.array([[1, -1]], np.int32))
        np.testing.assert_array_equal(flat(y), [[0, 0, 0], [2, 3, 0]])

    @pytest.mark.parametrize(
        ("direction", "expected"), [("horizontal", [[3, 2, 1], [6, 5, 4]]), ("vertical", [[4, 5, 6], [1, 2, 3]])]
    )
    def test_flip(self, library, direction, expected):
        x = image([1, 2, 3], [4, 5, 6])
        np.testing.assert_array_equal(flat(run(RandomFlip(1.0, direction=direction), library, x)), expected)

    @pytest.mark.parametrize("size", [1, 2, 5, 224])
    def test_quarter_turns_are_exact(self, library, size):
        quarters = range(-3, 4)
        x = np.random.default_rng(3).normal(size=(7, size, size, 1)).astype(np.float32)
        y = apply(RandomRotation(360), library, x, 90 * np.array(quarters, np.float32))
        np.testing.assert_array_equal(y, [np.rot90(one, turns) for one, turns in zip(x, quarters, strict=True)])

    def test_rotation_goes_counter_clockwise(self, library):
        x = image([1, 2], [3, 4])
        y = apply(RandomRotation(90), library, x, np.array([90], np.float32))
        np.testing.assert_array_equal(flat(y), [[2, 4], [1, 3]])

    def test_scaling_by_two(self, library):
        x = image([0, 0, 0], [4, 8, 2], [0, 0, 0])
        # Places are -1/2, 0, 1/2 from the middle: half way between neighbours on both axes.
        y = run(RandomScaling(2, 2), library, x)
        np.testing.assert_array_equal(flat(y), [[3, 4, 2.5], [6, 8, 5], [3, 4, 2.5]])

    def test_scaling_by_half_puts_zeros_around(self, library):
        x = image([1, 2, 3], [4, 5, 6], [7, 8, 9])
        # Places are -2, 0, 2 from the middle: a whole pixel outside but in the middle itself.
        np.testing.assert_array_equal(flat(run(RandomScaling(0.5, 0.5), library, x)), [[0, 0, 0], [0, 5, 0], [0, 0, 0]])

    def test_erasing(self, library):
        x = image([1, 2, 3], [4, 5, 6])
        y = apply(RandomErasing(fill=7), library, x, np.array([[0, 1, 2, 1]], np.int32))  # top, left, height, width
        np.testing.assert_array_equal(flat(y), [[1, 7, 3], [4, 7, 6]])

    def test_elastic_of_one_pixel_of_noise(self, library):
        """With a blur of width sqrt(1 / (2 ln 2)), weights are 1/2, 1/16, ... of the middle one: g = 2^-(d^2)."""
        augment = ElasticDistortion(1.0, math.sqrt(1 / (2 * math.log(2))))
        total = 1 + 2 * (1 / 2 + 1 / 16 + 1 / 512 + 1 / 65536)
        noise = np.zeros((1, 1, 3), np.float32)
        noise[0, 0, 0] = 1
        x = image([0, 8, 24])
        # Columns move by (1, 1/2, 1/16) / total^2, one factor of total for each axis; rows stay.
        moves = np.array([1, 1 / 2, 1 / 16]) / total**2
        expected = [8 * moves[0], 8 + 16 * moves[1], 24 * (1 - moves[2])]
        found = apply(augment, library, x, (np.zeros_like(noise), noise))
        np.testing.assert_allclose(flat(found)[0], expected, atol=24 / 2048)

    def test_wild_numbers_leave_an_empty_or_finite_image(self, library):
        x = np.ones((4, 6, 6, 1), np.float32)
        for augment in (
            ElasticDistortion(1e30),
            RandomScaling(1e-30, 1e-30),
            RandomScaling(1e30, 1e30),
            RandomShift(10**6),
        ):
            y = np.asarray(run(augment, library, x))
            assert ((y >= 0) & (y <= 1)).all()


class TestDistributions:
    """Bounds are five standard deviations or more of the draws that are counted."""

    N = 20_000
    SHAPE = (N, 28, 20, 1)

    def draw(self, augment):
        return augment.draw(KEY, self.SHAPE)

    @pytest.mark.parametrize("augment", [RandomShift(2), RandomCrop(2)], ids=repr)
    def test_all_shifts_are_as_likely(self, augment):
        moves, counts = np.unique(self.draw(augment), axis=0, return_counts=True)
        assert moves.tolist() == [[down, right] for down in range(-2, 3) for right in range(-2, 3)]
        expected = self.N / 25  # chi-squared of 24 degrees of freedom: below 51.2 in 999 cases of 1,000
        assert ((counts - expected) ** 2 / expected).sum() < 51.2

    @pytest.mark.parametrize("probability", [0.0, 0.1, 0.5, 1.0])
    def test_share_flipped(self, probability):
        share = self.draw(RandomFlip(probability)).mean()
        assert abs(share - probability) <= 5 * math.sqrt(probability * (1 - probability) / self.N)

    @pytest.mark.parametrize(
        ("augment", "low", "high"), [(RandomRotation(30), -30, 30), (RandomScaling(0.8, 1.4), 0.8, 1.4)], ids=str
    )
    def test_angles_and_factors_are_uniform(self, augment, low, high):
        drawn = self.draw(augment)
        assert drawn.min() >= np.float32(low)
        assert drawn.max() <= np.float32(high)
        counts, _ = np.histogram(drawn, bins=10, range=(low, high))
        assert ((counts - self.N / 10) ** 2 / (self.N / 10)).sum() < 27.9  # as above, 9 degrees of freedom

    def test_rectangles(self):
        top, left, height, width = self.draw(RandomErasing(0.6, 0.1, 0.2, 0.5)).T
        some = height > 0
        assert abs(some.mean() - 0.6) < 5 * math.sqrt(0.24 / self.N)
        assert (top >= 0).all()
        assert (left >= 0).all()
        assert (top + height <= 28).all()
        assert (left + width <= 20).all()
        area, ratio = (height * width)[some] / (28 * 20), (height / width)[some]
        assert area.min() > 0.08  # sides are rounded to whole pixels
        assert area.max() < 0.23
        assert area.mean() == pytest.approx(0.15, abs=0.003)
        assert 0.4 < ratio.min() < 0.55
        assert 1.8 < ratio.max() < 2.5
        assert np.log(ratio).mean() == pytest.approx(0, abs=0.03)

    def test_rectangles_reach_every_side(self):
        top, left, height, width = self.draw(RandomErasing(1.0)).T
        assert top.min() == left.min() == 0
        assert (top + height).max() == 28
        assert (left + width).max() == 20

    def test_a_rectangle_of_the_whole_image(self):
        boxes = RandomErasing(1.0, 1.0, 1.0, 1.0).draw(KEY, (9, 8, 8, 3))
        assert boxes.tolist() == [[0, 0, 8, 8]] * 9

    def test_elastic_noise(self):
        rows, columns = ElasticDistortion().draw(KEY, (100, 28, 28, 1))
        for noise in (rows, columns):
            assert -1 <= noise.min() < -0.999
            assert 0.999 < noise.max() <= 1
            assert abs(noise.mean()) < 5 * math.sqrt(1 / 3 / noise.size)
            assert noise.var() == pytest.approx(1 / 3, rel=0.02)
        assert abs((rows * columns).mean()) < 5 / 3 / math.sqrt(rows.size)
