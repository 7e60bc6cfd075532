"""A program that trains with a checkpoint after each call, to be killed.

    python program.py FOLDER ENGINE [MOMENT]

It says "ready" before it begins and "done" when it has ended.  With a MOMENT it ends itself at that system call of the
writing of its fourth checkpoint, before the call or, for a write, in the middle of it; where there is no such call any
more it goes on to the end.
"""

import io
import os
import sys

import numpy as np

from madi import Trainer
from madi.layers import BatchNorm, Dense, Dropout, ReLU, Sequential
from madi.training import Checkpoints, EarlyStopping, run
from madi.training.checkpoints import folder

EPOCHS, COUNT = 6, 90
FOURTH = 4


def make(engine):
    """A trainer of which much is to be kept."""
    model = Sequential(Dense(16), BatchNorm(), ReLU(), Dropout(0.2), Dense(3))
    return Trainer(model, optimizer="adam", metrics=["accuracy"], average=0.95, engine=engine, seed=4)


def data():
    """Points of three classes."""
    x = np.random.default_rng(0).normal(size=(COUNT, 6)).astype(np.float32)
    return x, np.arange(COUNT) % 3


def train(engine, checkpoints=None, *, resume=False):
    """The trainer after its fit."""
    own = make(engine)
    own.fit(
        data(), validation=0.2, epochs=EPOCHS, batch_size=4, accumulate=2, callbacks=[EarlyStopping(patience=3)],
        verbose=0, checkpoints=checkpoints, resume=resume,
    )  # fmt: skip
    return own


class Fatal:
    """System calls of the writing of one checkpoint, counted; the process ends at one of them."""

    def __init__(self, moment):
        self.moment, self.count, self.armed = moment, 0, False

    def reached(self):
        """One more call: whether it is the one to end at."""
        self.count += self.armed
        return self.armed and self.count == self.moment

    def before(self, call):
        """The call, or the end before it."""

        def counted(*arguments, **options):
            if self.reached():
                os._exit(9)
            return call(*arguments, **options)

        return counted

    def opening(self, call):
        """Files whose writes are counted too."""

        def opened(*arguments, **options):
            file = self.before(call)(*arguments, **options)
            return self.writing(file) if self.armed else file

        return opened

    def writing(self, file):
        """The file; a fatal write leaves half of its bytes."""
        write = file.write

        def half(content):
            content = memoryview(content).cast("B")
            if self.reached():
                write(content[: len(content) // 2])
                file.flush()
                os._exit(9)
            return write(content)

        class Counted:
            def __getattr__(self, name):
                return half if name == "write" else getattr(file, name)

            def __enter__(self):
                return self

            def __exit__(self, *error):
                file.close()

        return Counted()

    def install(self):
        """Count from the fourth checkpoint on, until it is written and an old one removed."""
        from madi.training.checkpoints.keeping import Keeping

        for name in ("open", "fsync", "replace", "unlink"):
            setattr(os, name, self.before(getattr(os, name)))
        io.open = self.opening(io.open)
        write = Keeping._write

        def counted(keeping, *arguments, **options):
            self.armed = max(folder.paths(keeping.path), default=0) + 1 == FOURTH
            write(keeping, *arguments, **options)
            self.armed = False

        Keeping._write = counted


def main():
    """Train, or die."""
    where, engine, *moment = sys.argv[1:]
    run.SECONDS_PER_CALL = 0.0
    if moment:
        Fatal(int(moment[0])).install()
    print("ready", flush=True)
    train(engine, Checkpoints(where, every=0), resume=True)
    print("done", flush=True)


if __name__ == "__main__":
    main()
