"""One call of fit: epochs of compiled calls, validation, callbacks, and an orderly end whatever happens."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import closing
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from madi.errors import DataError
from madi.training.averaging import Underneath
from madi.training.batches import epoch_rows, first_of, read_ahead, step_keys, stretches, with_last
from madi.training.callbacks import Callback
from madi.training.checkpoints import NoKeeping
from madi.training.data import Examples, Shape
from madi.training.divergence import explain, told_diverged
from madi.training.engines import Plan
from madi.training.first_state import first_state
from madi.training.history import VALIDATION
from madi.training.interrupt import Interrupts
from madi.training.progress import progress_for
from madi.training.streams import StreamedExamples
from madi.training.tally import Tally

if TYPE_CHECKING:
    from madi.training.trainer import Trainer

SECONDS_PER_CALL = 1.0  # callbacks, progress and signals are served between calls


class Run:
    """One call of fit: from the state of the trainer to its state some epochs later."""

    def __init__(
        self, trainer: Trainer, data: Any, validation: Examples | StreamedExamples | None, epochs: int, batch_size: int,
        callbacks: list[Callback], accumulate: int = 1, keeping: NoKeeping | None = None,
    ) -> None:  # fmt: skip
        self.trainer, self.data, self.validation = trainer, data, validation
        self.epochs, self.batch_size, self.callbacks = epochs, batch_size, callbacks
        self.keeping = NoKeeping() if keeping is None else keeping
        self.tally = Tally(accumulate)
        self.groups = self.tally.groups
        self.outputs: dict[Shape, Shape] = {}  # of the shapes of batch that were checked already
        self.seconds: dict[int, float] = {}  # that a step takes, by the size of its batch

    def go(self) -> None:
        """Train; whatever ends it, the model then holds the last finite weights."""
        trainer = self.trainer
        trainer._stop_reason, trainer.interrupted = None, False
        trainer.history.diverged = False
        with self.keeping.opened(self), trainer._signals_of_all or Interrupts() as self.signals:
            trainer._signals = self.signals
            self.begin()
            if self.keeping.finished:
                self._put_progress_away()
            else:
                self.train()

    def train(self) -> None:
        """All epochs that are left, and the end."""
        completed = False
        try:
            for callback in self.callbacks:
                callback.on_fit_begin(self.trainer)
            self.keeping.take_up(self)
            while self.trainer.epoch < self.last_epoch and not (self.trainer._stop_reason or self.signals.pending):
                self.one_epoch()
            if self.signals.pending:
                self.keeping.interrupted(self)
            completed = not self.signals.pending
        finally:
            self.end(completed=completed)

    def begin(self) -> None:
        """Bring weights, optimizer state and data to the engine."""
        trainer, table = self.trainer, isinstance(self.data, Examples)
        self._announce(0)
        first = self.data if table else self._checked(first_of(self.data))
        size = self.batch_size if table else None
        self.engine = trainer._engine(len(first), self.epochs, size, self.keeping.engine)
        self.step = trainer._step(first)
        if table and self.batch_size > len(first):
            self._say(f"batch_size {self.batch_size} is larger than the data: all {len(first)} examples are one batch")
        self.batch_size = min(self.batch_size, len(first)) if table else self.batch_size
        self.key, self.last_epoch = trainer.key, trainer.epoch + self.epochs
        self.keeping.begin(self, first)
        if self.keeping.finished:
            return
        self.state, self.frozen = self._first_state()
        self.shared = self.engine.share(first.arrays()) if table else None
        self.held_out = None if self.validation is None else trainer._shared(self.engine, self.validation)
        steps = -(-len(first) // self.batch_size // self.groups.size) if table else None
        trainer._progress.start(self.last_epoch - trainer.epoch, trainer.epoch + 1, steps)
        # Only callbacks and streams can write into the model while this runs, and in the end it is given new weights.
        trainer._remember_first_values([] if self.callbacks or not table else list(self.state["parameters"]))

    def _first_state(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """(state, frozen parameters) on the engine.  The host's arrays are held here alone: see `held_alone`."""
        state, frozen = self.keeping.weights(*first_state(self.trainer, accumulating=self.groups.size > 1))
        return self.engine.put(state), self.engine.share(frozen)

    def take_up(self) -> None:
        """Give the model what it holds in the middle of a fit: frozen weights, and all others for callbacks."""
        self.trainer._write(self.engine.host(self.frozen))
        if self.callbacks:
            self._sync()

    def one_epoch(self) -> None:
        """All batches once, or those that are left, then validation, then the callbacks."""
        trainer = self.trainer
        if not self.tally.open:
            self._begin_epoch()
        self.numbers = trainer._numbers()
        with closing(self._batches()) as batches:
            for data, rows, start, last in batches:
                left = len(rows) - start
                for indices, count in stretches(rows, partial(self._stretch, rows.shape[1]), start):
                    left -= count
                    self.closes = last and not left
                    self._take(data, indices, count)
                    if self.signals.pending:
                        return
                    self.keeping.between(self)
        self._end_epoch()
        self.keeping.between(self)

    def _begin_epoch(self) -> None:
        for callback in self.callbacks:
            callback.on_epoch_begin(self.trainer, self.trainer.epoch + 1)
        self._adopt()
        self.tally.begin(self.step.entries)

    def _end_epoch(self) -> None:
        trainer, row = self.trainer, self._row()
        trainer.epoch += 1
        trainer.history.epochs.append(row)
        trainer._progress.epoch(trainer.epoch, row)
        if self.callbacks:
            self._sync()
        for callback in self.callbacks:
            callback.on_epoch_end(trainer, trainer.epoch, row)
        self._adopt()
        self.tally.close()

    def _checked(self, batch: Any) -> Examples:
        """A batch of a stream, in memory of its own: the stream may fill the old one anew while this one waits."""
        return self.trainer._checked(batch, "batch", known=self.outputs).copied()

    def _batches(self) -> Generator[tuple[Any, np.ndarray, int, bool], None, None]:
        """(data on the engine, rows of indices into it, the first to be taken, whether no more come) of an epoch."""
        passed = self.tally.batches
        if isinstance(self.data, Examples):
            full, rest = epoch_rows(len(self.data), self.batch_size, self.trainer.order, self.trainer.epoch)
            yield self.shared, full, min(passed, len(full)), not len(rest)
            yield self.shared, rest, max(passed - len(full), 0), True
            return
        self._announce(self.trainer.epoch)
        ready = read_ahead(islice(self.data, passed, None), self._checked)
        # Only where an update may wait for more batches must it be known which is the last.
        for batch, last in with_last(ready) if self.groups.size > 1 else ((batch, False) for batch in ready):
            yield self.engine.share(batch.arrays()), np.arange(len(batch), dtype=np.int32)[None], 0, last

    def _announce(self, epoch: int) -> None:
        """Tell a stream whose order belongs to the epoch which one comes, counted from 0."""
        if hasattr(self.data, "set_epoch"):
            self.data.set_epoch(epoch)

    def _stretch(self, batch_size: int) -> int:
        usual = steps_of_a_call(self.seconds.get(batch_size))
        return min([usual, *(callback.steps_at_once(self.trainer, usual) for callback in self.callbacks)])

    def _take(self, data: Any, indices: np.ndarray, count: int) -> None:
        trainer, compilations, began = self.trainer, self.engine.compilations, time.perf_counter()
        plan = self._plan(indices, count)
        with self.signals.holding():
            outcome = self.engine.train(self.step, self.state, self.frozen, data, plan, self.numbers)
            self.state = outcome.state
            self._record(outcome.reports if outcome.finite else outcome.reports[:-1], plan)
        if not outcome.finite:
            raise self._diverged(data, plan, len(outcome.reports) - 1)
        if self.engine.compilations == compilations:
            self.seconds[indices.shape[1]] = (time.perf_counter() - began) / count
        trainer._progress.advance(self.tally.updates, self.step.read(self.tally.totals))
        self._between_steps()

    def _between_steps(self) -> None:
        """Let the callbacks look that want to; the time they take, or wait, is none of the epoch's."""
        listening = [each for each in self.callbacks if type(each).on_steps_end is not Callback.on_steps_end]
        if listening:
            self._sync()
            began = time.perf_counter()
            for callback in listening:
                callback.on_steps_end(self.trainer)
            self.tally.leave_out(time.perf_counter() - began)

    def _record(self, reports: np.ndarray, plan: Plan) -> None:
        """Keep what some batches have measured."""
        updates = self.tally.add(reports, plan.ends)
        self.trainer.step += len(updates)
        if len(updates):
            columns = self.step.columns(updates)
            self.trainer.history.add_steps({name: column.tolist() for name, column in columns.items()})

    def _plan(self, indices: np.ndarray, count: int) -> Plan:
        """The next batches, each with the learning rate of its step and a random key of its own."""
        first, capacity = self.trainer.step, len(indices)
        later, places = np.divmod(self.groups.places(capacity), self.groups.size)
        rates = np.zeros(capacity, self.trainer.dtype)
        rates[:count] = np.array(self.trainer.optimizer.rates(first, int(later[count - 1]) + 1))[later[:count]]
        keys = step_keys(self.key, first + later, places)
        return Plan(indices, rates, keys, count, self.groups.ends(count, capacity, closes=self.closes))

    def _diverged(self, data: Any, plan: Plan, row: int) -> Exception:
        host, trainer = self.engine.host, self.trainer
        batch = tuple(None if part is None else np.asarray(part)[plan.indices[row]] for part in data)
        error = explain(
            self.step, host(self.state), host(self.frozen), batch, number=trainer.step + 1, epoch=trainer.epoch + 1,
            rate=float(plan.rates[row]), key=plan.keys[row], numbers=self.numbers,
            ends=None if plan.ends is None else plan.ends[row],
        )  # fmt: skip
        return told_diverged(trainer, error)

    def _row(self) -> dict[str, float]:
        """The epoch in numbers."""
        trainer = self.trainer
        if not self.tally.updates:
            raise DataError(
                f"epoch {trainer.epoch + 1}: the iterable gave no batches. One that can be gone through only once "
                "serves one epoch: pass a list of batches, or an object whose __iter__ starts anew."
            )
        row: dict[str, float] = {"epoch": trainer.epoch + 1, **self.step.read(self.tally.totals)}
        measured = self._measured()
        variables = {name: {path: measured[path] for path in self.state[name]} for name in ("parameters", "statistics")}
        variables["parameters"] |= self.frozen
        if isinstance(self.data, Examples):
            row |= trainer._whole_values(self.engine, variables, self.data)
        if self.validation is not None:
            found = trainer._evaluate(self.engine, self.step, variables, self.validation, self.held_out, None)
            row |= {VALIDATION + name: value for name, value in found.items()}
        return {**row, "learning_rate": trainer.optimizer.rate_at(trainer.step - 1), "seconds": self.tally.seconds()}

    def _adopt(self) -> None:
        """Go on from the weights and statistics that callbacks have put into the model, where they have."""
        if not self.callbacks:
            return
        given = {**self.trainer._values(), **self.trainer._statistics()}
        # Looked at where they lie: NumPy's view of one is gone before the next call writes over it.
        if not all(np.array_equal(given[path], value) for path, value in self._measured().items()):
            names = [name for name in ("parameters", "statistics", "average") if name in self.state]
            trees = {name: {path: given[path] for path in self.state[name]} for name in names}
            self.state = {**self.state, **self.engine.put(trees)}

    def _measured(self) -> dict[str, Any]:
        """The weights and statistics that the model is measured with: the averages, where there are some."""
        return self.state["average"] if "average" in self.state else self._moving()

    def _moving(self) -> dict[str, Any]:
        """Those that the steps themselves go on from."""
        return {**self.state["parameters"], **self.state["statistics"]}

    def _sync(self) -> None:
        """Write the current weights into the model; what the optimizer keeps is lent until the next call."""
        self.trainer._write(self.engine.host(self._measured()))
        self.trainer._optimizer_state = self.state["optimizer"]

    def end(self, *, completed: bool = False) -> None:
        """Write the weights into the model, and let the callbacks have the last word.

        completed   whether nothing broke the fit off
        """
        trainer = self.trainer
        try:
            both = (self._moving(), self._measured())
            trainer._underneath = Underneath(*self.engine.host(both)) if "average" in self.state else None
            trainer._optimizer_state = self.state["optimizer"]  # it stays with the engine: nobody else reads it
            trainer._write(self.engine.give(self._measured()))
            trainer.interrupted = self.signals.pending
            for callback in self.callbacks:
                callback.on_fit_end(trainer)
            self._say_why()
            if completed:
                self.keeping.end(self)
        finally:
            self._put_progress_away()

    def _put_progress_away(self) -> None:
        self.trainer._progress.close()
        self.trainer._progress = progress_for(0)

    def _say_why(self) -> None:
        """A notice of an end before the last epoch."""
        trainer = self.trainer
        if trainer.interrupted:
            self._say(f"interrupted in epoch {trainer.epoch + 1}: the weights so far are kept")
        elif trainer._stop_reason:
            self._say(f"stopped after epoch {trainer.epoch}: {trainer._stop_reason}")

    def _say(self, text: str) -> None:
        self.trainer.history.notices.append(text)
        self.trainer._progress.note(text)


def steps_of_a_call(seconds: float | None) -> int:
    """How many steps of so many seconds make a call of about one; where none was timed yet, one step."""
    return 1 if seconds is None else max(1, int(SECONDS_PER_CALL / max(seconds, 1e-9)))
