"""The steps by kind of layer; importing this fills the tables."""

# ruff: noqa: F401
from __future__ import annotations

from madi.onnx.network.steps import activations, arithmetic, images, rows, shapes
