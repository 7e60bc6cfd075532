"""A model's architecture as plain JSON, and back: classes by name, the arguments of their constructors, who holds whom.

    {"layers": [{"class", "arguments", "attributes", "members", "input_shape"}, ...],    inner ones first, model last
     "parameters": {path: {"trainable", "decay"}}, "tied": [[layer's path, name, path]], "states": [path]}

A layer is named by its place in the list, so that one that is used twice stays one.  Reading runs no code but the
constructors and `build` of classes that are registered or given.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from madi import initializers
from madi.errors import ConfigurationError, MadiError, UnknownNameError
from madi.graph import Parameter
from madi.layers.base import Layer
from madi.layers.calling import join
from madi.layers.registry import LAYERS, is_madis, known_layers
from madi.options import Options

Json = Any

# Option objects that may be arguments of a layer: their base class, and what reads their configuration.
OPTIONS: dict[str, tuple[type[Options], Callable[[Mapping[str, Any]], Any]]] = {
    "initializer": (initializers.Initializer, initializers.from_config),
}


# ---- writing


def architecture(model: Layer) -> dict[str, Json]:
    """The architecture of a built model.

    Raises ConfigurationError, with layer and argument, for what cannot be saved.
    """
    entries = _Entries()
    entries.place(model)
    parameters = model.parameters()
    flags = {path: {"trainable": p.trainable, "decay": p.decay} for path, p in parameters.items()}
    states = [path for path, value in model.state().items() if value is not None]
    written = {"layers": entries.entries, "parameters": flags, "tied": _tied(model, parameters), "states": states}
    _expect_readable(model, written)
    return written


class _Entries:
    """The list of layers, as it grows."""

    def __init__(self) -> None:
        self.entries: list[dict[str, Json]] = []
        self.places: dict[int, int] = {}

    def place(self, layer: Layer) -> int:
        """The layer's place in the list, after those of all that it holds."""
        if id(layer) not in self.places:
            entry = self.entry(layer)
            self.places[id(layer)] = len(self.entries)
            self.entries.append(entry)
        return self.places[id(layer)]

    def entry(self, layer: Layer) -> dict[str, Json]:
        arguments = {name: _live(layer, name, given) for name, given in layer.arguments.items()}
        return {
            "class": type(layer).__name__,
            **({"given": True} if _has_a_name_of_madis(type(layer)) else {}),
            "arguments": {name: self.plain(layer, name, value) for name, value in arguments.items()},
            "attributes": {name: self.plain(layer, name, value) for name, value in _changed(layer).items()},
            "members": {name: self.place(member) for name, member in layer.inner_layers()},
            "input_shape": None if layer.input_shape is None else list(layer.input_shape),
        }

    def plain(self, layer: Layer, name: str, value: Any) -> Json:
        """An argument as JSON; what JSON has no word for becomes a dictionary of one entry that says what it is."""
        match value:
            case None | bool() | int() | str():
                return value
            case float() | np.generic():
                return _number(value)
            case Layer():
                return {"layer": self.place(value)}
            case list():
                return [self.plain(layer, name, entry) for entry in value]
            case tuple():
                return {"tuple": [self.plain(layer, name, entry) for entry in value]}
            case dict() if all(isinstance(key, str) for key in value):
                return {"dict": {key: self.plain(layer, name, entry) for key, entry in value.items()}}
        return _option(layer, name, value)


def _has_a_name_of_madis(kind: type[Layer]) -> bool:
    """Whether a class that is not madi's is called as one that is: a file says so, and is read with the one given."""
    other = LAYERS.get(kind.__name__)
    return other is not None and is_madis(other) and not is_madis(kind)


def _number(value: Any) -> Json:
    plain = value.item() if isinstance(value, np.generic) else value
    return {"float": str(plain)} if isinstance(plain, float) and not math.isfinite(plain) else plain


def _option(layer: Layer, name: str, value: Any) -> Json:
    for kind, (base, from_config) in OPTIONS.items():
        if isinstance(value, base):
            config = value.to_config()
            try:
                if type(from_config(config)) is type(value):
                    return {kind: config}
            except MadiError:
                break
    raise ConfigurationError(
        f"{layer.label()}: the argument {name} is {value!r}, which cannot be saved. Arguments can be numbers, texts, "
        "lists, dictionaries, layers and madi's initializers: take a function by its name, for example."
    )


def _live(layer: Layer, name: str, given: Any) -> Any:
    """The argument as it was given, or the layers that have taken the place of those that were given."""
    live = vars(layer).get(name)
    return live if _holds_layers(given) and _holds_layers(live) else given


def _holds_layers(value: Any) -> bool:
    if isinstance(value, (list, tuple, dict)):
        return any(map(_holds_layers, value.values() if isinstance(value, dict) else value))
    return isinstance(value, Layer)


