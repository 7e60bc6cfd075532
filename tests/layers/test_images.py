"""Layers of images and of layers: one example of each by hand, PyTorch for batch norm, and every mistake by name."""

from __future__ import annotations

from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from madi import layers
from madi.errors import ConfigurationError, ShapeError
from madi.graph import Variable, observing
from madi.kernels import native, random
from madi.layers.calling import observing_layers

LIBRARIES = pytest.mark.parametrize("library", [np, jnp], ids=["numpy", "jax"])
BITS = np.random.default_rng(2)


def image(library, *rows):
    """One image of one channel."""
    return Variable(library.asarray(rows, dtype=np.float32)[None, ..., None])


def pixels(array):
    """The numbers of one image of one channel."""
    return np.asarray(array)[0, ..., 0].tolist()


@LIBRARIES
def test_conv2d(library):
    layer = layers.Conv2D(1, 2, padding="valid").build((2, 3, 1))
    layer.weight.value = library.asarray([[1, 0], [2, -1]], dtype=np.float32)[..., None, None]
    layer.bias.value = library.asarray([10], dtype=np.float32)
    x = image(library, [1, 2, 3], [4, 5, 6])
    y = layer(x)
    # 1*1 + 4*2 - 5 + 10 = 14,   2*1 + 5*2 - 6 + 10 = 16
    assert pixels(y.value) == [[14, 16]]
    y.backward(library.ones((1, 1, 2, 1), dtype=np.float32))
    assert pixels(x.grad) == [[1, 1, 0], [2, 1, -1]]
    assert np.asarray(layer.weight.grad)[..., 0, 0].tolist() == [[1 + 2, 2 + 3], [4 + 5, 5 + 6]]
    assert np.asarray(layer.bias.grad).tolist() == [2]


def test_conv2d_makes_the_weights_that_its_options_say():
    layer = layers.Conv2D(6, (3, 5), 2, 1, groups=2, bias=False).build((9, 9, 4))
    assert {name: p.shape for name, p in layer.parameters().items()} == {"weight": (3, 5, 2, 6)}
    assert layer.output_shape() == (5, 4, 6)
    with_bias = layers.Conv2D(6, 3).build((9, 9, 4))
    assert (with_bias.weight.decay, with_bias.bias.decay) == (True, False)
    assert with_bias.output_shape() == (9, 9, 6)


def test_conv2d_draws_weights_for_its_fan():
    weight = layers.Conv2D(64, 5, groups=2).build((8, 8, 32)).weight.value
    assert weight.std() == pytest.approx((2 / (5 * 5 * 16)) ** 0.5, rel=0.03)  # He: √(2 / fan_in)
    weight = layers.Conv2D(64, 5, initializer="xavier").build((8, 8, 16)).weight.value
    assert weight.std() == pytest.approx((2 / (25 * (16 + 64))) ** 0.5, rel=0.03)


def test_padding_may_be_written_as_a_list():
    assert layers.Conv2D(1, 3, padding=[[1, 0], [2, 2]]).build((4, 4, 1)).output_shape() == (3, 6, 1)


@LIBRARIES
def test_max_pool(library):
    x = image(library, [1, 5, 2, 0], [3, 4, 8, 7])
    y = layers.MaxPool2D(2)(x)
    assert pixels(y.value) == [[5, 8]]
    y.backward(y.value)
    assert pixels(x.grad) == [[0, 5, 0, 0], [0, 0, 8, 0]]


@LIBRARIES
def test_average_pool(library):
    x = image(library, [1, 5, 2, 0], [3, 3, 8, 6])
    assert pixels(layers.AveragePool2D(2)(x).value) == [[3, 4]]
    edge = layers.AveragePool2D(2, 1, (1, 0), count_padding=False)(image(library, [6, 6]))
    assert pixels(edge.value) == [[6], [6]]


@LIBRARIES
def test_global_average_pool(library):
    assert np.asarray(layers.GlobalAveragePool()(image(library, [1, 2], [3, 6])).value).tolist() == [[3]]


def test_poolings_follow_their_options():
    x = np.zeros((1, 6, 6, 1), np.float32)
    assert layers.MaxPool2D(3, 2, ceil_mode=True)(x).shape == (1, 3, 3, 1)
    assert layers.MaxPool2D(3, stride=1, padding="same")(x).shape == (1, 6, 6, 1)
    assert layers.AveragePool2D((2, 3))(x).shape == (1, 3, 2, 1)


