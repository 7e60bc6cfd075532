"""madi export: a trained network as a file that runs without madi."""

import csv
import sys

import numpy as np
import pytest

from madi.datasets import load
from madi.layers import Conv2D, Sequential, save
from madi.layers import load as load_model
from madi.training import predict_classes

pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")


def opened(path):
    return runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


def test_a_run(madi, trained, tmp_path):
    result = madi("export", trained, "--output", "digits.onnx")
    assert (result.code, result.err) == (0, "")
    lines = result.out.splitlines()
    size = (tmp_path / "digits.onnx").stat().st_size
    assert lines[0] == f"digits.onnx: {size:,} bytes, version 21 of ONNX's operators"
    assert [line.split() for line in lines[4:8]] == [
        ["input", "input", "float32", "(N,", "8,", "8,", "1)"],
        ["output", "output", "float32", "(N,", "10)"],
        ["output", "probabilities", "float32", "(N,", "10)"],
        ["output", "label", "str", "(N)"],
    ]
    assert lines[-1].startswith(f"onnx.checker accepts it; onnxruntime {runtime.__version__} gives madi's answers with")
    x = load("digits").test.x[:20]
    names, probabilities = predict_classes(load_model(trained / "model.safetensors"), x)
    shares, labels = opened("digits.onnx").run(["probabilities", "label"], {"input": x})
    np.testing.assert_allclose(shares, probabilities, atol=1e-5)
    assert labels.tolist() == list(names)


def test_a_file_of_onnx_is_a_model_to_other_commands(madi, trained):
    assert madi("export", trained, "--output", "digits.onnx").code == 0
    inspected = madi("inspect", "digits.onnx")
    assert (inspected.code, inspected.err) == (0, "")
    assert "classes: 0, 1, 2, 3" in inspected.out
    assert "parameters 1,210" in inspected.out
    for command in (["predict", "digits"], ["evaluate"]):
        name, *more = command
        results = [madi(name, place, *more) for place in (trained, "digits.onnx")]
        assert [result.code for result in results] == [0, 0]
        first, second = (result.out.splitlines()[1:] for result in results)
        assert first == second
    again = madi("export", "digits.onnx", "--output", "again.onnx", "--opset", 17, "--no-preprocessing")
    assert again.code == 0
    assert "version 17" in again.out
    assert [port.name for port in opened("again.onnx").get_outputs()] == ["output"]


def test_raw_rows_of_a_table(madi, tmp_path):
    rows = [f"{size}.5,{('red', 'blue')[size % 2]},{1000 + 40 * size}" for size in range(40)]
    (tmp_path / "house.csv").write_text("size,colour,price\n" + "\n".join(rows) + "\n")
    (tmp_path / "new.csv").write_text("size,colour\n7,red\n,blue\n12.25,pink\n")
    options = ["--target", "price", "--engine", "numpy", "--epochs", "3", "--hidden", "4", "--no-report", "--quiet"]
    assert madi("train", "house.csv", *options, "--output", "run").code == 0
    assert madi("export", "run").code == 0
    assert madi("predict", "run", "new.csv", "--output", "told.csv").code == 0
    with (tmp_path / "told.csv").open() as file:
        told = [float(row["price"]) for row in csv.DictReader(file)]
    feeds = {"size": np.float32([[7], [np.nan], [12.25]]), "colour": np.array([["red"], ["blue"], ["pink"]], object)}
    found = opened("run/model.onnx").run(["prediction"], feeds)[0]
    np.testing.assert_allclose(found[:, 0], told, rtol=1e-5)


def test_weights_under_names_of_pytorch(madi, tmp_path):
    from madi.models import create

    save(create("resnet18", outputs=2).build((32, 32, 3)), "m.safetensors")
    result = madi("export", "m.safetensors", "--format", "torch")
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith("m.torch.safetensors: ")
    from safetensors.numpy import load_file

    assert load_file("m.torch.safetensors")["layer1.0.conv1.weight"].shape == (64, 64, 3, 3)


def test_channels_first(madi):
    save(Sequential(Conv2D(2, 3)).build((5, 6, 3)), "m.safetensors")
    assert madi("export", "m.safetensors", "--channels", "first").code == 0
    assert opened("m.onnx").get_inputs()[0].shape == ["N", 3, 5, 6]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["missing"], "madi: missing: no such file or folder."),
        (["RUN", "--opset", "3"], "madi: export: expected an opset from 17 to 28, got 3."),
        (["RUN", "--output", "no/such/m.onnx"], "madi: Cannot write no/such/m.onnx: No such file or directory."),
        (["RUN", "--format", "torch"], "PyTorch's names are known of networks built as vgg"),
        (["RUN", "--output", "RUN/model.safetensors"], "the model itself lies there. Give another name."),
        (["RUN", "--format", "tf"], "'tf' is not one of 'onnx', 'torch'."),
        (["bad.onnx"], "bad.onnx: truncated, corrupt or no ONNX model"),
    ],
)
def test_mistakes(madi, trained, tmp_path, arguments, told):
    (tmp_path / "bad.onnx").write_bytes(b"\x08\x07nothing")
    result = madi("export", *(argument.replace("RUN", str(trained)) for argument in arguments))
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert told in result.err
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["bad.onnx"]


def test_without_the_package(madi, trained, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    result = madi("export", trained, "--output", "m.onnx")
    assert (result.code, result.err) == (2, "madi: ONNX needs the package onnx: pip install madi[onnx].\n")
