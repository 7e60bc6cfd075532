"""Tables of one's own: CSV, TSV and Parquet, read whole or in pieces, and prepared for a network."""

from __future__ import annotations

from madi.datasets.tables.loading import load_table
from madi.datasets.tables.preparation import TablePreparation
from madi.datasets.tables.reading import open_table, read_table
from madi.datasets.tables.table import Table

__all__ = ["Table", "TablePreparation", "load_table", "open_table", "read_table"]
