"""What size and channels suit a set of pictures, by the headers of those to train on."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from madi.datasets.pictures.division import Pictures
from madi.datasets.pictures.preparation import PicturePreparation
from madi.datasets.pictures.reading import for_each
from madi.datasets.pictures.refusal import Refusal
from madi.datasets.pictures.source import Entry, Source
from madi.errors import FileError, argument

DEFAULT_SIDE = 128  # pixels: the longest side that pictures of different sizes are given unasked


class Prepared(NamedTuple):
    """A preparation, and what its reader must know of how it was chosen."""

    preparation: PicturePreparation
    notices: list[str]


def prepare(
    pictures: Pictures, classes: tuple[str, ...], size: tuple[int, int] | None, channels: int | None
) -> Prepared:
    """The preparation of a set of pictures.

    size        (height, width).  None: the size that all have; where they differ, the median height and width,
                reduced to 128 on the longer side if they are larger, with a notice
    channels    1, 3, or None: 1 where every picture is stored without colours, else 3

    Raises FileError where no picture can be read.
    """
    if size and channels:
        return Prepared(PicturePreparation(*size, channels, classes), [])
    seen = _survey(pictures)
    found = channels or (1 if all(header.grey for header in seen) else 3)
    if size:
        return Prepared(PicturePreparation(*size, found, classes), [])
    sizes = np.array([header.size for header in seen])
    chosen = default_size(sizes)
    return Prepared(PicturePreparation(*chosen, found, classes), _about_sizes(sizes, chosen))


def default_size(sizes: np.ndarray) -> tuple[int, int]:
    """(height, width) for pictures of these sizes, (N, 2)."""
    middle = np.median(sizes, axis=0)
    if (sizes != sizes[0]).any():
        middle *= min(1.0, DEFAULT_SIDE / middle.max())
    height, width = (max(1, round(side)) for side in middle.tolist())
    return height, width


def _about_sizes(sizes: np.ndarray, chosen: tuple[int, int]) -> list[str]:
    areas = sizes.prod(axis=1)
    least, most = (" x ".join(map(str, sizes[row])) for row in (areas.argmin(), areas.argmax()))
    if not (sizes != sizes[0]).any():
        return []
    text = f"The pictures differ in size ({least} to {most}, height x width): of each, the middle is taken and resized"
    return [f"{text} to {chosen[0]} x {chosen[1]}. Give {argument('size')} for another."]


class _Seen(NamedTuple):
    """What counts of a header."""

    size: tuple[int, int]
    grey: bool


def _survey(pictures: Pictures) -> list[_Seen]:
    """The size, upright, and greyness of every picture whose header can be read."""
    source, entries = pictures.source, pictures.entries
    keeps = source.is_small
    found = for_each(lambda row: _look(source, entries[row], keeps=keeps), len(entries))
    seen = [header for header in found if isinstance(header, _Seen)]
    if not seen:
        text = f"{source.where}: none of the {len(found)} pictures to train on can be read"
        raise FileError(f"{text}. The first: {found[0]}")
    return seen


def _look(source: Source, entry: Entry, *, keeps: bool) -> _Seen | FileError:
    """A picture's header, kept for its decoding, or why it has none."""
    try:
        header = source.header(entry)
    except FileError as error:
        return error
    except Refusal as refusal:
        return refusal.of(source.name(entry.parts))
    if keeps:
        source.keep(entry, header)
    return _Seen(header.size, header.frame.grey)
