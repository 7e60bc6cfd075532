"""Checkpoints: a fit that was stopped, killed or cut off from power goes on to the same bits.

    trainer.fit(data, epochs=20, checkpoints="runs/flower/checkpoints", resume=True)

Without checkpoints in the folder this is an ordinary fit; with some it goes on where the newest whole one stands.  The
same model, optimizer, loss, data and arguments must be given.  On a CPU, with the same versions and as many cores, the
weights, the optimizer's state and the history then have the very bits of a fit that was never stopped, times apart;
where one of these is another, the fit goes on and says so in its history.
"""

# ruff: noqa: F401 (this module is the list of what it offers)
from __future__ import annotations

from madi.training.checkpoints.choice import Checkpoints, as_checkpoints
from madi.training.checkpoints.folder import Checkpoint, clear, newest
from madi.training.checkpoints.keeping import Keeping, keeping_of
from madi.training.checkpoints.no_keeping import NoKeeping
