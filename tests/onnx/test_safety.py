"""What a file may claim, and what becomes of it: a named error, no crash, nothing read elsewhere, no memory taken."""

from __future__ import annotations

import os
import pickle
import random
import resource
import sys

import numpy as np
import pytest
from onnx import TensorProto, helper

import madi.onnx
from madi.errors import DataError, FileError, MadiError, ShapeError

from .making import content, model


def refused(source, message, error=FileError):
    with pytest.raises(error, match=message):
        madi.onnx.load(source)


# ---- files that are none


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "an empty file"),
        (pickle.dumps([1, 2]), "a pickle, which could run any code"),
        (b"PK\x03\x04rest", "a ZIP archive"),
        (b"\x1f\x8brest", "compressed by gzip"),
        (b"not a model at all", "truncated, corrupt or no ONNX model"),
        (b"\x08\x08", "it has no graph"),
        (content("y = Relu(x)")[:-5], "truncated, corrupt or no ONNX model"),
    ],
)
def test_a_file_that_is_no_model(tmp_path, data, message):
    path = tmp_path / "m.onnx"
    path.write_bytes(data)
    refused(path, f"m.onnx: .*{message}")
    refused(data, f"the model in memory: .*{message}")


def test_what_is_no_file(tmp_path):
    refused(tmp_path / "missing.onnx", "Cannot read .*missing.onnx: No such file")
    refused(tmp_path, "Cannot read .*: (Is a directory|expected a file)")
    refused(str(tmp_path / "nul\0.onnx"), "Cannot read")
    refused(3, "expected a path or the bytes of a model, got int", MadiError)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.onnx")
    refused(tmp_path / "pipe.onnx", "expected a file, got a folder, a pipe or a device")


def test_a_file_of_more_than_protobuf_takes(tmp_path):
    path = tmp_path / "large.onnx"
    with path.open("wb") as file:
        file.truncate(2**31)
    refused(path, "takes up to 2 GiB in one file. Export it with its weights as external data")


def test_bytes_that_were_changed_at_random_give_a_named_error():
    rng = random.Random(0)
    whole = content(
        "c = Conv <pads = [1, 1, 1, 1]> (x, w)  r = Relu(c)  s = Reshape(r, shape)  y = Gemm <transB = 1> (s, v)",
        inputs="float[N,2,4,4] x", outputs="float[N,3] y",
        w=np.ones((1, 2, 3, 3), np.float32), shape=np.array([-1, 16]), v=np.ones((3, 16), np.float32),
    )  # fmt: skip
    x, taken = np.ones((1, 2, 4, 4), np.float32), 0
    for _ in range(500):
        changed = bytearray(whole)
        for _ in range(rng.randint(1, 3)):
            changed[rng.randrange(len(changed))] = rng.choice((0, 1, 127, 128, 255, rng.randrange(256)))
        try:
            loaded = madi.onnx.load(bytes(changed))
            loaded.run({port.name: x for port in loaded.inputs}, engine="numpy")
            taken += 1
        except MadiError:
            continue
    assert 0 < taken < 500


# ---- sizes that lie


def tensor(**fields):
    return TensorProto(name="w", **{"data_type": TensorProto.FLOAT, **fields})


