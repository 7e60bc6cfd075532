"""Pictures made by hand, and folders and archives of them."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib

import numpy as np
import pytest
from PIL import Image


def encode_picture(pixels, kind="PNG", **options):
    """The bytes of a file with these pixels: an array of bytes or 16-bit levels, or pillow's image."""
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(np.asarray(pixels))
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def png_chunk(name, content):
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png_file(width, height, rows, *, depth=8, colour=0, interlaced=0, before=b""):
    """A PNG written out by hand: `rows` are the bytes of all rows, each after its filter's number."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
    chunks = png_chunk(b"IHDR", header) + before + png_chunk(b"IDAT", zlib.compress(rows)) + png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def random_pixels(seed, height=6, width=5, channels=3):
    shape = (height, width, channels) if channels > 1 else (height, width)
    return np.random.RandomState(seed).randint(0, 256, shape).astype(np.uint8)


def exif_block(orientation, order="<"):
    """An EXIF block that holds the orientation alone."""
    mark = b"II*\0" if order == "<" else b"MM\0*"
    entry = struct.pack(order + "HHIHH", 0x0112, 3, 1, orientation, 0)
    return mark + struct.pack(order + "I", 8) + struct.pack(order + "H", 1) + entry + bytes(4)


def pack(path, members, *, method=zipfile.ZIP_STORED):
    """A zip archive of {name: bytes}."""
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


@pytest.fixture
def encode():
    return encode_picture


@pytest.fixture
def chunk():
    return png_chunk


@pytest.fixture
def png():
    return png_file


@pytest.fixture
def pixels():
    return random_pixels


@pytest.fixture
def exif():
    return exif_block


@pytest.fixture
def zipped():
    return pack


@pytest.fixture
def write():
    """write(folder, {"cat/1.png": bytes, ...}) -> folder."""

    def put(folder, files):
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return folder

    return put


@pytest.fixture
def photos(tmp_path, write):
    """A folder with 10 cats and 10 dogs, 6 x 5, in colour; cat k has red = k everywhere, dog k has red = 100 + k."""

    def picture(red, seed):
        values = random_pixels(seed)
        values[..., 0] = red
        return encode_picture(values)

    files = {f"cat/{k}.png": picture(k, k) for k in range(10)}
    files |= {f"dog/{k}.png": picture(100 + k, 100 + k) for k in range(10)}
    return write(tmp_path / "photos", files)
