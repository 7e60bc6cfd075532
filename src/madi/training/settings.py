"""What the trainer accepts as settings, checked where they are given."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any

import numpy as np

from madi.errors import ConfigurationError, unknown_name
from madi.options import is_whole
from madi.training import augmentation, metrics
from madi.training.losses import Loss

PRECISIONS = ("float32", "bfloat16")


def as_augmentation(given: Sequence[Any]) -> tuple[Callable[..., Any], ...]:
    """The augmentations of a trainer: functions (x, key) -> x, some of them by name.

    They are part of what a compiled program is known by, so each must have a hash.
    """
    if not isinstance(given, (list, tuple)):
        raise ConfigurationError(f"augmentation: expected a list such as ['flip', 'crop:4'], got {given!r}.")
    found = tuple(augmentation.get(entry) for entry in given)
    for entry in found:
        if not isinstance(entry, Hashable):
            raise ConfigurationError(
                f"augmentation: expected functions that have a hash, got {entry!r}. Give its class a __hash__."
            )
    return found


def as_precision(precision: str | None, *, dtype: np.dtype[Any], engine: str) -> str | None:
    """The precision of a trainer's activations where it is not that of its weights, else None.

    Raises UnknownNameError, and ConfigurationError where dtype or engine do not go with it.
    """
    if precision is not None and precision not in PRECISIONS:
        raise unknown_name("precision", precision, PRECISIONS)
    if precision is not None and dtype != np.float32:
        raise ConfigurationError(
            f"precision: expected dtype='float32' for precision={precision!r}, got {dtype.name}. Leave one of them out."
        )
    if precision == "bfloat16" and engine == "numpy":
        raise ConfigurationError(
            "precision='bfloat16': the NumPy engine computes in float32 and float64 alone. Use engine='jax'."
        )
    return None if precision == "float32" else precision


def as_metrics(given: Sequence[Any], loss: Loss) -> list[Any]:
    """The metrics of a trainer: names, or functions (targets, outputs) -> number, none called as another."""
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise ConfigurationError(f"metrics: expected a list such as ['accuracy'], got {given!r}.")
    found = [metrics.get(entry, loss) for entry in given]
    names = ["loss", *(metric.name for metric in found)]
    if twice := [name for name in names if names.count(name) > 1]:
        raise ConfigurationError(f"metrics: two are called {twice[0]!r}. Each needs a name of its own.")
    return found


def floating(dtype: Any) -> np.dtype[Any]:
    """float32 or float64 by whatever NumPy takes for it; ConfigurationError for any other."""
    try:
        found = np.dtype(dtype)
    except TypeError:
        found = np.dtype(object)
    if found not in (np.float32, np.float64):
        raise ConfigurationError(f"dtype must be 'float32' or 'float64', got {dtype!r}.")
    return found


def expect_whole(name: str, value: Any, *, least: int = 1) -> None:
    """Raise ConfigurationError unless `value` is a whole number of at least `least`."""
    if not is_whole(value) or value < least:
        raise ConfigurationError(f"{name} must be a whole number of at least {least}, got {value!r}.")
