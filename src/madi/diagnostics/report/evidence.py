"""All that a report can tell of, as its caller has it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from madi.diagnostics.findings import Finding
from madi.diagnostics.report.answers import Answers, answers_of, sample
from madi.errors import ConfigurationError, unknown_name
from madi.layers import Layer
from madi.training import losses
from madi.training.history import History
from madi.training.losses import Loss
from madi.training.trainer import Trainer

TASKS = ("classification", "regression")
HELD_OUT = ("test", "validation")  # the first of these is what a network is judged by
METRICS = {"classification": ("accuracy",), "regression": ("r_squared", "mean_absolute_error")}


@dataclass(frozen=True, eq=False, kw_only=True)
class Evidence:
    """A trained network, the data, and what is known of the training.  Only the first three are needed.

    model          the network as it is now
    loss           the name of its loss, a Loss, or a function of (prediction, target)
    parts          {"training": data, "validation": data, "test": data}: arrays (x, y), a Split, or Batches, of which at
                   most 10,000 examples are looked at.  The test part is judged by; without it validation, or the last
    data, network  their names, for the first sentence
    measured       {"test": {"loss": 0.1, "accuracy": 0.9}, ...} where they are known; else they are measured here
    metrics        what to measure: names, as of Trainer
    history        of the training
    ending         how it ended, in words that follow on "20 epochs": "stopped by Ctrl-C"
    notices        what a reader must know about these data
    task           "classification" or "regression"; None: as the loss tells
    classes        the names of the classes; those of the model by default
    targets        the names of the numbers of a regression
    restore        for a regression: numbers (N, targets) as the network has them -> in their own units
    columns        {name of a raw column: its features}, as a slice or an array of indices into x's last axis
    rows           the raw row of an example of the part judged by: its index -> {column: value}
    original       where there is no such: the features of an example -> {column: value}, as far as they tell
    names          the names of those examples: files, or lines of a table
    configuration  the text of the run's configuration
    seconds        {"compiling": 2.1, "data": 0.4, "computing": 12.0}: what took how long, in order
    findings       what the doctor found: a Diagnosis, or findings; None: nobody asked
    trainer        where it is given and nobody asked the doctor, the layers are looked at once, if that is quick
    seed           of the training; here too it decides which examples are drawn, and how columns are shuffled
    """

    model: Layer
    loss: str | Loss | Callable[..., Any]
    parts: Mapping[str, Any]
    data: str = ""
    network: str = ""
    measured: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    metrics: Sequence[Any] = ()
    history: History | None = None
    ending: str = ""
    notices: Sequence[str] = ()
    task: str | None = None
    classes: Sequence[str] = ()
    targets: Sequence[str] = ()
    restore: Callable[[np.ndarray], np.ndarray] | None = None
    columns: Mapping[str, Any] = field(default_factory=dict)
    rows: Callable[[int], Mapping[str, Any]] | None = None
    original: Callable[[np.ndarray], Mapping[str, Any]] | None = None
    names: Sequence[str] | None = None
    configuration: str = ""
    seconds: Mapping[str, float] = field(default_factory=dict)
    findings: Iterable[Finding] | None = None
    trainer: Trainer | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.parts:
            raise ConfigurationError("Evidence: parts is empty. Give at least one, such as {'test': (x, y)}.")
        if self.task is not None and self.task not in TASKS:
            raise unknown_name("task", self.task, TASKS)
        self.model.shape_of_one()

    @cached_property
    def as_loss(self) -> Loss:
        """The loss itself."""
        return losses.get(self.loss)

    @property
    def judged_by(self) -> str:
        """The part that tells how good the network is."""
        return next((name for name in HELD_OUT if name in self.parts), list(self.parts)[-1])

    @cached_property
    def answers(self) -> Answers:
        """What the network answers for the part that it is judged by."""
        drawn = sample(self.parts[self.judged_by], self.judged_by, seed=self.seed)
        return answers_of(self.model, self.as_loss, drawn, self.judged_by, task=self.task)

    @cached_property
    def class_names(self) -> list[str]:
        """The name of each class; its number where nobody named it."""
        shown = self.answers.probabilities
        count = 0 if shown is None else shown.shape[1]
        given = list(self.classes) or list(self.model.classes or ())
        return [str(name) for name in given] if len(given) == count else [str(number) for number in range(count)]

    @cached_property
    def results(self) -> dict[str, dict[str, float]]:
        """Loss and metrics of each part."""
        return {name: dict(self.measured.get(name) or self._measure(name)) for name in self.parts}

    def _measure(self, name: str) -> dict[str, float]:
        drawn = sample(self.parts[name], name, seed=self.seed)
        wanted = self.metrics or METRICS["classification" if self.answers.is_classification else "regression"]
        return Trainer(self.model, loss=self.as_loss, metrics=wanted).evaluate((drawn.x, drawn.y))

    def restored(self, numbers: np.ndarray) -> np.ndarray:
        """Targets or outputs of a regression (N, ...) in their own units, as (N, targets)."""
        flat = np.asarray(numbers, np.float64).reshape(len(numbers), -1)
        found = flat if self.restore is None else np.asarray(self.restore(flat), np.float64)
        return found.reshape(len(numbers), -1)

    def target_name(self, place: int, count: int) -> str:
        """The name of a number that a regression predicts."""
        if len(self.targets) == count:
            return str(self.targets[place])
        return "target" if count == 1 else f"target {place}"

    def example_name(self, row: int) -> str:
        """What an example of the part judged by is called."""
        named = self.names is not None and row < len(self.names)
        return str(self.names[row]) if named and self.names is not None else f"example {row}"

    def raw_row(self, place: int) -> dict[str, Any]:
        """The raw row of an example by its place among the answers; empty where nobody knows."""
        sample = self.answers.sample
        if self.rows is not None:
            found = self.rows(int(sample.rows[place]))
        else:
            found = {} if self.original is None else self.original(sample.x[place])
        return {str(name): value for name, value in found.items()}
