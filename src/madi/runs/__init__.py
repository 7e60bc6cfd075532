"""Runs of a configuration: its examples, network and trainer, and the folder that is written of them.

What `madi train` and the studio have in common: neither prints, nor knows of the other.
"""

from __future__ import annotations
