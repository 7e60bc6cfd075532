"""What is refused before any pixel is decoded: no pictures, cut off ones, and those made to exhaust memory."""

import io
import pickle
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from madi.datasets.pictures import PicturePreparation, decoding
from madi.datasets.pictures.header import MOST_PIXELS, is_picture, read_header
from madi.datasets.pictures.refusal import Refusal
from madi.errors import FileError

PREPARATION = PicturePreparation(4, 4, 3, ("a", "b"))
KINDS = ("PNG", "JPEG", "BMP", "WebP")


def error(data):
    """The error for this content."""
    with pytest.raises(FileError) as caught:
        PREPARATION.decode(data, "x.png")
    text = str(caught.value)
    assert text.startswith("x.png: ")
    assert text.endswith(".")
    assert "\n" not in text
    return text


@pytest.fixture
def undecoded(monkeypatch):
    """Whoever comes to decode pixels, and takes memory for them, fails the test."""

    def fail(*arguments):
        raise AssertionError("a decoder was asked")

    monkeypatch.setattr(decoding, "_plain", fail)


# ---- no picture


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "an empty file"),
        (b"GIF89a\x01\0", "a GIF"),
        (b"II*\0\x08\0\0\0", "a TIFF"),
        (b"\0\0\0\x18ftypheic", "a HEIC picture"),
        (b"\0\0\0\x18ftypavif", "an AVIF picture"),
        (b"%PDF-1.7", "a PDF"),
        (b"PK\x03\x04", "a zip archive"),
        (b"\x93NUMPY\x01\0", "a NumPy array"),
        (b"\x1f\x8b\x08\0", "gzip data"),
        (b"\n<!DOCTYPE html><title>404</title>", "HTML"),
        (b"<HTML><body>Not found", "HTML"),
        (b"<?xml version='1.0'?><svg xmlns=''/>", "an SVG drawing"),
        (b"id,label\n1,cat\n", "text ('id,label')"),
        ("고양이".encode(), "text ('고양이')"),
        (bytes(16), "bytes 00 00 00 00 00 00 00 00"),
        (b"\n\n", "bytes 0a 0a"),
        (b"\xff\xd8text", "bytes ff d8 74 65 78 74"),
    ],
)
def test_what_is_no_picture_is_named(data, what):
    assert error(data) == (
        f"x.png: expected a picture (PNG, JPEG, BMP or WebP), got {what}. Convert it to PNG, or remove it."
    )


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_a_pickle_is_never_loaded(protocol):
    class Harmful:
        def __reduce__(self):
            return exec, ("raise SystemExit('the pickle ran')",)

    assert "got a pickle, which is never loaded" in error(pickle.dumps(Harmful(), protocol))


def test_pictures_are_known_by_content(encode, pixels):
    assert [kind for kind in KINDS if read_header(encode(pixels(1), kind)).kind != kind] == []
    assert all(is_picture(encode(pixels(1), kind)[:64]) for kind in KINDS)
    assert not is_picture(b"text")


# ---- what the header says


@pytest.mark.parametrize(
    ("kind", "mode", "grey"),
    [
        ("PNG", "1", True),
        ("PNG", "L", True),
        ("PNG", "LA", True),
        ("PNG", "RGB", False),
        ("PNG", "RGBA", False),
        ("PNG", "P", False),
        ("JPEG", "L", True),
        ("JPEG", "RGB", False),
        ("JPEG", "CMYK", False),
        ("BMP", "1", True),
        ("BMP", "L", True),
        ("BMP", "P", False),
        ("BMP", "RGB", False),
        ("WebP", "RGB", False),
        ("WebP", "RGBA", False),
    ],
)
def test_size_and_greyness(encode, pixels, kind, mode, grey):
    header = read_header(encode(Image.fromarray(pixels(1, 13, 17)).convert(mode), kind))
    assert (header.size, header.frame.grey) == ((13, 17), grey)


@pytest.mark.parametrize("kind", ["PNG", "BMP"])
def test_a_palette_of_greys_is_grey(encode, kind):
    image = Image.fromarray(np.uint8([[0, 1, 2]]))
    image.putpalette([9, 9, 9, 200, 200, 200, 7, 7, 7])
    assert read_header(encode(image, kind)).frame.grey
    x = PicturePreparation(1, 3, 1, ("a",)).decode(encode(image, kind))
    np.testing.assert_array_equal(x.ravel(), np.float32([9, 200, 7]) / np.float32(255))


def test_the_size_is_that_of_the_upright_picture(encode, exif):
    for orientation in range(1, 9):
        data = encode(np.zeros((2, 3), np.uint8), exif=b"Exif\0\0" + exif(orientation))
        assert read_header(data).size == ((2, 3) if orientation < 5 else (3, 2))


