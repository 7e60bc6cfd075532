"""The texts of the page "draw"."""

from __future__ import annotations

TEXTS: dict[str, tuple[str, str]] = {}
