"""Small ONNX files for tests, written as text with random weights, and what onnxruntime answers."""

from __future__ import annotations

import numpy as np
import pytest


def small_file(body, *, opset=17, x="N,3,6,5", dtype="float", outputs="y", metadata=None, constants=None, **weights):
    """The bytes of a file whose nodes `body` says, from the input x to the output y.

    weights     the shape of an array of random numbers, by name; one called "variance..." is above 0
    constants   arrays by name
    """
    import onnx.parser
    from onnx import helper, numpy_helper

    outs = ", ".join(f"float {name}" for name in outputs.split())
    head = f'<ir_version: 8, opset_import: ["" : {opset}]> g ({dtype}[{x}] x) => ({outs})'
    model = onnx.parser.parse_model(f"{head} {{ {body} }}")
    for port in model.graph.output:
        port.type.tensor_type.ClearField("shape")
    draw = np.random.default_rng(3)
    arrays = {name: drawn(name, shape, draw) for name, shape in weights.items()} | (constants or {})
    model.graph.initializer.extend(numpy_helper.from_array(array, name) for name, array in arrays.items())
    helper.set_model_props(model, metadata or {})
    return model.SerializeToString()


def drawn(name, shape, draw):
    """Random weights of this shape."""
    spread = draw.uniform(0.5, 1.5, shape) if name.startswith("variance") else draw.normal(size=shape)
    return np.asarray(spread, np.float32)


def answers(content, x):
    """All outputs of the file, by onnxruntime."""
    onnxruntime = pytest.importorskip("onnxruntime")
    options = onnxruntime.SessionOptions()
    options.log_severity_level, options.intra_op_num_threads = 4, 1
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: x})


def assert_near(got, expected, within=1e-5):
    """Equal shapes, and numbers that differ by at most `within` of the largest."""
    assert got.shape == expected.shape
    assert np.abs(got - expected).max() <= within * max(1.0, float(np.abs(expected).max()))
