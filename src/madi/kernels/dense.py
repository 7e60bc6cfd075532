"""The matrix products of a dense layer, by array library, device and size.

    y  = x weight + bias      gx = gy weightᵀ      gweight = xᵀ gy      gbias = Σ gy

with x (..., inputs), weight (inputs, outputs) and y (..., outputs); sums run over all leading axes.

NumPy: its own products.  JAX on a CPU, float32: the compiled kernels for the sizes where they are the faster, XLA's
products for the rest.  Microseconds of one call on two cores of a Zen 4 server with AVX-512, compiled | XLA:

    rows x inputs x outputs     forward        input gradient   weight gradient
    32 x 32 x 32                0.8 | 1.2         1.2 | 1.2        1.0 | 1.7
    100 x 100 x 10              3.6 | 4.3         3.6 | 3.6        3.7 | 7.6
    200 x 50 x 128               17 | 23           15 | 30          23 | 23
    200 x 128 x 128              43 | 59           47 | 57          51 | 64
    128 x 512 x 10               22 | 22           16 | 16          20 | 177
    100 x 784 x 100             128 | 139         171 | 214         92 | 117
    1000 x 784 x 100            866 | 971         897 | 932        924 | 1117
    100 x 784 x 300             334 | 304         275 | 257        260 | 265
    128 x 512 x 512             440 | 423         462 | 421        391 | 444

The kernels keep a block of the second factor in the second-level cache, and pay for copying it: hence the limits below.
For gx the copy also turns the block, which pays where it is then used for long sums.
"""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from madi.kernels import native
from madi.kernels.arrays import array_library, silent_products

MOST_OUTPUTS = 128
MOST_TERMS = 2048  # of each sum: with two vectors of columns, 256 KiB of the second factor
LEAST_TERMS_TURNED = 32  # of each sum of gx: fewer do not pay for turning the block


def dense_forward(x: Any, weight: Any, bias: Any = None, *, relu: bool = False) -> Any:
    """y = x weight + bias, then max(y, 0) where `relu` is set.

    x           (..., inputs)
    weight      (inputs, outputs)
    bias        (outputs), or None
    returns     (..., outputs)
    """
    if array_library(x, weight) is np:
        return _forward(x, weight, bias, relu)
    return _jax_forward(x, weight, bias, relu=relu, path=native.path())


def dense_input_gradient(gy: Any, weight: Any) -> Any:
    """gx = gy weightᵀ, of shape (..., inputs), from gy (..., outputs) and weight (inputs, outputs)."""
    if array_library(gy, weight) is np:
        return _input_gradient(gy, weight)
    return _jax_input_gradient(gy, weight, path=native.path())


def dense_weight_gradient(x: Any, gy: Any) -> tuple[Any, Any]:
    """(gweight, gbias), of shapes (inputs, outputs) and (outputs), from x (..., inputs) and gy (..., outputs)."""
    if array_library(x, gy) is np:
        return _weight_gradient(x, gy)
    return _jax_weight_gradient(x, gy, path=native.path())


def _rows(array: Any) -> Any:
    """All leading axes as one."""
    return array.reshape(-1, array.shape[-1])


@silent_products
def _forward(x: Any, weight: Any, bias: Any, relu: bool) -> Any:
    y = x @ weight if bias is None else x @ weight + bias
    return array_library(y).maximum(y, 0) if relu else y


@silent_products
def _input_gradient(gy: Any, weight: Any) -> Any:
    return gy @ weight.T


@silent_products
def _weight_gradient(x: Any, gy: Any) -> tuple[Any, Any]:
    return _rows(x).T @ _rows(gy), _rows(gy).sum(axis=0)


# ---- JAX


def _compiled(path: str, terms: int, outputs: int, *arrays: Any) -> bool:
    """Whether the compiled kernels take a product of these arrays, with so many terms in each sum."""
    fast = 0 < terms <= MOST_TERMS and 0 < outputs <= MOST_OUTPUTS
    return fast and path != "off" and all(a.dtype == np.float32 and a.size for a in arrays if a is not None)


def _or_nothing(array: Any) -> Any:
    return jnp.zeros((0,), jnp.float32) if array is None else array


def _choose(kernel: Any, operations: Any, *arrays: Any) -> Any:
    """The compiled kernel on a CPU, XLA's products elsewhere; of an x that all trials of a batch share, XLA's always.

    What `jax.vmap` makes of the first of `arrays` shared and the others not is one product with the weights of all
    trials side by side, which XLA computes at its best speed.  The kernel would take a copy of x for each.
    """
    shared = jax.custom_batching.custom_vmap(
        lambda *given: lax.platform_dependent(*given, cpu=kernel, default=operations)
    )

    @shared.def_vmap
    def batched(size: int, has_trials: Any, *given: Any) -> Any:
        axes = [0 if own else None for own in has_trials]
        own = lambda *each: lax.platform_dependent(*each, cpu=kernel, default=operations)  # noqa: E731
        found = jax.vmap(own if has_trials[0] else operations, in_axes=axes)(*given)
        return found, jax.tree.map(lambda _: True, found)

    return shared(*arrays)


@functools.partial(jax.jit, static_argnames=("relu", "path"))
def _jax_forward(x: Any, weight: Any, bias: Any, *, relu: bool, path: str) -> Any:
    def kernel(x: Any, weight: Any, bias: Any = None) -> Any:
        shape = (x.size // x.shape[-1], weight.shape[1])
        arguments = (_rows(x), weight, _or_nothing(bias))
        y = native.call("madi_dense_forward", jax.ShapeDtypeStruct(shape, x.dtype), *arguments, relu=relu)
        return y.reshape(*x.shape[:-1], weight.shape[1])

    def operations(x: Any, weight: Any, bias: Any = None) -> Any:
        return _forward(x, weight, bias, relu)

    arrays = (x, weight) if bias is None else (x, weight, bias)
    compiled = _compiled(path, *weight.shape, *arrays)
    return _choose(kernel, operations, *arrays) if compiled else operations(*arrays)


@functools.partial(jax.jit, static_argnames=("path",))
def _jax_input_gradient(gy: Any, weight: Any, *, path: str) -> Any:
    def kernel(gy: Any, weight: Any) -> Any:
        shape = (gy.size // gy.shape[-1], weight.shape[0])
        gx = native.call("madi_dense_input_gradient", jax.ShapeDtypeStruct(shape, gy.dtype), _rows(gy), weight)
        return gx.reshape(*gy.shape[:-1], weight.shape[0])

    long = weight.shape[1] >= LEAST_TERMS_TURNED
    compiled = long and _compiled(path, weight.shape[1], weight.shape[0], gy, weight)
    return _choose(kernel, _input_gradient, gy, weight) if compiled else _input_gradient(gy, weight)


@functools.partial(jax.jit, static_argnames=("path",))
def _jax_weight_gradient(x: Any, gy: Any, *, path: str) -> Any:
    def kernel(x: Any, gy: Any) -> Any:
        shape = (x.shape[-1], gy.shape[-1])
        results = (jax.ShapeDtypeStruct(shape, x.dtype), jax.ShapeDtypeStruct(shape[1:], x.dtype))
        return tuple(native.call("madi_dense_weight_gradient", results, _rows(x), _rows(gy)))

    outputs = gy.shape[-1]
    compiled = _compiled(path, gy.size // max(outputs, 1), outputs, x, gy)
    return _choose(kernel, _weight_gradient, x, gy) if compiled else _weight_gradient(x, gy)
