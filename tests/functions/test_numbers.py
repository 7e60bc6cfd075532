"""Values worked out by hand, kinks, and logits so large that a careless formula overflows."""

from __future__ import annotations

import math

import jax.numpy as jnp
import numpy as np
import pytest

import madi.functions as F
from madi.graph import Variable, check_gradients
from madi.kernels import random

LIBRARIES = pytest.mark.parametrize("library", [np, jnp])


def gradients(y, *leaves, gradient=None):
    """Gradients of the leaves after one backward."""
    y.backward(gradient)
    return [leaf.grad for leaf in leaves]


# ---- the course (C1 to C4)


def test_apples_and_oranges():
    apple, apples, orange, oranges, tax = (Variable(x) for x in (100.0, 2, 150.0, 3, 1.1))
    price = (apple * apples + orange * oranges) * tax
    found = gradients(price, apple, apples, orange, oranges, tax)
    assert float(price) == pytest.approx(715, abs=1e-12)
    assert list(map(float, found)) == pytest.approx([2.2, 110, 3.3, 165, 650], abs=1e-12)


def test_square_of_a_sum():
    # z = (x + y)²: dz/dx = dz/dy = 2 (x + y) = 14
    x, y = Variable(3.0), Variable(4.0)
    assert [float(g) for g in gradients((x + y) ** 2, x, y)] == [14, 14]


@pytest.mark.parametrize("x", [-3.0, 0.0, 0.5, 4.0])
def test_sigmoid_as_four_nodes_and_as_one(x):
    one, other = Variable(x), Variable(x)
    y, four = F.sigmoid(one), 1 / (1 + F.exp(-other))
    assert float(y) == pytest.approx(float(four), abs=1e-12)
    assert float(gradients(y, one)[0]) == pytest.approx(float(gradients(four, other)[0]), abs=1e-12)
    assert float(one.grad) == pytest.approx(float(y) * (1 - float(y)), abs=1e-12)


def test_matrix_product():
    x0, x1 = Variable(np.array([[1.0, 2], [3, 4]])), Variable(np.array([[5.0, 6], [7, 8]]))
    y = x0 @ x1
    np.testing.assert_array_equal(y.value, [[19, 22], [43, 50]])
    # With gy of ones, gx0 holds the sums of the rows of x1, gx1 the sums of the columns of x0.
    g0, g1 = gradients(y, x0, x1, gradient=np.ones((2, 2)))
    np.testing.assert_array_equal(g0, [[11, 15], [11, 15]])
    np.testing.assert_array_equal(g1, [[4, 4], [6, 6]])


def test_affine_on_a_batch():
    x, weight, bias = (Variable(np.array(a, float)) for a in ([[1, 2], [3, 4]], [[1, 0, 2], [0, 1, 1]], [1, 2, 3]))
    y = F.affine(x, weight, bias)
    np.testing.assert_array_equal(y.value, [[2, 4, 7], [4, 6, 13]])
    gy = np.array([[1.0, 0, 0], [0, 1, 2]])
    gx, gw, gb = gradients(y, x, weight, bias, gradient=gy)
    np.testing.assert_array_equal(gx, [[1, 0], [4, 3]])  # gy Wᵀ
    np.testing.assert_array_equal(gw, [[1, 3, 6], [2, 4, 8]])  # xᵀ gy
    np.testing.assert_array_equal(gb, [1, 1, 2])  # Σ gy over the batch


def test_softmax_with_loss_is_prediction_minus_truth():
    # softmax of log(1, 2, 7) is (0.1, 0.2, 0.7)
    x = Variable(np.log([[1.0, 2.0, 7.0], [7.0, 1.0, 2.0]]))
    loss = F.softmax_cross_entropy(x, np.array([2, 1]))
    assert float(loss) == pytest.approx(-(math.log(0.7) + math.log(0.1)) / 2, abs=1e-12)
    np.testing.assert_allclose(
        gradients(loss, x)[0], [[0.05, 0.1, -0.15], [0.35, -0.45, 0.1]], atol=1e-12
    )  # (y - t) / 2


def test_binary_cross_entropy_by_hand():
    # da = (-y/a + (1 - y)/(1 - a)) / m
    a = Variable(np.array([0.8, 0.4]))
    loss = F.binary_cross_entropy(a, np.array([1.0, 0.0]))
    assert float(loss) == pytest.approx(-(math.log(0.8) + math.log(0.6)) / 2)
    np.testing.assert_allclose(gradients(loss, a)[0], [-1 / 0.8 / 2, 1 / 0.6 / 2])


