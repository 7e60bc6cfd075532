"""Where the files of a dataset lie: a folder of the user's, the cache, or a mirror."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from madi.datasets.content import SUFFIXES
from madi.datasets.download import download
from madi.datasets.published import PublishedFile
from madi.errors import FileError

VARIABLE = "MADI_DATA"


def cache_folder() -> Path:
    """The folder that downloads are kept in, within the user's cache."""
    from pooch import os_cache

    return Path(os_cache("madi")) / "datasets"


def folders(dataset: str, directory: str | Path | None = None) -> list[Path]:
    """The folders in which files of `dataset` are looked for, in this order.

    Only `directory`, or a folder in it with the dataset's name, where it is given; otherwise
    $MADI_DATA/<dataset>, then the cache.
    """
    if directory is not None:
        given = Path(directory).expanduser()
        return [given, given / dataset]
    local = os.environ.get(VARIABLE)
    return ([Path(local).expanduser() / dataset] if local else []) + [cache_folder() / dataset]


def find(name: str, places: Sequence[Path]) -> Path | None:
    """The file `name`, plain or compressed, in the first of `places` that has it."""
    candidates = (place / (name + suffix) for place in places for suffix in SUFFIXES)
    return next((path for path in candidates if os.path.isfile(path)), None)  # False too where it may not be seen


def find_all(files: Iterable[PublishedFile], places: Sequence[Path]) -> dict[PublishedFile, Path]:
    """Those of `files` that one of `places` has, and where."""
    return {file: path for file in files if (path := find(file.name, places))}


def obtain(
    file: PublishedFile, dataset: str, directory: str | Path | None, *, report: Callable[[str], None], wanted: str = ""
) -> Path:
    """The path of `file`, downloaded into the cache where no folder has it.

    wanted    what to name as missing instead of the file alone

    Raises FileError, with where it looked, why no mirror gave it, and what to set, when there is none.
    """
    places = folders(dataset, directory)
    found = find(file.name, places)
    if found:
        return found
    missing = f"Dataset '{dataset}': no {wanted or file.name} (plain, .gz or .xz) in {' or '.join(map(str, places))}"
    if directory is not None:
        raise FileError(f"{missing}. Put it there, or leave the directory out to download it.")
    try:
        return download(file, places[-1], report=report)
    except FileError as error:
        remedy = f"Connect to the network, or put it into <folder>/{dataset} and set {VARIABLE}=<folder>."
        raise FileError(f"{missing}, and the download failed: {error}. {remedy}") from error
