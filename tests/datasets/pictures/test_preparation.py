"""What a model's file keeps of pictures, and pictures to predict."""

import json
from pathlib import Path

import numpy as np
import pytest

from madi.datasets import memory
from madi.datasets.pictures import PicturePreparation
from madi.datasets.preparation import described, restored
from madi.errors import FileError

CONFIG = {"height": 6, "width": 5, "channels": 3, "classes": ["cat", "dog"]}


def test_it_goes_through_plain_json():
    preparation = PicturePreparation(6, 5, 3, ("cat", "dog"))
    assert preparation.to_config() == CONFIG
    text = json.dumps(described(preparation))
    assert restored(json.loads(text)) == preparation
    assert preparation.shape == (6, 5, 3)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"height": 0}, "expected a height and width of at least 1, and 1 or 3 channels, got 0, 5, 3"),
        ({"height": True}, "got True, 5, 3"),
        ({"width": "5"}, "got 6, 5, 3"),
        ({"height": 10**6, "width": 10**6}, "got 1000000, 1000000, 3"),
        ({"channels": 2}, "got 6, 5, 2"),
        ({"classes": "cat"}, "expected the names of the classes, each once, got cat"),
        ({"classes": ["cat", "cat"]}, "each once, got ['cat', 'cat']"),
        ({"classes": ["cat", 1]}, "got ['cat', 1]"),
        ({"classes": []}, "got []"),
        ({"extra": 1}, "expected height, width, channels, classes, got height, width, channels, classes, extra"),
    ],
)
def test_what_it_cannot_have_written_is_refused(change, text):
    with pytest.raises(FileError, match=r"^The preparation of pictures in the file cannot be read: ") as caught:
        PicturePreparation.from_config(CONFIG | change)
    assert text in str(caught.value)


def test_a_part_that_is_missing_is_refused():
    with pytest.raises(FileError, match="expected height, width, channels, classes, got height"):
        PicturePreparation.from_config({"height": 3})


# ---- pictures to predict


def test_files_folders_and_archives_in_the_order_given(tmp_path, write, zipped, encode, pixels):
    data = [encode(pixels(k)) for k in range(5)]
    write(tmp_path, {"z.png": data[0], "more/b.jpg": data[1], "more/a/c": data[2], "more/.hidden": b""})
    archive = zipped(tmp_path / "p.zip", {"x/1.png": data[3], "2.png": data[4]})
    preparation = PicturePreparation(6, 5, 3, ("cat", "dog"))
    inputs = preparation.read([tmp_path / "z.png", tmp_path / "more", archive])
    names = ["z.png", "more/a/c", "more/b.jpg", "p.zip: 2.png", "p.zip: x/1.png"]
    assert inputs.names == [f"{tmp_path}/{name}" for name in names]
    expected = np.stack([pixels(k) for k in (0, 2, 1, 4, 3)]).astype(np.float32) / np.float32(255)
    np.testing.assert_array_equal(inputs.x, expected)
    assert inputs.notices == ()


def test_relative_names_stay_relative(tmp_path, write, encode, pixels, monkeypatch):
    write(tmp_path, {"photo.png": encode(pixels(1))})
    monkeypatch.chdir(tmp_path)
    preparation = PicturePreparation(6, 5, 3, ("cat", "dog"))
    assert preparation.read([Path("photo.png")]).names == ["photo.png"]
    assert preparation.read([Path(".")]).names == ["photo.png"]


def test_pictures_to_predict_that_cannot_be_read(tmp_path, write, encode, pixels):
    write(tmp_path, {"1.png": encode(pixels(1)), "2.png": b"text", "3.png": b""})
    preparation = PicturePreparation(6, 5, 3, ("cat", "dog"))
    with pytest.raises(FileError) as caught:
        preparation.read([tmp_path])
    assert str(caught.value) == (
        f"Pictures to predict: 2 of 3 pictures cannot be read: {tmp_path}/2.png, {tmp_path}/3.png. The first: "
        f"{tmp_path}/2.png: expected a picture (PNG, JPEG, BMP or WebP), got text ('text'). Convert it to PNG, or "
        "remove it. With skip_bad=True, such pictures are left out."
    )
    inputs = preparation.read([tmp_path], skip_bad=True)
    assert inputs.names == [f"{tmp_path}/1.png"]
    np.testing.assert_array_equal(inputs.x[0], pixels(1).astype(np.float32) / np.float32(255))
    assert inputs.notices == (
        f"Left out, because they cannot be read: 2 of 3 pictures: {tmp_path}/2.png, {tmp_path}/3.png.",
    )


