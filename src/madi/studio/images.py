"""Pictures as addresses that hold them, so that a page needs no file for each."""

from __future__ import annotations

import base64
import io

import numpy as np


def data_uri(pixels: np.ndarray) -> str:
    """uint8 pixels (H, W) or (H, W, 3 or 4) as the address of a PNG, pixel for pixel."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
