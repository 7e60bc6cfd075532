"""The operators and methods of Variable: each is the function it stands for, from either side."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

import madi.functions as F
from madi.graph import Variable

X = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
Y = np.array([[2.0, 0.5, 1.0], [1.0, 3.0, 2.0]])

USES = {
    "__add__": (lambda x: x + Y, X + Y, np.ones_like(X)),
    "__radd__": (lambda x: Y + x, X + Y, np.ones_like(X)),
    "__sub__": (lambda x: x - Y, X - Y, np.ones_like(X)),
    "__rsub__": (lambda x: Y - x, Y - X, -np.ones_like(X)),
    "__mul__": (lambda x: x * Y, X * Y, Y),
    "__rmul__": (lambda x: Y * x, X * Y, Y),
    "__truediv__": (lambda x: x / Y, X / Y, 1 / Y),
    "__rtruediv__": (lambda x: Y / x, Y / X, -Y / X**2),
    "__pow__": (lambda x: x**3, X**3, 3 * X**2),
    "__rpow__": (lambda x: 2**x, 2**X, 2**X * np.log(2)),
    "__matmul__": (lambda x: x @ Y.T, X @ Y.T, np.broadcast_to(Y.sum(axis=0), X.shape)),
    "__rmatmul__": (lambda x: Y.T @ x, Y.T @ X, np.broadcast_to(Y.sum(axis=1, keepdims=True), X.shape)),
    "__neg__": (lambda x: -x, -X, -np.ones_like(X)),
    "__abs__": (lambda x: abs(x - 3.5), abs(X - 3.5), np.sign(X - 3.5)),
    "__getitem__": (lambda x: x[1, :2], X[1, :2], np.array([[0.0, 0, 0], [1, 1, 0]])),
    "sum": (lambda x: x.sum(), X.sum(), np.ones_like(X)),
    "mean": (lambda x: x.mean(axis=0), X.mean(axis=0), np.full_like(X, 1 / 2)),
    "max": (lambda x: x.max(axis=1), X.max(axis=1), np.array([[0.0, 0, 1], [0, 0, 1]])),
    "min": (lambda x: x.min(), X.min(), np.array([[1.0, 0, 0], [0, 0, 0]])),
    "reshape": (lambda x: x.reshape(3, 2), X.reshape(3, 2), np.ones_like(X)),
    "transpose": (lambda x: x.transpose(), X.T, np.ones_like(X)),
    "T": (lambda x: x.T, X.T, np.ones_like(X)),
}


def test_every_operator_is_used():
    assert USES.keys() == F.OPERATORS.keys()


@pytest.mark.parametrize("name", USES)
@pytest.mark.parametrize("library", [np, jnp])
def test_operator(name, library):
    use, value, slope = USES[name]
    x = Variable(library.asarray(X))
    y = use(x)
    assert isinstance(y, Variable)
    np.testing.assert_allclose(y.value, value, rtol=1e-6)
    y.backward(np.ones(y.shape))
    np.testing.assert_allclose(x.grad, slope, rtol=1e-6)


@pytest.mark.parametrize("number", [2, 2.0, np.float32(2), np.float64(2), np.array(2.0)])
def test_numbers_on_either_side(number):
    x = Variable(np.array([3.0]))
    for y in (x * number, number * x):
        assert isinstance(y, Variable)
        y.backward()
        assert (float(y.value[0]), float(x.grad[0])) == (6, 2)


def test_python_numbers_keep_float32():
    x = Variable(np.ones(2, np.float32))
    for y in (x * 0.1, 0.1 * x, x + 1, 1 / x, x**2, 2**x, x - 0.5):
        assert y.dtype == np.float32


def test_an_array_on_the_left_of_a_variable():
    x = Variable(np.ones(3))
    assert isinstance(np.arange(3.0) + x, Variable)
    assert isinstance(jnp.arange(3.0) + x, Variable)


def test_axes_and_iteration():
    x = Variable(X)
    assert x.mean(axis=(0, 1), keepdims=True).shape == (1, 1)
    assert x.transpose((1, 0)).shape == x.transpose(1, 0).shape == (3, 2)
    assert x.reshape((6,)).shape == x.reshape(-1).shape == (6,)
    assert [row.shape for row in x] == [(3,), (3,)]
