"""What madi says of a graph that it does not take."""

from __future__ import annotations

from madi.errors import MadiError


class Unsupported(MadiError, NotImplementedError):
    """An operator, type, attribute or graph that is not taken, by name; what else the file holds may be right."""
