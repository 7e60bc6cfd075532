"""What a picture's file says before any pixel is decoded: its kind by content, its size, and whether that can be true.

Read here and not by the decoder, because a decoder takes memory for the size that a header declares.  What the pixels
do not need (text, colour profiles, previews, animation) is left out of what the decoder gets to see.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import NamedTuple

from madi.datasets.pictures import bmp, jpeg, png, webp
from madi.datasets.pictures.exif import orientation
from madi.datasets.pictures.frame import Frame
from madi.datasets.pictures.refusal import Refusal, not_a_picture, truncated

MOST_PIXELS = 2**26  # 8192 x 8192: 256 MiB, decoded
MOST_BYTES = 2**29  # of a file: more than so many pixels have without any compression

_KINDS: dict[str, tuple[Callable[[bytes], bool], Callable[[bytes], Frame]]] = {
    "PNG": (png.begins, png.read_frame),
    "JPEG": (jpeg.begins, jpeg.read_frame),
    "BMP": (bmp.begins, bmp.read_frame),
    "WebP": (webp.begins, webp.read_frame),
}


class Header(NamedTuple):
    """A picture as its file declares it: its kind ("PNG", "JPEG", "BMP", "WebP"), its frame, EXIF's orientation."""

    kind: str
    frame: Frame
    orientation: int

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) after the rotation that EXIF asks for."""
        height, width = self.frame.size
        return (width, height) if self.orientation >= 5 else (height, width)


def is_picture(data: bytes) -> bool:
    """Whether the first bytes are those of a PNG, JPEG, BMP or WebP."""
    return any(begins(data) for begins, _ in _KINDS.values())


def read_header(data: bytes) -> Header:
    """The header of a picture.

    data    the whole file

    Raises Refusal for what is no picture, is cut off, has no pixels, more than MOST_PIXELS, or declares more pixels
    than its bytes can hold.
    """
    if len(data) > MOST_BYTES:
        raise Refusal(f"expected at most {MOST_BYTES >> 20} MiB, got more", "Make it smaller, or remove it.")
    for kind, (begins, read_frame) in _KINDS.items():
        if begins(data):
            return _checked(kind, read_frame, data)
    raise not_a_picture(data)


def _checked(kind: str, read_frame: Callable[[bytes], Frame], data: bytes) -> Header:
    try:
        frame = read_frame(data)
    except (struct.error, IndexError):
        raise truncated(kind, f"its {len(data)} bytes end within its header") from None
    height, width = frame.size
    if not (height and width):
        raise Refusal(f"declares {height} x {width} pixels, expected at least 1 x 1")
    if height * width > MOST_PIXELS:
        text = f"declares {height} x {width} pixels, expected at most {MOST_PIXELS} in all (8192 x 8192)"
        raise Refusal(text, "Make the picture smaller, or remove it.")
    frame.check()
    return Header(kind, frame, orientation(frame.exif))