@LIBRARIES
def test_zero_pad(library):
    y = layers.ZeroPad(height=1, width=(0, 2), channels=(0, 1))(image(library, [7, 8]))
    assert y.shape == (1, 3, 4, 2)
    assert pixels(y.value) == [[0, 0, 0, 0], [7, 8, 0, 0], [0, 0, 0, 0]]
    assert not np.asarray(y.value)[..., 1].any()


@LIBRARIES
def test_batch_norm(library):
    layer = layers.BatchNorm(eps=3.0).build((1,))
    layer.scale.value, layer.shift.value = library.asarray([2.0]), library.asarray([5.0])
    x = library.asarray([[1.0], [3.0]], dtype=np.float32)
    # mean 2, biased variance 1, deviation √(1 + 3) = 2; 2 (x - 2) / 2 + 5
    assert np.asarray(layer(x, training=True).value).ravel().tolist() == [4, 6]
    # 0.9 * 0 + 0.1 * 2 and, with the unbiased variance 2, 0.9 * 1 + 0.1 * 2
    np.testing.assert_allclose([layer.mean[0], layer.variance[0]], [0.2, 1.1], rtol=1e-6)
    # in inference 2 (x - 0.2) / √(1.1 + 3) + 5
    expected = 2 * (np.array([1, 3]) - 0.2) / 4.1**0.5 + 5
    np.testing.assert_allclose(np.ravel(layer(x).value), expected, rtol=1e-6)
    assert (layer.scale.decay, layer.shift.decay) == (False, False)


def test_batch_norm_follows_pytorchs():
    torch = pytest.importorskip("torch")
    theirs = torch.nn.BatchNorm2d(3, momentum=0.2, eps=1e-3)
    ours = layers.BatchNorm(momentum=0.2, eps=1e-3).build((4, 5, 3))
    for step in range(3):
        x = BITS.normal(1, 2, size=(6, 4, 5, 3)).astype(np.float32)
        leaf, tensor = Variable(x), torch.tensor(x.transpose(0, 3, 1, 2), requires_grad=True)
        theirs.train(step < 2)
        y, expected = ours(leaf, training=step < 2), theirs(tensor)
        gy = BITS.normal(size=x.shape).astype(np.float32)
        y.backward(gy)
        theirs.zero_grad()
        expected.backward(torch.tensor(gy.transpose(0, 3, 1, 2)))
        pairs = {
            "y": (y.value, expected.detach().permute(0, 2, 3, 1)),
            "gx": (leaf.grad, tensor.grad.permute(0, 2, 3, 1)),
            "gscale": (ours.scale.grad, theirs.weight.grad),
            "gshift": (ours.shift.grad, theirs.bias.grad),
            "mean": (ours.mean, theirs.running_mean),
            "variance": (ours.variance, theirs.running_var),
        }
        for name, (found, wanted) in pairs.items():
            np.testing.assert_allclose(found, wanted.numpy(), rtol=2e-4, atol=2e-5, err_msg=f"{name}, step {step}")


def test_apply_gives_new_statistics_and_leaves_the_layer_alone():
    model = layers.Sequential(layers.Conv2D(2, 1), layers.BatchNorm()).build((3, 3, 1))
    x = jnp.asarray(BITS.normal(size=(4, 3, 3, 1)), jnp.float32)
    before = {name: np.array(value) for name, value in model.state().items()}
    parameters = {name: p.value for name, p in model.parameters().items()}

    def run(parameters, state, x):
        y, state = model.apply(parameters, state, x, training=True)
        return y.value, state

    with jax.check_tracer_leaks():
        _, after = jax.jit(run)(parameters, model.state(), x)
    assert list(after) == ["1.mean", "1.variance"]
    assert all(np.abs(after[name] - before[name]).max() > 1e-4 for name in after)
    for name, value in model.state().items():
        np.testing.assert_array_equal(value, before[name])
    y, same = model.apply(parameters, after, x)
    assert same["1.mean"] is after["1.mean"]
    assert y.shape == (4, 3, 3, 2)


