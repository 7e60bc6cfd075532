"""The one thing of EXIF that changes the pixels: which side of the stored picture is up."""

from __future__ import annotations

import struct

UPRIGHT = 1
_ORIENTATION, _SHORT = 0x0112, 3
_ORDERS = {b"II*\0": "<", b"MM\0*": ">"}


def orientation(exif: bytes) -> int:
    """The orientation, 1 to 8, that an EXIF block (without its "Exif" mark) tells; 1 where it tells none, or nonsense.

    Source: CIPA DC-008, Exif 2.32, 4.6.4 (tag 0x0112).
    """
    order = _ORDERS.get(exif[:4])
    if order is None:
        return UPRIGHT
    try:
        return _first_directory(exif, order)
    except struct.error:  # it ends too early
        return UPRIGHT


def _first_directory(exif: bytes, order: str) -> int:
    (at,) = struct.unpack_from(order + "I", exif, 4)
    (count,) = struct.unpack_from(order + "H", exif, at)
    for entry in range(at + 2, at + 2 + 12 * count, 12):
        tag, kind, _, value = struct.unpack_from(order + "HHIH", exif, entry)
        if tag == _ORIENTATION:
            return value if kind == _SHORT and 1 <= value <= 8 else UPRIGHT
    return UPRIGHT
