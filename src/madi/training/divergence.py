"""Why training left the finite numbers: the step is run again, node by node, to name the first layer that did."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from madi.errors import DivergenceError
from madi.graph import Variable
from madi.layers import Layer, observing_layers
from madi.training.step import Batch, State, Step, all_finite

if TYPE_CHECKING:
    from madi.training.trainer import Trainer


def explain(
    step: Step, state: State, frozen: dict[str, Any], batch: Batch, *, number: int, epoch: int, rate: float, key: Any,
    numbers: dict[str, Any], ends: Any = None,
) -> DivergenceError:  # fmt: skip
    """The error for a step that was not finite, from the last finite state and that step's batch, all on the host.

    number, epoch   of the step, both counted from 1, for the message
    """
    found: list[str] = []

    def note(layer: Layer, x: Variable, y: Variable) -> None:
        if not found and not np.isfinite(y.value).all():
            found.append(f"the output of {layer.label()} is the first that is not finite")

    plain = replace(step, precision=None)  # bfloat16 has the range of float32, and NumPy has no bfloat16
    with np.errstate(all="ignore"), observing_layers(note):
        new, report = plain.attempt(state, frozen, batch, numbers, rate, key, ends)
        loss = float(report[0] / report[1])
    place = found[0] if found else _first_beyond_layers(new, loss)
    slower = min(rate / 10, step.optimizer.usual_rate)
    return DivergenceError(
        f"Training diverged in step {number} (epoch {epoch}): the loss is {loss:.4g}; {place}. The model keeps its "
        f"weights from before that step. Lower the learning rate, now {rate:.4g}, for example to {slower:.4g}, "
        "or set clip_norm."
    )


def told_diverged(trainer: Trainer, error: DivergenceError) -> DivergenceError:
    """The error, once the trainer's history says that it diverged, and why."""
    trainer.history.diverged = True
    trainer.history.notices.append(str(error))
    return error


def _first_beyond_layers(new: State, loss: float) -> str:
    """What is not finite where the output of every layer is, in the order in which a step computes it."""
    if not np.isfinite(loss):
        return "every layer's output is finite, but the loss itself is not"
    for path, value in _updates(new):
        if not bool(all_finite(value)):
            return f"the update of {path} is the first that is not finite"
    return "run again on NumPy, the same step just stays finite"


def _updates(new: State) -> Iterator[tuple[str, Any]]:
    """(name in words, array) for all that a step makes anew."""
    slots = {name: slot for name, slot in new["optimizer"].items() if isinstance(slot, dict)}
    for name, slot in slots.items():
        yield from ((f"the optimizer's {name} of '{path}'", value) for path, value in slot.items())
    sums = new["accumulated"]["gradients"] if "accumulated" in new else {}
    yield from ((f"the accumulated gradient of '{path}'", value) for path, value in sums.items())
    yield from ((f"'{path}'", value) for path, value in {**new["parameters"], **new["statistics"]}.items())
