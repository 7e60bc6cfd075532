"""Graphs as layers: each kind of node and of merge against onnxruntime, and what cannot be said is refused by name."""

from __future__ import annotations

import numpy as np
import pytest

import madi
from madi.errors import ShapeError
from madi.layers import BatchNorm, Conv2D, Dense, Scale, Sequential
from madi.onnx import Unsupported, load
from madi.onnx.network import to_model
from tests.onnx.graphs import answers, assert_near, small_file

pytest.importorskip("onnxruntime")

I64 = np.int64


def ints(*numbers):
    return np.array(numbers, I64)


def real(*numbers):
    return np.array(numbers, np.float32)


def turned(array):
    """Images channels last; others as they are."""
    return np.moveaxis(array, 1, -1) if array.ndim == 4 else array


def outline(layer):
    """The layers as text: names, with what they hold in brackets."""
    inner = ", ".join(outline(member) for _, member in layer.inner_layers())
    name = type(layer).__name__
    return name if not inner else f"{name}({inner})"


def layers_of(model):
    return " ".join(outline(layer) for layer in model.layers)


def assert_says(content, layers, *, x=(3, 6, 5), squeezed=False):
    """The file's model has these layers, and answers as onnxruntime does, for one example and for three."""
    model = load(content).model
    assert layers_of(model) == layers
    given = np.random.default_rng(5).normal(size=(3, *x)).astype(np.float32)
    for count in (1, 3):
        expected = turned(answers(content, given[:count])[0])
        got = np.asarray(model(turned(given[:count])).value)
        assert_near(got, expected[:, 0, 0] if squeezed else expected)
    return model


# ---- one node each

STEPS = {
    "y = Conv(x, w, b)": ("Conv2D", {"w": (4, 3, 3, 2), "b": (4,)}),
    "y = Conv<pads=[1,2,0,1], strides=[2,1], dilations=[1,2]>(x, w)": ("Conv2D", {"w": (4, 3, 2, 2)}),
    'y = Conv<auto_pad="SAME_UPPER", strides=[2,2]>(x, w)': ("Conv2D", {"w": (4, 3, 3, 3)}),
    'y = Conv<auto_pad="SAME_LOWER", strides=[2,2]>(x, w)': ("Conv2D", {"w": (4, 3, 3, 3)}),
    'y = Conv<auto_pad="VALID">(x, w)': ("Conv2D", {"w": (4, 3, 3, 3)}),
    "y = Conv<group=3>(x, w)": ("Conv2D", {"w": (6, 1, 3, 3)}),
    "y = ConvTranspose<strides=[2,2], pads=[1,0,0,1], output_padding=[1,0]>(x, w, b)": (
        "Conv2DTranspose", {"w": (3, 4, 3, 3), "b": (4,)},
    ),
    "y = ConvTranspose<group=3>(x, w)": ("Conv2DTranspose", {"w": (3, 2, 2, 3)}),
    "y = MaxPool<kernel_shape=[3,2], strides=[2,2], pads=[1,0,1,1]>(x)": ("MaxPool2D", {}),
    "y = MaxPool<kernel_shape=[2,2], dilations=[2,2], ceil_mode=1, strides=[2,1]>(x)": ("MaxPool2D", {}),
    "y = AveragePool<kernel_shape=[3,3], pads=[1,1,1,1]>(x)": ("AveragePool2D", {}),
    "y = AveragePool<kernel_shape=[3,3], pads=[0,0,1,1], count_include_pad=1, strides=[2,2]>(x)": ("AveragePool2D", {}),
    "y = LRN<size=3, alpha=0.5, beta=0.6, bias=2.0>(x)": ("LocalResponseNormalization", {}),
    "y = BatchNormalization<epsilon=0.01, momentum=0.8>(x, s, b, m, variance)": (
        "BatchNorm", {"s": (3,), "b": (3,), "m": (3,), "variance": (3,)},
    ),
    "y = LayerNormalization<axis=1>(x, s, b)": ("Permute LayerNorm Permute", {"s": (3, 6, 5), "b": (3, 6, 5)}),
    "y = Relu(x)": ("ReLU", {}),
    "y = LeakyRelu<alpha=0.3>(x)": ("LeakyReLU", {}),
    "y = Elu<alpha=0.7>(x)": ("ELU", {}),
    "y = PRelu(x, w)": ("PReLU", {"w": (3, 1, 1)}),
    "y = Sigmoid(x)": ("Sigmoid", {}),
    "y = Tanh(x)": ("Tanh", {}),
    "y = Softplus(x)": ("Softplus", {}),
    "y = HardSigmoid<alpha=0.3, beta=0.4>(x)": ("HardSigmoid", {}),
    "y = HardSwish(x)": ("Product(Identity, HardSigmoid)", {}),
    "y = Softmax<axis=1>(x)": ("Softmax", {}),
    "y = LogSoftmax<axis=3>(x)": ("Permute LogSoftmax Permute", {}),
    "y = Identity(x)": ("", {}),
    "y = Dropout(x)": ("Dropout", {}),
    "y = Neg(x)": ("Scale", {}),
    "y = Mul(x, w)": ("Scale", {"w": (1, 3, 1, 1)}),
    "y = Add(w, x)": ("Scale", {"w": (3, 6, 5)}),
    "y = Add(x, w)": ("Permute Scale Permute", {"w": (6, 5)}),
    "y = Sub(w, x)": ("Scale", {"w": (1,)}),
    "y = Div(x, w)": ("Scale", {"w": ()}),
    "y = Transpose<perm=[0,1,3,2]>(x)": ("Permute", {}),
}  # fmt: skip

