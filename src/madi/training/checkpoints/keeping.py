"""A run and its checkpoints: when one is written, and how a run goes on from one.

A checkpoint is one tree, of plain values and arrays:

    about, environment           what the caller gave; where it ran
    settings, data, options      what must be the same for the same steps; what callbacks may have changed of it
    first_epoch, finished        where the fit began (epochs done before), and whether it has ended in order
    trainer                      epoch, step, history, why it stops
    tally                        how far the epoch has come, None between two
    callbacks                    what they keep
    weights                      {"state", "frozen"}; of a run that has ended {"model", "optimizer", "underneath"}
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from madi.errors import ConfigurationError, FileError
from madi.files import remove_unfinished
from madi.training.checkpoints import folder
from madi.training.checkpoints.choice import Checkpoints
from madi.training.checkpoints.content import (
    callback_states,
    ended,
    expect_arrays,
    expect_callbacks,
    going,
    restore_callbacks,
    restore_ended,
    restore_trainer,
)  # fmt: skip
from madi.training.checkpoints.environment import differences, environment
from madi.training.checkpoints.folder import Checkpoint
from madi.training.checkpoints.lock import FolderLock
from madi.training.checkpoints.no_keeping import NoKeeping
from madi.training.checkpoints.packing import pack
from madi.training.checkpoints.settings import expect_same, of_data, options, repeats, set_options, settings
from madi.training.data import Examples

if TYPE_CHECKING:
    from madi.training.run import Run

COST = 50  # times as long as writing a checkpoint took, before the next is written


class Keeping(NoKeeping):
    """Of a run with checkpoints.

    found   the checkpoint that the run goes on from
    """

    def __init__(self, chosen: Checkpoints, *, resume: bool) -> None:
        self.chosen, self.resume = chosen, resume
        self.path = chosen.path.absolute()  # wherever the program goes meanwhile
        self.lock = FolderLock(self.path)
        self.found: Checkpoint | None = None
        self.kept: list[Any] = []  # the files of this run, in order
        self.told = False

    # ---- taking up

    @contextmanager
    def opened(self, run: Run) -> Iterator[None]:
        """Within the block the folder belongs to the run.  See `FolderLock.take` for what it raises."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise FileError(
                f"checkpoints: cannot make the folder {self.path} ({error.strerror}). Choose another."
            ) from error
        self.lock.take()
        try:
            remove_unfinished(self.path)
            self.found = self._found(run)
            yield
        finally:
            self.lock.give_back()

    def _found(self, run: Run) -> Checkpoint | None:
        """The checkpoint to go on from.  One of a fit that has ended is replaced, where nobody asks for its result."""
        found = folder.newest(self.path)
        if found is None or (found.finished and not self.resume):
            return None
        if not self.resume:
            raise ConfigurationError(
                f"checkpoints: {self.path} holds those of a fit that has not ended, after epoch {found.epoch} of "
                f"{found.last_epoch}. Pass resume=True to go on from there, choose another folder, or remove them."
            )
        if found.finished and found.epoch <= run.trainer.epoch:
            raise ConfigurationError(
                f"checkpoints: {self.path} holds a fit that has ended, after epoch {found.epoch}, and the trainer is "
                "no longer before it. Give a further fit a folder of its own, or leave out resume to replace this one."
            )
        return found

    @property
    def engine(self) -> str | None:  # type: ignore[override]
        """The name of the engine that the checkpoint's run had."""
        return None if self.found is None else self.found.content["environment"]["engine"]

    @property
    def finished(self) -> bool:  # type: ignore[override]
        """Whether the checkpoint is of a fit that has ended: there is nothing left to train."""
        return self.found is not None and self.found.finished

    def begin(self, run: Run, first: Examples) -> None:
        """Hold the checkpoint against the run, and put into the trainer what it says of it.

        Raises ConfigurationError where settings, data or callbacks are others.
        """
        pack(callback_states(run.callbacks), "callbacks")  # what cannot be kept is told now
        self.environment, self.first_epoch = environment(run.engine.name), run.trainer.epoch
        self.settings, self.data = settings(run), of_data(run, first)
        self._wait(0.0)
        if self.found is not None:
            self._resume(run, self.found)
        if not self.lock.locked:
            run._say(f"this system cannot lock {self.path}: see to it yourself that no other trainer writes to it")

    def _resume(self, run: Run, found: Checkpoint) -> None:
        content = found.content
        now = options(run.trainer)
        if now == content["options"]:  # callbacks have changed them before a stop in this very process
            self.settings |= {name: content["settings"][name] for name in now}
        expect_same(content["settings"], self.settings)
        expect_same(content["data"], self.data)
        expect_callbacks(run.callbacks, content)
        self.first_epoch, self.kept = content["first_epoch"], [found.path]
        self._tell(run, found)
        if found.finished:
            restore_ended(run.trainer, content)
            restore_callbacks(run.callbacks, content)
        else:
            restore_trainer(run, content)

    def _tell(self, run: Run, found: Checkpoint) -> None:
        """What the user must know of going on."""
        notices = [f"{text} The checkpoint before it is taken." for text in found.damaged]
        others = differences(found.content["environment"], self.environment)
        if others and not found.finished:
            notices.append(
                f"resumed where {', '.join(others)}: the last bits may differ from those of a fit that was not stopped"
            )
        if not (found.finished or isinstance(run.data, Examples) or repeats(run.data)):
            notices.append(
                "resumed on a stream that cannot be told its epoch (set_epoch): the batches that were taken are "
                "passed over, and only if it gives the same ones again is this the fit that was not stopped"
            )
        found.content["trainer"]["history"]["notices"] += notices
        for text in [*notices, _place(found)]:
            run.trainer._progress.note(text)

    def weights(self, state: Any, frozen: Any) -> tuple[Any, Any]:
        """Those of the checkpoint, where there is one."""
        if self.found is None:
            return state, frozen
        kept = self.found.content["weights"]
        expect_arrays(self.found.path, {"state": state, "frozen": frozen}, kept)
        return kept["state"], kept["frozen"]

    def take_up(self, run: Run) -> None:
        """Callbacks go on from what they kept, and so do the options that they may have changed."""
        if self.found is not None:
            set_options(run.trainer, self.found.content["options"])
            restore_callbacks(run.callbacks, self.found.content)
            run.take_up()
            self.found = None  # its arrays are in use, or nobody's
        elif folder.paths(self.path):
            self._write(run, going(run), last=False)  # those of an earlier fit shall not be taken for this one's

    # ---- writing

    def between(self, run: Run) -> None:
        """Write one where it is time."""
        if time.monotonic() >= self.due:
            self._write(run, going(run), last=False)

    def interrupted(self, run: Run) -> None:
        """Write one."""
        self._write(run, going(run), last=True)

    def end(self, run: Run) -> None:
        """Write what the fit has come to."""
        self._write(run, ended(run), last=True)

    def _write(self, run: Run, content: dict[str, Any], *, last: bool) -> None:
        began = time.monotonic()
        path = self.path / folder.NAME.format(max(folder.paths(self.path), default=0) + 1)
        try:
            folder.write(path, {**self._about(run), **content})
        except FileError as error:
            self._complain(run, error, last=last)
        else:
            self.kept = [*self.kept, path][-folder.KEPT :]
            self._remove_others()
        self._wait(time.monotonic() - began)

    def _about(self, run: Run) -> dict[str, Any]:
        """What each checkpoint of the run says."""
        return {
            "about": self.chosen.about, "environment": self.environment, "settings": self.settings, "data": self.data,
            "options": options(run.trainer), "first_epoch": self.first_epoch,
        }  # fmt: skip

    def _remove_others(self) -> None:
        for path in folder.paths(self.path).values():
            if path not in self.kept:
                with contextlib.suppress(OSError):  # it is tried again after the next
                    path.unlink()

    def _wait(self, seconds: float) -> None:
        """Nothing is due for a while after a checkpoint that took so long."""
        self.due = time.monotonic() + (max(self.chosen.every, COST * seconds) if self.chosen.every else 0.0)

    def _complain(self, run: Run, error: FileError, *, last: bool) -> None:
        """Say it once while the fit goes on, and again when it ends without a checkpoint of its end."""
        cause = error.__cause__
        reason = getattr(cause, "strerror", None) or str(cause or error)
        held = f"the last one is {self.kept[-1].name}" if self.kept else "there is none yet"
        if last:
            run._say(f"the checkpoint of the end could not be written to {self.path} ({reason}); {held}")
        elif not self.told:
            run._say(f"no checkpoint could be written to {self.path} ({reason}); {held}, and the fit goes on")
        self.told = True


def _place(found: Checkpoint) -> str:
    if found.finished:
        return f"this fit has ended already: {found.path} holds what it came to after epoch {found.epoch}"
    return f"resumed from {found.path}, after {found.epoch} of {found.last_epoch} epochs"


def keeping_of(chosen: Checkpoints | None, *, resume: bool) -> NoKeeping:
    """What keeps the checkpoints of a run, or keeps none."""
    return NoKeeping() if chosen is None else Keeping(chosen, resume=resume)
