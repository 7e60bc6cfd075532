# ruff: noqa: F401 (each module enters its operators)
"""What each ONNX operator is in madi: importing this package fills the table."""

from __future__ import annotations

from madi.onnx.operators import (
    activations,
    arithmetic,
    constants,
    convolution,
    linear,
    logic,
    normalization,
    pieces,
    pooling,
    reductions,
    shapes,
)