def test_squared_and_huber_errors_by_hand():
    x, t = Variable(np.array([1.0, 5.0])), np.array([0.5, 2.0])
    loss = F.mean_squared_error(x, t)
    assert float(loss) == (0.25 + 9) / 2
    np.testing.assert_array_equal(gradients(loss, x)[0], [0.5, 3.0])
    loss = F.huber(x, t)  # 0.5²/2 = 0.125, and 1 (3 - 1/2) = 2.5
    assert float(loss) == (0.125 + 2.5) / 2
    np.testing.assert_array_equal(gradients(loss, x)[0], [0.25, 0.5])


def test_leaky_slopes_by_hand():
    x = Variable(np.array([-2.0, 3.0]))
    y = F.leaky_relu(x)
    np.testing.assert_allclose(y.value, [-0.02, 3])
    np.testing.assert_allclose(gradients(y, x, gradient=np.array([1.0, 10.0]))[0], [0.01, 10])


# ---- kinks, where the slope is a choice


@pytest.mark.parametrize(
    ("function", "value", "slope"),
    [
        (F.step, 0, 0),
        (F.relu, 0, 0),
        (F.leaky_relu, 0, 0.01),
        (lambda x: F.mean_absolute_error(x, np.zeros(1)), 0, 0),
    ],
)
@LIBRARIES
def test_at_zero(function, value, slope, library):
    x = Variable(library.zeros(1))
    y = function(x)
    assert float(np.sum(y.value)) == value
    assert float(gradients(y, x, gradient=np.ones(y.shape))[0][0]) == pytest.approx(slope)


def test_kinks_are_excused_by_the_check_and_named():
    for function in (F.relu, F.leaky_relu, F.step):
        kinks = check_gradients(function, np.array([0.0, 1.0, -1.0])).inputs[0].kinks
        assert [kink.index for kink in kinks] == [(0,)]


def test_powers_of_zero():
    base, exponent = Variable(np.zeros(3)), Variable(np.array([0.0, 1.0, 2.0]))
    y = base**exponent
    np.testing.assert_array_equal(y.value, [1, 0, 0])
    g_base, g_exponent = gradients(y, base, exponent, gradient=np.ones(3))
    np.testing.assert_array_equal(g_base, [0, 1, 0])
    np.testing.assert_array_equal(g_exponent, [0, 0, 0])


def test_probabilities_of_zero_and_one_stay_finite():
    p = Variable(np.array([[1.0, 0.0], [1.0, 0.0]]))
    loss = F.cross_entropy(p, np.array([0, 1]))
    assert float(loss) == pytest.approx(-math.log(np.finfo(float).tiny) / 2)
    np.testing.assert_array_equal(gradients(loss, p)[0], [[-0.5, 0], [0, 0]])
    p = Variable(np.array([1.0, 0.0, 1.0, 0.0]))
    loss = F.binary_cross_entropy(p, np.array([1.0, 0.0, 0.0, 1.0]))
    assert float(loss) == pytest.approx(-math.log(np.finfo(float).tiny) / 2)
    np.testing.assert_array_equal(gradients(loss, p)[0], [-0.25, 0.25, 0, 0])


# ---- large logits


@pytest.mark.parametrize(("library", "dtype"), [(np, np.float32), (np, np.float64), (jnp, np.float32)])
def test_softmax_of_a_thousand(library, dtype):
    y = F.softmax(Variable(library.asarray([1010.0, 1000, 990], dtype=dtype)))
    shifted = np.exp([0.0, -10, -20])
    np.testing.assert_allclose(y.value, shifted / shifted.sum(), rtol=1e-6)
    assert float(y.value.sum()) == pytest.approx(1, abs=1e-6)


@LIBRARIES
def test_softmax_keeps_the_order_and_ignores_a_shift(library):
    x = np.array([0.3, 2.9, 4.0])
    y, shifted = F.softmax(library.asarray(x)).value, F.softmax(library.asarray(x - 5)).value
    np.testing.assert_allclose(y, [0.01821127, 0.24519181, 0.73659691], atol=1e-7)
    np.testing.assert_allclose(shifted, y, rtol=1e-5)
    assert list(np.argsort(y)) == [0, 1, 2]


@LIBRARIES
@pytest.mark.parametrize("label", [0, 1])
def test_softmax_cross_entropy_of_large_logits(library, label):
    # The loss is 0 for the right class and 2e4 for the wrong one; y - t is exact.
    x = Variable(library.asarray([[1e4, -1e4]], dtype=np.float32))
    loss = F.softmax_cross_entropy(x, np.array([label]))
    assert float(loss) == label * 2e4
    np.testing.assert_array_equal(gradients(loss, x)[0], [[0, 0]] if label == 0 else [[1, -1]])


