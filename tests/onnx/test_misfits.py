"""Files whose parts are right each by itself, and do not fit each other: a named error, wherever that is found out."""

from __future__ import annotations

import re

import numpy as np
import pytest
from onnx import helper

import madi.onnx
from madi.errors import FileError, MadiError

from .making import content, model

ONE, FOUR = np.ones(1, np.float32), np.ones(4, np.float32)
FILTERS = np.ones((4, 3, 3, 3), np.float32)
NORMALIZED = "c = Conv(x, w)  y = BatchNormalization(c, s, s, s, s)"


@pytest.mark.parametrize(
    ("body", "constants"),
    [
        (NORMALIZED, {"w": FILTERS, "s": np.ones(5, np.float32)}),
        (NORMALIZED, {"w": FILTERS, "s": FOUR[:, None]}),
        (NORMALIZED, {"w": FILTERS, "s": np.array(["a"] * 4, object)}),
        (NORMALIZED, {"w": FILTERS[:1], "s": FOUR}),
        (NORMALIZED, {"w": FILTERS[:0], "s": FOUR}),
        (NORMALIZED, {"w": ONE.reshape(()), "s": FOUR}),
        ("c = Conv(x, w)  y = BatchNormalization(k, c, s, s, s)",
         {"w": FILTERS, "s": FOUR, "k": np.ones((1, 3, 8, 8), np.float32)}),
        ("c = Conv(x, w)  y = Mul(c, s)", {"w": ONE, "s": ONE}),
        ("c = Conv(x, w, b)  y = Mul(c, s)", {"w": FILTERS, "s": ONE, "b": ONE.reshape(())}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("engine", ["numpy", "jax"])
def test_convolutions_and_what_follows_them_do_not_fit(body, constants, engine):
    loaded = madi.onnx.load(content(body, inputs="float[N,3,8,8] x", **constants))
    with pytest.raises(MadiError, match=r"BatchNormalization 'y'|Conv '"):
        loaded.run({"x": np.ones((1, 3, 8, 8), np.float32)}, engine=engine)
    with pytest.raises(MadiError):
        _ = loaded.model


@pytest.mark.parametrize("shape", [(5,), (4, 1), (), (1,), (0,)])
@pytest.mark.parametrize("name", ["scale", "shift", "mean", "variance"])
def test_layers_of_a_normalization_that_does_not_fit(name, shape):
    vectors = {**dict.fromkeys(("scale", "shift", "mean", "variance"), FOUR), name: np.ones(shape, np.float32)}
    body = "c = Conv(x, w)  y = BatchNormalization(c, scale, shift, mean, variance)"
    loaded = madi.onnx.load(content(body, inputs="float[N,3,8,8] x", w=FILTERS, **vectors))
    said = (
        f"BatchNormalization 'y' cannot be said in madi's layers: its {name} has the shape {shape}, for examples of 4"
    )
    with pytest.raises(madi.onnx.Unsupported, match=f"^{re.escape(said)} channels"):
        _ = loaded.model


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (f'y = MaxPool <kernel_shape = [2, 2], auto_pad = "{"q" * 5000}"> (x)', "MaxPool 'y'"),
        (f"y = MaxPool <kernel_shape = [2, 2], strides = {[2**40] * 2000}> (x)", "MaxPool 'y'"),
        (f"y = MaxPool <kernel_shape = [2, 2], pads = {[1] * 2000}> (x)", "MaxPool 'y'"),
        (f"{'q' * 5000} = Transpose <perm = {list(range(2000))}> (x)  y = Relu({'q' * 5000})", "Transpose 'qqq"),
    ],
)
def test_messages_are_short_however_long_the_texts_of_a_file_are(body, name):
    source = content(body, inputs="float[N,3,8,8] x")
    for ask in (lambda: madi.onnx.load(source).run({"x": np.ones((1, 3, 8, 8), np.float32)}),
                lambda: madi.onnx.load(source).model):  # fmt: skip
        with pytest.raises(MadiError, match=name) as error:
            ask()
        assert len(str(error.value)) < 1000


def test_statistics_of_whole_numbers_are_taken_as_they_are():
    loaded = madi.onnx.load(content(NORMALIZED, inputs="float[N,3,8,8] x", w=FILTERS, s=np.ones(4, np.int64)))
    (y,) = loaded.run({"x": np.ones((1, 3, 8, 8), np.float32)}, engine="numpy")
    assert np.allclose(y, 27, rtol=1e-4)


@pytest.mark.parametrize(
    ("body", "constants"),
    [
        ("s = Shape(x)  g = Gather(s, i)  r = Reshape(x, g)  y = Relu(r)", {"i": np.array([2**31 - 1])}),
        ("m = ReduceMean <axes = [-1]> (x)  d = Sub(x, m)  q = Mul(d, d)  v = ReduceMean <axes = [-1]> (q)"
         "  e = Add(v, t)  r = Sqrt(e)  y = Div(d, r)", {"t": np.array("t", object)}),
    ],
)  # fmt: skip
def test_layers_of_constants_that_do_not_fit(body, constants):
    with pytest.raises(MadiError):
        _ = madi.onnx.load(content(body, inputs="float[N,4] x", **constants)).model


@pytest.mark.filterwarnings("error")
def test_weights_that_are_no_numbers_warn_of_nothing():
    constants = {"w": FILTERS, "s": np.float32([np.nan, np.inf, -1, 0])}
    loaded = madi.onnx.load(content(NORMALIZED, inputs="float[N,3,8,8] x", **constants))
    assert np.isnan(loaded.run({"x": np.ones((1, 3, 8, 8), np.float32)}, engine="numpy")[0]).any()
    assert len(loaded.model.layers) == 2


@pytest.mark.parametrize("name", ["classes", "preparation", "extra"])
@pytest.mark.parametrize("text", ["5", "null", '"abc"', "[[]]", "[", "[" * 100_000, "NaN"])
def test_metadata_that_are_no_metadata(name, text):
    proto = model("features = Relu(x)  y = Relu(features)", inputs="float[N,3] x")
    helper.set_model_props(proto, {f"madi.{name}": text})
    loaded = madi.onnx.load(proto.SerializeToString())
    assert loaded.run({"x": np.float32([[-1, 0, 1]])})[0].tolist() == [[0, 0, 1]]
    with pytest.raises(FileError, match="the graph: corrupt: its metadata cannot be read"):
        _ = loaded.model


@pytest.mark.parametrize(
    ("body", "constants"),
    [
        ("y = Conv <pads = [1048576, 1048576, 1048576, 1048576], strides = [1048576, 1048576]> (x, w)", {"w": FILTERS}),
        ("y = ConvTranspose <strides = [1048576, 1048576]> (x, w)", {"w": FILTERS.transpose(1, 0, 2, 3)}),
        ("y = MaxPool <kernel_shape = [1048576, 1048576], pads = [1048575, 1048575, 1048575, 1048575]> (x)", {}),
        ('y = Pad <mode = "edge"> (x, p)', {"p": np.array([0, 0, 0, 0, 0, 0, 0, 2**60])}),
        ("y = Pad(x, p)", {"p": np.array([0, 0, 0, 0, 0, 0, 0, 2**60])}),
    ],
)
def test_layers_of_images_that_no_memory_holds(body, constants):
    loaded = madi.onnx.load(content(body, inputs="float[N,3,8,8] x", **constants))
    with pytest.raises(madi.onnx.Unsupported, match="' cannot be said in madi's layers: "):
        _ = loaded.model


def test_means_of_windows_that_no_image_has():
    body = 'y = AveragePool <kernel_shape = [2000, 2], auto_pad = "SAME_UPPER"> (x)'
    with pytest.raises(madi.onnx.Unsupported, match="madi takes kernel_shape of up to 1024"):
        madi.onnx.load(content(body, inputs="float[N,3,8,8] x"))


@pytest.mark.parametrize("size", [7, 8, 9, 1001, 2**60 + 1, 2**60])
def test_response_normalization_over_more_channels_than_there_are(size):
    x = np.random.default_rng(0).normal(size=(2, 3, 4, 5)).astype(np.float32)
    loaded = madi.onnx.load(content(f"y = LRN <size = {size}, alpha = 0.5> (x)", inputs="float[N,3,4,5] x"))
    whole = (x.astype(np.float64) ** 2).sum(axis=1, keepdims=True)
    expected = x / (1 + 0.5 / size * whole) ** 0.75
    for engine in ("numpy", "jax"):
        assert np.allclose(loaded.run({"x": x}, engine=engine)[0], expected, rtol=1e-5)
    if size % 2:
        assert np.allclose(
            madi.predict(loaded.model, x.transpose(0, 2, 3, 1)), expected.transpose(0, 2, 3, 1), rtol=1e-5
        )
    with pytest.raises(FileError, match="expected a size of at least 1, got 0"):
        madi.onnx.load(content("y = LRN <size = 0> (x)", inputs="float[N,3,4,5] x")).run({"x": x}, engine="numpy")


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("ReduceL1", [2, 3]), ("ReduceL2", [2, 3]), ("ReduceSumSquare", [4, 9]), ("ReduceSum", [-2, 3])],
)
def test_reductions_of_nothing_still_take_the_square_or_the_size(kind, expected):
    loaded = madi.onnx.load(content(f"y = {kind} <noop_with_empty_axes = 1> (x)", opset=18))
    assert np.allclose(loaded.run({"x": np.float32([-2, 3])}, engine="numpy")[0], expected)
