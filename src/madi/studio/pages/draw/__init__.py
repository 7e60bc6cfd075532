"""The page "draw": a digit is drawn, and read by a network that can be looked into."""

from __future__ import annotations

from madi.studio.pages.draw.page import build

__all__ = ["build"]
