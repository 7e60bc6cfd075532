"""Networks and walks that are made once and kept for all who look at them; the oldest go first."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

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
        self._networks: OrderedDict[Any, tuple[Network, str | None]] = OrderedDict()
        self._walks: OrderedDict[Any, Walk] = OrderedDict()
        self._lock = threading.Lock()

    def network(self, name: str) -> tuple[Network, str | None]:
        """A network, and why its examples are not its own data, as of `opened`.

        Raises UnknownNameError, and FileError as `opened`.
        """
        with self._lock:
            return self._network(name)

    def walk(self, setting: Setting) -> Walk:
        """The walk of a setting.  Raises as `network`, and ConfigurationError for an example that there is not."""
        with self._lock:
            network, _ = self._network(setting.network)
            key = (self._key(setting.network), _example(network, setting.example), setting.folded, setting.names)
            made = _kept(self._walks, key, lambda: _made(network, setting))
            while len(self._walks) > MOST_WALKS or sum(walk.bytes for walk in self._walks.values()) > MOST_BYTES:
                if len(self._walks) == 1:
                    break
                self._walks.popitem(last=False)
            return made

    def _network(self, name: str) -> tuple[Network, str | None]:
        found = _kept(self._networks, self._key(name), lambda: self._opened(name))
        while len(self._networks) > MOST_NETWORKS:
            self._networks.popitem(last=False)
        return found

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


def _kept(shelf: OrderedDict[Any, Kept], key: Any, make: Callable[[], Kept]) -> Kept:
    if key not in shelf:
        shelf[key] = make()
    shelf.move_to_end(key)
    return shelf[key]


def _example(network: Network, text: str) -> Any:
    """The example that a text means: its number, or the numbers typed."""
    if isinstance(network, ByNumbers):
        return tuple(network.read(text))
    return expect_example(network, int(text) if text.isdecimal() and len(text) < 12 else 0)


def _made(network: Network, setting: Setting) -> Walk:
    example = _example(network, setting.example)
    names = dict(setting.names) if isinstance(network, ByNumbers) else {}
    return walked(lambda: renamed(network.compute(example), names), folded=setting.folded)
