"""The texts of the page "runs"."""

from __future__ import annotations

TEXTS: dict[str, tuple[str, str]] = {}
