"""What a studio works on: one folder of runs, and what goes on in it while pages come and go."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from madi.errors import FileError


@dataclass
class Workplace:
    """The chosen folder, which no path of a page leaves, and what outlives a page.

    folder    where runs are read and written
    kept      what pages keep for each other by name, such as trainings that go on
    """

    folder: Path
    kept: dict[str, Any] = field(default_factory=dict)

    def place(self, name: str) -> Path:
        """The path of `name` within the folder; FileError for one that would leave it, links followed."""
        root = self.folder.resolve()
        found = (root / name).resolve() if "\0" not in name and "\\" not in name else root.parent
        if found != root and root not in found.parents:
            raise FileError(f"'{name}' lies outside of the studio's folder. Choose something within it.")
        return found
