"""How far an epoch has come, and what its batches have measured so far."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from madi.training.grouping import Groups


class Tally:
    """The books of one epoch after another.

    open      whether an epoch has begun and not ended
    batches   that the epoch has taken
    updates   that followed on them
    totals    the sum of their reports, (1, entries)
    """

    def __init__(self, accumulate: int) -> None:
        self.groups = Groups(accumulate)
        self.open = False
        self.batches = self.updates = 0

    def begin(self, entries: int) -> None:
        """An epoch begins, in which a report has so many entries."""
        self.open, self.batches, self.updates = True, 0, 0
        self.totals = np.zeros((1, entries))
        self.groups.begin()
        self._before, self._began = 0.0, time.perf_counter()

    def add(self, reports: np.ndarray, ends: np.ndarray | None) -> np.ndarray:
        """Count some batches; the reports of the updates that they end in.

        Added up in the order of the steps, whatever the calls' lengths.
        """
        self.totals = np.concatenate([self.totals, reports.astype(np.float64)]).sum(axis=0, keepdims=True)
        updates = self.groups.by_update(reports, ends)
        self.batches += len(reports)
        self.updates += len(updates)
        return updates

    def seconds(self) -> float:
        """How long the epoch has taken, the time between a stop and going on left out."""
        return self._before + time.perf_counter() - self._began

    def leave_out(self, seconds: float) -> None:
        """So many seconds of the epoch were not spent on it."""
        self._before -= seconds

    def close(self) -> None:
        """The epoch has ended."""
        self.open = False

    def state(self) -> dict[str, Any] | None:
        """All of it as plain numbers and arrays; None between two epochs."""
        if not self.open:
            return None
        counts = {"batches": self.batches, "updates": self.updates, "seconds": self.seconds()}
        return {**counts, "totals": self.totals, "group": self.groups.state()}

    def restore_state(self, state: dict[str, Any]) -> None:
        """Go on within the epoch whose `state` it was."""
        self.begin(state["totals"].shape[1])
        self.batches, self.updates = int(state["batches"]), int(state["updates"])
        self.totals, self._before = state["totals"], float(state["seconds"])
        self.groups.restore_state(state["group"])
