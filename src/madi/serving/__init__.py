"""Trained models behind the Open Inference Protocol, for programs that ask over HTTP."""

from __future__ import annotations

from madi.serving.program import Settings, run
from madi.serving.sources import Source, sources

__all__ = ["Settings", "Source", "run", "sources"]