@LIBRARIES
@pytest.mark.parametrize(("target", "losses", "slopes"), [(1.0, [0, 1e4], [0, -1]), (0.0, [1e4, 0], [1, 0])])
def test_sigmoid_binary_cross_entropy_of_large_logits(library, target, losses, slopes):
    x = Variable(library.asarray([1e4, -1e4], dtype=np.float32))
    loss = F.sigmoid_binary_cross_entropy(x, np.full(2, target))
    assert float(loss) == sum(losses) / 2
    np.testing.assert_array_equal(gradients(loss, x)[0], np.array(slopes) / 2)


@LIBRARIES
def test_log_softmax_of_large_logits(library):
    x = Variable(library.asarray([1e4, -1e4, 1e4], dtype=np.float32))
    y = F.log_softmax(x)
    np.testing.assert_allclose(y.value, [-math.log(2), -2e4 - math.log(2), -math.log(2)], rtol=1e-6)
    found = gradients(y, x, gradient=np.array([0.0, 1.0, 0.0]))[0]
    np.testing.assert_allclose(found, [-0.5, 1, -0.5], atol=1e-6)


@LIBRARIES
@pytest.mark.parametrize(("function", "ends"), [(F.sigmoid, [0, 1]), (F.tanh, [-1, 1])])
def test_saturation(library, function, ends):
    x = Variable(library.asarray([-1e4, 1e4], dtype=np.float32))
    y = function(x)
    np.testing.assert_array_equal(y.value, ends)
    np.testing.assert_array_equal(gradients(y, x, gradient=np.ones(2))[0], [0, 0])


def test_small_probabilities_keep_their_digits():
    # log(1 + exp(-40)) is exp(-40), far below the last digit of 1.
    x = Variable(np.array([40.0]))
    assert float(F.sigmoid_binary_cross_entropy(x, np.ones(1))) == pytest.approx(math.exp(-40), rel=1e-12)


# ---- targets and weights


@pytest.mark.parametrize("loss", [F.softmax_cross_entropy, F.cross_entropy])
@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int64, bool])
def test_labels_are_one_hot_rows(loss, dtype):
    labels = np.array([1, 0, 1]).astype(dtype)
    one, other = (Variable(np.array([[0.4, 0.6], [0.3, 0.7], [0.9, 0.1]])) for _ in range(2))
    y, rows = loss(one, labels), loss(other, np.eye(2)[labels.astype(int)])
    assert float(y) == float(rows)
    np.testing.assert_array_equal(gradients(y, one)[0], gradients(rows, other)[0])


@pytest.mark.parametrize("target", [[1, 0], Variable(np.array([1, 0])), jnp.array([1, 0]), np.array([1, 0])])
def test_targets_in_any_form(target):
    x = Variable(np.zeros((2, 4), np.float32))
    assert float(F.softmax_cross_entropy(x, target)) == pytest.approx(math.log(4))


@pytest.mark.parametrize("loss", [F.mean_squared_error, F.mean_absolute_error, F.huber, F.sigmoid_binary_cross_entropy])
def test_equal_weights_change_nothing_and_weight_zero_leaves_an_example_out(loss):
    x, t = np.array([[0.2, 1.0], [2.0, -1.0], [0.5, 0.1]]), np.array([[0.0, 1.0], [1.0, 1.0], [0.0, 0.0]])
    assert float(loss(x, t, sample_weight=np.full(3, 7.0))) == pytest.approx(float(loss(x, t)), rel=1e-14)
    some = float(loss(x, t, sample_weight=np.array([1.0, 0.0, 1.0])))
    assert some == pytest.approx(float(loss(x[[0, 2]], t[[0, 2]])), rel=1e-14)


def test_class_weights_are_pytorchs():
    torch = pytest.importorskip("torch")
    x, labels, by_class = np.array([[0.1, 2.0, -1.0], [1.0, 0.5, 0.3]]), np.array([2, 0]), np.array([0.2, 1.0, 3.0])
    expected = torch.nn.functional.cross_entropy(torch.tensor(x), torch.tensor(labels), weight=torch.tensor(by_class))
    assert float(F.softmax_cross_entropy(x, labels, sample_weight=by_class[labels])) == pytest.approx(float(expected))


def test_dropout_keeps_the_mean_and_scales_the_gradient_alike():
    x = Variable(np.ones(20_000))
    y = F.dropout(x, 0.2, key=random.key(1))
    kept = y.value > 0
    assert kept.mean() == pytest.approx(0.8, abs=0.01)
    np.testing.assert_allclose(y.value[kept], 1.25, rtol=1e-4)
    np.testing.assert_array_equal(gradients(y, x, gradient=np.ones(20_000))[0], y.value)
    again = F.dropout(x, 0.2, key=random.key(1))
    np.testing.assert_array_equal(again.value, y.value)
    assert (F.dropout(x, 0.2, key=random.key(2)).value != y.value).any()
