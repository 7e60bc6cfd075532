"""Augmentations together and by their texts: composition, parsing, messages."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from madi.errors import ConfigurationError, DataError, ShapeError, UnknownNameError
from madi.kernels import random
from madi.training import augmentation
from madi.training.augmentation import (
    AUGMENTATIONS,
    Augmentations,
    ElasticDistortion,
    RandomCrop,
    RandomErasing,
    RandomFlip,
    RandomRotation,
    RandomScaling,
    RandomShift,
    compose,
    get,
)

KEY = random.key(3)


def images(n=6):
    return np.random.default_rng(0).normal(size=(n, 7, 5, 2)).astype(np.float32)


def exactly(message):
    return f"^{re.escape(message)}$"


class TestCompose:
    def test_each_has_a_key_of_its_own(self):
        x = images(n=30)
        crop, flip = RandomCrop(1), RandomFlip()
        expected = flip(crop(x, random.fold_in(KEY, 0)), random.fold_in(KEY, 1))
        np.testing.assert_array_equal(compose([crop, flip])(x, KEY), expected)
        twice = compose("flip,flip")
        assert not np.array_equal(twice(x, KEY), x)  # one key for both would put every image back

    def test_traced(self):
        x, augment = images(n=30), compose("crop:2,flip,rotation:10,scaling:0.9:1.1,erasing,elastic:10:3")
        with jax.check_tracer_leaks():
            y = jax.jit(augment)(x, KEY)
        np.testing.assert_allclose(y, augment(x, KEY), rtol=0, atol=0.02)

    def test_one_is_stored_before_the_next(self):
        """Else each of a scaling's four gathers computes the rotation anew; see `held_apart`."""
        one, two = (jax.jit(compose(text)).lower(images(), KEY).compile() for text in ("flip", "rotation:10,flip"))
        assert "conditional(" not in one.as_text()
        assert two.as_text().count("conditional(") == 1

    def test_inside_a_loop(self):
        """As in training: many steps in one program, the key of each a row of an array."""
        augment, x, keys = compose("crop:2,flip"), jnp.asarray(images()), random.split(KEY, 4)
        looped = jax.jit(lambda keys: jax.lax.map(lambda key: augment(x, key), keys))(keys)
        np.testing.assert_array_equal(looped, [augment(x, key) for key in keys])

    @pytest.mark.parametrize("nothing", ["", [], ()])
    def test_of_none(self, nothing):
        x = images()
        assert compose(nothing) == Augmentations(())
        np.testing.assert_array_equal(compose(nothing)(x, KEY), x)

    def test_forms(self):
        expected = Augmentations((RandomCrop(4), RandomFlip()))
        for form in ("crop:4,flip", " crop:4 , flip ", ["crop:4", "flip"], (RandomCrop(4), {"name": "flip"})):
            assert compose(form) == expected
            assert hash(compose(form)) == hash(expected)
        assert compose(RandomCrop(4)) == compose("crop:4") == compose({"name": "crop"}) == compose("crop")

    def test_a_function_of_the_user(self):
        def darker(x, key):
            return x / 2

        x = images()
        np.testing.assert_array_equal(compose(darker)(x, KEY), x / 2)
        np.testing.assert_array_equal(compose(["flip:1", darker])(x, KEY), x[:, :, ::-1] / 2)


@pytest.mark.parametrize("name", AUGMENTATIONS)
class TestImages:
    def test_not_images(self, name):
        augment = get(AUGMENTATIONS[name].example)
        message = (
            f"{type(augment).__name__}: expected shape (any, any, any, any), got (5, 784). "
            "Images are (N, H, W, C): reshape them, or leave the augmentation out."
        )
        with pytest.raises(ShapeError, match=exactly(message)):
            augment(np.zeros((5, 784), np.float32), KEY)

    def test_whole_numbers(self, name):
        augment = get(AUGMENTATIONS[name].example)
        message = f"{type(augment).__name__}: expected images of floating numbers, got uint8. Cast them to float32."
        with pytest.raises(DataError, match=exactly(message)):
            augment(np.zeros((5, 4, 4, 1), np.uint8), KEY)