NUMBERS = {
    "y = Clip(x, a, b)": ("Clip", {"a": real(-0.5).reshape(()), "b": real(0.5).reshape(())}),
    "y = Clip(x, , b)": ("Clip", {"b": real(0.5).reshape(())}),
    "y = Max(x, a)": ("Clip", {"a": real(-0.5)}),
    "y = Min(a, x)": ("Clip", {"a": real(0.5)}),
    "y = Pad(x, a)": ("ZeroPad", {"a": ints(0, 1, 2, 0, 0, 0, 1, 3)}),
    'y = Pad<mode="reflect">(x, a)': ("Pad", {"a": ints(0, 0, 2, 1, 0, 0, 0, 2)}),
    "y = Pad(x, a, b)": ("Pad", {"a": ints(0, 0, 2, 1, 0, 0, 0, 2), "b": real(0.5).reshape(())}),
}  # fmt: skip


@pytest.mark.parametrize("body", STEPS)
def test_a_node(body):
    layers, weights = STEPS[body]
    assert_says(small_file(body, **weights), layers)


@pytest.mark.parametrize("body", NUMBERS)
def test_a_node_with_numbers(body):
    layers, constants = NUMBERS[body]
    assert_says(small_file(body, constants=constants), layers)


def test_channels_that_are_dealt_out():
    body = "c = Conv(x, w) z = Reshape(c, split) t = Transpose<perm=[0,2,1,3,4]>(z) y = Reshape(t, joined)"
    shapes = {"split": ints(0, 2, 3, 6, 5), "joined": ints(-1, 6, 6, 5)}
    assert_says(small_file(body, w=(6, 3, 1, 1), constants=shapes), "Conv2D ChannelShuffle")
    body = "z = Reshape(x, split) t = Transpose<perm=[0,2,1]>(z) y = Reshape(t, joined)"
    shapes = {"split": ints(0, 2, 3), "joined": ints(-1, 6)}
    assert_says(small_file(body, x="N,6", constants=shapes), "ChannelShuffle", x=(6,))


def test_what_only_looks_like_a_shuffle():
    """The axis that is split is not the one that the parts are joined to."""
    body = "z = Reshape(x, split) t = Transpose<perm=[0,1,2,4,3]>(z) y = Reshape(t, joined)"
    content = small_file(body, x="N,4,6,3", constants={"split": ints(0, 4, 2, 3, 3), "joined": ints(0, 4, 2, 9)})
    model = load(content).model
    assert layers_of(model) == "Reshape Permute Reshape"
    x = np.random.default_rng(0).normal(size=(2, 4, 6, 3)).astype(np.float32)
    assert np.array_equal(model(x).value, answers(content, x)[0])


def test_numbers_of_an_image_in_another_order():
    """Depth to space: an axis is split, its parts go to the pixels."""
    body = "c = Conv(x, w) z = Reshape(c, split) t = Transpose<perm=[0,3,4,1,5,2]>(z) y = Reshape(t, joined)"
    shapes = {"split": ints(0, 2, 2, 3, 6, 5), "joined": ints(0, 3, 12, 10)}
    assert_says(small_file(body, w=(12, 3, 1, 1), constants=shapes), "Conv2D Reshape Permute Reshape")


