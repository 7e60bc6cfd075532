"""A run as event files: by a callback while it trains, or from its history afterwards."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from madi.options import expect_count
from madi.tensorboard.events import EventFile, histogram_event, scalar_event
from madi.tensorboard.graph import graph_event
from madi.training.callbacks import Callback
from madi.training.history import VALIDATION, History

if TYPE_CHECKING:
    from madi.training.trainer import Trainer


class Files:
    """The event files of a run: one for what it trained on, and one for validation, made when they get something."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder).expanduser()
        self.open: dict[str, EventFile] = {}

    def add(self, run: str, event: bytes) -> None:
        """Append to the file of "training" or "validation"."""
        if run not in self.open:
            self.open[run] = EventFile(self.folder / run)
        self.open[run].add(event)

    def add_epoch(self, epoch: int, when: float, values: Mapping[str, float]) -> None:
        """What an epoch has measured."""
        for run, scalars in by_run(values).items():
            self.add(run, scalar_event(epoch, when, scalars))

    def add_steps(self, history: History, first: int, when: float) -> None:
        """What the steps have measured from step `first`, counted from 0, on."""
        for step in range(first, taken(history)):
            column = {f"steps/{name}": values[step] for name, values in history.steps.items() if step < len(values)}
            if finite := {name: value for name, value in column.items() if math.isfinite(value)}:
                self.add("training", scalar_event(step + 1, when, finite))

    def flush(self) -> None:
        """Have all that was added in the files."""
        for file in self.open.values():
            file.flush()

    def close(self) -> None:
        """Close the files; what is added from now on goes into new ones."""
        for file in self.open.values():
            file.close()
        self.open = {}

    def __enter__(self) -> Files:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class TensorBoard(Callback):
    """A callback that writes event files for TensorBoard: `tensorboard --logdir FOLDER`.

    folder             gets a run "training" and, where there is validation, a run "validation", whose curves of one
                       measure TensorBoard draws in one chart
    histograms_every   epochs from one histogram of each parameter, and of what it has changed by, to the next

    Each epoch gives its loss, metrics, seconds and learning rate; each step its own values, under "steps".  The graph
    has a node for each layer.  Raises FileError where the folder cannot be written to.
    """

    def __init__(self, folder: str | Path, histograms_every: int = 1) -> None:
        self.files = Files(folder)
        self.histograms_every = expect_count("TensorBoard: histograms_every", histograms_every, fix="Try 1.")
        self._before: dict[str, np.ndarray] = {}
        self._steps, self._seen = 0, -1

    def on_fit_begin(self, trainer: Trainer) -> None:
        """Write the graph and the histograms of the weights as they are, unless an earlier fit has ended with them."""
        self._steps = taken(trainer.history)
        if self._seen < 0:
            self.files.add("training", graph_event(trainer.model, time.time()))
        if self._seen != trainer.epoch:
            self._add_histograms(trainer, trainer.epoch)

    def on_epoch_end(self, trainer: Trainer, epoch: int, values: dict[str, float]) -> None:
        """Write what the epoch has measured, and the histograms where they are due."""
        now = time.time()
        self.files.add_epoch(epoch, now, values)
        self.files.add_steps(trainer.history, self._steps, now)
        self._steps = taken(trainer.history)
        if epoch % self.histograms_every == 0:
            self._add_histograms(trainer, epoch)
        self.files.flush()

    def on_fit_end(self, trainer: Trainer) -> None:
        """Close the files."""
        self.files.close()

    def _add_histograms(self, trainer: Trainer, epoch: int) -> None:
        """Of each parameter, and of what it has changed by since the last ones."""
        now = {path: np.array(parameter.value, np.float64) for path, parameter in trainer.model.parameters().items()}
        changed = {f"updates/{path}": value - self._before[path] for path, value in now.items() if path in self._before}
        self._before, self._seen = now, epoch
        self.files.add("training", histogram_event(epoch, time.time(), {**_named(now), **changed}))


def _named(values: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {f"weights/{path}": value for path, value in values.items()}


def write_history(history: History | str | Path, folder: str | Path) -> None:
    """Write the event files of a run that is over: of a History, or of the history.jsonl in a run's folder.

    Raises FileError for a file that is no history, and where the folder cannot be written to.
    """
    found = history if isinstance(history, History) else History.from_json(history)
    seconds = [entry.get("seconds", 0.0) for entry in found.epochs]
    began = time.time() - sum(filter(math.isfinite, seconds))
    with Files(folder) as files:
        for entry, after in zip(found.epochs, np.cumsum(np.nan_to_num(seconds)).tolist(), strict=True):
            files.add_epoch(int(entry["epoch"]), began + after, entry)
        files.add_steps(found, 0, began)


def taken(history: History) -> int:
    """How many steps there were."""
    return max(map(len, history.steps.values()), default=0)


def by_run(values: Mapping[str, float]) -> dict[str, dict[str, float]]:
    """{"training": {"loss": ...}, "validation": {...}}: an epoch's finite values by the run that they belong to."""
    found: dict[str, dict[str, float]] = {}
    for name, value in values.items():
        if name != "epoch" and math.isfinite(value):
            run = "validation" if name.startswith(VALIDATION) else "training"
            found.setdefault(run, {})[name.removeprefix(VALIDATION)] = float(value)
    return found
