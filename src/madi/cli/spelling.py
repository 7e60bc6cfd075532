"""How messages name what a Python caller gives as arguments: by the options of the command line."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

OTHER_NAMES = {"kinds": "types", "size": "image_size"}  # of the options for arguments of the loaders


def as_option(name: str, value: Any = None) -> str:
    """An argument as an option, with its value where one is advised: what `madi.errors.spelled` takes.

    >>> as_option("skip_bad", True), as_option("kinds", {"zip code": "category"}), as_option("size", (64, 64))
    ('--skip-bad', "--types 'zip code:category'", '--image-size 64,64')
    """
    option = f"--{OTHER_NAMES.get(name, name).replace('_', '-')}"
    if value is None or value is True:
        return option
    if isinstance(value, Mapping):
        return _once_each(option, [f"{key}:{entry}" for key, entry in value.items()])
    if isinstance(value, list):
        return _once_each(option, value)
    text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
    return _once_each(option, [text])


def _once_each(option: str, values: list[str]) -> str:
    return " ".join(f"{option} {shlex.quote(value)}" for value in values)
