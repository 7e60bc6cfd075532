"""What a file says beside its graph: the names of the classes, the preparation, and whatever else was saved with it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from madi.errors import ConfigurationError, FileError

VERSION, CLASSES, PREPARATION, EXTRA = "madi.version", "madi.classes", "madi.preparation", "madi.extra"
FEATURES, OUTPUT = "features", "output"  # values of the graph: the prepared example, and the network's answer
_FORMS: dict[str, type] = {CLASSES: list, PREPARATION: dict, EXTRA: dict}  # what JSON makes of each


def metadata_of(extra: Mapping[str, Any], classes: Any) -> dict[str, str]:
    """The texts for what `madi.save` takes as `extra`, and the names of the classes."""
    plain = {name: value for name, value in extra.items() if name not in ("classes", "preparation")}
    known = {CLASSES: list(classes) if classes else None, PREPARATION: extra.get("preparation"), EXTRA: plain}
    try:
        return {name: json.dumps(value, ensure_ascii=False, allow_nan=False) for name, value in known.items() if value}
    except (TypeError, ValueError) as error:
        raise ConfigurationError(
            f"export: extra must be plain JSON values (numbers, texts, lists): {error}."
        ) from error


def extra_of(metadata: Mapping[str, str], where: str) -> dict[str, Any]:
    """What was given to the export as `extra`, and the classes, from a file's metadata; FileError for nonsense."""
    try:
        found = {name: json.loads(metadata[name]) for name in _FORMS if name in metadata}
        for name, value in found.items():
            _expect_form(name, value)
    except (ValueError, RecursionError) as error:
        raise FileError(f"{where}: corrupt: its metadata cannot be read ({error}). Export it anew.") from error
    known = {"classes": found.get(CLASSES), "preparation": found.get(PREPARATION)}
    return {**found.get(EXTRA, {}), **{name: value for name, value in known.items() if value is not None}}


def _expect_form(name: str, value: Any) -> None:
    """Raise ValueError unless a value is a list or a dictionary, as written, and classes are texts or numbers."""
    form = _FORMS[name]
    names = isinstance(value, list) and all(isinstance(entry, str | int) for entry in value)
    if not (names if form is list else isinstance(value, form)):
        raise ValueError(f"{name}: expected {'a list of names' if form is list else 'a dictionary'}")
