"""Scale, PReLU, Clip and LayerNorm: one example of each by hand, gradients, and every mistake by name."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from madi import layers
from madi.errors import ConfigurationError, ShapeError
from madi.graph import Variable, check_gradients

LIBRARIES = pytest.mark.parametrize("library", [np, jnp], ids=["numpy", "jax"])
BITS = np.random.default_rng(4)


def rows(library, *values):
    """A batch of rows."""
    return Variable(library.asarray(values, dtype=np.float32))


@LIBRARIES
def test_scale(library):
    layer = layers.Scale().build((2,))
    layer.scale.value = library.asarray([2, -1], dtype=np.float32)
    layer.shift.value = library.asarray([10, 0], dtype=np.float32)
    x = rows(library, [1, 2], [3, 4])
    y = layer(x)
    assert np.asarray(y.value).tolist() == [[12, -2], [16, -4]]
    y.backward(library.asarray([[1, 0], [1, 5]], dtype=np.float32))
    assert np.asarray(x.grad).tolist() == [[2, 0], [2, -5]]
    assert np.asarray(layer.scale.grad).tolist() == [4, 20]
    assert np.asarray(layer.shift.grad).tolist() == [2, 5]


@LIBRARIES
def test_prelu(library):
    layer = layers.PReLU(0.5).build((2,))
    layer.slope.value = library.asarray([0.5, 3], dtype=np.float32)
    x = rows(library, [-2, -1], [4, 0])
    y = layer(x)
    assert np.asarray(y.value).tolist() == [[-1, -3], [4, 0]]
    y.backward(library.ones((2, 2), dtype=np.float32))
    assert np.asarray(x.grad).tolist() == [[0.5, 3], [1, 3]]
    assert np.asarray(layer.slope.grad).tolist() == [-2, -1]


@LIBRARIES
def test_layer_norm(library):
    layer = layers.LayerNorm(eps=3.0).build((2,))
    layer.scale.value, layer.shift.value = (library.asarray(v, dtype=np.float32) for v in ([2, 4], [5, 0]))
    # mean 2, biased variance 1, deviation √(1 + 3) = 2
    np.testing.assert_allclose(layer(rows(library, [1, 3])).value, [[2 * -0.5 + 5, 4 * 0.5]], rtol=1e-6)


@LIBRARIES
def test_clip(library):
    x = rows(library, [-1, 3, 7])
    y = layers.Clip(0, 6)(x)
    assert np.asarray(y.value).tolist() == [[0, 3, 6]]
    y.backward(library.ones((1, 3), dtype=np.float32))
    assert np.asarray(x.grad).tolist() == [[0, 1, 0]]
    assert np.asarray(layers.Clip(high=2.5)(x).value).tolist() == [[-1, 2.5, 2.5]]
    assert np.asarray(layers.Clip(2.5)(x).value).tolist() == [[2.5, 3, 7]]


def test_what_they_start_with_and_that_decay_leaves_it_alone():
    made = {
        "scale": (layers.Scale(), {"scale": (3,), "shift": (3,)}),
        "scale alone": (layers.Scale(shift=False, axes=2), {"scale": (2, 3)}),
        "shift alone": (layers.Scale(scale=False, axes=0), {"shift": ()}),
        "a slope for each channel": (layers.PReLU(), {"slope": (3,)}),
        "one slope": (layers.PReLU(axes=0), {"slope": ()}),
        "the channels": (layers.LayerNorm(), {"scale": (3,), "shift": (3,)}),
        "all axes": (layers.LayerNorm(axes=3), {"scale": (4, 2, 3), "shift": (4, 2, 3)}),
    }
    for name, (layer, shapes) in made.items():
        parameters = layer.build((4, 2, 3)).parameters()
        assert {key: parameter.shape for key, parameter in parameters.items()} == shapes, name
        assert not any(parameter.decay for parameter in parameters.values()), name
        starts = {"scale": 1, "shift": 0, "slope": 0.25}
        assert all((parameter.value == starts[key]).all() for key, parameter in parameters.items()), name


LEARNED = {
    "scale": lambda: layers.Scale(axes=0),
    "scale of pixels": lambda: layers.Scale(shift=False, axes=3),
    "prelu": lambda: layers.PReLU(axes=0),
    "prelu of channels": layers.PReLU,
    "layer norm": lambda: layers.LayerNorm(axes=2),
    "transposed convolution": lambda: layers.Conv2DTranspose(2, 3, 2, groups=2),
    "transposed convolution, more pixels": lambda: layers.Conv2DTranspose(3, 2, 2, 1, output_padding=1, bias=False),
    "sum": lambda: layers.Sum(layers.Identity(), layers.Scale(), layers.Conv2D(4, 3)),
    "gates": lambda: layers.Product(
        layers.Identity(),
        layers.Sequential(layers.GlobalMaxPool(), layers.Dense(4), layers.Sigmoid(), layers.Reshape(1, 1, 4)),
    ),
    "shapes": lambda: layers.Sequential(
        layers.ChannelShuffle(2), layers.Permute(2, 0, 1), layers.Pad(((0, 0), (1, 0), (2, 1)), "reflect"),
        layers.Reshape(-1, 6), layers.Dense(2),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LEARNED)
def test_gradients_of_input_and_parameters(name):
    layer = LEARNED[name]().build((3, 3, 4), seed=1)
    parameters = layer.parameters()

    def call(x, *values):
        return layer.bind(dict(zip(parameters, values, strict=True)))(x)

    values = [BITS.normal(size=parameter.shape) for parameter in parameters.values()]
    report = check_gradients(call, BITS.normal(size=(2, 3, 3, 4)), *values)
    assert len(report.inputs) == 1 + len(values)


MISTAKES = {
    "nothing to learn": (
        lambda: layers.Scale(scale=False, shift=False),
        ConfigurationError,
        "Scale: expected a scale or a shift, got neither. Use Identity().",
    ),
    "axes of a scale": (
        lambda: layers.Scale(axes=-1),
        ConfigurationError,
        "Scale: axes must be a whole number of at least 0, got -1. Try 1.",
    ),
    "axes of a layer norm": (
        lambda: layers.LayerNorm(axes=0),
        ConfigurationError,
        "LayerNorm: axes must be a whole number of at least 1, got 0. Try 1.",
    ),
    "more axes than there are": (
        lambda: layers.Sequential(layers.LayerNorm(axes=2)).build((5,)),
        ShapeError,
        "LayerNorm '0': expected x with 2 axes after the first, got (N, 5). Use fewer axes.",
    ),
    "other channels": (
        lambda: layers.PReLU().build((3,))(np.zeros((2, 4), np.float32)),
        ShapeError,
        "PReLU: expected x (N, ..., 3), got (2, 4). Build the model for this data.",
    ),
    "other channels of a scale": (
        lambda: layers.Scale(scale=False).build((3,))(np.zeros((2, 1), np.float32)),
        ShapeError,
        "Scale: expected x (N, ..., 3), got (2, 1). Build the model for this data.",
    ),
    "other channels of a layer norm": (
        lambda: layers.LayerNorm().build((3,))(np.zeros((2, 4), np.float32)),
        ShapeError,
        "LayerNorm: layer_norm: expected a scale of shape (4,), that of the last 1 axes of x (2, 4), got (3,). Build "
        "the layer for this input.",
    ),
    "no bounds": (
        layers.Clip,
        ConfigurationError,
        "Clip: expected a bound, low <= high, got None and None. Try Clip(0, 6).",
    ),
    "bounds turned": (
        lambda: layers.Clip(6, 0),
        ConfigurationError,
        "Clip: expected a bound, low <= high, got 6 and 0. Try Clip(0, 6).",
    ),
    "a bound that is none": (
        lambda: layers.Clip(0, "six"),
        ConfigurationError,
        "Clip: high must be a finite number, got 'six'. Try 6.",
    ),
    "a way of gelu": (
        lambda: layers.GELU("sigmoid"),
        ConfigurationError,
        "GELU: approximate must be 'none' or 'tanh', got 'sigmoid'.",
    ),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_mistakes_are_named(case, assert_mistake):
    assert_mistake(*MISTAKES[case])
