"""madi predict: images and rows of numbers in, classes and probabilities out."""

import csv
import json

import numpy as np
import pytest
from PIL import Image

from madi.cli.examples import read_examples
from madi.datasets import load
from madi.datasets.pictures import PicturePreparation
from madi.layers import load as load_model
from madi.training import predict_classes


@pytest.fixture(scope="module")
def digits():
    return load("digits").test.x


def picture(array, path, size=None):
    """A grey picture of values in 0..1."""
    image = Image.fromarray(np.round(array[..., 0] * 255).astype(np.uint8))
    (image if size is None else image.resize(size, Image.Resampling.NEAREST)).save(path)


def test_a_dataset(madi, trained, digits):
    result = madi("predict", trained, "digits")
    names, probabilities = predict_classes(load_model(trained / "model.safetensors"), digits)
    line = next(line.split() for line in result.out.splitlines() if line.startswith("digits:1 "))
    assert line[1:3] == [str(names[0]), f"{probabilities[0].max():.4f}"]
    assert "... 340 more; --output FILE.csv writes all" in result.out


@pytest.mark.parametrize("name", ["o.csv", "출력 파일.json"])
def test_the_file_has_every_probability(madi, trained, digits, tmp_path, name):
    np.save("x.npy", digits[:30])
    assert madi("predict", trained, "x.npy", "--output", name).code == 0
    with (tmp_path / name).open(encoding="utf-8") as file:
        rows = json.load(file) if name.endswith("json") else list(csv.DictReader(file))
    names, probabilities = predict_classes(load_model(trained / "model.safetensors"), digits[:30])
    assert [row["input"] for row in rows] == [f"x.npy:{number}" for number in range(1, 31)]
    assert [row["class"] for row in rows] == [str(name) for name in names]
    found = [[float(row[str(label)]) for label in range(10)] for row in rows]
    np.testing.assert_allclose(found, probabilities, atol=1e-6)


def test_a_picture_is_what_the_array_is(madi, trained, digits):
    _, probabilities = predict_classes(load_model(trained / "model.safetensors"), digits)
    surest = digits[probabilities.max(axis=1).argmax()]  # resizing changes an image a little, and must not its class
    grey = np.round(surest * 255) / 255
    picture(grey, "하나.png")
    picture(1 - grey, "inverted.png")
    picture(grey, "large.png", (80, 80))
    plain = madi("predict", trained, "하나.png", "large.png")
    inverted = madi("predict", trained, "inverted.png", "--invert")
    assert (plain.code, inverted.code) == (0, 0)
    rows = [line.split()[1:] for line in [*plain.out.splitlines()[2:], inverted.out.splitlines()[2]]]
    assert rows[0] == rows[2]
    assert rows[0][0] == rows[1][0]


def test_pictures_of_all_kinds_become_the_models_examples(tmp_path):
    Image.new("RGB", (5, 9), (255, 0, 0)).save("red.png")
    Image.new("RGBA", (5, 9), (0, 0, 0, 0)).save("clear.png")
    Image.new("P", (5, 9)).save("palette.png")
    x = read_examples([tmp_path / "red.png"], (4, 6, 3))[1]
    assert x.shape == (1, 4, 6, 3)
    assert x.dtype == np.float32
    assert x[0, 0, 0].tolist() == [1, 0, 0]
    assert read_examples([tmp_path / "clear.png"], (4, 6, 1))[1].min() == 1, "what is transparent is paper"
    assert read_examples([tmp_path / "palette.png"], (16,))[1].shape == (1, 16)


def test_pictures_of_another_size_go_by_one_rule(tmp_path):
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (30, 50, 3), np.uint8)).save("wide.png")
    rule = PicturePreparation(8, 8, 1, ("digit",)).decode(tmp_path / "wide.png")
    assert (read_examples([tmp_path / "wide.png"], (8, 8, 1))[1][0] == rule).all()
    assert (read_examples([tmp_path / "wide.png"], (64,), invert=True)[1][0] == (1 - rule).ravel()).all()


def test_rows_of_numbers(tmp_path):
    (tmp_path / "a.csv").write_text("﻿width,height\n1,2\n\n3,4.5\n", encoding="utf-8")
    np.save("one.npy", np.arange(2))
    names, x = read_examples([tmp_path / "a.csv", tmp_path / "one.npy"], (2,))
    assert names == ["a.csv:1", "a.csv:2", "one.npy:1"]
    assert x.tolist() == [[1, 2], [3, 4.5], [0, 1]]


def test_a_model_of_numbers_gives_numbers(madi):
    options = ("--engine", "numpy", "--epochs", "1", "--hidden", "4", "--loss", "mean_squared_error", "--output", "run")
    assert madi("train", "planar", *options, "--quiet").code == 0
    np.save("x.npy", np.zeros((1, 2)))
    result = madi("predict", "run", "x.npy")
    assert result.out.split()[:3] == ["input", "output", "0"]


@pytest.mark.parametrize(
    ("content", "name", "line"),
    [
        (None, "no.png", "no.png: no such file. Give images, .npy or .csv files, or the name of a dataset."),
        (None, "digit", "digit: no such file, and no such dataset. Did you mean 'digits'?"),
        (b"text", "a.png", "a.png: expected a picture (PNG, JPEG, BMP or WebP), got text ('text'). Convert it to PNG"),
        (b"text", "a.npy", "a.npy: expected a NumPy array, got bytes 74 65 78 74 at byte 0."),
        (b"", "a.csv", "a.csv: expected rows of numbers, got none."),
        (b"1,2\n3,x\n", "a.csv", "a.csv, line 2: expected numbers, got 'x'."),
        (b"1,2\n3\n", "a.csv", "a.csv, line 2: expected 2 numbers as in the first line, got 1."),
        (b"1,2\n", "a.csv", "a.csv: expected examples of (8, 8, 1), got an array of (1, 2). One example is one row."),
        (b"\xff\xfe", "a.csv", "a.csv: cannot be read as .csv ("),
    ],
)
def test_mistakes(madi, trained, tmp_path, content, name, line):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    result = madi("predict", trained, name)
    assert result.code == 2
    assert result.err.startswith(f"madi: {line}")
    assert result.err.count("\n") == 1


def test_no_code_is_run_from_a_file_of_numbers(madi, trained):
    np.save("x.npy", np.array([{}], dtype=object), allow_pickle=True)
    result = madi("predict", trained, "x.npy")
    assert result.code == 2
    assert "x.npy: an array of Python objects, which is a pickle that could run code." in result.err


def test_where_the_answers_cannot_be_written(madi, trained):
    wrong = madi("predict", trained, "digits", "--output", "o.txt")
    assert (wrong.code, wrong.err) == (2, "madi: --output o.txt: expected a name that ends in .csv or .json.\n")
    result = madi("predict", trained, "digits", "--output", "no/o.csv")
    assert (result.code, result.err) == (
        2,
        "madi: no/o.csv: cannot be written (No such file or directory). Choose another file.\n",
    )


def test_a_model_that_takes_no_images(madi, tmp_path):
    options = ("--engine", "numpy", "--epochs", "1", "--hidden", "4", "--output", "run")
    assert madi("train", "planar", *options).code == 0
    Image.new("L", (4, 4)).save("a.png")
    result = madi("predict", "run", "a.png")
    line = "madi: a.png: the model takes examples of (2,), which are no images. Give a .npy or .csv file.\n"
    assert (result.code, result.err) == (2, line)
