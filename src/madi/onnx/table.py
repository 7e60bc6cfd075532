"""The table of operators: which madi function each is, since which version of ONNX's operators."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from madi.onnx.graph import Node
from madi.onnx.refusal import Unsupported
from madi.onnx.value import Value

OLDEST, NEWEST = 6, 28  # versions of the operators that are read

FLOATS = ("float32", "float64", "float16", "bfloat16")

Compute = Callable[..., Any]


@dataclass(frozen=True)
class Operator:
    """One meaning of an operator.

    compute   Values (None for an optional input that is left out) and attributes by keyword -> a Value, or a tuple of
              them.  Its keyword parameters are the attributes that are taken; `node` asks for the Node itself
    since     the version from which it means this
    types     NumPy's names of the types that its first input may have; None: any
    """

    compute: Compute
    since: int
    types: tuple[str, ...] | None

    @cached_property
    def taken(self) -> frozenset[str]:
        """Names of the parameters of `compute`, the attributes that are taken among them."""
        return frozenset(inspect.signature(self.compute).parameters)

    def __call__(self, node: Node, inputs: list[Value | None]) -> tuple[Value, ...]:
        """The node's outputs; Unsupported for an attribute or type that is not taken."""
        strangers = [name for name in node.attributes if name not in self.taken]
        if strangers:
            raise Unsupported(f"{node.label}: madi does not take its attribute '{strangers[0]}'.")
        first = next((value for value in inputs if value is not None), None)
        if self.types is not None and first is not None and first.dtype.name not in self.types:
            allowed = ", ".join(self.types)
            raise Unsupported(f"{node.label}: madi takes {allowed} there, got {first.dtype.name}.")
        options = {**node.attributes, **({"node": node} if "node" in self.taken else {})}
        found = self.compute(*inputs, **options)
        return found if isinstance(found, tuple) else (found,)


OPERATORS: dict[str, tuple[Operator, ...]] = {}


def operator(
    kind: str, *, since: int = 1, types: tuple[str, ...] | None = None
) -> Callable[[Compute], Compute]:  # fmt: skip
    """Enter a function into the table as what `kind` means from version `since` on."""

    def entered(compute: Compute) -> Compute:
        entries = (*OPERATORS.get(kind, ()), Operator(compute, since, types))
        OPERATORS[kind] = tuple(sorted(entries, key=lambda entry: entry.since))
        return compute

    return entered


def meaning(node: Node, opset: int) -> Operator:
    """What the node's operator means in this version; Unsupported where madi has none."""
    found = [entry for entry in OPERATORS.get(node.kind, ()) if entry.since <= opset]
    if not found:
        raise Unsupported(f"{node.label}: madi has no operator {node.kind} of version {opset}.")
    return found[-1]
