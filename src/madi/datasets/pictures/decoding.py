"""From a picture's file to numbers in 0..1: one definition for each way in which pixels are stored.

    grey, 8 bits           v / 255
    grey, 1, 2, 4 bits     spread over 0..255 first: 1 bit is black 0 and white 1
    grey, 16 bits          v / 65535
    colour, 8 bits         v / 255 for red, green, blue
    colour, 16 bits        the high byte of each (so too for grey with alpha)
    palette                the colour that the entry names; a palette of greys makes a grey picture
    alpha, any kind        laid on white: a v + (1 - a) 255, rounded to 8 bits; so are the colours that PNG calls
                           transparent
    CMYK (JPEG)            R = 255 - K - C (255 - K) / 255, likewise G of M and B of Y: pillow's, without any profile
    to grey                0.299 R + 0.587 G + 0.114 B (ITU-R BT.601), rounded
    to colour              the grey level three times
    EXIF's orientation     applied
    animated               the first frame
    colour profiles        ignored

Another size: the largest part in the middle that has the shape wanted, resized by pillow's antialiased bilinear filter
(so the shorter side fits, and the longer one is cropped).  A JPEG of at least twice that size in both directions is
decoded at 1/2, 1/4 or 1/8 of its own first, still at twice the size wanted or more.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image, ImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from madi.datasets.pictures.header import Header
from madi.datasets.pictures.refusal import corrupt, truncated

# pillow's own readers, called by name: its `Image.open` tries every format that is installed.
_FILES: dict[str, Callable[[Any], ImageFile.ImageFile]] = {
    "PNG": PngImageFile,
    "JPEG": JpegImageFile,
    "BMP": BmpImageFile,
    "WebP": WebPImageFile,
}
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_DEEP = "I;16"  # pillow's mode of 16-bit grey
_GREY = ("L", "F")
_STORED = {"L": ("u1", np.float32(255)), "RGB": ("u1", np.float32(255)), "F": ("f4", np.float32(1))}  # type, white
_BY_PILLOW = (
    *(OSError, SyntaxError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, EOFError),
    *(RuntimeError, struct.error, zlib.error),
)  # what its readers raise on broken data


def decode(header: Header, out: np.ndarray) -> None:
    """Put a picture, as numbers in 0..1, into an array of the size and channels wanted.

    header    of the file: see `read_header`
    out       float32, (height, width, channels); 1 channel for grey, 3 for colour

    Raises Refusal for what is cut off or corrupt.
    """
    height, width, channels = out.shape
    image = _open(header, (height, width))
    if header.orientation in _UPRIGHT:
        image = image.transpose(_UPRIGHT[header.orientation])
    image = _fitted(image, (height, width))
    if channels == 1 and image.mode not in _GREY:
        image = image.convert("L")
    kind, most = _STORED[image.mode]
    np.divide(np.frombuffer(image.tobytes(), kind).reshape(height, width, -1), most, out=out)


def _open(header: Header, size: tuple[int, int]) -> Image.Image:
    """The pixels as they are stored, of mode L, RGB, or F for levels in 0..1."""
    try:
        return _plain(header, size)
    except _BY_PILLOW as error:
        text = str(error)
        if "truncated" in text or "not enough image data" in text:
            raise truncated(header.kind, "its pixel data end too early") from error
        raise corrupt(header.kind, " ".join(text.split())) from error


def _plain(header: Header, size: tuple[int, int]) -> Image.Image:
    frame = header.frame
    if frame.simple:  # no reader of a whole file needed, which takes as long as the pixels do
        return Image.frombytes(frame.simple, frame.size[::-1], frame.content(), "zip", frame.simple, 0)
    image = _FILES[header.kind](io.BytesIO(frame.content()))
    if header.kind == "JPEG":
        height, width = size[::-1] if header.orientation >= 5 else size
        image.draft(None, (2 * width, 2 * height))
    elif image.size != frame.size[::-1]:
        raise ValueError(f"pixels of another size than {frame.size[0]} x {frame.size[1]}, which it declares")
    image.load()
    return _without_alpha(image, grey=frame.grey)


def _without_alpha(image: Image.Image, *, grey: bool) -> Image.Image:
    """The picture on white, of mode L where it is grey, F where it is deep, else RGB."""
    if image.mode == _DEEP:
        return _levels(image)
    if "transparency" in image.info or image.mode in ("LA", "RGBA", "PA"):
        layer = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)
    elif image.mode in ("L", "RGB"):
        return image
    image = image.convert("RGB")
    return image.getchannel(0) if grey else image


def _levels(image: Image.Image) -> Image.Image:
    """16-bit grey as levels in 0..1; the one that PNG calls transparent is white."""
    levels = np.asarray(image)
    x = levels / np.float32(65535)
    x[levels == image.info.get("transparency", -1)] = 1
    return Image.fromarray(x)


def _fitted(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """The middle of the picture, in the shape wanted and as much of it as there is, resized to (height, width)."""
    height, width = size
    if image.size == (width, height):
        return image
    scale = min(image.width / width, image.height / height)
    left, top = (image.width - scale * width) / 2, (image.height - scale * height) / 2
    box = (left, top, left + scale * width, top + scale * height)
    return image.resize((width, height), Image.Resampling.BILINEAR, box=box)
