"""The parts that the folders do not tell: a test from elsewhere, and random shares for test and validation."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from madi.datasets.pictures.division import TEST, TRAIN, VALIDATION, Division, of_classes
from madi.datasets.pictures.opening import open_source
from madi.datasets.pictures.settings import Shares
from madi.datasets.splitting import stratified_order
from madi.errors import ConfigurationError, DataError, argument


def with_test(division: Division, test_data: str | Path | None) -> Division:
    """The division with the pictures of another folder or archive as its test.

    Raises ConfigurationError where it has a test already, DataError for classes that have no training pictures.
    """
    if test_data is None:
        return division
    if TEST in division.parts:
        where = division.parts[TEST].source.where
        raise ConfigurationError(
            f"load_pictures: {argument('test_data')}: expected none, because {where} has a test folder of its own, got "
            f"'{test_data}'. Leave one of them out."
        )
    source = open_source(Path(test_data).expanduser())
    parts = division.parts | {TEST: of_classes(source, division.classes)}
    return replace(division, parts=parts, notices=[*division.notices, *source.notices])


def complete(division: Division, shares: Shares, seed: int) -> Division:
    """The division with the parts that are still wanted, drawn at random from those to train on.

    By `stratified_order`, so that each class is in each part in proportion; at least one picture goes to a part that is
    wanted.  Raises DataError for a class of fewer pictures than parts, or one of which none would be left to train on.
    """
    wanted = {part: share for part, share in ((TEST, shares.test), (VALIDATION, shares.validation)) if share}
    wanted = {part: share for part, share in wanted.items() if part not in division.parts}
    if not wanted:
        return division
    train = division.parts[TRAIN]
    _expect_enough(division, 1 + len(wanted), f"to divide into {TRAIN} and {' and '.join(wanted)}")
    order = stratified_order(train.labels, seed=seed)
    counts = [max(1, round(share * len(train))) for share in wanted.values()]
    pieces = np.split(order, np.cumsum(counts))
    parts = {part: train.take(rows) for part, rows in zip([*wanted, TRAIN], pieces, strict=True)}
    whole = replace(division, parts=division.parts | parts)
    _expect_enough(whole, 1, "left to train on, the rest being drawn for other parts")
    return whole


def _expect_enough(division: Division, least: int, what: str) -> None:
    """Raise DataError for the first class with fewer training pictures than `least`."""
    train = division.parts[TRAIN]
    counts = np.bincount(train.labels, minlength=len(division.classes))
    for name, count in zip(division.classes, counts.tolist(), strict=True):
        if count < least:
            text = f"class '{name}' has {count} pictures {what}, expected at least {least}"
            raise DataError(
                f"{train.source.where}: {text}. Add pictures of it, remove its folder, or ask for fewer parts."
            )
