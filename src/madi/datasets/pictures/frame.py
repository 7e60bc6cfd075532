"""What every kind of picture file tells of its pixels."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from madi.datasets.pictures.refusal import lying


class Frame(NamedTuple):
    """The pixels as a file stores them.

    size       (height, width), before any rotation
    grey       whether there are no colours: grey levels, or a palette of greys
    data       bytes that hold the pixels
    most       pixels that so many bytes can hold at most
    content    what the decoder needs of the file
    exif       the block that tells the orientation; b"" where there is none
    simple     rows of 8-bit grey ("L") or colour ("RGB") in one zlib stream, `content`; else ""
    """

    size: tuple[int, int]
    grey: bool
    data: int
    most: int
    content: Callable[[], bytes]
    exif: bytes = b""
    simple: str = ""

    def check(self) -> None:
        """Raise Refusal where the bytes cannot hold the pixels."""
        if self.size[0] * self.size[1] > self.most:
            raise lying(self.size, self.data)
