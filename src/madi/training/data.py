"""What the trainer accepts as data, checked before anything is computed from it.

JAX clamps an index of 3 among 3, wraps -1, turns 2**40 into 0 and float64 into float32, all without a word: so every
value is looked at here, on the host, while it is still what the user gave.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from madi.datasets.dataset import Batches
from madi.errors import ConfigurationError, DataError
from madi.functions.losses import check_labels
from madi.graph import Variable
from madi.kernels import random
from madi.kernels.arrays import aligned_empty
from madi.options import NON_NEGATIVE, expect_number
from madi.training.batches import VALIDATION
from madi.training.losses import LOSSES, Loss

Shape = tuple[int, ...]

LARGEST_INTEGER = np.iinfo(np.int32).max


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

    def pick(self, rows: Any) -> Examples:
        """A copy of some of the examples."""
        return Examples(self.x[rows], self.y[rows], None if self.weight is None else self.weight[rows])

    def copied(self) -> Examples:
        """In memory of their own: a stream may fill that of a batch anew."""
        return Examples(np.array(self.x), np.array(self.y), None if self.weight is None else np.array(self.weight))

    def counting(self) -> Examples:
        """Those of weight above 0.  A batch of nothing but zeros would divide by a weight of 0."""
        return self if self.weight is None or self.weight.all() else self.pick(self.weight > 0)


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
    if class_weight is not None:
        factors = class_factors(class_weight, targets, loss, output, dtype)
        weight = factors if weight is None else weight * factors
        _expect_some(weight, "class_weight")
    return Examples(x, targets, weight)


def inputs(data: Any, where: str) -> np.ndarray:
    """The x of the data as an array, for its shape."""
    return array(_parts(data, where)[0], f"{where}: x")


def _parts(data: Any, where: str) -> tuple[Any, Any, Any]:
    if hasattr(data, "x") and hasattr(data, "y"):
        return data.x, data.y, getattr(data, "weight", None)
    if not isinstance(data, (tuple, list)) or len(data) not in (2, 3):
        raise DataError(f"{where}: expected arrays (x, y) or (x, y, weight), got {type(data).__name__}.")
    return data[0], data[1], data[2] if len(data) == 3 else None


def array(values: Any, where: str) -> np.ndarray:
    """`values` as a NumPy array of numbers with at least one example."""
    values = values.value if isinstance(values, Variable) else values
    if isinstance(values, np.ma.MaskedArray) and (missing := int(values.mask.sum())):
        raise DataError(f"{where}: {missing} values are masked. Fill or drop them.")
    try:
        found = np.asarray(values)
    except ValueError as error:
        raise DataError(f"{where}: the rows have different lengths; every example needs the same shape.") from error
    if found.dtype == object or found.dtype.kind in "USmM":
        raise DataError(f"{where}: expected numbers, got {_sample(found)}. Encode text and missing values first.")
    if found.dtype.kind == "c":
        raise DataError(f"{where}: expected real numbers, got {found.dtype}. Give the parts or the magnitude.")
    if not found.ndim or not len(found):
        raise DataError(f"{where}: expected at least one example, got shape {found.shape}.")
    return found


def numbers(values: Any, where: str, dtype: Any) -> np.ndarray:
    """`values` as finite numbers of `dtype`; kept as they are where they already are.

    Raises DataError with the count and the first place of NaN and infinity, and of what `dtype` cannot hold.
    """
    found = array(values, where)
    _expect_small(found, where, dtype)
    with np.errstate(over="ignore"):
        converted = _in_one_piece(found, np.dtype(dtype))
    if found.dtype.kind == "f" and not _all_finite(converted):
        raise DataError(_not_finite(found, converted, where))
    return converted


def _expect_small(found: np.ndarray, where: str, dtype: Any) -> None:
    """Raise DataError for whole numbers so large that float32 would round them without a word."""
    if found.dtype.kind not in "iu" or np.dtype(dtype) == np.float64 or found.dtype.itemsize < 4 or not found.size:
        return
    if found.max() > LARGEST_INTEGER or found.min() < -LARGEST_INTEGER - 1:
        place = _place((found > LARGEST_INTEGER) | (found < -LARGEST_INTEGER - 1))
        raise DataError(
            f"{where}: {found[place]} at {place} is beyond int32, and {np.dtype(dtype)} would round it. "
            "Scale the data, or train in float64."
        )


def _place(wrong: np.ndarray) -> tuple[int, ...]:
    """The index of the first True."""
    return tuple(int(index) for index in np.unravel_index(int(wrong.argmax()), wrong.shape))


def _in_one_piece(values: np.ndarray, dtype: np.dtype[Any]) -> np.ndarray:
    """The values as `dtype`, contiguous: themselves where they are, else a copy that JAX need not copy again."""
    if values.dtype == dtype and values.flags.c_contiguous:
        return values
    copied = aligned_empty(values.shape, dtype)
    np.copyto(copied, values, casting="unsafe")
    return copied


def _all_finite(values: np.ndarray) -> bool:
    """Whether no element is NaN or infinite.  A sum is finite only then, and needs no second array; it may overflow."""
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(values.sum())) or bool(np.isfinite(values).all())


def _not_finite(found: np.ndarray, converted: np.ndarray, where: str) -> str:
    wrong = ~np.isfinite(converted)
    place = _place(wrong)
    value, many = found[place], int(wrong.sum())
    if np.isfinite(value):
        return f"{where}: {value} at {place} is beyond {converted.dtype}. Scale the data, or train in float64."
    amount = f"{many} values are" if many > 1 else "1 value is"
    return f"{where}: {amount} NaN or infinite, the first {value} at {place}. Fill or drop them."


def _targets(y: Any, where: str, loss: Loss, output: Shape | None, dtype: Any) -> np.ndarray:
    """Numbers of `dtype` for a regression or one-hot rows, int32 for labels; a column where the output is one."""
    found = array(y, where)
    labels = found.ndim == 1 or found.shape[1:] == (1,)
    own = loss not in LOSSES.values() and found.ndim == 1 and found.dtype.kind in "iu" and output != (1,)
    if labels and (loss.classes or own):
        return _labels(found.reshape(-1), where, output)
    targets = numbers(found, where, dtype)
    if loss.binary:
        _expect_shares(targets, where, loss)
    return targets.reshape(-1, 1) if output == (1,) and targets.ndim == 1 and not loss.classes else targets


def _labels(labels: np.ndarray, where: str, output: Shape | None) -> np.ndarray:
    classes = output[-1] if output else LARGEST_INTEGER
    check_labels(where, labels, classes)
    return labels.astype(np.int32, copy=False)


def _expect_shares(targets: np.ndarray, where: str, loss: Loss) -> None:
    wrong = (targets < 0) | (targets > 1)
    if wrong.any():
        place = _place(wrong)
        raise DataError(
            f"{where}: {loss.name} expects targets from 0 to 1, got {targets[place]:g} at {place}. "
            "Relabel them, or use softmax_cross_entropy for more than two classes."
        )


def _weights(weight: Any, targets: np.ndarray, where: str, dtype: Any) -> np.ndarray | None:
    if weight is None:
        return None
    found = numbers(weight, where, dtype)
    if found.shape != targets.shape[:1]:
        raise DataError(f"{where}: expected one weight an example, shape {targets.shape[:1]}, got {found.shape}.")
    if (found < 0).any():
        row = int((found < 0).argmax())
        raise DataError(f"{where}: expected weights of at least 0, got {found[row]:g} in row {row}.")
    _expect_some(found, where)
    return found


def _expect_some(weight: np.ndarray, where: str) -> None:
    if not weight.any():
        raise DataError(f"{where}: all weights are 0, so that no example counts. Give some of them more.")


def class_factors(
    class_weight: Mapping[int, float], targets: np.ndarray, loss: Loss, output: Shape | None, dtype: Any
) -> np.ndarray:
    """The weight of each example's class; 1 for a class that is not named.

    Raises ConfigurationError for weights that are no {label: weight}, or targets that are no classes.
    """
    several = targets.ndim > 1 and targets.shape[-1] > 1
    labels = targets.argmax(axis=-1) if several else targets.reshape(-1)
    if (several and not loss.classes) or not np.array_equal(labels, labels.astype(np.int32)):
        raise ConfigurationError(f"class_weight: the targets of {loss.name} are no classes here. Use sample_weight.")
    classes = max(output[-1], 2) if output else int(labels.max()) + 1
    factors = np.ones(classes, dtype)
    for label, factor in _class_weights(class_weight, classes):
        factors[label] = factor
    return factors[labels.astype(np.int32)]


def _class_weights(class_weight: Any, classes: int) -> Iterable[tuple[int, float]]:
    if not isinstance(class_weight, Mapping):
        raise ConfigurationError(f"class_weight: expected {{label: weight}}, got {class_weight!r}.")
    for label, factor in class_weight.items():
        if not isinstance(label, (int, np.integer)) or not 0 <= label < classes:
            raise ConfigurationError(f"class_weight: expected labels from 0 to {classes - 1}, got {label!r}.")
        yield int(label), expect_number(f"class_weight[{label}]", factor, NON_NEGATIVE, fix="1 leaves it as it is.")


def _sample(values: np.ndarray) -> str:
    first = values.flat[0] if values.size else "nothing"
    return f"values such as {first!r}"


# ---- arrays, or batches


def is_table(data: Any, where: str = "data") -> bool:
    """Whether the data are arrays (x, y) or (x, y, weight); False for an iterable of batches.

    A tuple is arrays, unless it holds tuples of arrays; a list is batches, unless it is a pair of no batches.
    Raises DataError for what is neither.
    """
    if isinstance(data, Batches):  # which have a shape too: that of one example
        return False
    if hasattr(data, "x") and hasattr(data, "y"):
        return True
    if hasattr(data, "shape") or isinstance(data, (str, bytes, Mapping)) or not isinstance(data, Iterable):
        shape = f" of shape {tuple(data.shape)}" if hasattr(data, "shape") else ""
        hint = " Pass one of its parts: .train or .test." if hasattr(data, "train") else ""
        kind = f"{type(data).__name__}{shape}"
        raise DataError(f"{where}: expected arrays (x, y) or an iterable of batches, got {kind}.{hint}")
    if isinstance(data, tuple):
        return not (data and _is_batch(data[0]))
    return isinstance(data, list) and len(data) == 2 and not (isinstance(data[0], tuple) or _is_batch(data[0]))


def _is_batch(entry: Any) -> bool:
    pair = isinstance(entry, tuple) and any(getattr(part, "ndim", 0) for part in entry)
    return pair or (hasattr(entry, "x") and hasattr(entry, "y"))


def gathered(batches: Iterable[Any], where: str) -> tuple[Any, ...]:
    """All batches of an iterable as arrays (x, y) or (x, y, weight)."""
    parts = [_parts(batch, f"{where}: batch") for batch in batches]
    if not parts:
        raise DataError(f"{where}: the iterable of batches is empty; expected batches (x, y).")
    columns = [[entry for entry in column if entry is not None] for column in zip(*parts, strict=True)]
    if len(columns[2]) not in (0, len(parts)):
        raise DataError(f"{where}: {len(columns[2])} of {len(parts)} batches have weights; give all of them or none.")
    return tuple(np.concatenate([array(part, where) for part in column]) for column in columns if column)


def split(found: Examples, share: float, key: Any) -> tuple[Examples, Examples]:
    """Examples kept in training, and a random share of them kept out, both in their old order."""
    if not 0 < share < 1:
        raise ConfigurationError(f"fit: a validation share must lie between 0 and 1, got {share}. Try 0.2.")
    order = random.generator(random.fold_in(key, VALIDATION)).permutation(len(found))
    count = max(1, round(share * len(found)))
    if count >= len(found):
        raise DataError(f"fit: a validation share of {share} leaves nothing of {len(found)} examples to train on.")
    return found.pick(np.sort(order[count:])), found.pick(np.sort(order[:count]))