@pytest.mark.parametrize(
    ("body", "layers"),
    [
        ("y = GlobalAveragePool(x)", "GlobalAveragePool"),
        ("y = GlobalMaxPool(x)", "GlobalMaxPool"),
        ("y = ReduceMean<axes=[2,3]>(x)", "GlobalAveragePool"),
        ("y = ReduceMax<axes=[-1,-2]>(x)", "GlobalMaxPool"),
    ],
)
def test_pools_of_whole_images_leave_rows(body, layers):
    assert_says(small_file(body), layers, squeezed=True)


@pytest.mark.parametrize("kind", ["Mean", "Max"])
def test_means_over_the_rows_of_an_example(kind):
    body = f"z = MatMul(x, w) y = Reduce{kind}<axes=[1], keepdims=0>(z)"
    layers = {"Mean": "Dense Reshape GlobalAveragePool", "Max": "Dense Reshape GlobalMaxPool"}[kind]
    assert_says(small_file(body, x="N,5,4", w=(4, 3)), layers, x=(5, 4))


def test_the_largest_of_a_few_units():
    body = "z = MatMul(x, w) t = Add(z, b) u = Reshape(t, shape) y = ReduceMax<axes=[-1], keepdims=0>(u)"
    content = small_file(body, x="N,4", constants={"shape": ints(0, 3, 2)}, w=(4, 6), b=(6,))
    assert_says(content, "Maxout", x=(4,))
    over_units = small_file(body.replace("[-1]", "[1]"), x="N,4", constants={"shape": ints(0, 3, 2)}, w=(4, 6), b=(6,))
    assert_says(over_units, "Dense Reshape Reshape GlobalMaxPool", x=(4,))


ROWS = {
    "y = MatMul(x, w)": ("Dense", {"w": (4, 2)}),
    "z = MatMul(x, w) y = Add(z, b)": ("Dense", {"w": (4, 2), "b": (2,)}),
    "y = Gemm<alpha=0.5, beta=2.0, transB=1>(x, w, b)": ("Dense", {"w": (2, 4), "b": (2,)}),
    "y = BatchNormalization(x, s, b, m, variance)": (
        "BatchNorm", {"s": (4,), "b": (4,), "m": (4,), "variance": (4,)},
    ),
    "y = LayerNormalization(x, s)": ("LayerNorm", {"s": (4,)}),
    "y = Softmax(x)": ("Softmax", {}),
    "y = PRelu(x, w)": ("PReLU", {"w": ()}),
    "z = Mul(x, s) y = Add(z, b)": ("Scale", {"s": (4,), "b": (4,)}),
}  # fmt: skip


@pytest.mark.parametrize("body", ROWS)
def test_a_node_on_rows(body):
    layers, weights = ROWS[body]
    assert_says(small_file(body, x="N,4", **weights), layers, x=(4,))


def test_the_meanings_of_old_versions():
    clip = small_file("y = Clip<min=-0.5, max=0.5>(x)", opset=6)
    assert_says(clip, "Clip")
    softmax = small_file("z = GlobalAveragePool(x) y = Softmax(z)", opset=9)
    assert_says(softmax, "GlobalAveragePool Softmax", squeezed=True)
    assert_says(small_file("z = Flatten(x) y = Softmax(z)", opset=9), "Flatten Softmax Reshape Permute Flatten")
    assert_says(small_file("y = Pad<pads=[0,0,1,1,0,0,0,0], value=0.5>(x)", opset=9), "Pad")


def test_batch_norm_counts_its_momentum_the_other_way_round():
    body, weights = "y = BatchNormalization<momentum=0.8>(x, s, b, m, variance)", dict.fromkeys("sbm", (3,))
    model = load(small_file(body, **weights, variance=(3,))).model
    (layer,) = model.layers
    assert isinstance(layer, BatchNorm)
    assert layer.momentum == 0.2


def test_a_scale_and_a_shift_behind_a_batch_norm_are_its_own():
    body = "z = BatchNormalization(x, s, b, m, variance) t = Mul(z, c) y = Add(t, d)"
    weights = {**dict.fromkeys("sbm", (3,)), "variance": (3,), "c": (3, 1, 1), "d": (3, 1, 1)}
    assert_says(small_file(body, **weights), "BatchNorm")


