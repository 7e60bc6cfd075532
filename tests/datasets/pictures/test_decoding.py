"""Each way in which pixels are stored, against numbers worked out by hand."""

import io
import struct
import warnings

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from madi.datasets.pictures import PicturePreparation, decoding
from madi.errors import FileError


def decoded(data, height, width, channels):
    return PicturePreparation(height, width, channels, ("a", "b")).decode(data)


def expect(data, rows, channels=1):
    """The picture has these values out of 255."""
    rows = np.asarray(rows, np.float32)
    rows = rows.reshape(*rows.shape[:2], -1)
    x = decoded(data, *rows.shape[:2], channels)
    assert x.dtype == np.float32
    assert x.flags.writeable
    np.testing.assert_array_equal(x, rows / np.float32(255))


# ---- the ways of storing


def test_grey(encode):
    expect(encode(np.uint8([[0, 128], [255, 7]])), [[0, 128], [255, 7]])


def test_one_bit_is_black_and_white(encode):
    image = Image.fromarray(np.uint8([[0, 255, 255], [255, 0, 0]])).convert("1")
    for kind in ("PNG", "BMP"):
        expect(encode(image, kind), [[0, 255, 255], [255, 0, 0]])


@pytest.mark.parametrize(("depth", "byte", "levels"), [(2, 0b00011011, [0, 85, 170, 255]), (4, 0x3F, [51, 255])])
def test_two_and_four_bits_are_spread(png, depth, byte, levels):
    expect(png(len(levels), 1, bytes([0, byte]), depth=depth), [levels])


def test_sixteen_bits_are_levels_of_65535(encode):
    levels = np.uint16([[0, 1, 32768], [65535, 256, 300]])
    x = decoded(encode(levels), 2, 3, 1)
    np.testing.assert_array_equal(x[..., 0], levels / np.float32(65535))
    assert len(np.unique(x)) == 6  # 256 and 300 share their high byte


def test_sixteen_bits_in_colour_keep_the_high_byte(png):
    row = struct.pack(">HHHHHH", 0x0102, 0x80FF, 0xFFFF, 0, 0x00FF, 0x7F00)
    expect(png(2, 1, b"\0" + row, depth=16, colour=2), [[[1, 128, 255], [0, 0, 127]]], channels=3)


def test_sixteen_bits_with_alpha_keep_the_high_byte(png):
    row = struct.pack(">HHHH", 0x64FF, 0xFFFF, 0x6400, 0x3300)  # 100; and 100 at 0.2 on white: 20 + 204
    expect(png(2, 1, b"\0" + row, depth=16, colour=4), [[100, 224]])


def test_colour(encode):
    rows = np.uint8([[[255, 0, 1], [2, 3, 4]], [[5, 6, 7], [8, 9, 10]]])
    expect(encode(rows), rows, channels=3)
    expect(encode(rows, "BMP"), rows, channels=3)
    expect(encode(rows, "WebP", lossless=True), rows, channels=3)


def test_a_palette_names_colours(encode):
    image = Image.fromarray(np.uint8([[0, 1, 2]]))
    image.putpalette([255, 0, 0, 0, 255, 0, 1, 2, 3])
    for kind in ("PNG", "BMP"):
        expect(encode(image, kind), [[[255, 0, 0], [0, 255, 0], [1, 2, 3]]], channels=3)


@pytest.mark.parametrize("kind", ["PNG", "WebP"])
def test_alpha_is_laid_on_white(encode, kind):
    rows = np.uint8([[[200, 100, 0, 255], [200, 100, 0, 0], [200, 100, 0, 51]]])
    # 51 / 255 = 0.2: 0.2 * 200 + 0.8 * 255 = 244, 0.2 * 100 + 204 = 224, 204
    options = {"lossless": True, "exact": True} if kind == "WebP" else {}
    expect(encode(rows, kind, **options), [[[200, 100, 0], [255, 255, 255], [244, 224, 204]]], channels=3)


def test_grey_with_alpha_stays_grey(encode):
    image = Image.merge("LA", [Image.fromarray(np.uint8([[100, 100]])), Image.fromarray(np.uint8([[255, 51]]))])
    expect(encode(image), [[100, 224]])


