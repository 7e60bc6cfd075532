"""The sums of batch normalization and its gradients: every path of this machine against PyTorch."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

from madi.kernels import native
from madi.kernels.normalization import batch_norm_backward, batch_norm_moments

PATHS = ("numpy", *native.paths())
SHAPES = [(5, 3), (4, 7, 6, 16), (3, 5, 5, 70), (40, 9, 9, 33), (3, 30, 30, 64), (2, 5, 5, 2100)]
EPSILON = 1e-5
NAMES = ("mean", "variance", "gx", "gscale", "gshift")


def make_arrays(shape: tuple[int, ...], dtype: Any = np.float32) -> tuple[np.ndarray, ...]:
    """x far from zero, gy and scale."""
    bits = np.random.default_rng(sum(shape))
    x, gy, scale = (bits.standard_normal(size) for size in (shape, shape, shape[-1]))
    return tuple(array.astype(dtype) for array in (3 * x + 20, gy, scale))


def by_pytorch(arrays: tuple[np.ndarray, ...]) -> list[np.ndarray]:
    """mean, variance, gx, gscale and gshift."""
    x, gy, scale = (torch.tensor(array).double() for array in arrays)
    shift = torch.zeros_like(scale)
    for leaf in (x, scale, shift):
        leaf.requires_grad_()
    y = torch.nn.functional.batch_norm(x.movedim(-1, 1), None, None, scale, shift, True, 0.0, EPSILON).movedim(1, -1)
    y.backward(gy)
    axes = tuple(range(x.ndim - 1))
    moments = x.mean(axes), x.var(axes, correction=0)
    return [array.detach().numpy() for array in (*moments, x.grad, scale.grad, shift.grad)]


def run(x: Any, gy: Any, scale: Any) -> tuple[Any, ...]:
    mean, variance = batch_norm_moments(x)
    return mean, variance, *batch_norm_backward(x, gy, scale, mean, variance, epsilon=EPSILON)


def on_path(path: str, arrays: tuple[np.ndarray, ...]) -> list[np.ndarray]:
    with native.using("off" if path == "numpy" else path):
        return [np.asarray(array) for array in run(*(arrays if path == "numpy" else map(jnp.asarray, arrays)))]


@pytest.mark.usefixtures("one_program")
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("shape", SHAPES)
def test_matches_pytorch(path: str, shape: tuple[int, ...]) -> None:
    arrays = make_arrays(shape)
    for name, mine, theirs in zip(NAMES, on_path(path, arrays), by_pytorch(arrays), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-4 * np.abs(theirs).max(), err_msg=name)


@pytest.mark.parametrize("path", ["numpy", native.path()])
def test_float64_matches_pytorch_closely(path: str) -> None:
    with jax.enable_x64(True):
        arrays = make_arrays((4, 7, 6, 16), np.float64)
        for mine, theirs in zip(on_path(path, arrays), by_pytorch(arrays), strict=True):
            assert mine.dtype == np.float64
            np.testing.assert_allclose(mine, theirs, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("path", PATHS)
def test_a_worked_example(path: str) -> None:
    # x = 1, 3, 5, 7: mean 4, variance (9 + 1 + 1 + 9) / 4 = 5; with epsilon 4, xhat = (x - 4) / 3 = -1, -1/3, 1/3, 1.
    # gy = 1, 0, 0, 0: gshift 1, gscale -1, gx = 3 / 3 (gy - 1/4 + xhat / 4) = 1/2, -1/3, -1/6, 0
    x, gy = np.array([[1], [3], [5], [7]], np.float32), np.array([[1], [0], [0], [0]], np.float32)
    x, gy = (x, gy) if path == "numpy" else (jnp.asarray(x), jnp.asarray(gy))
    with native.using("off" if path == "numpy" else path):
        mean, variance = batch_norm_moments(x)
        scale = np.full(1, 3, np.float32)
        gx, gscale, gshift = batch_norm_backward(x, gy, scale, mean, variance, epsilon=4.0)
    assert (float(mean[0]), float(variance[0])) == (4, 5)
    assert (float(gscale[0]), float(gshift[0])) == (pytest.approx(-1), 1)
    np.testing.assert_allclose(np.ravel(gx), [1 / 2, -1 / 3, -1 / 6, 0], atol=1e-6)


@pytest.mark.parametrize("path", native.paths())
def test_variance_survives_a_mean_far_away(path: str) -> None:
    x = (1e4 + np.random.default_rng(0).standard_normal((5000, 16))).astype(np.float32)
    with native.using(path):
        mean, variance = batch_norm_moments(jnp.asarray(x))
    np.testing.assert_allclose(variance, x.astype(np.float64).var(axis=0), rtol=1e-3)
    np.testing.assert_allclose(mean, x.astype(np.float64).mean(axis=0), rtol=1e-6)


@pytest.mark.parametrize("path", native.paths())
def test_the_same_bits_again(path: str) -> None:
    arrays = make_arrays((16, 32, 32, 16))
    once = on_path(path, arrays)
    for _ in range(5):
        for first, again in zip(once, on_path(path, arrays), strict=True):
            np.testing.assert_array_equal(first, again)


@pytest.mark.parametrize("path", native.paths())
def test_trials_are_batches_of_their_own(path: str) -> None:
    x, gy, scale = map(jnp.asarray, make_arrays((3, 2, 6, 6, 5)))
    with native.using(path):
        together = [np.asarray(array) for array in jax.vmap(lambda x, gy: run(x, gy, scale))(x, gy)]
        for trial in range(3):
            for array, alone in zip(together, run(x[trial], gy[trial], scale), strict=True):
                np.testing.assert_allclose(array[trial], alone, rtol=1e-3, atol=1e-4)
