"""How each of madi's functions is written: a few lines each, entered in the table of exports."""

# ruff: noqa: F401 (to import them is to enter them)
from __future__ import annotations

from madi.onnx.exporting.nodes import elementwise, images, rows, shaping
