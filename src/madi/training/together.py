"""fit_together: several trainers on the same examples, those that differ in numbers only in one compiled program."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any

from madi.errors import ConfigurationError, DivergenceError
from madi.kernels import random
from madi.training.choice import quick_on_numpy, trials_together
from madi.training.data import Examples, inputs, is_table
from madi.training.history import History
from madi.training.interrupt import Interrupts
from madi.training.joint_engine import JointEngine
from madi.training.joint_run import JointRun
from madi.training.progress import progress_for
from madi.training.settings import expect_whole
from madi.training.trainer import Trainer

ENGINE = "together"


def fit_together(
    trainers: Sequence[Trainer], data: Any, *, validation: Any = None, epochs: int = 1, batch_size: int = 100,
    sample_weight: Any = None, class_weight: Mapping[int, float] | None = None, verbose: int = 0,
    checkpoints: None = None, names: Sequence[str] = (),
) -> list[History]:  # fmt: skip
    """Train each of the trainers for `epochs` more epochs, as its own `fit` would; the history of each.

    Trainers that differ in numbers only (learning rate, schedule, weight decay, momentum, dropout rate, first weights,
    seed of dropout, ...) train in one compiled program, batched over them, where that is the faster.  All see the
    examples in the same order, so all need the same `order_seed`.

    A trainer that diverges keeps its last finite weights, and disturbs no other: its `history.diverged` is True, and
    the last notice of its history says where.  Nothing is raised.

    trainers   madi.Trainer objects, each with a model of its own
    data       arrays (x, y); the other arguments are those of `Trainer.fit`, but for checkpoints: none are kept of
               several trainers, and asking for them is a ConfigurationError
    names      what the progress calls each of the trainers, such as "trial 1"

    Raises what `Trainer.fit` raises before anything is trained; ConfigurationError for trainers of different orders of
    examples, or of one model.  Ctrl-C ends the fit after the call in flight, with the weights so far, and so does
    `interrupt` of any of the trainers.
    """
    if checkpoints is not None:
        raise ConfigurationError(
            "fit_together: no checkpoints are kept of several trainers at once. Leave them out, or call "
            "trainer.fit(..., checkpoints=folder) for each."
        )
    expect_whole("fit_together: epochs", epochs, least=0)
    expect_whole("fit_together: batch_size", batch_size)
    _expect_apart(trainers)
    if not is_table(data):
        raise ConfigurationError("fit_together: expected arrays (x, y), got an iterable of batches. Gather them first.")
    given = {"validation": validation, "sample_weight": sample_weight, "class_weight": class_weight}
    groups = _groups(trainers, data)
    checked = [group[0]._datasets(data, batch_size=batch_size, **given) for group in groups]
    with as_one(trainers, names) as signals:
        for group, (training, held_out) in zip(groups, checked, strict=True):
            size = _size(group, len(training), epochs, batch_size)
            for start in range(0, len(group), size):
                part = group[start : start + size]
                if signals.pending:
                    _interrupt(part)
                elif size == 1:
                    _alone(part[0], group[0], data, {**given, "epochs": epochs, "batch_size": batch_size}, verbose)
                else:
                    _joint(part, _engine(group[0]), training, held_out, epochs, batch_size, verbose, signals)
    return [trainer.history for trainer in trainers]


@contextlib.contextmanager
def as_one(trainers: Sequence[Trainer], names: Sequence[str] = ()) -> Iterator[Interrupts]:
    """Within the block what interrupts one of the trainers interrupts all, and the progress calls each by its name."""
    signals = Interrupts()
    for trainer, name in zip(trainers, itertools.chain(names, itertools.repeat("")), strict=False):
        trainer.interrupted, trainer._called = False, name
        trainer._signals = trainer._signals_of_all = signals
    try:
        yield signals
    finally:
        for trainer in trainers:
            trainer._called, trainer._signals_of_all = "", None


def _size(group: Sequence[Trainer], examples: int, epochs: int, batch_size: int) -> int:
    """How many trainers of a group train in one program."""
    leader, count = group[0], len(group)
    auto = leader.engine_name == "auto" and leader.precision is None and ENGINE not in leader._engines
    if count == 1 or (auto and quick_on_numpy(leader.model, examples, epochs * count, batch_size)):
        return 1
    return trials_together(leader.model, count, min(batch_size, examples))


def _expect_apart(trainers: Sequence[Trainer]) -> None:
    if not isinstance(trainers, (list, tuple)) or not trainers:
        raise ConfigurationError(f"fit_together: expected a list of madi.Trainer objects, got {trainers!r}.")
    for place, trainer in enumerate(trainers):
        if not isinstance(trainer, Trainer):
            raise ConfigurationError(f"fit_together: expected madi.Trainer objects, got {trainer!r}.")
        if any(trainer.model is other.model for other in trainers[:place]):
            raise ConfigurationError("fit_together: two trainers have the same model. Give each one of its own.")
    if len({tuple(trainer.order.tolist()) for trainer in trainers}) > 1:
        raise ConfigurationError(
            "fit_together: the trainers would see the examples in different orders. Give all of them one order: "
            "Trainer(..., seed=1, order_seed=0)."
        )


def _groups(trainers: Sequence[Trainer], data: Any) -> list[list[Trainer]]:
    """The trainers in groups of one program, in their order."""
    shape = inputs(data, "data").shape[1:]
    groups: dict[Hashable, list[Trainer]] = {}
    for place, trainer in enumerate(trainers):
        trainer.model.ensure_built(shape, random.key(trainer.seed))
        name = place if trainer.engine_name == "numpy" else _program(trainer)
        groups.setdefault(name, []).append(trainer)
    return list(groups.values())


def _program(trainer: Trainer) -> Hashable:
    """What the compiled program of a trainer depends on, and what its trials must share besides."""
    model = trainer.model
    weights = tuple((path, p.shape, p.trainable, p.decay) for path, p in model.parameters().items())
    statistics = tuple((path, value.shape) for path, value in model.state().items())
    shared = tuple(trainer.metrics), tuple(model.hyperparameters()), trainer.dtype, trainer.average is None
    return trainer._step().signature, weights, statistics, shared, trainer.epoch


def _alone(trainer: Trainer, leader: Trainer, data: Any, options: dict[str, Any], verbose: int) -> None:
    """An ordinary fit, by the program of the group's first where that is compiled."""
    if "jax" in leader._engines:
        trainer._engines.setdefault("jax", leader._engines["jax"])
    with contextlib.suppress(DivergenceError):  # its history says so
        trainer.fit(data, verbose=verbose, **options)


