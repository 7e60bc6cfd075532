"""What is computed for the page Lab, and when: with answers that a test gives, and in real processes."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from madi.lab import experiment
from madi.studio.experiments import bench as benches
from madi.studio.experiments import laboratory as laboratories
from madi.studio.experiments.bench import Bench, State
from madi.studio.experiments.laboratory import Laboratory, order
from madi.studio.experiments.settings import Setting
from madi.studio.experiments.worker import Worker, answered
from tests.studio.conftest import SECONDS

PLANAR = Setting(experiment("planar"))
LONG = Setting(experiment("deep_mnist"), quick=False)


class Fake:
    """A laboratory that answers when it may, and tells what it was asked."""

    def __init__(self, *, waits: bool = False, **answer: Any) -> None:
        self.said, self.may_answer = answer, asyncio.Event()
        self.asked: list[Any] = []
        self.cancelled: list[Any] = []
        if not waits:
            self.may_answer.set()

    async def answer(self, setting: Setting) -> Any:
        steps = setting.values.get("steps", setting.values.get("epochs"))
        self.asked.append(steps)
        try:
            await self.may_answer.wait()
        except asyncio.CancelledError:
            self.cancelled.append(steps)
            raise
        return self.said or {"result": {"steps": steps}}

    def known(self, setting: Setting) -> bool:
        return False

    def stop(self, setting: Setting) -> None:
        self.cancelled.append("stopped")


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No clock gives anything up, but where a test is about that: a machine may be slow."""
    monkeypatch.setattr(benches, "PATIENCE", 3600.0)


def ran(play: Callable[[Bench], Awaitable[None]], laboratory: Any, setting: Setting = PLANAR) -> Bench:
    """A bench after a play in front of it."""

    async def run() -> Bench:
        made = Bench(laboratory, setting, lambda: None)
        made.start()
        async with asyncio.timeout(SECONDS):
            await play(made)
        made.close()
        await asyncio.sleep(0)
        return made

    return asyncio.run(run())


async def until(condition: Callable[[], Any]) -> None:
    while not condition():
        await asyncio.sleep(0.005)


async def settled(bench: Bench) -> None:
    await until(lambda: bench.state is not State.COMPUTING)


def test_the_newest_setting_counts_and_those_between_are_never_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benches, "LOOKED_AT", 0.0)

    async def play(bench: Bench) -> None:
        await until(lambda: laboratory.asked)
        for steps in (100, 200, 300):
            bench.go(PLANAR.turned("steps", steps))
        laboratory.may_answer.set()
        await settled(bench)

    laboratory = Fake(waits=True)
    bench = ran(play, laboratory)
    assert laboratory.asked == [3000, 300]
    assert not laboratory.cancelled
    assert bench.seen is not None
    assert bench.seen.result == {"steps": 300}
    assert [ghost.result["steps"] for ghost in bench.ghosts] == [3000]


def test_what_takes_long_is_given_up_for_something_newer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benches, "PATIENCE", 0.02)

    async def play(bench: Bench) -> None:
        await until(lambda: laboratory.asked)
        bench.go(PLANAR.turned("steps", 100))
        await until(lambda: laboratory.asked == [3000, 100])
        assert laboratory.cancelled == [3000]
        bench.cancel()
        assert bench.state is State.CANCELLED

    laboratory = Fake(waits=True)
    bench = ran(play, laboratory)
    assert laboratory.cancelled == [3000, 100]
    assert bench.setting.values["steps"] == 100
    assert bench.seen is None


def test_figures_that_were_looked_at_stay_as_ghosts_and_each_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benches, "LOOKED_AT", 0.0)

    async def play(bench: Bench) -> None:
        for steps in (10, 20, 10, *range(30, 100, 10)):
            bench.go(PLANAR.turned("steps", steps))
            await settled(bench)

    bench = ran(play, Fake())
    assert [ghost.result["steps"] for ghost in bench.ghosts] == [80, 70, 60, 50, 40, 30]
    monkeypatch.setattr(benches, "LOOKED_AT", 3600.0)
    assert ran(play, Fake()).ghosts == []


def test_hours_are_asked_for_and_a_yes_computes_anew() -> None:
    async def play(bench: Bench) -> None:
        await settled(bench)
        assert bench.state is State.ASKING
        bench.allow()
        await settled(bench)
        assert bench.state is State.REFUSED  # the fake refuses that too; the page says why
        bench.cancel()

    laboratory = Fake(refused="no recorded result")
    bench = ran(play, laboratory, LONG.turned("epochs", 3))
    assert bench.setting.anew
    assert laboratory.cancelled == ["stopped"]
    assert not bench.setting.turned("epochs", 4).anew