def test_transparent_palette_entries_are_white(encode):
    image = Image.fromarray(np.uint8([[0, 1, 2]]))
    image.putpalette([255, 0, 0, 0, 255, 0, 1, 2, 3])
    with_alpha = encode(image, transparency=bytes([255, 0, 255]))
    expect(with_alpha, [[[255, 0, 0], [255, 255, 255], [1, 2, 3]]], channels=3)
    expect(encode(image, transparency=2), [[[255, 0, 0], [0, 255, 0], [255, 255, 255]]], channels=3)


def test_a_transparent_colour_is_white(encode):
    expect(encode(np.uint8([[7, 8]]), transparency=7), [[255, 8]])
    rows = np.uint8([[[1, 2, 3], [3, 2, 1]]])
    expect(encode(rows, transparency=(1, 2, 3)), [[[255, 255, 255], [3, 2, 1]]], channels=3)


def test_a_transparent_sixteen_bit_level_is_white(png, chunk):
    rows = b"\0" + struct.pack(">HH", 1000, 2000)
    data = png(2, 1, rows, depth=16, before=chunk(b"tRNS", struct.pack(">H", 1000)))
    np.testing.assert_array_equal(decoded(data, 1, 2, 1).ravel(), np.float32([1, np.float32(2000) / np.float32(65535)]))


def test_cmyk_is_what_ink_leaves_of_white(encode):
    # One colour for a block of JPEG, so that nothing is lost: R = 255 - K - C (255 - K) / 255 with K = 55, C = 51.
    image = Image.new("CMYK", (8, 8), (51, 102, 0, 55))
    x = decoded(encode(image, "JPEG", quality=100), 8, 8, 3)[0, 0] * 255
    np.testing.assert_allclose(x, [160, 120, 200], atol=2)


def test_to_grey_is_luminance(encode):
    rows = np.uint8([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [10, 20, 30]]])
    # 0.299 * 255 = 76.2, 0.587 * 255 = 149.7, 0.114 * 255 = 29.1, 2.99 + 11.74 + 3.42 = 18.15
    expect(encode(rows), [[76, 150, 29, 18]], channels=1)


def test_to_colour_repeats_the_level(encode):
    expect(encode(np.uint8([[9, 8]])), [[[9, 9, 9], [8, 8, 8]]], channels=3)
    x = decoded(encode(np.uint16([[300, 65535]])), 1, 2, 3)
    np.testing.assert_array_equal(x[0, 0], np.repeat(np.float32(300) / np.float32(65535), 3))


@pytest.mark.parametrize("kind", ["PNG", "WebP"])
def test_of_an_animation_the_first_frame(encode, kind):
    frames = [Image.new("RGB", (4, 3), colour) for colour in ((10, 20, 30), (200, 0, 0))]
    options = {"lossless": True} if kind == "WebP" else {}
    data = encode(frames[0], kind, save_all=True, append_images=frames[1:], **options)
    assert getattr(Image.open(io.BytesIO(data)), "n_frames", 1) == 2
    expect(data, np.full((3, 4, 3), [10, 20, 30]), channels=3)


def test_interlaced_png(png):
    """2 x 2 in Adam7: a pass of the first pixel, one of the second, one of the row below."""
    expect(png(2, 2, bytes([0, 42, 0, 43, 0, 44, 45]), interlaced=1), [[42, 43], [44, 45]])


def test_every_filter_of_png(png):
    """Rows of 3 pixels, grey, worked out by hand from the specification's five filters."""
    rows = [
        *(0, 10, 20, 30),  # none
        *(1, 5, 5, 5),  # sub: 5, 10, 15
        *(2, 1, 2, 3),  # up: 6, 12, 18
        *(3, 1, 1, 1),  # average: 6 // 2 + 1 = 4, (4 + 12) // 2 + 1 = 9, (9 + 18) // 2 + 1 = 14
        *(4, 1, 1, 1),  # paeth: 4 + 1 = 5; of 5, 9, 4 the nearest to 10 is 9: 10; of 10, 14, 9 to 15 is 14: 15
    ]
    expect(png(3, 5, bytes(rows)), [[10, 20, 30], [5, 10, 15], [6, 12, 18], [4, 9, 14], [5, 10, 15]])


