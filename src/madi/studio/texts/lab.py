"""The texts of the page "lab"."""

from __future__ import annotations

TEXTS: dict[str, tuple[str, str]] = {}
