"""What the last bits of a training depend on besides itself: versions, processor, cores, engine."""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Mapping
from typing import Any

import numpy as np

from madi.kernels import native
from madi.training.compilation import processor_features

WORDS = {
    "madi": "madi", "python": "Python", "numpy": "NumPy", "jax": "JAX", "jaxlib": "jaxlib",
    "processor": "the processor", "features": "the processor's features", "cores": "cores", "engine": "the engine",
    "kernels": "the compiled kernels", "device": "the device",
}  # fmt: skip


def environment(engine: str) -> dict[str, Any]:
    """Plain JSON that says where a training runs, on this engine ("jax" or "numpy")."""
    import jax
    import jaxlib

    found = {
        "madi": _version(), "python": platform.python_version(), "numpy": np.__version__,
        "jax": jax.__version__, "jaxlib": jaxlib.__version__,
        "processor": platform.machine(), "features": _digest(processor_features()), "cores": cores(), "engine": engine,
    }  # fmt: skip
    compiled = {"kernels": native.path(), "device": jax.default_backend()} if engine == "jax" else {}
    return found | compiled


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What is another, in words: "JAX was 0.10.1 and is 0.10.2"."""
    names = [name for name in WORDS if before.get(name) != now.get(name)]
    return [f"{WORDS[name]} was {before.get(name, 'none')} and is {now.get(name, 'none')}" for name in names]


def cores() -> int:
    """Those that this process may run on."""
    allowed = getattr(os, "sched_getaffinity", None)
    return (os.cpu_count() or 1) if allowed is None else len(allowed(0))


def _digest(text: str) -> str:
    """Processors list their features in any order."""
    return hashlib.sha256(" ".join(sorted(text.split())).encode()).hexdigest()[:12]


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("madi")
    except PackageNotFoundError:
        return "not installed"
