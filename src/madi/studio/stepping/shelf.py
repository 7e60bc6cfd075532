"""Networks and walks that are made once and kept for all who look at them; the oldest go first."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from madi.errors import unknown_name
from madi.studio.stepping.files import opened
from madi.studio.stepping.networks import NETWORKS, ByNumbers, Network, expect_example, renamed
from madi.studio.stepping.walk import Walk, walked
from madi.studio.workplace import Workplace

MOST_NETWORKS = 8
MOST_WALKS = 32
MOST_BYTES = 512 * 2**20  # of all walks' numbers
OF_FOLDER = "file:"  # what the name of a network of the folder begins with

Kept = TypeVar("Kept")


class Keeper(Generic[Kept]):
    """What was made last, by key: made once, by one thread, while others make other things.

    fits    whether so many of them may stay
    """

    def __init__(self, fits: Callable[[Collection[Kept]], bool]) -> None:
        self._fits = fits
        self._made: OrderedDict[Any, Kept] = OrderedDict()
        self._locks: dict[Any, threading.Lock] = {}
        self._lock = threading.Lock()

    def get(self, key: Any, make: Callable[[], Kept]) -> Kept:
        """What was made for the key; the oldest of the others go where all are too many."""
        with self._lock:
            making = self._locks.setdefault(key, threading.Lock())
        with making:
            try:
                found = self._made.get(key)
                return self._put(key, make() if found is None else found)
            finally:
                with self._lock:
                    self._locks.pop(key, None)

    def _put(self, key: Any, made: Kept) -> Kept:
        with self._lock:
            self._made[key] = made
            self._made.move_to_end(key)
            while len(self._made) > 1 and not self._fits(self._made.values()):
                self._made.popitem(last=False)
        return made


@dataclass(frozen=True)
class Setting:
    """What a walk is of.

    network   a name of NETWORKS, or "file:" and a path in the folder
    example   "17" of data, "100,2,1.1" of typed numbers
    folded    whether blocks that recur are drawn once
    names     (name of a variable, what it is called instead), for readers of another language
    """

    network: str
    example: str = ""
    folded: bool = True
    names: tuple[tuple[str, str], ...] = ()


class Shelf:
    """What is kept for a folder."""

    def __init__(self, workplace: Workplace) -> None:
        self._workplace = workplace
        self._networks: Keeper[tuple[Network, str | None]] = Keeper(lambda made: len(made) <= MOST_NETWORKS)
        self._walks: Keeper[Walk] = Keeper(_few)

    def network(self, name: str) -> tuple[Network, str | None]:
        """A network, and why its examples are not its own data, as of `opened`.

        Raises UnknownNameError, and FileError as `opened`.
        """
        return self._networks.get(self._key(name), lambda: self._opened(name))

    def walk(self, setting: Setting) -> Walk:
        """The walk of a setting.  Raises as `network`, and ConfigurationError for an example that there is not."""
        network, _ = self.network(setting.network)
        key = (self._key(setting.network), _example(network, setting.example), setting.folded, setting.names)
        return self._walks.get(key, lambda: _made(network, setting))

    def _opened(self, name: str) -> tuple[Network, str | None]:
        if name.startswith(OF_FOLDER):
            return opened(self._workplace.place(name.removeprefix(OF_FOLDER)))
        if name not in NETWORKS:
            raise unknown_name("network", name, NETWORKS)
        return NETWORKS[name](), None

    def _key(self, name: str) -> Any:
        """The name; of a file also when it was written, so that a new training is seen."""
        if not name.startswith(OF_FOLDER):
            return name
        path = self._workplace.place(name.removeprefix(OF_FOLDER))
        return name, path.stat().st_mtime_ns if path.exists() else 0


def _few(walks: Collection[Walk]) -> bool:
    return len(walks) <= MOST_WALKS and sum(walk.bytes for walk in walks) <= MOST_BYTES


def _example(network: Network, text: str) -> Any:
    """The example that a text means: its number, or the numbers typed."""
    if isinstance(network, ByNumbers):
        return tuple(network.read(text))
    return expect_example(network, int(text) if text.isdecimal() and len(text) < 12 else 0)


def _made(network: Network, setting: Setting) -> Walk:
    example = _example(network, setting.example)
    names = dict(setting.names) if isinstance(network, ByNumbers) else {}
    return walked(lambda: renamed(network.compute(example), names), folded=setting.folded)
