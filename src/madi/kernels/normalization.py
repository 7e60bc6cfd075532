"""The sums of batch normalization, by array library and device.

The moments of each channel are over all examples and pixels (m of them), and the variance is the mean squared distance
from the mean:

    mean = sum of x / m      variance = sum of (x - mean)^2 / m

and with xhat = (x - mean) / sqrt(variance + epsilon) the gradients of y = scale xhat + shift are

    gshift = sum of gy      gscale = sum of gy xhat
    gx = scale / sqrt(variance + epsilon) (gy - gshift / m - xhat gscale / m)

JAX on a CPU, float32: the moments in one pass over memory, the gradients in two.  y itself is left to XLA, which makes
it in the same pass as the ReLU or the sum that follows.
"""

from __future__ import annotations

import functools
from typing import Any

import jax
import numpy as np
from jax import lax

from madi.kernels import native
from madi.kernels.arrays import array_library


def batch_norm_moments(x: Any) -> tuple[Any, Any]:
    """(mean, variance), each (C), of x (..., C) over all axes but the last."""
    if array_library(x) is np:
        return _moments(x)
    return _jax_moments(x, path=native.path())


def batch_norm_backward(
    x: Any, gy: Any, scale: Any, mean: Any, variance: Any, *, epsilon: float
) -> tuple[Any, Any, Any]:
    """(gx, gscale, gshift).

    x           (..., C), and so is gy
    scale       (C)
    mean        (C), of x, as `batch_norm_moments` returned it; so is variance
    """
    if array_library(x, gy) is np:
        return _backward(x, gy, scale, mean, variance, epsilon)
    return _jax_backward(x, gy, scale, mean, variance, epsilon=float(epsilon), path=native.path())


def _moments(x: Any) -> tuple[Any, Any]:
    axes = tuple(range(x.ndim - 1))
    mean = x.mean(axis=axes)
    return mean, ((x - mean) ** 2).mean(axis=axes)


def _backward(x: Any, gy: Any, scale: Any, mean: Any, variance: Any, epsilon: float) -> tuple[Any, Any, Any]:
    axes, count = tuple(range(x.ndim - 1)), x.size // x.shape[-1]
    inverse = 1 / array_library(x).sqrt(variance + epsilon)
    xhat = (x - mean) * inverse
    gshift, gscale = gy.sum(axis=axes), (gy * xhat).sum(axis=axes)
    return scale * inverse * (gy - gshift / count - xhat * (gscale / count)), gscale, gshift


# ---- JAX


def _compiled(path: str, *arrays: Any) -> bool:
    return path != "off" and all(array.dtype == np.float32 for array in arrays)


def _channels(x: Any) -> jax.ShapeDtypeStruct:
    """One number for each channel of x, as a result of a kernel."""
    return jax.ShapeDtypeStruct(x.shape[-1:], x.dtype)


@functools.partial(jax.jit, static_argnames="path")
def _jax_moments(x: Any, *, path: str) -> Any:
    def kernel(x: Any) -> Any:
        return native.call("madi_batch_norm_moments", (_channels(x), _channels(x)), x.reshape(-1, x.shape[-1]))

    return lax.platform_dependent(x, cpu=kernel, default=_moments) if _compiled(path, x) else _moments(x)


@functools.partial(jax.jit, static_argnames=("epsilon", "path"))
def _jax_backward(x: Any, gy: Any, scale: Any, mean: Any, variance: Any, *, epsilon: float, path: str) -> Any:
    def kernel(x: Any, gy: Any, scale: Any, mean: Any, variance: Any) -> Any:
        rows, grows = x.reshape(-1, x.shape[-1]), gy.reshape(-1, x.shape[-1])
        results = (jax.ShapeDtypeStruct(rows.shape, x.dtype), _channels(x), _channels(x))
        arguments = (rows, grows, scale, mean, variance)
        gx, *rest = native.call("madi_batch_norm_backward", results, *arguments, epsilon=np.float32(epsilon))
        return gx.reshape(x.shape), *rest

    operations = functools.partial(_backward, epsilon=epsilon)
    arrays = (x, gy, scale, mean, variance)
    if not _compiled(path, *arrays):
        return operations(*arrays)
    return lax.platform_dependent(*arrays, cpu=kernel, default=operations)
