"""One's own arrays in a .npz file, as examples to train on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from madi.datasets.arrays import read_npz
from madi.datasets.dataset import Dataset, Split
from madi.datasets.splitting import split
from madi.errors import DataError, FileError

_NAMES = {"x": ("x_train", "x"), "y": ("y_train", "y"), "x_test": ("x_test",), "y_test": ("y_test",)}
_MOST_CLASSES = 10_000


def load_arrays(path: str | Path, *, test: float = 0.2, validation: float = 0.1, seed: int = 0) -> Dataset:
    """The arrays x and y of a .npz file, with x_test and y_test, or a share of the examples, kept for the test.

    x, y               also called x_train and y_train.  Bytes are scaled to 0..1; pictures (N, H, W) get a channel.
                       Whole numbers y are labels from 0 on; other numbers are what is to be predicted, (N,) or
                       (N, targets)
    test, validation   shares of all examples in x and y, drawn at random from `seed`; of labels, the same share of
                       each.  `test` is of no effect where there are x_test and y_test

    Raises FileError for what is no such file, DataError for arrays that do not fit together.
    """
    path = Path(path).expanduser()
    arrays = _chosen(read_npz(path), path)
    tested = [arrays[name] for name in ("x_test", "y_test") if name in arrays]
    if len(tested) == 1:
        raise FileError(f"{path}: expected both x_test and y_test, or none of them.")
    labels = arrays["y"].dtype.kind in "iu" and arrays["y"].ndim == 1
    parts = [_part(arrays["x"], arrays["y"], labels, str(path))]
    parts += [_part(tested[0], tested[1], labels, f"{path}, test")] if tested else []
    classes = _classes([part.y for part in parts], str(path)) if labels else ()
    test = 0.0 if tested else test
    divided = split(*parts[0], validation=validation, test=test, stratified=labels, seed=seed)
    held_out = divided.validation if validation else None
    return Dataset(path.stem, divided.train, parts[1] if tested else divided.test, classes, validation=held_out)


def _chosen(found: Mapping[str, np.ndarray], path: Path) -> dict[str, np.ndarray]:
    chosen = {name: found[own] for name, owns in _NAMES.items() for own in owns if own in found}
    for name in ("x", "y"):
        if name not in chosen:
            held = ", ".join(found) or "none"
            raise FileError(f"{path}: expected arrays x and y, got {held}. Write it with numpy.savez(path, x=x, y=y).")
    return chosen


def _part(x: np.ndarray, y: np.ndarray, labels: bool, where: str) -> Split:
    for name, array in (("x", x), ("y", y)):
        if array.dtype.kind not in "fiub" or not array.ndim:
            raise DataError(f"{where}: {name}: expected numbers (N, ...), got {array.dtype} of shape {array.shape}.")
    if len(x) != len(y) or not len(x):
        raise DataError(f"{where}: x has {len(x)} examples and y has {len(y)}; expected as many of both, at least one.")
    scaled = x.astype(np.float32) / np.float32(255 if x.dtype == np.uint8 else 1)
    pictures = x.dtype == np.uint8 and x.ndim == 3
    targets = y.astype(np.int32) if labels else y.reshape(len(y), -1).astype(np.float32)
    return Split(scaled[..., None] if pictures else scaled, targets)


def _classes(labels: list[np.ndarray], where: str) -> tuple[str, ...]:
    trained, every = np.unique(labels[0]), np.unique(np.concatenate(labels))
    if every[0] < 0 or every[-1] >= _MOST_CLASSES:
        raise DataError(f"{where}: y: expected labels from 0 to {_MOST_CLASSES - 1:,}, got {every[0]} to {every[-1]}.")
    if len(trained) < 2:
        raise DataError(f"{where}: y: expected at least two classes, got {trained[0]} alone.")
    if len(strangers := np.setdiff1d(every, trained)):
        raise DataError(f"{where}: class {strangers[0]} is in the test examples alone: nothing could be learned of it.")
    return tuple(str(label) for label in range(int(every[-1]) + 1))
