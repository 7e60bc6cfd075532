"""SIGINT and SIGTERM: the first of each leaves a checkpoint, the second SIGINT ends at once."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from madi.training import Callback
from madi.training.checkpoints import newest
from madi.training.interrupt import Interrupts, immediate_second_interrupt

from ..common import points, trainer
from .common import FIT, assert_same_bits, fitted, often, plain, resumed

HELPERS = """
import sys, time
from madi.training.interrupt import Interrupts, immediate_second_interrupt

def compute():
    "A call that runs no Python code of this thread until it ends, as a compiled one."
    import hashlib
    print("computing", flush=True)
    hashlib.pbkdf2_hmac("sha256", b"", b"", 2**31 - 1)  # many minutes

def sleeping():
    print("computing", flush=True)
    time.sleep(1000)
"""


@pytest.fixture
def terminating():
    """SIGTERM ends the program in order, as the command line has it."""
    before = signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(143))
    yield
    signal.signal(signal.SIGTERM, before)


class Signalling(Callback):
    """Sends itself a signal in the middle of the second epoch, or at its end."""

    def __init__(self, number, *, within):
        self.number, self.within = number, within

    def on_epoch_begin(self, trainer, epoch):
        if epoch == 2 and self.within:
            os.kill(os.getpid(), self.number)

    def on_epoch_end(self, trainer, epoch, values):
        if epoch == 2 and not self.within:
            os.kill(os.getpid(), self.number)


@pytest.fixture(autouse=True)
def calls_of_one_step(monkeypatch):
    """So that a signal does not wait for the end of the epoch."""
    monkeypatch.setattr("madi.training.run.SECONDS_PER_CALL", 0)


@pytest.mark.parametrize("within", [True, False])
def test_the_first_sigint(within, tmp_path):
    own = plain()
    own.fit(points(24), checkpoints=often(tmp_path), callbacks=[Signalling(signal.SIGINT, within=within)], **FIT)
    assert own.interrupted
    assert own.history.notices == [f"interrupted in epoch {2 if within else 3}: the weights so far are kept"]
    assert own.step == (6 if within else 10)
    assert newest(tmp_path).content["trainer"]["step"] == own.step
    assert_same_bits(resumed(plain, tmp_path), fitted(plain))


@pytest.mark.usefixtures("terminating")
@pytest.mark.parametrize("within", [True, False])
def test_sigterm(within, tmp_path):
    own, after = plain(), []

    class Last(Callback):
        def on_fit_end(self, trainer):
            after.append(trainer.step)

    with pytest.raises(SystemExit) as ended:
        own.fit(
            points(24), checkpoints=often(tmp_path), callbacks=[Signalling(signal.SIGTERM, within=within), Last()],
            **FIT,
        )  # fmt: skip
    assert ended.value.code == 143
    assert own.interrupted
    assert after == [own.step] == [6 if within else 10]  # an orderly end, and then the program's
    assert_same_bits(resumed(plain, tmp_path), fitted(plain))


@pytest.mark.usefixtures("terminating")
def test_a_signal_in_the_last_call_leaves_a_fit_that_has_but_to_end(tmp_path):
    own = plain()
    with pytest.raises(SystemExit):
        own.fit(
            points(24), checkpoints=often(tmp_path), callbacks=[Signalling(signal.SIGTERM, within=False)],
            **FIT | {"epochs": 2},
        )  # fmt: skip
    assert not newest(tmp_path).finished
    assert_same_bits(resumed(plain, tmp_path, epochs=2), fitted(plain, epochs=2))
    assert newest(tmp_path).finished


def test_a_checkpoint_is_not_written_where_a_second_sigint_does_not_wait(tmp_path):
    class Twice(Callback):
        def on_epoch_end(self, trainer, epoch, values):
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        plain().fit(points(24), checkpoints=often(tmp_path), callbacks=[Twice()], **FIT)
    assert_same_bits(resumed(plain, tmp_path), fitted(plain))


@pytest.mark.usefixtures("terminating")
def test_a_second_sigterm_does_not_wait():
    seen = []
    with pytest.raises(SystemExit), Interrupts() as signals:  # noqa: PT012
        os.kill(os.getpid(), signal.SIGTERM)
        seen.append(signals.pending)
        os.kill(os.getpid(), signal.SIGTERM)
        seen.append("too late")
    assert seen == [True]


@pytest.mark.usefixtures("terminating")
def test_an_inner_block_hands_sigterm_on():
    """A fit within a callback of a fit: the inner one ends first, and nothing is lost."""
    seen = []
    with pytest.raises(SystemExit), Interrupts() as outer:  # noqa: PT012  (it ends with the block)
        with Interrupts() as inner:
            os.kill(os.getpid(), signal.SIGTERM)
            seen.append(inner.pending)
        seen.append(outer.pending)
    assert seen == [True, True]


# ---- a program's own


SECONDS = 120  # that anything may take on a busy machine, and less than the calls that are ended here


def run(body, *signals):
    """(exit code, what it said) of a program that is sent signals while it computes."""
    command = [sys.executable, "-c", HELPERS + body]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline() == "computing\n"
            for number in signals:
                time.sleep(0.3)
                process.send_signal(number)
                wait_until_taken(process.pid, number)
            out, err = process.communicate(timeout=SECONDS)
            return process.returncode, out + err
        finally:
            process.kill()


def wait_until_taken(process, number):
    """Signals are not counted: a second one that comes while the first still waits is lost."""
    status, until = Path(f"/proc/{process}/status"), time.monotonic() + SECONDS
    while status.exists() and time.monotonic() < until:
        waiting = [int(line.split()[1], 16) for line in status.read_text().splitlines() if "Pnd:" in line]
        if not any(mask >> (number - 1) & 1 for mask in waiting):
            return
        time.sleep(0.01)


def test_a_second_sigint_ends_even_a_call_that_python_cannot_interrupt():
    body = "with immediate_second_interrupt(), Interrupts():\n    compute()\n    print('ended')\n"
    assert run(body, signal.SIGINT, signal.SIGINT) == (130, "\nmadi: interrupted.\n")


def test_one_sigint_waits_for_the_call():
    body = (
        "with immediate_second_interrupt(), Interrupts() as signals:\n"
        "    print('computing', flush=True)\n    while not signals.pending:\n        time.sleep(0.01)\n"
        "    time.sleep(1.5)\n    print('ended')\n"
    )
    assert run(body, signal.SIGINT) == (0, "ended\n")


def test_a_main_thread_that_reacts_is_let_alone():
    """It gets its KeyboardInterrupt, and as long as it likes to clean up."""
    body = """
