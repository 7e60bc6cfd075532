"""Networks with scikit-learn's interface: they take part in its pipelines, searches and cross-validations.

from madi.estimators import NeuralNetworkClassifier, NeuralNetworkRegressor
"""

from __future__ import annotations

import importlib
from typing import Any

_HOME_OF = {"NeuralNetworkClassifier": "classifier", "NeuralNetworkRegressor": "regressor"}

__all__ = sorted(_HOME_OF)


def __getattr__(name: str) -> Any:
    """The estimators load scikit-learn, so they wait until somebody asks for one."""
    if name not in _HOME_OF:
        raise AttributeError(f"module 'madi.estimators' has no attribute {name!r}")
    found = globals()[name] = getattr(importlib.import_module(f"madi.estimators.{_HOME_OF[name]}"), name)
    return found


def __dir__() -> list[str]:
    return __all__
