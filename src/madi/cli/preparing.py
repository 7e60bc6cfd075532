"""How the commands tell of reading data, and of what becomes of raw examples."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from madi.cli.console import counted, say, show, table
from madi.config import TrainConfig
from madi.runs.sources import PICTURES, Progress, kind_of

if TYPE_CHECKING:
    from madi.datasets import Preparation

MOST_ROWS = 24  # columns of a table that are told


def show_preparation(preparation: Preparation) -> None:
    """What becomes of raw examples: of a table a line for each column, of many the first and the last."""
    rows = preparation.describe()
    if left := max(0, len(rows) - MOST_ROWS):
        rows = [*rows[: MOST_ROWS // 2], (f"... {left} more", "", ""), *rows[-MOST_ROWS // 2 :]]
    show(table(["of", "kind", "as"], rows))
    say()


def reading(config: TrainConfig, watched: bool) -> AbstractContextManager[Progress | None]:
    """Within the block a watched terminal shows how far pictures are read, which takes a while."""
    return counted("reading pictures", watched and kind_of(config.dataset) == PICTURES)
