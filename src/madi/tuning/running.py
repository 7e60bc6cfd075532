"""Trials are trained: those that share a program together, whatever becomes of the others."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from madi.errors import ConfigurationError, DivergenceError
from madi.training import History, Trainer, fit_together
from madi.training.together import as_one
from madi.tuning.trial import Asked, Trial

Make = Callable[[dict[str, Any]], Any]  # hyperparameters -> Trainer, or (Trainer, {"batch_size": ...})
PER_TRIAL = ("batch_size", "accumulate")


def made(make: Make, parameters: dict[str, Any], fit: Mapping[str, Any]) -> tuple[Trainer, dict[str, Any]]:
    """The trainer of a trial, and how its fit is called.  Raises ConfigurationError for what is none."""
    found = make(dict(parameters))
    trainer, own = found if isinstance(found, tuple) else (found, {})
    if not isinstance(trainer, Trainer):
        raise ConfigurationError(
            f"make: expected a madi.Trainer, or (Trainer, {{'batch_size': 50}}), got {type(trainer).__name__}."
        )
    if other := [name for name in own if name not in PER_TRIAL]:
        raise ConfigurationError(
            f"make: a trial can set {' and '.join(PER_TRIAL)} of its fit, got {other[0]!r}. Give it to search()."
        )
    return trainer, {**fit, **own}


def run_trials(
    make: Make, asked: Sequence[Asked], data: Any, validation: Any, fit: Mapping[str, Any]
) -> tuple[list[Trial], bool]:
    """(The trials that were trained; whether the user broke off, so that some are missing.)

    Trials whose fits are called alike are handed over together; what differs in numbers only shares a program there.
    """
    groups: dict[tuple[Any, ...], list[tuple[Asked, Trainer]]] = {}
    for entry in asked:
        trainer, options = made(make, entry.parameters, fit)
        groups.setdefault(tuple(sorted(options.items())), []).append((entry, trainer))
    finished: list[Trial] = []
    for key, members in groups.items():
        options = dict(key)
        _fit({f"trial {entry.number}": trainer for entry, trainer in members}, data, validation, options)
        done = [(entry, trainer.history) for entry, trainer in members if _is_done(trainer.history, options["epochs"])]
        finished += [_trial(entry, history) for entry, history in done]
        if len(done) < len(members):
            return finished, True
    return finished, False


def _fit(trials: Mapping[str, Trainer], data: Any, validation: Any, options: dict[str, Any]) -> None:
    """Train, each by its name; where gradients are accumulated, one after the other."""
    if options["accumulate"] == 1:
        alike = {name: value for name, value in options.items() if name != "accumulate"}
        fit_together(list(trials.values()), data, validation=validation, names=list(trials), **alike)
        return
    with as_one(list(trials.values()), list(trials)) as signals:
        for trainer in trials.values():
            with contextlib.suppress(DivergenceError):  # its history says so
                trainer.fit(data, validation=validation, **options)
            if signals.pending:
                return


def _is_done(history: History, epochs: int) -> bool:
    return history.diverged or len(history) == epochs


def _trial(asked: Asked, history: History) -> Trial:
    """The trial with what it measured; how long an epoch took says nothing where many run at once."""
    rows = [{name: value for name, value in row.items() if name != "seconds"} for row in history.epochs]
    return Trial(asked.number, asked.round, asked.parameters, rows, history.diverged)