def test_a_shift_behind_a_convolution_is_its_bias_and_can_be_saved(tmp_path):
    model = assert_says(small_file("z = Conv(x, w) y = Add(z, b)", w=(4, 3, 3, 3), b=(4, 1, 1)), "Conv2D")
    madi.save(model, tmp_path / "m.safetensors")
    x = np.random.default_rng(0).normal(size=(2, 6, 5, 3)).astype(np.float32)
    assert np.array_equal(madi.load(tmp_path / "m.safetensors")(x).value, model(x).value)


def test_what_reads_a_value_twice_does_not_change_it():
    """The sum is no bias of the convolution, because the other path reads the convolution without it."""
    body = "z = Conv(x, w) t = Add(z, b) u = Relu(z) y = Mul(t, u)"
    assert_says(small_file(body, w=(4, 3, 3, 3), b=(4, 1, 1)), "Conv2D Product(Scale, ReLU)")


def test_a_single_number_is_no_weight():
    model = load(small_file("z = Mul(x, a) y = Add(z, w)", a=(), w=(3, 1, 1))).model
    assert [(type(layer), [p.trainable for p in layer.parameters().values()]) for layer in model.layers] == [
        (Scale, [False]),
        (Scale, [True]),
    ]


# ---- rows of images

FLAT = {
    "z = Flatten(c) y = Gemm(z, w, b)": ("Flatten Dense", {}),
    "z = Flatten(c) t = Relu(z) u = Dropout(t) y = MatMul(u, w)": ("Flatten ReLU Dropout Dense", {}),
    "z = Flatten(c) t = Mul(z, f) y = Gemm(t, w)": ("Flatten Scale Dense", {}),
    "z = Reshape(c, shape) y = Gemm(z, w)": ("Flatten Dense", {"shape": ints(-1, 90)}),
    "z = Reshape(c, shape) y = MatMul(z, w)": ("Flatten Dense", {"shape": ints(0, -1)}),
    """s = Shape(c) i = Constant<value_ints=[0]>() n = Gather(s, i) m = Constant<value_ints=[-1]>()
       shape = Concat<axis=0>(n, m) z = Reshape(c, shape) y = MatMul(z, w)""": ("Flatten Dense", {}),
    "y = Flatten(c)": ("Flatten Reshape Permute Flatten", {}),
    "z = Flatten(c) y = Relu(z)": ("Flatten ReLU Reshape Permute Flatten", {}),
}


@pytest.mark.parametrize("body", FLAT)
def test_flattened_images_meet_the_weights_of_their_pixels(body):
    layers, constants = FLAT[body]
    weights = {"k": (3, 3, 1, 1), "w": (90, 4), "b": (4,), "f": (90,)}
    content = small_file(f"c = Conv(x, k) {body}", **weights, constants=constants)
    assert_says(content, f"Conv2D {layers}")


# ---- merges

MERGES = {
    "a = Conv(x, w) y = Add(x, a)": "Residual(Conv2D)",
    "a = Conv(x, w) b = Relu(a) c = Tanh(x) y = Sum(c, b)": "Residual(Tanh, Sequential(Conv2D, ReLU))",
    "a = Conv(x, w) b = Relu(x) c = Tanh(x) y = Sum(a, b, c)": "Sum(Conv2D, ReLU, Tanh)",
    "a = Conv(x, w) b = Relu(x) c = Tanh(x) t = Add(a, b) y = Add(t, c)": "Residual(Residual(Conv2D, ReLU), Tanh)",
    "a = Conv(x, w) y = Sub(x, a)": "Residual(Sequential(Conv2D, Scale))",
    "a = Relu(x) b = Tanh(x) y = Mean(a, b)": "Residual(ReLU, Tanh) Scale",
    "a = Sigmoid(x) y = Mul(x, a)": "Product(Identity, Sigmoid)",
    "y = Mul(x, x)": "Product(Identity, Identity)",
    "a = Conv(x, w) y = Concat<axis=1>(x, a)": "Branches(Identity, Conv2D)",
    "a = Conv(x, w) b = Relu(a) y = Concat<axis=-1>(x, b)":
        "Branches(Permute, Sequential(Conv2D, ReLU, Permute)) Permute",
    # one inside another
    "a = Relu(x) b = Tanh(a) c = Add(a, b) d = Conv(c, w) y = Concat<axis=1>(x, d)":
        "Branches(Identity, Sequential(ReLU, Residual(Tanh), Conv2D))",
    # paths of one fork that meet first in part
    "a = Relu(x) b = Tanh(a) c = Sigmoid(a) y = Sum(b, c, x)": "Residual(Sequential(ReLU, Residual(Tanh, Sigmoid)))",
    # DenseNet as PyTorch writes it: each block reads all that were before
    "a = Conv(x, w) c = Concat<axis=1>(x, a) b = Conv(c, v) d = Concat<axis=1>(x, a, b) y = Relu(d)":
        "Branches(Identity, Conv2D) Branches(Identity, Conv2D) ReLU",
    # squeeze and excitation: a row that scales the channels of an image
    "p = GlobalAveragePool(x) q = Conv(p, w) r = Sigmoid(q) y = Mul(x, r)":
        "Product(Identity, Sequential(GlobalAveragePool, Dense, Sigmoid, Reshape))",
    # a fork whose paths lie in different orders of axes
    "t = Transpose<perm=[0,2,3,1]>(x) a = MatMul(t, u) b = Transpose<perm=[0,3,1,2]>(a) y = Add(x, b)":
        "Residual(Dense)",
}  # fmt: skip


