"""Functions of each number by itself."""

from __future__ import annotations

import math
from typing import Any

import madi.functions as F
from madi.graph import Function
from madi.onnx.exporting.table import exporter
from madi.onnx.exporting.writer import Tensor, Writer

PLAIN: dict[type[Function], str] = {
    **{F.Exp: "Exp", F.Log: "Log", F.Sqrt: "Sqrt", F.Absolute: "Abs", F.Erf: "Erf", F.Negative: "Neg"},
    **{F.Sigmoid: "Sigmoid", F.Tanh: "Tanh", F.ReLU: "Relu", F.Softplus: "Softplus"},
    **{F.Sin: "Sin", F.Cos: "Cos", F.Floor: "Floor"},
}
OF_SEVERAL: dict[type[Function], str] = {
    **{F.Add: "Add", F.Subtract: "Sub", F.Multiply: "Mul", F.Divide: "Div", F.Power: "Pow"},
    **{F.Maximum: "Max", F.Minimum: "Min"},
}
GELU_SINCE = 20


@exporter(*PLAIN)
def plain(write: Writer, node: Function, x: Tensor) -> Tensor:
    """One node of one input."""
    return write.elementwise(PLAIN[type(node)], x)


@exporter(*OF_SEVERAL)
def several(write: Writer, node: Function, *xs: Tensor) -> Tensor:
    """One node of inputs that broadcast, and are of one type there."""
    return write.elementwise(OF_SEVERAL[type(node)], *(write.cast(x, write.dtype) for x in xs))


@exporter(F.Identity)
def identity(write: Writer, node: F.Identity, x: Tensor) -> Tensor:
    """Nothing to write."""
    return x


@exporter(F.Step)
def step(write: Writer, node: F.Step, x: Tensor) -> Tensor:
    """x > 0 as a number."""
    return write.cast(write.elementwise("Greater", x, 0.0, dtype="bool"), write.dtype)


@exporter(F.LeakyReLU)
def leaky_relu(write: Writer, node: F.LeakyReLU, x: Tensor) -> Tensor:
    """LeakyRelu."""
    return write.elementwise("LeakyRelu", x, alpha=float(node.slope))


@exporter(F.ELU)
def elu(write: Writer, node: F.ELU, x: Tensor) -> Tensor:
    """Elu."""
    return write.elementwise("Elu", x, alpha=float(node.alpha))


@exporter(F.HardSigmoid)
def hard_sigmoid(write: Writer, node: F.HardSigmoid, x: Tensor) -> Tensor:
    """HardSigmoid."""
    return write.elementwise("HardSigmoid", x, alpha=float(node.slope), beta=float(node.offset))


@exporter(F.PReLU)
def prelu(write: Writer, node: F.PReLU, x: Tensor, slope: Tensor) -> Tensor:
    """PRelu, whose slope must repeat to x."""
    return write.elementwise("PRelu", x, write.cast(slope, x.dtype))


@exporter(F.GELU)
def gelu(write: Writer, node: F.GELU, x: Tensor) -> Tensor:
    """Gelu; before version 20: x (1 + erf(x / √2)) / 2."""
    if write.opset >= GELU_SINCE:
        return write.elementwise("Gelu", x)
    return _halved(write, x, write.elementwise("Erf", write.elementwise("Mul", x, math.sqrt(0.5))))


@exporter(F.TanhGELU)
def tanh_gelu(write: Writer, node: F.TanhGELU, x: Tensor) -> Tensor:
    """Gelu; before version 20: x (1 + tanh(√(2/π) (x + 0.044715 x³))) / 2."""
    if write.opset >= GELU_SINCE:
        return write.elementwise("Gelu", x, approximate="tanh")
    cubic = write.elementwise("Mul", write.elementwise("Pow", x, 3.0), 0.044715)
    inner = write.elementwise("Mul", write.elementwise("Add", x, cubic), math.sqrt(2 / math.pi))
    return _halved(write, x, write.elementwise("Tanh", inner))


def _halved(write: Writer, x: Tensor, t: Tensor) -> Tensor:
    """x (1 + t) / 2."""
    return write.elementwise("Mul", write.elementwise("Mul", x, write.elementwise("Add", t, 1.0)), 0.5)


@exporter(F.Clip)
def clip(write: Writer, node: F.Clip, x: Tensor) -> Tensor:
    """Clip between numbers; Max and Min where a bound is an array."""
    low, high = (getattr(bound, "value", bound) for bound in (node.low, node.high))
    bounds = [None if bound is None else write.cast(bound, x.dtype) for bound in (low, high)]
    if all(bound is None or bound.ndim == 0 for bound in bounds):
        return write.held(x, *bounds)
    for kind, bound in zip(("Max", "Min"), bounds, strict=True):
        x = x if bound is None else write.elementwise(kind, x, bound)
    return x


@exporter(F.Where)
def where(write: Writer, node: F.Where, mask: Tensor, *xs: Tensor) -> Tensor:
    """Where."""
    return write.elementwise("Where", mask, *(write.cast(x, write.dtype) for x in xs))


@exporter(F.Cast)
def cast(write: Writer, node: F.Cast, x: Tensor) -> Any:
    """Cast."""
    return write.cast(x, write.dtype)
