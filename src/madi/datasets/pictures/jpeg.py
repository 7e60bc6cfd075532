"""JPEG: its segments up to the first scan, without those that belong to other programs.

Source: ITU-T T.81, annex B.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from madi.datasets.pictures.frame import Frame
from madi.datasets.pictures.refusal import Refusal, corrupt

_EXIF = b"Exif\0\0"
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}  # SOF0 to SOF15, among which stand DHT, JPG and DAC
_SCAN, _END, _APP1 = 0xDA, 0xD9, 0xE1
_JFIF, _ADOBE = 0xE0, 0xEE  # they say what the channels are
_OTHERS = {*range(0xE0, 0xF0), 0xFE} - {_JFIF, _ADOBE}
_MOST_SCANS = 100  # each goes over all pixels again, and ten thousand fit into a megabyte; cameras write up to 12
_MOST_PIXELS_IN_BYTE = 512  # a block of 8 x 8 pixels takes a bit at least


def begins(data: bytes) -> bool:
    """Whether these are the first bytes of a JPEG."""
    return data[:3] == b"\xff\xd8\xff"


def read_frame(data: bytes) -> Frame:
    """The frame of a JPEG; raises Refusal for one that has none."""
    size, channels, exif, kept, end = (0, 0), 0, b"", [data[:2]], 2
    for marker, at, end in _segments(data):
        segment = data[at:end]
        if marker in _FRAMES:
            size, channels = (_number(segment[3:5]), _number(segment[5:7])), segment[7]
        elif marker == _APP1 and segment[2:8] == _EXIF:
            exif = exif or segment[8:]
        if marker not in _OTHERS:
            kept += [bytes([0xFF, marker]), segment]
    if not channels:
        raise corrupt("JPEG", "it has no frame before its first scan")
    if data.count(b"\xff\xda", end) > _MOST_SCANS:
        raise Refusal(f"a JPEG of more than {_MOST_SCANS} scans: it is made to take hours", "Convert it to PNG.")
    stored = len(data) - end
    content = partial(b"".join, [*kept, data[end:]])
    return Frame(size, channels == 1, stored, _MOST_PIXELS_IN_BYTE * stored, content, exif)


def _segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """(marker, begin, end) of each segment up to the first scan's own; a segment begins with its length.

    Raises IndexError where the file ends too early.
    """
    end, marker = 2, 0
    while marker != _SCAN:
        if data[end] != 0xFF:
            raise corrupt("JPEG", f"expected a marker (FF) at byte {end}, got {data[end]:02X}")
        while data[end] == 0xFF:  # a marker may have any number of them before it
            end += 1
        marker, at = data[end], end + 1
        if marker == _END:
            raise corrupt("JPEG", f"it ends at byte {at} without a picture")
        end = at + _number(data[at : at + 2])
        if end > len(data) or end < at + 2:
            raise IndexError
        yield marker, at, end


def _number(data: bytes) -> int:
    return int.from_bytes(data)
