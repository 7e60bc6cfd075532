"""Pictures to predict: files, folders and archives, in the order given."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from madi.datasets.pictures.contents import closed_up, in_memory
from madi.datasets.pictures.division import of_classes
from madi.datasets.pictures.opening import first_bytes, is_zip, open_file, open_source
from madi.datasets.pictures.preparation import PicturePreparation
from madi.datasets.pictures.reading import Bad, about_bad, read_all, within
from madi.datasets.pictures.source import Source
from madi.datasets.preparation import Inputs
from madi.errors import FileError
from madi.kernels.arrays import aligned_empty


def read_inputs(paths: Sequence[Path], preparation: PicturePreparation, *, skip_bad: bool) -> Inputs:
    """The pictures at `paths` as the preparation has them; see `PicturePreparation.read`."""
    sources = [_source(Path(path)) for path in paths]
    names = [source.name(entry.parts) for source in sources for entry in source.entries]
    if not names:
        raise FileError("No pictures were given. Name files, folders or zip archives of pictures.")
    x = aligned_empty((len(names), *preparation.shape), np.float32)
    start, bad = 0, list[Bad]()
    for source in sources:
        end = start + len(source.entries)
        found = read_all(source, source.entries, x[start:end].__getitem__)
        bad += [entry._replace(row=entry.row + start, name=names[entry.row + start]) for entry in found]
        start = end
    left_out = about_bad("Pictures to predict", len(names), bad, skip_bad=skip_bad)
    if len(bad) == len(names):
        raise FileError(f"None of the {len(names)} pictures can be read. The first: {bad[0].error}")
    good = np.delete(np.arange(len(names)), [entry.row for entry in bad])
    notices = (*(notice for source in sources for notice in source.notices), *left_out)
    return Inputs([names[row] for row in good], closed_up(x, good), notices)


def read_labelled(path: Path, preparation: PicturePreparation, *, skip_bad: bool) -> tuple[Inputs, np.ndarray]:
    """The pictures of each class, and their labels; see `PicturePreparation.read_examples`."""
    source = open_source(Path(path))
    contents: Any = in_memory(of_classes(source, preparation.classes), preparation)
    x, labels = contents.examples
    every = len(contents.bad) + len(x)
    left_out = about_bad(source.where, every, contents.bad, skip_bad=skip_bad)
    if not len(x):
        raise FileError(f"{source.where}: none of the {every} pictures can be read. The first: {contents.bad[0].error}")
    names = [within(entry) for entry in contents.pictures.entries]
    return Inputs(names, x, (*source.notices, *left_out)), labels


def _source(path: Path) -> Source:
    """The files at a path: one, or those of a folder or archive, of which there must be some."""
    if not path.is_dir() and not is_zip(first_bytes(path)):
        return open_file(path)
    source = open_source(path)
    if not source.entries:
        raise FileError(f"{source.where}: no pictures at all, it is empty. Give a folder with pictures, or a file.")
    return source
