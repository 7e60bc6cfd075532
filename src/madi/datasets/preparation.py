"""From raw rows or pictures to the arrays of a network, as plain numbers that a model's file can keep."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np

from madi.errors import FileError, unknown_name


class Inputs(NamedTuple):
    """Raw examples as a network takes them.

    names     of the examples, for a table of answers: "photo.png", "new.csv:2" (the line of the row)
    x         (N, ...), float32
    notices   what the reader of the answers must know, such as columns that were ignored
    rows      the raw values of an example by its number, where it is a row
    """

    names: list[str]
    x: np.ndarray
    notices: tuple[str, ...] = ()
    rows: Callable[[int], Mapping[str, Any]] | None = None


class Preparation(ABC):
    """Fitted on training examples; applied, by the same function, to those of prediction.

    kind      the name by which a model's file tells which preparation it keeps
    classes   the name of each label; () where the targets are numbers
    target    the names of what is predicted: columns of a table
    """

    kind: ClassVar[str]
    classes: tuple[str, ...]
    target: tuple[str, ...] = ()

    def restore(self, outputs: np.ndarray) -> np.ndarray:
        """Outputs (N, targets) in the units of the raw targets; those of classes as they are."""
        return outputs

    @abstractmethod
    def describe(self) -> list[tuple[str, str, str]]:
        """What raw examples become, to show: (of what, which kind, as what)."""

    @abstractmethod
    def read(self, paths: Sequence[Path], *, skip_bad: bool = False) -> Inputs:
        """The raw examples in files, prepared.  Raises FileError, DataError, naming file and place.

        skip_bad    leave out pictures that cannot be read, with a notice; ConfigurationError for what is no pictures
        """

    @abstractmethod
    def read_examples(self, path: Path, *, skip_bad: bool = False) -> tuple[Inputs, np.ndarray]:
        """The raw examples at a path, prepared, and their targets: int32 labels, or float32 numbers (N, targets).

        skip_bad    as in `read`

        Raises FileError, DataError as `read`, and DataError where a target is missing or a class is new.
        """

    @abstractmethod
    def to_config(self) -> dict[str, Any]:
        """All that was fitted, as plain JSON values."""

    @classmethod
    @abstractmethod
    def from_config(cls, config: Mapping[str, Any]) -> Preparation:
        """The preparation that `to_config` described.  Raises FileError for what it cannot have written."""


def restored(config: Mapping[str, Any]) -> Preparation:
    """The preparation that {"kind": ..., **to_config()} describes: `kind` must be one that madi has."""
    kinds = _kinds()
    kind = config.get("kind")
    if kind not in kinds:
        raise unknown_name("preparation", kind, kinds)
    try:
        return kinds[kind]().from_config({name: value for name, value in config.items() if name != "kind"})
    except (LookupError, ValueError, TypeError, AttributeError) as error:
        raise FileError(f"The preparation in the file cannot be read ({error!r}). Get the file anew.") from error


def described(preparation: Preparation) -> dict[str, Any]:
    """What `restored` reads."""
    return {"kind": preparation.kind, **preparation.to_config()}


def _kinds() -> dict[str, Callable[[], type[Preparation]]]:
    """The preparations by kind; each loads where it is used."""

    def table() -> type[Preparation]:
        from madi.datasets.tables import TablePreparation

        return TablePreparation

    def pictures() -> type[Preparation]:
        from madi.datasets.pictures import PicturePreparation

        return PicturePreparation

    return {"table": table, "pictures": pictures}
