"""The light models in the onnx package, with seeded random weights in place of their constants, which are all 0.02."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

NAMES = (
    *("bvlc_alexnet", "densenet121", "inception_v1", "inception_v2", "resnet50", "shufflenet", "squeezenet", "vgg19"),
    "zfnet512",
)


def light_model(name, *, seed=0, batch=None, logits=True):
    """A light model whose weights are initializers.

    batch    None: as it is, one image; else the size of the first axis, which may be a name
    logits   whether its output is what goes into the last Softmax, where it has one
    """
    import onnx
    import onnx.backend.test
    from onnx import numpy_helper

    folder = Path(onnx.backend.test.__file__).parent / "data" / "light"
    model = onnx.load(folder / f"light_{name}.onnx")
    graph = model.graph
    shapes = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    made = {node.output[0]: tuple(shapes[node.input[0]]) for node in graph.node if node.op_type == "ConstantOfShape"}
    weights = _weights(graph, made, np.random.default_rng(seed))
    kept = [node for node in graph.node if node.op_type != "ConstantOfShape"]
    if logits and kept[-1].op_type == "Softmax":
        graph.output[0].name = kept.pop().input[0]
        graph.output[0].type.tensor_type.ClearField("shape")
    del graph.node[:]
    graph.node.extend(kept)
    graph.initializer.extend(numpy_helper.from_array(array, name) for name, array in weights.items())
    used = {name for node in graph.node for name in node.input}
    _keep(graph.initializer, used)
    _keep(graph.input, used)
    _keep(graph.value_info, ())
    if batch is not None:
        _free_batch(graph, batch)
    return model


def image(model, *, batch=1, seed=1):
    """{name: a random picture} for the model's input."""
    constants = {tensor.name for tensor in model.graph.initializer}
    (port,) = [port for port in model.graph.input if port.name not in constants]
    shape = (batch, *(axis.dim_value for axis in port.type.tensor_type.shape.dim[1:]))
    return {port.name: np.random.default_rng(seed).normal(size=shape).astype(np.float32)}


def _weights(graph, shapes, rng):
    """Weights at which activations stay alive: by what they are to the node that reads them."""
    readers = {name: (node, place) for node in graph.node for place, name in enumerate(node.input)}
    found = {}
    for name, shape in shapes.items():
        node, place = readers[name]
        if node.op_type == "Unsqueeze":  # a number for each channel, of a scale or a shift that follows
            node, place = readers[node.output[0]]
        found[name] = _drawn(node, place, shape, rng).astype(np.float32)
    return found


def _drawn(node, place, shape, rng):
    if (node.op_type, place) in (("BatchNormalization", 1), ("BatchNormalization", 4)) or node.op_type == "Mul":
        return rng.uniform(0.5, 1.5, shape)
    if len(shape) > 1 and node.op_type in ("Conv", "Gemm", "MatMul"):
        fan_in = math.prod(shape[1:]) if node.op_type == "Conv" else _inputs(node, shape)
        return rng.normal(size=shape) * math.sqrt(2 / fan_in)
    return rng.normal(size=shape) * 0.1


def _inputs(node, shape):
    """Of a dense layer's weight (inputs, outputs), or transposed."""
    turned = any(entry.name == "transB" and entry.i for entry in node.attribute)
    return shape[1] if turned else shape[0]


def _keep(entries, names):
    kept = [entry for entry in entries if entry.name in names]
    del entries[:]
    entries.extend(kept)


def _free_batch(graph, batch):
    """Have the first axis, which is 1 in the file and in the shapes of its Reshapes, be `batch`."""
    from onnx import numpy_helper

    constants = {tensor.name: tensor for tensor in graph.initializer}
    for port in (*graph.input, *graph.output):
        if port.name in constants or not port.type.tensor_type.shape.dim:
            continue
        axis = port.type.tensor_type.shape.dim[0]
        axis.Clear()
        setattr(axis, "dim_param" if isinstance(batch, str) else "dim_value", batch)
    for node in graph.node:
        if node.op_type != "Reshape":
            continue
        tensor = constants[node.input[1]]
        shape = numpy_helper.to_array(tensor).copy()
        if shape[0] == 1:
            shape[0] = -1 if -1 not in shape else 0
            tensor.CopyFrom(numpy_helper.from_array(shape, tensor.name))
