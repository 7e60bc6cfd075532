"""CIFAR-10's binary format: records of one label byte and the 3,072 bytes of a 32 x 32 image.

The image is stored one colour after the other: all red, all green, all blue.

Source: Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009.
"""

from __future__ import annotations

import numpy as np

from madi.datasets.content import REMEDY, Content
from madi.datasets.dataset import Split
from madi.datasets.idx import check_labels
from madi.errors import FileError
from madi.kernels.arrays import aligned_empty

SIDE = 32
CHANNELS = 3
RECORD = 1 + CHANNELS * SIDE * SIDE
_ROWS = 500


def empty_split(count: int) -> Split:
    """Room for `count` images, (count, 32, 32, 3) float32, and their labels, (count,) int32."""
    return Split(aligned_empty((count, SIDE, SIDE, CHANNELS), np.float32), np.empty(count, np.int32))


def read_records(content: Content) -> np.ndarray:
    """All records of a batch, (N, 3073) bytes, with no more trust in their number than the bytes themselves give."""
    data = content.rest()
    content.finish()
    if not data or len(data) % RECORD:
        text = f"expected whole records of {RECORD} bytes, got {len(data)} bytes"
        raise FileError(f"{content.where}: {text}. {REMEDY}")
    return np.frombuffer(data, np.uint8).reshape(-1, RECORD)


def read_full_batch(content: Content, batch: Split, classes: int) -> None:
    """Fill `batch`, a slice of a larger split, with exactly as many images."""
    records = read_records(content)
    if len(records) != len(batch.y):
        raise content.truncated(f"expected {len(batch.y)} images of {RECORD} bytes, got {len(records)}")
    unpack(content.where, records, batch, classes)


def unpack(where: str, records: np.ndarray, batch: Split, classes: int) -> None:
    """Write the labels of `records` and their pixels, scaled to 0..1 and channels last, into `batch`."""
    check_labels(where, records[:, 0], classes, start=0, stride=RECORD)
    batch.y[:] = records[:, 0]
    pixels = records[:, 1:].reshape(-1, CHANNELS, SIDE, SIDE).transpose(0, 2, 3, 1)
    # By blocks that stay in cache: the transposition strides through memory.
    for start in range(0, len(pixels), _ROWS):
        np.divide(pixels[start : start + _ROWS], np.float32(255), out=batch.x[start : start + _ROWS])
