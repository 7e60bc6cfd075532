"""What there is to load, and whether it is at hand."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from madi.datasets.dataset import Dataset
from madi.datasets.files import cache_folder, find_all, folders
from madi.datasets.published import CifarDataset, IdxDataset

IN_THE_BOX, LOCAL, CACHED, TO_DOWNLOAD = "in the box", "local", "cached", "to download"


@dataclass(frozen=True)
class Listing:
    """What can be said of a dataset without reading it.

    name, kind       as "mnist"; "images" or "points"
    train, test      numbers of examples
    shape, classes   of one example; the names of the labels
    source           "in the box", "local", "cached" or "to download"
    place            the folder of its files, or the one that a download would fill; None for one in the box
    """

    name: str
    kind: str
    train: int
    test: int
    shape: tuple[int, ...]
    classes: tuple[str, ...]
    source: str
    place: Path | None

    @property
    def present(self) -> bool:
        """Whether it loads without a download."""
        return self.source != TO_DOWNLOAD


def list_loaded(data: Dataset) -> Listing:
    """The listing of a dataset that comes with madi, from its own arrays."""
    shape = data.train.x.shape[1:]
    kind = "images" if len(shape) == 3 else "points"
    return Listing(data.name, kind, len(data.train.x), len(data.test.x), shape, data.classes, IN_THE_BOX, None)


def list_published(published: IdxDataset | CifarDataset) -> Listing:
    """The listing of a dataset of files."""
    cache = cache_folder() / published.name
    place = _place(published)
    source = TO_DOWNLOAD if place is None else CACHED if place == cache else LOCAL
    train, test = published.counts
    return Listing(published.name, "images", train, test, published.shape, published.classes, source, place or cache)


def _place(published: IdxDataset | CifarDataset) -> Path | None:
    """The folder of the first file of a set that is complete."""
    for files in published.alternatives:
        paths = find_all(files, folders(published.name))
        if len(paths) == len(files):
            return paths[files[0]].parent
    return None
