"""Batch normalization, and its gradients, by array library and device.

With the mean and the variance of each channel over all examples and pixels (m of them; the variance is the mean squared
distance from the mean, divided by m):

    forward    xhat = (x - mean) / sqrt(variance + epsilon)      y = scale xhat + shift  (+ residual, then max(y, 0))
    backward   gshift = sum of gy      gscale = sum of gy xhat
               gx = scale / sqrt(variance + epsilon) (gy - gshift / m - xhat gscale / m)

JAX on a CPU, float32: two passes over memory each way, with the residual and the ReLU in the passes that are made
anyway.
"""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from madi.kernels import native
from madi.kernels.arrays import array_library


def batch_norm_forward(
    x: Any, scale: Any, shift: Any, *, epsilon: float, relu: bool = False, residual: Any = None
) -> tuple[Any, Any, Any]:
    """(y, mean, variance), with the moments of this batch.

    x           (..., C): all axes but the last are averaged over
    scale       (C); so are shift, mean and variance
    residual    of x's shape, added before the ReLU, or None
    relu        max(y, 0) follows
    """
    if array_library(x) is np:
        return _forward(x, scale, shift, residual, epsilon, relu)
    return _jax_forward(x, scale, shift, residual, epsilon=float(epsilon), relu=relu, path=native.path())


def batch_norm_backward(
    x: Any, gy: Any, scale: Any, shift: Any, mean: Any, variance: Any, *, epsilon: float, relu: bool = False,
    output: Any = None,
) -> tuple[Any, Any, Any]:  # fmt: skip
    """(gx, gscale, gshift).

    mean        of the batch, as `batch_norm_forward` returned it; so is variance
    relu        as in the forward pass: gy counts only where y was positive
    output      y; needed where a residual was added before the ReLU, whose own gradient is gy where output > 0.
                Without one, the sign of y follows from x
    """
    if array_library(x, gy) is np:
        return _backward(x, gy, output, scale, shift, mean, variance, epsilon, relu)
    arrays = (x, gy, output, scale, shift, mean, variance)
    return _jax_backward(*arrays, epsilon=float(epsilon), relu=relu, path=native.path())


def _normalized(x: Any, scale: Any, shift: Any, mean: Any, variance: Any, epsilon: float) -> Any:
    factor = scale / array_library(x).sqrt(variance + epsilon)
    return x * factor + (shift - mean * factor)


def _forward(x: Any, scale: Any, shift: Any, residual: Any, epsilon: float, relu: bool) -> tuple[Any, Any, Any]:
    axes = tuple(range(x.ndim - 1))
    mean = x.mean(axis=axes)
    variance = ((x - mean) ** 2).mean(axis=axes)
    y = _normalized(x, scale, shift, mean, variance, epsilon)
    y = y if residual is None else y + residual
    return (array_library(x).maximum(y, 0) if relu else y), mean, variance


def _backward(
    x: Any, gy: Any, output: Any, scale: Any, shift: Any, mean: Any, variance: Any, epsilon: float, relu: bool
) -> tuple[Any, Any, Any]:
    axes, count = tuple(range(x.ndim - 1)), x.size // x.shape[-1]
    if relu:
        seen = _normalized(x, scale, shift, mean, variance, epsilon) if output is None else output
        gy = array_library(x).where(seen > 0, gy, 0)
    inverse = 1 / array_library(x).sqrt(variance + epsilon)
    xhat = (x - mean) * inverse
    gshift, gscale = gy.sum(axis=axes), (gy * xhat).sum(axis=axes)
    return scale * inverse * (gy - gshift / count - xhat * (gscale / count)), gscale, gshift


# ---- JAX


def _or_nothing(array: Any) -> Any:
    return jnp.zeros((0,), jnp.float32) if array is None else array.reshape(-1)


def _compiled(path: str, *arrays: Any) -> bool:
    return path != "off" and all(array.dtype == np.float32 for array in arrays if array is not None)


@functools.partial(jax.jit, static_argnames=("epsilon", "relu", "path"))
def _jax_forward(x: Any, scale: Any, shift: Any, residual: Any, *, epsilon: float, relu: bool, path: str) -> Any:
    def kernel(x: Any, scale: Any, shift: Any) -> Any:
        rows = x.reshape(-1, x.shape[-1])
        channels = jax.ShapeDtypeStruct(scale.shape, x.dtype)
        results = (jax.ShapeDtypeStruct(rows.shape, x.dtype), channels, channels)
        options = {"epsilon": np.float32(epsilon), "relu": relu}
        arguments = (rows, scale, shift, _or_nothing(residual))
        y, mean, variance = native.call("madi_batch_norm_forward", results, *arguments, **options)
        return y.reshape(x.shape), mean, variance

    def operations(x: Any, scale: Any, shift: Any) -> Any:
        return _forward(x, scale, shift, residual, epsilon, relu)

    if not _compiled(path, x, scale, shift, residual):
        return operations(x, scale, shift)
    return lax.platform_dependent(x, scale, shift, cpu=kernel, default=operations)


@functools.partial(jax.jit, static_argnames=("epsilon", "relu", "path"))
def _jax_backward(
    x: Any, gy: Any, output: Any, scale: Any, shift: Any, mean: Any, variance: Any, *, epsilon: float, relu: bool,
    path: str,
) -> Any:  # fmt: skip
    def kernel(x: Any, gy: Any, scale: Any, shift: Any, mean: Any, variance: Any) -> Any:
        rows = (-1, x.shape[-1])
        channels = jax.ShapeDtypeStruct(scale.shape, x.dtype)
        results = (jax.ShapeDtypeStruct((x.size // x.shape[-1], x.shape[-1]), x.dtype), channels, channels)
        options = {"epsilon": np.float32(epsilon), "relu": relu}
        arguments = (x.reshape(rows), gy.reshape(rows), _or_nothing(output), scale, shift, mean, variance)
        gx, gscale, gshift = native.call("madi_batch_norm_backward", results, *arguments, **options)
        return gx.reshape(x.shape), gscale, gshift

    def operations(x: Any, gy: Any, scale: Any, shift: Any, mean: Any, variance: Any) -> Any:
        return _backward(x, gy, output, scale, shift, mean, variance, epsilon, relu)

    arrays = (x, gy, scale, shift, mean, variance)
    if not _compiled(path, *arrays, output):
        return operations(*arrays)
    return lax.platform_dependent(*arrays, cpu=kernel, default=operations)
