"""Drawings that are kept are examples that the library reads, within the studio's folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from madi.datasets import load_pictures
from madi.datasets.handwriting import as_mnist
from madi.errors import DataError, FileError
from madi.studio.drawing.keeping import Drawings
from madi.studio.workplace import Workplace


def bitmap(seed: int) -> np.ndarray:
    drawn = np.zeros((112, 112), np.uint8)
    drawn[20:90, 40 + seed : 60] = 255
    return drawn


def test_kept_drawings_are_pictures_that_can_be_trained_on(tmp_path: Path) -> None:
    drawings = Drawings(Workplace(tmp_path))
    assert drawings.counts() == {}
    for seed in range(6):
        for digit in ("3", "7"):
            path = drawings.keep(bitmap(seed), digit)
            assert path.parent == tmp_path / "drawings" / digit
    assert drawings.counts() == {"3": 6, "7": 6}
    data = load_pictures(drawings.folder, validation=0.0, test=0.5)
    assert data.classes == ("3", "7")
    assert data.train.x.shape == (6, 28, 28, 1)
    pictures = np.concatenate([data.train.x, data.test.x])
    expected = as_mnist(bitmap(2))
    assert min(np.abs(picture[..., 0] - expected).max() for picture in pictures) < 1 / 255


def test_one_can_be_taken_back(tmp_path: Path) -> None:
    drawings = Drawings(Workplace(tmp_path))
    kept, other = drawings.keep(bitmap(0), "1"), tmp_path / "other.png"
    other.write_bytes(b"")
    drawings.take_back(kept)
    drawings.take_back(kept)
    drawings.take_back(other)  # none that was kept
    assert drawings.counts() == {}
    assert list(drawings.folder.iterdir()) == []  # a class without examples could not be trained on
    assert other.exists()


@pytest.mark.parametrize("digit", ["", "10", "../7", "seven", "\0"])
def test_what_is_no_digit_is_refused(tmp_path: Path, digit: str) -> None:
    with pytest.raises(DataError, match="expected a digit from 0 to 9"):
        Drawings(Workplace(tmp_path)).keep(bitmap(0), digit)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_kept_of_an_empty_sheet_or_outside_of_the_folder(tmp_path: Path) -> None:
    inside, outside = tmp_path / "in", tmp_path / "out"
    inside.mkdir()
    outside.mkdir()
    drawings = Drawings(Workplace(inside))
    with pytest.raises(DataError, match="nothing is drawn yet"):
        drawings.keep(np.zeros((112, 112), np.uint8), "1")
    (inside / "drawings").symlink_to(outside)
    with pytest.raises(FileError, match="outside of the studio's folder"):
        drawings.keep(bitmap(0), "1")
    assert list(outside.iterdir()) == []
