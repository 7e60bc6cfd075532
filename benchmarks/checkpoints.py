"""Checkpoints: what one costs beside an epoch of deep_convnet, and what they cost a fit.

    python benchmarks/checkpoints.py                 all of MNIST, five rounds
    python benchmarks/checkpoints.py --examples 2000 --epochs 2 --rounds 1

The network is deep_convnet with Adam, batch 100, on both cores.  Writing: the time of one checkpoint at the end of the
fit (weights, Adam's two moments, history; checksum, flush and rename included) as a share of the time of an epoch.
Fits: with a checkpoint every ten seconds against without, in turn within one process; the checks of data and settings
that the first does at its beginning are in its time.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from unittest import mock

import common

import madi
from madi.training import Checkpoints
from madi.training.checkpoints.keeping import Keeping


def trainer():
    """deep_convnet, compiled."""
    model = madi.models.deep_convnet()
    return madi.Trainer(model, optimizer=madi.optimizers.Adam(1e-3), metrics=["accuracy"], engine="jax")


def fit(own, data, epochs, folder=None, every=10.0):
    """Seconds of a fit from the first weights."""
    own.reset()
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)
    kept = None if folder is None else Checkpoints(folder, every=every)
    return common.timed(lambda: own.fit(data, epochs=epochs, batch_size=100, checkpoints=kept, verbose=0))[0]


def cost_of_one(own, data, epochs, folder):
    """(seconds of each checkpoint of a fit that writes one after each call, bytes of the last)."""
    taken, write = [], Keeping._write

    def timed(*arguments, **options):
        began = time.perf_counter()
        write(*arguments, **options)
        taken.append(time.perf_counter() - began)

    with mock.patch.object(Keeping, "_write", timed):
        fit(own, data, epochs, folder, every=0)
    return taken, max(path.stat().st_size for path in folder.glob("*.safetensors"))


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--examples", type=int, default=60_000)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="on the disk that is to be measured")
    given = parser.parse_args()
    train = madi.datasets.load("mnist").train
    data = (train.x[: given.examples], train.y[: given.examples])
    own = trainer()
    with tempfile.TemporaryDirectory(dir=given.folder) as scratch:
        folder = Path(scratch) / "checkpoints"
        fit(own, data, 1)  # compiles
        times = {"without": [], "every 10 s": []}
        for _ in range(given.rounds):
            times["without"].append(fit(own, data, given.epochs))
            times["every 10 s"].append(fit(own, data, given.epochs, folder))
        taken, size = cost_of_one(own, data, given.epochs, folder)
    epoch = statistics.median(times["without"]) / given.epochs
    middle = statistics.median(taken)
    print(f"{common.machine()}; deep_convnet, Adam, {len(data[0])} examples, {given.epochs} epochs")
    print(f"an epoch                  {epoch:10.3f} s")
    print(f"a checkpoint              {1e3 * middle:10.1f} ms, {100 * middle / epoch:.2f} % of an epoch; "
          f"the longest of {len(taken)} {1e3 * max(taken):.1f} ms; {size / 1e6:.2f} MB")  # fmt: skip
    ratios = [b / a for a, b in zip(times["without"], times["every 10 s"], strict=True)]
    print(f"a fit, without            {statistics.median(times['without']):10.3f} s")
    print(f"a fit, every 10 s         {statistics.median(times['every 10 s']):10.3f} s, "
          f"{statistics.median(ratios):.4f} times as long ({min(ratios):.3f}-{max(ratios):.3f} by round)")  # fmt: skip


if __name__ == "__main__":
    main()