def _interrupt(part: Sequence[Trainer]) -> None:
    """Trainers whose turn did not come."""
    for trainer in part:
        trainer.interrupted = True
        trainer.history.notices.append("interrupted before it began")


def _engine(leader: Trainer) -> JointEngine:
    """The engine of a group, kept with its first trainer: a second fit compiles nothing."""
    if ENGINE not in leader._engines:
        leader._engines[ENGINE] = JointEngine(
            dtype=leader.dtype, announce=lambda busy: leader._progress.compiling(busy)
        )
    found: JointEngine = leader._engines[ENGINE]
    return found


def _mean_of(group: Sequence[Trainer]) -> str:
    """What the progress of a group is called, which shows the mean of them."""
    first, last = group[0]._called, group[-1]._called
    return f"mean of {first} .. {last}" if first else ""


def _joint(
    group: Sequence[Trainer], engine: JointEngine, data: Examples, validation: Examples | None, epochs: int,
    batch_size: int, verbose: int, signals: Interrupts,
) -> None:  # fmt: skip
    """One fit of all of the group."""
    leader = group[0]
    leader._progress = progress_for(verbose, _mean_of(group))
    try:
        with signals:
            JointRun(group, data, validation, batch_size, engine, signals).go(epochs)
    finally:
        leader._progress.close()
        leader._progress = progress_for(0)
