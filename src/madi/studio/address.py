"""The state of a page in its address, so that a link opens the page as it was."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

LONGEST = 4000  # characters of a value: an address has room for little more

# Of every page: these go with whoever follows a link.
KEPT = ("lang", "theme")


class Address:
    """The path of a page and what its query says, as text; what changes is written into the browser's address.

    path     "/step"
    values   the query: {"network": "xor", "node": "3"}
    """

    def __init__(self, path: str, values: Mapping[str, str]) -> None:
        self.path = path
        self.values = {name: value[:LONGEST] for name, value in values.items()}

    def text(self, name: str, default: str = "") -> str:
        """The value called `name`."""
        return self.values.get(name, default)

    def number(self, name: str, default: int, *, least: int = 0, most: int = 10**9) -> int:
        """The value called `name` as a whole number within its limits; the default where it is none."""
        text = self.values.get(name, "")
        return min(max(int(text), least), most) if text.isdecimal() and len(text) < 12 else default

    def choice(self, name: str, known: Any, default: str) -> str:
        """The value called `name` where it is one of the known ones, else the default."""
        value = self.values.get(name, default)
        return value if value in known else default

    def set(self, **values: Any) -> None:
        """Change values (None: take one out) here and in the browser's address; nothing is loaded anew."""
        from nicegui import ui

        changed = {name: str(value) for name, value in values.items() if value is not None}
        kept = {name: value for name, value in self.values.items() if name not in values}
        if {**kept, **changed} != self.values:
            self.values = {**kept, **changed}
            ui.navigate.history.replace(self.link(self.path, **self.values))

    def link(self, path: str, **values: Any) -> str:
        """The address of `path` with these values, in the language and theme of this page."""
        kept = {name: self.values[name] for name in KEPT if name in self.values}
        query = urlencode({**kept, **{name: value for name, value in values.items() if value is not None}})
        return f"{path}?{query}" if query else path
