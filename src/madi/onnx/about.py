"""What a file says beside its graph: the names of the classes, the preparation, and whatever else was saved with it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from madi.errors import ConfigurationError, FileError

VERSION, CLASSES, PREPARATION, EXTRA = "madi.version", "madi.classes", "madi.preparation", "madi.extra"


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
        found = {name: json.loads(metadata[name]) for name in (CLASSES, PREPARATION, EXTRA) if name in metadata}
        known = {"classes": found.get(CLASSES), "preparation": found.get(PREPARATION)}
        return {**dict(found.get(EXTRA, {})), **{name: value for name, value in known.items() if value is not None}}
    except (ValueError, TypeError, RecursionError) as error:
        raise FileError(f"{where}: corrupt: its metadata cannot be read ({error!r}). Export it anew.") from error
