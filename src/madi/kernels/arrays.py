"""Which array library an array belongs to: the same equations run on NumPy's arrays and on JAX's."""

from __future__ import annotations

import math
import sys
from types import ModuleType
from typing import Any

import numpy as np

BFLOAT16 = "bfloat16"  # float32 without its last 16 bits: the same range, 8 bits of precision


def is_jax(array: object) -> bool:
    """Whether `array` is JAX's, tracers included.  Where JAX was never imported, nothing can be."""
    jax = sys.modules.get("jax")
    return jax is not None and isinstance(array, jax.Array)


def is_traced(array: object) -> bool:
    """Whether `array` stands for values that are not there yet: inside `jit` nobody can look at them."""
    jax = sys.modules.get("jax")
    return jax is not None and isinstance(array, jax.core.Tracer)


def array_library(*arrays: Any) -> ModuleType:
    """The module whose functions fit these arrays: jax.numpy where any of them is JAX's, else numpy.

    >>> array_library(np.zeros(2), 1.0).__name__
    'numpy'
    """
    if not any(is_jax(array) for array in arrays):
        return np
    import jax.numpy

    return jax.numpy


def is_floating(dtype: Any) -> bool:
    """Whether numbers of this type are real or complex ones, JAX's bfloat16 among them.

    NumPy itself takes bfloat16 for no number at all: np.issubdtype(bfloat16, np.inexact) is False.
    """
    return dtype.kind in "fc" or dtype.name == BFLOAT16


def limits(dtype: Any) -> tuple[Any, Any]:
    """The lowest and the highest number of a type: ∓∞ for floats, False and True for booleans."""
    if is_floating(dtype):
        return -math.inf, math.inf
    return (False, True) if dtype.kind == "b" else (int(np.iinfo(dtype).min), int(np.iinfo(dtype).max))


def widened(array: Any) -> Any:
    """`array` in float32 where it is of half precision, else itself."""
    return array.astype(np.float32) if array.dtype.name in (BFLOAT16, "float16") else array


# A decorator of what multiplies by NumPy's BLAS.  Its kernels compute on whole vectors, past the ends of the matrices
# too; what lies there may raise flags (https://github.com/numpy/numpy/issues/24067) though every number of the product
# is right, and NumPy would warn of finite matrices now and then.  In `with` the object could be used once only.
silent_products = np.errstate(all="ignore")

ALIGNMENT = 64  # bytes: where XLA takes a NumPy array as it lies, without a copy


def aligned_empty(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """`np.empty`, beginning at a multiple of 64 bytes: JAX's CPU device then reads the very same memory."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    memory = np.empty(size + ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    return memory[start : start + size].view(dtype).reshape(shape)


def aligned_copy(array: Any) -> np.ndarray:
    """A copy as a NumPy array that begins at a multiple of 64 bytes."""
    values = np.asarray(array)
    copied = aligned_empty(values.shape, values.dtype)
    np.copyto(copied, values)
    return copied