@pytest.mark.parametrize(
    ("lie", "message"),
    [
        (tensor(dims=[2**60]), r"constant 'w': expected 1152921504606846976 numbers for its shape .* got 0"),
        (tensor(dims=[2**40, 2**40]), "expected 1208925819614629174706176 numbers"),
        (tensor(dims=[2**60], raw_data=b"1234"), "expected 4611686018427387904 bytes .* got 4"),
        (tensor(dims=[-1], raw_data=b"1234"), "expected sizes of at least 0"),
        (tensor(dims=[2], raw_data=b"1234"), r"expected 8 bytes for its shape \(2\), got 4"),
        (tensor(dims=[2], float_data=[1.0]), r"expected 2 numbers for its shape \(2\), got 1"),
        (tensor(dims=[1], float_data=[1.0, 2.0]), r"expected 1 numbers for its shape \(1\), got 2"),
        (tensor(dims=[1] * 65, float_data=[1.0]), "up to 64 axes"),
        (tensor(dims=[1], data_type=TensorProto.UINT8, int32_data=[300]), "numbers from 0 to 255, got 300"),
        (tensor(dims=[1], data_type=TensorProto.FLOAT16, int32_data=[-1]), "numbers from 0 to 65535, got -1"),
        (tensor(dims=[1], data_type=TensorProto.STRING, string_data=[b"\xff"]), "text in UTF-8"),
        (tensor(dims=[2], data_type=TensorProto.STRING, string_data=[b"a"]), "expected 2 texts"),
        (tensor(dims=[1], data_type=999, raw_data=b"1234"), "its type of numbers, 999, is none of ONNX's"),
        (tensor(dims=[1], data_type=0, raw_data=b"1234"), "its type of numbers, 0, is none of ONNX's"),
    ],
)
def test_a_constant_that_lies(lie, message):
    proto = model("y = Add(x, w)")
    proto.graph.initializer.append(lie)
    refused(proto.SerializeToString(), message)


