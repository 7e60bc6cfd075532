"""One experiment as a page has it: the setting that is wanted, what is computed of it, and what was seen before."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, Protocol

from madi.studio.experiments.settings import Setting

PATIENCE = 0.6  # seconds after which a computation that nobody wants any more is given up
LOOKED_AT = 1.0  # seconds for which a figure has to stand to be worth comparing with
GHOSTS = 6


class State(Enum):
    """What goes on."""

    COMPUTING = "computing"
    DONE = "done"
    ASKING = "asking"  # it would take hours, and nobody has said yes
    CANCELLED = "cancelled"
    REFUSED = "refused"  # the experiment does not take these values together
    FAILED = "failed"


@dataclass(frozen=True)
class Seen:
    """A result that stood on the page, since `at` in the loop's time."""

    setting: Setting
    result: dict[str, Any]
    at: float


class Answering(Protocol):
    """What a bench needs of a laboratory."""

    async def answer(self, setting: Setting) -> Any:
        """{"result": ...}, {"refused": why} or {"fault": kind}."""

    def known(self, setting: Setting) -> bool:
        """Whether it is remembered, or being computed."""

    def stop(self, setting: Setting) -> None:
        """Cancel a computation."""


class Bench:
    """Follows what is wanted: the newest setting counts, and an older computation is outrun or given up.

    changed   is called after every change, in the loop
    """

    def __init__(self, laboratory: Answering, setting: Setting, changed: Callable[[], None]) -> None:
        self.laboratory, self.setting, self.changed = laboratory, setting, changed
        self.state, self.message = State.COMPUTING, ""
        self.seen: Seen | None = None
        self.ghosts: list[Seen] = []
        self.began = 0.0
        self.task: asyncio.Task[None] | None = None
        self.wanted: Setting | None = None  # what is computed now

    def start(self) -> None:
        """Compute what is set."""
        self._begin()

    def go(self, setting: Setting) -> None:
        """Want another setting."""
        if setting == self.setting:
            return
        self.setting = setting
        if self.state is not State.COMPUTING:
            self._begin()
            return
        elapsed = _now() - self.began
        asyncio.get_running_loop().call_later(max(0.0, PATIENCE - elapsed), self._outrun)
        self.changed()

    def allow(self) -> None:
        """Yes: compute it, though it takes hours."""
        self.setting = replace(self.setting, anew=True)
        self._begin()

    def cancel(self) -> None:
        """Give up what is computed; the setting stays."""
        if self.wanted is not None and self.wanted.anew:
            self.laboratory.stop(self.wanted)
        self._leave()
        self._tell(State.CANCELLED)

    def close(self) -> None:
        """Nobody looks any more."""
        self._leave()
        self.state = State.CANCELLED

    @property
    def elapsed(self) -> float:
        """Seconds since the computation began."""
        return _now() - self.began

    def _leave(self) -> None:
        if self.task is not None:
            self.task.cancel()
            self.task = None

    def _begin(self) -> None:
        self._leave()
        self.began = _now()
        self._tell(State.COMPUTING)
        self.task = asyncio.get_running_loop().create_task(self._follow())

    def _outrun(self) -> None:
        """Give up the computation if something else is wanted by now."""
        if self.state is State.COMPUTING and self.wanted is not None and self.wanted.key != self.setting.key:
            self._begin()

    async def _follow(self) -> None:
        """Compute until nothing newer is wanted."""
        try:
            while not await self._computed(self._sought()):
                pass
        except asyncio.CancelledError:
            if self.task is asyncio.current_task():  # another page has stopped it
                self._tell(State.CANCELLED)

    def _sought(self) -> Setting:
        """The setting; computed anew where somebody has said yes to that before."""
        anew = replace(self.setting, anew=True)
        return anew if self.setting.hours and self.laboratory.known(anew) else self.setting

    async def _computed(self, wanted: Setting) -> bool:
        """Compute and show a setting; whether it is still the one that is wanted."""
        self.wanted, self.began = wanted, _now()
        answer = await self.laboratory.answer(wanted)
        if "result" in answer:
            self._take(Seen(wanted, answer["result"], _now()))
        newest = self._sought().key == wanted.key
        if newest:
            self.setting = wanted
            self._settle(answer)
        return newest

    def _settle(self, answer: Any) -> None:
        if "result" in answer:
            self._tell(State.DONE)
        elif "fault" in answer:
            self._tell(State.FAILED, answer["fault"])
        else:
            unasked = self.setting.hours and not self.setting.anew
            self._tell(State.ASKING if unasked else State.REFUSED, answer["refused"])

    def _take(self, seen: Seen) -> None:
        """Show a result; the one before stays to compare, if there was time to look at it."""
        before, self.seen = self.seen, seen
        found = [before] if before is not None and seen.at - before.at >= LOOKED_AT else []
        found += [ghost for ghost in self.ghosts if not found or ghost.setting.key != found[0].setting.key]
        self.ghosts = [ghost for ghost in found if ghost.setting.key != seen.setting.key][:GHOSTS]
        self.changed()

    def _tell(self, state: State, message: str = "") -> None:
        self.state, self.message = state, message
        self.changed()


def _now() -> float:
    return asyncio.get_running_loop().time()
