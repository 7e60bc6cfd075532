"""The transposed convolution: numbers worked by hand, its sizes, and PyTorch on every path of the kernels."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

import madi.functions as F
from madi.errors import ConfigurationError, ShapeError
from madi.functions import transposed_convolution
from madi.graph import Variable
from madi.kernels import native

BITS = np.random.default_rng(5)


@pytest.mark.parametrize("library", [np, jnp], ids=["numpy", "jax"])
def test_by_hand(library):
    x = Variable(library.asarray([1, 2], dtype=np.float32).reshape(1, 1, 2, 1))
    weight = Variable(library.asarray([[1, 0], [2, -1]], dtype=np.float32)[..., None, None])
    bias = Variable(library.asarray([10], dtype=np.float32))
    y = F.conv2d_transpose(x, weight, bias)
    # 1 * weight, and 2 * weight one pixel to the right:  1  0 + 2   0
    #                                                     2 -1 + 4  -2      and 10 everywhere
    assert np.asarray(y.value)[0, ..., 0].tolist() == [[11, 12, 10], [12, 13, 8]]
    y.backward(library.asarray([[1, 0, 0], [0, 0, 10]], dtype=np.float32).reshape(1, 2, 3, 1))
    # each pixel gets gy by the weights that it laid there: 1 * 1 of the first, 10 * -1 of the second
    assert np.ravel(x.grad).tolist() == [1, -10]
    # and each weight gy by the pixels: 1 * 1 above to the left, 10 * 2 below to the right
    assert np.asarray(weight.grad)[..., 0, 0].tolist() == [[1, 0], [0, 20]]
    assert np.asarray(bias.grad).tolist() == [11]


def test_multiply_adds():
    # 2 images of 3 x 3 pixels in 4 channels, each by 2 x 5 weights for 6 / 2 filters
    y = F.conv2d_transpose(Variable(np.zeros((2, 3, 3, 4))), np.zeros((2, 5, 3, 4)), groups=2)
    assert y.creator.multiply_adds == 2 * 3 * 3 * 4 * 2 * 5 * 3


@pytest.mark.parametrize("kernel", [1, 2, 3, 5])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_same_makes_the_image_stride_times_as_large(kernel, stride):
    weight = np.zeros((kernel, kernel, 1, 1))
    y = F.conv2d_transpose(np.zeros((1, 3, 4, 1)), weight, stride=stride, padding="same")
    assert y.shape == (1, 3 * stride, 4 * stride, 1)
    assert F.conv2d(y, weight, stride=stride, padding="same").shape == (1, 3, 4, 1)


def test_uneven_padding_cuts_each_side_by_itself():
    x, weight = BITS.normal(size=(1, 3, 3, 2)), BITS.normal(size=(3, 3, 2, 2))
    whole = F.conv2d_transpose(x, weight, stride=2).value
    cut = F.conv2d_transpose(x, weight, stride=2, padding=((1, 0), (0, 2))).value
    np.testing.assert_array_equal(cut, whole[:, 1:, : whole.shape[2] - 2])


def test_what_is_added_beyond_the_kernel_is_the_bias():
    x, weight = BITS.normal(size=(1, 2, 2, 1)), BITS.normal(size=(2, 2, 1, 1))
    y = F.conv2d_transpose(x, weight, np.array([7.0]), stride=2, output_padding=(5, 0)).value
    assert y.shape == (1, 9, 4, 1)
    np.testing.assert_array_equal(y[:, :4], F.conv2d_transpose(x, weight, np.array([7.0]), stride=2).value)
    np.testing.assert_array_equal(y[:, 4:], np.full((1, 5, 4, 1), 7.0))


SHAPES = [
    ((2, 4, 5, 16), (3, 3, 17, 16), {"stride": 2, "padding": 1, "output_padding": 1}),
    ((1, 5, 4, 6), (4, 3, 3, 6), {"stride": (3, 2), "padding": (0, 1), "groups": 2, "dilation": (1, 2)}),
]


@pytest.mark.parametrize("path", native.paths())
@pytest.mark.parametrize(("shape", "weight_shape", "options"), SHAPES)
def test_every_path_is_pytorchs(path, shape, weight_shape, options):
    torch = pytest.importorskip("torch")
    filters = weight_shape[2] * options.get("groups", 1)
    arrays = [BITS.normal(size=size).astype(np.float32) for size in (shape, weight_shape, (filters,))]
    theirs = [torch.tensor(array, requires_grad=True) for array in arrays]
    expected = torch.nn.functional.conv_transpose2d(
        theirs[0].permute(0, 3, 1, 2), theirs[1].permute(3, 2, 0, 1), theirs[2], **options
    ).permute(0, 2, 3, 1)
    gy = BITS.normal(size=expected.shape).astype(np.float32)
    expected.backward(torch.tensor(gy))
    with native.using(path):
        ours = [Variable(jnp.asarray(array)) for array in arrays]
        y = F.conv2d_transpose(*ours, **options)
        y.backward(jnp.asarray(gy))
    wanted = [expected.detach(), *(entry.grad for entry in theirs)]
    for found, like in zip([y.value, *(entry.grad for entry in ours)], wanted, strict=True):
        np.testing.assert_allclose(found, like.numpy(), rtol=1e-4, atol=1e-4 * float(like.abs().max()))


def test_gradients_that_nobody_needs_are_not_computed(monkeypatch):
    def refuse(*arguments, **options):
        raise AssertionError("nobody needs it")

    x, weight = Variable(np.ones((1, 2, 2, 1))), Variable(np.ones((1, 1, 1, 1)))
    with monkeypatch.context() as patch:
        patch.setattr(transposed_convolution, "conv2d_forward", refuse)
        F.conv2d_transpose(x.value, weight).sum().backward()
    assert weight.grad.tolist() == [[[[4]]]]
    monkeypatch.setattr(transposed_convolution, "conv2d_weight_gradient", refuse)
    F.conv2d_transpose(x, weight.value).sum().backward()
    assert x.grad.ravel().tolist() == [1, 1, 1, 1]


MISTAKES = {
    "rows": (
        ((2, 3), (3, 3, 1, 3), None, {}),
        ShapeError,
        "conv2d_transpose: expected x (N, H, W, C) and weight (kH, kW, filters / groups, C), got (2, 3) and "
        "(3, 3, 1, 3). Add the axes that are missing.",
    ),
    "channels": (
        ((1, 4, 4, 3), (3, 3, 3, 2), None, {}),
        ShapeError,
        "conv2d_transpose: expected a weight whose last axis has the 3 channels of x (1, 4, 4, 3), got (3, 3, 3, 2). "
        "Build the layer for this input.",
    ),
    "groups": (
        ((1, 4, 4, 3), (3, 3, 1, 3), None, {"groups": 2}),
        ConfigurationError,
        "conv2d_transpose: expected groups to divide the 3 channels, got 2. Use groups=1.",
    ),
    "bias": (
        ((1, 4, 4, 2), (3, 3, 2, 2), (2,), {"groups": 2}),
        ShapeError,
        "conv2d_transpose: expected a bias of shape (4,), one a filter, got (2,).",
    ),
    "two sizes": (
        ((1, 4, 4, 2), (3, 3, 2, 2), None, {"padding": "same", "output_padding": (0, 1)}),
        ConfigurationError,
        "conv2d_transpose: padding='same' says how large y is, got output_padding=(0, 1) beside it. Leave one of them "
        "out.",
    ),
    "nothing left": (
        ((1, 1, 1, 1), (2, 2, 1, 1), None, {"padding": 1}),
        ShapeError,
        "(1, 1) windows of (2, 2) pixels: expected a padding that leaves something of their image, got ((1, 1), "
        "(1, 1)), with which it has (0, 0) pixels. Pad less.",
    ),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_mistakes_are_named(case):
    (x, weight, bias, options), error, message = MISTAKES[case]
    with pytest.raises(error) as raised:
        F.conv2d_transpose(np.ones(x), np.ones(weight), None if bias is None else np.ones(bias), **options)
    assert str(raised.value) == message