@pytest.mark.parametrize("body", MERGES)
def test_paths_that_meet(body):
    content = small_file(body, w=(3, 3, 1, 1), v=(3, 6, 1, 1), u=(3, 3))
    assert_says(content, MERGES[body])


def test_gelu_and_layer_norm_in_many_nodes():
    gelu = "a = Div(x, r) b = Erf(a) c = Add(b, one) d = Mul(x, c) y = Mul(d, half)"
    constants = {"r": real(2.0**0.5), "one": real(1), "half": real(0.5)}
    assert_says(small_file(gelu, constants=constants), "GELU")
    halved_first = "h = Mul(x, half) a = Div(x, r) b = Erf(a) c = Add(one, b) y = Mul(h, c)"
    assert_says(small_file(halved_first, constants=constants), "GELU")
    norm = """m = ReduceMean<axes=[-1]>(x) d = Sub(x, m) q = Pow(d, two) v = ReduceMean<axes=[-1]>(q) e = Add(v, eps)
              s = Sqrt(e) n = Div(d, s) z = Mul(n, w) y = Add(z, b)"""
    numbers = {"two": real(2), "eps": real(0.01)}
    assert_says(small_file(norm, x="N,4", constants=numbers, w=(4,), b=(4,)), "LayerNorm", x=(4,))


def test_numbers_that_are_nearly_those_of_gelu_are_not_taken_for_it():
    body = "a = Div(x, r) b = Erf(a) c = Add(b, one) d = Mul(x, c) y = Mul(d, half)"
    content = small_file(body, constants={"r": real(1.5), "one": real(1), "half": real(0.5)})
    with pytest.raises(Unsupported, match=r"Erf 'b' cannot be said in madi's layers: there is no layer for it"):
        load(content).model  # noqa: B018
    x = np.random.default_rng(0).normal(size=(2, 3, 6, 5)).astype(np.float32)
    assert_near(load(content).run({"x": x})[0], answers(content, x)[0])


# ---- where a network begins and ends


def test_images_that_come_channels_last_stay_so():
    body = "t = Transpose<perm=[0,3,1,2]>(x) c = Conv(t, w) r = Relu(c) y = Transpose<perm=[0,2,3,1]>(r)"
    content = small_file(body, x="N,6,5,3", w=(4, 3, 3, 3))
    model = load(content).model
    assert layers_of(model) == "Conv2D ReLU"
    x = np.random.default_rng(1).normal(size=(2, 6, 5, 3)).astype(np.float32)
    assert_near(np.asarray(model(x).value), answers(content, x)[0])


@pytest.mark.parametrize("channels", ["first", "last"])
def test_an_export_in_either_order(channels):
    layers = madi.layers
    image = layers.Conv2D(4, 3), layers.MaxPool2D(2), layers.Conv2D(2, 1)
    for end in ((), (layers.Flatten(), layers.Dense(3))):
        model = Sequential(*image, *end).build((6, 5, 3), seed=0)
        back = load(madi.onnx.export(model, channels=channels, check=False)).model
        assert layers_of(back) == layers_of(model)
        x = np.random.default_rng(1).normal(size=(2, 6, 5, 3)).astype(np.float32)
        assert_near(np.asarray(back(x).value), np.asarray(model(x).value))


