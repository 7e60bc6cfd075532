"""What stands between a training and the pages: keeps frames, pauses, goes by single steps, ends."""

from __future__ import annotations

import threading
import time

from madi.studio.training.frames import Frame, Frames
from madi.training import Callback
from madi.training.trainer import Trainer

CALLS_A_SECOND = 4  # of the engine, at least: so long a pause may wait
FRAMES_A_SECOND = 10  # at most: each ends a call of the engine, and a call costs some milliseconds
SLOW = 0.15  # seconds that a slow training rests after each frame


class Watcher(Callback):
    """A callback that other threads steer.

    frames    the weights of some steps
    paused    whether it is to rest;  resting: whether it does
    slow      whether it rests a moment after each frame, so that one can follow
    waited    seconds that it has rested
    """

    def __init__(self, frames: Frames) -> None:
        self.frames = frames
        self.paused = self.resting = self.slow = self.ended = False
        self.waited = 0.0
        self._single = 0
        self._changed = threading.Condition()

    # ---- from other threads

    def pause(self) -> None:
        """Rest after the steps in flight."""
        self._tell(paused=True)

    def resume(self) -> None:
        """Go on."""
        self._tell(paused=False)

    def step(self) -> None:
        """Take one step, and rest again."""
        with self._changed:
            self._single += 1
            self.paused = True
            self._changed.notify_all()

    def end(self) -> None:
        """End the fit after the steps in flight, as Ctrl-C does."""
        self._tell(ended=True)

    def set_slow(self, slow: bool) -> None:
        """Rest a moment after each frame, or no longer."""
        self._tell(slow=slow)

    def _tell(self, **flags: bool) -> None:
        with self._changed:
            vars(self).update(flags)
            self._changed.notify_all()

    # ---- in the thread that trains

    def steps_at_once(self, trainer: Trainer, usual: int) -> int:
        """Up to the next frame that comes neither too soon nor too late; one where single steps are asked for."""
        if self.paused:
            return 1
        least = 1 if self.slow else usual // FRAMES_A_SECOND
        return max(1, min(usual // CALLS_A_SECOND, self.frames.until_due(trainer.step, least)))

    def on_fit_begin(self, trainer: Trainer) -> None:
        """Keep the first weights, and wait where it is to begin with a pause."""
        self._keep(trainer)
        self._rest(trainer)

    def on_steps_end(self, trainer: Trainer) -> None:
        """Keep a frame where one is due, and rest where that is asked for."""
        if self.frames.is_due(trainer.step):
            self._keep(trainer)
            if self.slow:
                self._wait(SLOW)
        self._rest(trainer)

    def on_fit_end(self, trainer: Trainer) -> None:
        """Keep the last weights."""
        self._keep(trainer)

    def _keep(self, trainer: Trainer) -> None:
        self.frames.add(Frame(trainer.step, trainer.epoch, trainer.snapshot()))

    def _rest(self, trainer: Trainer) -> None:
        if self.paused and not self._single and not self.ended:
            self._keep(trainer)
            self._wait(None)
        with self._changed:
            self._single = max(0, self._single - 1) if self.paused else 0
        if self.ended:
            trainer.interrupt()

    def _wait(self, seconds: float | None) -> None:
        """Rest for so long, or until it shall go on."""
        began = time.perf_counter()
        with self._changed:
            self.resting = seconds is None
            self._changed.wait_for(lambda: self.ended or (not self._waits(seconds)), seconds)
            self.resting = False
        self.waited += time.perf_counter() - began

    def _waits(self, seconds: float | None) -> bool:
        if seconds is not None:
            return self.slow and not self.paused
        return self.paused and not self._single
