"""The products of a dense layer: every path of this machine against NumPy's in float64."""

from __future__ import annotations

import itertools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from madi.kernels import native
from madi.kernels.dense import dense_forward, dense_input_gradient, dense_weight_gradient

PATHS = ("numpy", *native.paths())
SIZES = (1, 7, 10, 16, 17, 100, 112, 128)
AXES = ((1, 7, 100), (1, 16, 17, 100), SIZES)
# Every pair of sizes, in half of all threes: XLA compiles each.
PAIRS = [places for places in itertools.product(*map(range, map(len, AXES))) if sum(places) % 2 == 0]
SHAPES = [tuple(axis[place] for axis, place in zip(AXES, places, strict=True)) for places in PAIRS]
SHAPES += [(100, 784, 100), (7, 3000, 10), (3, 5, 200)]


def make_arrays(*shape: int) -> tuple[np.ndarray, ...]:
    """x, weight, bias and gy."""
    n, k, m = shape
    bits = np.random.default_rng(sum(shape))
    return tuple(bits.standard_normal(size, dtype=np.float32) for size in ((n, k), (k, m), (m,), (n, m)))


def on_path(path: str, arrays: tuple[Any, ...], relu: bool = False) -> list[np.ndarray]:
    """y, gx, gweight and gbias."""
    x, weight, bias, gy = arrays if path == "numpy" else map(jnp.asarray, arrays)
    with native.using("off" if path == "numpy" else path):
        y = dense_forward(x, weight, bias, relu=relu)
        results = (y, dense_input_gradient(gy, weight), *dense_weight_gradient(x, gy))
        return [np.asarray(array) for array in results]


def assert_near(got: np.ndarray, expected: np.ndarray, terms: int) -> None:
    assert got.shape == expected.shape
    np.testing.assert_allclose(got, expected, rtol=0, atol=3e-6 * np.sqrt(terms) * max(np.abs(expected).max(), 1))


@pytest.mark.usefixtures("one_program")
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("relu", [False, True])
def test_matches_numpy_in_float64(path: str, relu: bool) -> None:
    # with ReLU, which changes the first product alone, every third
    for shape in SHAPES[:: 6 if path in ("numpy", "off") else 3 if relu else 1]:
        x, weight, bias, gy = (array.astype(np.float64) for array in make_arrays(*shape))
        y, gx, gweight, gbias = on_path(path, make_arrays(*shape), relu)
        expected = x @ weight + bias
        assert_near(y, np.maximum(expected, 0) if relu else expected, shape[1])
        assert_near(gx, gy @ weight.T, shape[2])
        assert_near(gweight, x.T @ gy, shape[0])
        assert_near(gbias, gy.sum(axis=0), shape[0])


@pytest.mark.parametrize("path", PATHS)
def test_a_worked_example(path: str) -> None:
    x, weight, bias = np.float32([[1, 2], [3, 4]]), np.float32([[1, 0, -1], [2, 1, -2]]), np.float32([10, 0, 0])
    y, gx, gweight, gbias = on_path(path, (x, weight, bias, np.float32([[1, 0, 0], [0, 1, 2]])), relu=True)
    np.testing.assert_array_equal(y, [[15, 2, 0], [21, 4, 0]])  # 1 + 4 + 10, 0 + 2, -1 - 4; 3 + 8 + 10, 0 + 4, -3 - 8
    np.testing.assert_array_equal(gx, [[1, 2], [-2, -3]])  # the first column of W; its second and twice its third
    np.testing.assert_array_equal(gweight, [[1, 3, 6], [2, 4, 8]])
    np.testing.assert_array_equal(gbias, [1, 1, 2])


@pytest.mark.parametrize("path", PATHS)
def test_leading_axes_and_one_example(path: str) -> None:
    x, weight, bias, gy = make_arrays(12, 5, 7)
    plain = on_path(path, (x, weight, bias, gy))
    y, *gradients = on_path(path, (x.reshape(3, 4, 5), weight, bias, gy.reshape(3, 4, 7)))
    np.testing.assert_array_equal(y, plain[0].reshape(3, 4, 7))
    for mine, theirs in zip(gradients, (plain[1].reshape(3, 4, 5), *plain[2:]), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert_near(on_path(path, (x[0], weight, bias, gy[0]))[0], plain[0][0], 5)


@pytest.mark.parametrize("path", native.paths())
def test_trials_under_vmap_match_one_by_one(path: str) -> None:
    trials = [make_arrays(20, 30, 40)] * 3
    trials = [tuple(array * (t + 1) for array in arrays) for t, arrays in enumerate(trials)]
    x, weight, bias, gy = (jnp.stack(arrays) for arrays in zip(*trials, strict=True))
    with native.using(path):
        y = jax.vmap(dense_forward)(x, weight, bias)
        gx = jax.vmap(dense_input_gradient)(gy, weight)
        gweight, gbias = jax.vmap(dense_weight_gradient, in_axes=(None, 0))(x[0], gy)
    for t, arrays in enumerate(trials):
        one = on_path(path, arrays)
        assert_near(np.asarray(y[t]), one[0], 30)
        assert_near(np.asarray(gx[t]), one[1], 40)
        expected = on_path(path, (trials[0][0], *arrays[1:]))
        assert_near(np.asarray(gweight[t]), expected[2], 20)
        assert_near(np.asarray(gbias[t]), expected[3], 20)


@pytest.mark.parametrize("path", native.paths())
def test_nan_and_infinity_reach_their_row_alone(path: str) -> None:
    x, weight, bias, gy = make_arrays(20, 30, 17)
    x[3, 4], x[5, 6] = np.nan, np.inf
    y = on_path(path, (x, weight, bias, gy), relu=True)[0]
    assert np.isnan(y[3]).all()
    np.testing.assert_array_equal(y[5], np.where(weight[6] > 0, np.inf, 0))
    assert np.isfinite(np.delete(y, (3, 5), axis=0)).all()


@pytest.mark.parametrize("path", native.paths()[1:])
def test_same_bits_every_time(path: str) -> None:
    arrays = make_arrays(100, 784, 100)
    first = on_path(path, arrays)
    for _ in range(5):
        for mine, theirs in zip(on_path(path, arrays), first, strict=True):
            np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize("path", native.paths())
def test_no_bias_no_rows_and_float64(path: str) -> None:
    x, weight, _, gy = make_arrays(4, 3, 2)
    with native.using(path), jax.enable_x64(True):
        assert_near(np.asarray(dense_forward(jnp.asarray(x), weight)), x @ weight, 3)
        assert dense_forward(jnp.zeros((0, 3), jnp.float32), weight).shape == (0, 2)
        assert dense_input_gradient(jnp.zeros((0, 2), jnp.float32), weight).shape == (0, 3)
        np.testing.assert_array_equal(dense_weight_gradient(jnp.zeros((0, 3)), gy[:0])[0], np.zeros((3, 2)))
        assert dense_forward(jnp.asarray(x, jnp.float64), weight.astype(np.float64)).dtype == np.float64


def test_products_by_numpy_warn_of_nothing() -> None:
    # the flags that its BLAS raises cannot be trusted (they come with finite matrices too), so no product reports them
    x, weight, bias, gy = make_arrays(4, 5, 3)
    x[0, :2], weight[:2, 0], gy[0, 0] = (np.inf, -np.inf), (1, 1), np.inf
    with np.errstate(all="raise"):
        y, *_ = on_path("numpy", (x, weight, bias, gy))
    assert np.isnan(y[0, 0])
    assert np.isfinite(y[1:]).all()
