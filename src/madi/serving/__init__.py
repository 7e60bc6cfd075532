"""Trained models behind the Open Inference Protocol, for programs that ask over HTTP."""

from __future__ import annotations

from madi.serving.program import Settings, at_work, run
from madi.serving.sources import Source, sources

__all__ = ["Settings", "Source", "at_work", "run", "sources"]
