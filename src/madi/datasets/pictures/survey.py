"""What size and channels suit a set of pictures, by the headers of those to train on."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from madi.datasets.pictures.division import Pictures
from madi.datasets.pictures.preparation import PicturePreparation
from madi.datasets.pictures.reading import for_each
from madi.datasets.pictures.refusal import Refusal
from madi.errors import FileError

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
    headers = _headers(pictures)
    grey = all(header_grey for _, header_grey in headers)
    found = channels or (1 if grey else 3)
    if size:
        return Prepared(PicturePreparation(*size, found, classes), [])
    sizes = np.array([header_size for header_size, _ in headers])
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
    return [f"{text} to {chosen[0]} x {chosen[1]}. Give a size for another."]


def _headers(pictures: Pictures) -> list[tuple[tuple[int, int], bool]]:
    """(upright size, whether grey) of every picture whose header can be read."""
    source, entries = pictures.source, pictures.entries

    keeps = source.is_small

    def look(row: int) -> tuple[tuple[int, int], bool] | FileError:
        try:
            header = source.header(entries[row])
        except FileError as error:
            return error
        except Refusal as refusal:
            return refusal.of(source.name(entries[row].parts))
        if keeps:
            source.keep(entries[row], header)
        return header.size, header.frame.grey

    found = for_each(look, len(entries))
    headers = [header for header in found if not isinstance(header, FileError)]
    if not headers:
        text = f"{source.where}: none of the {len(found)} pictures to train on can be read"
        raise FileError(f"{text}. The first: {found[0]}")
    return headers
