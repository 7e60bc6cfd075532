"""The networks by name: functions that return ordinary models, not built yet, whose input sizes are inferred.

    model = models.mlp((100,), 10)
    model = models.create("mlp", outputs=10, hidden=(100,))

`MODELS` names those that can be trained on a dataset; each takes `outputs`, the number of the network's outputs, and
options by keyword.  The perceptrons of the logic gates have their weights already: `models.gate("XOR")`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from madi.errors import ConfigurationError, unknown_name
from madi.layers import Sequential
from madi.models.gates import gate, gates
from madi.models.logistic_regression import logistic_regression
from madi.models.mlp import mlp

MODELS: dict[str, Callable[..., Sequential]] = {
    "logistic_regression": logistic_regression,
    "mlp": mlp,
}


def create(name: str, *, outputs: int = 10, **options: Any) -> Sequential:
    """The model called `name`, with `outputs` outputs.

    options   those of its function, as in create("mlp", hidden=(50, 50), activation="tanh")

    Raises UnknownNameError for a name that is not in `MODELS`, ConfigurationError for an option that the model does not
    have or a value that it does not allow.
    """
    folded = str(name).casefold()
    if folded not in MODELS:
        raise unknown_name("model", name, MODELS)
    known = options_of(folded)
    for option in options:
        if option not in known:
            raise ConfigurationError(str(unknown_name(f"option of {folded}", option, known)))
    return MODELS[folded](outputs=outputs, **options)


def options_of(name: str) -> dict[str, Any]:
    """The options of the model called `name`, `outputs` left out, with their defaults."""
    parameters = inspect.signature(MODELS[name]).parameters.values()
    return {parameter.name: parameter.default for parameter in parameters if parameter.name != "outputs"}


__all__ = ["MODELS", "create", "gate", "gates", "logistic_regression", "mlp", "options_of"]
