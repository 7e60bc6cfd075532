"""What the trainer accepts as settings, checked where they are given."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any

import numpy as np

from madi.errors import ConfigurationError
from madi.training import metrics
from madi.training.losses import Loss


def as_augmentation(given: Sequence[Any]) -> tuple[Callable[..., Any], ...]:
    """The augmentations of a trainer: functions (x, key) -> x.

    They are part of what a compiled program is known by, so each must have a hash.
    """
    if not isinstance(given, (list, tuple)):
        raise ConfigurationError(f"augmentation: expected a list of functions (x, key) -> x, got {given!r}.")
    for entry in given:
        if not callable(entry) or isinstance(entry, type) or not isinstance(entry, Hashable):
            raise ConfigurationError(
                f"augmentation: expected functions (x, key) -> x, got {entry!r}. An object needs __call__ and __hash__."
            )
    return tuple(given)


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
    if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < least:
        raise ConfigurationError(f"{name} must be a whole number of at least {least}, got {value!r}.")
