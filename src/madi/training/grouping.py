"""Batches in groups, each of which ends in one update: the bookkeeping of gradient accumulation."""

from __future__ import annotations

from typing import Any

import numpy as np


class Groups:
    """The batches of an epoch in groups of `size`; the last group of an epoch may be smaller.

    place    of the next batch in its group, from 0
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.begin()

    def begin(self) -> None:
        """An epoch begins, and with it a group."""
        self.place = 0
        self._rest: np.ndarray | None = None  # the reports of a group that has not ended yet, added up

    def places(self, count: int) -> np.ndarray:
        """For each of the next `count` batches its place, counted on over group after group."""
        return self.place + np.arange(count)

    def ends(self, count: int, capacity: int, *, closes: bool) -> np.ndarray | None:
        """For each of `capacity` batches, `count` of them real, whether an update follows on it; None: on every one.

        closes    whether the last real one is the last of the epoch
        """
        if self.size == 1:
            return None
        ends = self.places(capacity) % self.size == self.size - 1
        ends[count - 1] |= closes
        return ends

    def by_update(self, reports: np.ndarray, ends: np.ndarray | None) -> np.ndarray:
        """Reports of the next batches added up to those of the updates that they end in."""
        if ends is None:
            return reports
        taken = ends[: len(reports)]
        self.place = (self.place + len(reports)) % self.size if not taken[-1:].any() else 0
        parts = np.split(reports.astype(np.float64), np.flatnonzero(taken) + 1)
        if self._rest is not None:  # the first summand, so that a group is added up in one order however it is cut
            parts[0] = np.concatenate([self._rest[None], parts[0]])
        sums = [part.sum(axis=0) for part in parts]
        self._rest = sums.pop()
        return np.array(sums).reshape(-1, reports.shape[1])

    def state(self) -> dict[str, Any]:
        """Where the books stand, as plain numbers and arrays."""
        return {"place": self.place, "rest": self._rest}

    def restore_state(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        self.place, self._rest = int(state["place"]), state["rest"]
