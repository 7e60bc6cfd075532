"""Arrays as small PNG pictures within a page."""

from __future__ import annotations

import base64
import io

import numpy as np

SIDE = 96  # pixels that a tiny picture is enlarged to, at least
LARGEST = 224  # of a side: larger ones are reduced

# Dark, orange, light: by how much the answer hangs on a pixel.
STOPS = np.array([0.0, 0.5, 1.0])
RAMP = np.array([[20, 20, 28], [226, 92, 10], [255, 244, 214]], float)


def is_picture(shape: tuple[int, ...]) -> bool:
    """Whether an example of this shape can be shown: (H, W, C) of 1, 3 or 4 channels, or (H, W)."""
    return (len(shape) == 2 and min(shape) > 1) or (len(shape) == 3 and shape[2] in (1, 3, 4) and min(shape[:2]) > 1)


def picture(x: np.ndarray) -> str:
    """An example (H, W), (H, W, C) as a data URI: 0..1 as it is, other ranges stretched to their own."""
    low, high = float(x.min()), float(x.max())
    inside = low >= 0 and high <= 1
    scaled = x if inside else (x - low) / ((high - low) or 1.0)
    channels = scaled.reshape(*x.shape[:2], -1)
    return data_uri(np.round(255 * np.clip(channels, 0, 1)).astype(np.uint8))


def heat(amounts: np.ndarray) -> str:
    """Amounts of at least 0, (H, W) or (H, W, C) whose largest channel counts, from dark (0) to light (the largest)."""
    flat = amounts.reshape(*amounts.shape[:2], -1).max(axis=-1)
    shares = flat / (flat.max() or 1.0)
    return data_uri(
        np.stack([np.interp(shares, STOPS, RAMP[:, c]) for c in range(3)], axis=-1).round().astype(np.uint8)
    )


def data_uri(pixels: np.ndarray) -> str:
    """uint8 pixels (H, W, 1, 3 or 4) as a PNG; tiny ones are enlarged without smoothing."""
    from PIL import Image

    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    longest = max(image.size)
    if longest < SIDE:
        times = -(-SIDE // longest)
        image = image.resize((image.width * times, image.height * times), Image.Resampling.NEAREST)
    image.thumbnail((LARGEST, LARGEST))
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
