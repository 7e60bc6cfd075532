"""Checkpoints: where a fit keeps them, and how often."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from madi.errors import ConfigurationError
from madi.options import NON_NEGATIVE, expect_number


@dataclass(frozen=True)
class Checkpoints:
    """Where a fit keeps checkpoints, and how often; `Trainer.fit` takes it, or the folder alone.

    folder    made where it is not there; of one fit at a time
    every     seconds from one checkpoint to the next, at least.  They come more rarely where writing one takes longer
              than a fiftieth of that; 0: one after each call of the engine, whatever it costs
    about     plain JSON to be kept with each, such as a configuration

    A checkpoint is also written when the fit ends, and on SIGINT and SIGTERM.  The last two are kept.

    >>> Checkpoints("runs/flower", every=60).every
    60.0
    """

    folder: str | Path
    every: float = 10.0
    about: Any = None

    def __post_init__(self) -> None:
        every = expect_number("Checkpoints: every", self.every, NON_NEGATIVE, fix="Try 10, in seconds.")
        object.__setattr__(self, "every", every)
        if not isinstance(self.folder, (str, Path)) or not str(self.folder):
            raise ConfigurationError(
                f"checkpoints: expected a folder or madi.training.Checkpoints, got {self.folder!r}."
            )
        try:
            json.dumps(self.about, allow_nan=False)
        except (TypeError, ValueError, RecursionError) as error:
            raise ConfigurationError(f"Checkpoints: about must be plain JSON values: {error}.") from error

    @property
    def path(self) -> Path:
        """The folder."""
        return Path(self.folder).expanduser()


def as_checkpoints(given: Checkpoints | str | Path | None, *, resume: bool) -> Checkpoints | None:
    """Those of a fit, None for none.  Raises ConfigurationError for what is no folder, or nothing to resume from."""
    if given is None and resume:
        raise ConfigurationError("fit: resume=True needs the folder to go on from. Pass checkpoints=folder.")
    return given if given is None or isinstance(given, Checkpoints) else Checkpoints(given)
