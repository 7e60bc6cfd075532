"""Matrix products."""

from __future__ import annotations

from typing import Any

import madi.functions as F
from madi.graph import Variable
from madi.onnx.table import operator
from madi.onnx.value import Value


@operator("MatMul")
def matmul(x0: Value, x1: Value) -> Value:
    """x0 x1 over the last two axes."""
    product = F.affine if x0.ndim > 1 and x1.ndim == 2 else F.matmul  # the same, and affine has kernels of its own
    return Value(product(x0.first, x1.first))


@operator("Gemm", since=7)
def gemm(
    a: Value, b: Value, c: Value | None = None, *, alpha: float = 1.0, beta: float = 1.0, transA: int = 0,
    transB: int = 0,
) -> Value:  # fmt: skip
    """alpha A B + beta C, of which A and B may be transposed first."""
    x, weight = _turned(a, transA), _turned(b, transB)
    if alpha == beta == 1 and (c is None or c.shape == weight.shape[1:]):
        return Value(F.affine(x, weight, None if c is None else c.first))
    y = _times(F.affine(x, weight), alpha)
    return Value(y if c is None else F.add(y, _times(c.first, beta)))


@operator("Gemm")
def gemm_before_7(a: Value, b: Value, c: Value, *, broadcast: int = 0, alpha: float = 1.0, beta: float = 1.0,
    transA: int = 0, transB: int = 0,
) -> Value:  # fmt: skip
    """alpha A B + beta C; C has the shape of the product, or repeats to it as `broadcast` says."""
    return gemm(a, b, c, alpha=alpha, beta=beta, transA=transA, transB=transB)


def _turned(value: Value, transposed: int) -> Variable:
    return F.transpose(value.first) if transposed else value.first


def _times(x: Variable, factor: float) -> Any:
    return x if factor == 1 else F.cast(F.multiply(x, factor), x.dtype)
