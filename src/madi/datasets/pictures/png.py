"""PNG: its chunks, of which only those that the pixels need are kept.

Source: W3C, Portable Network Graphics (PNG) Specification, third edition, 2025.
"""

from __future__ import annotations

import struct
import zlib
from collections import defaultdict
from functools import partial

from madi.datasets.pictures.frame import Frame
from madi.datasets.pictures.refusal import corrupt, truncated

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type
_GREY, _COLOUR, _PALETTE = 0, 2, 3
_SIMPLE = {(8, _GREY): "L", (8, _COLOUR): "RGB"}
_NEEDED = (b"IHDR", b"PLTE", b"tRNS", b"IDAT")
_MOST_INFLATED = 1032  # bytes that a byte of deflate can become


def begins(data: bytes) -> bool:
    """Whether these are the first bytes of a PNG."""
    return data[:8] == SIGNATURE


def read_frame(data: bytes) -> Frame:
    """The frame of a PNG; raises Refusal for one that is cut off, or whose checksums do not hold."""
    chunks = _chunks(data)
    if len(chunks[b"IHDR"]) != 1 or not chunks[b"IDAT"]:
        raise corrupt("PNG", "expected one IHDR and at least one IDAT chunk")
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", chunks[b"IHDR"][0])
    stored = sum(map(len, chunks[b"IDAT"]))
    bits = depth * _CHANNELS.get(colour, 1)
    grey = colour in (0, 4) or (colour == _PALETTE and _is_grey(b"".join(chunks[b"PLTE"])))
    simple = "" if interlaced or chunks[b"tRNS"] else _SIMPLE.get((depth, colour), "")
    content = partial(b"".join, chunks[b"IDAT"]) if simple else partial(_rebuilt, chunks)
    return Frame(
        (height, width),
        grey,
        stored,
        most=_MOST_INFLATED * stored * 8 // max(bits, 1),
        content=content,
        exif=b"".join(chunks[b"eXIf"][:1]),
        simple=simple,
    )


def _chunks(data: bytes) -> dict[bytes, list[bytes]]:
    """The content of each chunk by its name, up to IEND; checksums are checked where the pixels need them."""
    found: dict[bytes, list[bytes]] = defaultdict(list)
    at, kind = 8, b""
    while kind != b"IEND":
        if at + 12 > len(data):
            raise truncated("PNG", f"expected a chunk at byte {at}, got {len(data)} bytes in all")
        length = int.from_bytes(data[at : at + 4])
        kind, content, end = data[at + 4 : at + 8], data[at + 8 : at + 8 + length], at + 12 + length
        if end > len(data):
            text = f"expected {end} bytes for its chunk {kind!r} at byte {at}, got {len(data)}"
            raise truncated("PNG", text)
        if kind in _NEEDED and zlib.crc32(data[at + 4 : end - 4]) != int.from_bytes(data[end - 4 : end]):
            raise corrupt("PNG", f"the checksum of its chunk {kind!r} at byte {at} does not hold")
        found[kind].append(content)
        at = end
    return found


def _rebuilt(chunks: dict[bytes, list[bytes]]) -> bytes:
    """A PNG of nothing but the chunks that the pixels need."""
    kept = [(name, content) for name in _NEEDED for content in chunks[name]]
    return SIGNATURE + b"".join(_chunk(name, content) for name, content in [*kept, (b"IEND", b"")])


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def _is_grey(palette: bytes) -> bool:
    return palette[0::3] == palette[1::3] == palette[2::3]
