"""What a model's file keeps of its pictures: the size and the channels that every picture is brought to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from madi.datasets.pictures.header import MOST_PIXELS
from madi.datasets.preparation import Inputs, Preparation
from madi.errors import FileError


@dataclass(frozen=True)
class PicturePreparation(Preparation):
    """Pictures of any size and kind as numbers in 0..1 (see `pictures.decoding`).

    height, width    of each example
    channels         1 for grey, 3 for colour
    classes          the name of each label
    """

    kind: ClassVar[str] = "pictures"
    height: int
    width: int
    channels: int
    classes: tuple[str, ...]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of one example: (height, width, channels)."""
        return self.height, self.width, self.channels

    def decode(self, picture: str | Path | bytes, where: str = "picture") -> np.ndarray:
        """One picture, float32 in 0..1, (height, width, channels).

        picture    a path, or the bytes of a file
        where      what messages call it, where it is bytes

        Raises FileError for what cannot be read, is no PNG, JPEG, BMP or WebP, or is corrupt or too large.
        """
        from madi.datasets.pictures.opening import open_file
        from madi.datasets.pictures.reading import read_content, read_picture

        x = np.empty(self.shape, np.float32)
        if isinstance(picture, bytes):
            read_content(picture, where, x)
        else:
            source = open_file(Path(picture).expanduser())
            read_picture(source, source.entries[0], x)
        return x

    def describe(self) -> list[tuple[str, str, str]]:
        """The size and the channels of every picture."""
        colours = "grey" if self.channels == 1 else "colour"
        return [("pictures", colours, f"{self.height} x {self.width} pixels, 0..1")]

    def read(self, paths: Sequence[Path], *, skip_bad: bool = False) -> Inputs:
        """Pictures by path: files, folders with all that lie in them, and zip archives of them.

        skip_bad    leave out pictures that cannot be read, and name them in a notice, instead of raising

        Raises FileError for paths that are not there or hold nothing, and, by name, for pictures that cannot be read.
        """
        from madi.datasets.pictures.inputs import read_inputs

        return read_inputs(paths, self, skip_bad=skip_bad)

    def read_examples(self, path: Path, *, skip_bad: bool = False) -> tuple[Inputs, np.ndarray]:
        """The pictures in a folder with a folder for each class, or in a .zip of one, and their labels, int32.

        skip_bad    as in `read`

        Raises FileError as `read`; DataError for a class that training did not have.
        """
        from madi.datasets.pictures.inputs import read_labelled

        return read_labelled(path, self, skip_bad=skip_bad)

    def to_config(self) -> dict[str, Any]:
        """{"height": 32, "width": 32, "channels": 3, "classes": ["cat", "dog"]}"""
        return {**asdict(self), "classes": list(self.classes)}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """The preparation of `to_config`; raises FileError for anything that it cannot have written."""
        expected = ("height", "width", "channels", "classes")
        if set(config) != set(expected):
            raise _unlike(f"expected {', '.join(expected)}, got {', '.join(map(str, config)) or 'nothing'}")
        height, width, channels, classes = (config[name] for name in expected)
        whole = all(type(value) is int for value in (height, width, channels))
        if not (whole and height > 0 and width > 0 and height * width <= MOST_PIXELS and channels in (1, 3)):
            text = f"expected a height and width of at least 1, and 1 or 3 channels, got {height}, {width}, {channels}"
            raise _unlike(text)
        named = isinstance(classes, list) and all(isinstance(name, str) for name in classes)
        if not named or not classes or len(set(classes)) < len(classes):
            raise _unlike(f"expected the names of the classes, each once, got {str(classes)[:80]}")
        return cls(height, width, channels, tuple(classes))


def _unlike(text: str) -> FileError:
    return FileError(f"The preparation of pictures in the file cannot be read: {text}. Get the file anew.")
