"""What a checkpoint holds of a run, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from madi.errors import ConfigurationError, FileError
from madi.training.averaging import Underneath
from madi.training.callbacks import Callback
from madi.training.checkpoints.settings import set_options
from madi.training.engines import over
from madi.training.history import History

if TYPE_CHECKING:
    from madi.training.run import Run
    from madi.training.trainer import Trainer


def going(run: Run) -> dict[str, Any]:
    """A run between two calls of its engine."""
    weights = {"state": over(run.state, np.asarray), "frozen": over(run.frozen, np.asarray)}
    return {"finished": False, **_books(run), "tally": run.tally.state(), "weights": weights}


def ended(run: Run) -> dict[str, Any]:
    """A run that has ended in order, and has given its weights to the model."""
    trainer = run.trainer
    below = trainer._underneath
    weights = {
        "model": {**trainer._values(), **trainer._statistics()},
        "optimizer": over(trainer._optimizer_state, np.asarray),
        "underneath": None if below is None else {"values": below.values, "average": below.average},
    }
    return {"finished": True, **_books(run), "tally": None, "weights": weights}


def _books(run: Run) -> dict[str, Any]:
    trainer, history = run.trainer, run.trainer.history
    steps = {name: np.asarray(column, np.float64) for name, column in history.steps.items()}
    kept = {"epochs": history.epochs, "steps": steps, "notices": history.notices}
    own = {"epoch": trainer.epoch, "step": trainer.step, "stop_reason": trainer._stop_reason, "history": kept}
    return {"trainer": own, "callbacks": callback_states(run.callbacks)}


def restore_trainer(run: Run, content: Mapping[str, Any]) -> None:
    """Put into trainer and books what `going` kept; the weights are the engine's to take."""
    _restore_books(run.trainer, content["trainer"])
    run.last_epoch = content["first_epoch"] + run.epochs
    if content["tally"] is not None:
        run.tally.restore_state(content["tally"])


def restore_ended(trainer: Trainer, content: Mapping[str, Any]) -> None:
    """Put into trainer and model what `ended` kept."""
    weights = content["weights"]
    _restore_books(trainer, content["trainer"])
    set_options(trainer, content["options"])
    trainer._remember_first_values([])
    trainer._write(weights["model"])
    trainer._optimizer_state = weights["optimizer"]
    below = weights["underneath"]
    trainer._underneath = None if below is None else Underneath(below["values"], below["average"])


def _restore_books(trainer: Trainer, kept: Mapping[str, Any]) -> None:
    trainer.epoch, trainer.step = int(kept["epoch"]), int(kept["step"])
    trainer._stop_reason = kept["stop_reason"]
    history: History = trainer.history
    history.epochs, history.notices = list(kept["history"]["epochs"]), list(kept["history"]["notices"])
    history.steps = {name: column.tolist() for name, column in kept["history"]["steps"].items()}


# ---- callbacks


def callback_states(callbacks: Sequence[Callback]) -> list[dict[str, Any]]:
    """What those callbacks keep that keep anything."""
    found = [(type(callback).__name__, callback.state()) for callback in callbacks]
    return [{"class": name, "state": state} for name, state in found if state is not None]


def restore_callbacks(callbacks: Sequence[Callback], content: Mapping[str, Any]) -> None:
    """Give it back to them."""
    keeping = [callback for callback in callbacks if callback.state() is not None]
    for callback, kept in zip(keeping, content["callbacks"], strict=True):
        callback.restore_state(kept["state"])


# ---- checks


def expect_callbacks(callbacks: Sequence[Callback], content: Mapping[str, Any]) -> None:
    """ConfigurationError unless the callbacks that keep something are those that did."""
    before = [kept["class"] for kept in content["callbacks"]]
    now = [kept["class"] for kept in callback_states(callbacks)]
    if before != now:
        raise ConfigurationError(
            f"resume: the callbacks that keep something were {before}, and now are {now}. Give the same ones."
        )


def expect_arrays(path: Path, wanted: Any, kept: Any, place: str = "weights") -> None:
    """FileError unless the arrays of a tree are there, of the same shapes and dtypes."""
    if isinstance(wanted, dict):
        if not isinstance(kept, dict) or kept.keys() != wanted.keys():
            raise FileError(f"{path}: corrupt: {place} has other entries than the model needs.")
        for name, entry in wanted.items():
            expect_arrays(path, entry, kept[name], f"{place}/{name}")
    elif np.shape(kept) != np.shape(wanted) or getattr(kept, "dtype", None) != wanted.dtype:
        raise FileError(f"{path}: corrupt: {place} is no array of shape {np.shape(wanted)} and {wanted.dtype}.")
