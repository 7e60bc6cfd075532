"""BMP: the size, the palette and the bytes of the pixels.

Source: Microsoft, Bitmap storage, and the structures BITMAPCOREHEADER to BITMAPV5HEADER.
"""

from __future__ import annotations

import struct

from madi.datasets.pictures.frame import Frame

_CORE = 12  # bytes of the oldest header, whose sizes have 16 bits
_RUNS = (1, 2)  # RLE8, RLE4
_MOST_PIXELS_IN_BYTE = 128  # of runs: 255 in two bytes


def begins(data: bytes) -> bool:
    """Whether these are the first bytes of a BMP."""
    return data[:2] == b"BM" and len(data) > 14


def read_frame(data: bytes) -> Frame:
    """The frame of a BMP; raises struct.error where it is cut off."""
    offset, length = struct.unpack_from("<II", data, 10)
    core = length == _CORE
    width, height, _, bits = struct.unpack_from("<HHHH" if core else "<IiHH", data, 18)
    runs = not core and struct.unpack_from("<I", data, 30)[0] in _RUNS
    stored = max(len(data) - max(offset, 14 + length), 0)
    row = max((width * bits + 31) // 32 * 4, 1)
    most = _MOST_PIXELS_IN_BYTE * stored if runs else stored // row * width
    grey = bits <= 8 and _is_grey(data[14 + length : offset], 3 if core else 4)
    return Frame((abs(height), width), grey, stored, most, content=lambda: data)


def _is_grey(palette: bytes, step: int) -> bool:
    """Whether red, green and blue are equal in every entry of a palette."""
    whole = palette[: len(palette) // step * step]
    return whole[0::step] == whole[1::step] == whole[2::step]
