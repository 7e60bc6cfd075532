"""Folders of pictures as datasets: classes, parts, sizes, and one sentence for each thing that is wrong."""

import os
import subprocess
import sys

import numpy as np
import pytest

import madi
from madi.datasets import Dataset, StreamedDataset, load_pictures
from madi.datasets.pictures import loading
from madi.errors import ConfigurationError, DataError, FileError, MadiError


def error(kind, *arguments, **options):
    with pytest.raises(MadiError) as caught:
        load_pictures(*arguments, **options)
    assert type(caught.value) is kind
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def numbered(encode, pixels):
    """numbered("a", "b", count=2) -> {"a/0.png": its bytes, "a/1.png": ..., "b/0.png": ...}; options are of pixels."""

    def made(*folders, count=3, **options):
        return {f"{folder}/{k}.png": encode(pixels(k, **options)) for folder in folders for k in range(count)}

    return made


PARTS = ("train/a", "train/b", "test/a", "test/b")


def reds(x):
    """Which of the pictures of `photos` these are."""
    return sorted(np.rint(x[:, 0, 0, 0] * 255).astype(int).tolist())


# ---- classes and parts


def test_a_folder_for_each_class(photos):
    data = load_pictures(photos)
    assert isinstance(data, Dataset)
    assert (data.name, data.classes, data.notice, data.weight) == ("photos", ("cat", "dog"), "", None)
    assert data.train.x.shape == (14, 6, 5, 3)
    assert (data.train.x.dtype, data.train.y.dtype) == (np.float32, np.int32)
    assert (len(data.test.x), len(data.validation.x)) == (4, 2)
    assert [part.y.sum() for part in (data.train, data.validation, data.test)] == [7, 1, 2]
    for part in (data.train, data.validation, data.test):
        np.testing.assert_array_equal(part.y, np.rint(part.x[:, 0, 0, 0] * 255) >= 100)
    assert reds(np.concatenate([data.train.x, data.validation.x, data.test.x])) == [*range(10), *range(100, 110)]


def test_the_pixels_are_those_of_the_files(photos, pixels):
    x = load_pictures(photos, test=0, validation=0).train.x
    expected = np.stack([pixels(k) for k in [*range(10), *range(100, 110)]]).astype(np.float32) / np.float32(255)
    np.testing.assert_array_equal(x[..., 1:], expected[..., 1:])
    assert x.ctypes.data % 64 == 0


