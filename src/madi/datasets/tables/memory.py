"""How much memory there is, and whether a table fits into it."""

from __future__ import annotations

import os
from pathlib import Path

GROWTH = 3.0  # bytes of frame and array that a byte of text becomes: "1.5," is 4 bytes, as float64 and float32 12
UNPACKING = 10.0  # bytes of text in a byte of gzip or xz, as a rule
COMPRESSED = (".gz", ".xz")


def available_memory() -> int:
    """Bytes that this process can still take: what the system has, or the limit on its address space leaves."""
    left = _free()
    limit = _address_space()
    return left if limit is None else max(0, min(left, limit))


def too_large(path: str | Path) -> bool:
    """Whether the table in `path` had better be gone through in pieces: it would take more than half the memory.

    Judged by the size of the file, for Parquet by the sizes that it declares.  Raises FileError for a file that is
    missing or a Parquet file that is corrupt.
    """
    from madi.datasets.tables.parquet import read_footer
    from madi.datasets.tables.paths import is_parquet, table_path

    path = table_path(path)
    if is_parquet(path):
        return 1.5 * read_footer(path).memory > 0.5 * available_memory()
    unpacked = path.stat().st_size * (UNPACKING if path.suffix.lower() in COMPRESSED else 1)
    return GROWTH * unpacked > 0.5 * available_memory()


def readable_size(size: float) -> str:
    """
    >>> readable_size(3 << 30)
    '3.0 GiB'
    """
    for unit in ("bytes", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"


def _free() -> int:
    """Bytes that the system can give without swapping; where it does not say, half of what it has."""
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    except (ValueError, OSError, AttributeError):  # a system that does not tell
        return 4 << 30


def _address_space() -> int | None:
    """What the limit on the address space leaves, in bytes; None without a limit."""
    try:
        import resource

        limit, _ = resource.getrlimit(resource.RLIMIT_AS)
        if limit == resource.RLIM_INFINITY:
            return None
        return limit - int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    except (ImportError, OSError):
        return None
