"""Pictures to predict: files, folders and archives, in the order given."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from madi.datasets.pictures.division import of_classes
from madi.datasets.pictures.opening import first_bytes, is_zip, open_file, open_source
from madi.datasets.pictures.preparation import PicturePreparation
from madi.datasets.pictures.reading import Bad, error_of, read_all
from madi.datasets.pictures.source import Source
from madi.datasets.preparation import Inputs
from madi.errors import FileError
from madi.kernels.arrays import aligned_empty


def read_inputs(paths: Sequence[Path], preparation: PicturePreparation) -> Inputs:
    """The pictures at `paths` as the preparation has them; see `PicturePreparation.read`."""
    sources = [_source(Path(path)) for path in paths]
    names = [source.name(entry.parts) for source in sources for entry in source.entries]
    if not names:
        raise FileError("No pictures were given. Name files, folders or zip archives of pictures.")
    x = aligned_empty((len(names), *preparation.shape), np.float32)
    start, bad = 0, list[Bad]()
    for source in sources:
        end = start + len(source.entries)
        bad += read_all(source, source.entries, x[start:end].__getitem__)
        start = end
    if bad:
        raise error_of("Pictures to predict", len(names), bad)
    return Inputs(names, x, tuple(notice for source in sources for notice in source.notices))


def read_labelled(path: Path, preparation: PicturePreparation) -> tuple[Inputs, np.ndarray]:
    """The pictures of each class, and their labels; see `PicturePreparation.read_examples`."""
    source = open_source(Path(path))
    pictures = of_classes(source, preparation.classes)
    x = aligned_empty((len(pictures.entries), *preparation.shape), np.float32)
    if bad := read_all(source, pictures.entries, x.__getitem__):
        raise error_of(source.where, len(x), bad)
    names = [source.name(entry.parts) for entry in pictures.entries]
    return Inputs(names, x, tuple(source.notices)), pictures.labels


def _source(path: Path) -> Source:
    """The files at a path: one, or those of a folder or archive, of which there must be some."""
    if not path.is_dir() and not is_zip(first_bytes(path)):
        return open_file(path)
    source = open_source(path)
    if not source.entries:
        raise FileError(f"{source.where}: no pictures at all, it is empty. Give a folder with pictures, or a file.")
    return source