try:
    with immediate_second_interrupt(), Interrupts():
        try:
            sleeping()
        finally:
            time.sleep(1.5)
            print("cleaned up")
except KeyboardInterrupt:
    sys.exit(3)
"""
    assert run(body, signal.SIGINT, signal.SIGINT) == (3, "cleaned up\n")


def test_outside_of_a_fit_one_sigint_is_enough():
    body = (
        "try:\n    with immediate_second_interrupt():\n        sleeping()\nexcept KeyboardInterrupt:\n    sys.exit(4)\n"
    )
    assert run(body, signal.SIGINT)[0] == 4


def test_it_leaves_everything_as_it_was():
    threads = threading.active_count()
    with immediate_second_interrupt():
        assert signal.getsignal(signal.SIGINT) is not signal.default_int_handler
        with Interrupts() as signals:  # takes it for the ordinary one
            os.kill(os.getpid(), signal.SIGINT)
            assert signals.pending
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert signal.set_wakeup_fd(-1) == -1
    assert threading.active_count() == threads


def test_somebody_elses_handler_is_let_alone():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with immediate_second_interrupt():
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_compiled_call_is_ended_too():
    """One that takes many minutes, of XLA."""
    body = """
import jax, jax.numpy as jnp
from jax import lax
run = jax.jit(lambda x: lax.fori_loop(0, 2**30, lambda i, y: jnp.tanh(y @ y), x)).lower(jnp.ones((900, 900))).compile()
with immediate_second_interrupt(), Interrupts() as signals:
    print("computing", flush=True)
    with signals.holding():
        run(jnp.ones((900, 900))).block_until_ready()
"""
    assert run(body, signal.SIGINT, signal.SIGINT) == (130, "\nmadi: interrupted.\n")


def test_trainers_outside_the_main_thread_are_not_interrupted(tmp_path):
    own = trainer()
    thread = threading.Thread(target=lambda: own.fit(points(24), checkpoints=often(tmp_path), **FIT))
    thread.start()
    thread.join()
    assert not own.interrupted
    assert newest(tmp_path).finished
