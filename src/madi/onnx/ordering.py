"""Nodes in an order in which each comes after what it reads, without recursion: a chain may be of any length."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from heapq import heapify, heappop, heappush
from typing import Protocol, TypeVar

from madi.errors import FileError
from madi.onnx.graph import LEFT_OUT, Node

_NAMED = 4  # nodes of a cycle that a message names


class Reading(Protocol):
    """What reads and makes values by name: a node that was read, or a line that will be written."""

    @property
    def inputs(self) -> Sequence[str]: ...
    @property
    def outputs(self) -> Sequence[str]: ...


AnyNode = TypeVar("AnyNode", bound=Reading)


def in_order(nodes: Sequence[Node], given: Collection[str], where: str) -> list[Node]:
    """The nodes sorted by Kahn's method: of those that wait for nothing the first in the file goes first.

    given   names that are there from the start

    Raises FileError where nodes wait for each other, or for what nobody gives.
    """
    maker = {name: index for index, node in enumerate(nodes) for name in node.outputs if name != LEFT_OUT}
    needs = [_needs(node, maker, given, where) for node in nodes]
    readers: list[list[int]] = [[] for _ in nodes]
    for index, makers in enumerate(needs):
        for other in makers:
            readers[other].append(index)
    waiting = [len(makers) for makers in needs]
    ready = [index for index, count in enumerate(waiting) if not count]
    heapify(ready)
    ordered = []
    while ready:
        index = heappop(ready)
        ordered.append(nodes[index])
        for reader in readers[index]:
            waiting[reader] -= 1
            if not waiting[reader]:
                heappush(ready, reader)
    if len(ordered) < len(nodes):
        raise FileError(f"{where}: {_cycle(nodes, needs, waiting)} wait for each other: a graph has no cycle.")
    return ordered


def _needs(node: Node, maker: dict[str, int], given: Collection[str], where: str) -> set[int]:
    """The nodes whose results this one reads."""
    for name in node.inputs:
        if name != LEFT_OUT and name not in maker and name not in given:
            raise FileError(f"{where}: {node.label} reads '{name}', which no input, constant or node gives.")
    return {maker[name] for name in node.inputs if name in maker}


def _cycle(nodes: Sequence[Node], needs: Sequence[set[int]], waiting: Sequence[int]) -> str:
    """The names of a cycle: from a node that waits, back to one that it waits for, until one comes again."""
    path = [next(index for index, count in enumerate(waiting) if count)]
    seen = {path[0]: 0}
    while True:
        index = next(other for other in sorted(needs[path[-1]]) if waiting[other])
        if index in seen:
            break
        seen[index] = len(path)
        path.append(index)
    cycle = path[seen[index] :][::-1]  # from what is read to its readers
    first = cycle.index(min(cycle))
    names = [nodes[other].label for other in cycle[first:] + cycle[:first]]
    more = [f"{len(names) - _NAMED} more"] if len(names) > _NAMED else []
    return ", ".join(names[:_NAMED] + more) if len(names) > 1 else f"{names[0]} and itself"


def needed(nodes: Sequence[AnyNode], wanted: Collection[str]) -> list[AnyNode]:
    """Those of the nodes, which are in order, on which the names that are wanted depend."""
    names, kept = set(wanted), []
    for node in reversed(nodes):
        if not names.isdisjoint(node.outputs):
            kept.append(node)
            names.update(name for name in node.inputs if name != LEFT_OUT)
    return kept[::-1]
