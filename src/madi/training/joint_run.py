"""A joint run: one fit of several trainers whose steps are taken in one program."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from madi.kernels import random
from madi.kernels.arrays import aligned_copy
from madi.training.averaging import Underneath
from madi.training.batches import STEPS, epoch_rows, stretches
from madi.training.data import Examples
from madi.training.divergence import explain, told_diverged
from madi.training.engines import over
from madi.training.first_state import first_state
from madi.training.history import VALIDATION
from madi.training.interrupt import Interrupts
from madi.training.joint_engine import JointEngine, SharedPlan, one_of, put_back, stacked
from madi.training.metrics import Whole
from madi.training.prediction import evaluation_batch
from madi.training.run import steps_of_a_call

if TYPE_CHECKING:
    from madi.training.trainer import Trainer


class JointRun:
    """A fit of trainers that differ in numbers only, from their states to their states some epochs later.

    The first trainer's step, engine and progress serve all.  A trial that diverges is out of it: what the program goes
    on to compute in its place is looked at by nobody.
    """

    def __init__(
        self, trainers: Sequence[Trainer], data: Examples, validation: Examples | None, batch_size: int,
        engine: JointEngine, signals: Interrupts,
    ) -> None:  # fmt: skip
        self.trainers, self.leader = list(trainers), trainers[0]
        self.data, self.validation, self.engine, self.signals = data, validation, engine, signals
        self.batch_size = min(batch_size, len(data))
        self.seconds: dict[int, float] = {}  # that a step takes, by the size of its batch
        self.lost: dict[int, Any] = {}  # the last finite states of the trials that diverged, on the host

    def go(self, epochs: int) -> None:
        """Train; whatever ends it, the models then hold their last finite weights."""
        self.begin()
        self.leader._progress.start(epochs, self.leader.epoch + 1, -(-len(self.data) // self.batch_size))
        try:
            for _ in range(epochs):
                if self.signals.pending or not self.going:
                    break
                self.one_epoch()
        finally:
            self.end()

    def begin(self) -> None:
        """Bring weights, optimizer states and data to the engine."""
        states, frozen = zip(*(first_state(trainer) for trainer in self.trainers), strict=True)
        self.step = self.leader._step(self.data)
        self.state, self.frozen = self.engine.put(stacked(states)), self.engine.put(stacked(frozen))
        self.shared = self.engine.share(self.data.arrays())
        self.held_out = None if self.validation is None else self.engine.share(self.validation.arrays())
        self.numbers = self._numbers()
        self.keys = np.stack([random.fold_in(trainer.key, STEPS) for trainer in self.trainers])
        for trainer in self.trainers:
            trainer._stop_reason, trainer.history.diverged = None, False
            trainer._remember_first_values(list(states[0]["parameters"]))

    def _numbers(self) -> Any:
        found = stacked([trainer._numbers() for trainer in self.trainers])
        return over(found, lambda values: values.astype(self.leader.dtype))

    @property
    def going(self) -> list[int]:
        """The trials that have not diverged."""
        return [place for place in range(len(self.trainers)) if place not in self.lost]

    def one_epoch(self) -> None:
        """All batches once, then validation."""
        began = time.perf_counter()
        self.totals, self.taken = np.zeros((1, len(self.trainers), self.step.entries)), 0
        for rows in epoch_rows(len(self.data), self.batch_size, self.leader.order, self._epoch()):
            for indices, count in stretches(rows, partial(self._stretch, rows.shape[1])):
                self._take(indices, count)
                if self.signals.pending or not self.going:
                    return
        self._end_epoch(began)

    def _epoch(self) -> int:
        """How many epochs those that still go on have behind them."""
        return self.trainers[self.going[0]].epoch

    def _stretch(self, batch_size: int) -> int:
        return steps_of_a_call(self.seconds.get(batch_size))

    def _take(self, indices: np.ndarray, count: int) -> None:
        compilations, began = self.engine.compilations, time.perf_counter()
        plan, old = self._plan(indices, count), self.state
        with self.signals.holding():
            self.state, reports, finite = self.engine.train_all(
                self.step, old, self.frozen, self.shared, plan, self.numbers
            )
            for place in self.going:
                if not finite[place]:
                    reports = self._again(place, old, plan, reports)
            self._record(reports)
        if self.engine.compilations == compilations:
            self.seconds[indices.shape[1]] = (time.perf_counter() - began) / count
        self._show()

    def _plan(self, indices: np.ndarray, count: int) -> SharedPlan:
        """The next steps, each with every trial's learning rate; random keys are made in the program."""
        rates = np.zeros((len(indices), len(self.trainers)), self.leader.dtype)
        for place, trainer in enumerate(self.trainers):
            rates[:count, place] = trainer.optimizer.rates(trainer.step, count)
        firsts = np.array([trainer.step for trainer in self.trainers], np.int32)
        return SharedPlan(indices, rates, self.keys, firsts, count)

    def _again(self, place: int, old: Any, plan: SharedPlan, reports: np.ndarray) -> np.ndarray:
        """Steps in which a trial has left the finite numbers, taken again by it alone, to the last finite state."""
        trainer, own = self.trainers[place], plan.of(place)
        state, frozen = one_of(old, place), one_of(self.frozen, place)
        outcome = self.engine.train_carefully(self.step, state, frozen, self.shared, own, trainer._numbers())
        if outcome.finite:  # rounded as it is when it runs alone, it stays finite
            self.state = put_back(self.state, place, outcome.state)
            reports = reports.copy()
            reports[:, place] = outcome.reports
            return reports
        self.lost[place] = over(outcome.state, aligned_copy)
        self._add_steps(place, self.step.columns(outcome.reports[:-1]))
        self._tell(place, own, len(outcome.reports) - 1)
        return reports

    def _tell(self, place: int, plan: Any, row: int) -> None:
        """Say in a trial's history where it diverged."""
        trainer = self.trainers[place]
        batch = tuple(None if part is None else part[plan.indices[row]] for part in self.data.arrays())
        error = explain(
            self.step, self.lost[place], over(one_of(self.frozen, place), aligned_copy), batch,
            number=trainer.step + 1, epoch=trainer.epoch + 1, rate=float(plan.rates[row]), key=plan.keys[row],
            numbers=trainer._numbers(),
        )  # fmt: skip
        told_diverged(trainer, error)

    def _record(self, reports: np.ndarray) -> None:
        """Keep what some steps have measured."""
        self.totals = np.concatenate([self.totals, reports.astype(np.float64)]).sum(axis=0, keepdims=True)
        self.taken += len(reports)
        columns = {name: column.T.tolist() for name, column in self.step.columns(reports).items()}
        for place in self.going:
            self._add_steps(place, {name: column[place] for name, column in columns.items()})

    def _add_steps(self, place: int, columns: dict[str, Any]) -> None:
        trainer = self.trainers[place]
        trainer.step += len(next(iter(columns.values())))
        trainer.history.add_steps({name: list(column) for name, column in columns.items()})

    def _show(self) -> None:
        """Progress: the mean of the trials."""
        if going := self.going:
            columns = self.step.columns(self.totals[0, going])
            means = {name: float(np.mean(column)) for name, column in columns.items()}
            self.leader._progress.advance(self.taken, means)

    def _end_epoch(self, began: float) -> None:
        """A row for each trial."""
        columns = self.step.columns(self.totals[0]) | self._whole_values(self.data)
        if self.validation is not None:
            found = self._measured_on(self.validation, self.held_out) | self._whole_values(self.validation)
            columns |= {VALIDATION + name: column for name, column in found.items()}
        lists = {name: column.tolist() for name, column in columns.items()}
        seconds = (time.perf_counter() - began) / len(self.trainers)
        for place in self.going:
            trainer = self.trainers[place]
            trainer.epoch += 1
            row = {"epoch": trainer.epoch, **{name: column[place] for name, column in lists.items()}}
            row |= {"learning_rate": trainer.optimizer.rate_at(trainer.step - 1), "seconds": seconds}
            trainer.history.epochs.append(row)
        means = {name: float(np.mean(column[self.going])) for name, column in columns.items()}
        self.leader._progress.epoch(self._epoch(), {**means, "seconds": seconds * len(self.trainers)})

    def _measured_on(self, found: Examples, shared: Any) -> dict[str, np.ndarray]:
        """Loss and metrics of each trial on examples, in inference."""
        variables = self._variables()
        most = max(self.batch_size, evaluation_batch(found.x.shape[1:]) // len(self.trainers))
        size = min(len(found), most)
        reports = self.engine.evaluate_all(self.step, variables, shared, size, self.numbers)
        return self.step.columns(reports.astype(np.float64).sum(axis=0))

    def _variables(self) -> dict[str, Any]:
        """What inference takes of the state."""
        measured = self._measured(self.state)
        variables = {name: {path: measured[path] for path in self.state[name]} for name in ("parameters", "statistics")}
        variables["parameters"] |= self.frozen
        return variables

    def _whole_values(self, found: Examples) -> dict[str, np.ndarray]:
        """Metrics that need all outputs of a trial at once; NaN for those that are out."""
        columns: dict[str, np.ndarray] = {}
        if not any(isinstance(metric, Whole) for metric in self.leader.metrics):
            return columns
        variables = over(self._variables(), np.asarray)
        for place in self.going:
            own = self.trainers[place]._whole_values(self.engine, one_of(variables, place), found)
            for name, value in own.items():
                columns.setdefault(name, np.full(len(self.trainers), np.nan))[place] = value
        return columns

    @staticmethod
    def _measured(state: Any) -> dict[str, Any]:
        """The weights and statistics that a model is measured with."""
        return state["average"] if "average" in state else {**state["parameters"], **state["statistics"]}

    def end(self) -> None:
        """Write weights and optimizer states into the trainers."""
        host = over(self.state, np.asarray)
        for place, trainer in enumerate(self.trainers):
            state = self.lost.get(place) or over(one_of(host, place), aligned_copy)
            values = self._measured(state)
            both = ({**state["parameters"], **state["statistics"]}, values)
            trainer._underneath = Underneath(*over(both, aligned_copy)) if "average" in state else None
            trainer._optimizer_state = state["optimizer"]
            trainer._write(values)
            if self.signals.pending and place not in self.lost:
                trainer.interrupted = True
                trainer.history.notices.append(f"interrupted in epoch {trainer.epoch + 1}: the weights so far are kept")
