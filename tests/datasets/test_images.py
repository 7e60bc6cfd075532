"""Datasets of files, small ones made by hand: from folders, from the archive, from mirrors, and broken."""

import gzip
import hashlib
import io
import lzma
import tarfile
from dataclasses import replace

import numpy as np
import pytest

from madi.datasets.images import load_cifar, load_idx
from madi.errors import FileError

REMEDY = "Replace it with a fresh copy (a cached one: delete it, and it is downloaded again)."


def quiet(line):
    """A report that nobody reads."""


def forbidden(line):
    raise AssertionError(f"a local copy needs no download: {line}")


def error(load, published, directory=None):
    with pytest.raises(FileError) as caught:
        load(published, directory, quiet)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def expect(data, tiny, train, test):
    """`data` has the pixels and labels of `tiny`, of which the first `train` are for training."""
    x = tiny.x.reshape(len(tiny.x), *data.train.x.shape[1:]) / np.float32(255)
    for split, part in ((data.train, slice(0, train)), (data.test, slice(train, train + test))):
        assert split.x.dtype == np.float32
        assert split.y.dtype == np.int32
        np.testing.assert_array_equal(split.x, x[part])
        np.testing.assert_array_equal(split.y, tiny.y[part])


# ---- IDX


@pytest.mark.parametrize("folder", ["here", "here/tiny", "한글 폴더/tiny"])
def test_idx_from_a_directory(tiny_idx, tmp_path, folder):
    tiny_idx.write(tmp_path / folder)
    data = load_idx(tiny_idx.published, tmp_path / folder.split("/")[0], forbidden)
    expect(data, tiny_idx, 5, 3)
    assert data.train.x.shape == (5, 3, 2, 1)
    assert (data.name, data.classes, data.notice) == ("tiny", tuple("0123456789"), "")


def test_idx_from_the_variable_in_any_mix_of_forms(tiny_idx, tmp_path, monkeypatch):
    folder = tiny_idx.write(tmp_path / "자료 1" / "tiny", leave_out=("train-images", "t10k-labels"))
    (folder / "train-images.gz").write_bytes(gzip.compress(tiny_idx.contents["train-images"]))
    (folder / "t10k-labels.xz").write_bytes(lzma.compress(tiny_idx.contents["t10k-labels"]))
    monkeypatch.setenv("MADI_DATA", str(tmp_path / "자료 1"))
    expect(load_idx(tiny_idx.published, None, forbidden), tiny_idx, 5, 3)