@pytest.mark.parametrize("options", [{"lossless": True}, {"quality": 50}, {"icc_profile": b"some profile"}])
@pytest.mark.parametrize("size", [(1, 1), (300, 7), (16383, 2)])
def test_webp_of_all_three_forms(encode, options, size):
    data = encode(Image.new("RGB", size), "WebP", **options)
    assert read_header(data).size == size[::-1]


def test_a_bmp_from_the_top(encode, pixels):
    """A height below 0 says that the first row is the top one."""
    data = bytearray(encode(pixels(1, 2, 4), "BMP"))
    data[22:26] = struct.pack("<i", -2)
    upside_down = PicturePreparation(2, 4, 3, ("a",)).decode(bytes(data))
    np.testing.assert_array_equal(upside_down, pixels(1, 2, 4)[::-1].astype(np.float32) / np.float32(255))


def test_the_oldest_bmp(encode):
    pixel_rows = bytes([30, 20, 10, 0, 60, 50, 40, 0])  # blue, green, red, filled up to 4 bytes; from the bottom
    data = b"BM" + struct.pack("<IHHI", 34, 0, 0, 26) + struct.pack("<IHHHH", 12, 1, 2, 1, 24) + pixel_rows
    x = PicturePreparation(2, 1, 3, ("a",)).decode(data)
    np.testing.assert_array_equal(x.ravel(), np.float32([40, 50, 60, 10, 20, 30]) / np.float32(255))


# ---- cut off


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_cut_off_anywhere_is_refused(encode, pixels, kind):
    data = encode(pixels(1, 40, 40), kind)
    for length in [*range(1, 64), *range(64, len(data) - 2, 41)]:
        with pytest.raises(FileError, match=r"^x.png: (truncated|corrupt|declares|expected)"):
            PREPARATION.decode(data[:length], "x.png")


def test_where_a_png_is_cut_off_is_told(encode, pixels):
    data = encode(pixels(1))
    assert error(data[:-4]) == (
        f"x.png: truncated PNG: expected a chunk at byte {len(data) - 12}, got {len(data) - 4} bytes in all. "
        "Replace it with a fresh copy, or remove it."
    )
    assert f"chunk b'IDAT' at byte 33, got {len(data) - 20}" in error(data[:-20])
    assert "its 20 bytes end within its header" in error(encode(pixels(1), "BMP")[:20])
    assert "truncated WebP: expected 58 bytes, got 50" in error(
        b"RIFF" + struct.pack("<I", 50) + b"WEBPVP8L" + bytes(34)
    )


