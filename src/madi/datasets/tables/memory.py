"""Whether a table fits into the memory that there is."""

from __future__ import annotations

from pathlib import Path

from madi.datasets.memory import available as available_memory

GROWTH = 3.0  # bytes of frame and array that a byte of text becomes: "1.5," is 4 bytes, as float64 and float32 12
UNPACKING = 10.0  # bytes of text in a byte of gzip or xz, as a rule
COMPRESSED = (".gz", ".xz")


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
