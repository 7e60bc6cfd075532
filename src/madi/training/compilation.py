"""The compilation cache: a program that was compiled once is loaded the next time.

It lies in the user's cache folder, for this user alone, in a folder of its own for each kind of processor, number of
cores and versions.  JAX's own settings are in force for the length of one compilation and then put back; where the user
has set a cache of their own, that one is used.
"""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SETTINGS = {
    "jax_persistent_cache_min_compile_time_secs": 0.0,  # short compilations are kept too
    "jax_persistent_cache_min_entry_size_bytes": -1,
}


def cache_folder() -> Path:
    """Where compiled programs lie: $MADI_CACHE, or madi in the user's cache folder."""
    if "MADI_CACHE" in os.environ:
        return Path(os.environ["MADI_CACHE"]) / "compiled"
    base = os.environ.get("XDG_CACHE_HOME") or (Path.home() / ".cache")
    return Path(base) / "madi" / "compiled"


@contextmanager
def cached_compilation() -> Iterator[None]:
    """Within the block JAX reads and writes madi's cache.  Without a folder to write to, it compiles as ever."""
    import jax
    from jax.experimental.compilation_cache import compilation_cache

    folder = None if jax.config.jax_compilation_cache_dir else _folder()  # type: ignore[attr-defined]
    if folder is None:
        yield
        return
    settings = {**SETTINGS, "jax_compilation_cache_dir": str(folder)}
    before = {name: getattr(jax.config, name) for name in settings}
    try:
        compilation_cache.reset_cache()
        for name, value in settings.items():
            jax.config.update(name, value)
        yield
    finally:
        for name, value in before.items():
            jax.config.update(name, value)
        compilation_cache.reset_cache()


def _folder() -> Path | None:
    try:
        folder = cache_folder() / _kind_of_machine()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
    except (OSError, RuntimeError):  # RuntimeError: there is no home
        return None
    return folder if os.access(folder, os.W_OK) else None


def _kind_of_machine() -> str:
    """A short name for what compiled code depends on: processor features, cores, versions."""
    import jax
    import jaxlib

    facts = (platform.machine(), processor_features(), str(os.cpu_count()), jax.__version__, jaxlib.__version__)
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()[:16]


def processor_features() -> str:
    """The features of the processor as the system lists them."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line for line in lines if line.startswith(("flags", "Features"))), platform.processor())
