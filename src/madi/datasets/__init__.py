"""Datasets by name: found, downloaded, checked, scaled and split.

    data = madi.datasets.load("digits")
    data.train.x, data.train.y, data.test.x, data.test.y, data.classes
    data = madi.datasets.load_table("data.csv", target="price")       # one's own: a table, or
    data = madi.datasets.load_pictures("photos")                      # a folder of pictures

Images are float32 in 0..1, (N, H, W, C); points are float32, (N, 2); labels are int32, (N,).
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from madi.datasets.dataset import Batches, Dataset, Split, StreamedDataset
from madi.datasets.digits import load_digits
from madi.datasets.files import cache_folder
from madi.datasets.idx import read_idx
from madi.datasets.images import Report, load_cifar, load_idx
from madi.datasets.listing import Listing, list_loaded, list_published
from madi.datasets.preparation import Inputs, Preparation
from madi.datasets.published import CIFAR10, FASHION_MNIST, MNIST, CifarDataset, IdxDataset
from madi.datasets.splitting import Partition, shuffle, split, stratified_order
from madi.datasets.synthetic import RECIPES, load_synthetic, moons_points, planar_points, spiral_points
from madi.errors import unknown_name

if TYPE_CHECKING:
    from madi.datasets.pictures import load_pictures
    from madi.datasets.tables import load_table

__all__ = [
    "NAMES",
    "Batches",
    "Dataset",
    "Inputs",
    "Listing",
    "Partition",
    "Preparation",
    "Split",
    "StreamedDataset",
    "cache_folder",
    "catalogue",
    "load",
    "load_pictures",
    "load_table",
    "moons_points",
    "planar_points",
    "read_idx",
    "shuffle",
    "spiral_points",
    "split",
    "stratified_order",
]

_IN_THE_BOX: dict[str, Callable[[], Dataset]] = {
    "digits": load_digits,
    **{name: partial(load_synthetic, name) for name in RECIPES},
}
_LATE = {"load_pictures": "pictures", "load_table": "tables"}
_PUBLISHED = {published.name: published for published in (MNIST, FASHION_MNIST, CIFAR10)}

NAMES = ("digits", "mnist", "fashion_mnist", "cifar10", "planar", "spiral", "moons")


def load(name: str, directory: str | Path | None = None, *, report: Report | None = None) -> Dataset:
    """Load a dataset.

    name        one of NAMES
    directory   the folder of a local copy, which may also lie in a folder of the dataset's name within it: then
                nothing is downloaded.  Without it, $MADI_DATA/<name> comes first, then the cache, then the mirrors.
                Files are named as published, plain or with .gz or .xz.  The sets that come with madi (digits, planar,
                spiral, moons) need none and ignore it
    report      takes one line of text for each download that begins; writes to standard error unless given

    Returns a `Dataset`; its `notice` says what is unusual about the copy at hand, such as a short test batch.
    Raises UnknownNameError, and FileError for files that are missing, truncated, corrupt or not those published.
    """
    if name in _IN_THE_BOX:
        return _IN_THE_BOX[name]()
    published = _PUBLISHED.get(name)
    if isinstance(published, IdxDataset):
        return load_idx(published, directory, report or _write_line)
    if isinstance(published, CifarDataset):
        return load_cifar(published, directory, report or _write_line)
    raise unknown_name("dataset", name, NAMES)


def catalogue() -> tuple[Listing, ...]:
    """What there is, in the order of NAMES: sizes, and where the files are.  Downloads nothing, checks no file."""
    return tuple(list_published(_PUBLISHED[name]) if name in _PUBLISHED else list_loaded(load(name)) for name in NAMES)


def __getattr__(name: str) -> Any:
    """What needs a library that `import madi` does not: loaded where it is first used."""
    if name not in _LATE:
        raise AttributeError(f"module 'madi.datasets' has no attribute '{name}'")
    return getattr(importlib.import_module(f"madi.datasets.{_LATE[name]}"), name)


def _write_line(text: str) -> None:
    sys.stderr.write(f"{text}\n")
