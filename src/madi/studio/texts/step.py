"""The texts of the page "step"."""

from __future__ import annotations

TEXTS: dict[str, tuple[str, str]] = {}
