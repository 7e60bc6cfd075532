"""What a file becomes: ports, constants of every type, nodes in order, what is computed at load."""

from __future__ import annotations

import sys

import ml_dtypes
import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

import madi.onnx
from madi.errors import ConfigurationError
from madi.onnx.files import Beside
from madi.onnx.tensors import to_array, type_name

from .making import content, model

TYPES = [code for name, code in TensorProto.DataType.items() if name != "UNDEFINED"]


def test_ports_metadata_and_description(tmp_path):
    proto = model(
        "y = Add(x, w)  z = Identity(x)", inputs="float[N,3] x, int64[2] i", outputs="float[N,3] y, float[?,3] z",
        w=np.ones(3, np.float32),
    )  # fmt: skip
    proto.metadata_props.add(key="madi.classes", value='["a", "b"]')
    path = tmp_path / "small.onnx"
    path.write_bytes(proto.SerializeToString())
    loaded = madi.onnx.load(path)
    assert [(port.name, port.dtype, port.shape) for port in loaded.inputs] == [
        ("x", "float32", ("N", 3)), ("i", "int64", (2,)),
    ]  # fmt: skip
    assert [(port.name, port.shape) for port in loaded.outputs] == [("y", ("N", 3)), ("z", (None, 3))]
    assert loaded.opset == 17
    assert loaded.metadata == {"madi.classes": '["a", "b"]'}
    assert repr(loaded).splitlines() == [
        f"Loaded({path}, version 17, 2 nodes",
        "  inputs x: float32 (N, 3)",
        "  inputs i: int64 (2)",
        "  outputs y: float32 (N, 3)",
        "  outputs z: float32 (?, 3))",
    ]


def test_a_constant_that_is_an_input_too_is_no_input():
    proto = model("y = Add(x, w)", inputs="float[N] x, float[1] w", ir=3, w=np.float32([2]))
    loaded = madi.onnx.load(proto.SerializeToString())
    assert [port.name for port in loaded.inputs] == ["x"]
    assert loaded.run({"x": np.float32([1])})[0].tolist() == [3]


@pytest.mark.parametrize("code", TYPES, ids=TensorProto.DataType.Name)
@pytest.mark.parametrize("raw", [True, False], ids=["raw", "typed"])
def test_constants_of_every_type(code, raw):
    if code == TensorProto.STRING:
        tensor = helper.make_tensor("w", code, (2, 1), ["a", "ö"])
        assert to_array(tensor, Beside(None), "w").tolist() == [["a"], ["ö"]]
        return
    dtype = helper.tensor_dtype_to_np_dtype(code)
    signed = dtype.kind == "i" or dtype.name in ("int2", "int4") or "float" in dtype.name
    only_powers = dtype.name == "float8_e8m0fnu"
    wanted = np.array([1, 2, 0.5] if only_powers else [0, 1, -1 if signed else 1, 1, 0, 1, 1], np.float32).astype(dtype)
    tensor = numpy_helper.from_array(wanted) if raw else helper.make_tensor("w", code, wanted.shape, wanted)
    assert tensor.HasField("raw_data") == raw
    found = to_array(tensor, Beside(None), "w")
    assert type_name(code, "w") == dtype.name == found.dtype.name
    assert found.tobytes() == wanted.tobytes()


def test_a_constant_without_numbers_and_one_without_axes():
    for shape in ((0, 3), ()):
        wanted = np.ones(shape, np.float32)
        found = to_array(numpy_helper.from_array(wanted), Beside(None), "w")
        assert found.shape == shape
        assert found.tolist() == wanted.tolist()


@pytest.mark.parametrize(
    ("form", "wanted"),
    [
        ("value = float {1.5}", np.float32(1.5)),
        ("value_float = 1.5", np.float32(1.5)),
        ("value_floats = [1.5, 2.0]", np.float32([1.5, 2])),
        ("value_int = 3", np.int64(3)),
        ("value_ints = [3, 4]", np.int64([3, 4])),
        ('value_string = "a"', np.array("a", object)),
        ('value_strings = ["a", "b"]', np.array(["a", "b"], object)),
    ],
)
@pytest.mark.parametrize("engine", ["numpy", "jax"])
def test_every_form_of_a_constant(form, wanted, engine):
    body = f"y = Constant <{form}> ()"
    kind = "string" if wanted.dtype == object else "float" if wanted.dtype == np.float32 else "int64"
    (y,) = madi.onnx.load(content(body, outputs=f"{kind}[?] y")).run({"x": np.zeros(1, np.float32)}, engine=engine)
    assert y.dtype == wanted.dtype
    assert y.tolist() == wanted.tolist()