def _scalars(layer: Layer) -> dict[str, Any]:
    """Numbers and texts that the layer keeps under the name of an argument: they may have changed since."""
    live = vars(layer)
    kept = {name: live[name] for name in (*_arguments_of(type(layer)), *layer.numbers) if name in live}
    return {name: value for name, value in kept.items() if isinstance(value, (bool, int, float, str, np.generic))}


def _changed(layer: Layer) -> dict[str, Any]:
    """Those that are not what the constructor was given."""
    given = layer.arguments
    return {name: value for name, value in _scalars(layer).items() if name not in given or value != given[name]}


def _arguments_of(layer: type[Layer]) -> list[str]:
    return [name for name in inspect.signature(layer.__init__).parameters if name != "self"]


def _tied(model: Layer, parameters: Mapping[str, Parameter]) -> list[list[str]]:
    """[layer's path, name, path of the parameter] for each that stands in another layer too."""
    first = {id(parameter): path for path, parameter in parameters.items()}
    layers = {id(layer): path for path, layer in reversed(list(model.walk()))}
    found = []
    for path, layer in model.walk():
        for name, member in layer.members() if layers[id(layer)] == path else ():
            if isinstance(member, Parameter) and first[id(member)] != join(path, name):
                found.append([path, name, first[id(member)]])
    return found


def _expect_readable(model: Layer, written: dict[str, Json]) -> None:
    """Refuse to write what could not be read back."""
    classes = dict.fromkeys(type(layer) for _, layer in model.walk())
    read = skeleton(written, known_layers(classes))[-1]
    forms = [[(path, type(layer)) for path, layer in whole.walk()] for whole in (model, read)]
    if forms[0] != forms[1]:
        raise ConfigurationError(f"{model.label()} cannot be saved: its constructor makes other layers than it has.")


# ---- reading


def skeleton(written: Mapping[str, Json], classes: Mapping[str, type[Layer]]) -> list[Layer]:
    """The layers that were described, in the order of their list, the model last; not built yet.

    Raises UnknownNameError for a class that is not among `classes`, ConfigurationError for one that cannot be made.
    """
    made: list[Layer] = []
    for entry in written["layers"]:
        made.append(_made(entry, made, classes))
    made[-1].number_layers()
    return made


def _made(entry: Mapping[str, Json], made: list[Layer], classes: Mapping[str, type[Layer]]) -> Layer:
    name = entry["class"]
    if name not in classes or (entry.get("given") and is_madis(classes[name])):
        raise UnknownNameError(f"the layer {name} is not one of madi's. Give its class: load(path, layers=[{name}]).")
    layer = _constructed(classes[name], {key: _value(value, made) for key, value in entry["arguments"].items()})
    hold(layer, entry["members"], made)
    for key, value in entry["attributes"].items():
        if key in _scalars(layer):
            setattr(layer, key, _value(value, made))
    return layer


def _constructed(cls: type[Layer], arguments: dict[str, Any]) -> Layer:
    strangers = [name for name in arguments if name not in _arguments_of(cls)]
    if strangers:
        raise ConfigurationError(f"{cls.__name__}: its constructor takes no argument '{strangers[0]}'.")
    try:
        bound = inspect.signature(cls).bind_partial()
        bound.arguments.update({name: arguments[name] for name in _arguments_of(cls) if name in arguments})
        return cls(*bound.args, **bound.kwargs)
    except (TypeError, ValueError) as error:
        raise ConfigurationError(f"{cls.__name__}: its constructor refuses {arguments}: {error}") from error


def hold(layer: Layer, members: Mapping[str, int], made: list[Layer]) -> None:
    """Have the layer hold those of `made` that the file names, in place of those that its constructor made."""
    held = dict(layer.inner_layers())
    for name, place in members.items():
        member = _at(made, place)
        if name not in held and "." in name:
            raise ConfigurationError(f"{layer.label()}: its constructor does not make '{name}'. Make it in __init__.")
        if held.get(name) is not member:
            layer.put(name, member)
    if strangers := sorted(held.keys() - members.keys()):
        raise ConfigurationError(f"{layer.label()}: its constructor makes '{strangers[0]}', which the model had not.")


def _value(value: Json, made: list[Layer]) -> Any:
    if isinstance(value, list):
        return [_value(entry, made) for entry in value]
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    match kind:
        case "layer":
            return _at(made, content)
        case "float":
            return float(content)
        case "tuple":
            return tuple(_value(entry, made) for entry in content)
        case "dict":
            return {key: _value(entry, made) for key, entry in content.items()}
    return OPTIONS[kind][1](content)


def _at(made: list[Layer], place: int) -> Layer:
    if not 0 <= place < len(made):
        raise ValueError(f"layer {place} is not described before it is used")
    return made[place]