def test_the_momentum_may_change_between_calls():
    layer, x = layers.BatchNorm().build((1,)), np.float32([[0], [2]])
    for layer.momentum in (0.5, 1.0, 0.0):
        layer(x, training=True)
    # 0 -> 0.5 -> 1 -> 1
    assert layer.mean.tolist() == [1]
    assert layer.hyperparameters() == {"momentum": 0.0}


def test_local_response_normalization():
    y = layers.LocalResponseNormalization(3, alpha=3.0, beta=1.0, k=1.0)(np.array([[1.0, 2.0, 3.0]]))
    np.testing.assert_allclose(y.value, [[1 / 6, 2 / 15, 3 / 14]], rtol=1e-15)


# ---- layers of layers


def test_a_compiled_program_joins_a_convolution_and_its_relu():
    model = layers.Sequential(layers.Conv2D(16, 3), layers.ReLU(), layers.Flatten(), layers.Dense(2), layers.ReLU())
    model.build((6, 6, 16), seed=0)
    x, nodes, seen = BITS.standard_normal((3, 6, 6, 16)).astype(np.float32), [], []

    def run(x):
        with observing(lambda node, inputs, outputs: nodes.append(type(node).__name__)):
            return model(x).value

    def looked_at(x):
        with observing_layers(lambda layer, x, y: seen.append((type(layer).__name__, float(np.size(y.value))))):
            return run(x)

    compiled = jax.jit(run)(x)
    assert nodes == ["Conv2DReLU", "Reshape", "Affine", "ReLU"]
    nodes.clear()
    np.testing.assert_allclose(compiled, run(x), rtol=1e-5, atol=1e-5)
    assert nodes == ["Conv2D", "ReLU", "Reshape", "Affine", "ReLU"]
    np.testing.assert_array_equal(compiled, jax.jit(looked_at)(x))
    assert [name for name, _ in seen] == ["Conv2D", "ReLU", "Flatten", "Dense", "ReLU", "Sequential"]


@LIBRARIES
def test_residual_adds_what_its_body_makes(library):
    double = layers.Dense(2, initializer="zeros").build((2,))
    double.weight.value = library.asarray([[2, 0], [0, 2]], dtype=np.float32)
    x = Variable(library.asarray([[1, -1]], dtype=np.float32))
    y = layers.Residual(double)(x)
    assert np.asarray(y.value).tolist() == [[3, -3]]
    y.backward(library.ones((1, 2), dtype=np.float32))
    assert np.asarray(x.grad).tolist() == [[3, 3]]  # 2 through the body, 1 past it


def test_residual_with_a_shortcut_names_the_parameters_of_both():
    block = layers.Residual(layers.Conv2D(4, 3, 2), layers.Conv2D(4, 1, 2, bias=False)).build((6, 6, 3))
    assert list(block.parameters()) == ["body.weight", "body.bias", "shortcut.weight"]
    x = BITS.normal(size=(2, 6, 6, 3)).astype(np.float32)
    np.testing.assert_allclose(block(x).value, block.body(x).value + block.shortcut(x).value, rtol=1e-6)


@LIBRARIES
def test_branches_join_their_channels(library):
    paths = layers.Branches(layers.Identity(), layers.MaxPool2D(3, 1, 1), layers.ReLU())
    x = image(library, [1, -2, 3])
    y = paths(x)
    assert np.asarray(y.value)[0, 0].tolist() == [[1, 1, 1], [-2, 3, 0], [3, 3, 3]]
    y.backward(library.ones((1, 1, 3, 3), dtype=np.float32))
    # itself 1, 1, 1;  the maxima 1, 0, 2;  ReLU 1, 0, 1
    assert pixels(x.grad) == [[3, 1, 4]]


def test_training_and_keys_reach_what_is_within():
    inner = layers.Sequential(layers.BatchNorm(), layers.Dropout(0.5))
    model = layers.Sequential(layers.Branches(layers.Residual(inner), layers.Identity())).build((4,))
    x = BITS.normal(3, 1, size=(8, 4)).astype(np.float32)
    y = model(x, training=True, key=random.key(0)).value
    assert (y[:, :4] == x).any()
    assert not (y[:, :4] == x).all()
    assert model.state()["0.0.body.0.mean"].all()


