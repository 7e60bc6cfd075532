"""Images of three channels as the coloured pictures that they are."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np

from madi.studio.images import data_uri

COLOURS = 3
SMALLEST = 2  # pixels of a side


def is_coloured(images: Any) -> bool:
    """Whether an array (N, H, W, C) is of images in red, green and blue."""
    return np.ndim(images) == 4 and np.shape(images)[3] == COLOURS and min(np.shape(images)[1:3]) >= SMALLEST


def coloured_html(images: Any, label: str) -> str:
    """The first of the images (N, H, W, 3) as a picture.

    Numbers from 0 to 1 are taken as they are; others, of data that are scaled in another way, from the least to the
    largest.
    """
    source = data_uri(levels(np.asarray(images[0], np.float64)))
    return f'<img class="coloured" src="{source}" alt="{escape(label, quote=True)}">'


def levels(image: np.ndarray) -> np.ndarray:
    """The numbers as bytes."""
    finite = np.nan_to_num(image, posinf=1.0, neginf=0.0)
    low, high = min(float(finite.min()), 0.0), max(float(finite.max()), 1.0)
    if low < 0 or high > 1:
        low, high = float(finite.min()), float(finite.max())
    return np.rint((finite - low) / max(high - low, 1e-12) * 255).astype(np.uint8)
