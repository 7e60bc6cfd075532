"""What the augmentations share: the check of the images, and one call for draw and apply."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, ClassVar

import jax.numpy as jnp

from madi.errors import ConfigurationError, DataError, expect_shape
from madi.graph import Array
from madi.kernels.arrays import array_library, is_traced
from madi.kernels.random import raw_key
from madi.options import Interval, Options, checked_option, is_whole

Augment = Callable[[Array, Any], Array]  # (images, key) -> images

SHARE = Interval("a number from 0 to 1", lambda value: 0 <= value <= 1)


def whole(default: Any = dataclasses.MISSING, *, fix: str) -> Any:
    """A dataclass field that holds a whole number of at least 0."""

    def check(owner: Any, where: str, value: Any) -> int:
        if not is_whole(value) or value < 0:
            raise ConfigurationError(f"{where} must be a whole number of at least 0, got {value!r}. {fix}")
        return int(value)

    return checked_option(check, default)


class Augmentation(Options):
    """Base of the augmentations: a frozen dataclass of options, called as `augmentation(x, key)`.

    x      images (N, H, W, C) of a floating dtype, NumPy's or JAX's
    key    a random key; every example of the batch draws its own numbers from it

    Returns images of the same shape, dtype and library.  Pure: it traces under `jit`, the key as a value too.  The same
    key draws the same on both libraries.

    A subclass defines `draw(key, shape)`, the random numbers of images of that shape, and `apply(x, drawn)`.

    Raises ShapeError unless x has four axes, and DataError unless its values are floating numbers.
    """

    name: ClassVar[str]
    example: ClassVar[str]

    def __call__(self, x: Array, key: Any) -> Array:
        """The images, augmented."""
        where, fix = type(self).__name__, "Images are (N, H, W, C): reshape them, or leave the augmentation out."
        expect_shape(where, x.shape, (None,) * 4, fix=fix)
        if not jnp.issubdtype(x.dtype, jnp.floating):
            raise DataError(f"{where}: expected images of floating numbers, got {x.dtype}. Cast them to float32.")
        key = raw_key(key)
        x = jnp.asarray(x) if is_traced(key) else x
        return self.apply(x, self.draw(array_library(x).asarray(key), x.shape))

    def draw(self, key: Any, shape: tuple[int, ...]) -> Any:
        """The random numbers for images of this shape, in the library of the key; the first axis is the examples."""
        raise NotImplementedError(f"{type(self).__name__}: an augmentation defines draw(key, shape).")

    def apply(self, x: Array, drawn: Any) -> Array:
        """The images with the change that was drawn for each."""
        raise NotImplementedError(f"{type(self).__name__}: an augmentation defines apply(x, drawn).")

    def to_config(self) -> dict[str, Any]:
        """Name and options as plain JSON values: {"name": "crop", "padding": 4}."""
        return {**super().to_config(), "name": self.name}

    def expect_order(self, low: str, high: str) -> None:
        """Raise ConfigurationError unless the option `low` is at most the option `high`."""
        first, last = getattr(self, low), getattr(self, high)
        if first > last:
            raise ConfigurationError(
                f"{type(self).__name__}: {low} must be at most {high}, got {first} and {last}. Exchange them."
            )
