"""The file of an export: what stands in it, how it is checked, and what is refused."""

from __future__ import annotations

import sys
from importlib.metadata import version

import numpy as np
import onnx
import pytest

import madi
from madi.errors import ConfigurationError, FileError, ShapeError, UnknownNameError
from madi.graph import Parameter
from madi.layers import (
    BatchNorm,
    Conv2D,
    Dense,
    Flatten,
    GlobalAveragePool,
    MaxPool2D,
    ReLU,
    Residual,
    Sequential,
    Sigmoid,
    Softmax,
)
from madi.onnx import ExportMismatch, Unsupported, export
from madi.onnx.exporting import EXPORTS, document
from madi.onnx.exporting.exporting import exported
from tests.onnx.written import answer, session, shaken

NEWEST = 26  # version that the pinned onnxruntime takes


def convnet():
    body = Sequential(Conv2D(4, 3, bias=False), BatchNorm(), ReLU(), MaxPool2D(2))
    tail = Sequential(Residual(Sequential(Conv2D(4, 3), ReLU())), Flatten(), Dense(3))
    return shaken(Sequential(body, tail).build((6, 8, 2)))


def rows(*layers, shape=(4,)):
    return shaken(Sequential(*layers).build(shape))


X = np.random.default_rng(0).random((3, 6, 8, 2)).astype(np.float32)


# ---- what stands in it


def test_the_same_network_gives_the_same_bytes(tmp_path):
    model = convnet()
    first = export(model)
    assert export(model) == first
    madi.save(model, tmp_path / "m.safetensors")
    assert export(madi.load(tmp_path / "m.safetensors")) == first
    model.parameters()["1.2.bias"].value[0] += 1
    assert export(model) != first


@pytest.mark.parametrize("opset", [17, 21, NEWEST])
def test_it_is_well_formed_and_runs(opset):
    pytest.importorskip("onnxruntime")
    model = convnet()
    content = export(model, opset=opset, check=False)
    onnx.checker.check_model(content, full_check=True)
    message = onnx.load_from_string(content)
    assert [(entry.domain, entry.version) for entry in message.opset_import] == [("", opset)]
    expected = madi.predict(model, X)
    np.testing.assert_allclose(answer(content, X), expected, rtol=1e-5)
    np.testing.assert_allclose(answer(content, X[:1]), expected[:1], rtol=1e-5)


def test_what_it_says_of_itself():
    model = rows(Dense(2))
    message = onnx.load_from_string(export(model, name="two", extra={"classes": ["no", "예"], "dataset": "a.csv"}))
    assert (message.producer_name, message.producer_version) == ("madi", version("madi"))
    assert message.graph.name == "two"
    assert message.doc_string.startswith(
        "Written by madi. Inputs: input float32 (N, 4). Outputs: output float32 (N, 2)"
    )
    assert {entry.key: entry.value for entry in message.metadata_props} == {
        "madi.version": version("madi"),
        "madi.classes": '["no", "예"]',
        "madi.extra": '{"dataset": "a.csv"}',
    }


def test_weights_bear_their_paths_and_images_are_moved_once():
    graph = onnx.load_from_string(export(convnet())).graph
    assert {entry.name for entry in graph.initializer} >= {"0.0.weight", "0.1.mean", "0.1.scale", "1.2.weight"}
    moves = [(node.name, list(node.attribute[0].ints)) for node in graph.node if node.op_type == "Transpose"]
    assert moves == [("0.0/Transpose", [0, 3, 1, 2]), ("1.1/Transpose", [0, 2, 3, 1])]
    assert [node.op_type for node in graph.node][-2:] == ["Flatten", "Gemm"]


def test_nothing_is_moved_where_one_pixel_is_left():
    model = rows(Conv2D(3, 3), GlobalAveragePool(), Dense(2), shape=(6, 8, 2))
    kinds = [node.op_type for node in onnx.load_from_string(export(model)).graph.node]
    assert kinds == ["Transpose", "Conv", "GlobalAveragePool", "Flatten", "Gemm"]
    model = rows(Conv2D(3, 3), MaxPool2D((6, 8)), Flatten(), Dense(2), shape=(6, 8, 2))
    kinds = [node.op_type for node in onnx.load_from_string(export(model)).graph.node]
    assert kinds == ["Transpose", "Conv", "MaxPool", "Flatten", "Gemm"]


def test_channels_first():
    pytest.importorskip("onnxruntime")
    model = rows(Conv2D(3, 3), ReLU(), shape=(6, 8, 2))
    content = export(model, channels="first")
    assert [node.op_type for node in onnx.load_from_string(content).graph.node] == ["Conv", "Relu"]
    assert [port.shape for port in madi.onnx.load(content).outputs] == [("N", 3, 6, 8)]
    found = answer(content, np.ascontiguousarray(X.transpose(0, 3, 1, 2)))
    np.testing.assert_allclose(found.transpose(0, 2, 3, 1), madi.predict(model, X), rtol=1e-5, atol=1e-6)


def test_rows_have_no_channels_to_be_first():
    for channels in ("first", "last"):
        found = exported(rows(Flatten(), Dense(5), shape=(6, 8, 2)), channels=channels)
        assert [port.shape for port in found.outputs] == [("N", 5)]
        assert found.check.difference < 1e-5


def test_weights_of_other_types_become_float32():
    model = rows(Dense(3))
    for parameter in model.parameters().values():
        parameter.value = parameter.value.astype(np.float64)
    assert [entry.data_type for entry in onnx.load_from_string(export(model)).graph.initializer] == [1, 1]


