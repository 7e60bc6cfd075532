"""Why training left the finite numbers: the step is run again, node by node, to name the first layer that did."""

from __future__ import annotations

from typing import Any

import numpy as np

from madi.errors import DivergenceError
from madi.graph import Variable
from madi.layers import Layer, observing_layers
from madi.training.step import Batch, State, Step, all_finite


def explain(
    step: Step, state: State, frozen: dict[str, Any], batch: Batch, *, number: int, epoch: int, rate: float, key: Any,
    numbers: dict[str, Any],
) -> DivergenceError:  # fmt: skip
    """The error for a step that was not finite, from the last finite state and that step's batch, all on the host.

    number, epoch   of the step, both counted from 1, for the message
    """
    found: list[str] = []

    def note(layer: Layer, x: Variable, y: Variable) -> None:
        if not found and not np.isfinite(y.value).all():
            found.append(f"the output of {layer.label()} is the first that is not finite")

    with np.errstate(all="ignore"), observing_layers(note):
        new, report = step.attempt(state, frozen, batch, rate, key, numbers)
        loss = float(report[0] / report[1])
    place = found[0] if found else _first_update(new["parameters"])
    return DivergenceError(
        f"Training diverged in step {number} (epoch {epoch}): the loss is {loss:.4g}; {place}. The model keeps its "
        f"weights from before that step. Lower the learning rate, now {rate:.4g}, for example to {rate / 10:.4g}, or set clip_norm."
    )


def _first_update(parameters: dict[str, Any]) -> str:
    wrong = [path for path, value in parameters.items() if not bool(all_finite(value))]
    return f"the update of '{wrong[0]}' is the first that is not finite" if wrong else "the loss itself is not finite"