@pytest.fixture
def little_memory():
    """The process may take 4 GiB more than it has: who takes memory first is found out."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    with open("/proc/self/statm") as file:
        used = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + 4 * 2**30, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


HUGE = 2**33  # numbers: 32 GiB of float32


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks Linux for the memory that is left")
@pytest.mark.usefixtures("little_memory")
@pytest.mark.parametrize("size", [2**60, HUGE])
def test_a_constant_of_a_shape_that_no_memory_holds(size):
    body = "c = ConstantOfShape(shape)  s = ReduceSum <keepdims = 0> (c)  y = Add(x, s)"
    refused(content(body, shape=np.array([size])), "ConstantOfShape 'c': .*memory", DataError)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks Linux for the memory that is left")
@pytest.mark.usefixtures("little_memory")
@pytest.mark.parametrize(
    ("body", "name"),
    [
        ("e = Expand(w, shape)  y = ReduceMax(e)", "Expand 'e'"),
        ("e = Pad(w, pads)  y = ReduceMax(e)", "Pad 'e'"),
        ("e = Add(row, column)  y = ReduceMax(e)", "Add 'e'"),
        ("e = MatMul(column, row)  y = ReduceMax(e)", "MatMul 'e'"),
    ],
)
@pytest.mark.parametrize("engine", ["fold", "numpy", "jax"])
def test_results_that_no_memory_holds(body, name, engine):
    long = np.ones(2**17, np.float32)
    constants = {
        "w": np.ones(1, np.float32), "shape": np.array([HUGE]), "pads": np.array([0, HUGE]),
        "row": long[None], "column": long[:, None],
    }  # fmt: skip
    if engine == "fold":
        refused(content(body, **constants), f"{name}: a result.* takes .* GiB", DataError)
        return
    kinds = {"w": "float[1] w", "row": "float[1,K] row", "column": "float[K,1] column"}
    given = {name: constants.pop(name) for name in kinds if name in body}
    output = (
        "float[K] e" if engine == "jax" else "float[K] y"
    )  # a compiled program need not hold all of what it reduces
    loaded = madi.onnx.load(content(body, inputs=", ".join(kinds[name] for name in given), outputs=output, **constants))
    with pytest.raises(DataError, match="memory are left"):
        loaded.run(given, engine=engine)


def test_windows_that_no_memory_holds():
    wide = 2**20
    body = f"p = Conv <pads = [{wide}, {wide}, {wide}, {wide}], strides = [{wide}, {wide}]> (x, w)  y = Neg(p)"
    loaded = madi.onnx.load(content(body, inputs="float[1,8,4,4] x", w=np.ones((1, 8, 1, 1), np.float32)))
    x = np.ones((1, 8, 4, 4), np.float32)
    with pytest.raises(DataError, match=r"takes .* GiB, and .* of memory are left"):
        loaded.run({"x": x}, engine="numpy")
    assert loaded.run({"x": x}, engine="jax")[0].sum() == -8  # which needs no image with its rim
    far = content(body.replace(str(wide), str(2**62)), w=np.ones((1, 8, 1, 1), np.float32))
    refused(far, "Conv 'p': madi takes pads of up to 1048576, got", madi.onnx.Unsupported)


@pytest.mark.parametrize("engine", ["numpy", "jax"])
def test_sizes_beyond_what_can_be_counted(engine):
    loaded = madi.onnx.load(content("y = Expand(x, shape)", shape=np.array([2**40, 2**40, 1])))
    with pytest.raises(DataError, match=r"Expand 'y': (.*memory are left|cannot be computed)"):
        loaded.run({"x": np.ones(1, np.float32)}, engine=engine)


# ---- graphs that are none


def test_a_cycle_is_named():
    body = "a = Add(x, c)  b = Relu(a)  c = Relu(b)  y = Relu(c)"
    refused(content(body), "Add 'a', Relu 'b', Relu 'c' wait for each other: a graph has no cycle")
    refused(content("y = Add(x, y)"), "Add 'y' and itself wait for each other")


def test_a_long_cycle_is_named_in_short():
    nodes = [helper.make_node("Relu", [f"v{index}"], [f"v{(index + 1) % 5000}"]) for index in range(5000)]
    proto = model("y = Relu(x)")
    proto.graph.node.extend(nodes)
    refused(proto.SerializeToString(), "Relu 'v.*', .* 4996 more wait for each other")


def test_a_chain_of_20000_nodes_in_any_order():
    nodes = [helper.make_node("Neg", [f"v{index}"], [f"v{index + 1}"]) for index in range(20_001)]
    proto = model("y = Relu(x)", inputs="float[N] v0", outputs="float[N] v20001")
    del proto.graph.node[:]
    proto.graph.node.extend(nodes[::-1])
    loaded = madi.onnx.load(proto.SerializeToString())
    (y,) = loaded.run({"v0": np.float32([1, 2])})
    assert y.tolist() == [-1, -2]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("y = Relu(z)", "Relu 'y' reads 'z', which no input, constant or node gives"),
        ("z = Relu(x)", "no node gives the graph's output 'y'"),
        ("y = Relu(x)  y = Neg(x)", "'y' is given twice"),
        ("x = Relu(x)  y = Neg(x)", "'x' is given twice"),
        ("y = Relu(x, x)", "Relu 'y': expected 1 inputs in version 17, got 2"),
        ("y = Conv(x, )", "Conv 'y': (expected 2 to 3 inputs|its input 2 is left out)"),
        ("y = Relu <slope = 1> (x)", "Relu of version 17 has no attribute 'slope'"),
        ("y = Elu <alph = 1.0> (x)", "Did you mean 'alpha'"),
        ("y = Elu <alpha = 1> (x)", "another type of attribute 'alpha'"),
        ("y = Cast(x)", "Cast needs the attribute 'to'"),
        ("c = Constant <value_int = 1, value_float = 1.0> ()  y = Add(x, c)", "expected one attribute"),
    ],
)
def test_a_graph_that_contradicts_itself(body, message):
    refused(content(body), message)


def test_names_that_are_given_twice_or_not_at_all():
    w = np.ones(1, np.float32)
    proto = model("y = Add(x, w)", w=w)
    proto.graph.initializer.append(proto.graph.initializer[0])
    refused(proto.SerializeToString(), "a name of its own for each constant, got 'w' again")
    refused(content("y = Add(x, w)", inputs="float[N] x, float[N] x", w=w), "'x' is given twice")
    proto = model("y = Add(x, w)", w=w)
    del proto.graph.output[:]
    refused(proto.SerializeToString(), "the graph has no output")


# ---- what madi does not take, by name


@pytest.mark.parametrize("opset", [1, 5, 29, 999])
def test_versions_of_operators(opset):
    refused(content("y = Relu(x)", opset=opset), f"versions 6 to 28 .* got {opset}", madi.onnx.Unsupported)


def test_versions_that_contradict_each_other_or_are_missing():
    proto = model("y = Relu(x)")
    proto.opset_import.append(helper.make_opsetid("ai.onnx", 13))
    refused(proto.SerializeToString(), "expected one version of ONNX's operators, got 13, 17")
    del proto.opset_import[:]
    refused(proto.SerializeToString(), "expected one version of ONNX's operators, got none")
    refused(content("y = Relu(x)", ir=99), "version 1 to .* of ONNX's format, got 99", madi.onnx.Unsupported)


def test_unknown_domains_and_operators():
    domains = ', "com.other" : 1'
    named = content("y = com.other.Relu(x)", domains=domains)
    refused(named, "Relu 'y': madi does not know the domain 'com.other'", madi.onnx.Unsupported)
    assert madi.onnx.load(content("y = Relu(x)", domains=domains)).opset == 17  # declared, and used by no node
    refused(content("y = Det(x)"), "Det 'y': madi has no operator Det of version 17", madi.onnx.Unsupported)


def test_graphs_within_the_graph_sparse_tensors_and_functions():
    branches = [f"{name}_branch = {name} () => (float[N] {name}) {{ {name} = Relu(x) }}" for name in ("then", "else")]
    named = content(f"y = If <{', '.join(branches)}> (c)", inputs="float[N] x, bool c")
    refused(named, "If 'y': madi does not take its attribute '.*_branch', a graph within", madi.onnx.Unsupported)
    proto = model("y = Relu(x)")
    proto.graph.sparse_initializer.add().values.name = "s"
    refused(proto.SerializeToString(), "sparse tensors", madi.onnx.Unsupported)
    proto = model("y = Relu(x)")
    proto.functions.add(name="Relu", domain="")
    refused(proto.SerializeToString(), "functions of the file's own, such as 'Relu'", madi.onnx.Unsupported)
    named = content("y = Identity(x)", inputs="seq(float[N]) x", outputs="seq(float[N]) y")
    refused(named, "input 'x': madi takes tensors, got a sequence", madi.onnx.Unsupported)


# ---- external data


@pytest.fixture
def folder(tmp_path):
    """A model's folder, with four numbers in a file, and another file beside the folder."""
    inside = tmp_path / "inside"
    (inside / "deep").mkdir(parents=True)
    numbers = np.float32([1, 2, 3, 4]).tobytes()
    for path in (inside / "w.bin", inside / "deep" / "w.bin", tmp_path / "secret.bin"):
        path.write_bytes(numbers)
    return inside


