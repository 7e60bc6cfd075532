"""Dividing examples into those to train on, to choose by (validation), and to measure with (test)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from madi.datasets.dataset import Split
from madi.errors import ConfigurationError, DataError


class Partition(NamedTuple):
    """Three disjoint sets of examples that together are all of them."""

    train: Split
    validation: Split
    test: Split


def shuffle(x: np.ndarray, y: np.ndarray, *, seed: int = 0) -> Split:
    """The examples in a random order drawn from `seed`, x and y alike.

    Raises DataError when x and y differ in length or are empty, ConfigurationError for a seed that is no seed.
    """
    order = _random(seed).permutation(_count(x, y))
    return Split(x[order], y[order])


def split(
    x: np.ndarray,
    y: np.ndarray,
    *,
    validation: float = 0.2,
    test: float = 0.0,
    stratified: bool = False,
    seed: int = 0,
) -> Partition:
    """Divide examples at random into training, validation and test sets.

    x, y          examples (N, ...) and labels (N, ...)
    validation    share of the examples for validation, rounded to whole examples
    test          share of the examples for the test
    stratified    keep the proportions of the classes in each set (see `stratified_order`); y must be integers, (N,)
    seed          of the random order: the same seed gives the same sets

    Raises DataError when x and y differ in length, or a set that was asked for stays empty; ConfigurationError for
    shares that are negative or leave nothing to train on, and for a seed that is no seed.
    """
    if not (validation >= 0 and test >= 0 and validation + test < 1):
        text = f"expected shares of at least 0 that leave some to train on, got validation={validation}, test={test}"
        raise ConfigurationError(f"split: {text}. Take for example validation=0.2, test=0.1.")
    count = _count(x, y)
    held_out = round(validation * count), round(test * count)
    _check_not_empty(count, validation, test, held_out)
    order = stratified_order(y, seed=seed) if stratified else _random(seed).permutation(count)
    parts = np.split(order, [sum(held_out), held_out[1]][::-1])
    tested, validated, trained = (Split(x[part], y[part]) for part in parts)
    return Partition(trained, validated, tested)


def stratified_order(labels: np.ndarray, *, seed: int) -> np.ndarray:
    """A random order of all examples in which every stretch has close to the same share of each class.

    Member k of the n of a class, in a random order, stands at the quantile (k + 1/2) / n; sorting by it deals the
    classes out evenly: the first examples hold a class with share s among C classes to within (1 + C s) / 2 of its
    due number.

    labels    integers, (N,); returns indices, (N,)
    """
    if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
        text = f"expected integer labels of shape (N,), got {labels.dtype} of shape {labels.shape}"
        raise DataError(f"stratified split: {text}. Split without stratified=True, or give the labels as integers.")
    order = _random(seed).permutation(len(labels))
    quantile = np.empty(len(labels))
    for label in np.unique(labels):
        members = np.flatnonzero(labels[order] == label)
        quantile[members] = (np.arange(len(members)) + 0.5) / len(members)
    return order[np.argsort(quantile, kind="stable")]


def _count(x: np.ndarray, y: np.ndarray) -> int:
    """The number of examples, which x and y must agree on."""
    if len(x) != len(y):
        raise DataError(f"x has {len(x)} examples and y has {len(y)}: give one label for each example.")
    if len(x) == 0:
        raise DataError("x and y are empty: expected at least one example.")
    return len(x)


def _check_not_empty(count: int, validation: float, test: float, held_out: tuple[int, int]) -> None:
    validated, tested = held_out
    if (validation and not validated) or (test and not tested) or validated + tested == count:
        text = (
            f"{count} examples divide into {count - sum(held_out)} to train, {validated} to validate, {tested} to test"
        )
        raise DataError(f"split: {text}, and none may be 0. Give more examples or other shares.")


def _random(seed: int) -> np.random.RandomState:
    """NumPy's frozen generator: the same order in every version."""
    try:
        return np.random.RandomState(seed)
    except (TypeError, ValueError) as error:
        raise ConfigurationError(f"seed: expected an integer from 0 to 4294967295, got {seed!r}.") from error