class TestTexts:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("shift:2", RandomShift(2)),
            ("shift:2:0.5", RandomShift(2, fill=0.5)),
            ("crop", RandomCrop(4)),
            ("crop:8", RandomCrop(8)),
            ("flip", RandomFlip(0.5)),
            ("FLIP:1:vertical", RandomFlip(1, direction="vertical")),
            ("rotation:10", RandomRotation(10)),
            ("scaling:0.9:1.1", RandomScaling(0.9, 1.1)),
            ("erasing:0.25:0.02:0.3", RandomErasing(0.25, 0.02, 0.3)),
            ("elastic", ElasticDistortion(34, 4)),
            (" elastic : 8 : 3 ", ElasticDistortion(8, 3)),
        ],
    )
    def test_texts(self, text, expected):
        assert get(text) == expected

    @pytest.mark.parametrize("name", AUGMENTATIONS)
    def test_examples_are_true(self, name):
        assert type(get(AUGMENTATIONS[name].example)) is AUGMENTATIONS[name]

    def test_an_augmentation_is_left_as_it_is(self):
        mine = RandomCrop(2)
        assert get(mine) is mine

    KNOWN = "Known: crop, elastic, erasing, flip, rotation, scaling, shift."

    @pytest.mark.parametrize(
        ("text", "kind", "message"),
        [
            ("rotate:10", UnknownNameError, f"Unknown augmentation 'rotate': did you mean 'rotation'? {KNOWN}"),
            ("crop:4:5", ConfigurationError,
             "augmentation 'crop:4:5': crop takes at most 1 (padding), got 2. Example: crop:4."),
            ("rotation", ConfigurationError,
             "augmentation 'rotation': rotation needs at least 1 of its options (degrees), got 0. Example: "
             "rotation:10."),
            ("scaling:0.9", ConfigurationError,
             "augmentation 'scaling:0.9': scaling needs at least 2 of its options (lowest, highest), got 1. "
             "Example: scaling:0.9:1.1."),
            ("crop:four", ConfigurationError,
             "RandomCrop: padding must be a whole number of at least 0, got 'four'. Try 4."),
            ("crop:-1", ConfigurationError, "RandomCrop: padding must be a whole number of at least 0, got -1. Try 4."),
            ("crop:1.5", ConfigurationError,
             "RandomCrop: padding must be a whole number of at least 0, got 1.5. Try 4."),
            ("shift:1:inf", ConfigurationError, "RandomShift: fill must be a finite number, got inf. Try 0."),
            ("flip:2", ConfigurationError, "RandomFlip: probability must be a number from 0 to 1, got 2. Try 0.5."),
            ("flip:nan", ConfigurationError, "RandomFlip: probability must be a number from 0 to 1, got nan. Try 0.5."),
            ("flip:0.5:verticl", UnknownNameError,
             "Unknown value of RandomFlip: direction 'verticl': did you mean 'vertical'? Known: horizontal, "
             "vertical."),
            ("rotation:-5", ConfigurationError,
             "RandomRotation: degrees must be a finite number of at least 0, got -5. Try 10."),
            ("scaling:0:1", ConfigurationError,
             "RandomScaling: lowest must be a positive finite number, got 0. Try 0.9."),
            ("scaling:1.2:0.8", ConfigurationError,
             "RandomScaling: lowest must be at most highest, got 1.2 and 0.8. Exchange them."),
            ("erasing:1:0.4:0.1", ConfigurationError,
             "RandomErasing: smallest must be at most largest, got 0.4 and 0.1. Exchange them."),
            ("erasing:1:0.1:0.4:3", ConfigurationError,
             "RandomErasing: aspect must be a number above 0 and at most 1, got 3. Try 0.3."),
            ("elastic:8:0", ConfigurationError,
             "ElasticDistortion: sigma must be a positive finite number, got 0. Try 4."),
            (3, ConfigurationError,
             "augmentation: expected a text such as 'crop:4', or a function of (images, key), got 3."),
            (RandomFlip, ConfigurationError,
             "augmentation: expected a text such as 'crop:4', or a function of (images, key), got the class "
             "RandomFlip."),
        ],
    )  # fmt: skip
    def test_errors(self, text, kind, message):
        with pytest.raises(kind, match=exactly(message)):
            get(text)
        with pytest.raises(kind, match=exactly(message)):
            compose(text)

    def test_an_unknown_option(self):
        message = "Unknown option of RandomCrop 'pading': did you mean 'padding'? Known: padding."
        with pytest.raises(ConfigurationError, match=exactly(message)):
            RandomCrop(pading=4)

    def test_a_key_that_is_none(self):
        message = "key must be two uint32 words, got 0. Make one with jax.random.key(0)."
        with pytest.raises(ConfigurationError, match=exactly(message)):
            RandomFlip()(images(), 0)


@pytest.mark.parametrize(("method", "signature"), [("draw", "key, shape"), ("apply", "x, drawn")])
def test_a_subclass_without_its_method(method, signature):
    message = f"Mine: an augmentation defines {method}({signature})."
    mine = type(
        "Mine", (augmentation.Augmentation,), {"draw": lambda self, key, shape: None} if method == "apply" else {}
    )
    with pytest.raises(NotImplementedError, match=exactly(message)):
        augmentation.dataclass(frozen=True)(mine)()(images(), KEY)
