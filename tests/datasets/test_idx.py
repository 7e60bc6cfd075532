"""The IDX reader: every type, and headers that lie."""

import gzip

import numpy as np
import pytest

from madi.datasets import read_idx
from madi.datasets.content import open_content
from madi.datasets.idx import read_images, read_labels
from madi.errors import FileError

REMEDY = "Replace it with a fresh copy (a cached one: delete it, and it is downloaded again)."


@pytest.fixture
def write(tmp_path):
    def write(content, name="file.idx"):
        path = tmp_path / name
        path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
        return path

    return write


def message(path, **options):
    with pytest.raises(FileError) as caught:
        read_idx(path, **options)
    return str(caught.value).removeprefix(f"{path}: ").removesuffix(f" {REMEDY}")


@pytest.mark.parametrize(
    ("code", "packed", "values", "dtype"),
    [
        (0x08, "00 ff", [0, 255], "uint8"),
        (0x09, "80 7f", [-128, 127], "int8"),
        (0x0B, "8000 0102", [-32768, 258], "int16"),
        (0x0C, "80000000 00000102", [-(2**31), 258], "int32"),
        (0x0D, "3f800000 c0490fdb", [1.0, np.float32(-np.pi)], "float32"),
        (0x0E, "3ff0000000000000 c00921fb54442d18", [1.0, -np.pi], "float64"),
    ],
)
def test_every_type_is_read_big_endian(write, code, packed, values, dtype):
    array = read_idx(write(bytes([0, 0, code, 1, 0, 0, 0, 2]) + bytes.fromhex(packed)))
    assert array.dtype == np.dtype(dtype)
    assert array.dtype.isnative
    np.testing.assert_array_equal(array, np.array(values, dtype))


def test_axes_stand_in_order_last_fastest(write):
    content = bytes.fromhex("00000802 00000002 00000003") + bytes([1, 2, 3, 4, 5, 6])
    for name in ("plain", "파일 이름.gz"):
        np.testing.assert_array_equal(read_idx(write(content, name)), [[1, 2, 3], [4, 5, 6]])
    np.testing.assert_array_equal(read_idx(str(write(content))), [[1, 2, 3], [4, 5, 6]])


@pytest.mark.parametrize("magic", ["01000801", "00010801", "00000a01", "00000800", "00000841", "1f8b0800", "3c21444f"])
def test_what_is_not_idx_is_refused(write, magic):
    got = bytes.fromhex(magic).hex(" ")
    assert message(write(bytes.fromhex(magic) + bytes(400))) == (
        f"expected an IDX file (two zero bytes, a type of 08 to 0E, 1 to 64 axes), got bytes {got} at byte 0."
    )


def test_the_header_is_not_trusted(write):
    """Sizes that multiply to 10^18 bytes, beside ten bytes of data: an error, not an allocation."""
    header = bytes([0, 0, 0x0E, 2]) + b"\xff\xff\xff\xff" * 2
    missing = (2**32 - 1) ** 2 * 8 - 10
    assert (
        message(write(header + bytes(10))) == f"truncated after byte 22 of its content (expected {missing} bytes more)."
    )


def test_truncation_names_the_byte(write):
    assert message(write(b"")) == "truncated after byte 0 of its content (expected 4 bytes more)."
    assert message(write(bytes([0, 0, 8, 2, 0, 0]))) == "truncated after byte 6 of its content (expected 6 bytes more)."
    content = bytes([0, 0, 8, 1, 0, 0, 0, 5, 1, 2, 3])
    assert message(write(content)) == "truncated after byte 11 of its content (expected 2 bytes more)."


def test_data_after_the_array_are_refused(write):
    assert message(write(bytes([0, 0, 8, 1, 0, 0, 0, 1, 7, 7]))) == "expected its content to end at byte 9, got more."


def test_an_empty_array_is_refused(write):
    content = bytes([0, 0, 8, 2, 0, 0, 0, 0, 255, 255, 255, 255])
    assert message(write(content)) == "expected at least one element, got shape (0, 4294967295) at byte 4."


def test_the_limit_holds(write):
    content = bytes([0, 0, 8, 1, 0, 0, 0, 5, 1, 2, 3, 4, 5])
    assert read_idx(write(content), limit=13).size == 5
    assert message(write(content), limit=12) == "expected at most 12 bytes of content, got more."


def test_images_are_scaled_and_get_a_channel(write):
    content = bytes.fromhex("00000803 00000002 00000001 00000002") + bytes([0, 51, 102, 255])
    with open_content(write(content), limit=100) as opened:
        x = read_images(opened, 2, 1, 2)
    assert x.dtype == np.float32
    np.testing.assert_array_equal(x, np.array([0, 0.2, 0.4, 1], np.float32).reshape(2, 1, 2, 1))


def test_more_images_than_a_block_are_scaled_as_by_one_division(write):
    pixels = np.random.RandomState(0).randint(0, 256, (2_500, 2, 3)).astype(np.uint8)
    content = bytes([0, 0, 8, 3]) + b"".join(n.to_bytes(4, "big") for n in pixels.shape) + pixels.tobytes()
    with open_content(write(content), limit=20_000) as opened:
        x = read_images(opened, 2_500, 2, 3)
    np.testing.assert_array_equal(x[..., 0], pixels / np.float32(255))


def test_images_of_another_shape_are_refused(write):
    path = write(bytes.fromhex("00000803 00000002 00000001 00000002") + bytes(4))
    with open_content(path, limit=100) as opened, pytest.raises(FileError) as caught:
        read_images(opened, 3, 1, 2)
    assert str(caught.value) == f"{path}: expected uint8 of shape (3, 1, 2), got uint8 of shape (2, 1, 2). {REMEDY}"


def test_labels_beyond_the_classes_name_the_byte(write):
    path = write(bytes([0, 0, 8, 1, 0, 0, 0, 3, 9, 10, 11]))
    with open_content(path, limit=100) as opened, pytest.raises(FileError) as caught:
        read_labels(opened, 3, 10)
    assert str(caught.value) == f"{path}: expected labels of 0 to 9, got 10 at byte 9. {REMEDY}"


def test_labels_are_integers(write):
    with open_content(write(bytes([0, 0, 8, 1, 0, 0, 0, 3, 9, 0, 4])), limit=100) as opened:
        y = read_labels(opened, 3, 10)
    assert y.dtype == np.int32
    assert y.tolist() == [9, 0, 4]


def test_labels_of_another_number_or_type_are_refused(write):
    path = write(bytes([0, 0, 9, 1, 0, 0, 0, 3, 9, 0, 4]))
    with open_content(path, limit=100) as opened, pytest.raises(FileError) as caught:
        read_labels(opened, 3, 10)
    assert str(caught.value) == f"{path}: expected uint8 of shape (3,), got int8 of shape (3,). {REMEDY}"
    path = write(bytes([0, 0, 8, 1, 0, 0, 0, 3, 9, 0, 4]))
    with open_content(path, limit=100) as opened, pytest.raises(FileError) as caught:
        read_labels(opened, 4, 10)
    assert str(caught.value) == f"{path}: expected uint8 of shape (4,), got uint8 of shape (3,). {REMEDY}"
