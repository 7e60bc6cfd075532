"""What a page asks of a training, as texts of its address, and the configuration that they make."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from madi.config import TrainConfig
from madi.errors import MadiError, as_keyword, spelled
from madi.runs.sources import placed
from madi.studio.training.data import GATES, TABLES, gate_file
from madi.studio.training.network import split_lines
from madi.studio.workplace import Workplace

OWN = "own"  # the network is written as layers
OPTIMIZERS = ("sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw")
SCHEDULES = ("constant", "cosine", "step_decay", "exponential_decay", "warmup", "one_cycle")
ACTIVATIONS = ("relu", "tanh", "sigmoid", "leaky_relu")
LOSSES_OF_CLASSES = ("softmax_cross_entropy", "mean_squared_error")
LOSSES_OF_NUMBERS = ("mean_squared_error", "mean_absolute_error", "huber")

_POINTS = {"layers": "Dense(8)\nTanh()\nDense(outputs)", "epochs": "100", "batch": "20", "rate": "0.02"}
_PICTURES = {
    "layers": "Conv2D(16, 3)\nReLU()\nMaxPool2D(2)\nFlatten()\nDense(outputs)", "epochs": "5", "batch": "50"
}  # fmt: skip
_COMMON = {"optimizer": "adam", "schedule": "cosine", "validation": "0.1", "seed": "0", "decay": "", "rate": ""}
_TABLE = {"layers": "Dense(100)\nReLU()\nDense(outputs)", "epochs": "30", "batch": "50"}


def defaults(data: str, shape: tuple[int, ...] | None) -> dict[str, str]:
    """Sensible settings for examples of that shape."""
    if data in GATES:
        gate = {"layers": "Dense(4)\nTanh()\nDense(outputs)", "batch": "4", "validation": "0", "rate": "0.1"}
        return {**_COMMON, **_POINTS, **gate}
    if shape is not None and len(shape) == 3:
        return {**_COMMON, **_PICTURES, "epochs": "10" if data == "digits" else "5"}
    return {**_COMMON, **(_POINTS if shape == (2,) else _TABLE)}


@dataclass
class Asked:
    """A configuration, or what is wrong by field of the page."""

    config: TrainConfig | None
    errors: dict[str, str] = field(default_factory=dict)


# Field of the page -> (field of the configuration, how its text is read)
_FIELDS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "optimizer": ("optimizer", str),
    "schedule": ("schedule", str),
    "rate": ("learning_rate", float),
    "batch": ("batch_size", int),
    "epochs": ("epochs", int),
    "loss": ("loss", str),
    "decay": ("weight_decay", float),
    "validation": ("validation", float),
    "seed": ("seed", int),
    "hidden": ("hidden", str),
    "activation": ("activation", str),
}


@spelled(as_keyword)  # options of the command line are not what a page has
def asked(values: Mapping[str, str], workplace: Workplace) -> Asked:
    """The configuration that the texts of a page make.  An empty text leaves the choice to the library."""
    given: dict[str, Any] = {}
    errors: dict[str, str] = {}
    own = values.get("network", OWN) == OWN
    for name, (option, read) in _FIELDS.items():
        if not (text := values.get(name, "").strip()) or (own and name in ("hidden", "activation")):
            continue
        try:
            value = _read(read, text)
            TrainConfig(**{option: value})
            given[option] = value
        except MadiError as error:
            errors[name] = str(error)
    network = {"layers": tuple(split_lines(values.get("layers", "")))} if own else {"model": values["network"]}
    try:
        data = data_options(values, workplace)
        return Asked(None, errors) if errors else Asked(placed(TrainConfig(**{**network, **given, **data})).completed())
    except MadiError as error:
        return Asked(None, {**errors, "data": str(error)})


def _read(read: Callable[[str], Any], text: str) -> Any:
    """The value, or the text where it is none: then the library's own check refuses it."""
    try:
        return read(text)
    except ValueError:
        return text


def data_options(values: Mapping[str, str], workplace: Workplace) -> dict[str, Any]:
    """The fields of the configuration that say which data.

    Raises FileError for a path that leaves the studio's folder.
    """
    data = values.get("data", "planar")
    if data in GATES:
        return {"dataset": str(gate_file(data, workplace)), "test": 0.0, "validation": 0.0}
    if not data.startswith("file:"):
        return {"dataset": data}
    options: dict[str, Any] = {"dataset": str(workplace.place(data.removeprefix("file:")))}
    if target := values.get("target"):
        options["target"] = (target,)
    return options


def is_table(values: Mapping[str, str]) -> bool:
    """Whether the data are a table, which needs a target."""
    ending = Path(values.get("data", "")).suffix.lower()
    return values.get("data", "").startswith("file:") and ending in TABLES


def short_toml(config: TrainConfig) -> str:
    """What of a configuration is not as `madi train` has it anyway, as TOML for `madi train --config`."""
    usual = TrainConfig().to_toml().splitlines()
    return "".join(f"{line}\n" for line in config.to_toml().splitlines() if line not in usual) or "\n"
