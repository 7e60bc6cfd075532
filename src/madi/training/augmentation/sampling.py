"""Values of images at places between, beside and outside their pixels: what the geometric augmentations rest on."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from madi.graph import Array
from madi.kernels.arrays import array_library, is_traced

FRACTIONS = 1024  # places count to 1/1024 of a pixel, so that a quarter turn meets the pixels exactly


def pixels_at(x: Array, rows: Any, columns: Any) -> Array:
    """x[i, rows, columns] for each image i; a place outside gives the nearest pixel of the edge.

    x         (N, H, W, C)
    rows      whole numbers that broadcast with `columns` to (N, h, w); returns (N, h, w, C)
    """
    xp, (n, h, w, _) = array_library(x), x.shape
    index = np.arange(n, dtype=np.int32)[:, None, None], xp.clip(rows, 0, h - 1), xp.clip(columns, 0, w - 1)
    # One gather of clipped indices: a third of the time of its "fill" mode, and of slices of padded images half.
    return x[index] if xp is np else x.at[index].get(mode="promise_in_bounds")


def within(places: Any, size: int) -> Any:
    """Which places lie on an axis of that size."""
    return (places >= 0) & (places < size)


def bilinear(x: Array, rows: Any, columns: Any) -> Array:
    """Images at places between their pixels, from the four around each; outside the image there are zeros.

        y = (1-v) ((1-u) x[t, l] + u x[t, l+1]) + v ((1-u) x[t+1, l] + u x[t+1, l+1])
        t = floor(row),  v = row - t,  l = floor(column),  u = column - l

    rows      pixels, as floating numbers, that broadcast with `columns` to (N, h, w); returns (N, h, w, C)
    """
    top, upper, lower = _neighbours(rows, x.shape[1], x.dtype)
    left, before, after = _neighbours(columns, x.shape[2], x.dtype)

    def along(row: Any) -> Array:
        return before * pixels_at(x, row, left) + after * pixels_at(x, row, left + 1)

    return upper * along(top) + lower * along(top + 1)


def _neighbours(places: Any, size: int, dtype: Any) -> tuple[Any, Any, Any]:
    """The last pixel before each place, its weight and that of the next pixel; one outside has the weight 0."""
    xp = array_library(places)
    places = xp.clip(xp.round(places * FRACTIONS) / FRACTIONS, -1, size)
    first = xp.floor(places).astype(np.int32)
    share = places - first.astype(places.dtype)
    # Weights of 0 cost less than masks on the four gathered arrays.
    weights = (xp.where(within(pixel, size), weight, 0) for pixel, weight in ((first, 1 - share), (first + 1, share)))
    return first, *(weight.astype(dtype)[..., None] for weight in weights)


def from_centre(size: int) -> np.ndarray:
    """How far each pixel of an axis lies from its middle, float32: of 4 pixels -1.5, -0.5, 0.5, 1.5."""
    return np.arange(size, dtype=np.float32) - np.float32((size - 1) / 2)


def about_centre(x: Array, rows: Any, columns: Any) -> Array:
    """`bilinear` at places counted from the middle of the image."""
    _, h, w, _ = x.shape
    return bilinear(x, rows + np.float32((h - 1) / 2), columns + np.float32((w - 1) / 2))


def held_apart(x: Array) -> Array:
    """x itself; a program compiled for a CPU stores it before it goes on.

    Without this XLA computes a rotation anew for each of the four gathers of a scaling that follows: 3.1 ms instead of
    0.6 for 128 images of 32x32x3.  It looks through a plain barrier, but not through a branch that it cannot foresee.
    """
    return lax.platform_dependent(x, cpu=_chosen, default=lambda x: x) if is_traced(x) else x


def _chosen(x: jax.Array) -> jax.Array:
    always = lax.optimization_barrier(jnp.bool_(True))
    return lax.cond(always, lambda x: x, jnp.zeros_like, x)
