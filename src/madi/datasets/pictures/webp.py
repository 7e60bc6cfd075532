"""WebP: the size of its canvas, before the decoder takes memory for it.

A lossless WebP of one colour takes next to no bytes at any size: no number of bytes is too few for a number of pixels.
Up to 16 million pixels are believed; of more, a byte for 4096 is demanded (lossy, blank paper takes one for 550).

Source: RFC 9649.
"""

from __future__ import annotations

import struct
from functools import partial

from madi.datasets.pictures.frame import Frame
from madi.datasets.pictures.refusal import corrupt, truncated

_LOSSY, _LOSSLESS, _EXTENDED = b"VP8 ", b"VP8L", b"VP8X"
_SIZE = 0x3FFF
_BELIEVED, _MOST_PIXELS_IN_BYTE = 2**24, 4096


def begins(data: bytes) -> bool:
    """Whether these are the first bytes of a WebP."""
    return data[:4] == b"RIFF" and data[8:12] == b"WEBP"


def read_frame(data: bytes) -> Frame:
    """The frame of a WebP; raises Refusal for one that is cut off, struct.error where that is within its header."""
    declared = struct.unpack_from("<I", data, 4)[0] + 8
    size = _canvas(data)
    if declared > len(data):
        raise truncated("WebP", f"expected {declared} bytes, got {len(data)}")
    most = max(_BELIEVED, _MOST_PIXELS_IN_BYTE * len(data))
    return Frame(size, False, len(data), most, partial(bytes, data), _exif(data))


def _canvas(data: bytes) -> tuple[int, int]:
    """(height, width)."""
    kind = data[12:16]
    if kind == _LOSSY:
        width, height = struct.unpack_from("<HH", data, 26)
        return height & _SIZE, width & _SIZE
    if kind == _LOSSLESS:
        (bits,) = struct.unpack_from("<I", data, 21)
        return (bits >> 14 & _SIZE) + 1, (bits & _SIZE) + 1
    if kind == _EXTENDED:
        low_width, high_width, low_height, high_height = struct.unpack_from("<HBHB", data, 24)
        return (high_height << 16 | low_height) + 1, (high_width << 16 | low_width) + 1
    raise corrupt("WebP", f"expected a chunk VP8, VP8L or VP8X at byte 12, got {kind!r}")


def _exif(data: bytes) -> bytes:
    at = 12
    while at + 8 <= len(data):
        (length,) = struct.unpack_from("<I", data, at + 4)
        if data[at : at + 4] == b"EXIF":
            return data[at + 8 : at + 8 + length].removeprefix(b"Exif\0\0")
        at += 8 + length + length % 2
    return b""
