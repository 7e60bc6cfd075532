"""Layer classes by name: a file names the classes of its layers, and only what is registered or given can be meant."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from madi.errors import ConfigurationError
from madi.layers.base import Layer

LayerClass = TypeVar("LayerClass", bound=type[Layer])

LAYERS: dict[str, type[Layer]] = {}


def register(layer: LayerClass) -> LayerClass:
    """Let files name this class of layers, so that `load` needs no `layers=` for it.  Usable as a decorator.

    A class that is not registered may have the name of one of madi's: `layers=` then says that it is meant.  Raises
    ConfigurationError where another class of that name is registered already.
    """
    _add(LAYERS, layer)
    return layer


def known_layers(given: Iterable[type[Layer]] = ()) -> dict[str, type[Layer]]:
    """The registered classes and the `given` ones, by name; a given one comes before madi's own of the same name."""
    named: dict[str, type[Layer]] = {}
    for layer in given:
        _add(named, layer)
    return {**LAYERS, **named}


def is_madis(layer: type[Layer]) -> bool:
    """Whether a class is madi's own."""
    return layer.__module__.startswith("madi.")


def _add(known: dict[str, type[Layer]], layer: type[Layer]) -> None:
    if not (isinstance(layer, type) and issubclass(layer, Layer)):
        raise ConfigurationError(f"layers: expected classes of layers, got {layer!r}. Give the class itself: [Mine].")
    other = known.get(layer.__name__, layer)
    # A class that was defined anew, as when a notebook's cell runs again, takes the place of the old one.
    if (other.__module__, other.__qualname__) != (layer.__module__, layer.__qualname__):
        raise ConfigurationError(
            f"Two classes of layers are called {layer.__name__}: {other.__module__}.{other.__qualname__} and "
            f"{layer.__module__}.{layer.__qualname__}. A file could not tell them apart: rename one."
        )
    known[layer.__name__] = layer
