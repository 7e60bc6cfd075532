"""Drawings that are kept as examples: a folder for each digit, which `madi train` takes as it is."""

from __future__ import annotations

import contextlib
import secrets
import time
from pathlib import Path

import numpy as np

from madi.datasets.handwriting import as_mnist
from madi.errors import DataError, FileError
from madi.studio.drawing.reader import DIGITS
from madi.studio.workplace import Workplace

FOLDER = "drawings"


class Drawings:
    """The folder "drawings" of a workplace: drawings/7/20260101-120000-1a2b3c.png, 28 x 28 pixels as MNIST's are."""

    def __init__(self, workplace: Workplace) -> None:
        self.workplace = workplace

    @property
    def folder(self) -> Path:
        """Where they lie, there or not yet."""
        return self.workplace.place(FOLDER)

    def keep(self, bitmap: np.ndarray, digit: str) -> Path:
        """Keep a drawing (H, W), ink 1 on paper 0, as an example of `digit`; its file.

        Raises DataError for an empty one or what is no digit, FileError where it cannot be written.
        """
        from PIL import Image

        if digit not in DIGITS:
            raise DataError(f"draw: expected a digit from 0 to 9, got '{digit[:20]}'.")
        picture = as_mnist(bitmap)
        if not picture.any():
            raise DataError("draw: nothing is drawn yet, so there is nothing to keep.")
        name = f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(3)}.png"
        path = self.workplace.place(f"{FOLDER}/{digit}/{name}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("xb") as file:
                Image.fromarray(np.rint(picture * 255).astype(np.uint8)).save(file, "PNG")
        except OSError as error:
            raise FileError(
                f"The drawing cannot be kept ({error.strerror}). Make room in the studio's folder."
            ) from error
        return path

    def take_back(self, path: Path) -> None:
        """Remove one that `keep` has written; and its folder where it was the only one, for a class needs examples."""
        if self.folder in path.parents:
            path.unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                path.parent.rmdir()

    def counts(self) -> dict[str, int]:
        """How many there are of each digit that has some."""
        found = {digit: sum(1 for _ in (self.folder / digit).glob("*.png")) for digit in DIGITS}
        return {digit: count for digit, count in found.items() if count}
