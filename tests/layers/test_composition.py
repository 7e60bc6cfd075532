"""Sums and products of paths, and the transposed convolution as a layer: by hand, saved, written, drawn, refused."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from madi import layers
from madi.errors import ConfigurationError, ShapeError
from madi.graph import Variable
from madi.graph.drawing.scene import Text
from madi.layers.notation import from_text

LIBRARIES = pytest.mark.parametrize("library", [np, jnp], ids=["numpy", "jax"])
BITS = np.random.default_rng(2)


@LIBRARIES
def test_sum(library):
    x = Variable(library.asarray([[1, -2]], dtype=np.float32))
    y = layers.Sum(layers.Identity(), layers.ReLU(), layers.Identity())(x)
    assert np.asarray(y.value).tolist() == [[3, -4]]
    y.backward(library.asarray([[1, 10]], dtype=np.float32))
    assert np.asarray(x.grad).tolist() == [[3, 20]]


@LIBRARIES
def test_product(library):
    x = Variable(library.asarray([[3, -2]], dtype=np.float32))
    y = layers.Product(layers.Identity(), layers.Identity(), layers.LeakyReLU(0.5))(x)
    assert np.asarray(y.value).tolist() == [[27, -4]]  # x x x, and x x x / 2
    y.backward(library.ones((1, 2), dtype=np.float32))
    assert np.asarray(x.grad).tolist() == [[27, 6]]  # 3 x², and 3 x² / 2


def gated():
    """A squeeze-and-excitation block."""
    gates = layers.Sequential(
        layers.GlobalAveragePool(), layers.Dense(3), layers.Sigmoid(), layers.Reshape(1, 1, 3)
    )  # fmt: skip
    return layers.Product(layers.Identity(), gates)


def test_a_gate_for_each_channel():
    block = gated().build((4, 4, 3), seed=1)
    assert list(block.parameters()) == ["1.1.weight", "1.1.bias"]
    x = BITS.normal(size=(2, 4, 4, 3)).astype(np.float32)
    weight, bias = (block.parameters()[f"1.1.{name}"].value for name in ("weight", "bias"))
    gates = 1 / (1 + np.exp(-(x.mean(axis=(1, 2)) @ weight + bias)))
    np.testing.assert_allclose(block(x).value, x * gates[:, None, None], rtol=1e-5)


def test_paths_hear_of_training():
    model = layers.Sequential(
        layers.Sum(layers.BatchNorm(), layers.Identity()), layers.Product(layers.BatchNorm(), layers.Identity())
    ).build((3,))
    model(BITS.normal(3, 1, size=(8, 3)).astype(np.float32), training=True)
    assert model.state()["0.0.mean"].all()
    assert model.state()["1.0.mean"].all()


@LIBRARIES
def test_conv2d_transpose(library):
    layer = layers.Conv2DTranspose(1, 2, padding="valid").build((1, 2, 1))
    layer.weight.value = library.asarray([[1, 0], [2, -1]], dtype=np.float32)[..., None, None]
    layer.bias.value = library.asarray([10], dtype=np.float32)
    y = layer(library.asarray([1, 2], dtype=np.float32).reshape(1, 1, 2, 1))
    # 1 0 . + . 2  0
    # 2 -1  + . 4 -2   and 10
    assert np.asarray(y.value)[0, ..., 0].tolist() == [[11, 12, 10], [12, 13, 8]]


def test_conv2d_transpose_makes_the_weights_that_its_options_say():
    layer = layers.Conv2DTranspose(6, (3, 5), 2, 1, groups=2, output_padding=(1, 0), bias=False).build((9, 9, 4))
    assert {name: p.shape for name, p in layer.parameters().items()} == {"weight": (3, 5, 3, 4)}
    assert layer.output_shape() == (18, 19, 6)  # 8 * 2 + 3 - 2 + 1,  8 * 2 + 5 - 2
    plain = layers.Conv2DTranspose(6, 3, 2).build((9, 9, 4))
    assert (plain.weight.decay, plain.bias.decay) == (True, False)
    assert plain.output_shape() == (18, 18, 6)


def test_conv2d_transpose_draws_weights_for_what_a_pixel_sees():
    weight = layers.Conv2DTranspose(16, 4, 2, groups=2).build((8, 8, 64)).weight.value
    assert weight.std() == pytest.approx((2 / (4 * 4 / 4 * 32)) ** 0.5, rel=0.03)  # He: 4 of the 16 pixels, 32 channels
    weight = layers.Conv2DTranspose(64, 2, 4).build((8, 8, 64)).weight.value
    assert weight.std() == pytest.approx((2 / 64) ** 0.5, rel=0.03)  # at most one pixel


@LIBRARIES
def test_global_max_pool(library):
    x = library.asarray([[1, 2], [7, 3]], dtype=np.float32).reshape(1, 2, 2, 1)
    assert np.asarray(layers.GlobalMaxPool()(x).value).tolist() == [[7]]


def test_poolings_with_gaps():
    x = np.arange(16, dtype=np.float32).reshape(1, 4, 4, 1)
    # 0 2 8 10 and the like
    maxima = layers.MaxPool2D(2, 1, dilation=2)(x).value
    means = layers.AveragePool2D(2, 1, dilation=2)(x).value
    assert maxima[0, ..., 0].tolist() == [[10, 11], [14, 15]]
    assert means[0, ..., 0].tolist() == [[5, 6], [9, 10]]
    assert [layers.MaxPool2D(2, dilation=2).kernel_path(engine) for engine in ("numpy", "jax")] == ["numpy", "xla"]


MODELS = {
    "transposed convolution": lambda: layers.Conv2DTranspose(4, (3, 2), 2, 1, output_padding=1, groups=2, bias=False),
    "sum": lambda: layers.Sum(layers.Identity(), layers.PReLU(0.1, axes=3), layers.Scale(shift=False)),
    "product": lambda: layers.Product(layers.LayerNorm(2, 0.1), layers.ELU(0.5), layers.Clip(-1)),
    "shapes": lambda: layers.Sequential(
        layers.Pad([[1, 0], (0, 2), (0, 0)], value=2), layers.ChannelShuffle(2), layers.Permute(2, 0, 1),
        layers.Reshape(-1, 7), layers.GELU("tanh"),
    ),
    "global maximum": layers.GlobalMaxPool,
    "gaps": lambda: layers.Sequential(layers.MaxPool2D(2, 1, dilation=2), layers.AveragePool2D(2, dilation=(2, 1))),
}  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
def test_what_is_saved_or_written_comes_back(name, tmp_path):
    model = layers.Sequential(MODELS[name]()).build((6, 6, 4), seed=3)
    x = BITS.normal(size=(2, 6, 6, 4)).astype(np.float32)
    for parameter in model.parameters().values():
        parameter.value = BITS.normal(size=parameter.shape).astype(np.float32)
    layers.save(model, tmp_path / "m.safetensors")
    again = layers.load(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(again(x).value, model(x).value)
    assert list(again.parameters()) == list(model.parameters())
    assert repr(again) == repr(model) == repr(from_text(repr(model)))


def test_they_are_summed_up_and_drawn():
    model = layers.Sequential(
        layers.Conv2DTranspose(3, 3, 2), layers.LayerNorm(), layers.PReLU(), layers.Clip(0, 6), gated(),
        layers.Sum(layers.Identity(), layers.Conv2D(3, 1)), layers.Conv2DTranspose(2, 2, 2, groups=1),
    ).build((4, 4, 2))  # fmt: skip
    summary = model.summary()
    row = summary.rows[0]
    # 4 x 4 pixels in 2 channels, each by 3 x 3 weights for 3 filters
    assert (row.output_shape, row.parameters, row.multiply_adds) == ((8, 8, 3), 3 * 3 * 3 * 2 + 3, 16 * 2 * 9 * 3)
    assert [str(stage.entry) for stage in summary.outline.stages] == [
        "Conv2DTranspose 3x3 3 /2, LayerNorm, PReLU, Clip",
        "Product Identity | GlobalAveragePool → Dense 3 → Reshape",  # followers within a block are left out
        "Sum Identity | 1x1 3",
        "Conv2DTranspose 2x2 2 /2",
    ]
    texts = {mark.text for item in summary.outline.draw()._scene.items for mark in item.marks if isinstance(mark, Text)}
    assert {"sum", "product"} <= texts


MISTAKES = {
    "no paths": (layers.Sum, ConfigurationError, "Sum: expected at least one path, got none."),
    "a class for a path": (
        lambda: layers.Product(layers.Identity),
        ConfigurationError,
        "Product: expected layers, got <class 'madi.layers.activations.Identity'>. A class is given; call it: ReLU().",
    ),
    "paths of two sizes": (
        lambda: layers.Sequential(layers.Sum(layers.Conv2D(3, 3), layers.MaxPool2D(2))).build((8, 8, 3)),
        ShapeError,
        "Sum '0': expected paths whose outputs have one shape, or size 1 along an axis, got (1, 8, 8, 3), "
        "(1, 4, 4, 3). Give all of them the same stride, and padding='same'.",
    ),
    "paths of two counts of axes": (
        lambda: layers.Product(layers.Identity(), layers.GlobalMaxPool()).build((3, 3, 3)),
        ShapeError,
        "Product: expected paths whose outputs have one shape, or size 1 along an axis, got (1, 3, 3, 3), (1, 3). Give "
        "all of them the same stride, and padding='same'.",
    ),
    "other channels": (
        lambda: layers.Conv2DTranspose(8, 3).build((8, 8, 3))(np.zeros((2, 8, 8, 1), np.float32)),
        ShapeError,
        "Conv2DTranspose: expected images (N, H, W, 3), got (2, 8, 8, 1). Give it images of 3 channels, or build the "
        "model for this data.",
    ),
    "groups": (
        lambda: layers.Sequential(layers.Conv2DTranspose(3, 3, groups=2)).build((8, 8, 4)),
        ConfigurationError,
        "Conv2DTranspose '0': expected groups to divide the 4 channels and the 3 filters, got 2. Use groups=1.",
    ),
    "nothing left": (
        lambda: layers.Sequential(layers.Conv2DTranspose(8, 1, padding=2)).build((4, 4, 1)),
        ShapeError,
        "Conv2DTranspose '0': (4, 4) windows of (1, 1) pixels: expected a padding that leaves something of their "
        "image, got ((2, 2), (2, 2)), with which it has (0, 0) pixels. Pad less.",
    ),
    "a dilation": (
        lambda: layers.MaxPool2D(2, dilation=0),
        ConfigurationError,
        "MaxPool2D: dilation must be a whole number of at least 1, or two of them, got 0. Try dilation=1.",
    ),
    "rows": (
        lambda: layers.GlobalMaxPool().build((10,)),
        ShapeError,
        "GlobalMaxPool: expected images (N, H, W, C), got (1, 10). Give it images, channels last.",
    ),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_mistakes_are_named(case, assert_mistake):
    assert_mistake(*MISTAKES[case])
