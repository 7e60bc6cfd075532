"""Where the pages have their experiments computed: processes that take orders, and what they found before."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from madi.studio.experiments.settings import Setting

WORKERS = 2  # processes that compute at the same time
KEPT = 60  # results that are remembered
PATIENCE = 2.0  # seconds in which a cancelled computation ends by itself; then its process is ended
LONGEST = 2**28  # bytes of an answer

COMMAND = (sys.executable, "-m", "madi.studio.experiments.worker")

Answer = Mapping[str, Any]


class Helper:
    """One process, and the orders given to it one after the other."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.numbers = count(1)

    @classmethod
    async def started(cls) -> Helper:
        """A new process that has said that it is ready."""
        made = cls(await asyncio.create_subprocess_exec(*COMMAND, stdin=PIPE, stdout=PIPE, limit=LONGEST))
        await made._heard()
        return made

    async def answer(self, setting: Setting) -> Answer:
        """What an order gives.  Cancelled, it raises only when the process can take the next order, or has ended."""
        number = next(self.numbers)
        self._say({"id": number, **order(setting)})
        hearing = asyncio.ensure_future(self._heard())
        try:
            return await asyncio.shield(hearing)
        except asyncio.CancelledError:
            self._say({"cancel": number})
            await self._let_end(hearing)
            raise

    def end(self) -> None:
        """End the process, whatever it does."""
        with suppress(ProcessLookupError):
            self.process.kill()

    @property
    def lives(self) -> bool:
        """Whether it can take orders."""
        return self.process.returncode is None

    async def _let_end(self, hearing: asyncio.Future[Answer]) -> None:
        await asyncio.wait([hearing], timeout=PATIENCE)
        if not hearing.done():
            self.end()
            await self.process.wait()
        await asyncio.gather(hearing, return_exceptions=True)

    def _say(self, message: Mapping[str, Any]) -> None:
        if (pipe := self.process.stdin) is not None:
            pipe.write(json.dumps(message).encode() + b"\n")

    async def _heard(self) -> Answer:
        line = await self.process.stdout.readline() if self.process.stdout else b""
        if line:
            return json.loads(line)
        await self.process.wait()
        return {"fault": "EOFError"}


@dataclass
class Work:
    """A computation under way, and how many wait for it."""

    task: asyncio.Task[Answer]
    lasting: bool
    waiting: int = field(default=0)


class Laboratory:
    """Computes settings, each once however many pages ask for it.

    A computation that nobody waits for any more is cancelled, but for one that takes hours: it goes on until `stop`,
    and whoever asks again finds it.
    """

    def __init__(self) -> None:
        self.found: OrderedDict[str, Answer] = OrderedDict()
        self.works: dict[str, Work] = {}
        self.idle: list[Helper] = []
        self.helpers: set[Helper] = set()
        self.room = asyncio.Semaphore(WORKERS)

    def known(self, setting: Setting) -> bool:
        """Whether it is remembered, or being computed."""
        return setting.key in self.found or setting.key in self.works

    async def answer(self, setting: Setting) -> Answer:
        """{"result": ...}, {"refused": why} or {"fault": kind}; may be cancelled."""
        if setting.key in self.found:
            self.found.move_to_end(setting.key)
            return self.found[setting.key]
        work = self._work(setting)
        work.waiting += 1
        try:
            return await asyncio.shield(work.task)
        finally:
            work.waiting -= 1
            if not work.waiting and not work.lasting:
                work.task.cancel()

    def stop(self, setting: Setting) -> None:
        """Cancel a computation, whoever waits for it."""
        if setting.key in self.works:
            self.works[setting.key].task.cancel()

    async def warm(self) -> None:
        """Have a process ready for what comes first."""
        async with self.room:
            self._keep(await self._helper())

    async def close(self) -> None:
        """End all processes."""
        for work in list(self.works.values()):
            work.task.cancel()
        for helper in self.helpers:
            helper.end()
        for helper in self.helpers:
            await helper.process.wait()
        await asyncio.gather(*(work.task for work in list(self.works.values())), return_exceptions=True)

    def _work(self, setting: Setting) -> Work:
        if setting.key not in self.works:
            task = asyncio.get_running_loop().create_task(self._computed(setting))
            task.add_done_callback(lambda _: self.works.pop(setting.key, None))
            self.works[setting.key] = Work(task, lasting=setting.hours and setting.anew)
        return self.works[setting.key]

    async def _computed(self, setting: Setting) -> Answer:
        async with self.room:
            helper = await self._helper()
            try:
                answer = await helper.answer(setting)
            finally:
                self._keep(helper)
        if "fault" not in answer:
            self.found[setting.key] = answer
            while len(self.found) > KEPT:
                self.found.popitem(last=False)
        return answer

    async def _helper(self) -> Helper:
        if self.idle:
            return self.idle.pop()
        helper = await Helper.started()
        self.helpers.add(helper)
        return helper

    def _keep(self, helper: Helper) -> None:
        if helper.lives:
            self.idle.append(helper)
        else:
            self.helpers.discard(helper)


def order(setting: Setting) -> dict[str, Any]:
    """What a worker is told; a recorded result is asked for with the changed values alone."""
    values = dict(setting.given) if setting.hours and not setting.anew else setting.values
    told = {"experiment": setting.made.name, "quick": setting.quick, "anew": setting.anew or not setting.hours}
    return {**told, "values": values}
