"""Examples from files: PNG, JPEG, BMP and WebP images, numbers from .npy and .csv."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from madi.errors import DataError, FileError, ShapeError

NUMBERS = (".npy", ".csv")
Shape = tuple[int, ...]


def read_examples(paths: Sequence[Path], shape: Shape, *, invert: bool = False) -> tuple[list[str], np.ndarray]:
    """(names, x): every example in the files, for a model whose examples are of `shape`.

    .npy, .csv    one example a row, with as many numbers as `shape` has
    anything else an image, in grey or colour and of the size as `shape` asks, in 0..1 (see `PicturePreparation.decode`)
    invert        whether dark ink on light paper becomes light on dark, as in MNIST

    Raises FileError for what cannot be read, ShapeError and DataError for what does not fit.
    """
    names: list[str] = []
    parts: list[np.ndarray] = []
    for path in paths:
        if not path.is_file():
            raise FileError(f"{path}: no such file. Give images, .npy or .csv files, or the name of a dataset.")
        if path.suffix.lower() in NUMBERS:
            rows = _rows(path, shape)
            names += [f"{path.name}:{number}" for number in range(1, len(rows) + 1)]
        else:
            rows = _image(path, shape, invert)[None]
            names.append(path.name)
        parts.append(rows)
    return names, np.concatenate(parts).astype(np.float32)


def _rows(path: Path, shape: Shape) -> np.ndarray:
    found = _npy(path) if path.suffix.lower() == ".npy" else _csv(path)
    rows = found[None] if found.shape == shape else found
    if rows.shape[1:] == shape or (rows.ndim > 1 and math.prod(rows.shape[1:]) == math.prod(shape)):
        return rows.reshape(-1, *shape)
    raise ShapeError(f"{path}: expected examples of {shape}, got an array of {found.shape}. One example is one row.")


def _npy(path: Path) -> np.ndarray:
    from madi.datasets.arrays import read_npy

    found = read_npy(path)
    if found.dtype.kind not in "fiub":
        raise DataError(f"{path}: expected numbers, got dtype {found.dtype}.")
    return found


def _csv(path: Path) -> np.ndarray:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = [(number, row) for number, row in enumerate(csv.reader(file), start=1) if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FileError(f"{path}: cannot be read as .csv ({error}).") from error
    if lines and not any(map(_is_number, lines[0][1])):
        lines = lines[1:]  # the names of the columns
    if not lines:
        raise DataError(f"{path}: expected rows of numbers, got none.")
    return np.array([_numbers(path, number, row, len(lines[0][1])) for number, row in lines])


def _numbers(path: Path, number: int, row: list[str], width: int) -> list[float]:
    wrong = [word for word in row if not _is_number(word)]
    if wrong:
        raise DataError(f"{path}, line {number}: expected numbers, got '{wrong[0]}'.")
    if len(row) != width:
        raise DataError(f"{path}, line {number}: expected {width} numbers as in the first line, got {len(row)}.")
    return [float(word) for word in row]


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _image(path: Path, shape: Shape, invert: bool) -> np.ndarray:
    """An image as the model's examples are, by the rule of `madi serve` and of pictures of one's own."""
    from madi.datasets.pictures import PicturePreparation

    pixels = PicturePreparation(*_image_shape(path, shape), ("picture",)).decode(path)
    return (1 - pixels if invert else pixels).reshape(shape)


def _image_shape(path: Path, shape: Shape) -> tuple[int, int, int]:
    """(height, width, channels) of the model's examples; a flat one is a square in grey."""
    if len(shape) == 3 and shape[2] in (1, 3):
        return shape[0], shape[1], shape[2]
    side = math.isqrt(math.prod(shape))
    if len(shape) == 1 and side * side == shape[0] and side > 1:
        return side, side, 1
    raise ShapeError(f"{path}: the model takes examples of {shape}, which are no images. Give a .npy or .csv file.")
