"""Augmentation: images changed at random, anew in every step, inside the compiled training step.

An augmentation is any pure function of (images, key).  Those here are frozen dataclasses of options; a text names one
with its options in their order, so that a file or a command line can: "crop:4", "flip", "scaling:0.9:1.1".

    augment = compose("crop:4,flip")
    augment = compose([RandomCrop(4), RandomFlip(), mine])
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from madi import options
from madi.errors import ConfigurationError
from madi.graph import Array
from madi.kernels.random import fold_in
from madi.training.augmentation.base import Augment, Augmentation
from madi.training.augmentation.rules import (
    ElasticDistortion,
    RandomCrop,
    RandomErasing,
    RandomFlip,
    RandomRotation,
    RandomScaling,
    RandomShift,
)
from madi.training.augmentation.sampling import held_apart

AUGMENTATIONS: dict[str, type[Augmentation]] = {
    kind.name: kind
    for kind in (RandomShift, RandomCrop, RandomFlip, RandomRotation, RandomScaling, RandomErasing, ElasticDistortion)
}


@dataclass(frozen=True)
class Augmentations:
    """Augmentations one after the other, each with a key of its own: `fold_in(key, its place)`."""

    steps: tuple[Augment, ...]

    def __call__(self, x: Array, key: Any) -> Array:
        """The images (N, H, W, C), augmented by each in turn."""
        for place, augment in enumerate(self.steps):
            x = augment(held_apart(x) if place else x, fold_in(key, place))
        return x


def compose(augmentations: str | Augment | Mapping[str, Any] | Iterable[Any]) -> Augmentations:
    """One augmentation of several: of a text such as "crop:4,flip", of one, or of several of what `get` takes."""
    if isinstance(augmentations, str):
        augmentations = [word for word in augmentations.split(",") if word.strip()]
    if isinstance(augmentations, Mapping) or not isinstance(augmentations, Iterable):
        augmentations = [augmentations]
    return Augmentations(tuple(map(get, augmentations)))


def get(augmentation: str | Augment | Mapping[str, Any]) -> Augment:
    """An augmentation by its text ("crop:4"), its `to_config`, or a function of (images, key), which is left as it is.

    Raises UnknownNameError for a name that is none, ConfigurationError for options that the augmentation does not take.
    """
    if isinstance(augmentation, str):
        return _from_text(augmentation)
    if isinstance(augmentation, Mapping):
        found: Augmentation = options.from_config("augmentation", augmentation, AUGMENTATIONS)
        return found
    if isinstance(augmentation, type) or not callable(augmentation):
        got = f"the class {augmentation.__name__}" if isinstance(augmentation, type) else repr(augmentation)
        raise ConfigurationError(
            f"augmentation: expected a text such as 'crop:4', or a function of (images, key), got {got}."
        )
    return augmentation


def _from_text(text: str) -> Augmentation:
    """The augmentation of "name:option:option", its options in the order of its fields."""
    name, *words = (word.strip() for word in text.split(":"))
    kind = options.lookup("augmentation", name, AUGMENTATIONS)
    fields = dataclasses.fields(kind)
    names = ", ".join(field.name for field in fields)
    if len(words) > len(fields):
        raise _misfit(text, kind, f"takes at most {len(fields)} ({names})", words)
    required = sum(field.default is dataclasses.MISSING for field in fields)
    if len(words) < required:
        raise _misfit(text, kind, f"needs at least {required} of its options ({names})", words)
    return kind(**{field.name: _value(word) for field, word in zip(fields, words, strict=False)})


def _misfit(text: str, kind: type[Augmentation], wanted: str, words: list[str]) -> ConfigurationError:
    return ConfigurationError(
        f"augmentation '{text.strip()}': {kind.name} {wanted}, got {len(words)}. Example: {kind.example}."
    )


def _value(word: str) -> int | float | str:
    """A number where the word is one; what is none stays text, and the option's own check refuses it."""
    for read in (int, float):
        try:
            return read(word)
        except ValueError:
            continue
    return word
