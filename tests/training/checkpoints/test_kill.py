"""A program that is killed, at any moment and at any system call, goes on to the same bits."""

import functools
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from madi.errors import FileError
from madi.files import TEMPORARY
from madi.training.checkpoints import Checkpoints, newest

from . import program
from .common import assert_same_bits

KILLED, DIED = -9, 9


@functools.cache
def expected(engine):
    """The trainer that nobody stopped."""
    return program.train(engine)


def start(folder, engine, *moment):
    """The program, once it has begun to train."""
    arguments = [sys.executable, program.__file__, str(folder), engine, *map(str, moment)]
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    return process


def ended(process):
    """Its exit code."""
    process.communicate(timeout=120)
    return process.returncode


def assert_goes_on(folder, engine):
    """What lies in the folder is whole, and leads to the end."""
    found = program.train(engine, Checkpoints(folder, every=1000), resume=True)
    assert_same_bits(found, expected(engine))
    assert newest(folder).finished
    assert not list(Path(folder).glob(TEMPORARY))
    assert len(list(Path(folder).glob("*.safetensors"))) <= 2


def stands_at(folder):
    """The epochs that the newest checkpoint has behind it; 0 where it went away while it was looked at."""
    try:
        found = newest(folder)
    except FileError:
        return 0
    return 0 if found is None else found.epoch


def kill_after(epochs, seconds, folder, engine):
    """Where it stood so many seconds after these epochs: the epochs that were done, or None where it had ended."""
    process = start(folder, engine)
    while process.poll() is None and stands_at(folder) < epochs:
        time.sleep(0.002)  # by epochs, because what a busy machine takes for one is not known beforehand
    time.sleep(seconds)
    process.kill()
    if ended(process) != KILLED:
        return None
    found = newest(folder)
    return None if found is not None and found.finished else 0 if found is None else found.epoch


def duration(folder, engine):
    """Seconds that the program trains for."""
    process, began = start(folder, engine), time.monotonic()
    assert ended(process) == 0
    return time.monotonic() - began


def test_killed_once(tmp_path):
    for attempt in range(20):
        if kill_after(1, 0, tmp_path / str(attempt), "numpy") is not None:  # else it had ended before
            return assert_goes_on(tmp_path / str(attempt), "numpy")
    return pytest.fail("it always ended before it was killed")


@pytest.mark.long
@pytest.mark.parametrize(("engine", "times"), [("numpy", 20), ("jax", 10)])
def test_killed_at_random_moments(engine, times, tmp_path):
    duration(tmp_path / "cold", engine)  # which compiles
    length, choose, stood = duration(tmp_path / "whole", engine), random.Random(5), []
    while len(stood) < times:
        folder, epochs = tmp_path / str(len(stood)), choose.randrange(program.EPOCHS)
        epoch = kill_after(epochs, choose.uniform(0, length / program.EPOCHS), folder, engine)
        if epoch is None:  # it had ended before
            shutil.rmtree(folder)
            continue
        stood.append(epoch)
        assert_goes_on(folder, engine)
    assert len(set(stood)) >= 3, stood  # the moments were spread over the fit


def test_dies_at_one_system_call(tmp_path):
    assert ended(start(tmp_path, "numpy", 6)) == DIED
    assert len(list(tmp_path.glob(TEMPORARY))) == 1  # in the middle of a file
    assert_goes_on(tmp_path, "numpy")


@pytest.mark.long
def test_dies_at_every_system_call_of_a_checkpoint(tmp_path):
    codes, left = [], []
    while not codes or codes[-1] == DIED:
        folder = tmp_path / str(len(codes))
        codes.append(ended(start(folder, "numpy", len(codes) + 1)))
        left.append(len(list(folder.glob(TEMPORARY))))
        assert_goes_on(folder, "numpy")
    assert codes[-1] == 0
    assert len(codes) > 15  # open, a write for the header and each array, fsync, replace, open, fsync, unlink, unlink
    assert left[0] == left[-1] == 0
    assert 1 in left
