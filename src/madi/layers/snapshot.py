"""Snapshot: what a model consists of, kept so that a look tells whether it still does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import is_dataclass
from inspect import isroutine
from operator import is_
from types import ModuleType
from typing import Any

import numpy as np

from madi.graph import Parameter, Variable
from madi.kernels.arrays import is_jax
from madi.layers.base import Layer

ATOMS = (bool, int, float, complex, str, bytes, np.generic, np.dtype, type(None))
OPAQUE = (type, ModuleType)
APART = frozenset({"arguments", "classes", "_key", "_inference"})  # attributes that no equation reads


class Snapshot:
    """A model's parameters, statistics and hyperparameters, and all else that its equations read.

    parameters  every Parameter by path; their values are not part of the snapshot
    state       running statistics by path, the very arrays
    numbers     hyperparameters by path
    layers      how many there are
    built       whether the model was built
    key         hashable: two snapshots of equal keys compile to the same program of parameters, state and numbers

    To walk a model takes a hundred times as long as to look whether each attribute is still the very object it was, and
    that is all that `holds` does: attributes of every layer, entries of every list and dictionary, attributes of what
    else the layers hold.  Of NumPy arrays that are neither weights nor statistics it compares the bytes: a compiled
    program holds them as constants.
    """

    def __init__(self, model: Layer) -> None:
        self.parameters = model.parameters()
        self.state, self.numbers = model.state(), model.hyperparameters()
        self.built = model.input_shape is not None
        layers = [layer for _, layer in model.walk()]
        self.layers = len(layers)
        self._values = {id(member) for member in (*self.parameters.values(), *layers)}
        self._seen: dict[int, int] = {}
        self._objects: list[tuple[Any, type, tuple[Any, ...], tuple[Any, ...]]] = []
        self._dictionaries: list[tuple[dict[Any, Any], tuple[Any, ...], tuple[Any, ...]]] = []
        self._sequences: list[tuple[Any, tuple[Any, ...]]] = []
        self._variables: list[tuple[Variable, Any]] = []
        self._arrays: list[tuple[np.ndarray, Any]] = []
        self.key = self._form(model)

    @property
    def dtype(self) -> Any:
        """That of the first parameter now; float32 where there is none."""
        return next((parameter.dtype for parameter in self.parameters.values()), np.dtype(np.float32))

    def holds(self) -> bool:
        """Whether the model is made of the same as then; the arrays of parameters and state may hold other values."""
        for held, kind, names, values in self._objects:
            if type(held) is not kind or not _same(vars(held), names, values):
                return False
        return (
            all(_same(held, names, values) for held, names, values in self._dictionaries)
            and all(len(held) == len(values) and all(map(is_, held, values)) for held, values in self._sequences)
            and all(variable.value is value for variable, value in self._variables)
            and all(_content(array) == content for array, content in self._arrays)
        )

    def _form(self, value: Any) -> Any:
        """A hashable stand-in for a value; what can change on the way is noted."""
        if isinstance(value, ATOMS):
            return type(value), value
        if id(value) in self._seen:
            return "again", self._seen[id(value)]
        self._seen[id(value)] = len(self._seen)
        for kind, form in self._forms():
            if isinstance(value, kind):
                return form(value)
        opaque = isinstance(value, OPAQUE) or isroutine(value) or is_jax(value) or not hasattr(value, "__dict__")
        return _Same(value) if opaque else (_Same(value), self._attributes(value))

    def _forms(self) -> tuple[tuple[Any, Callable[[Any], Any]], ...]:
        return (
            (Variable, self._variable),
            (Layer, lambda layer: (type(layer), self._attributes(layer))),
            (dict, self._dictionary),
            ((list, tuple, set, frozenset), self._sequence),
            (np.ndarray, self._array),
        )

    def _variable(self, variable: Variable) -> Any:
        if id(variable) in self._values:
            return Parameter, self._seen[id(variable)]  # which one, should it stand in several places
        self._variables.append((variable, variable.value))
        return Variable, self._form(variable.value)

    def _attributes(self, held: Any) -> Any:
        own = vars(held)
        if not _frozen(held):
            self._objects.append((held, type(held), tuple(own), tuple(own.values())))
        values = {*held.states, *held.numbers} if id(held) in self._values else ()
        return tuple((name, self._form(own[name])) for name in own if name not in APART and name not in values)

    def _dictionary(self, held: dict[Any, Any]) -> Any:
        self._dictionaries.append((held, tuple(held), tuple(held.values())))
        return type(held), tuple((self._form(name), self._form(value)) for name, value in held.items())

    def _sequence(self, held: Any) -> Any:
        if not isinstance(held, (tuple, frozenset)):
            self._sequences.append((held, tuple(held)))
        return type(held), tuple(map(self._form, held))

    def _array(self, array: np.ndarray) -> Any:
        self._arrays.append((array, _content(array)))
        return _content(array)


class _Same:
    """Equal to the very same object alone."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.value is self.value

    def __hash__(self) -> int:
        return id(self.value)


def _same(held: dict[Any, Any], names: tuple[Any, ...], values: tuple[Any, ...]) -> bool:
    return tuple(held) == names and all(map(is_, held.values(), values))


def _frozen(held: Any) -> bool:
    """Whether it is a dataclass that lets no attribute be assigned, as initializers are."""
    return is_dataclass(held) and bool(getattr(held, "__dataclass_params__").frozen)  # noqa: B009


def _content(array: np.ndarray) -> Any:
    return array.shape, array.dtype, array.tobytes()