def test_bad_ones_among_several_sources_are_left_out_in_place(tmp_path, write, encode, pixels):
    write(tmp_path, {"a/1.png": b"", "a/2.png": encode(pixels(2)), "b/1.png": encode(pixels(3)), "b/2.png": b""})
    inputs = PicturePreparation(6, 5, 3, ("cat", "dog")).read([tmp_path / "a", tmp_path / "b"], skip_bad=True)
    assert inputs.names == [f"{tmp_path}/a/2.png", f"{tmp_path}/b/1.png"]
    expected = np.stack([pixels(k) for k in (2, 3)]).astype(np.float32) / np.float32(255)
    np.testing.assert_array_equal(inputs.x, expected)


def test_labelled_pictures_keep_their_labels_where_bad_ones_are_left_out(tmp_path, write, encode, pixels):
    write(tmp_path, {"cat/1.png": b"", "cat/2.png": encode(pixels(2)), "dog/1.png": encode(pixels(3))})
    preparation = PicturePreparation(6, 5, 3, ("cat", "dog"))
    with pytest.raises(FileError, match="With skip_bad=True, such pictures are left out"):
        preparation.read_examples(tmp_path)
    inputs, labels = preparation.read_examples(tmp_path, skip_bad=True)
    assert (inputs.names, labels.tolist()) == (["cat/2.png", "dog/1.png"], [0, 1])
    assert inputs.notices == ("Left out, because they cannot be read: 1 of 3 pictures: cat/1.png.",)


def test_nothing_but_bad_ones(tmp_path, write):
    write(tmp_path, {"cat/1.png": b"", "dog/1.png": b"text"})
    preparation = PicturePreparation(6, 5, 3, ("cat", "dog"))
    for read in (lambda: preparation.read([tmp_path], skip_bad=True),
                 lambda: preparation.read_examples(tmp_path, skip_bad=True)):  # fmt: skip
        with pytest.raises(FileError, match=r"(?i)none of the 2 pictures can be read. The first: .*cat/1.png"):
            read()


def test_nothing_to_predict(tmp_path):
    preparation = PicturePreparation(6, 5, 3, ("cat", "dog"))
    with pytest.raises(FileError, match="No pictures were given"):
        preparation.read([])
    with pytest.raises(FileError, match="no pictures at all, it is empty"):
        preparation.read([tmp_path])
    with pytest.raises(FileError, match="No such file or folder"):
        preparation.read([tmp_path / "photo.png"])


# ---- memory


def test_memory_is_the_least_of_all_limits(monkeypatch):
    assert 2**20 < memory.available() < 2**50
    for name, value in (("_of_machine", 30), ("_of_container", 20), ("_of_process", 10)):
        monkeypatch.setattr(memory, name, lambda value=value: value)
    assert memory.available() == 10
    monkeypatch.setattr(memory, "_of_process", lambda: -5)
    assert memory.available() == 0


def test_the_limit_of_a_container(tmp_path, monkeypatch):
    limit, used = tmp_path / "max", tmp_path / "current"
    monkeypatch.setattr(memory, "_GROUPS", ((str(limit), str(used)),))
    assert memory._of_container() > 2**60
    limit.write_text("max\n")
    used.write_text("300\n")
    assert memory._of_container() > 2**60
    limit.write_text("1000\n")
    assert memory._of_container() == 700


def test_where_the_system_tells_nothing(monkeypatch):
    def gone(*arguments, **options):
        raise OSError

    monkeypatch.setattr(memory.Path, "read_text", gone)
    assert memory._of_machine() == memory._physical() // 2
    monkeypatch.setattr(memory.os, "sysconf", gone)
    assert memory._of_machine() == 2**32