def test_colour_profiles_and_gamma_are_ignored(encode, png, chunk):
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    rows = np.uint8([[[1, 2, 3], [4, 5, 6]]])
    expect(encode(rows, icc_profile=profile), rows, channels=3)
    expect(png(2, 1, bytes([0, 50, 60]), before=chunk(b"gAMA", struct.pack(">I", 100_000))), [[50, 60]])


MODES = {
    "PNG": ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"],
    "JPEG": ["1", "L", "RGB", "CMYK"],
    "BMP": ["1", "L", "P", "RGB", "RGBA"],
    "WebP": ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK"],
}


@pytest.mark.parametrize(("kind", "mode"), [(kind, mode) for kind, modes in MODES.items() for mode in modes])
def test_whatever_pillow_writes_is_read_as_pillow_reads_it(encode, pixels, kind, mode):
    image = Image.fromarray(pixels(3, 7, 9))
    image = Image.fromarray(np.uint16(pixels(3, 7, 9, 1)) * 257) if mode == "I;16" else image.convert(mode)
    data = encode(image, kind)
    theirs = Image.open(io.BytesIO(data))
    scale = 65535 if theirs.mode == "I;16" else 255
    theirs = theirs if theirs.mode == "I;16" else theirs.convert("RGB")
    expected = np.asarray(theirs, np.float32).reshape(7, 9, -1) / np.float32(scale)
    np.testing.assert_array_equal(decoded(data, 7, 9, 3), np.broadcast_to(expected, (7, 9, 3)))


# ---- which side is up

STORED = np.uint8([[1, 2, 3], [4, 5, 6]])
UPRIGHT = {
    1: [[1, 2, 3], [4, 5, 6]],
    2: [[3, 2, 1], [6, 5, 4]],
    3: [[6, 5, 4], [3, 2, 1]],
    4: [[4, 5, 6], [1, 2, 3]],
    5: [[1, 4], [2, 5], [3, 6]],
    6: [[4, 1], [5, 2], [6, 3]],
    7: [[6, 3], [5, 2], [4, 1]],
    8: [[3, 6], [2, 5], [1, 4]],
}


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("orientation", UPRIGHT)
def test_exif_rotation(encode, exif, orientation, order):
    expect(encode(STORED, exif=b"Exif\0\0" + exif(orientation, order)), UPRIGHT[orientation])


@pytest.mark.parametrize("kind", ["JPEG", "WebP"])
@pytest.mark.parametrize("orientation", UPRIGHT)
def test_exif_rotation_of_other_kinds(encode, exif, kind, orientation):
    blocks = np.kron(STORED * 40, np.ones((16, 16))).astype(np.uint8)
    data = encode(blocks, kind, quality=100, exif=b"Exif\0\0" + exif(orientation))
    upright = np.array(UPRIGHT[orientation]) * 40
    x = decoded(data, upright.shape[0] * 16, upright.shape[1] * 16, 1)[8::16, 8::16, 0] * 255
    np.testing.assert_allclose(x, upright, atol=3)


def test_exif_rotation_of_sixteen_bits(encode, exif):
    x = decoded(encode(STORED.astype(np.uint16), exif=b"Exif\0\0" + exif(6)), 3, 2, 1)
    np.testing.assert_array_equal(x[..., 0], np.uint16(UPRIGHT[6]) / np.float32(65535))


@pytest.mark.parametrize(
    "block",
    [b"", b"II*\0", b"II*\0\xff\xff\xff\xff", b"no exif at all", b"II*\0\x08\0\0\0\x09\0\x12\x01"],
    ids=["empty", "mark alone", "beyond its end", "text", "cut off"],
)
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_broken_exif_changes_nothing(encode, kind, block):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of pillow, which writes it
        data = encode(np.full((8, 8), 40, np.uint8), kind, exif=b"Exif\0\0" + block)
    np.testing.assert_array_equal(decoded(data, 8, 8, 1), np.full((8, 8, 1), np.float32(40) / np.float32(255)))


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_is_none_changes_nothing(encode, exif, orientation):
    expect(encode(STORED, exif=b"Exif\0\0" + exif(orientation)), STORED)