def test_a_home_directory_is_expanded(tiny_idx, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    tiny_idx.write(tmp_path / "data" / "tiny")
    expect(load_idx(tiny_idx.published, "~/data", forbidden), tiny_idx, 5, 3)
    monkeypatch.setenv("MADI_DATA", "~/data")
    expect(load_idx(tiny_idx.published, None, forbidden), tiny_idx, 5, 3)


def on_mirrors(tiny, mirrors):
    """The dataset with every file on a mirror that answers 404, then on one that has it."""

    def place(file):
        good = mirrors.serve(f"/good/{file.name}.gz", gzip.compress(tiny.contents[file.name]))
        return replace(file, mirrors=(f"{mirrors.address}/gone/{file.name}.gz", good))

    published = tiny.published
    train, test = (
        replace(pair, images=place(pair.images), labels=place(pair.labels))
        for pair in (published.train, published.test)
    )
    return replace(published, train=train, test=test)


def test_idx_downloads_once_and_then_comes_from_the_cache(tiny_idx, mirrors, cache):
    published, lines = on_mirrors(tiny_idx, mirrors), []
    expect(load_idx(published, None, lines.append), tiny_idx, 5, 3)
    assert len(lines) == 8, "four files, two attempts each"
    assert sorted(path.name for path in (cache / "tiny").iterdir()) == sorted(
        f"{name}.gz" for name in tiny_idx.contents
    )
    expect(load_idx(published, None, forbidden), tiny_idx, 5, 3)


def test_what_is_missing_locally_is_downloaded(tiny_idx, mirrors, cache, tmp_path, monkeypatch):
    tiny_idx.write(tmp_path / "tiny", leave_out=("t10k-images",))
    monkeypatch.setenv("MADI_DATA", str(tmp_path))
    expect(load_idx(on_mirrors(tiny_idx, mirrors), None, quiet), tiny_idx, 5, 3)
    assert [path.name for path in (cache / "tiny").iterdir()] == ["t10k-images.gz"]


def test_a_cached_file_that_rots_is_found(tiny_idx, cache):
    tiny_idx.write(cache / "tiny")
    path = cache / "tiny" / "train-images"
    rotten = bytearray(path.read_bytes())
    rotten[-1] ^= 1
    path.write_bytes(rotten)
    expected, received = (hashlib.sha256(each).hexdigest() for each in (tiny_idx.contents["train-images"], rotten))
    assert error(load_idx, tiny_idx.published) == (
        f"{path}: expected SHA-256 of the content {expected}, got {received}. {REMEDY}"
    )


def test_a_missing_file_in_a_directory_is_named_and_not_downloaded(tiny_idx, mirrors, tmp_path):
    tiny_idx.write(tmp_path / "here", leave_out=("train-images",))
    assert error(load_idx, on_mirrors(tiny_idx, mirrors), tmp_path / "here") == (
        f"Dataset 'tiny': no train-images (plain, .gz or .xz) in {tmp_path / 'here'} or {tmp_path / 'here' / 'tiny'}. "
        "Put it there, or leave the directory out to download it."
    )
    assert mirrors.asked == []


def test_offline_the_error_says_where_it_looked_what_failed_and_what_to_do(tiny_idx, cache, tmp_path, monkeypatch):
    monkeypatch.setenv("MADI_DATA", str(tmp_path / "data"))
    published = tiny_idx.published
    images = replace(published.train.images, mirrors=("http://127.0.0.1:1/a.gz", "http://127.0.0.1:1/b.gz"))
    published = replace(published, train=replace(published.train, images=images))
    assert error(load_idx, published) == (
        f"Dataset 'tiny': no train-images (plain, .gz or .xz) in {tmp_path / 'data' / 'tiny'} or {cache / 'tiny'}, and "
        "the download failed: http://127.0.0.1:1/a.gz failed with ConnectionError; http://127.0.0.1:1/b.gz failed with "
        "ConnectionError. Connect to the network, or put it into <folder>/tiny and set MADI_DATA=<folder>."
    )


def test_copies_without_a_published_checksum_are_named(tiny_idx, tmp_path):
    """Known by the MD5 of their .gz alone, as Fashion-MNIST: plain files pass with a notice, .gz files must fit."""
    folder = tiny_idx.write(tmp_path / "here")
    images = replace(tiny_idx.published.train.images, sha256=None, md5="0" * 32)
    published = replace(tiny_idx.published, train=replace(tiny_idx.published.train, images=images))
    data = load_idx(published, folder, forbidden)
    expect(data, tiny_idx, 5, 3)
    assert data.notice == "Only the size of train-images was checked: the published checksum is of the .gz file."
    (folder / "train-images").rename(folder / "train-images.gz")
    assert f"{folder / 'train-images.gz'}: expected MD5 {'0' * 32}, got " in error(load_idx, published, folder)


# ---- CIFAR


def test_cifar_from_batches(tiny_cifar, tmp_path):
    folder = tiny_cifar.write(tmp_path / "here", leave_out=("tiny-binary.tar.gz", "test_batch.bin"))
    (folder / "test_batch.bin.xz").write_bytes(lzma.compress(tiny_cifar.contents["test_batch.bin"]))
    data = load_cifar(tiny_cifar.published, folder, forbidden)
    expect(data, tiny_cifar, 8, 4)
    assert data.train.x.shape == (8, 32, 32, 3)
    assert (data.name, data.classes, data.notice) == ("tiny", tuple("abcdefghij"), "")


def test_a_record_is_a_label_then_red_green_blue_planes(tiny_cifar, tmp_path):
    """One image by hand: red pixel (0, 1), green pixel (1, 0), blue pixel (31, 31)."""
    record = bytearray(3073)
    record[0], record[1 + 1], record[1 + 1024 + 32], record[1 + 2048 + 1023] = 7, 255, 51, 102
    folder = tiny_cifar.write(tmp_path / "here")
    (folder / "test_batch.bin").write_bytes(record)
    data = load_cifar(tiny_cifar.published, folder, forbidden)
    assert data.test.y.tolist() == [7]
    expected = np.zeros((1, 32, 32, 3), np.float32)
    expected[0, 0, 1, 0], expected[0, 1, 0, 1], expected[0, 31, 31, 2] = 1, 0.2, 0.4
    np.testing.assert_array_equal(data.test.x, expected)


def test_a_short_test_batch_passes_with_a_notice(tiny_cifar, tmp_path):
    folder = tiny_cifar.write(tmp_path / "here")
    path = folder / "test_batch.bin"
    path.write_bytes(tiny_cifar.contents["test_batch.bin"][:3073])
    data = load_cifar(tiny_cifar.published, folder, forbidden)
    expect(data, tiny_cifar, 8, 1)
    assert data.notice == f"{path} holds 1 of the 4 test images: accuracies are less certain."
    assert repr(data) == (
        f"<Dataset 'tiny': 8 training and 1 test examples of shape (32, 32, 3), 10 classes> {data.notice}"
    )


@pytest.mark.parametrize("size", [0, 3072, 3074])
def test_a_test_batch_of_broken_records_is_refused(tiny_cifar, tmp_path, size):
    folder = tiny_cifar.write(tmp_path / "here")
    path = folder / "test_batch.bin"
    path.write_bytes(tiny_cifar.contents["test_batch.bin"][:size])
    assert error(load_cifar, tiny_cifar.published, folder) == (
        f"{path}: expected whole records of 3073 bytes, got {size} bytes. {REMEDY}"
    )


def test_a_test_batch_that_is_too_long_is_refused(tiny_cifar, tmp_path):
    folder = tiny_cifar.write(tmp_path / "here")
    (folder / "test_batch.bin").write_bytes(bytes(5 * 3073))
    text = error(load_cifar, tiny_cifar.published, folder)
    assert text == f"{folder / 'test_batch.bin'}: expected at most {4 * 3073} bytes of content, got more. {REMEDY}"


def test_a_short_training_batch_is_refused(tiny_cifar, tmp_path):
    """By its hash, and where none is known by its size."""
    folder = tiny_cifar.write(tmp_path / "here")
    path = folder / "data_batch_2.bin"
    path.write_bytes(tiny_cifar.contents["data_batch_2.bin"][:3073])
    assert f"{path}: expected SHA-256 of the content " in error(load_cifar, tiny_cifar.published, folder)
    first, second = tiny_cifar.published.train
    published = replace(tiny_cifar.published, train=(first, replace(second, sha256=None)))
    assert error(load_cifar, published, folder) == (
        f"{path}: truncated after byte 3073 of its content (expected 4 images of 3073 bytes, got 1). {REMEDY}"
    )


def test_labels_beyond_the_classes_are_refused(tiny_cifar, tmp_path):
    folder = tiny_cifar.write(tmp_path / "here")
    path = folder / "test_batch.bin"
    path.write_bytes(bytes(3073) + bytes([10]) + bytes(3072))
    text = error(load_cifar, tiny_cifar.published, folder)
    assert text == f"{path}: expected labels of 0 to 9, got 10 at byte 3073. {REMEDY}"


def test_cifar_from_the_archive(tiny_cifar, tmp_path):
    names = [name for name in tiny_cifar.contents if name.endswith(".bin")]
    data = load_cifar(tiny_cifar.published, tiny_cifar.write(tmp_path / "here", leave_out=names), forbidden)
    expect(data, tiny_cifar, 8, 4)
    assert data.notice == ""


def test_cifar_downloads_the_archive(tiny_cifar, mirrors, cache):
    good = mirrors.serve("/tiny-binary.tar.gz", tiny_cifar.contents["tiny-binary.tar.gz"])
    bad = mirrors.serve("/old/tiny-binary.tar.gz", b"an older edition")
    archive = replace(tiny_cifar.published.archive, mirrors=(bad, good))
    published = replace(tiny_cifar.published, archive=archive)
    expect(load_cifar(published, None, quiet), tiny_cifar, 8, 4)
    assert [path.name for path in (cache / "tiny").iterdir()] == ["tiny-binary.tar.gz"]
    expect(load_cifar(published, None, forbidden), tiny_cifar, 8, 4)


def archive_of(contents, folder):
    """A plain archive, which no published checksum covers."""
    folder.mkdir()
    with tarfile.open(folder / "tiny-binary.tar", "w") as archive:
        for name, content in contents.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return folder


def batches(tiny):
    return {name: content for name, content in tiny.contents.items() if name.endswith(".bin")}


def test_an_archive_without_a_batch_is_refused(tiny_cifar, tmp_path):
    contents = batches(tiny_cifar)
    del contents["data_batch_1.bin"]
    folder = archive_of(contents, tmp_path / "here")
    text = error(load_cifar, tiny_cifar.published, folder)
    path = folder / "tiny-binary.tar"
    assert text == f"{path}: expected data_batch_1.bin in the archive, got none. {REMEDY}"


def test_a_short_test_batch_in_the_archive_is_refused(tiny_cifar, tmp_path):
    contents = batches(tiny_cifar)
    contents["test_batch.bin"] = contents["test_batch.bin"][:3073]
    folder = archive_of(contents, tmp_path / "here")
    text = error(load_cifar, tiny_cifar.published, folder)
    assert text.startswith(f"{folder / 'tiny-binary.tar'}: test_batch.bin: truncated after byte 3073 of its content ")


@pytest.mark.parametrize("size", [100, 700, 5_000, 13_000])
def test_a_truncated_archive_is_refused(tiny_cifar, tmp_path, size):
    folder = archive_of(batches(tiny_cifar), tmp_path / "here")
    path = folder / "tiny-binary.tar"
    path.write_bytes(path.read_bytes()[:size])
    text = error(load_cifar, tiny_cifar.published, folder)
    assert text.startswith(str(path))
    assert text.endswith(REMEDY)


def test_a_truncated_compressed_archive_without_checksum_is_refused(tiny_cifar, tmp_path):
    folder = archive_of(batches(tiny_cifar), tmp_path / "here")
    plain = folder / "tiny-binary.tar"
    path = folder / "tiny-binary.tar.xz"
    path.write_bytes(lzma.compress(plain.read_bytes())[:-9_000])
    plain.unlink()
    text = error(load_cifar, tiny_cifar.published, folder)
    assert f"{path}: truncated after byte " in text
    assert text.endswith(REMEDY)


def test_the_archive_that_is_not_the_published_one_names_both_hashes(tiny_cifar, tmp_path):
    (tmp_path / "tiny-binary.tar.gz").write_bytes(b"something else")
    received = hashlib.md5(b"something else").hexdigest()
    assert error(load_cifar, tiny_cifar.published, tmp_path) == (
        f"{tmp_path / 'tiny-binary.tar.gz'}: expected MD5 {tiny_cifar.published.archive.md5}, got {received}. {REMEDY}"
    )


def test_missing_batches_are_named_beside_the_archive(tiny_cifar, tmp_path):
    tiny_cifar.write(tmp_path / "here", leave_out=("tiny-binary.tar.gz", "test_batch.bin"))
    assert error(load_cifar, tiny_cifar.published, tmp_path / "here").startswith(
        "Dataset 'tiny': no tiny-binary.tar, nor test_batch.bin (plain, .gz or .xz) in "
    )
