"""ONNX, in and out: a network trained anywhere is opened, and one trained in madi runs anywhere."""

from __future__ import annotations

from madi.onnx.refusal import Unsupported
from madi.onnx.table import OPERATORS

__all__ = ["OPERATORS", "Unsupported"]
