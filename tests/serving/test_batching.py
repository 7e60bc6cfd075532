"""Batches: who is answered with whom, in which sizes, and what happens when too many wait."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import numpy as np
import pytest

from madi.serving.batching import Batcher, Batching
from madi.web.guard import Refusal
from tests.web.running import SECONDS


class Doubling:
    """Doubles its examples, one batch at a time, and remembers sizes; waits for `go`."""

    def __init__(self, **options: Any) -> None:
        self.calls: list[int] = []
        self.counts: list[int] = []
        self.go = threading.Event()
        self.go.set()
        self.began = threading.Event()
        self.batcher = Batcher(self._answer, Batching(**options), batched=self.counts.append)

    def _answer(self, x: np.ndarray) -> dict[str, np.ndarray]:
        self.began.set()
        assert self.go.wait(SECONDS)
        self.calls.append(len(x))
        if (x < 0).any():
            raise ArithmeticError("a fault")
        return {"y": 2 * x}

    async def ask(self, count: int, value: float = 1.0) -> np.ndarray:
        return (await self.batcher.submit(np.full((count, 2), value)))["y"]


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(asyncio.wait_for(work, SECONDS))


async def together(
    doubling: Doubling, counts: list[int], *, meanwhile: Callable[[], None] = lambda: None
) -> list[np.ndarray]:
    """Requests that come while the batcher is busy with a first one, after what is done `meanwhile`."""
    doubling.go.clear()
    first = asyncio.ensure_future(doubling.ask(1))
    while not doubling.began.is_set():
        await asyncio.sleep(0.001)
    meanwhile()
    others = [asyncio.ensure_future(doubling.ask(count, value)) for value, count in enumerate(counts, 2)]
    await asyncio.sleep(0)
    doubling.go.set()
    return await asyncio.gather(first, *others)


def test_sizes_are_few() -> None:
    assert Batching(most=64).sizes == (1, 4, 16, 64)
    assert Batching(most=1).sizes == (1,)
    assert Batching(most=100).sizes == (1, 4, 16, 64, 100)


def test_requests_that_wait_are_answered_together_each_with_its_own() -> None:
    doubling = Doubling(most=8)
    found = run(together(doubling, [1, 2, 3, 1, 4]))
    assert [(len(y), y[0, 0]) for y in found] == [(1, 2), (1, 4), (2, 6), (3, 8), (1, 10), (4, 12)]
    assert doubling.counts == [1, 7, 4]  # the last one did not fit any more
    assert doubling.calls == [1, 8, 4]  # filled up to the sizes that there are


def test_a_request_larger_than_a_batch_is_answered_in_parts() -> None:
    doubling = Doubling(most=8)
    assert run(doubling.ask(19)).shape == (19, 2)
    assert doubling.calls == [8, 8, 4]


def test_too_many_that_wait_are_refused_at_once() -> None:
    doubling = Doubling(most=8, queue=3)

    async def asked() -> None:
        with pytest.raises(Refusal) as refused:
            await together(doubling, [1] * 4)
        assert refused.value.status == 503
        doubling.go.set()
        while len(doubling.batcher):  # those that came before are answered by a thread of its own
            await asyncio.sleep(0.001)

    run(asked())
    assert run(doubling.ask(1)).tolist() == [[2, 2]]


def test_a_delay_fills_a_batch() -> None:
    doubling = Doubling(most=4, delay=SECONDS)

    async def asked() -> None:
        waiting = [asyncio.ensure_future(doubling.ask(1))]
        await asyncio.sleep(0)
        while len(doubling.batcher):  # until the thread has taken it, and waits for others
            await asyncio.sleep(0.001)
        waiting += [asyncio.ensure_future(doubling.ask(1)) for _ in range(3)]
        await asyncio.gather(*waiting)

    run(asked())
    assert doubling.counts == [4]


def test_a_fault_reaches_those_of_its_batch_and_nobody_after(caplog: pytest.LogCaptureFixture) -> None:
    doubling = Doubling(most=8)
    with pytest.raises(ArithmeticError, match="a fault"):
        run(doubling.ask(1, -1.0))
    assert "a batch failed" in caplog.text
    assert run(doubling.ask(1)).tolist() == [[2, 2]]


def test_whoever_has_gone_holds_nobody_up() -> None:
    doubling = Doubling(most=8)

    async def asked() -> np.ndarray:
        gone = asyncio.ensure_future(doubling.ask(1))
        await asyncio.sleep(0)
        gone.cancel()
        return await doubling.ask(1)

    assert run(asked()).tolist() == [[2, 2]]


def test_a_retired_batcher_answers_until_nobody_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    doubling = Doubling(most=8)

    def retire() -> None:
        monkeypatch.setattr("madi.serving.batching.PATIENCE", 0.05)
        doubling.batcher.retire()

    assert [y.tolist() for y in run(together(doubling, [1], meanwhile=retire))] == [[[2, 2]], [[4, 4]]]
    doubling.batcher.thread.join(SECONDS)
    assert not doubling.batcher.thread.is_alive()