def external(folder, location, count=4, **entries):
    """The path of a model whose constant w lies in a file."""
    proto = model("y = Add(x, w)")
    entry = proto.graph.initializer.add(name="w", data_type=TensorProto.FLOAT, dims=[count])
    entry.data_location = TensorProto.EXTERNAL
    for key, value in {"location": location, **entries}.items():
        entry.external_data.add(key=key, value=str(value))
    path = folder / "m.onnx"
    path.write_bytes(proto.SerializeToString())
    return path


def answer(path, count=4):
    (y,) = madi.onnx.load(path).run({"x": np.zeros(count, np.float32)})
    return y.tolist()


def test_external_data_within_the_folder(folder):
    assert answer(external(folder, "w.bin")) == [1, 2, 3, 4]
    assert answer(external(folder, "deep/w.bin")) == [1, 2, 3, 4]
    assert answer(external(folder, "w.bin", 2, offset=8, length=8), 2) == [3, 4]
    digest = "ac0f6fa5fa5b2dc4ba79aa0ee0f9ad2f8e9e2ed8"
    refused(external(folder, "w.bin", checksum=digest), f"of SHA-1 {digest}, got")


@pytest.mark.parametrize(
    "location",
    ["../secret.bin", "deep/../../secret.bin", "/etc/passwd", "", ".", "deep//w.bin", "..\\secret.bin", "C:w"],
)
def test_external_data_elsewhere(folder, location):
    refused(external(folder, location), "expected external data within the model's folder|Nothing is read there")


