"""The texts of the page "train"."""

from __future__ import annotations

TEXTS: dict[str, tuple[str, str]] = {}
