"""A run of `madi train`: what is told of it, and asked of it by signals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from madi.cli.console import notice, say, show, table
from madi.cli.preparing import reading, show_preparation
from madi.config import TrainConfig
from madi.runs import job as runs
from madi.runs.folder import RunFolder

if TYPE_CHECKING:
    from madi.datasets import Preparation
    from madi.layers import Layer


def job_of(config: TrainConfig, *, watched: bool = False) -> Job:
    """The job of a configuration: of one network, or of several."""
    from madi.cli.members import Members

    return (Job if config.members == 1 else Members).watched(config, watched)


@dataclass
class Job(runs.Job):
    """A job that is told of on the terminal."""

    @classmethod
    def watched(cls, config: TrainConfig, watched: bool = False) -> Self:
        """As `of`; where a terminal watches, it shows how far the data are read."""
        with reading(config, watched) as progress:
            return cls.of(config, progress=progress)

    def fit(self, quiet: bool) -> None:
        """Train; a second Ctrl-C ends it at once."""
        from madi.training.interrupt import immediate_second_interrupt

        with immediate_second_interrupt():
            super().fit(quiet)

    def report(self, measured: dict[str, Any]) -> None:
        """What is told besides: how far predictions are off."""
        say_how_far_off(self.trainer.model, self.data.preparation, self.parts.get("test"), "the test examples")

    def introduce(self) -> None:
        """Say what is about to be trained on what."""
        from madi.runs.building import describe

        config = self.config
        if self.data.preparation is not None:
            show_preparation(self.data.preparation)
        say(describe(self.trainer.model, self.data, self.parts, config.model))
        if config.members > 1:
            say(
                f"members  {config.members} such networks, of seeds {config.seed} to {config.seed + config.members - 1}"
            )
        if self.data.notice:
            notice(self.data.notice)

    def report_health(self) -> None:
        """What the doctor says, where one was called."""
        if self.doctor is not None:
            say()
            say(str(self.doctor.examine()))


def say_how_far_off(model: Layer, preparation: Preparation | None, examples: Any, named: str) -> None:
    """How far predictions of numbers are off for `examples`, (x, y), in the units of what is predicted."""
    from madi.training import predict

    if preparation is None or preparation.classes or not isinstance(examples, tuple) or not len(examples[0]):
        return
    x, y = examples
    off = np.abs(preparation.restore(predict(model, x)) - preparation.restore(y)).mean(axis=0)
    for name, mean in zip(preparation.target, off, strict=True):
        say(f"{name} of {named} is predicted {mean:.4g} off on the average")


def finish(
    job: Job, folder: RunFolder, *, quiet: bool, broken_off: bool, beside: Sequence[str] = ()
) -> None:  # fmt: skip
    """Measure, unless the user is in a hurry; write; report, with the files that lie there besides."""
    found, files = job.write(folder, broken_off=broken_off)
    if quiet:
        say(str(folder.path))
        return
    if found:
        _report(job, {name: found[name] for name in job.parts})
        job.report(found)
    say(f"written to {folder.path}\n  {'  '.join([*files, *beside])}")


def _report(job: Job, measured: dict[str, dict[str, float]]) -> None:
    """Loss and metrics of each part of the data, and how long it took."""
    from madi.runs.building import count_of
    from madi.training.progress import duration, number

    names = list(measured["training"])
    rows = [
        [part, f"{count_of(job.parts[part]):,}", *(number(values[name]) for name in names)]
        for part, values in measured.items()
    ]
    say()
    show(table(["", "examples", *names], rows, numbers=["examples", *names]))
    say()
    epochs = len(job.trainer.history)
    say(f"{epochs} epoch{'s' * (epochs != 1)} in {duration(job.seconds, tenths=True)}")
