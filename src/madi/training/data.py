"""What the trainer accepts as data, checked before anything is computed from it.

JAX clamps an index of 3 among 3, wraps -1, turns 2**40 into 0 and float64 into float32, all without a word: so every value
is looked at here, on the host, while it is still what the user gave.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from madi.errors import DataError
from madi.functions.losses import check_labels
from madi.graph import Variable
from madi.training.losses import Loss

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Examples:
    """Inputs x (N, ...), targets y (N, ...), and a weight for each example (N,) or None: ready to train on."""

    x: np.ndarray
    y: np.ndarray
    weight: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.x)

    def arrays(self) -> tuple[Any, ...]:
        """(x, y, weight)."""
        return self.x, self.y, self.weight


def examples(
    data: Any, loss: Loss, output: Shape | None = None, *, dtype: Any = np.float32, sample_weight: Any = None,
    class_weight: Mapping[int, float] | None = None, where: str = "data",
) -> Examples:  # fmt: skip
    """The arrays (x, y) or (x, y, weight) as `dtype`, checked against the loss and the network's output shape.

    Raises DataError for missing, empty, non-numeric or non-finite values, lengths that differ, and labels that are not
    classes of the network; the message names the first place.
    """
    x, y, given = _parts(data, where)
    x = numbers(x, f"{where}: x", dtype)
    targets = _targets(y, f"{where}: y", loss, output, dtype)
    if len(x) != len(targets):
        raise DataError(f"{where}: x has {len(x)} examples and y has {len(targets)}; they must be equally many.")
    weight = _weights(given if sample_weight is None else sample_weight, targets, f"{where}: sample_weight", dtype)
    return Examples(x, targets, _by_class(weight, targets, class_weight, dtype))


def inputs(data: Any, where: str) -> np.ndarray:
    """The x of the data as an array, for its shape."""
    return array(_parts(data, where)[0], f"{where}: x")


def _parts(data: Any, where: str) -> tuple[Any, Any, Any]:
    if hasattr(data, "x") and hasattr(data, "y"):
        return data.x, data.y, None
    if not isinstance(data, (tuple, list)) or len(data) not in (2, 3):
        raise DataError(f"{where}: expected arrays (x, y) or (x, y, weight), got {type(data).__name__}.")
    return data[0], data[1], data[2] if len(data) == 3 else None


def array(values: Any, where: str) -> np.ndarray:
    """`values` as a NumPy array of numbers with at least one example."""
    values = values.value if isinstance(values, Variable) else values
    try:
        found = np.asarray(values)
    except ValueError as error:
        raise DataError(f"{where}: the rows have different lengths; every example needs the same shape.") from error
    if found.dtype == object or found.dtype.kind in "USmM":
        raise DataError(f"{where}: expected numbers, got {_sample(found)}. Encode text and missing values first.")
    if not found.ndim or not len(found):
        raise DataError(f"{where}: expected at least one example, got shape {found.shape}.")
    return found


def numbers(values: Any, where: str, dtype: Any) -> np.ndarray:
    """`values` as finite numbers of `dtype`; kept as they are where they already are.

    Raises DataError with the count and the first place of NaN and infinity, and of what `dtype` cannot hold.
    """
    found = array(values, where)
    with np.errstate(over="ignore"):
        converted = np.ascontiguousarray(found, dtype=dtype)
    if found.dtype.kind in "fc" and not _all_finite(converted):
        raise DataError(_not_finite(found, converted, where))
    return converted


def _all_finite(values: np.ndarray) -> bool:
    """Whether no element is NaN or infinite.  A sum is finite only then, and needs no second array; it may overflow."""
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(values.sum())) or bool(np.isfinite(values).all())


def _not_finite(found: np.ndarray, converted: np.ndarray, where: str) -> str:
    wrong = ~np.isfinite(converted)
    place = tuple(int(index) for index in np.unravel_index(int(wrong.argmax()), wrong.shape))
    value = found[place]
    many = int(wrong.sum())
    if np.isfinite(value):
        return f"{where}: {value} at {place} is beyond {converted.dtype}. Scale the data, or train in float64."
    return f"{where}: {many} value{'s are' if many > 1 else ' is'} NaN or infinite, the first {value} at {place}. Fill or drop them."


def _targets(y: Any, where: str, loss: Loss, output: Shape | None, dtype: Any) -> np.ndarray:
    """Numbers of `dtype` for a regression or one-hot rows, int32 for labels; a column where the output is one."""
    if not loss.classes:
        targets = numbers(y, where, dtype)
        return targets.reshape(-1, 1) if output == (1,) and targets.ndim == 1 else targets
    labels = array(y, where)
    if labels.ndim > 1 and labels.shape[1:] != (1,):
        return numbers(labels, where, dtype)
    labels = labels.reshape(-1)
    classes = output[-1] if output else int(labels.max()) + 1
    check_labels(where, labels, classes)
    return labels.astype(np.int32, copy=False)


def _weights(weight: Any, targets: np.ndarray, where: str, dtype: Any) -> np.ndarray | None:
    if weight is None:
        return None
    found = numbers(weight, where, dtype)
    if found.shape != targets.shape[:1]:
        raise DataError(f"{where}: expected one weight an example, shape {targets.shape[:1]}, got {found.shape}.")
    if (found < 0).any() or not found.any():
        raise DataError(f"{where}: expected weights of at least 0, not all 0, got a smallest of {found.min()}.")
    return found


def _by_class(
    weight: np.ndarray | None, targets: np.ndarray, class_weight: Mapping[int, float] | None, dtype: Any
) -> np.ndarray | None:
    if class_weight is None:
        return weight
    labels = targets.argmax(axis=-1) if targets.ndim > 1 and targets.shape[-1] > 1 else targets.reshape(-1)
    factors = np.array([class_weight.get(int(label), 1.0) for label in labels], dtype=dtype)
    return factors if weight is None else weight * factors


def _sample(values: np.ndarray) -> str:
    first = values.flat[0] if values.size else "nothing"
    return f"values such as {first!r}"
