"""What a fit is, as plain JSON: two of the same settings and the same data take the same steps."""

from __future__ import annotations

import dataclasses
import inspect
import zlib
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from madi.errors import ConfigurationError
from madi.layers import Layer
from madi.optimizers import Optimizer
from madi.options import Options
from madi.training.data import Examples
from madi.training.step import layers_signature
from madi.training.streams import first_of_all

if TYPE_CHECKING:
    from madi.training.run import Run
    from madi.training.trainer import Trainer

OWN = ("path", "stream")  # attributes of a layer that follow from where it stands
SHOWN = 60  # letters of a value in a message


def settings(run: Run) -> dict[str, Any]:
    """All that decides the steps of a run besides its data, its weights and its random keys' numbers."""
    trainer = run.trainer
    own = {name: described(getattr(trainer, name)) for name in ("augmentation", "average", "precision")}
    return {
        "model": _model(trainer.model),
        **options(trainer),
        "loss": {"name": trainer.loss.name, "label_smoothing": trainer.label_smoothing},
        "metrics": [metric.name for metric in trainer.metrics],
        "dtype": trainer.dtype.name,
        **own,
        "seed": {"of steps": trainer.key.tolist(), "of the order": trainer.order.tolist()},
        "fit": {"epochs": int(run.epochs), "batch_size": int(run.batch_size), "accumulate": int(run.groups.size)},
    }


def options(trainer: Trainer) -> dict[str, Any]:
    """The settings that callbacks may change while a fit runs: of the optimizer, and numbers of layers."""
    return {"optimizer": described(trainer.optimizer), "numbers": described(trainer.model.hyperparameters())}


def set_options(trainer: Trainer, given: Mapping[str, Any]) -> None:
    """Give optimizer and layers those that `options` described.  A function of the step stays as it is."""
    for name, value in given["optimizer"].items():
        known = name == "class" or (isinstance(value, Mapping) and ("function" in value or "class" in value))
        if not known and described(getattr(trainer.optimizer, name)) != value:
            setattr(trainer.optimizer, name, value)
    for path, layer in trainer.model.walk():
        for name in layer.numbers:
            own = f"{path}.{name}" if path else name
            if described(getattr(layer, name)) != given["numbers"][own]:
                setattr(layer, name, given["numbers"][own])


def _model(model: Layer) -> dict[str, Any]:
    layers = {
        path or "(whole)": {"class": kind.__name__, **_settings(dict(entries))}
        for path, kind, *entries in layers_signature(model)
    }
    parameters = {
        path: {"shape": list(p.shape), "trainable": p.trainable, "decay": p.decay}
        for path, p in model.parameters().items()
    }
    return {"layers": layers, "parameters": parameters}


def _settings(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: described(value) for name, value in attributes.items() if name not in OWN}


def described(value: Any) -> Any:
    """A setting as plain JSON: functions by their names, objects by their classes and what they hold."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case np.generic():
            return value.item()
        case np.ndarray():
            return fingerprint(value)
        case Options():
            fields = [field.name for field in dataclasses.fields(value)]  # type: ignore[arg-type]
            held = {name: described(getattr(value, name)) for name in fields}
            return held | _called(value)
        case Mapping():
            return {str(name): described(entry) for name, entry in value.items()}
        case list() | tuple():
            return [described(entry) for entry in value]
    routine = inspect.isroutine(value)
    return {"function": value.__qualname__} if routine else {"class": type(value).__qualname__}


def _called(value: Options) -> dict[str, str]:
    """An optimizer's own options are compared one by one; a schedule goes back from its description by its name."""
    return {"class" if isinstance(value, Optimizer) else "name": type(value).__name__}


# ---- data


def of_data(run: Run, first: Examples) -> dict[str, Any]:
    """What the data of a run look like: of arrays all of them, of a stream its first batch."""
    if isinstance(run.data, Examples):
        training = {"data": _of_examples(run.data)}
    else:
        training = {"data's first batch": _of_examples(first, checksum=repeats(run.data))}
    return training | ({} if run.validation is None else {"validation": _of_examples(first_of_all(run.validation))})


def repeats(data: Any) -> bool:
    """Whether a stream gives the same batches when it is told which epoch it is, or always does."""
    return hasattr(data, "set_epoch") or isinstance(data, (list, tuple))


def _of_examples(found: Examples, *, checksum: bool = True) -> dict[str, str]:
    parts = {"x": found.x, "y": found.y, "weight": found.weight}
    return {name: fingerprint(part, checksum=checksum) for name, part in parts.items() if part is not None}


def fingerprint(array: Any, *, checksum: bool = True) -> str:
    """Shape, dtype and a quick checksum of an array: "(60000, 784) float32 8c736521"."""
    in_order: Any = np.ascontiguousarray(array)
    kind = f"{np.shape(array)} {in_order.dtype}"
    return f"{kind} {zlib.crc32(in_order):08x}" if checksum else kind


# ---- comparing


def expect_same(before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """ConfigurationError, with the first difference, unless the settings or data of a checkpoint are those of now."""
    for place, was, got in _differences(before, now, ()):
        raise ConfigurationError(
            f"resume: {' '.join(place)} was {_short(was)} in the fit that the checkpoint is of, and now is "
            f"{_short(got)}. Give what was given then, or choose another folder for a new fit."
        )


def _differences(before: Any, now: Any, place: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any, Any]]:
    if not (isinstance(before, Mapping) and isinstance(now, Mapping)):
        if before != now:
            yield place, before, now
        return
    for name in _names(before, now):
        yield from _differences(before.get(name), now.get(name), (*place, name))


def _names(before: Iterable[str], now: Iterable[str]) -> list[str]:
    return list(dict.fromkeys([*before, *now]))


def _short(value: Any) -> str:
    if value is None:
        return "left out"
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."
