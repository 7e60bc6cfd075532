"""The weights of a bounded number of steps of a training, so that one can look back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any

MOST = 80  # frames
MOST_BYTES = 2**28  # of all weights that are kept


@dataclass(frozen=True)
class Frame:
    """A network as it was after a step.

    step, epoch   taken so far; whole epochs
    weights       by path, running statistics too
    """

    step: int
    epoch: int
    weights: Mapping[str, Any]


class Frames:
    """Frames in the order of their steps; the first and the last always stay.  Safe to ask from several threads.

    steps   of the whole training, as far as it is known: frames are spread evenly over them
    size    bytes of the weights of one
    """

    def __init__(self, steps: int, size: int) -> None:
        self.most = max(4, min(MOST, MOST_BYTES // max(size, 1)))
        self.stride = max(1, -(-steps // (self.most - 2)))
        self._frames: list[Frame] = []
        self._lock = Lock()

    def until_due(self, step: int, least: int = 1) -> int:
        """How many steps after `step`, and at least so many, a frame is due."""
        return -(-(step + max(least, 1)) // self.stride) * self.stride - step

    def is_due(self, step: int) -> bool:
        """Whether one should be kept of this step."""
        return step % self.stride == 0

    def add(self, frame: Frame) -> None:
        """Keep a frame of a later step; where there are too many, one goes whose neighbours are nearest."""
        with self._lock:
            if self._frames and self._frames[-1].step == frame.step:
                self._frames[-1] = frame
                return
            self._frames.append(frame)
            if len(self._frames) > self.most:
                steps = [kept.step for kept in self._frames]
                gaps = {place: steps[place + 1] - steps[place - 1] for place in range(1, len(steps) - 1)}
                del self._frames[min(gaps, key=gaps.__getitem__)]

    def steps(self) -> list[int]:
        """Of all frames."""
        with self._lock:
            return [frame.step for frame in self._frames]

    def at(self, step: int | None) -> Frame | None:
        """The last frame up to that step; without a step, the last one.  None where there is none yet."""
        with self._lock:
            known = [frame for frame in self._frames if step is None or frame.step <= step]
            return known[-1] if known else None
