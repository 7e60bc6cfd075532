"""Where and when a report was made, with which versions, and what it took."""

from __future__ import annotations

import datetime
import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version

ALWAYS = ("madi", "jax", "numpy")
WHERE_USED = {"polars": "polars", "PIL": "pillow", "sklearn": "scikit-learn"}  # module -> package


def versions() -> dict[str, str]:
    """Python's version, and those of madi and of the libraries that this process has loaded."""
    packages = [*ALWAYS, *(package for module, package in WHERE_USED.items() if module in sys.modules)]
    return {"Python": platform.python_version(), **{name: _version(name) for name in packages}}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed as a package"


def machine() -> str:
    """The kind of machine: "Linux x86_64, 2 cores, cpu"."""
    import jax

    device = jax.devices()[0].device_kind
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, {device}"


def now() -> str:
    """Date and time, with the offset from UTC."""
    return datetime.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %z")


def peak_memory() -> int | None:
    """The most memory that this process has held at once, in bytes; None where the system does not tell."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return held if sys.platform == "darwin" else held * 1024