def test_a_network_of_nothing():
    x = np.ones((2, 4), np.float32)
    assert (answer(export(Sequential().build((4,))), x) == x).all()


def test_a_weight_that_is_used_twice_stands_there_once():
    layer = Dense(4)
    graph = onnx.load_from_string(export(rows(layer, ReLU(), layer))).graph
    assert [entry.name for entry in graph.initializer] == ["0.weight", "0.bias"]


# ---- classes


@pytest.mark.parametrize(
    ("layers", "kinds"),
    [
        ((Dense(3),), ["Gemm", "Softmax", "ArgMax", "Gather"]),
        ((Dense(3), Softmax()), ["Gemm", "Softmax", "ArgMax", "Gather", "Identity"]),
        ((Dense(1),), ["Gemm", "Sigmoid", "Sub", "Concat", "ArgMax", "Gather"]),
        ((Dense(1), Sigmoid()), ["Gemm", "Sigmoid", "Sub", "Concat", "ArgMax", "Gather"]),
    ],
)
def test_probabilities_and_labels(layers, kinds):
    pytest.importorskip("onnxruntime")
    model = rows(*layers)
    model.classes = ("ant", "벌", "cat")[: max(2, layers[0].units)]
    content = export(model)
    assert [node.op_type for node in onnx.load_from_string(content).graph.node] == kinds
    x = np.random.default_rng(5).normal(size=(9, 4)).astype(np.float32)
    names, probabilities = madi.predict_classes(model, x)
    output, shares, labels = session(content).run(["output", "probabilities", "label"], {"input": x})
    np.testing.assert_allclose(output, madi.predict(model, x), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(shares, probabilities, rtol=1e-5, atol=1e-6)
    assert labels.tolist() == names.tolist()
    assert [port.name for port in exported(model, preprocessing=False).outputs] == ["output"]


# ---- the file


def test_a_file_is_whole_or_not_there(tmp_path):
    model, path = rows(Dense(2)), tmp_path / "m.onnx"
    assert export(model, path) == path
    assert path.read_bytes() == export(model)
    with pytest.raises(FileError, match=r"Cannot write .*No such file or directory"):
        export(model, tmp_path / "missing" / "m.onnx")
    assert list(tmp_path.iterdir()) == [path]


def test_a_failure_leaves_what_was_there(tmp_path):
    path = tmp_path / "m.onnx"
    path.write_text("earlier")
    with pytest.raises(ConfigurationError):
        export(rows(Dense(2)), path, opset=3)
    assert path.read_text() == "earlier"


# ---- checked


def test_the_check_says_what_it_compared():
    onnxruntime = pytest.importorskip("onnxruntime")
    found = exported(convnet()).check
    assert found.runtime == f"onnxruntime {onnxruntime.__version__}"
    assert found.difference < 1e-5
    assert str(found).endswith("of the largest")
    unknown = exported(rows(Dense(2)), opset=28).check
    assert (unknown.difference, str(unknown)) == (None, f"not run: {found.runtime} does not know version 28")
    assert str(exported(rows(Dense(2)), check=False).check) == "not run: no check was asked for"


def test_a_wrong_answer_is_found(monkeypatch):
    pytest.importorskip("onnxruntime")
    wrong = lambda write, node, x: write.elementwise("Softplus", x)  # noqa: E731
    monkeypatch.setitem(EXPORTS, madi.functions.ReLU, wrong)
    with pytest.raises(ExportMismatch, match=r"the file's 'output' differs from madi's by [0-9.]+ of the largest"):
        export(rows(Dense(2), ReLU()))


def test_a_fault_of_the_graph_is_found(monkeypatch):
    wrong = lambda write, node, x: write.elementwise("Relu", x, slope=3.0)  # noqa: E731
    monkeypatch.setitem(EXPORTS, madi.functions.ReLU, wrong)
    with pytest.raises(ExportMismatch, match=r"onnx.checker refuses what was written: .*slope"):
        export(rows(Dense(2), ReLU()))


def test_without_onnxruntime(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert str(exported(rows(Dense(2))).check) == "not run: onnxruntime is not installed"


def test_without_onnx(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ConfigurationError, match=r"needs the package onnx: pip install madi\[onnx\]"):
        export(rows(Dense(2)))


# ---- refused


def test_options():
    model = rows(Dense(2))
    for opset in (16, 29, "21"):
        with pytest.raises(ConfigurationError, match=f"expected an opset from 17 to 28, got {opset!r}"):
            export(model, opset=opset)
    with pytest.raises(UnknownNameError, match="Unknown order of channels 'middle'"):
        export(model, channels="middle")
    with pytest.raises(ShapeError, match="is not built yet"):
        export(Sequential(Dense(2)))
    with pytest.raises(ConfigurationError, match="extra must be plain JSON values"):
        export(model, extra={"when": object()})


def test_what_no_file_can_hold_is_refused(monkeypatch):
    monkeypatch.setattr(document, "MOST", 2**10)
    with pytest.raises(Unsupported, match=r"the weights take 0\.00 GiB, and one ONNX file holds at most 2"):
        export(rows(Dense(100)))


def test_a_network_that_was_changed_by_hand_goes_out_as_it_is():
    model = rows(Dense(3), ReLU(), Dense(2))
    model.replace("2", Dense(5))
    model[0].bias = Parameter(np.full(3, 7, np.float32))
    x = np.ones((2, 4), np.float32)
    np.testing.assert_allclose(answer(export(model), x), madi.predict(model, x), rtol=1e-5)
