"""Reading drawn digits: by which networks, what goes on within them, what in their examples is alike, what is kept."""

from __future__ import annotations
