"""What can be trained on: data in the box, the gates, and one's own within the studio's folder."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from madi.config import TrainConfig
from madi.datasets import Dataset, Listing, StreamedDataset, catalogue
from madi.datasets.dataset import Batches, size_of
from madi.errors import ConfigurationError
from madi.runs import sources
from madi.runs.building import outputs_of
from madi.runs.folder import CONFIGURATION
from madi.studio.training.network import Task
from madi.studio.workplace import Workplace
from madi.training.losses import get

GATES = {"AND": (0, 0, 0, 1), "OR": (0, 1, 1, 1), "NAND": (1, 1, 1, 0), "XOR": (0, 1, 1, 0)}
UPLOADS = "data"  # the folder of what is brought, within the studio's
TABLES = (".csv", ".tsv", ".parquet")
ENDINGS = (*TABLES, ".zip", ".npz")
MOST_FOUND, DEEPEST = 200, 3
MOST_POINTS = 400  # of a picture


@dataclass(frozen=True)
class Known:
    """What a page knows of data before it trains on them.

    shape     of one example;  count: of those to train on
    classes   names; () where numbers are predicted, `numbers` of them
    points    (x, y) of examples with two inputs, at most 400
    columns   of a table: (name, kind, as what)
    """

    shape: tuple[int, ...]
    count: int
    classes: tuple[str, ...]
    numbers: int = 0
    notice: str = ""
    points: tuple[np.ndarray, np.ndarray] | None = None
    columns: tuple[tuple[str, str, str], ...] = ()

    def task(self, loss: str | None) -> Task:
        """What a network is for on these data, with a loss or the usual one."""
        name = loss or ("softmax_cross_entropy" if self.classes else "mean_squared_error")
        found = get(name)
        one = len(self.classes) == 2 and not found.classes
        outputs = (1 if one else len(self.classes)) if self.classes else self.numbers
        return Task(self.shape, outputs, () if found.classes else (outputs,), name)


def boxed(workplace: Workplace) -> dict[str, Listing]:
    """The datasets by name, listed once."""
    kept = workplace.kept
    if "train.boxed" not in kept:
        kept["train.boxed"] = {listing.name: listing for listing in catalogue()}
    found: dict[str, Listing] = kept["train.boxed"]
    return found


def gate_file(name: str, workplace: Workplace) -> Path:
    """The four examples of a gate as a file in the studio's folder, which `madi train` takes as well."""
    path = workplace.place(f"{UPLOADS}/{name.lower()}.npz")
    path.parent.mkdir(parents=True, exist_ok=True)
    x = np.array([(0, 0), (1, 0), (0, 1), (1, 1)], np.float32)
    if not path.exists():
        np.savez(path, x=x, y=np.array(GATES[name], np.int32))
    return path


def own_files(workplace: Workplace) -> list[str]:
    """Tables, arrays, archives and folders of pictures within the studio's folder, by their paths in it."""
    root = workplace.folder.resolve()
    found = (path.relative_to(root).as_posix() for path in _candidates(root, DEEPEST))
    gates = {f"{UPLOADS}/{name.lower()}.npz" for name in GATES}
    return [name for _, name in zip(range(MOST_FOUND), (name for name in found if name not in gates), strict=False)]


def _candidates(folder: Path, depth: int) -> Iterator[Path]:
    """Folders of runs are left out, and what begins with a dot or is a link."""
    entries = _entries(folder)
    if any(entry.name == CONFIGURATION for entry in entries):
        return
    for entry in entries:
        if entry.name.startswith(".") or entry.is_symlink():
            continue
        path = Path(entry.path)
        if (entry.is_file() and path.suffix.lower() in ENDINGS) or (entry.is_dir() and _has_pictures(path)):
            yield path
        elif entry.is_dir() and depth:
            yield from _candidates(path, depth - 1)


def _has_pictures(folder: Path) -> bool:
    """Whether it holds folders that begin with a picture each; at least two, as classes are."""
    kinds = (".png", ".jpg", ".jpeg", ".bmp", ".webp")
    within = [Path(entry.path) for entry in _entries(folder) if entry.is_dir() and not entry.name.startswith(".")]
    firsts = [next((each.name for each in _entries(each) if each.is_file()), "") for each in within[:2]]
    return len(firsts) == 2 and all(name.lower().endswith(kinds) for name in firsts)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    """In order of names; of a folder that cannot be read none."""
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError:
        return []


def place_for_upload(name: str, workplace: Workplace) -> Path:
    """Where what was brought under this name is kept: under one of ours, whose ending alone is the sender's.

    Raises ConfigurationError for an ending that is none of tables, archives and arrays.
    """
    ending = Path(name.replace("\\", "/")).suffix.lower()
    if ending not in ENDINGS:
        raise ConfigurationError(f"expected a file that ends in {', '.join(ENDINGS)}, got {ending or 'none'}.")
    stamp = f"{time.strftime('%Y%m%d-%H%M%S')}-{time.time_ns() % 10**6:06d}"
    return workplace.place(f"{UPLOADS}/upload-{stamp}{ending}")


def columns_of(path: Path) -> list[str]:
    """The names of a table's columns, to choose from."""
    from madi.datasets import tables

    with tables.open_table(path) as table:
        return list(table.schema)


def known(config: TrainConfig, progress: sources.Progress | None = None) -> Known:
    """What there is to know; reads the data, as `madi train` does, and raises what it raises."""
    data: Dataset | StreamedDataset = sources.load(config, progress=progress)
    shape, count = size_of(data.train)
    numbers = 0 if data.classes else outputs_of(get("mean_squared_error"), data)
    columns = tuple(data.preparation.describe()) if data.preparation is not None else ()
    return Known(shape, count, data.classes, numbers, data.notice, _points(data.train, shape), columns)


def _points(part: Any, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray] | None:
    if isinstance(part, Batches) or shape != (2,):
        return None
    step = -(-len(part.x) // MOST_POINTS)
    return part.x[::step], part.y[::step]