def test_the_seed_alone_says_who_is_tested(photos):
    first, again, other = (load_pictures(photos, seed=seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first.train.x, again.train.x)
    np.testing.assert_array_equal(first.test.x, again.test.x)
    assert reds(first.test.x) != reds(other.test.x)


def test_without_parts(photos):
    data = load_pictures(photos, test=0, validation=0)
    assert (len(data.train.x), data.test.x.shape, data.validation) == (20, (0, 6, 5, 3), None)
    assert data.notice == ""


def test_classes_are_sorted_and_deeper_folders_belong_to_them(tmp_path, write, encode, pixels):
    picture = encode(pixels(1))
    files = {f"{name}/{k}.png": picture for name in ("b", "B", "ä", "10", "9") for k in range(3)}
    files |= {f"b/2024/summer/{k}.png": picture for k in range(4)}
    data = load_pictures(write(tmp_path, files), test=0, validation=0)
    assert data.classes == ("10", "9", "B", "b", "ä")
    assert np.bincount(data.train.y).tolist() == [3, 3, 3, 7, 3]


def test_hangul_taken_apart_is_the_same_class(tmp_path, write, encode, pixels):
    """macOS writes ㄱ and ㅏ where others write 가."""
    picture = encode(pixels(1))
    apart = "\u1100\u1161"
    files = {f"train/{apart}/1.png": picture, "train/나/1.png": picture, "test/가/1.png": picture}
    data = load_pictures(write(tmp_path, files), validation=0)
    assert (data.classes, data.test.y.tolist()) == (("가", "나"), [0])


@pytest.mark.parametrize("name", ["val", "validation", "Valid"])
def test_a_prepared_division_is_taken_as_it_is(tmp_path, write, encode, name):
    def picture(level):
        return encode(np.full((2, 2), level, np.uint8))

    files = {f"train/{label}/{k}.png": picture(10 * k) for label in ("a", "b") for k in range(3)}
    files |= {f"{name}/a/1.png": picture(77), "test/b/1.png": picture(99), "test/b/2.png": picture(98)}
    data = load_pictures(write(tmp_path, files))
    assert np.rint(255 * data.train.x[:, 0, 0, 0]).tolist() == [0, 10, 20, 0, 10, 20]
    assert data.train.y.tolist() == [0, 0, 0, 1, 1, 1]
    assert np.rint(255 * data.validation.x[:, 0, 0, 0]).tolist() == [77]
    assert np.rint(255 * data.test.x[:, 0, 0, 0]).tolist() == [99, 98]
    assert data.test.y.tolist() == [1, 1]
    assert data.notice == "The test has no picture of: a."


def test_parts_that_the_folder_lacks_are_drawn(tmp_path, write, numbered):
    data = load_pictures(write(tmp_path, numbered(*PARTS, count=5)))
    assert (len(data.train.x), len(data.validation.x), len(data.test.x)) == (9, 1, 10)


def test_classes_may_be_called_train_and_test(tmp_path, write, numbered):
    """Trains and tests, with pictures in them, or trains and cars: no division."""
    assert load_pictures(write(tmp_path / "1", numbered("train", "test", count=5))).classes == ("test", "train")
    assert load_pictures(write(tmp_path / "2", numbered("train/red", "car/red", count=5))).classes == ("car", "train")


def test_a_test_from_elsewhere(photos, tmp_path, write, encode, pixels):
    other = write(tmp_path / "other", {"dog/1.png": encode(pixels(5)), "cat/1.png": encode(pixels(6))})
    data = load_pictures(photos, test_data=other, validation=0)
    assert (len(data.train.x), data.test.y.tolist()) == (20, [0, 1])
    np.testing.assert_array_equal(data.test.x[1], pixels(5).astype(np.float32) / np.float32(255))


# ---- size and channels


def test_one_size_for_all_is_kept(tmp_path, write, numbered):
    data = load_pictures(write(tmp_path, numbered("a", "b", height=300, width=200)), test=0)
    assert (data.train.x.shape[1:], data.notice) == ((300, 200, 3), "")


def test_pictures_of_different_sizes_are_unified_with_a_notice(tmp_path, write, encode, pixels):
    sizes = [(10, 20), (12, 30), (14, 26), (200, 20), (13, 22), (14, 27)]
    files = {f"{'ab'[k % 2]}/{k}.png": encode(pixels(k, *size)) for k, size in enumerate(sizes)}
    data = load_pictures(write(tmp_path, files), test=0, validation=0)
    assert data.train.x.shape[1:] == (14, 24, 3)  # the medians of 10 12 13 14 14 200 and 20 20 22 26 27 30
    assert data.notice == (
        "The pictures differ in size (10 x 20 to 200 x 20, height x width): of each, the middle is taken and resized "
        "to 14 x 24. Give size for another."
    )
    assert load_pictures(tmp_path, size=(8, 6), test=0).notice == ""
    assert load_pictures(tmp_path, size=7).train.x.shape[1:] == (7, 7, 3)


def test_large_pictures_of_different_sizes_are_reduced(tmp_path, write, encode, pixels):
    files = {f"{'ab'[k % 2]}/{k}.png": encode(pixels(k, 300 + k, 600)) for k in range(6)}
    assert load_pictures(write(tmp_path, files)).train.x.shape[1:] == (64, 128, 3)


def test_grey_where_all_training_pictures_are(tmp_path, write, encode, pixels, numbered):
    assert load_pictures(write(tmp_path / "1", numbered("a", "b", count=4, channels=1))).train.x.shape[-1] == 1
    assert load_pictures(tmp_path / "1", channels=3).train.x.shape[-1] == 3
    assert load_pictures(write(tmp_path / "1", {"a/colour.png": encode(pixels(9))}), test=0).train.x.shape[-1] == 3
    assert load_pictures(tmp_path / "1", channels=1).train.x.shape[-1] == 1


def test_the_preparation_makes_new_pictures_alike(photos):
    data = load_pictures(photos, test=0, validation=0)
    inputs = data.preparation.read([photos / "cat", photos / "dog" / "3.png"])
    assert inputs.names == [f"{photos}/cat/{k}.png" for k in range(10)] + [f"{photos}/dog/3.png"]
    np.testing.assert_array_equal(inputs.x, data.train.x[[*range(10), 13]])


# ---- bad pictures


@pytest.fixture
def damaged(photos):
    """Cat 3 is cut off, dog 5 is a web page."""
    path = photos / "cat" / "3.png"
    path.write_bytes(path.read_bytes()[:-9])
    (photos / "dog" / "5.png").write_bytes(b"<html>404</html>")
    return photos


def test_pictures_that_cannot_be_read_are_named(damaged):
    text = error(FileError, damaged, test=0, validation=0)
    assert text.startswith(
        f"{damaged}: 2 of 20 pictures cannot be read: cat/3.png, dog/5.png. "
        f"The first: {damaged}/cat/3.png: truncated PNG: expected "
    )
    assert text.endswith(" With skip_bad=True, such pictures are left out.")
    assert error(FileError, damaged, stream=True, test=0, validation=0) == text


def test_one_bad_picture_is_told_in_full(photos):
    (photos / "dog" / "5.png").write_bytes(b"")
    assert error(FileError, photos) == (
        f"{photos}/dog/5.png: expected a picture (PNG, JPEG, BMP or WebP), got an empty file. Convert it to PNG, or "
        "remove it. With skip_bad=True, such pictures are left out."
    )


def test_of_many_the_first_ten_and_the_count(photos):
    for k in range(12):
        (photos / "cat" / f"bad {k:02}.png").write_bytes(b"\x80\x04")
    text = error(FileError, photos, test=0, validation=0)
    listed = ", ".join(f"cat/bad {k:02}.png" for k in range(10))
    assert f"12 of 32 pictures cannot be read: {listed} and 2 more. The first: " in text
    assert "got a pickle, which is never loaded" in text


def test_the_examples_are_named_within_the_folder_and_those_left_out_are_not(damaged):
    data = load_pictures(damaged, skip_bad=True, test=0.5, validation=0)
    red = np.rint(data.test.x[:, 0, 0, 0] * 255).astype(int)
    assert data.names["test"] == [f"{'dog' if value >= 100 else 'cat'}/{value % 100}.png" for value in red]


@pytest.mark.parametrize("stream", [False, True])
def test_bad_pictures_are_left_out_on_demand(damaged, stream):
    data = load_pictures(damaged, skip_bad=True, test=0, validation=0, stream=stream)
    assert data.notice == "Left out, because they cannot be read: 2 of 20 pictures: cat/3.png, dog/5.png."
    batches = [data.train] if not stream else list(data.train)
    assert reds(np.concatenate([batch.x for batch in batches])) == [
        *(0, 1, 2, 4, 5, 6, 7, 8, 9),
        *(100, 101, 102, 103, 104, 106, 107, 108, 109),
    ]
    for batch in batches:
        np.testing.assert_array_equal(batch.y, np.rint(batch.x[:, 0, 0, 0] * 255) >= 100)


def test_bad_pictures_of_the_test_are_left_out_of_it(tmp_path, write, pixels, numbered):
    files = numbered(*PARTS) | {"test/a/0.png": b"text"}
    data = load_pictures(write(tmp_path, files), skip_bad=True, validation=0)
    assert (len(data.train.x), data.test.y.tolist()) == (6, [0, 0, 1, 1, 1])
    np.testing.assert_array_equal(data.test.x[0], pixels(1).astype(np.float32) / np.float32(255))


def test_a_class_of_nothing_but_bad_pictures(photos):
    for path in (photos / "dog").iterdir():
        path.write_bytes(b"text")
    assert error(DataError, photos, skip_bad=True) == (
        f"{photos}: class 'dog' has no picture to train on that can be read. Add pictures of it, or remove its folder."
    )


def test_nothing_but_bad_pictures(tmp_path, write):
    write(tmp_path, {f"{name}/{k}.txt": b"text" for name in "ab" for k in range(3)})
    text = error(FileError, tmp_path, skip_bad=True, test=0, validation=0)
    assert text == (
        f"{tmp_path}: none of the 6 pictures to train on can be read. The first: {tmp_path}/a/0.txt: expected a "
        "picture (PNG, JPEG, BMP or WebP), got text ('text'). Convert it to PNG, or remove it."
    )


# ---- folders that tell no classes


def test_no_such_folder(tmp_path):
    assert error(FileError, tmp_path / "photos") == f"No such file or folder: {tmp_path}/photos. Check the path."


def test_an_empty_folder(tmp_path):
    assert error(DataError, tmp_path) == (
        f"{tmp_path}: no pictures at all, the folder is empty; expected a folder for each class, such as "
        f"{tmp_path}/cat/1.png. Put pictures there."
    )


def test_pictures_without_class_folders(tmp_path, write, encode, pixels):
    write(tmp_path, {f"{k}.png": encode(pixels(k)) for k in range(3)})
    assert error(DataError, tmp_path) == (
        f"{tmp_path}: 3 files lie directly in it, which tells no class; expected a folder for each class, such as "
        f"{tmp_path}/cat/1.png. Make a folder for each class, and move its pictures there."
    )


def test_a_folder_of_something_else(tmp_path, write):
    write(tmp_path, {"a.csv": b"1,2", "b.csv": b"3,4"})
    assert error(DataError, tmp_path) == (
        f"{tmp_path}: no pictures at all (PNG, JPEG, BMP or WebP), 2 other files such as {tmp_path}/a.csv; expected a "
        f"folder for each class, such as {tmp_path}/cat/1.png. Give the folder that holds the pictures."
    )


def test_one_class_alone(tmp_path, write, numbered):
    write(tmp_path, numbered("cat"))
    assert error(DataError, tmp_path) == (
        f"{tmp_path}: one class alone, 'cat'; expected at least two folders, one for each class. Add another class, or "
        "give the folder whose folders are the classes."
    )


def test_an_empty_class_folder(photos):
    (photos / "bird" / "nothing").mkdir(parents=True)
    (photos / "bird" / ".hidden").touch()
    assert error(DataError, photos) == (
        f"{photos}/bird: an empty class folder (1 of 3); expected pictures of its class. Put some there, or remove the "
        "folder."
    )


def test_a_class_only_in_the_test(tmp_path, write, encode, pixels):
    files = {f"train/{name}/1.png": encode(pixels(1)) for name in ("cat", "dog")}
    write(tmp_path, files | {"test/owl/1.png": encode(pixels(1))})
    assert error(DataError, tmp_path) == (
        f"{tmp_path}: class 'owl' ({tmp_path}/test/owl/1.png) has no pictures to train on; expected the classes cat, "
        "dog. Add pictures of it to the training set, or remove it from the test."
    )


def test_a_class_only_in_the_test_from_elsewhere(photos, tmp_path, write, encode, pixels):
    other = write(tmp_path / "other", {"owl/1.png": encode(pixels(5))})
    assert f"class 'owl' ({other}/owl/1.png) has no pictures to train on" in error(DataError, photos, test_data=other)


def test_two_tests(tmp_path, photos, write, encode, pixels):
    files = {f"{part}/{name}/1.png": encode(pixels(1)) for part in ("train", "test") for name in ("cat", "dog")}
    folder = write(tmp_path / "divided", files)
    assert error(ConfigurationError, folder, test_data=photos) == (
        f"load_pictures: test_data: expected none, because {folder} has a test folder of its own, got '{photos}'. "
        "Leave one of them out."
    )


def test_too_few_pictures_of_a_class(photos):
    for k in range(2, 10):
        (photos / "dog" / f"{k}.png").unlink()
    assert error(DataError, photos) == (
        f"{photos}: class 'dog' has 2 pictures to divide into train and test and validation, expected at least 3. "
        "Add pictures of it, remove its folder, or ask for fewer parts."
    )
    assert len(load_pictures(photos, validation=0).train.x) == 10


def test_shares_that_leave_nothing_of_a_class_to_train_on(photos):
    text = error(DataError, photos, test=0.5, validation=0.49)
    assert "has 0 pictures left to train on, the rest being drawn for other parts, expected at least 1" in text


def test_files_beside_the_class_folders_are_told_of(photos):
    (photos / "README.md").touch()
    (photos / "labels.csv").touch()
    assert load_pictures(photos).notice == (
        "Left out, because no class folder holds them: 2 file(s), such as README.md."
    )


def test_test_pictures_without_classes_are_none(tmp_path, write, encode, pixels, numbered):
    """As contests give them: test/1.png, whose class nobody tells."""
    files = numbered("train/a", "train/b", count=5)
    data = load_pictures(write(tmp_path, files | {"test/1.png": encode(pixels(9)), "test/2.png": b""}))
    assert (len(data.train.x), len(data.validation.x), len(data.test.x)) == (7, 1, 2)
    assert data.notice == "Left out, because no class folder holds them: 2 file(s), such as test/1.png."


@pytest.mark.parametrize("name", ["길\u3000고양이", "👩\u200d🔬", "a b", "c\u00a0d"])
def test_names_of_any_language(photos, write, numbered, name):
    write(photos, numbered(name))
    assert name in load_pictures(photos).classes


def test_a_class_of_unreadable_name(photos):
    os.mkdir(os.fsencode(photos) + b"/caf\xe9")
    (photos / "caf\udce9" / "1.png").touch()
    expected = f"{photos}/caf\\udce9: the name of a class must be printable text, got 'caf\\udce9'. Rename it."
    assert error(FileError, photos) == expected


# ---- settings


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"test": -0.1}, "expected shares of at least 0 that leave pictures to train on, got test=-0.1"),
        ({"test": 0.6, "validation": 0.4}, "got test=0.6, validation=0.4"),
        ({"test": float("nan")}, "got test=nan"),
        ({"validation": "0.1"}, "validation='0.1'"),
        ({"size": 0}, "size: expected (height, width) or one number for both"),
        ({"size": (3, 4, 5)}, "got (3, 4, 5). Try size=(64, 64)."),
        ({"size": (100_000, 100_000)}, "got (100000, 100000)"),
        ({"size": 2.5}, "got 2.5"),
        ({"channels": 4}, "channels: expected 1 (grey) or 3 (colour), got 4. Leave it out."),
        ({"channels": True}, "got True"),
        ({"seed": -1}, "seed: expected an integer from 0 to 4294967295, got -1"),
    ],
)
def test_settings_out_of_range(photos, options, text):
    message = error(ConfigurationError, photos, **options)
    assert message.startswith("load_pictures: ")
    assert text in message


