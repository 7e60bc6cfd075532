"""Small models, written in ONNX's own notation."""

from __future__ import annotations

import onnx.parser
from onnx import numpy_helper


def model(body, *, inputs="float[N] x", outputs="float[M] y", opset=17, ir=8, domains="", **constants):
    """A ModelProto of one graph: `body` is its nodes; `constants` are its initializers."""
    imports = f'"" : {opset}' + domains
    text = f"<ir_version: {ir}, opset_import: [{imports}]> g ({inputs}) => ({outputs}) {{ {body} }}"
    proto = onnx.parser.parse_model(text)
    proto.graph.initializer.extend(numpy_helper.from_array(array, name) for name, array in constants.items())
    return proto


def content(body, **options):
    """The bytes of such a model."""
    return model(body, **options).SerializeToString()
