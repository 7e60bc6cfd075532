"""The page "runs": all runs of the folder, their curves together, their configurations side by side, their reports."""

from __future__ import annotations

from madi.studio.pages.runs.page import build
from madi.studio.pages.runs.report import routes

__all__ = ["build", "routes"]
