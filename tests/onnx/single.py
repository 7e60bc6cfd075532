"""One node of ONNX, run by itself on NumPy, and the cases of ONNX's own tests that are such nodes."""

from __future__ import annotations

import contextlib
import functools
import importlib
import io
import pkgutil
import warnings
from typing import Any

import numpy as np
from onnx import AttributeProto, TensorProto, helper, numpy_helper

from madi.onnx.graph import Node
from madi.onnx.table import OPERATORS, meaning
from madi.onnx.value import Value


def attribute(entry: Any) -> Any:
    """An attribute of a file as a Python value."""
    if entry.type == AttributeProto.TENSOR:
        return numpy_helper.to_array(entry.t)
    value = helper.get_attribute_value(entry)
    if isinstance(value, bytes):
        return value.decode()
    return tuple(value) if isinstance(value, (list, tuple)) or hasattr(value, "append") else value


def compute(proto: Any, opset: int, values: dict[str, Value]) -> list[Value]:
    """The outputs of a NodeProto, from Values by name."""
    attributes = {entry.name: attribute(entry) for entry in proto.attribute}
    node = Node(proto.op_type, proto.name, tuple(proto.input), tuple(proto.output), attributes)
    return list(meaning(node, opset)(node, [values[name] if name else None for name in proto.input]))


def run(kind: str, *arrays: Any, opset: int, outputs: int = 1, last: bool = False, **attributes: Any) -> Any:
    """What a node of one operator makes of these arrays (None: left out); with `last`, the first lies channels last."""
    names = ["" if array is None else f"x{index}" for index, array in enumerate(arrays)]
    proto = helper.make_node(kind, names, [f"y{index}" for index in range(outputs)], **attributes)
    values = {name: Value(array) for name, array in zip(names, arrays, strict=True) if name}
    if last:
        values["x0"] = Value(last=np.moveaxis(arrays[0], 1, -1))
    found = [np.asarray(value.first.value) for value in compute(proto, opset, values)]
    return found[0] if outputs == 1 else found


@functools.cache
def cases() -> dict[str, Any]:
    """ONNX's own cases of one node each, of the claimed operators, by name.

    Its modules make their cases when they are imported; those of other operators, which take long, are left alone.
    """
    from onnx.backend.test.case import node as package

    claimed = {kind.lower() for kind in OPERATORS}
    modules = [found.name for found in pkgutil.iter_modules(package.__path__)]
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        for name in modules:
            if name.replace("_", "").removesuffix("op") in claimed:  # "rangeop"
                importlib.import_module(f"{package.__name__}.{name}")
    return {case.name: case for case in package._NodeTestCases if _is_plain(case)}


def _is_plain(case: Any) -> bool:
    """Whether a case is of claimed operators and tensors, and not a function that is written out."""
    graph = case.model.graph
    claimed = all(node.op_type in OPERATORS for node in graph.node)
    return claimed and "_expanded" not in case.name and all(port.type.HasField("tensor_type") for port in graph.input)


def opset_of(case: Any) -> int:
    """The version of ONNX's operators that a case is written in."""
    return next(entry.version for entry in case.model.opset_import if not entry.domain)


def array_of(entry: Any) -> np.ndarray:
    """What a case gives or expects, an array or a TensorProto, as an array."""
    return numpy_helper.to_array(entry) if isinstance(entry, TensorProto) else np.asarray(entry)