def test_an_auxiliary_head_is_there_for_training_alone():
    head = layers.Sequential(layers.Dropout(0.5), layers.Dense(3))
    model = layers.Sequential(layers.Dense(4), layers.Auxiliary(head, 0.25), layers.Dense(3)).build((2,), seed=4)
    assert model.parameters()["1.head.1.weight"].shape == (4, 3)
    x = BITS.normal(size=(5, 2)).astype(np.float32)
    with layers.auxiliary_outputs() as outputs:
        assert model(x).shape == (5, 3)
        assert outputs == []
        y = model(x, training=True, key=random.key(1))
    ((weight, extra),) = outputs
    assert (weight, extra.shape) == (0.25, (5, 3))
    np.testing.assert_array_equal(y.value, model(x, training=True, key=random.key(1)).value)
    (y.sum() + extra.sum() * weight).backward()
    np.testing.assert_allclose(head[1].bias.grad, np.full(3, 5 * 0.25), rtol=1e-6)
    assert head.input_shape == (4,)


def test_auxiliary_heads_differ_in_their_weights_from_the_network():
    model = layers.Sequential(layers.Auxiliary(layers.Dense(3)), layers.Auxiliary(layers.Dense(3)), layers.Dense(3))
    weights = [p.value for name, p in model.build((3,)).parameters().items() if name.endswith("weight")]
    assert not any((one == other).any() for one, other in pairwise(weights))


SAVED = {
    "convolution": lambda: layers.Conv2D(4, (3, 1), 2, ((1, 1), (0, 0)), dilation=1, groups=1, bias=False),
    "poolings": lambda: layers.Sequential(layers.MaxPool2D(3, 2, 1, ceil_mode=True), layers.AveragePool2D(2, 1)),
    "normalizations": lambda: layers.Sequential(layers.BatchNorm(0.2), layers.LocalResponseNormalization(3, k=2.0)),
    "residual": lambda: layers.Residual(layers.Conv2D(4, 3, 2), layers.Conv2D(4, 1, 2)),
    "branches": lambda: layers.Branches(layers.Conv2D(2, 3), layers.Sequential(layers.ReLU(), layers.Conv2D(1, 1))),
    "auxiliary": lambda: layers.Auxiliary(layers.Sequential(layers.GlobalAveragePool(), layers.Dense(3))),
    "zeros": lambda: layers.Sequential(layers.ZeroPad(1, (0, 2)), layers.GlobalAveragePool()),
}


