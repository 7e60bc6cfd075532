"""The file: what was written as one message of protobuf, the same bytes for the same network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from madi.onnx.about import VERSION
from madi.onnx.exporting.writer import Line, Writer, code_of
from madi.onnx.graph import Port
from madi.onnx.ordering import needed
from madi.onnx.package import onnx_package
from madi.onnx.refusal import Unsupported

MOST = 2**31 - 2**20  # bytes of one message of protobuf, less what nodes and names may take


def named(write: Writer, old: str, new: str) -> None:
    """Call the value `old` by another name: that of an output, which was reserved.

    An input, and a value that bears such a name already, keep theirs.
    """
    made = any(old in line.outputs for line in write.lines)
    if not made or old in write.fixed:
        write.lines.append(Line("Identity", new, [old], [new]))
        return
    write.fixed.add(new)
    for line in write.lines:
        line.inputs = [new if name == old else name for name in line.inputs]
        line.outputs = [new if name == old else name for name in line.outputs]


def document(
    write: Writer, inputs: Sequence[Port], outputs: Sequence[Port], *, name: str, metadata: Mapping[str, str]
) -> bytes:
    """The bytes of the model.  Raises Unsupported where they are more than a file can have."""
    onnx = onnx_package()
    lines = needed(write.lines, [port.name for port in outputs])
    used = {name for line in lines for name in line.inputs}
    constants = {name: array for name, array in write.constants.items() if name in used}
    _expect_room(constants)
    model = onnx.ModelProto(producer_name="madi", producer_version=metadata[VERSION])
    model.doc_string = _told(inputs, outputs)
    model.opset_import.append(onnx.helper.make_opsetid("", write.opset))
    model.ir_version = onnx.helper.find_min_ir_version_for(model.opset_import)
    onnx.helper.set_model_props(model, dict(metadata))
    model.graph.name = name
    model.graph.input.extend(map(_port, inputs))
    model.graph.output.extend(map(_port, outputs))
    for line in lines:
        node = onnx.helper.make_node(line.kind, line.inputs, line.outputs, line.name, **line.attributes)
        model.graph.node.append(node)
    for name, array in constants.items():
        _fill(model.graph.initializer.add(), name, array)  # in its place: a network is large
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def _expect_room(constants: Mapping[str, Any]) -> None:
    size = sum(array.nbytes for array in constants.values())
    if size > MOST:
        raise Unsupported(
            f"export: the weights take {size / 2**30:.2f} GiB, and one ONNX file holds at most 2. Export a smaller "
            "network."
        )


def _port(port: Port) -> Any:
    helper, proto = onnx_package().helper, onnx_package().TensorProto
    code = proto.STRING if port.dtype == "str" else code_of(str(port.dtype))
    return helper.make_tensor_value_info(port.name, code, port.shape)


def _fill(tensor: Any, name: str, array: np.ndarray) -> None:
    """Make a TensorProto hold the array."""
    tensor.name = name
    tensor.dims.extend(array.shape)
    if array.dtype.kind in "OU":
        tensor.data_type = tensor.STRING
        tensor.string_data.extend(str(text).encode() for text in array.ravel())
    else:
        tensor.data_type = code_of(array.dtype.name)
        tensor.raw_data = array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()


def _told(inputs: Sequence[Port], outputs: Sequence[Port]) -> str:
    """Inputs and outputs in words."""
    return f"Written by madi. Inputs: {_listed(inputs)}. Outputs: {_listed(outputs)}."


def _listed(ports: Sequence[Port]) -> str:
    return ", ".join(f"{port.name} {port.dtype} ({', '.join(map(str, port.shape or ()))})" for port in ports)