def test_a_jpeg_that_stops_within_its_pixels(encode, pixels):
    data = encode(pixels(1, 200, 200), "JPEG")
    assert error(data[: len(data) // 2]).startswith("x.png: truncated JPEG: its pixel data end too early. ")


@pytest.mark.parametrize("kind", KINDS)
def test_bytes_that_were_changed_never_do_worse_than_a_file_error(encode, pixels, kind):
    data = encode(pixels(1, 12, 12), kind)
    random = np.random.RandomState(0)
    for _ in range(300):
        broken = bytearray(data)
        for place in random.randint(0, len(data), 3):
            broken[place] = random.randint(256)
        try:
            x = PREPARATION.decode(bytes(broken), "x.png")
        except FileError:
            continue
        assert x.min() >= 0
        assert x.max() <= 1


def test_a_checksum_that_does_not_hold(encode, pixels):
    data = bytearray(encode(pixels(1)))
    data[50] ^= 1
    text = "corrupt PNG data: the checksum of its chunk b'IDAT' at byte 33 does not hold"
    assert error(bytes(data)).startswith(f"x.png: {text}. ")


# ---- made to exhaust memory


def declared_png(chunk, width, height, *, stored=100, depth=8, colour=2):
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    data = zlib.compress(bytes(stored), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def test_a_small_png_that_declares_50_000_squared(chunk, undecoded):
    expected = f"declares 50000 x 50000 pixels, expected at most {MOST_PIXELS} in all (8192 x 8192)"
    assert error(declared_png(chunk, 50_000, 50_000)).startswith(f"x.png: {expected}. ")


@pytest.mark.parametrize(("depth", "colour"), [(8, 0), (8, 2), (8, 6), (16, 2), (1, 0), (8, 3)])
def test_a_png_whose_header_lies(chunk, depth, colour, undecoded):
    data = declared_png(chunk, 8000, 8000, depth=depth, colour=colour)
    assert "declares 8000 x 8000 pixels, which its 12 bytes of pixel data cannot hold" in error(data)


def test_a_png_of_nothing_but_zeros_is_none_that_lies(chunk):
    """1000 x 1000 zeros compress to a thousandth: as far as deflate goes, and still believed."""
    data = declared_png(chunk, 1000, 1000, stored=1001 * 1000, colour=0)
    assert len(data) < 1200
    assert PicturePreparation(2, 2, 1, ("a",)).decode(data).max() == 0


def test_a_png_with_fewer_rows_than_it_declares(chunk):
    assert "truncated PNG: its pixel data end too early" in error(declared_png(chunk, 10, 10, stored=100))


def test_a_jpeg_that_goes_over_its_pixels_again_and_again(encode, pixels):
    data = encode(pixels(1, 64, 64), "JPEG", progressive=True)
    last = data[data.rindex(b"\xff\xda") : -2]
    assert error(data[:-2] + last * 200 + data[-2:]).startswith("x.png: a JPEG of more than 100 scans: ")


def test_a_jpeg_whose_frame_lies(encode, pixels, undecoded):
    data = bytearray(encode(pixels(1, 8, 8), "JPEG"))
    frame = data.index(b"\xff\xc0")
    data[frame + 5 : frame + 9] = struct.pack(">HH", 8000, 8000)
    assert "declares 8000 x 8000 pixels, which its " in error(bytes(data))
    data[frame + 5 : frame + 9] = struct.pack(">HH", 65535, 65535)
    assert f"declares 65535 x 65535 pixels, expected at most {MOST_PIXELS}" in error(bytes(data))


def test_a_bmp_whose_header_lies(encode, pixels, undecoded):
    data = bytearray(encode(pixels(1, 8, 8), "BMP"))
    data[18:26] = struct.pack("<ii", 8000, 8000)
    assert "declares 8000 x 8000 pixels, which its 192 bytes of pixel data cannot hold" in error(bytes(data))
    data[30:34] = struct.pack("<I", 1)  # in runs
    assert "declares 8000 x 8000 pixels, which its 192 bytes of pixel data cannot hold" in error(bytes(data))


@pytest.mark.parametrize("form", [b"VP8X", b"VP8L"])
def test_a_webp_that_declares_too_much(encode, form, undecoded):
    if form == b"VP8X":
        data = bytearray(encode(Image.new("RGBA", (3, 3)), "WebP", icc_profile=b"p"))
        data[24:30] = b"\xff\xff\0" * 2
        expected = "declares 65536 x 65536 pixels"
    else:
        data = bytearray(encode(Image.new("RGB", (3, 3)), "WebP", lossless=True))
        data[21:25] = struct.pack("<I", 0x0FFFFFFF)
        expected = "declares 16384 x 16384 pixels"
    assert data[12:16] == form
    assert expected in error(bytes(data))


def test_a_webp_of_one_colour_is_believed_while_it_is_small(encode, monkeypatch):
    data = encode(Image.new("RGB", (2000, 2000), (9, 9, 9)), "WebP", lossless=True)
    assert len(data) < 300
    x = PicturePreparation(1, 1, 3, ("a",)).decode(data)
    np.testing.assert_array_equal(x.ravel(), np.full(3, np.float32(9) / np.float32(255)))
    monkeypatch.setattr(decoding, "_plain", None)
    large = encode(Image.new("RGB", (5000, 5000), (9, 9, 9)), "WebP", lossless=True)
    assert f"declares 5000 x 5000 pixels, which its {len(large)} bytes of pixel data cannot hold" in error(large)


def test_sizes_of_nothing(chunk, encode, pixels, undecoded):
    assert "declares 0 x 5 pixels, expected at least 1 x 1" in error(declared_png(chunk, 5, 0))
    data = bytearray(encode(pixels(1), "BMP"))
    data[18:22] = bytes(4)
    assert "declares 6 x 0 pixels, expected at least 1 x 1" in error(bytes(data))


def test_pillow_s_own_limit_makes_no_warning(encode, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    assert PREPARATION.decode(encode(np.zeros((40, 40), np.uint8), "JPEG")).shape == (4, 4, 3)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"\xff\xd8\xff\xd9", "corrupt JPEG data: it ends at byte 4 without a picture"),
        (b"\xff\xd8\xff\xe0\x00\x04ab??", "corrupt JPEG data: expected a marker (FF) at byte 8, got 3F"),
        (b"\xff\xd8\xff\xda\x00\x02", "corrupt JPEG data: it has no frame before its first scan"),
        (b"\xff\xd8\xff\xe0\x00\x01ab", "truncated JPEG: its 8 bytes end within its header"),
        (b"RIFF\x20\0\0\0WEBPJUNK" + bytes(40), "corrupt WebP data: expected a chunk VP8, VP8L or VP8X at byte 12"),
    ],
)
def test_broken_structures(data, text):
    assert text in error(data)


def test_a_png_without_pixels(chunk):
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)) + chunk(b"IEND", b"")
    assert "corrupt PNG data: expected one IHDR and at least one IDAT chunk" in error(data)


def test_a_refusal_says_why_without_a_name():
    with pytest.raises(Refusal, match=r"^expected a picture"):
        read_header(b"text")


def test_pillow_reads_what_is_read(encode, pixels):
    """The four kinds, as pillow sees them: the oracle of the sizes."""
    for kind in KINDS:
        data = encode(pixels(2, 31, 17), kind)
        assert read_header(data).size[::-1] == Image.open(io.BytesIO(data)).size
