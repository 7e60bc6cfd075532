"""The settings of `load_pictures`, checked before any file is looked at."""

from __future__ import annotations

from typing import Any, NamedTuple

from madi.datasets.pictures.header import MOST_PIXELS
from madi.errors import ConfigurationError, argument
from madi.options import is_number, is_whole

Size = tuple[int, int]


class Shares(NamedTuple):
    """Shares of the pictures for the test and for validation."""

    test: float
    validation: float


def checked_shares(test: Any, validation: Any) -> Shares:
    """Shares of at least 0 that leave some pictures to train on; ConfigurationError for others."""
    numeric = all(map(is_number, (test, validation)))
    if not (numeric and test >= 0 and validation >= 0 and test + validation < 1):
        given, usual = _spoken(test, validation), _spoken(0.2, 0.1)
        text = f"expected shares of at least 0 that leave pictures to train on, got {given}. Try {usual}."
        raise ConfigurationError(f"load_pictures: {text}")
    return Shares(float(test), float(validation))


def _spoken(test: Any, validation: Any) -> str:
    return f"{argument('test', test)}, {argument('validation', validation)}"


def checked_size(size: Any) -> Size | None:
    """(height, width) of one number or of two; None for None; ConfigurationError for anything else."""
    sides = (size, size) if is_whole(size) else size
    if sides is None:
        return None
    pair = isinstance(sides, (tuple, list)) and len(sides) == 2 and all(map(is_whole, sides))
    if not (pair and min(sides) > 0 and sides[0] * sides[1] <= MOST_PIXELS):
        text = f"expected (height, width) or one number for both, of at least 1 pixel and {MOST_PIXELS} in all"
        raise ConfigurationError(
            f"load_pictures: {argument('size')}: {text}, got {size!r}. Try {argument('size', (64, 64))}."
        )
    return int(sides[0]), int(sides[1])


def checked_channels(channels: Any) -> int | None:
    """1, 3 or None; ConfigurationError for anything else."""
    if channels is not None and not (is_whole(channels) and channels in (1, 3)):
        raise ConfigurationError(
            f"load_pictures: {argument('channels')}: expected 1 (grey) or 3 (colour), got {channels!r}. Leave it out."
        )
    return channels if channels is None else int(channels)


def checked_seed(seed: Any) -> int:
    """A seed that NumPy's generator takes; ConfigurationError for anything else."""
    if not (is_whole(seed) and 0 <= seed < 2**32):
        raise ConfigurationError(f"load_pictures: seed: expected an integer from 0 to 4294967295, got {seed!r}. Try 0.")
    return int(seed)
