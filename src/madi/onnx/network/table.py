"""The table of steps: which layers each operator of ONNX becomes."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from madi.onnx.graph import Node
from madi.onnx.network.flow import Flow
from madi.onnx.network.known import Known
from madi.onnx.refusal import Unsupported

Step = Callable[..., Flow]

STEPS: dict[str, Step] = {}
MERGES: dict[str, Step] = {}
SYMMETRIC: set[str] = set()  # of STEPS, those whose input that the network computes may stand anywhere


@dataclass(frozen=True)
class Place:
    """Where a step stands: its node, the version of the operators, the count of examples (None: free)."""

    node: Node
    opset: int
    count: int | None

    def refusal(self, reason: str) -> Unsupported:
        """The error for a node that cannot be said in layers."""
        return Unsupported(f"{self.node.label} cannot be said in madi's layers: {reason} `.run` computes it as it is.")


def step(*kinds: str, symmetric: bool = False) -> Callable[[Step], Step]:
    """Enter a function into the table as what these operators become, where one input is computed by the network.

    It is given a `Place`, that input as a Flow, the others as arrays (None: left out), and the attributes by keyword:
    those that it takes.

    symmetric   whether another input than the first may be the one that is computed
    """
    SYMMETRIC.update(kinds if symmetric else ())
    return _entering(STEPS, kinds)


def merge(*kinds: str) -> Callable[[Step], Step]:
    """Enter a function into the table as what these operators become, where several inputs are computed by the network.

    It is given a `Place`, a list of Flows, and the attributes that it takes by keyword.
    """
    return _entering(MERGES, kinds)


def _entering(table: dict[str, Step], kinds: tuple[str, ...]) -> Callable[[Step], Step]:
    def entered(function: Step) -> Step:
        table.update(dict.fromkeys(kinds, function))
        return function

    return entered


def flow_of(place: Place, inputs: list[Flow | Known | None]) -> Flow:
    """What the node makes of the network's values; Unsupported where no layers say it."""
    flows = [value for value in inputs if isinstance(value, Flow)]
    table = STEPS if len(flows) == 1 else MERGES
    function = _function(place, inputs, table)
    given = [_given(place, *pair) for pair in zip(place.node.inputs, inputs, strict=True)]
    bound = _bound(place, function, [flows] if table is MERGES else given)
    try:
        return function(*bound.args, **bound.kwargs)
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:  # madi's own, and those of strange constants
        raise place.refusal(f"{str(error).removesuffix('.')}.") from error


def _function(place: Place, inputs: list[Flow | Known | None], table: dict[str, Step]) -> Step:
    """What the table has for the node."""
    kind, names = place.node.kind, _names(place.node, inputs)
    if table is MERGES and kind in STEPS and kind not in MERGES:
        raise place.refusal(f"its inputs {names} are all computed by the network; madi's layers hold constant weights.")
    if kind not in table:
        raise place.refusal("there is no layer for it.")
    if table is MERGES and not all(isinstance(value, Flow) for value in inputs):
        raise place.refusal("it mixes constants and several values that the network computes.")
    if table is STEPS and kind not in SYMMETRIC and not isinstance(inputs[0], Flow):
        raise place.refusal(f"its input {names} is computed by the network; madi's layers hold constant weights.")
    return table[kind]


def _names(node: Node, inputs: list[Flow | Known | None]) -> str:
    return " and ".join(f"'{name}'" for name, value in zip(node.inputs, inputs, strict=True) if isinstance(value, Flow))


def _given(place: Place, name: str, value: Flow | Known | None) -> Flow | np.ndarray | None:
    """An input as a step takes it; of a Reshape's shape the count of examples becomes 0, "as it is"."""
    if not isinstance(value, Known):
        return value
    if value.is_constant:
        return value.array
    target = value.target if place.node.kind == "Reshape" else None
    if target is None:
        raise place.refusal(f"its input '{name}' depends on the number of examples.")
    return target


def _bound(place: Place, function: Step, given: list[Any]) -> inspect.BoundArguments:
    """The step's arguments; Unsupported for attributes that it does not take, and where one is missing."""
    signature, attributes = inspect.signature(function), place.node.attributes
    strangers = [name for name in attributes if name not in signature.parameters]
    if strangers:
        raise place.refusal(f"its attribute '{strangers[0]}' has no counterpart in a layer.")
    try:
        return signature.bind(place, *given, **attributes)
    except TypeError as error:
        raise place.refusal(f"{error}.") from error