# ---- another size


def test_the_middle_is_taken(encode):
    wide = np.uint8([[1, 2, 3, 4, 5, 6]] * 2)
    expect(encode(wide), [[3, 4]] * 2)
    expect(encode(wide.T), [[3, 3], [4, 4]])


def test_halving_is_antialiased(encode):
    """A tent of 2 pixels on both sides: weights 1, 3, 3, 1 of 8; at the border 3, 3, 1 of 7."""
    row = np.uint8([[0, 0, 0, 80, 80, 80, 0, 0]])
    data = encode(np.repeat(row, 8, axis=0))
    x = decoded(data, 4, 4, 1)[0, :, 0] * 255
    np.testing.assert_allclose(x, [0, (3 * 80 + 80) / 8, (80 + 3 * 80 + 3 * 80) / 8, 80 / 7], atol=0.51)


def test_sixteen_bits_are_resized_in_full(encode):
    levels = np.repeat(np.uint16([[1000, 1001, 1002, 1003]]), 4, axis=0)
    x = decoded(encode(levels), 2, 2, 1)[0, :, 0] * 65535
    np.testing.assert_allclose(x, [(3 * 1000 + 3 * 1001 + 1002) / 7, (1001 + 3 * 1002 + 3 * 1003) / 7], rtol=1e-6)


def test_a_large_jpeg_is_decoded_at_a_fraction_of_its_size(encode, monkeypatch):
    rows, columns = np.mgrid[:512, :768]
    data = encode(np.stack([rows // 2, columns // 4, rows * 0 + 99], -1).astype(np.uint8), "JPEG", quality=95)
    seen = []
    load = Image.Image.resize

    def resize(self, *arguments, **options):
        seen.append(self.size)
        return load(self, *arguments, **options)

    monkeypatch.setattr(Image.Image, "resize", resize)
    x = decoded(data, 32, 32, 3)
    assert seen == [(96, 64)]  # 1/8: still twice the 32 that are wanted
    whole = Image.open(io.BytesIO(data)).crop((128, 0, 640, 512))
    theirs = np.asarray(load(whole, (32, 32), Image.Resampling.BILINEAR)) / 255
    assert abs(x - theirs).max() < 0.02


def test_metadata_never_reach_the_decoder(encode, monkeypatch):
    """A text that would fill memory, a profile, a broken animation: all left out of what pillow's reader is given."""
    info = PngImagePlugin.PngInfo()
    info.add_text("long", "x" * 100_000, zip=True)
    data = encode(Image.new("P", (2, 2)), pnginfo=info, icc_profile=b"profile")
    given = []
    open_png = PngImagePlugin.PngImageFile

    def spy(stream):
        given.append(stream.getvalue())
        return open_png(stream)

    monkeypatch.setitem(decoding._FILES, "PNG", spy)
    decoded(data, 2, 2, 1)
    assert b"zTXt" in data
    assert b"iCCP" in data
    assert [name for name in (b"zTXt", b"iCCP", b"IDAT") if name in given[0]] == [b"IDAT"]


# ---- bytes and paths


def test_a_path_and_its_bytes_are_decoded_alike(encode, pixels, tmp_path):
    data = encode(pixels(1))
    path = tmp_path / "사진 1.png"
    path.write_bytes(data)
    preparation = PicturePreparation(6, 5, 3, ("a", "b"))
    np.testing.assert_array_equal(preparation.decode(path), preparation.decode(data))
    np.testing.assert_array_equal(preparation.decode(str(path)), preparation.decode(data))


def test_the_suffix_means_nothing(encode, pixels, tmp_path):
    path = tmp_path / "picture.jpg"
    path.write_bytes(encode(pixels(1)))
    np.testing.assert_array_equal(
        PicturePreparation(6, 5, 3, ("a",)).decode(path), pixels(1).astype(np.float32) / np.float32(255)
    )


def test_bytes_are_named_as_asked():
    with pytest.raises(FileError, match=r"^upload 3: expected a picture"):
        PicturePreparation(2, 2, 1, ("a",)).decode(b"text", "upload 3")