def test_a_fault_is_told_and_an_experiments_own_refusal() -> None:
    assert ran(settled, Fake(fault="MemoryError")).message == "MemoryError"
    bench = ran(settled, Fake(refused="Two layers do not fit."))
    assert bench.message == "Two layers do not fit."


def test_a_worker_answers_with_the_figure_the_claims_and_the_command() -> None:
    setting = Setting(experiment("gates")).turned("tried", 3)
    result = answered(order(setting))["result"]
    assert result["picture"].startswith("data:image/svg+xml;base64,")
    assert all(isinstance(claim, str) and isinstance(right, bool) for claim, right in result["claims"])
    assert result["command"] == "madi lab run gates --quick --tried 3"
    assert result["call"] == 'madi.lab.run("gates", quick=True, tried=3)'
    assert result["recorded"] is None
    assert result["numbers"]


def test_a_worker_shows_a_recorded_result_and_refuses_others() -> None:
    assert answered(order(LONG))["result"]["recorded"]
    refused = answered(order(LONG.turned("epochs", 3)))["refused"]
    assert "the recorded result has epochs = 20, got 3" in refused
    assert order(Setting(experiment("deep_mnist")))["anew"], "a quick run is computed"


def test_a_worker_computes_nothing_that_was_cancelled_before_it_began() -> None:
    told, heard, silent = io.StringIO(), threading.Event(), threading.Event()

    def lines() -> Iterator[str]:
        yield json.dumps({"id": 7, "experiment": "not even one", "values": {}})
        yield json.dumps({"cancel": 7})
        heard.set()
        silent.wait()  # for ever: a worker whose orders end, ends

    worker = Worker(lines(), told)  # type: ignore[arg-type]
    threading.Thread(target=worker._listen, daemon=True).start()
    assert heard.wait(SECONDS)
    worker._serve(worker.orders.get())
    assert json.loads(told.getvalue()) == {"id": 7, "cancelled": True}


def test_a_worker_tells_a_fault_without_its_details(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(**values: Any) -> Any:
        raise RuntimeError("/home/somebody/secret")

    made = experiment("gates")
    monkeypatch.setattr(made.module, "compute", fails)
    assert answered(order(Setting(made))) == {"fault": "RuntimeError"}
    assert "secret" in caplog.text


# A worker whose experiment planar does not end by itself, and that says when it has begun.
ENDLESS = """
import pathlib, sys, time
from madi.studio.experiments import worker

def answered(order):
    if order["experiment"] != "planar":
        return computed(order)
    pathlib.Path(sys.argv[1]).touch()
    while True:
        time.sleep(0.01)

computed, worker.answered = worker.answered, answered
worker.main()
"""


def test_processes_compute_once_can_be_cancelled_and_are_replaced(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    begun = tmp_path / "begun"
    monkeypatch.setattr(laboratories, "COMMAND", (sys.executable, "-c", ENDLESS, str(begun)))
    monkeypatch.setattr(laboratories, "PATIENCE", SECONDS)
    quick = Setting(experiment("gradient_field"))

    async def play() -> None:
        laboratory = Laboratory()
        first, second = await asyncio.gather(laboratory.answer(quick), laboratory.answer(quick))
        assert first is second
        assert first is await laboratory.answer(quick)
        assert first["result"]["claims"]
        assert len(laboratory.helpers) == 1

        await given_up(laboratory, PLANAR, begun.exists)
        assert len(laboratory.idle) == 1, "as by Ctrl-C: the process takes the next order"
        assert "result" in await laboratory.answer(quick.turned("arrows", 3))

        monkeypatch.setattr(laboratories, "PATIENCE", 0.1)
        hanging = next(iter(laboratory.helpers))
        os.kill(hanging.process.pid, signal.SIGSTOP)
        await given_up(laboratory, quick.turned("arrows", 4), lambda: not laboratory.idle)
        assert hanging not in laboratory.helpers, "one that does not react is ended"
        await laboratory.close()

    asyncio.run(play())


async def given_up(laboratory: Laboratory, setting: Setting, begun: Callable[[], Any]) -> None:
    """Ask for a setting, and go away once it has begun."""
    asking = asyncio.ensure_future(laboratory.answer(setting))
    await until(begun)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    await until(lambda: not laboratory.works)


@pytest.mark.long
def test_a_process_that_dies_is_a_fault_and_not_remembered() -> None:
    setting = PLANAR.with_quick(False)

    async def play() -> None:
        laboratory = Laboratory()
        waiting = asyncio.ensure_future(laboratory.answer(setting))
        await until(lambda: laboratory.helpers)
        next(iter(laboratory.helpers)).end()
        assert await waiting == {"fault": "EOFError"}
        assert not laboratory.known(setting)
        assert not laboratory.helpers
        await laboratory.close()

    asyncio.run(play())