def test_rows_of_pictures_in_the_order_of_the_file():
    """Nothing but the sizes tells where the channels are."""
    for shape, input_shape in (("N,3,6,5", (6, 5, 3)), ("N,6,5,3", (6, 5, 3)), ("N,6,5", (6, 5))):
        size = int(np.prod(input_shape))
        model = load(small_file("z = Flatten(x) y = MatMul(z, w)", x=shape, w=(size, 2))).model
        assert model.input_shape == input_shape


def test_the_output_called_output_or_the_first():
    body = "output = Relu(x) y = Softmax(output)"
    assert layers_of(load(small_file(body, x="N,4", outputs="y output")).model) == "ReLU"
    body = "a = Relu(x) b = Tanh(x)"
    assert layers_of(load(small_file(body, x="N,4", outputs="a b")).model) == "ReLU"


def test_names_of_classes_come_from_the_metadata(tmp_path):
    content = small_file("y = MatMul(x, w)", x="N,4", w=(4, 2), metadata={"madi.classes": '["no", "yes"]'})
    assert load(content).model.classes == ("no", "yes")


def test_a_shape_that_the_file_leaves_free_is_given():
    content = small_file("y = Conv(x, w)", x="N,3,H,W", w=(4, 3, 3, 3))
    loaded = load(content)
    with pytest.raises(
        Unsupported, match=r"'x' .* leaves the shape of an example free.*to_model\(loaded.graph, shape="
    ):
        loaded.model  # noqa: B018
    assert to_model(loaded.graph, shape=(3, 8, 7)).output_shape() == (6, 5, 4)
    with pytest.raises(ShapeError, match=r"has examples of shape \(3, None, None\), got shape=\(4, 8, 7\)"):
        to_model(loaded.graph, shape=(4, 8, 7))


def test_one_example_that_the_file_fixes():
    content = small_file("z = Reshape(x, a) y = MatMul(z, w)", x="1,3,6,5", w=(90, 2), constants={"a": ints(1, 90)})
    assert load(content).model(np.zeros((4, 6, 5, 3), np.float32)).shape == (4, 2)


# ---- what is refused

REFUSED = {
    "y = Conv(x, x)": "Conv 'y'.* its inputs 'x' and 'x' are all computed by the network",
    "a = Relu(x) y = MatMul(matrix, a)": "MatMul 'y'.* its input 'a' is computed by the network",
    "a = Relu(x) b = Tanh(x) c = Sigmoid(a) d = Mul(a, b) y = Add(c, d)":
        "Mul 'd'.* paths meet in it that do not fork at one value",
    "y = Abs(x)": "Abs 'y'.* there is no layer for it",
    "y = Transpose<perm=[1,0,2,3]>(x)": "Transpose 'y'.* it moves the axis of examples",
    "y = Reshape(x, shape)": r"Reshape 'y'.* it makes \(-1, 5\) of examples of \(3, 6, 5\), and so mixes examples",
    "y = Flatten<axis=2>(x)": "Flatten 'y'.* it mixes examples",
    "y = Concat<axis=0>(x, x)": "Concat 'y'.* it joins examples",
    "y = Concat<axis=1>(x, constant)": "Concat 'y'.* it joins a constant to what the network computes",
    "y = LRN<size=4>(x)": "LRN 'y'.* it looks at 4 channels, and the layer at an odd number",
    "y = Div(constant, x)": "Div 'y'.* it divides by what the network computes",
    "y = Add(x, two)": r"Add 'y'.* its constant has the shape \(2, 3, 6, 5\), beside examples of \(3, 6, 5\)",
    "y = MaxPool<kernel_shape=[20,20], strides=[1,1], pads=[9,9,9,9]>(x)": "MaxPool 'y'.* at most 256",
}  # fmt: skip
CONSTANTS = {
    "shape": ints(-1, 5), "matrix": np.ones((6, 6), np.float32), "constant": np.ones((1, 3, 6, 5), np.float32),
    "two": np.ones((2, 3, 6, 5), np.float32),
}  # fmt: skip


@pytest.mark.parametrize("body", REFUSED)
def test_what_layers_cannot_say_is_refused_by_name(body):
    constants = {name: array for name, array in CONSTANTS.items() if name in body}
    with pytest.raises(Unsupported, match=REFUSED[body]):
        load(small_file(body, constants=constants)).model  # noqa: B018


