"""madi: a neural-network library in which every node is an equation, read forward and backward.

Names load where they are first used, so that `import madi` costs what NumPy and JAX cost.
"""

from __future__ import annotations

import importlib

TYPE_CHECKING = False  # typing would be imported before madi.cli hears signals
if TYPE_CHECKING:
    from typing import Any

_HOMES = {
    "madi.errors": ("MadiError", "GradientMismatch"),
    "madi.graph": (
        *("Function", "Parameter", "Variable", "no_grad"),
        *("check_gradients", "draw", "numerical_gradient", "trace"),
    ),
    "madi.layers": ("Sequential", "load", "save"),
    "madi.training": ("Trainer", "predict", "predict_classes"),
}
_MODULES = (
    *("datasets", "diagnostics", "estimators", "functions", "graph", "initializers", "lab", "layers", "models"),
    *("onnx", "optimizers", "schedules", "tensorboard", "training", "tuning"),
)
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = sorted([*_HOME_OF, *_MODULES, "__version__"])


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("madi")
    if name in _MODULES:
        return importlib.import_module(f"madi.{name}")
    if name not in _HOME_OF:
        raise AttributeError(f"module 'madi' has no attribute {name!r}")
    # Operators join Variable in madi.functions: whoever reaches for a Variable wants them.
    importlib.import_module("madi.functions")
    value = globals()[name] = getattr(importlib.import_module(_HOME_OF[name]), name)
    return value


def __dir__() -> list[str]:
    return __all__
