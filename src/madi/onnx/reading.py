"""A ModelProto as a Graph: everything that the file claims is checked here, once."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from madi.errors import FileError, closest
from madi.onnx.files import Beside
from madi.onnx.graph import LEFT_OUT, Graph, Node, Port
from madi.onnx.ordering import in_order
from madi.onnx.refusal import Unsupported
from madi.onnx.table import NEWEST, OLDEST
from madi.onnx.tensors import to_array, type_name

DOMAINS = ("", "ai.onnx")
_OF_WINDOWS = ("dilations", "kernel_shape", "output_padding", "output_shape", "pads", "strides")
_LARGEST_WINDOW = 2**20  # pixels
_LARGEST_MEAN = 2**10  # pixels of a side, which a mean takes one by one
_FORMS = (  # of a Constant: its attribute, and the type of its array
    ("value", None), ("value_float", np.float32), ("value_floats", np.float32), ("value_int", np.int64),
    ("value_ints", np.int64), ("value_string", object), ("value_strings", object),
)  # fmt: skip


def read_graph(model: Any, where: str, beside: Beside) -> Graph:
    """The graph of a model.

    where    what messages call the model
    beside   the files that its large tensors may lie in

    Raises FileError for a file that contradicts itself, and Unsupported for what madi does not take.
    """
    opset = _opset(model, where)
    _expect_no_functions(model, where)
    graph = model.graph
    if graph.sparse_initializer:
        raise Unsupported(f"{where}: madi does not take sparse tensors ('{graph.sparse_initializer[0].values.name}').")
    constants = _constants(graph, where, beside)
    inputs = tuple(
        port for port in (_port(entry, "input", where) for entry in graph.input) if port.name not in constants
    )
    nodes = [_node(node, opset, where, beside) for node in graph.node]
    _expect_single([*constants, *(port.name for port in inputs), *_outputs(nodes)], where)
    constants |= {node.outputs[0]: _value_of(node) for node in nodes if node.kind == "Constant"}
    nodes = [node for node in nodes if node.kind != "Constant"]
    given = {*constants, *(port.name for port in inputs)}
    ordered = in_order(nodes, given, where)
    outputs = tuple(_port(port, "output", where) for port in graph.output)
    _expect_outputs(outputs, given | set(_outputs(nodes)), where)
    _expect_text((text for entry in model.metadata_props for text in (entry.key, entry.value)), where)
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    return Graph(opset, inputs, outputs, constants, tuple(ordered), metadata)


# ---- versions


def _opset(model: Any, where: str) -> int:
    from onnx import IR_VERSION

    if not 0 < model.ir_version <= IR_VERSION:
        raise Unsupported(f"{where}: expected a file of version 1 to {IR_VERSION} of ONNX's format, got "
                          f"{model.ir_version}. A newer package onnx may read it.")  # fmt: skip
    found = {entry.version for entry in model.opset_import if entry.domain in DOMAINS}
    if len(found) != 1:
        versions = ", ".join(map(str, sorted(found))) or "none"
        raise FileError(f"{where}: expected one version of ONNX's operators, got {versions}. Export it anew.")
    opset = int(found.pop())
    if not OLDEST <= opset <= NEWEST:
        raise Unsupported(
            f"{where}: madi reads versions {OLDEST} to {NEWEST} of ONNX's operators, got {opset}. "
            "Convert it (onnx.version_converter), or export it in another version."
        )
    return opset


def _expect_no_functions(model: Any, where: str) -> None:
    for function in model.functions:
        if function.domain in DOMAINS:
            raise Unsupported(f"{where}: madi does not take functions of the file's own, such as '{function.name}'.")


# ---- nodes


def _node(node: Any, opset: int, where: str, beside: Beside) -> Node:
    names = (node.op_type, node.domain, node.name, *node.input, *node.output)
    _expect_text((*names, *(entry.name for entry in node.attribute)), where)
    read = Node(node.op_type, node.name, tuple(node.input), tuple(node.output))
    label = f"{where}: {read.label}"
    if node.domain not in DOMAINS:
        raise Unsupported(f"{label}: madi does not know the domain '{node.domain}' of its operator.")
    attributes = {entry.name: _attribute(entry, label, beside) for entry in node.attribute}
    if len(attributes) != len(node.attribute):
        raise FileError(f"{label}: has an attribute twice, out of {', '.join(attributes)}.")
    _expect_schema(read, {entry.name: entry.type for entry in node.attribute}, opset, label)
    if read.kind != "Pad":
        _expect_windows(read.kind, attributes, label)
    return Node(read.kind, read.name, read.inputs, read.outputs, attributes)


def _expect_windows(kind: str, attributes: Mapping[str, Any], label: str) -> None:
    """Raise Unsupported for windows that no image has: what is worked out of them would not end, or not fit."""
    for name in _OF_WINDOWS:
        most = _LARGEST_MEAN if name == "kernel_shape" and kind == "AveragePool" else _LARGEST_WINDOW
        if max(map(abs, attributes.get(name, ())), default=0) > most:
            raise Unsupported(f"{label}: madi takes {name} of up to {most}, got {attributes[name]}.")


def _attribute(entry: Any, label: str, beside: Beside) -> Any:
    """An attribute as Python's numbers and text, a tuple of them, or an array."""
    from onnx import AttributeProto as Kind

    match entry.type:
        case Kind.FLOAT:
            return float(entry.f)
        case Kind.INT:
            return int(entry.i)
        case Kind.STRING:
            return _decoded(entry.s, entry.name, label)
        case Kind.FLOATS:
            return tuple(map(float, entry.floats))
        case Kind.INTS:
            return tuple(map(int, entry.ints))
        case Kind.STRINGS:
            return tuple(_decoded(text, entry.name, label) for text in entry.strings)
        case Kind.TENSOR:
            return to_array(entry.t, beside, f"{label}, attribute '{entry.name}'")
    name = Kind.AttributeType.Name(entry.type).lower().replace("_", " ")
    name = "graph within the graph" if name.startswith("graph") else name
    raise Unsupported(f"{label}: madi does not take its attribute '{entry.name}', a {name}.")