def test_external_data_behind_links(folder):
    (folder / "link.bin").symlink_to(folder.parent / "secret.bin")
    refused(external(folder, "link.bin"), "behind the link .*link.bin")
    (folder / "out").symlink_to(folder.parent)
    refused(external(folder, "out/secret.bin"), "behind the link .*out")
    os.link(folder.parent / "secret.bin", folder / "hard.bin")
    refused(external(folder, "hard.bin"), "have another name .a hard link.")
    os.mkfifo(folder / "pipe.bin")
    refused(external(folder, "pipe.bin"), "expected a file, got a folder, a pipe or a device")
    refused(external(folder, "deep"), "expected a file|Is a directory")
    refused(external(folder, "missing.bin"), "cannot read its external data .*missing.bin: No such file")


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"length": 8}, "expected 16 bytes of external data, and its length says 8"),
        ({"length": 2**62}, "and its length says 4611686018427387904"),
        ({"offset": 4}, "expected 16 bytes of external data from byte 4 of .*, which has 16"),
        ({"offset": 2**62, "length": 16}, "from byte 4611686018427387904"),
        ({"offset": -4}, "expected a whole number as offset of its external data, got '-4'"),
        ({"offset": "9" * 30}, "expected a whole number as offset"),
        ({"count": 2**60}, "expected 4611686018427387904 bytes of external data"),
        ({"count": 2}, "expected 8 bytes of external data from byte 0 of .*, which has 16"),
    ],
)
def test_external_data_that_lie(folder, entries, message):
    refused(external(folder, "w.bin", **entries), message)


def test_external_data_of_bytes_have_no_folder(folder):
    refused(external(folder, "w.bin").read_bytes(), "a model in memory has no folder. Load it by its path")


# ---- what `run` is given


def test_inputs_that_do_not_fit():
    loaded = madi.onnx.load(content("z = Add(x, w)  y = Add(z, v)", inputs="float[N,2] x, float[N,1] v",
                                    w=np.ones(2, np.float32)))  # fmt: skip
    x, v = np.ones((3, 2), np.float32), np.ones((3, 1), np.float32)
    wrong = [
        ({"x": x}, DataError, r"expected the input 'v' float32 \(N, 1\); got 'x'"),
        ({}, DataError, r"expected the input 'x' float32 \(N, 2\); 'v' float32 \(N, 1\); got nothing"),
        ({"x": x, "vv": v, "v": v}, DataError, "has no input 'vv'. Did you mean 'v'"),
        ({"x": x, "v": v, "w": v}, DataError, "'w' is a constant of the file"),
        ({"x": x, "v": np.ones(3, np.float32)}, ShapeError, r"expected 'v' float32 \(N, 1\), got the shape \(3,\)"),
        ({"x": x, "v": v[:2]}, ShapeError, r"expected N = 3 as in input 'x', got the shape \(2, 1\)"),
        ({"x": x[:, :1], "v": v}, ShapeError, r"input 'x': expected 'x' float32 \(N, 2\), got the shape \(3, 1\)"),
        ({"x": x * np.float64(0.1), "v": v}, DataError, r"of type float64, would change. Give array.astype"),
        ({"x": x, "v": [["a"]] * 3}, DataError, "expected float32, got an array of"),
        ({"x": x, "v": [[1], [2, 3]]}, DataError, "input 'v': expected an array"),
        (x, DataError, "expected a dictionary of arrays by name, got ndarray. Give {'x': array, 'v': array}"),
    ]
    for given, error, message in wrong:
        with pytest.raises(error, match=message):
            loaded.run(given)
    for numbers in (x.astype(np.float64), x.astype(int), x.tolist()):  # none of them changes
        assert loaded.run({"x": numbers, "v": v})[0].tolist() == [[3, 3]] * 3
    with pytest.raises(MadiError, match="Unknown engine 'torch'"):
        loaded.run({"x": x, "v": v}, engine="torch")
