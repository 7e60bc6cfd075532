"""Paths that fork and meet again become one layer that holds them: series-parallel reduction, merge by merge.

Values come in an order in which each stands after what it is computed from.  So where paths meet, whatever forked and
met again on the way is one layer already; paths of one merge that begin at one value become one layer, which may be
the last step of a path that begins further up; and so on until one path is left, or the paths cross.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby

from madi.layers import Branches, Identity, Layer, Product, Residual, Sequential, Sum
from madi.onnx.network.flow import Arm, Flow, Sizes, arm_of

ADD, MULTIPLY, JOIN = "sum", "product", "join"


def merged(
    kind: str, paths: Sequence[Flow], *, label: str, sizes: Sizes, axes: Sequence[int | None], same: bool = True
) -> Flow:
    """The value in which paths meet; the paths have one order of axes.

    kind     ADD, MULTIPLY, or JOIN on the last axis
    same     whether all paths have one shape
    """
    flow = Flow(tuple(sizes), tuple(axes), paths[0].rows, merge=kind, label=label)
    flow.arms = [arm for path in paths for arm in _opened(path, kind)]
    while len(flow.arms) > 1 and (found := _grouped(flow.arms, kind)) is not None:
        flow.arms = [_one(group, kind, same) for group in found]
    if len(flow.arms) == 1:
        ((flow.source, flow.layers),) = flow.arms
        flow.arms, flow.merge = [], ""
    return flow


def _opened(path: Flow, kind: str) -> list[Arm]:
    """The path, or the paths of a merge of the same kind that ends in this one: (a + b) + c is a + b + c."""
    source, layers = arm_of(path)
    if not layers and source.merge == kind and source.uses == 1:
        return source.arms
    return [(source, layers)]


def _grouped(arms: list[Arm], kind: str) -> list[list[Arm]] | None:
    """The paths by where they begin; None where no two begin at one value.  Only neighbours are joined in order."""
    arms = [_lengthened(arm) for arm in arms]
    if kind != JOIN:
        firsts = [id(source) for source, _ in arms]
        arms = sorted(arms, key=lambda arm: firsts.index(id(arm[0])))
    found = [list(group) for _, group in groupby(arms, key=lambda arm: id(arm[0]))]
    return found if len(found) < len(arms) else None


def _lengthened(arm: Arm) -> Arm:
    """The path from further up, where what it began at has no other reader any more."""
    source, layers = arm
    begin, before = arm_of(source)
    return (begin, [*before, *layers]) if begin is not source else arm


def _one(group: list[Arm], kind: str, same: bool) -> Arm:
    """The paths from one value to here as one path."""
    if len(group) == 1:
        return group[0]
    source = group[0][0]
    source.uses -= len(group) - 1
    layer = _LAYERS[kind]([layers for _, layers in group], same)
    return _lengthened((source, [layer]))


def _sum(paths: list[list[Layer]], same: bool) -> Layer:
    if len(paths) > 2 or not same:
        return Sum(*map(one_layer, paths))
    shortcut, body = sorted(paths, key=len) if not all(paths) else paths[::-1]
    return Residual(one_layer(body), one_layer(shortcut) if shortcut else None)


_LAYERS: dict[str, Callable[[list[list[Layer]], bool], Layer]] = {
    ADD: _sum,
    MULTIPLY: lambda paths, same: Product(*map(one_layer, paths)),
    JOIN: lambda paths, same: Branches(*map(one_layer, paths)),
}


def one_layer(layers: list[Layer]) -> Layer:
    """The layers as one: itself, a Sequential, or Identity."""
    if len(layers) == 1:
        return layers[0]
    return Sequential(*layers) if layers else Identity()
