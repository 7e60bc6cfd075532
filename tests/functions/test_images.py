"""Functions of images: numbers worked by hand, PyTorch on a random grid, running statistics, every kernel path."""

from __future__ import annotations

import random

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import madi.functions as F
from madi.functions import convolution
from madi.graph import Variable, no_grad
from madi.kernels import native

LIBRARIES = pytest.mark.parametrize("library", [np, jnp], ids=["numpy", "jax"])
BITS = np.random.default_rng(5)


def images(library, *rows, dtype=np.float32):
    """One image of one channel, from its rows."""
    return Variable(library.asarray(rows, dtype=dtype)[None, ..., None])


def pixels(image):
    """The numbers of one image of one channel."""
    return np.asarray(image)[0, ..., 0].tolist()


@LIBRARIES
def test_convolution_by_hand(library):
    x = images(library, [1, 2, 3], [4, 5, 6])
    weight = Variable(library.asarray([[1, 0], [2, -1]], dtype=np.float32)[..., None, None])
    bias = Variable(library.asarray([10], dtype=np.float32))
    y = F.conv2d(x, weight, bias)
    # 1*1 + 2*0 + 4*2 - 5 + 10 = 14,   2*1 + 3*0 + 5*2 - 6 + 10 = 16
    assert pixels(y.value) == [[14, 16]]
    y.backward(library.asarray([1, 10], dtype=np.float32).reshape(1, 1, 2, 1))
    # each pixel gets gy by the weight under which it lay: 1*(1, 0, 2, -1) and, one to the right, 10*(1, 0, 2, -1)
    assert pixels(x.grad) == [[1, 10, 0], [2, 19, -10]]
    # each weight gets gy by the pixels that it met: 1*1 + 10*2, 1*2 + 10*3, 1*4 + 10*5, 1*5 + 10*6
    assert np.asarray(weight.grad)[..., 0, 0].tolist() == [[21, 32], [54, 65]]
    assert np.asarray(bias.grad).tolist() == [11]


def test_a_convolution_of_two_groups_is_two_convolutions():
    x, weight = BITS.normal(size=(2, 5, 5, 4)), BITS.normal(size=(3, 3, 2, 6))
    halves = [F.conv2d(x[..., 2 * g : 2 * g + 2], weight[..., 3 * g : 3 * g + 3]).value for g in (0, 1)]
    np.testing.assert_allclose(F.conv2d(x, weight, groups=2).value, np.concatenate(halves, axis=-1), rtol=1e-12)