def test_whole_numbers_and_several_inputs_are_refused():
    body = "z = Cast<to=1>(x) y = Relu(z)"
    with pytest.raises(Unsupported, match=r"The input 'x' .* it takes int64"):
        load(small_file(body, x="N,4", dtype="int64")).model  # noqa: B018
    import onnx.parser

    text = '<ir_version: 8, opset_import: ["" : 17]> g (float[N,4] x, float[N,4] b) => (float[N,4] y) { y = Add(x, b) }'
    content = onnx.parser.parse_model(text).SerializeToString()
    with pytest.raises(Unsupported, match=r"expected one input, got 'x', 'b'"):
        load(content).model  # noqa: B018


MALFORMED = {
    "y = Conv(x, row)": "kernel_size must be",
    "y = Conv(x, wide)": "channels",
    "y = Gemm(x, row)": "it multiplies across examples",
    "y = PRelu(x, row)": "its constant has the shape",
    "y = Transpose<perm=[0,1]>(x)": "axes|list|tuple",
    "z = Relu(x) t = Transpose<perm=[0,2,3,1]>(x) y = Add(z, t)": "shape mismatch",
}


@pytest.mark.parametrize("body", MALFORMED)
def test_files_that_contradict_themselves_are_refused(body):
    constants = {"row": np.ones(7, np.float32), "wide": np.ones((4, 9, 1, 1), np.float32)}
    constants = {name: array for name, array in constants.items() if name in body}
    with pytest.raises(Unsupported, match=MALFORMED[body]):
        load(small_file(body, constants=constants)).model  # noqa: B018


def test_paths_within_paths_without_end_are_refused():
    count = 60
    down = " ".join(f"v{i + 1} = Relu({f'v{i}' if i else 'x'})" for i in range(count))
    up = " ".join(
        f"{f's{i}' if i else 'y'} = Add({f's{i + 1}' if i < count - 1 else f'v{count}'}, {f'v{i}' if i else 'x'})"
        for i in reversed(range(count))
    )
    with pytest.raises(Unsupported, match="paths lie within paths, more than 50 deep"):
        load(small_file(f"{down} {up}", x="N,4")).model  # noqa: B018


# ---- what the model is good for


def test_ten_steps_of_teaching_then_saved_and_loaded(tmp_path):
    body = """c = Conv<pads=[1,1,1,1]>(x, w, b) n = BatchNormalization(c, s, t, m, variance) r = Relu(n)
              d = Conv<pads=[1,1,1,1]>(r, v) a = Add(r, d) f = Flatten(a) y = Gemm(f, g, h)"""
    rows = dict.fromkeys("bstm", (4,))
    shapes = {"w": (4, 3, 3, 3), "v": (4, 4, 3, 3), "g": (120, 3), "h": (3,), "variance": (4,)}
    model = load(small_file(body, **rows, **shapes)).model
    assert isinstance(model, Sequential)
    before = {name: np.array(parameter.value) for name, parameter in model.parameters().items()}
    draw = np.random.default_rng(0)
    x, labels = draw.normal(size=(12, 6, 5, 3)).astype(np.float32), draw.integers(0, 3, 12)
    trainer = madi.Trainer(model, optimizer=madi.optimizers.Adam(1e-2), engine="numpy")
    history = trainer.fit((x, labels), epochs=10, batch_size=12, verbose=0)
    assert history["loss"][-1] < history["loss"][0]
    assert all(not np.array_equal(before[name], p.value) for name, p in model.parameters().items())
    madi.save(model, tmp_path / "m.safetensors")
    again = madi.load(tmp_path / "m.safetensors")
    assert layers_of(again) == layers_of(model)
    assert np.array_equal(again(x).value, model(x).value)
    assert {type(layer) for layer in again.layers} >= {Conv2D, Dense}


def test_a_summary_and_paths_of_parameters():
    model = load(
        small_file("c = Conv(x, w) r = Relu(c) a = Conv(r, v) y = Add(r, a)", w=(4, 3, 1, 1), v=(4, 4, 1, 1))
    ).model
    assert list(model.parameters()) == ["0.weight", "2.body.weight"]
    assert [parameter.name for parameter in model.parameters().values()] == ["0.weight", "2.body.weight"]
    assert model.summary().parameters == 28
