"""The state that a fit begins with: the model's weights, and what the optimizer has kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from madi.errors import ConfigurationError
from madi.training.step import emptied

if TYPE_CHECKING:
    from madi.training.trainer import Trainer


def first_state(trainer: Trainer, *, accumulating: bool = False) -> tuple[dict[str, Any], dict[str, Any]]:
    """(state, frozen parameters) that a fit of this trainer begins with, on the host."""
    every = trainer.model.parameters()
    held, statistics = trainer._values(), trainer._statistics()
    chosen = [path for path, parameter in every.items() if parameter.trainable]
    if not chosen:
        raise ConfigurationError("fit: no parameter is trainable. Call model.unfreeze(), or add a layer with weights.")
    moving = {**{path: held[path] for path in chosen}, **statistics}
    values = moving if trainer._underneath is None else trainer._underneath.resumed(moving)
    parameters = {path: values[path] for path in chosen}
    optimizer = merged(trainer.optimizer.init(parameters), trainer._optimizer_state)
    state = {"parameters": parameters, "optimizer": optimizer, "statistics": {p: values[p] for p in statistics}}
    if trainer.average is not None:
        state["average"] = moving
    if accumulating:
        state["accumulated"] = {"gradients": emptied(parameters), "weight": np.zeros((), trainer.dtype)}
    return state, {path: value for path, value in held.items() if path not in chosen}


def merged(fresh: Any, kept: Any) -> Any:
    """The fresh optimizer state, with what is kept of it from before."""
    if kept is None:
        return fresh
    if not isinstance(fresh, dict):
        return kept if np.shape(kept) == np.shape(fresh) else fresh  # another layer may stand in the old one's place
    return {name: merged(entry, kept.get(name)) for name, entry in fresh.items()}
