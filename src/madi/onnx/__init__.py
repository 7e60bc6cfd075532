"""ONNX, in and out: a network trained anywhere is opened, and one trained in madi runs anywhere.

loaded = madi.onnx.load("resnet50.onnx")
loaded.run({"image": x})            # the graph's outputs
loaded.model                        # madi's layers: trainable, drawable
madi.onnx.export(model, "m.onnx")
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import madi.onnx.operators  # noqa: F401 (fills the table)
from madi.onnx.loaded import Loaded, load
from madi.onnx.refusal import Unsupported
from madi.onnx.table import OPERATORS

if TYPE_CHECKING:
    from madi.onnx.backend import Backend
    from madi.onnx.exporting import ExportMismatch, export, exporter

__all__ = ["OPERATORS", "Backend", "ExportMismatch", "Loaded", "Unsupported", "export", "exporter", "load"]

_LAZY = {
    "Backend": "madi.onnx.backend",
    **dict.fromkeys(("ExportMismatch", "export", "exporter"), "madi.onnx.exporting"),
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'madi.onnx' has no attribute '{name}'")
    from importlib import import_module

    from madi.onnx.package import onnx_package

    onnx_package()
    return getattr(import_module(_LAZY[name]), name)
