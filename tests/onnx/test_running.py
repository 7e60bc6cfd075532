"""Answers: the same on both engines, in the types of the file, compiled once for each shape."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import madi.onnx
from madi.onnx import running
from madi.onnx.fusing import fused
from madi.onnx.plan import Plan

from .making import content

ENGINES = ["numpy", "jax", "auto"]
NET = """
    c = Conv <pads = [1, 1, 1, 1]> (x, w, b)
    n = BatchNormalization (c, scale, shift, mean, variance)
    m = Mul (n, factor)
    a = Add (m, term)
    r = Relu (a)
    p = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (r)
    f = Flatten (p)
    y = Gemm <transB = 1> (f, v)
"""


def network(**changes):
    """A small convolutional network, in which everything joins the convolution."""
    rng = np.random.default_rng(0)
    shapes = {
        "w": (4, 2, 3, 3), "b": (4,), "scale": (4,), "shift": (4,), "mean": (4,), "variance": (4,),
        "factor": (4, 1, 1), "term": (1, 4, 1, 1), "v": (3, 16),
    }  # fmt: skip
    constants = {name: rng.uniform(0.5, 1.5, shape).astype(np.float32) for name, shape in shapes.items()}
    body = changes.pop("body", NET)
    outputs = changes.pop("outputs", "float[N,3] y")
    constants = {name: array for name, array in {**constants, **changes}.items() if f"{name}" in body}
    return madi.onnx.load(content(body, inputs="float[N,2,4,4] x", outputs=outputs, **constants))


@pytest.fixture
def x():
    return np.random.default_rng(1).normal(size=(3, 2, 4, 4)).astype(np.float32)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_network_answers_as_onnxruntime_does(engine, x):
    onnxruntime = pytest.importorskip("onnxruntime")
    constants = {name: np.array(array) for name, array in network().graph.constants.items()}
    source = content(NET, inputs="float[N,2,4,4] x", outputs="float[N,3] y", **constants)
    session = onnxruntime.InferenceSession(source, providers=["CPUExecutionProvider"])
    (wanted,) = session.run(None, {"x": x})
    (found,) = network().run({"x": x}, engine=engine)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)


def test_what_follows_a_convolution_joins_it(x):
    loaded = network()
    joined = fused(loaded.graph)
    assert [node.kind for node in loaded.graph.nodes][:5] == ["Conv", "BatchNormalization", "Mul", "Add", "Relu"]
    assert [node.kind for node in joined.nodes] == ["Conv", "MaxPool", "Flatten", "Gemm"]
    assert joined.nodes[0].attributes["relu"] is True
    assert joined.nodes[-1].attributes["transB"] == 0
    apart = running.Runner(Plan.of(loaded.graph), "apart").run({"x": x}, "numpy")
    np.testing.assert_allclose(loaded.run({"x": x}, engine="numpy")[0], apart[0], rtol=1e-5)


@pytest.mark.parametrize("engine", ["numpy", "jax"])
def test_weights_of_rows_and_of_transposed_convolutions(engine):
    onnxruntime = pytest.importorskip("onnxruntime")
    rng = np.random.default_rng(0)
    constants = {"w": rng.normal(size=(4, 1, 3)), "factor": rng.normal(size=(4, 1)), "v": rng.normal(size=(4, 3, 2))}
    constants = {name: array.astype(np.float32) for name, array in constants.items()}
    body = "c = Conv <group = 2> (x, w)  m = Mul(c, factor)  y = ConvTranspose <strides = [2]> (m, v)"
    source = content(body, inputs="float[N,2,9] x", outputs="float[N,3,14] y", **constants)
    x = rng.normal(size=(2, 2, 9)).astype(np.float32)
    loaded = madi.onnx.load(source)
    assert [node.kind for node in fused(loaded.graph).nodes] == ["Conv", "ConvTranspose"]
    assert Plan.of(fused(loaded.graph)).kernels == {"m/weight", "v"}
    (wanted,) = onnxruntime.InferenceSession(source, providers=["CPUExecutionProvider"]).run(None, {"x": x})
    np.testing.assert_allclose(loaded.run({"x": x}, engine=engine)[0], wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("body", "outputs", "kinds"),
    [
        ("c = Conv(x, w)  y = Relu(c)", "float[N,4,2,2] y, float[N,4,2,2] c", ["Conv", "Relu"]),  # c is asked for
        ("c = Conv(x, w)  r = Relu(c)  y = Add(r, c)", "float[N,4,2,2] y", ["Conv", "Relu", "Add"]),  # c is read twice
        ("c = Conv(x, w)  r = Relu(c)  y = Mul(r, factor)", "float[N,4,2,2] y", ["Conv", "Mul"]),  # after the ReLU
        ("c = Conv(x, w)  y = Mul(c, image)", "float[N,4,2,2] y", ["Conv", "Mul"]),  # a number for each pixel
        ("c = Conv(x, w)  y = Div(factor, c)", "float[N,4,2,2] y", ["Conv", "Div"]),
        ("c = Conv(x, w)  y = Sub(factor, c)", "float[N,4,2,2] y", ["Conv", "Sub"]),
        ("c = Conv(x, w)  y = Div(c, factor)", "float[N,4,2,2] y", ["Conv"]),
        ("c = Conv(x, w)  y = Sub(c, one)", "float[N,4,2,2] y", ["Conv"]),
        ("c = Conv(x, w)  y = Add(one, c)", "float[N,4,2,2] y", ["Conv"]),
        ("c = Conv(x, single)  y = Mul(c, factor)", "float[N,4,2,2] y", ["Conv", "Mul"]),  # one channel becomes four
    ],
)
def test_rules_hold_only_where_they_say_the_same(body, outputs, kinds, x):
    extra = {
        "image": np.full((2, 2), 2, np.float32), "one": np.float32(3), "single": np.ones((1, 2, 3, 3), np.float32),
    }  # fmt: skip
    loaded = network(body=body, outputs=outputs, **{name: array for name, array in extra.items() if name in body})
    assert [node.kind for node in fused(loaded.graph).nodes] == kinds
    apart = running.Runner(Plan.of(loaded.graph), "apart").run({"x": x}, "numpy")
    for ours, theirs in zip(loaded.run({"x": x}, engine="numpy"), apart, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


def test_batch_normalization_that_trains_does_not_join():
    body = """c = Conv(x, w)
        y, means, variances = BatchNormalization <training_mode = 1> (c, scale, shift, mean, variance)"""
    outputs = "float[N,4,2,2] y, float[4] means, float[4] variances"
    loaded = network(body=body, outputs=outputs)
    assert [node.kind for node in fused(loaded.graph).nodes] == ["Conv", "BatchNormalization"]


@pytest.mark.parametrize("engine", ["numpy", "jax"])
def test_types_are_those_of_the_file(engine):
    body = "a = Add(i, big)  d = Div(f, third)  h = Mul(g, g)"
    inputs, outputs = "int64[N] i, double[N] f, float16[N] g", "int64[N] a, double[N] d, float16[N] h"
    constants = {"big": np.int64([2**40]), "third": np.float64([3])}
    loaded = madi.onnx.load(content(body, inputs=inputs, outputs=outputs, **constants))
    a, d, h = loaded.run({"i": np.int64([1]), "f": np.float64([1]), "g": np.float16([2])}, engine=engine)
    assert (a.dtype, d.dtype, h.dtype) == (np.int64, np.float64, np.float16)
    assert a.tolist() == [2**40 + 1]
    assert d.tolist() == [1 / 3]


def test_each_shape_is_compiled_once(x):
    loaded = network()
    first = loaded.run({"x": x[:1]}, engine="jax")
    kept = dict(loaded._runner._programs)
    for size in (1, 2, 1, 2):
        loaded.run({"x": x[:size]}, engine="jax")
    programs = loaded._runner._programs
    assert len(programs) == 2
    assert [programs[key] for key in kept] == list(kept.values())
    assert np.array_equal(loaded.run({"x": x[:1]}, engine="auto")[0], first[0])  # what is compiled is used


@pytest.fixture
def compilations(monkeypatch):
    """The shapes that were compiled for: nothing is compiled, and a program answers with text."""
    shapes = []

    def compiled(runner, inputs, fixed):
        shapes.append(inputs["x"].shape)
        return lambda inputs: ["compiled"]

    monkeypatch.setattr(running, "Compiled", compiled)
    return shapes


def test_few_programs_are_kept(compilations):
    loaded = network()
    for size in range(1, 13):
        loaded.run({"x": np.zeros((size, 2, 4, 4), np.float32)}, engine="jax")
    assert len(compilations) == 12
    assert len(loaded._runner._programs) == running.KEPT


def test_numpy_answers_until_compiling_is_the_quicker_way(x, compilations):
    loaded = network()
    answers = [loaded.run({"x": x})[0] for _ in range(400)]
    assert isinstance(answers[0], np.ndarray)
    assert answers[-1] == "compiled"
    assert compilations == [x.shape]
    assert isinstance(loaded.run({"x": x[:1]})[0], np.ndarray)  # another shape begins anew
    assert isinstance(loaded.run({"x": x}, engine="numpy")[0], np.ndarray)


def test_a_large_job_is_compiled_at_once(compilations):
    w = np.zeros((64, 64, 3, 3), np.float32)
    loaded = madi.onnx.load(content("y = Conv(x, w)", inputs="float[N,64,H,W] x", w=w))
    assert loaded.run({"x": np.zeros((1, 64, 224, 224), np.float32)}) == ["compiled"]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_shape_that_is_given(engine):
    loaded = madi.onnx.load(content("y = Reshape(x, shape)", inputs="float[N] x, int64[K] shape", outputs="float[?] y"))
    x = np.arange(6, dtype=np.float32)
    for shape in ((2, 3), (3, 2), (6,)):
        (y,) = loaded.run({"x": x, "shape": np.array(shape)}, engine=engine)
        assert y.shape == shape


def test_a_shape_that_is_computed_of_the_numbers_that_are_given():
    body = "s = ReduceSum <keepdims = 0> (x)  k = Cast <to = 7> (s)  n = Reshape(k, row)  y = Expand(one, n)"
    constants = {"row": np.array([1]), "one": np.ones(1, np.float32)}
    loaded = madi.onnx.load(content(body, inputs="float[2,40] x", outputs="float[?] y", **constants))
    given = {"x": np.full((2, 40), 0.1, np.float32)}
    assert loaded.run(given)[0].shape == (8,)
    with pytest.raises(madi.onnx.Unsupported, match="Expand 'y': madi needs the numbers"):
        loaded.run(given, engine="jax")
    loaded._runner._seconds[loaded._runner._key(given)] = 1e9  # due to be compiled, and cannot be
    assert loaded.run(given)[0].shape == (8,)
    few = madi.onnx.load(content(body, inputs="float[8] x", outputs="float[?] y", **constants))
    assert few.run({"x": np.ones(8, np.float32)}, engine="jax")[0].shape == (8,)  # compiled for these very numbers
    assert few.run({"x": np.zeros(8, np.float32)}, engine="jax")[0].shape == (0,)


def test_errors_name_the_node():
    loaded = madi.onnx.load(content("y = Add(x, w)", inputs="float[N] x", w=np.ones(3, np.float32)))
    for engine in ENGINES:
        with pytest.raises(madi.MadiError, match="Add 'y'"):
            loaded.run({"x": np.ones(2, np.float32)}, engine=engine)


@pytest.mark.parametrize("engine", ["numpy", "jax"])
def test_answers_are_the_callers_own(engine):
    w = np.ones(2000, np.float32)
    loaded = madi.onnx.load(content("y = Identity(x)  z = Identity(w)", outputs="float[N] y, float[K] z", w=w))
    x = np.ones(2, np.float32)
    y, z = loaded.run({"x": x}, engine=engine)
    y += 1
    z += 1
    assert x.tolist() == [1, 1]
    assert loaded.run({"x": x}, engine=engine)[1].sum() == 2000


def test_several_threads_ask_at_once(x):
    loaded, found = network(), []
    threads = [threading.Thread(target=lambda: found.append(loaded.run({"x": x}, engine="jax")[0])) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert all(np.array_equal(y, found[0]) for y in found)


PATIENCE = 60  # seconds that a test waits for what must come; nothing here takes as long


def test_who_has_a_program_does_not_wait_while_another_shape_is_compiled(x, monkeypatch):
    loaded, begun, go_on = network(), threading.Event(), threading.Event()
    loaded.run({"x": x[:1]}, engine="jax")
    compiled, answers = running.Compiled, []

    def slow(*arguments):
        begun.set()
        go_on.wait(PATIENCE)
        return compiled(*arguments)

    def answer():
        answers.extend(loaded.run({"x": x[:1]}, engine=engine)[0] for engine in ENGINES)
        answers.append(loaded.run({"x": x[:2]}, engine="numpy")[0])

    monkeypatch.setattr(running, "Compiled", slow)
    other = threading.Thread(target=lambda: loaded.run({"x": x[:2]}, engine="jax"))
    asking = threading.Thread(target=answer)
    try:
        other.start()
        assert begun.wait(PATIENCE)
        asking.start()
        asking.join(PATIENCE)
        assert [y.shape for y in answers] == [(1, 3)] * 3 + [(2, 3)]
        assert len(loaded._runner._programs) == 1  # that of the other shape is still to come
    finally:
        go_on.set()
        other.join()
        asking.join()
    assert len(loaded._runner._programs) == 2


def test_values_of_constants_are_made_once(x, monkeypatch):
    loaded, made = network(), []
    constant = Plan.constant
    monkeypatch.setattr(Plan, "constant", lambda plan, name, array: made.append(name) or constant(plan, name, array))
    answers = [loaded.run({"x": x}, engine="numpy")[0] for _ in range(3)]
    assert made
    assert sorted(made) == sorted(loaded._runner.plan.constants)
    assert np.array_equal(answers[0], answers[2])


def test_overflow_is_no_warning():
    loaded = madi.onnx.load(content("y = Exp(x)"))
    assert loaded.run({"x": np.float32([1000])}, engine="numpy")[0].tolist() == [float("inf")]


def test_text():
    loaded = madi.onnx.load(content("y = Identity(s)", inputs="string[N] s", outputs="string[N] y"))
    for engine in ENGINES:
        (y,) = loaded.run({"s": ["a", "bc"]}, engine=engine)
        assert y.tolist() == ["a", "bc"]


@pytest.mark.long
def test_a_chain_of_20000_nodes_is_compiled():
    body = "\n".join(f"v{index + 1} = {'Relu' if index % 2 else 'Neg'}(v{index})" for index in range(20_000))
    loaded = madi.onnx.load(content(body, inputs="float[N] v0", outputs="float[N] v20000"))
    x = {"v0": np.float32([1, -2])}
    assert loaded.run(x, engine="jax")[0].tolist() == loaded.run(x, engine="numpy")[0].tolist()
