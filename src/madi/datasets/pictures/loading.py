"""A folder of pictures, or an archive of one, as a dataset."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from madi.datasets import memory
from madi.datasets.dataset import Dataset, StreamedDataset
from madi.datasets.pictures.contents import Contents, about_classes, in_batches, in_memory
from madi.datasets.pictures.division import TEST, TRAIN, VALIDATION, Division, divided
from madi.datasets.pictures.opening import open_source
from madi.datasets.pictures.preparation import PicturePreparation
from madi.datasets.pictures.reading import Seen, about_bad, within
from madi.datasets.pictures.refusal import shown
from madi.datasets.pictures.settings import checked_channels, checked_seed, checked_shares, checked_size
from madi.datasets.pictures.shares import complete, with_test
from madi.datasets.pictures.survey import prepare
from madi.errors import DataError, argument

_SHARE_OF_MEMORY = 0.5  # of what is available: the rest is for the training
_STREAMED = "The pictures take more than half of the memory that is free: they are decoded batch by batch."


def load_pictures(
    path: str | Path, *, size: int | tuple[int, int] | None = None, channels: int | None = None,
    skip_bad: bool = False, test: float = 0.2, validation: float = 0.1, test_data: str | Path | None = None,
    stream: bool | None = None, seed: int = 0, progress: Callable[[int, int], None] | None = None,
) -> Dataset | StreamedDataset:  # fmt: skip
    """Pictures by class: a folder with a folder for each class (sorted by name), or a .zip of one.

    path          folders within a class folder belong to the class.  Where the folder holds train/ and, beside it,
                  nothing but val/ or validation/ and test/, the classes lie in these, divided as they are.  PNG, JPEG,
                  BMP and WebP are known by their content; hidden files are ignored
    size          (height, width) of the examples, or one number for both.  None: the size that all pictures have; where
                  they differ, the median height and width, reduced to 128 on the longer side if they are larger, with a
                  notice
    channels      1 for grey, 3 for colour, None: 1 where every picture is stored without colours, else 3
    skip_bad      leave out pictures that cannot be read, and name them in the notice, instead of raising
    test          share of the pictures for the test, each class in proportion; 0 for none.  Of no effect where the
                  folder is divided already, or `test_data` is given
    validation    share of the pictures for validation, likewise
    test_data     another folder or archive by class, for the test
    stream        decode batch by batch in every epoch, instead of once into memory.  None: where the examples would
                  take more than half of the memory that is free.  Each picture is decoded once before, to know that it
                  can be
    seed          of the division, and of the order of batches
    progress      is called with how many pictures are decoded, and how many there are, again and again

    Returns examples in 0..1, float32, (N, H, W, C), as `pictures.decoding` defines them, and labels, int32.
    Raises FileError for what is not there or cannot be read, DataError for folders that tell no two classes, too few
    pictures of one or too little memory for all, ConfigurationError for settings out of range.
    """
    path = Path(path).expanduser()
    shares, seed = checked_shares(test, validation), checked_seed(seed)
    shape = checked_size(size), checked_channels(channels)
    division = complete(with_test(divided(open_source(path)), test_data), shares, seed)
    preparation, notices = prepare(division.parts[TRAIN], division.classes, *shape)
    streamed = _is_streamed(stream, division, preparation)
    notices += [_STREAMED] if streamed and not stream else []
    seen = None if progress is None else _counting(progress, _count(division))
    parts = _decoded(division, preparation, streamed=streamed, seed=seed, seen=seen)
    bad = [found for contents in parts.values() for found in contents.bad]
    notices += about_bad(shown(str(path)), _count(division), bad, skip_bad=skip_bad)
    notice = " ".join([*division.notices, *notices, *about_classes(division, parts)])
    examples = {part: contents.examples for part, contents in parts.items()}
    kind: Any = StreamedDataset if streamed else Dataset
    named = _name(path), examples[TRAIN], examples[TEST], division.classes
    names = {part: _names(parts[part]) for part in (TEST, VALIDATION) if part in parts}
    found: Dataset | StreamedDataset = kind(*named, notice, examples.get(VALIDATION), preparation, names=names)
    return found


def _names(contents: Contents) -> list[str]:
    """Within their folder or archive: a report that is sent to others tells nothing of where that lies."""
    return [within(entry) for entry in contents.pictures.entries]


def _is_streamed(stream: bool | None, division: Division, preparation: PicturePreparation) -> bool:
    """Whether to decode batch by batch.  Raises DataError where that is ruled out, and memory is too short."""
    needed = 4 * _count(division) * math.prod(preparation.shape)
    free = memory.available()
    if stream is False and needed > free:
        text = (
            f"{_count(division)} pictures of shape {preparation.shape} take {needed >> 20} MiB, free are {free >> 20}"
        )
        fix = f"Leave {argument('stream')} out, or give a smaller {argument('size')}."
        raise DataError(f"{division.parts[TRAIN].source.where}: {text}. {fix}")
    return bool(stream) or (stream is None and needed > _SHARE_OF_MEMORY * free)


def _counting(progress: Callable[[int, int], None], count: int) -> Seen:
    """Adds up, of `count`, what is done."""
    done = 0

    def seen(more: int) -> None:
        nonlocal done
        done += more
        progress(done, count)

    return seen


def _decoded(
    division: Division, preparation: PicturePreparation, *, streamed: bool, seed: int, seen: Seen | None
) -> dict[str, Contents]:
    """Every part; the test without a picture where none was wanted.  Training batches alone come in a random order."""
    train = division.parts[TRAIN]
    parts = {TEST: train.take(np.arange(0)), **division.parts}
    if not streamed:
        return {part: in_memory(pictures, preparation, seen) for part, pictures in parts.items()}
    seeds = {TRAIN: seed}
    return {part: in_batches(pictures, preparation, seeds.get(part), seen) for part, pictures in parts.items()}


def _count(division: Division) -> int:
    return sum(map(len, division.parts.values()))


def _name(path: Path) -> str:
    path = path.resolve()
    return shown(path.name if path.is_dir() else path.stem)
