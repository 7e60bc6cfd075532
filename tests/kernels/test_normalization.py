"""Batch normalization and its gradients: every path of this machine against PyTorch."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

from madi.kernels import native
from madi.kernels.normalization import batch_norm_backward, batch_norm_forward

PATHS = ("numpy", *native.paths())
SHAPES = [(5, 3), (4, 7, 6, 16), (3, 5, 5, 70), (40, 9, 9, 33)]
EPSILON = 1e-5


def make_arrays(shape: tuple[int, ...], dtype: Any = np.float32) -> tuple[np.ndarray, ...]:
    """x far from zero, gy, residual, scale and shift."""
    bits, channels = np.random.default_rng(sum(shape)), shape[-1]
    sizes = (shape, shape, shape, channels, channels)
    x, gy, residual, scale, shift = (bits.standard_normal(size) for size in sizes)
    return tuple(array.astype(dtype) for array in (3 * x + 20, gy, residual, scale, shift))


def by_pytorch(arrays: tuple[np.ndarray, ...], relu: bool, with_residual: bool) -> list[np.ndarray]:
    """y, gx, gscale and gshift."""
    x, gy, residual, scale, shift = (torch.tensor(array).double() for array in arrays)
    for leaf in (x, scale, shift):
        leaf.requires_grad_()
    y = torch.nn.functional.batch_norm(x.movedim(-1, 1), None, None, scale, shift, True, 0.0, EPSILON).movedim(1, -1)
    y = y + residual if with_residual else y
    y = torch.relu(y) if relu else y
    y.backward(gy)
    return [array.detach().numpy() for array in (y, x.grad, scale.grad, shift.grad)]


def on_path(path: str, arrays: tuple[np.ndarray, ...], relu: bool, with_residual: bool) -> list[np.ndarray]:
    x, gy, residual, scale, shift = arrays if path == "numpy" else map(jnp.asarray, arrays)
    with native.using("off" if path == "numpy" else path):
        added = residual if with_residual else None
        y, mean, variance = batch_norm_forward(x, scale, shift, epsilon=EPSILON, relu=relu, residual=added)
        output = y if with_residual else None
        rest = batch_norm_backward(x, gy, scale, shift, mean, variance, epsilon=EPSILON, relu=relu, output=output)
        return [np.asarray(array) for array in (y, *rest)]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("relu", "with_residual"), [(False, False), (True, False), (True, True)])
def test_matches_pytorch(path: str, shape: tuple[int, ...], relu: bool, with_residual: bool) -> None:
    arrays = make_arrays(shape)
    expected = by_pytorch(arrays, relu, with_residual)
    got = on_path(path, arrays, relu, with_residual)
    for name, mine, theirs in zip(("y", "gx", "gscale", "gshift"), got, expected, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-4 * np.abs(theirs).max(), err_msg=name)


@pytest.mark.parametrize("path", ["numpy", native.path()])
def test_float64_matches_pytorch_closely(path: str) -> None:
    with jax.enable_x64(True):
        arrays = make_arrays((4, 7, 6, 16), np.float64)
        for mine, theirs in zip(on_path(path, arrays, True, True), by_pytorch(arrays, True, True), strict=True):
            assert mine.dtype == np.float64
            np.testing.assert_allclose(mine, theirs, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("path", PATHS)
def test_a_worked_example(path: str) -> None:
    # x = 1, 3, 5, 7: mean 4, variance (9 + 1 + 1 + 9) / 4 = 5; with epsilon 4, xhat = (x - 4) / 3 = -1, -1/3, 1/3, 1
    x, one = np.array([[1], [3], [5], [7]], np.float32), np.ones(1, np.float32)
    arrays = (x, 3 * one, one) if path == "numpy" else (jnp.asarray(x), 3 * one, one)
    with native.using("off" if path == "numpy" else path):
        y, mean, variance = batch_norm_forward(*arrays, epsilon=4.0, relu=True)
    np.testing.assert_allclose(np.ravel(y), [0, 0, 2, 4], atol=1e-6)
    assert (float(mean[0]), float(variance[0])) == (4, 5)


@pytest.mark.parametrize("path", native.paths())
def test_variance_survives_a_mean_far_away(path: str) -> None:
    x = (1e4 + np.random.default_rng(0).standard_normal((5000, 16))).astype(np.float32)
    with native.using(path):
        _, mean, variance = batch_norm_forward(
            jnp.asarray(x), np.ones(16, np.float32), np.zeros(16, np.float32), epsilon=0
        )
        np.testing.assert_allclose(variance, x.astype(np.float64).var(axis=0), rtol=1e-3)
        np.testing.assert_allclose(mean, x.astype(np.float64).mean(axis=0), rtol=1e-6)


@pytest.mark.parametrize("path", native.paths())
def test_trials_are_batches_of_their_own(path: str) -> None:
    arrays = make_arrays((3, 2, 6, 6, 5))
    x, gy, _, scale, shift = arrays

    def run(x: Any, gy: Any) -> Any:
        y, mean, variance = batch_norm_forward(x, scale, shift, epsilon=EPSILON, relu=True)
        return y, *batch_norm_backward(x, gy, scale, shift, mean, variance, epsilon=EPSILON, relu=True)

    with native.using(path):
        together = [np.asarray(array) for array in jax.vmap(run)(x, gy)]
    for trial in range(3):
        for array, alone in zip(together, run(jnp.asarray(x[trial]), gy[trial]), strict=True):
            np.testing.assert_allclose(array[trial], alone, rtol=1e-3, atol=1e-4)