def test_nodes_are_put_in_order_and_what_nobody_reads_is_left_out():
    loaded = madi.onnx.load(content("y = Neg(b)  unread = Det(x)  b = Relu(a)  a = Abs(x)"))
    assert [node.kind for node in loaded.graph.nodes] == ["Abs", "Relu", "Neg"]


def test_what_depends_on_constants_alone_is_computed_at_load():
    body = """
        shape = Constant <value_ints = [2, 3]> ()
        filled = ConstantOfShape <value = float[1] {0.5}> (shape)
        w = Add(filled, filled)
        sizes = Shape(w)
        size = Gather(sizes, one)
        y = Gemm(x, w)
        n = Identity(size)
    """
    outputs = "float[N,3] y, int64 n"
    loaded = madi.onnx.load(content(body, inputs="float[N,2] x", outputs=outputs, one=np.array(1)))
    assert [node.kind for node in loaded.graph.nodes] == ["Gemm"]
    assert set(loaded.graph.constants) == {"w", "n"}
    y, n = loaded.run({"x": np.float32([[1, 2]])})
    assert y.tolist() == [[3, 3, 3]]
    assert n.tolist() == 3


def test_attributes_are_pythons_own():
    body = 'y = Conv <auto_pad = "NOTSET", group = 1, pads = [0, 0, 1, 1]> (x, w)'
    loaded = madi.onnx.load(content(body, inputs="float[N,1,4,4] x", w=np.ones((1, 1, 2, 2), np.float32)))
    (node,) = loaded.graph.nodes
    assert node.attributes == {"auto_pad": "NOTSET", "group": 1, "pads": (0, 0, 1, 1)}
    assert node.label == "Conv 'y'"


def test_an_input_that_is_left_out():
    loaded = madi.onnx.load(content("y = Clip(x, , most)", most=np.float32(1)))
    assert loaded.graph.nodes[0].inputs == ("x", "", "most")
    assert loaded.run({"x": np.float32([-5, 0.5, 5])})[0].tolist() == [-5, 0.5, 1]


def test_weights_lie_as_madi_reads_them_and_have_the_axes_of_the_file():
    w, v = np.arange(36, dtype=np.float32).reshape(2, 2, 3, 3), np.arange(18, dtype=np.float32).reshape(3, 6)
    body = "c = Conv(x, w)  f = Flatten(c)  y = Gemm <transB = 1> (f, v)"
    loaded = madi.onnx.load(content(body, inputs="float[N,2,3,5] x", w=w, v=v))
    constants = loaded.graph.constants
    assert (constants["w"] == w).all()
    assert (constants["v"] == v).all()
    assert constants["w"].transpose(2, 3, 1, 0).flags.c_contiguous
    assert constants["v"].T.flags.c_contiguous


def test_external_data_of_every_width(tmp_path):
    proto = model("y = Add(x, w)", inputs="float[2] x", outputs="float[2] y", w=np.float32([1, 2]))
    tensor = proto.graph.initializer.add(name="k", data_type=TensorProto.INT4, dims=[3])
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="k.bin")
    (tmp_path / "k.bin").write_bytes(bytes([0x21, 0x0F]))
    found = to_array(tensor, Beside(tmp_path), "k")
    assert found.dtype == ml_dtypes.int4
    assert found.astype(int).tolist() == [1, 2, -1]


def test_without_the_package_onnx(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ConfigurationError, match=r"pip install madi\[onnx\]"):
        madi.onnx.load(b"model")
    with pytest.raises(ConfigurationError, match=r"pip install madi\[onnx\]"):
        madi.onnx.Backend  # noqa: B018 (it is loaded when it is asked for)


def test_what_is_published():
    assert set(madi.onnx.__all__) >= {"OPERATORS", "Backend", "Loaded", "Unsupported", "export", "load"}
    assert all(getattr(madi.onnx, name) is not None for name in madi.onnx.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'lod'"):
        madi.onnx.lod  # noqa: B018


def test_a_model_as_a_message():
    assert madi.onnx.load(model("y = Relu(x)")).run({"x": np.float32([-1, 1])})[0].tolist() == [0, 1]
