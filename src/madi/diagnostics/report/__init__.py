"""The report on a trained network: one HTML page that opens offline, from an `Evidence`."""

# ruff: noqa: F401 (this module is the list of what the report offers)
from __future__ import annotations

from madi.diagnostics.report.evidence import Evidence
from madi.diagnostics.report.page import report_html, write_report
