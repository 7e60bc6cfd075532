"""The studio: pages on this machine in which a network can be looked at, drawn for, trained and experimented with."""

from __future__ import annotations

from madi.studio.server import run

__all__ = ["run"]
