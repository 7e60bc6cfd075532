"""History: what training measured, by epoch and by step."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from madi.errors import FileError
from madi.options import is_number

VALIDATION = "validation_"
NOT_RESULTS = ("epoch", "learning_rate", "seconds")  # entries of an epoch's row that are no loss and no metric


class History:
    """Losses and metrics of training and validation.

    epochs   one row an epoch: {"epoch": 1, "loss": ..., "accuracy": ..., "validation_loss": ..., "seconds": ...}
    steps    {"loss": [...], "accuracy": [...]}, one entry a step, as the step itself saw its batch
    notices  what the trainer had to say, in words
    diverged whether the last fit ended because a loss or weight was no longer finite

    `history["loss"]` is the column of an entry over the epochs.
    """

    def __init__(self) -> None:
        self.epochs: list[dict[str, float]] = []
        self.steps: dict[str, list[float]] = {}
        self.notices: list[str] = []
        self.diverged = False

    def __getitem__(self, name: str) -> list[float]:
        return [row[name] for row in self.epochs if name in row]

    def __len__(self) -> int:
        return len(self.epochs)

    def names(self) -> list[str]:
        """The entries of the rows, in order of appearance."""
        return list(dict.fromkeys(name for row in self.epochs for name in row))

    def add_steps(self, values: dict[str, list[float]]) -> None:
        """Append what some steps measured."""
        for name, column in values.items():
            self.steps.setdefault(name, []).extend(column)

    def to_dict(self) -> dict[str, Any]:
        """Plain lists and numbers."""
        return {"epochs": self.epochs, "steps": self.steps, "notices": self.notices}

    def to_json(self, path: str | Path) -> None:
        """Write as JSON lines: one epoch a line, the last line {"steps": ..., "notices": ...}; NaN becomes null."""
        last = {"steps": self.steps, "notices": self.notices}
        lines = [json.dumps(finite(row), ensure_ascii=False) for row in [*self.epochs, last]]
        try:
            Path(path).write_text("\n".join(lines) + "\n", encoding="utf-8")
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise FileError(f"{path}: cannot write the history ({reason}). Choose another folder.") from error

    @classmethod
    def from_json(cls, path: str | Path) -> History:
        """Read what `to_json` wrote.  Raises FileError, with the line, for anything else."""
        history, rows = cls(), list(_rows(Path(path)))
        if not rows or "steps" not in rows[-1][1]:
            raise FileError(f"{path}: the last line, with 'steps', is missing. The file is cut off; write it again.")
        for number, row in rows[:-1]:
            _expect(isinstance(row.get("epoch"), int) and all(map(_is_number, row.values())), path, number)
            history.epochs.append({name: _number(value) for name, value in row.items()})
        number, last = rows[-1]
        steps, history.notices = last["steps"], last.get("notices", [])
        columns = list(steps.values()) if isinstance(steps, dict) else [None]
        _expect(all(isinstance(column, list) and all(map(_is_number, column)) for column in columns), path, number)
        _expect(isinstance(history.notices, list), path, number)
        history.steps = {name: [_number(value) for value in column] for name, column in steps.items()}
        return history

    def plot(self) -> Any:
        """A matplotlib figure: loss, and each metric, of training and validation by epoch."""
        from madi.training.curves import figure

        return figure(self)


def _rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise FileError(f"{path}: cannot read the history ({error.strerror}). Check the path.") from error
    except UnicodeDecodeError as error:
        raise FileError(f"{path}: is no text, and so no history. Give a file that History.to_json wrote.") from error
    for number, line in enumerate(text.removesuffix("\n").split("\n"), start=1):
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise FileError(f"{path}: line {number} is not JSON ({error.msg}, column {error.colno}).") from error
        _expect(isinstance(row, dict), path, number)
        yield number, row


def _expect(holds: bool, path: str | Path, number: int) -> None:
    if not holds:
        raise FileError(
            f"{path}: line {number} is no row of a history. Expected an object with 'epoch' and numbers, "
            "as History.to_json writes."
        )


def finite(value: Any) -> Any:
    """The plain value with NaN and infinity, which JSON has not, as None."""
    if isinstance(value, dict):
        return {name: finite(entry) for name, entry in value.items()}
    if isinstance(value, list):
        return [finite(entry) for entry in value]
    return None if isinstance(value, float) and not abs(value) < float("inf") else value


def _is_number(value: Any) -> bool:
    return value is None or is_number(value)


def _number(value: Any) -> Any:
    return float("nan") if value is None else value