@pytest.mark.parametrize("name", SAVED)
def test_what_is_saved_comes_back(name, tmp_path):
    model = layers.Sequential(SAVED[name]()).build((6, 6, 3), seed=3)
    x = BITS.normal(size=(4, 6, 6, 3)).astype(np.float32)
    model(x, training=True)
    layers.save(model, tmp_path / "m.safetensors")
    again = layers.load(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(again(x).value, model(x).value)
    assert list(again.parameters()) == list(model.parameters())
    assert repr(again) == repr(model)


@pytest.mark.parametrize("layer", [layers.Conv2D(2, 3), layers.MaxPool2D(2)])
def test_a_layer_says_what_runs_it(layer):
    assert layer.kernel_path("numpy") == "numpy"
    for path in native.paths():
        with native.using(path):
            assert layer.kernel_path() == ("xla" if path == "off" else path)


MISTAKES = {
    "no channels": (
        lambda: layers.Sequential(layers.Conv2D(8, 3)).build((28, 28)),
        ShapeError,
        "Conv2D '0': expected images (N, H, W, C), got (N, 28, 28). Add the axis of channels: x[..., None].",
    ),
    "rows": (
        lambda: layers.Conv2D(8, 3).build((784,)),
        ShapeError,
        "Conv2D: expected images (N, H, W, C), got (N, 784). Give it images, channels last.",
    ),
    "other channels": (
        lambda: layers.Conv2D(8, 3).build((8, 8, 3))(np.zeros((2, 8, 8, 1), np.float32)),
        ShapeError,
        "Conv2D: expected images (N, H, W, 3), got (2, 8, 8, 1). Give it images of 3 channels, or build the model for "
        "this data.",
    ),
    "a kernel beyond the image": (
        lambda: layers.Sequential(layers.Conv2D(8, 5, padding="valid")).build((4, 4, 1)),
        ShapeError,
        "Conv2D '0': windows of (5, 5) pixels: expected an image at least as large with its padding ((0, 0), (0, 0)), "
        "got (4, 4). Pad more, or make the kernel smaller.",
    ),
    "a window beyond the image": (
        lambda: layers.Sequential(layers.MaxPool2D(2), layers.MaxPool2D(2)).build((3, 3, 1)),
        ShapeError,
        "MaxPool2D '1': windows of (2, 2) pixels: expected an image at least as large with its padding ((0, 0), "
        "(0, 0)), got (1, 1). Pad more, or make the kernel smaller.",
    ),
    "half a filter": (
        lambda: layers.Conv2D(0.5, 3),
        ConfigurationError,
        "Conv2D: filters must be a whole number of at least 1, got 0.5.",
    ),
    "no kernel": (
        lambda: layers.Conv2D(1, 0),
        ConfigurationError,
        "Conv2D: kernel_size must be a whole number of at least 1, or two of them, got 0. Try kernel_size=1.",
    ),
    "padding": (
        lambda: layers.Conv2D(1, 3, padding="full"),
        ConfigurationError,
        "Conv2D: padding must be 'same', 'valid' or a number of pixels, got 'full'. Try padding='same'.",
    ),
    "groups": (
        lambda: layers.Sequential(layers.Conv2D(4, 3, groups=2)).build((8, 8, 3)),
        ConfigurationError,
        "Conv2D '0': expected groups to divide the 3 channels and the 4 filters, got 2. Use groups=1.",
    ),
    "pooling of rows": (
        lambda: layers.GlobalAveragePool().build((10,)),
        ShapeError,
        "GlobalAveragePool: expected images (N, H, W, C), got (1, 10). Give it images, channels last.",
    ),
    "momentum": (
        lambda: layers.BatchNorm(momentum=1.5),
        ConfigurationError,
        "BatchNorm: momentum must be a number from 0 to 1, got 1.5. Try 0.1.",
    ),
    "one example": (
        lambda: layers.Sequential(layers.BatchNorm()).build((3,))(np.zeros((1, 3), np.float32), training=True),
        ShapeError,
        "BatchNorm '0': batch_norm: expected more than one number a channel in training, got x of shape (1, 3). Use a "
        "larger batch.",
    ),
    "other channels of a batch norm": (
        lambda: layers.BatchNorm().build((3,))(np.zeros((2, 4), np.float32)),
        ShapeError,
        "BatchNorm: batch_norm: expected x (N, ..., channels) and scale (channels,), got (2, 4) and (3,). Build the "
        "layer for this input.",
    ),
    "a shortcut that is missing": (
        lambda: layers.Sequential(layers.Residual(layers.Conv2D(8, 3, 2))).build((8, 8, 3)),
        ShapeError,
        "Residual '0': expected body and shortcut to end in one shape, got (1, 4, 4, 8) and (1, 8, 8, 3). Give it a "
        "shortcut that changes x in the same way, such as Conv2D(8, 1, stride=2).",
    ),
    "a shortcut that does not fit": (
        lambda: layers.Residual(layers.Conv2D(8, 3, 2), layers.Conv2D(4, 1, 2)).build((8, 8, 3)),
        ShapeError,
        "Residual: expected body and shortcut to end in one shape, got (1, 4, 4, 8) and (1, 4, 4, 4). Change the "
        "shortcut, such as Conv2D(8, 1, stride=2).",
    ),
    "paths of two sizes": (
        lambda: layers.Sequential(layers.Branches(layers.Conv2D(2, 3), layers.MaxPool2D(2))).build((8, 8, 3)),
        ShapeError,
        "Branches '0': expected paths whose outputs differ in their channels only, got (1, 8, 8, 2), (1, 4, 4, 3). "
        "Give all of them the same stride, and padding='same'.",
    ),
    "a class for a path": (
        lambda: layers.Branches(layers.ReLU),
        ConfigurationError,
        "Branches: expected layers, got <class 'madi.layers.activations.ReLU'>. A class is given; call it: ReLU().",
    ),
    "no paths": (
        lambda: layers.Branches(),
        ConfigurationError,
        "Branches: expected at least one path, got none.",
    ),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_mistakes_are_named(case, assert_mistake):
    assert_mistake(*MISTAKES[case])