def _decoded(text: bytes, name: str, label: str) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError as error:
        raise FileError(f"{label}: expected text in UTF-8 as attribute '{name}': {error}.") from error


def _expect_schema(node: Node, types: Mapping[str, int], opset: int, label: str) -> None:
    """Raise FileError where the node's inputs or attributes are not those of ONNX's operator.

    types   of its attributes, by name
    """
    schema = _schema(node.kind, opset)
    if schema is None:
        return
    for name, kind in types.items():
        _expect_attribute(schema.attributes, name, kind, f"{label}: {node.kind} of version {opset}")
    missing = [name for name, entry in schema.attributes.items() if entry.required and name not in types]
    if missing:
        raise FileError(f"{label}: {node.kind} needs the attribute '{missing[0]}' in version {opset}.")
    least, most, count = schema.min_input, schema.max_input, len(node.inputs)
    if not least <= count <= most:
        expected = f"{least}" if least == most else f"{least} to {most}"
        raise FileError(f"{label}: expected {expected} inputs in version {opset}, got {count}.")
    left_out = [place for place, name in enumerate(node.inputs[:least]) if name == LEFT_OUT]
    if left_out:
        raise FileError(f"{label}: its input {left_out[0] + 1} is left out, and {node.kind} needs it.")


def _expect_attribute(known: Mapping[str, Any], name: str, kind: int, label: str) -> None:
    if name not in known:
        near = closest(name, known)
        hint = f" Did you mean '{near}'?" if near else ""
        raise FileError(f"{label} has no attribute '{name}'.{hint}")
    if int(known[name].type.value) != kind:
        raise FileError(f"{label} has another type of attribute '{name}': {known[name].type.name}.")


@functools.cache
def _schema(kind: str, opset: int) -> Any:
    """What ONNX says of an operator; None where it has none of the name."""
    from onnx import defs

    try:
        return defs.get_schema(kind, max_inclusive_version=opset, domain="")
    except defs.SchemaError:
        return None


# ---- constants


def _constants(graph: Any, where: str, beside: Beside) -> dict[str, np.ndarray]:
    _expect_text((tensor.name for tensor in graph.initializer), where)
    found: dict[str, np.ndarray] = {}
    for tensor in graph.initializer:
        if tensor.name in found or not tensor.name:
            raise FileError(f"{where}: expected a name of its own for each constant, got '{tensor.name}' again.")
        found[tensor.name] = to_array(tensor, beside, f"{where}: constant '{tensor.name}'")
    return found


def _value_of(node: Node) -> np.ndarray:
    """The array of a Constant."""
    given = [(form, dtype) for form, dtype in _FORMS if form in node.attributes]
    if len(given) != 1 or len(node.attributes) != 1 or len(node.outputs) != 1:
        named = ", ".join(node.attributes) or "no attribute"
        raise FileError(f"{node.label}: expected one attribute with its value, got {named}.")
    form, dtype = given[0]
    value = node.attributes[form]
    return value if dtype is None else np.array(value, dtype)


# ---- names


def _expect_text(names: Iterable[Any], where: str) -> None:
    """Raise FileError for a name that is no text in UTF-8, which protobuf gives as bytes."""
    strange = next((name for name in names if not isinstance(name, str)), None)
    if strange is not None:
        raise FileError(f"{where}: expected names in UTF-8, got {strange!r}. The file is corrupt.")


def _outputs(nodes: Sequence[Node]) -> Iterator[str]:
    return (name for node in nodes for name in node.outputs if name != LEFT_OUT)


def _expect_single(names: Sequence[str], where: str) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise FileError(f"{where}: '{name}' is given twice; each name of a graph stands for one value.")
        seen.add(name)


def _expect_outputs(outputs: Sequence[Port], names: set[str], where: str) -> None:
    if not outputs:
        raise FileError(f"{where}: the graph has no output.")
    for port in outputs:
        if port.name not in names:
            raise FileError(f"{where}: no node gives the graph's output '{port.name}'.")


def _port(port: Any, side: str, where: str) -> Port:
    _expect_text([port.name], where)
    label = f"{where}: {side} '{port.name}'"
    kind = port.type.WhichOneof("value")
    if not port.name:
        raise FileError(f"{where}: an {side} of the graph has no name.")
    if kind is None:
        return Port(port.name)
    if kind != "tensor_type":
        raise Unsupported(f"{label}: madi takes tensors, got a {kind.removesuffix('_type').replace('_', ' ')}.")
    tensor = port.type.tensor_type
    dtype = type_name(tensor.elem_type, label) if tensor.elem_type else None
    return Port(port.name, dtype, _axes(tensor.shape, label) if tensor.HasField("shape") else None)


def _axes(shape: Any, label: str) -> tuple[int | str | None, ...]:
    _expect_text((axis.dim_param for axis in shape.dim), label)
    axes = tuple(axis.dim_value if axis.HasField("dim_value") else axis.dim_param or None for axis in shape.dim)
    if any(isinstance(axis, int) and axis < 0 for axis in axes):
        raise FileError(f"{label}: expected sizes of at least 0, got {axes}.")
    return axes