def test_same_keeps_the_size_or_divides_it():
    x = np.zeros((1, 7, 8, 1))
    for size in range(1, 6):
        for stride in (1, 2, 3):
            y = F.conv2d(x, np.zeros((size, size, 1, 1)), padding="same", stride=stride)
            assert y.shape == (1, -(-7 // stride), -(-8 // stride), 1)


def test_same_puts_the_odd_zero_below_and_to_the_right():
    # 4 pixels, stride 2, kernel 3: 2 outputs reach over 5 pixels, so one zero, at the end
    y = F.conv2d(images(np, [1, 2, 3, 4]), np.ones((1, 3, 1, 1), np.float32), padding="same", stride=2)
    assert pixels(y.value) == [[1 + 2 + 3, 3 + 4 + 0]]


def test_multiply_adds_of_a_convolution():
    # 2 images of 3 x 2 outputs, 6 filters, each of 3 x 3 pixels in 4 / 2 channels
    y = F.conv2d(Variable(np.zeros((2, 5, 4, 4))), np.zeros((3, 3, 2, 6)), groups=2)
    assert y.creator.multiply_adds == 2 * 3 * 2 * 6 * 9 * 2


def random_convolution(seed):
    """Sizes and options of a convolution, from a seed."""
    choose = random.Random(seed)
    groups = choose.choice([1, 1, 2])
    channels = [groups * choose.choice([1, 3, 5, 16, 17, 64]) for _ in "xy"]
    kernel = (choose.randint(1, 7), choose.randint(1, 7))
    options = {name: choose.randint(low, 3) for name, low in (("stride", 1), ("padding", 0), ("dilation", 1))}
    needed = [(size - 1) * options["dilation"] + 1 for size in kernel]
    image = tuple(size + choose.randint(0, 6) for size in needed)
    return (choose.randint(1, 2), *image, channels[0]), (*kernel, channels[0] // groups, channels[1]), {
        **options, "groups": groups
    }  # fmt: skip


def expect_pytorch(seed, dtype, tolerance, convert=np.asarray):
    """Value and gradients are PyTorch's in float64 (its float32 crashes where a window sees nothing but padding)."""
    torch = pytest.importorskip("torch")
    x_shape, weight_shape, options = random_convolution(seed)
    bits = np.random.default_rng(seed)
    arrays = [bits.normal(size=shape).astype(dtype) for shape in (x_shape, weight_shape, weight_shape[-1:])]
    ours = [Variable(convert(array)) for array in arrays]
    theirs = [torch.tensor(array.astype(np.float64), requires_grad=True) for array in arrays]
    y = F.conv2d(*ours, **options)
    expected = torch.nn.functional.conv2d(
        theirs[0].permute(0, 3, 1, 2), theirs[1].permute(3, 2, 0, 1).contiguous(), theirs[2], **options
    ).permute(0, 2, 3, 1)
    gy = bits.normal(size=y.shape).astype(dtype)
    y.backward(convert(gy))
    expected.backward(torch.tensor(gy.astype(np.float64)))
    for found, wanted in zip(
        [y.value, *(entry.grad for entry in ours)], [expected.detach(), *(entry.grad for entry in theirs)], strict=True
    ):
        assert found.dtype == dtype
        np.testing.assert_allclose(found, wanted.numpy(), rtol=tolerance, atol=tolerance * float(wanted.abs().max()))


@pytest.mark.parametrize("seed", range(12))
def test_convolutions_drawn_at_random_match_pytorch(seed):
    expect_pytorch(seed, np.float64, 1e-10)
    expect_pytorch(seed, np.float32, 1e-4, jnp.asarray)


@pytest.mark.long
@pytest.mark.parametrize("seed", [118, *range(12, 72)])
def test_many_convolutions_drawn_at_random_match_pytorch(seed):
    expect_pytorch(seed, np.float64, 1e-10)
    with jax.enable_x64(True):
        expect_pytorch(seed, np.float64, 1e-10, jnp.asarray)
    for path in native.paths():
        with native.using(path):
            expect_pytorch(seed, np.float32, 1e-4, jnp.asarray)


def random_pooling(seed):
    """Shape of the images, size of the windows and options of a pooling, from a seed."""
    choose = random.Random(seed)
    size = (choose.randint(1, 4), choose.randint(1, 4))
    options = {
        "stride": (choose.randint(1, 3), choose.randint(1, 3)),
        "padding": tuple(choose.randint(0, side // 2) for side in size),
        "ceil_mode": choose.random() < 0.5,
    }
    image = tuple(side + choose.randint(0, 9) for side in size)
    return (choose.randint(1, 2), *image, choose.choice([1, 3, 5, 16, 17, 64])), size, options


@pytest.mark.parametrize("name", ["max_pool2d", "average_pool2d"])
@pytest.mark.parametrize("seed", range(12))
def test_poolings_drawn_at_random_match_pytorch(name, seed):
    torch = pytest.importorskip("torch")
    shape, size, options = random_pooling(seed)
    like = getattr(torch.nn.functional, name.replace("average", "avg"))
    x = np.random.default_rng(seed).normal(size=shape)
    tensor = torch.tensor(x.transpose(0, 3, 1, 2), requires_grad=True)
    expected = like(tensor, size, **options)
    gy = np.random.default_rng(seed).normal(size=expected.shape)
    expected.backward(torch.tensor(gy))
    wanted = [entry.permute(0, 2, 3, 1).numpy() for entry in (expected.detach(), tensor.grad)]
    for dtype, tolerance, convert in ((np.float64, 1e-10, np.asarray), (np.float32, 1e-5, jnp.asarray)):
        leaf = Variable(convert(x.astype(dtype)))
        y = getattr(F, name)(leaf, size, **options)
        y.backward(convert(gy.transpose(0, 2, 3, 1).astype(dtype)))
        for found, value in zip((y.value, leaf.grad), wanted, strict=True):
            np.testing.assert_allclose(found, value, rtol=tolerance, atol=tolerance)


@LIBRARIES
def test_max_pooling_by_hand(library):
    x = images(library, [1, 5, 2, 0], [3, 4, 8, 7])
    y = F.max_pool2d(x, 2)
    assert pixels(y.value) == [[5, 8]]
    y.backward(library.asarray([10, 20], dtype=np.float32).reshape(1, 1, 2, 1))
    assert pixels(x.grad) == [[0, 10, 0, 0], [0, 0, 20, 0]]


@LIBRARIES
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_of_equal_maxima_the_first_gets_the_whole_gradient(library, dtype):
    with jax.enable_x64(True):
        x = images(library, [0, 0, 7, 1], [0, 0, 7, 7], dtype=dtype)
        F.max_pool2d(x, 2).backward(library.asarray([1, 2], dtype=dtype).reshape(1, 1, 2, 1))
        assert pixels(x.grad) == [[1, 0, 2, 0], [0, 0, 0, 0]]


def test_overlapping_windows_add_up_where_they_share_a_maximum():
    x = images(np, [1, 9, 2])
    y = F.max_pool2d(x, (1, 2), stride=1)
    y.backward(np.float32([3, 4]).reshape(1, 1, 2, 1))
    assert pixels(x.grad) == [[0, 7, 0]]


@LIBRARIES
def test_average_pooling_by_hand(library):
    x = images(library, [1, 5, 2, 0], [3, 3, 8, 6])
    y = F.average_pool2d(x, 2)
    assert pixels(y.value) == [[3, 4]]
    y.backward(library.asarray([4, 8], dtype=np.float32).reshape(1, 1, 2, 1))
    assert pixels(x.grad) == [[1, 1, 2, 2], [1, 1, 2, 2]]


def test_padding_counts_in_a_mean_where_it_is_told_to():
    x = images(np, [6, 6])
    # windows of 2 x 2 over zeros, 6 6, zeros
    assert pixels(F.average_pool2d(x, 2, stride=1, padding=(1, 0)).value) == [[3], [3]]
    assert pixels(F.average_pool2d(x, 2, stride=1, padding=(1, 0), count_padding=False).value) == [[6], [6]]


def test_ceil_mode_rounds_the_number_of_windows_up():
    x = np.zeros((1, 112, 112, 1), np.float32)  # GoogLeNet's first pooling: 112 -> 56, where floor gives 55
    assert F.max_pool2d(x, 3, stride=2, ceil_mode=True).shape == (1, 56, 56, 1)
    assert F.max_pool2d(x, 3, stride=2).shape == (1, 55, 55, 1)


@LIBRARIES
def test_global_average_pool_by_hand(library):
    x = images(library, [1, 2], [3, 6])
    y = F.global_average_pool(x)
    assert np.asarray(y.value).tolist() == [[3]]
    y.backward(library.asarray([[8]], dtype=np.float32))
    assert pixels(x.grad) == [[2, 2], [2, 2]]


@LIBRARIES
def test_global_max_pool_by_hand(library):
    x = images(library, [1, 6], [6, 3])
    y = F.global_max_pool(x)
    assert np.asarray(y.value).tolist() == [[6]]
    y.backward(library.asarray([[8]], dtype=np.float32))
    assert pixels(x.grad) == [[0, 8], [0, 0]]  # the first of equal ones
    assert np.isnan(F.global_max_pool(images(library, [1, np.nan], [6, 3])).value).all()


@LIBRARIES
@pytest.mark.parametrize("options", [{}, {"stride": 2, "padding": 1, "dilation": 2, "ceil_mode": True}])
def test_positions_of_maxima_are_pytorchs(library, options):
    torch = pytest.importorskip("torch")
    x = BITS.normal(size=(2, 7, 8, 3)).astype(np.float32)
    y, positions = F.max_pool2d_positions(library.asarray(x), 3, **options)
    expected = torch.nn.functional.max_pool2d(torch.tensor(x.transpose(0, 3, 1, 2)), 3, return_indices=True, **options)
    for found, wanted in zip((y, positions), expected, strict=True):
        np.testing.assert_array_equal(found.value, wanted.permute(0, 2, 3, 1).numpy())
    assert positions.dtype.kind == "i"


@LIBRARIES
def test_layer_norm_by_hand(library):
    x = Variable(library.asarray([[1.0, 3.0], [4.0, 4.0]], dtype=np.float32))
    scale, shift = (Variable(library.asarray(values, dtype=np.float32)) for values in ([2, 4], [5, 0]))
    y = F.layer_norm(x, scale, shift, eps=3.0)
    # means 2 and 4, biased variances 1 and 0, deviations sqrt(1 + 3) = 2 and sqrt(3); normal -1/2, 1/2 and 0, 0
    np.testing.assert_allclose(y.value, [[4, 2], [5, 0]], rtol=1e-6)
    y.backward(library.asarray([[1.0, 0.0], [0.0, 1.0]], dtype=np.float32))
    assert np.asarray(shift.grad).tolist() == [1, 1]
    assert np.asarray(scale.grad).tolist() == [-0.5, 0]
    # γ gy = (2, 0), its mean 1, times normal -1/2:  (2 - 1 - 1/4, 0 - 1 + 1/4) / 2;  (0 - 2, 4 - 2) / sqrt(3)
    np.testing.assert_allclose(x.grad, [[0.375, -0.375], [-2 / 3**0.5, 2 / 3**0.5]], rtol=1e-6)


@LIBRARIES
def test_batch_norm_by_hand(library):
    x = Variable(library.asarray([[1.0], [3.0]], dtype=np.float32))
    scale, shift = (Variable(library.asarray([value], dtype=np.float32)) for value in (2, 5))
    y, mean, variance = F.batch_norm(
        x, scale, shift, library.zeros(1, dtype=np.float32), library.ones(1, dtype=np.float32), training=True, eps=3.0
    )
    # mean 2, biased variance (1 + 1) / 2 = 1, deviation sqrt(1 + 3) = 2; normal -1/2 and 1/2; y = 2 normal + 5
    assert np.asarray(y.value).ravel().tolist() == [4, 6]
    # unbiased variance (1 + 1) / 1 = 2;  0.9 * 0 + 0.1 * 2 = 0.2,  0.9 * 1 + 0.1 * 2 = 1.1
    np.testing.assert_allclose(mean, [0.2], rtol=1e-6)
    np.testing.assert_allclose(variance, [1.1], rtol=1e-6)
    y.backward(library.asarray([[1.0], [0.0]], dtype=np.float32))
    # gβ = 1, gγ = 1 * -1/2;  gx = 2 / 2 (gy - 1/2 - normal * -1/4) = (1 - 1/2 - 1/8, 0 - 1/2 + 1/8)
    assert (float(shift.grad[0]), float(scale.grad[0])) == (1, -0.5)
    assert np.asarray(x.grad).ravel().tolist() == [0.375, -0.375]


@pytest.mark.parametrize("shape", [(6, 3), (2, 4, 5, 3)])
def test_running_statistics_follow_pytorchs(shape):
    torch = pytest.importorskip("torch")
    theirs = torch.nn.BatchNorm1d(3, momentum=0.3, dtype=torch.float64)
    mean, variance = np.zeros(3), np.ones(3)
    ones, zeros = np.ones(3), np.zeros(3)
    for _ in range(4):
        x = BITS.normal(2, 3, size=shape)
        theirs(torch.tensor(x.reshape(-1, 3)))
        _, mean, variance = F.batch_norm(x, ones, zeros, mean, variance, training=True, momentum=0.3)
    np.testing.assert_allclose(mean, theirs.running_mean.numpy(), rtol=1e-12)
    np.testing.assert_allclose(variance, theirs.running_var.numpy(), rtol=1e-12)
    theirs.eval()
    expected = theirs(torch.tensor(x.reshape(-1, 3))).detach().numpy().reshape(shape)
    y, *same = F.batch_norm(x, ones, zeros, mean, variance, training=False)
    np.testing.assert_allclose(y.value, expected, rtol=1e-12)
    assert same[0] is mean
    assert same[1] is variance


@LIBRARIES
def test_statistics_of_numbers_far_from_zero_are_exact(library):
    # (x - μ)² is not lost in x², as it is in Σ x² / m - μ²
    x = library.asarray(1e4 + BITS.normal(size=(64, 1)), dtype=np.float32)
    ones, zeros = library.ones(1, dtype=np.float32), library.zeros(1, dtype=np.float32)
    y = F.batch_norm(x, ones, zeros, zeros, ones, training=True)[0].value
    centred = np.asarray(x, np.float64) - np.asarray(x, np.float64).mean()
    np.testing.assert_allclose(y, centred / centred.std(), atol=2e-3)


def test_statistics_keep_their_dtype_and_are_not_written_to():
    x, vector = BITS.normal(size=(4, 2)), np.ones(2, np.float32)
    vector.flags.writeable = False
    _, mean, variance = F.batch_norm(x, vector, vector, vector, vector, training=True, momentum=np.float64(0.2))
    assert mean.dtype == variance.dtype == np.float32


def test_local_response_normalization_by_hand():
    x = Variable(np.array([[1.0, 2.0, 3.0]]))
    y = F.local_response_normalization(x, 3, alpha=3.0, beta=1.0, k=1.0)
    # divisors 1 + (1 + 4), 1 + (1 + 4 + 9), 1 + (4 + 9)
    np.testing.assert_allclose(y.value, [[1 / 6, 2 / 15, 3 / 14]], rtol=1e-15)


def test_the_paths_of_the_kernels_agree():
    x, weight, bias = (BITS.normal(size=s).astype(np.float32) for s in ((2, 9, 9, 5), (3, 3, 5, 17), (17,)))

    def run(x, weight, bias):
        leaves = [Variable(entry) for entry in (x, weight, bias)]
        y = F.max_pool2d(F.relu(F.conv2d(*leaves, padding="same")), 3, stride=2, ceil_mode=True)
        (y * y).sum().backward()
        return [y.value, *(leaf.grad for leaf in leaves)]

    expected = run(x, weight, bias)
    for path in native.paths():
        with native.using(path):
            for found, wanted in zip(jax.jit(run)(x, weight, bias), expected, strict=True):
                np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4 * np.abs(wanted).max(), err_msg=path)


def test_gradients_that_nobody_needs_are_not_computed(monkeypatch):
    def refuse(*arguments, **options):
        raise AssertionError("nobody needs it")

    x, weight = Variable(np.ones((1, 2, 2, 1))), Variable(np.ones((1, 1, 1, 1)))
    with monkeypatch.context() as patch:
        patch.setattr(convolution, "conv2d_input_gradient", refuse)
        F.conv2d(x.value, weight).sum().backward()
    assert weight.grad.tolist() == [[[[4]]]]
    monkeypatch.setattr(convolution, "conv2d_weight_gradient", refuse)
    F.conv2d(x, weight.value).sum().backward()
    assert pixels(x.grad) == [[1, 1], [1, 1]]
    with no_grad():
        assert F.conv2d(np.ones((1, 2, 2, 1)), weight).creator is None


@LIBRARIES
def test_relu_in_the_node_is_relu_after_it(library):
    rng = np.random.default_rng(3)
    shapes = (2, 6, 5, 3), (3, 3, 3, 4), (4,)
    made = [rng.standard_normal(shape).astype(np.float32) for shape in shapes]
    separate, together = ([Variable(library.asarray(value)) for value in made] for _ in range(2))
    gradient = rng.standard_normal((2, 6, 5, 4)).astype(np.float32)
    outputs = F.relu(F.conv2d(*separate, padding="same")), F.conv2d(*together, padding="same", relu=True)
    for y in outputs:
        y.backward(library.asarray(gradient))
    np.testing.assert_array_equal(outputs[0].value, outputs[1].value)
    assert 0 < np.count_nonzero(outputs[0].value) < outputs[0].size
    for one, other in zip(separate, together, strict=True):
        np.testing.assert_allclose(one.grad, other.grad, rtol=1e-6, atol=1e-6)
