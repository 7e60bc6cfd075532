"""madi train --find-rate: a learning rate to begin with, and the figure that it was read from."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from madi.cli.console import notice, say
from madi.runs.folder import CONFIGURATION, RunFolder

if TYPE_CHECKING:
    from madi.cli.job import Job
    from madi.training import RateSearch


def report_rate(job: Job, folder: RunFolder, *, quiet: bool) -> None:
    """Search the rate, write the figure and the numbers into the folder, say what came out."""
    from madi.training import find_learning_rate

    began = time.perf_counter()
    search = find_learning_rate(
        job.trainer, job.parts["training"], batch_size=job.config.batch_size, accumulate=job.config.accumulate,
        verbose=0 if quiet else 1,
    )  # fmt: skip
    seconds = time.perf_counter() - began
    files = folder.write_rates(search)
    if quiet:
        say(str(folder.path))
        return
    _tell(search, seconds)
    say(f"\nwritten to {folder.path}\n  {'  '.join(files)}")
    again = f"--config {folder.file(CONFIGURATION)} --learning-rate {search.suggestion:.2g}"
    say(f"\nto train with it: madi train {again}")


def _tell(search: RateSearch, seconds: float) -> None:
    from madi.training.progress import duration

    first, last = search.rates[0], search.rates[-1]
    say(
        f"\n{len(search.rates)} steps with learning rates from {first:.2g} to {last:.2g} in "
        f"{duration(seconds, tenths=True)}: {search.ended}"
    )
    say(f"suggestion: {search.suggestion:.2g}, where the loss ends its fall")
    say(f"it falls fastest at {search.steepest:.2g}, and is lowest at {search.rates[search.lowest]:.2g}")
    if not search.conclusive:
        notice("The loss hardly fell, so that these rates mean little: look at the figure, and compare whole runs.")
