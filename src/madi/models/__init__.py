"""The networks by name: functions that return ordinary models, not built yet, whose input sizes are inferred.

    model = models.mlp((100,), 10)
    model = models.create("mlp", outputs=10, hidden=(100,))

`MODELS` names those that can be trained on a dataset; each takes `outputs`, the number of the network's outputs, and
options by keyword.  The perceptrons of the logic gates have their weights already: `models.gate("XOR")`.
`load_weights` reads those that are published for PyTorch.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from madi.errors import ConfigurationError, unknown_name
from madi.layers import Sequential
from madi.models.alexnet import alexnet
from madi.models.convnets import deep_convnet, lenet5, simple_convnet
from madi.models.gates import gate, gates
from madi.models.googlenet import googlenet
from madi.models.logistic_regression import logistic_regression
from madi.models.mlp import mlp
from madi.models.normalized import normalized
from madi.models.published import load_weights, save_weights
from madi.models.resnet import resnet18, resnet34, resnet50, resnet101, resnet152, resnet_cifar
from madi.models.vgg import vgg11, vgg13, vgg16, vgg19

_DIGITS = (lenet5, simple_convnet, deep_convnet)
_IMAGENET = (vgg11, vgg13, vgg16, vgg19, googlenet, resnet18, resnet34, resnet50, resnet101, resnet152)

MODELS: dict[str, Callable[..., Sequential]] = {
    model.__name__: model for model in (logistic_regression, mlp, *_DIGITS, resnet_cifar, alexnet, *_IMAGENET)
}

# The examples that a network was made for; most take images of other sizes too.
INPUT_SHAPES: dict[str, tuple[int, ...]] = {
    **{model.__name__: (28, 28, 1) for model in _DIGITS},
    "resnet_cifar": (32, 32, 3),
    "alexnet": (227, 227, 3),
    **{model.__name__: (224, 224, 3) for model in _IMAGENET},
}


def create(name: str, *, outputs: int | None = None, **options: Any) -> Sequential:
    """The model called `name`.

    outputs   number of its outputs; the model's own default where it is left out: 10 for digits, 1000 for ImageNet
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
    return MODELS[folded](**options) if outputs is None else MODELS[folded](outputs=outputs, **options)


def options_of(name: str) -> dict[str, Any]:
    """The options of the model called `name`, `outputs` left out, with their defaults."""
    parameters = inspect.signature(MODELS[name]).parameters.values()
    return {parameter.name: parameter.default for parameter in parameters if parameter.name != "outputs"}


__all__ = [
    "INPUT_SHAPES",
    "MODELS",
    "create",
    "gate",
    "gates",
    "load_weights",
    "normalized",
    "options_of",
    "save_weights",
    *MODELS,
]