# ---- memory


def test_what_does_not_fit_is_streamed_with_a_notice(photos, monkeypatch):
    size = 20 * 6 * 5 * 3 * 4
    monkeypatch.setattr(loading.memory, "available", lambda: 2 * size)
    assert isinstance(load_pictures(photos), Dataset)
    monkeypatch.setattr(loading.memory, "available", lambda: 2 * size - 1)
    data = load_pictures(photos)
    assert isinstance(data, StreamedDataset)
    assert data.notice == (
        "The pictures take more than half of the memory that is free: they are decoded batch by batch."
    )
    assert isinstance(load_pictures(photos, stream=False), Dataset)


def test_what_cannot_fit_is_not_tried(photos, monkeypatch):
    monkeypatch.setattr(loading.memory, "available", lambda: 1)
    assert error(DataError, photos, stream=False) == (
        f"{photos}: 20 pictures of shape (6, 5, 3) take 0 MiB, free are 0. Leave stream out, or give a smaller size."
    )


@pytest.mark.parametrize("stream", [False, True])
def test_progress_is_told_to_its_end(photos, stream):
    told = []
    load_pictures(photos, stream=stream, progress=lambda done, count: told.append((done, count)))
    assert told[-1] == (20, 20)
    assert [done for done, _ in told] == sorted({done for done, _ in told}), "it grows"
    assert len(told) > 3


def test_importing_madi_imports_no_pillow():
    code = "import sys, madi, madi.datasets; madi.datasets.load; print('PIL' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "False\n"
    assert madi.datasets.load_pictures is load_pictures
    with pytest.raises(AttributeError, match="has no attribute 'load_pictuers'"):
        _ = madi.datasets.load_pictuers
