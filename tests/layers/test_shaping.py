"""Layers that move numbers about: one example of each by hand, and every mistake by name."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from madi import layers
from madi.errors import ConfigurationError, ShapeError
from madi.graph import Variable

LIBRARIES = pytest.mark.parametrize("library", [np, jnp], ids=["numpy", "jax"])


@LIBRARIES
def test_reshape(library):
    x = library.arange(24, dtype=np.float32).reshape(2, 3, 4)
    for sizes, shape in (((6, 2), (2, 6, 2)), ((-1,), (2, 12)), ((2, -1, 3), (2, 2, 2, 3)), ((12, 1), (2, 12, 1))):
        y = layers.Reshape(*sizes)(x)
        assert y.shape == shape
        assert np.ravel(y.value).tolist() == list(range(24))
    assert layers.Reshape()(library.ones((2, 1), dtype=np.float32)).shape == (2,)


@LIBRARIES
def test_permute(library):
    x = Variable(library.arange(12, dtype=np.float32).reshape(1, 2, 2, 3))
    y = layers.Permute(2, 0, 1)(x)
    # the channels one after the other
    assert np.asarray(y.value)[0].tolist() == [[[0, 3], [6, 9]], [[1, 4], [7, 10]], [[2, 5], [8, 11]]]
    y.backward(y.value)
    np.testing.assert_array_equal(x.grad, x.value)


@LIBRARIES
def test_pad(library):
    x = Variable(library.asarray([[1, 2, 3]], dtype=np.float32))
    rims = {
        ("constant", 7.0): [7, 1, 2, 3, 7, 7],
        ("edge", 0.0): [1, 1, 2, 3, 3, 3],
        ("reflect", 0.0): [2, 1, 2, 3, 2, 1],
        ("wrap", 0.0): [3, 1, 2, 3, 1, 2],
    }
    for (mode, value), expected in rims.items():
        assert np.asarray(layers.Pad([(1, 2)], mode, value)(x).value).tolist() == [expected]


@LIBRARIES
def test_channel_shuffle(library):
    x = Variable(library.asarray([[0, 1, 2, 10, 11, 12]], dtype=np.float32))
    y = layers.ChannelShuffle(2)(x)
    # two groups of three: one of each in turn
    assert np.asarray(y.value).tolist() == [[0, 10, 1, 11, 2, 12]]
    y.backward(library.asarray([[1, 2, 3, 4, 5, 6]], dtype=np.float32))
    assert np.asarray(x.grad).tolist() == [[1, 3, 5, 2, 4, 6]]
    np.testing.assert_array_equal(layers.ChannelShuffle(3)(y).value, x.value)


def test_channel_shuffle_of_images_moves_channels_alone():
    x = np.random.default_rng(0).normal(size=(2, 3, 3, 4)).astype(np.float32)
    np.testing.assert_array_equal(layers.ChannelShuffle(2)(x).value, x[..., [0, 2, 1, 3]])


MISTAKES = {
    "two free sizes": (
        lambda: layers.Reshape(-1, -1),
        ConfigurationError,
        "Reshape: expected the sizes of one example, at most one of them -1, got (-1, -1). Try Reshape(-1).",
    ),
    "a size of 0": (
        lambda: layers.Reshape(2, 0),
        ConfigurationError,
        "Reshape: expected the sizes of one example, at most one of them -1, got (2, 0). Try Reshape(-1).",
    ),
    "a tuple of sizes": (
        lambda: layers.Reshape((2, 3)),
        ConfigurationError,
        "Reshape: expected the sizes of one example, at most one of them -1, got ((2, 3),). Try Reshape(-1).",
    ),
    "numbers that do not fill it": (
        lambda: layers.Sequential(layers.Reshape(4, 4)).build((5, 3)),
        ShapeError,
        "Reshape '0': expected examples whose 15 numbers fill the shape (4, 4), got x (1, 5, 3). Give it other sizes.",
    ),
    "numbers that leave a rest": (
        lambda: layers.Reshape(-1, 4).build((5, 3)),
        ShapeError,
        "Reshape: expected examples whose 15 numbers fill the shape (-1, 4), got x (1, 5, 3). Give it other sizes.",
    ),
    "an axis twice": (
        lambda: layers.Permute(0, 0),
        ConfigurationError,
        "Permute: expected each axis of one example once, from 0 on, got (0, 0). Try Permute(2, 0, 1).",
    ),
    "an axis too few": (
        lambda: layers.Permute(1, 0).build((5, 3, 2)),
        ShapeError,
        "Permute: expected examples of 2 axes, got x (1, 5, 3, 2). Name each of its axes.",
    ),
    "one number for a pair": (
        lambda: layers.Pad([1, 1]),
        ConfigurationError,
        "Pad: expected (before, after) for each axis of one example, got [1, 1]. Try ((1, 1), (1, 1), (0, 0)) for "
        "images.",
    ),
    "less than nothing": (
        lambda: layers.Pad([(1, -1)]),
        ConfigurationError,
        "Pad: expected (before, after) for each axis of one example, got [(1, -1)]. Try ((1, 1), (1, 1), (0, 0)) for "
        "images.",
    ),
    "a mode": (
        lambda: layers.Pad([(1, 1)], "mirror"),
        ConfigurationError,
        "Pad: pad: mode must be one of 'constant', 'edge', 'reflect', 'wrap', got 'mirror'.",
    ),
    "axes of a rim": (
        lambda: layers.Sequential(layers.Pad([(1, 1)])).build((4, 4)),
        ShapeError,
        "Pad '0': pad: expected (before, after) of at least 0 for each of the 3 axes of shape (1, 4, 4), got ((0, 0), "
        "(1, 1)).",
    ),
    "groups": (
        lambda: layers.Sequential(layers.ChannelShuffle(3)).build((2, 2, 4)),
        ShapeError,
        "ChannelShuffle '0': expected channels that 3 groups divide, got x (1, 2, 2, 4). Use fewer.",
    ),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_mistakes_are_named(case, assert_mistake):
    assert_mistake(*MISTAKES[case])
