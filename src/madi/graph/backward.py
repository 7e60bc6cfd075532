"""The backward pass: from one output to every leaf, each node once, in reverse order of computation.

It is a pure function over a dictionary of gradients: no recursion, so that a chain of 20,000 nodes works, and no state
on the graph, so that it can run twice and be traced under `jax.jit`.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from madi.errors import ShapeError
from madi.kernels.arrays import array_library, widened

if TYPE_CHECKING:
    from madi.graph.variable import Function, Variable


def gradients(output: Variable, seed: Any, *, keep: bool = False) -> dict[Variable, Any]:
    """dL/dv for every leaf v that needs one, where `seed` is dL/d(output); with `keep`, for every variable on the way.

    A node is visited once all its readers have been, so that its outputs' gradients are complete: where a variable is
    read twice, what comes back along both edges is added up.
    """
    readers, produced = _survey(output)
    found = {output: seed}
    ready = [output.creator] if output.creator is not None else []
    while ready:
        node = ready.pop()
        for variable, gradient in _through(node, produced[node], found, keep):
            found[variable] = found[variable] + gradient if variable in found else gradient
        for creator in _creators(node):
            readers[creator] -= 1
            if not readers[creator]:
                ready.append(creator)
    return found


def _survey(output: Variable) -> tuple[Counter[Function], dict[Function, dict[int, Variable]]]:
    """For each node that `output` depends on: how many edges read its outputs, and which of these variables."""
    readers: Counter[Function] = Counter()
    produced: dict[Function, dict[int, Variable]] = {}
    stack = [output]
    while stack:
        variable = stack.pop()
        if variable.creator is None:
            continue
        first_visit = variable.creator not in produced
        produced.setdefault(variable.creator, {})[variable.output_index] = variable
        if first_visit:
            readers.update(_creators(variable.creator))
            stack.extend(entry for entry in variable.creator.inputs if entry.needs_grad)
    return readers, produced


def _creators(node: Function) -> list[Function]:
    return [entry.creator for entry in node.inputs if entry.creator is not None and entry.needs_grad]


def _through(
    node: Function, outputs: dict[int, Variable], found: dict[Variable, Any], keep: bool
) -> list[tuple[Variable, Any]]:
    """Call the node's backward and pair its answers with the inputs that need them."""
    take = found.get if keep else lambda variable: found.pop(variable, None)
    known = {index: take(variable) for index, variable in outputs.items()}
    present = next((gradient for gradient in known.values() if gradient is not None), None)
    if present is None:  # each of its readers answered None: nothing flows back this way
        return []
    gys = [
        array_library(present).zeros(shape, dtype) if known.get(index) is None else known[index]
        for index, (shape, dtype) in enumerate(node.output_shapes)
    ]
    gxs = node.backward(*(map(widened, gys) if node.wide else gys))
    gxs = gxs if isinstance(gxs, tuple) else (gxs,)
    if len(gxs) != len(node.inputs):
        raise ShapeError(
            f"{type(node).__name__}.backward: expected {len(node.inputs)} gradients, one for each input, "
            f"got {len(gxs)}."
        )
    pairs = zip(node.inputs, gxs, strict=True)
    return [(x, _checked(node, i, x, gx)) for i, (x, gx) in enumerate(pairs) if x.needs_grad and gx is not None]


def _checked(node: Function, index: int, x: Variable, gx: Any) -> Any:
    """The gradient as an array of its input's shape and dtype."""
    gx = gx if hasattr(gx, "dtype") else np.asarray(gx)
    if gx.shape != x.shape:
        raise ShapeError(
            f"{type(node).__name__}.backward: the gradient of input {index} must have its shape {x.shape}, got "
            f"{gx.shape}. Sum it over the axes along which forward broadcasts."
        )
    return gx if gx.dtype == x.dtype and not np.isscalar(gx) else array_library(gx).asarray(gx, dtype=x.dtype)
