"""Requests that wait are answered together: one thread a model, one call of its program a batch."""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from madi.web.guard import Refusal

Outputs = dict[str, np.ndarray]
BATCHES = "batches"  # the name of the threads
PATIENCE = 30.0  # seconds that the thread of a model which was replaced waits for somebody who still asks it


@dataclass(frozen=True)
class Batching:
    """How requests are put together.

    most     examples of the largest batch
    delay    seconds that a batch which is not full waits for others; 0 takes what is there
    queue    requests that may wait; more are refused at once
    """

    most: int = 64
    delay: float = 0.0
    queue: int = 256

    @property
    def sizes(self) -> tuple[int, ...]:
        """The batch sizes that programs are compiled for: 1, 4, 16, ... and the largest."""
        smaller = [4**power for power in range(16) if 4**power < self.most]
        return (*smaller, self.most)


@dataclass
class _Job:
    x: np.ndarray
    future: asyncio.Future[Outputs]


class Batcher:
    """Examples of many requests through one function.

    answer     (n, ...), n one of `batching.sizes` -> outputs by name, each (n, ...); called in a thread of its own
    batched    is told the examples of each batch

    While a batch is computed the next requests gather, so that the batches grow with the load by themselves.  Each is
    filled up with zeros to the next of a few sizes, for which programs are compiled beforehand.
    """

    def __init__(
        self, answer: Callable[[np.ndarray], Outputs], batching: Batching, *, batched: Callable[[int], None]
    ) -> None:
        self._answer, self.batching, self._batched = answer, batching, batched
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._waiting = 0  # requests that were not taken yet: counted by both threads under the lock
        self._lock = threading.Lock()
        self._held: _Job | None = None  # that did not fit into the last batch
        self._retired = self._closed = False
        self.thread = threading.Thread(target=self._work, daemon=True, name=BATCHES)
        self.thread.start()

    def __len__(self) -> int:
        return self._waiting

    def submit(self, x: np.ndarray) -> asyncio.Future[Outputs]:
        """The outputs for examples x (n, ...), to be awaited; Refusal 503 where too many wait already."""
        job = _Job(x, asyncio.get_running_loop().create_future())
        with self._lock:
            if self._waiting >= self.batching.queue:
                raise Refusal(503, "Too many requests are waiting. Try again a little later.")
            self._waiting += 1
        self._jobs.put(job)
        return job.future

    def retire(self) -> None:
        """Nobody new will ask: the thread ends when nobody has asked for a while."""
        self._retired = True

    def close(self) -> None:
        """Nobody asks any more: the thread ends with what waits."""
        self._retired = self._closed = True
        self._jobs.put(None)  # wakes it up

    # ---- in the thread

    def _work(self) -> None:
        while (jobs := self._gathered()) or not self._retired:
            if jobs:
                self._run(jobs)
        del self._answer, self._batched  # of a model that refers to this: without the circle it goes at once

    def _gathered(self) -> list[_Job]:
        """The requests of the next batch; none where nobody asked for a while."""
        first, self._held = self._held or self._next(0 if self._closed else PATIENCE), None
        if first is None:
            return []
        jobs, rows, end = [first], len(first.x), time.monotonic() + self.batching.delay
        while rows < self.batching.most and (job := self._next(end - time.monotonic())):
            if rows + len(job.x) > self.batching.most:
                self._held = job
                break
            jobs.append(job)
            rows += len(job.x)
        return jobs

    def _next(self, seconds: float) -> _Job | None:
        try:
            job = self._jobs.get(timeout=seconds) if seconds > 0 else self._jobs.get_nowait()
        except queue.Empty:
            return None
        if job is None:
            return None
        with self._lock:
            self._waiting -= 1
        return job

    def _run(self, jobs: list[_Job]) -> None:
        try:
            x = jobs[0].x if len(jobs) == 1 else np.concatenate([job.x for job in jobs])
            self._batched(len(x))
            outputs = self._in_parts(x)
        except Exception as error:
            logging.getLogger("madi").exception("a batch failed")
            failure: Any = error
            return self._settle(jobs, [failure] * len(jobs))
        found, start = [], 0
        for job in jobs:
            found.append({name: values[start : start + len(job.x)] for name, values in outputs.items()})
            start += len(job.x)
        return self._settle(jobs, found)

    def _in_parts(self, x: np.ndarray) -> Outputs:
        """The outputs of any number of examples, by batches of the sizes that there are programs for."""
        most = self.batching.most
        parts = [self._padded(x[start : start + most]) for start in range(0, len(x), most)]
        return parts[0] if len(parts) == 1 else {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}

    def _padded(self, x: np.ndarray) -> Outputs:
        count = len(x)
        size = next(size for size in self.batching.sizes if size >= count)
        if size > count:
            x = np.concatenate([x, np.zeros((size - count, *x.shape[1:]), x.dtype)])
        return {name: values[:count] for name, values in self._answer(x).items()}

    def _settle(self, jobs: Sequence[_Job], results: Sequence[Any]) -> None:
        try:
            jobs[0].future.get_loop().call_soon_threadsafe(_settle, jobs, results)
        except RuntimeError:
            return  # the loop has ended: nobody waits


def _settle(jobs: Sequence[_Job], results: Sequence[Any]) -> None:
    for job, result in zip(jobs, results, strict=True):
        if job.future.done():  # whoever waited has gone
            continue
        if isinstance(result, Exception):
            job.future.set_exception(result)
        else:
            job.future.set_result(result)
