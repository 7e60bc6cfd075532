"""Trainings in threads of their own: a page that closes ends none, and every page sees the same."""

from __future__ import annotations

import atexit
import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from madi.config import TrainConfig
from madi.errors import ConfigurationError, MadiError
from madi.runs import job as runs
from madi.runs.folder import RunFolder, free_place
from madi.studio.training.frames import Frames
from madi.studio.training.looking import Look
from madi.studio.training.watching import Watcher
from madi.training import Callback

MOST_KEPT = 4  # trainings that have ended, with their frames
PATIENCE = 10.0  # seconds that the end of the program waits for a training to end in order

PREPARING, TRAINING, MEASURING = "preparing", "training", "measuring"
ENDED, STOPPED, FAILED = "ended", "stopped", "failed"
OPEN = (PREPARING, TRAINING, MEASURING)


@dataclass
class WatchedJob(runs.Job):
    """A job with a watcher among its callbacks."""

    watcher: Watcher | None = None

    def callbacks(self) -> list[Callback]:
        """The watcher comes last: it sees what the others leave."""
        return [*super().callbacks(), *([] if self.watcher is None else [self.watcher])]


class Training:
    """One training, from its configuration to the folder of its run.

    name      of the folder, and of the training in addresses
    asked     the fields of the page that it was asked for with
    status    PREPARING, TRAINING, MEASURING; then ENDED, STOPPED, FAILED
    error     what ended it, in words
    read      (pictures read, how many there are), while that takes a while
    """

    def __init__(
        self, config: TrainConfig, place: Path, asked: Mapping[str, str], *, paused: bool = False, slow: bool = False
    ) -> None:  # fmt: skip
        self.config, self.place, self.name, self.asked = config, place, place.name, dict(asked)
        self.status, self.error = PREPARING, ""
        self.read: tuple[int, int] | None = None
        self.measured: dict[str, Any] = {}
        self.job: WatchedJob | None = None
        self.look: Look | None = None
        self.watcher: Watcher | None = None
        self._paused, self._slow, self._ended = paused, slow, False
        self.thread = threading.Thread(target=self._run, name=f"madi-{self.name}", daemon=True)

    # ---- what a page may ask

    @property
    def is_open(self) -> bool:
        """Whether it goes on, or pauses."""
        return self.status in OPEN

    @property
    def paused(self) -> bool:
        """Whether it rests, or is about to."""
        return self.watcher.paused if self.watcher is not None else self._paused

    @property
    def slow(self) -> bool:
        """Whether it rests a moment after each frame."""
        return self.watcher.slow if self.watcher is not None else self._slow

    @property
    def steps(self) -> int:
        """Of the whole training; 0 before the data are read."""
        from madi.runs.building import count_of

        if self.job is None:
            return 0
        config, count = self.job.config, count_of(self.job.parts["training"])
        return -(-count // config.batch_size // config.accumulate) * config.epochs

    @property
    def steps_of_epoch(self) -> int:
        """Updates in an epoch."""
        return 0 if self.job is None else self.steps // max(self.job.config.epochs, 1)

    @property
    def resting(self) -> bool:
        """Whether it rests now."""
        return self.watcher is not None and self.watcher.resting

    @property
    def is_busy(self) -> bool:
        """Whether it trains as quickly as it can, and needs the machine."""
        return self.status == TRAINING and not self.paused and not self.slow

    @property
    def taken(self) -> int:
        """Steps so far."""
        return 0 if self.job is None else len(self.job.trainer.history.steps.get("loss", ()))

    def pause(self) -> None:
        """Rest after the steps in flight."""
        self._paused = True
        if self.watcher is not None:
            self.watcher.pause()

    def resume(self) -> None:
        """Go on."""
        self._paused = False
        if self.watcher is not None:
            self.watcher.resume()

    def step(self) -> None:
        """Take one step, and rest."""
        if self.watcher is not None:
            self.watcher.step()

    def set_slow(self, slow: bool) -> None:
        """Rest a moment after each frame, or no longer."""
        self._slow = slow
        if self.watcher is not None:
            self.watcher.set_slow(slow)

    def end(self) -> None:
        """End it after the steps in flight; what was learned is written."""
        self._ended = True
        if self.watcher is not None:
            self.watcher.end()

    # ---- in its thread

    def _run(self) -> None:
        folder = None
        try:
            folder = RunFolder.create(self.config, self.place)
            job = self._prepared(folder)
            self.status = TRAINING
            job.fit(quiet=True)
            self._finish(job, folder, broken_off=job.trainer.interrupted)
        except Exception as error:
            self._fail(error, folder)

    def _prepared(self, folder: RunFolder) -> WatchedJob:
        job = WatchedJob.of(self.config, progress=self._tell)
        job.folder = folder
        job.weights()
        folder.begin(job.config)
        size = sum(array.nbytes for array in job.trainer.snapshot().values())
        self.job, self.look = job, Look(job)
        job.watcher = Watcher(Frames(self.steps, size))
        job.watcher.paused, job.watcher.slow, job.watcher.ended = self._paused, self._slow, self._ended
        self.watcher = job.watcher
        return job

    def _tell(self, done: int, count: int) -> None:
        self.read = (done, count)
        if self._ended:
            raise ConfigurationError("ended before the training began.")

    def _finish(self, job: WatchedJob, folder: RunFolder, *, broken_off: bool) -> None:
        self.status = MEASURING
        job.seconds -= job.watcher.waited if job.watcher is not None else 0.0
        self.measured, _ = job.write(folder, broken_off=broken_off)
        self.status = STOPPED if broken_off else ENDED

    def _fail(self, error: Exception, folder: RunFolder | None) -> None:
        """Tell what the user can mend in its words, anything else in the log; what was learned is kept."""
        told = str(error) if isinstance(error, MadiError) else type(error).__name__
        self.error = told.replace(f"{self.place.parent.resolve()}/", "")
        if not isinstance(error, MadiError):
            logging.getLogger("madi").exception("a training failed")
        try:
            if folder is not None and self.job is not None and self.job.trainer.step:
                self.job.write(folder, broken_off=True)
            elif folder is not None:
                folder.give_up()
        except MadiError as another:
            self.error = f"{self.error} {another}"
        self.status = FAILED


class Trainings:
    """All trainings of a studio: one at a time, and the last few that have ended."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._kept: dict[str, Training] = {}
        self._lock = threading.Lock()
        atexit.register(self.end)

    def start(
        self, config: TrainConfig, asked: Mapping[str, str] | None = None, *, paused: bool = False, slow: bool = False
    ) -> Training:  # fmt: skip
        """Begin one, which pauses or goes slowly from the first step on.

        Raises ConfigurationError while another goes on.
        """
        with self._lock:
            if (current := self.current()) is not None:
                raise ConfigurationError(f"{current.name} is being trained. Stop it first, or wait for its end.")
            made = Training(config, free_place(config, self.folder), asked or {}, paused=paused, slow=slow)
            others = list(self._kept.items())[-(MOST_KEPT - 1) :]
            self._kept = {**dict(others), made.name: made}
            made.thread.start()
            return made

    def current(self) -> Training | None:
        """The one that goes on."""
        return next((each for each in self._kept.values() if each.is_open), None)

    def named(self, name: str) -> Training | None:
        """The one of that name, as long as it is kept."""
        return self._kept.get(name)

    def end(self) -> None:
        """End what goes on, so that its weights and checkpoint are written before the program ends."""
        current = self.current()
        if current is not None:
            current.end()
            current.thread.join(PATIENCE)
