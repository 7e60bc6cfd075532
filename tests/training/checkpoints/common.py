"""Fits that are broken off at a given checkpoint, and comparisons to the last bit."""

import numpy as np
import pytest

from madi.training import Checkpoints
from madi.training.checkpoints import Keeping

from ..common import points, trainer

FIT = {"batch_size": 5, "epochs": 4, "verbose": 0}


class Killed(BaseException):
    """As if the power had gone: nothing that could be done in time is done."""


def often(folder, **options):
    """A checkpoint after each call of the engine."""
    return Checkpoints(folder, every=0, **options)


def fitted(make, data=None, **options):
    """A trainer after a fit that nobody stopped, without checkpoints."""
    own = make()
    own.fit(points(24) if data is None else data, **FIT | options)
    return own


def killed(make, folder, count, data=None, **options):
    """A fit that ends right after its `count`-th checkpoint; whether it came so far."""
    write, written = Keeping._write, []

    def then_die(self, run, content, *, last):
        write(self, run, content, last=last)
        written.append(1)
        if len(written) == count:
            raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Keeping, "_write", then_die)
        try:
            make().fit(points(24) if data is None else data, checkpoints=often(folder), **FIT | options)
        except Killed:
            return True
    return False


def resumed(make, folder, data=None, **options):
    """A new trainer, that goes on to the end."""
    own = make()
    own.fit(points(24) if data is None else data, checkpoints=often(folder), resume=True, **FIT | options)
    return own


def without_seconds(history):
    """All that a history holds but times."""
    rows = [{name: value for name, value in row.items() if name != "seconds"} for row in history.epochs]
    return {"epochs": rows, "steps": history.steps, "notices": history.notices}


def leaves(tree, place=""):
    """{place: array} of a tree."""
    if not isinstance(tree, dict):
        return {place: np.asarray(tree)}
    return {name: array for key, entry in tree.items() for name, array in leaves(entry, f"{place}/{key}").items()}


def everything(own):
    """All that a later fit would go on from."""
    below = own._underneath
    found = {"optimizer": own._optimizer_state, "model": {**own._values(), **own._statistics()}}
    return leaves(found if below is None else found | {"below": below.values})


def assert_same_bits(found, expected):
    """Weights, statistics, averages, the optimizer's state and history of two trainers."""
    assert without_seconds(found.history) == without_seconds(expected.history)
    ours, theirs = everything(found), everything(expected)
    assert list(ours) == list(theirs)
    for name, array in theirs.items():
        assert ours[name].dtype == array.dtype
        assert ours[name].tobytes() == array.tobytes(), name
    assert (found.epoch, found.step) == (expected.epoch, expected.step)


def plain():
    """A trainer of a small network on NumPy."""
    return trainer()
