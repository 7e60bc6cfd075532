"""What a run asks of what keeps its checkpoints, answered for a run that has none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from madi.training.data import Examples

if TYPE_CHECKING:
    from madi.training.run import Run


class NoKeeping:
    """Of a run without checkpoints: nothing happens."""

    engine: str | None = None
    finished = False

    @contextmanager
    def opened(self, run: Run) -> Iterator[None]:
        """Within the block the folder belongs to the run."""
        yield

    def begin(self, run: Run, first: Examples) -> None:
        """The run has its engine, its data and its settings; `first` are examples of the data."""

    def weights(self, state: Any, frozen: Any) -> tuple[Any, Any]:
        """(state, frozen parameters) to begin with, in place of those given."""
        return state, frozen

    def take_up(self, run: Run) -> None:
        """Callbacks have begun; those of the checkpoint go on."""

    def between(self, run: Run) -> None:
        """The engine has ended a call."""

    def interrupted(self, run: Run) -> None:
        """A signal ends the run here."""

    def end(self, run: Run) -> None:
        """The run has ended in order."""
