"""Diagnostics: statistics by layer while a network trains, and a doctor who says what is wrong."""

# ruff: noqa: F401 (this module is the list of what diagnostics offers)
from __future__ import annotations

from madi.diagnostics.doctor import Doctor, examine
from madi.diagnostics.findings import Diagnosis, Finding
from madi.diagnostics.statistics import LayerRow, LayerStatistics
