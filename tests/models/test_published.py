"""Weights as PyTorch publishes them: both sides compute the same with them, there and back; files that do not fit."""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest

from madi import layers, models
from madi.errors import ConfigurationError, FileError, ShapeError
from madi.layers import Conv2D, Dense, ReLU, Sequential, tensor_file
from madi.models.published import from_torch, to_torch
from madi.models.torch_names import naming

SHARE = 16  # the filters of these tests' networks are so many times fewer

# (PyTorch's network, madi's, pixels a side); both of them narrow.
SMALL = {
    "resnet18": (lambda t: t.ResNet(18, 5, SHARE), lambda: models.resnet18(5), 64),
    "resnet50": (lambda t: t.ResNet(50, 5, SHARE), lambda: models.resnet50(5), 33),
    "vgg11": (lambda t: t.VGG(11, False, 5, SHARE, 24, 2), lambda: models.vgg11(5, hidden=(24, 24)), 64),
    "vgg13_bn": (
        lambda t: t.VGG(13, True, 5, SHARE, 24, 2), lambda: models.vgg13(5, batch_norm=True, hidden=(24, 24)), 64
    ),
    "alexnet": (
        lambda t: t.AlexNet(5, SHARE, 24, 2), lambda: models.alexnet(5, version="torchvision", hidden=(24, 24)), 95
    ),
    "googlenet": (
        lambda t: t.GoogLeNet(5, SHARE, auxiliary=False), lambda: models.googlenet(5, version="torchvision"), 70
    ),
}  # fmt: skip
LARGE = {
    "resnet18": (lambda t: t.ResNet(18), models.resnet18, 224),
    "resnet50": (lambda t: t.ResNet(50), models.resnet50, 224),
    "vgg11_bn": (lambda t: t.VGG(11, True), lambda: models.vgg11(batch_norm=True), 224),
    "alexnet": (lambda t: t.AlexNet(), lambda: models.alexnet(version="torchvision"), 224),
    "googlenet": (lambda t: t.GoogLeNet(), lambda: models.googlenet(version="torchvision", auxiliary=True), 224),
}
# Name -> (PyTorch's network, madi's, published number of parameters, arrays in the file, one of their names).
PUBLISHED = {
    "resnet18": (lambda t: t.ResNet(18), models.resnet18, 11_689_512, 122, "layer4.0.downsample.1.running_var"),
    "resnet34": (lambda t: t.ResNet(34), models.resnet34, 21_797_672, 218, "layer3.5.conv2.weight"),
    "resnet50": (lambda t: t.ResNet(50), models.resnet50, 25_557_032, 320, "layer1.0.downsample.0.weight"),
    "resnet101": (lambda t: t.ResNet(101), models.resnet101, 44_549_160, 626, "layer3.22.bn3.running_mean"),
    "resnet152": (lambda t: t.ResNet(152), models.resnet152, 60_192_808, 932, "layer3.35.conv3.weight"),
    "vgg11": (lambda t: t.VGG(11), models.vgg11, 132_863_336, 22, "features.18.weight"),
    "vgg13": (lambda t: t.VGG(13), models.vgg13, 133_047_848, 26, "features.22.bias"),
    "vgg16": (lambda t: t.VGG(16), models.vgg16, 138_357_544, 32, "features.28.weight"),
    "vgg19": (lambda t: t.VGG(19), models.vgg19, 143_667_240, 38, "features.34.weight"),
    "vgg16_bn": (
        lambda t: t.VGG(16, True), lambda: models.vgg16(batch_norm=True), 138_365_992, 97, "features.41.running_mean"
    ),
    "alexnet": (
        lambda t: t.AlexNet(), lambda: models.alexnet(version="torchvision"), 61_100_840, 16, "classifier.4.weight"
    ),
    "googlenet": (
        lambda t: t.GoogLeNet(auxiliary=False), lambda: models.googlenet(version="torchvision"),
        6_624_904, 344, "inception4e.branch3.1.bn.num_batches_tracked",
    ),
    "googlenet, auxiliary": (
        lambda t: t.GoogLeNet(), lambda: models.googlenet(version="torchvision", auxiliary=True),
        13_004_888, 364, "aux2.conv.bn.weight",
    ),
}  # fmt: skip
ALIKE = ("resnet34", "resnet101", "resnet152", "vgg13", "vgg19")  # the others go the same way


@pytest.fixture
def torch():
    """PyTorch on one thread: its threads would wait for each other longer than they work."""
    library = pytest.importorskip("torch")
    threads = library.get_num_threads()
    library.set_num_threads(1)
    yield library
    library.set_num_threads(threads)


@pytest.fixture
def networks(torch):
    """PyTorch's networks under torchvision's names."""
    from tests.models import torch_networks

    return torch_networks


@pytest.fixture
def narrow(monkeypatch):
    """madi's networks have fewer filters in each convolution."""

    def convolution(filters, *sizes, **options):
        return Conv2D(max(1, filters // SHARE), *sizes, **options)

    for module in ("alexnet", "googlenet", "resnet", "vgg"):
        monkeypatch.setattr(sys.modules[f"madi.models.{module}"], "Conv2D", convolution)


def saved(network, path, dtype=None):
    """Save a network of PyTorch's; the path."""
    from safetensors.torch import save_file

    state = network.state_dict()
    floats = {name: value.to(dtype or value.dtype) for name, value in state.items() if value.is_floating_point()}
    save_file({**state, **floats}, path)
    return path


def outputs_of(torch, network, x):
    with torch.no_grad():
        return network(torch.tensor(x.transpose(0, 3, 1, 2))).numpy()


def images(pixels):
    """Two images that differ in brightness and contrast, which the mean over all pixels does not hide."""
    noise = np.random.default_rng(3).normal(size=(2, pixels, pixels, 3))
    return (noise * np.array([1, 0.2])[:, None, None, None] + np.array([0, 1])[:, None, None, None]).astype(np.float32)


def assert_near(found, expected, tolerance=1e-4):
    assert np.ptp(expected, axis=0).max() > 0.05 * np.abs(expected).max()  # the outputs follow from the inputs
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * np.abs(expected).max())


def everything(model):
    weights = {path: np.array(parameter.value) for path, parameter in model.parameters().items()}
    return {**weights, **{path: np.array(value) for path, value in model.state().items()}}


@pytest.mark.parametrize("name", SMALL)
def test_pytorchs_weights_give_pytorchs_outputs_and_go_back(name, torch, networks, narrow, tmp_path):
    theirs, own, pixels = SMALL[name]
    network, model, x = networks.randomized(theirs(networks)), own().build((pixels, pixels, 3)), images(pixels)
    expected = outputs_of(torch, network, x)
    assert models.load_weights(model, saved(network, tmp_path / "w.safetensors")) is model
    assert_near(model(x).value, expected)

    from safetensors.torch import load_file

    models.save_weights(model, tmp_path / "back.safetensors")
    other = networks.randomized(theirs(networks), seed=1)
    other.load_state_dict(load_file(tmp_path / "back.safetensors"))
    np.testing.assert_array_equal(outputs_of(torch, other, x), expected)


@pytest.mark.long
@pytest.mark.parametrize("name", LARGE)
def test_whole_networks_give_pytorchs_outputs(name, torch, networks, tmp_path):
    theirs, own, pixels = LARGE[name]
    network, model, x = networks.randomized(theirs(networks)), own().build((pixels, pixels, 3)), images(pixels)
    models.load_weights(model, saved(network, tmp_path / "w.safetensors"))
    assert_near(model(x).value, outputs_of(torch, network, x))


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.long if name in ALIKE else ()) for name in PUBLISHED]
)
def test_names_and_shapes_are_those_of_the_published_files(name, torch, networks, undrawn, tmp_path, monkeypatch):
    theirs, own, parameters, arrays, example = PUBLISHED[name]
    with torch.device("meta"):
        expected = {name: tuple(value.shape) for name, value in theirs(networks).state_dict().items()}
    written = {}
    monkeypatch.setattr(tensor_file, "write", lambda path, tensors, metadata: written.update(tensors))
    monkeypatch.setattr("madi.models.published.to_torch", shape_alone)
    models.save_weights(own().build((224, 224, 3)), "nowhere")
    assert {name: value.shape for name, value in written.items()} == expected
    assert len(written) == arrays
    assert example in written
    statistics = ("running_mean", "running_var", "num_batches_tracked")
    sizes = [math.prod(value.shape) for name, value in written.items() if not name.endswith(statistics)]
    assert sum(sizes) == parameters


def shape_alone(array, image=()):
    """What `to_torch` gives, without a copy of a hundred million numbers."""
    return to_torch(array)


def test_a_weights_numbers_are_where_the_other_side_has_them():
    torch_weight = np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5)  # (O, I, kH, kW)
    assert from_torch(torch_weight)[3, 4, 2, 1] == torch_weight[1, 2, 3, 4]
    dense = np.arange(2 * 24).reshape(2, 24)  # pixels of (C, H, W) = (4, 2, 3), as PyTorch counts them
    own = from_torch(dense, (2, 3, 4)).reshape(2, 3, 4, 2)
    assert own[1, 2, 3, 0] == dense[0].reshape(4, 2, 3)[3, 1, 2]
    for array, image in ((torch_weight, ()), (dense, (2, 3, 4)), (dense, ()), (np.arange(3), ())):
        np.testing.assert_array_equal(to_torch(from_torch(array, image), image), array)


# ---- a small network of PyTorch's names, written by hand


def chain(outputs=3):
    """A network built as vgg is, with batch norm: features.0, features.1, classifier.0."""
    made = Sequential(Conv2D(4, 3), layers.BatchNorm(), ReLU(), layers.MaxPool2D(2), layers.Flatten(), Dense(outputs))
    return made.build((4, 4, 3), seed=2)


SHAPES = {
    "features.0.weight": (4, 3, 3, 3), "features.0.bias": (4,),
    "classifier.0.weight": (3, 16), "classifier.0.bias": (3,),
    **{f"features.1.{name}": (4,) for name in ("weight", "bias", "running_mean", "running_var")},
}  # fmt: skip


def arrays(dtype=np.float32, **changes):
    rng = np.random.default_rng(0)
    found = {name: rng.random(shape).astype(dtype) for name, shape in SHAPES.items()}
    found |= {name.replace("__", "."): value for name, value in changes.items()}
    return {name: value for name, value in found.items() if value is not None}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "w.safetensors"


def written(path, tensors, metadata=None):
    tensor_file.write(path, tensors, metadata or {})
    return path


def test_counters_of_batches_are_neither_needed_nor_kept(path):
    model = models.load_weights(chain(), written(path, arrays()))
    counted = arrays(features__1__num_batches_tracked=np.array(7, np.int64))
    other = models.load_weights(chain(), written(path, counted))
    for name, value in everything(model).items():
        np.testing.assert_array_equal(everything(other)[name], value)


@pytest.mark.parametrize("dtype", ["float16", "float64"])
def test_weights_become_float32(path, dtype):
    found = everything(models.load_weights(chain(), written(path, arrays(dtype))))
    assert {value.dtype for value in found.values()} == {np.dtype(np.float32)}
    np.testing.assert_array_equal(found["5.bias"], arrays(dtype)["classifier.0.bias"].astype(np.float32))


def test_bfloat16_is_widened_exactly(torch, path):
    from safetensors.torch import save_file

    halves = {name: torch.tensor(value).bfloat16() for name, value in arrays().items()}
    save_file(halves, path)
    found = everything(models.load_weights(chain(), path))
    np.testing.assert_array_equal(found["0.weight"], from_torch(halves["features.0.weight"].float().numpy()))
    assert found["0.weight"].dtype == np.float32


def test_weights_are_in_the_type_of_the_model(path):
    model = chain()
    for parameter in model.parameters().values():
        parameter.value = parameter.value.astype(np.float64)
    assert models.load_weights(model, written(path, arrays())).parameters()["0.weight"].dtype == np.float64


def test_what_was_frozen_stays_so(path):
    model = chain().freeze("0")
    models.load_weights(model, written(path, arrays()))
    parameters = model.parameters()
    assert [parameters[name].trainable for name in ("0.weight", "5.weight")] == [False, True]
    assert [parameters[name].decay for name in ("0.bias", "5.weight")] == [False, True]


def test_a_head_of_other_classes_stays_as_it_is(path):
    model, before = chain(7), everything(chain(7))
    models.load_weights(model, written(path, arrays()), head=False)
    after = everything(model)
    assert {name for name in before if not np.array_equal(before[name], after[name])} == {
        *("0.weight", "0.bias", "1.scale", "1.shift", "1.mean", "1.variance")
    }
    models.load_weights(
        chain(7), written(path, arrays(classifier__0__weight=None, classifier__0__bias=None)), head=False
    )


def test_a_googlenet_with_or_without_heads_takes_a_file_that_has_them(networks, narrow, path):
    network = networks.randomized(networks.GoogLeNet(5, SHARE))
    saved(network, path)
    with_heads = models.googlenet(5, version="torchvision", auxiliary=True).build((224, 224, 3))
    without = models.googlenet(5, version="torchvision").build((224, 224, 3))
    for model in (with_heads, without):
        models.load_weights(model, path)
        np.testing.assert_array_equal(model.layers[-1].weight.value.T, network.fc.weight.detach().numpy())
    hidden = [layer for _, layer in with_heads.walk() if isinstance(layer, Dense) and layer.units == 1024]
    for layer, theirs in zip(hidden, (network.aux1, network.aux2), strict=True):
        expected = theirs.fc1.weight.detach().numpy().reshape(1024, 8, 4, 4)  # channels, rows, columns
        np.testing.assert_array_equal(layer.weight.value.reshape(4, 4, 8, 1024).transpose(3, 2, 0, 1), expected)


def test_layers_around_a_network_change_no_names(path):
    plain = models.load_weights(chain(), written(path, arrays()))
    wrapped = Sequential(ReLU(), layers.Recompute(Sequential(*chain().layers)), layers.Softmax()).build((4, 4, 3))
    models.load_weights(wrapped, path)
    assert [*naming(wrapped).modules.values()] == [*naming(plain).modules.values()]
    x = np.random.default_rng(1).random((2, 4, 4, 3), np.float32)
    expected = layers.Softmax()(plain(x)).value
    np.testing.assert_allclose(wrapped(x).value, expected, rtol=1e-6)


def test_the_stages_of_a_narrow_resnet_begin_where_the_image_shrinks():
    names = naming(models.resnet_cifar(14, shortcut="B").build((32, 32, 3))).modules.values()
    assert [name for name in names if "downsample.0" in name or name.endswith("0.conv1") or name == "fc"] == [
        "layer1.0.conv1", "layer2.0.conv1", "layer2.0.downsample.0", "layer3.0.conv1", "layer3.0.downsample.0", "fc"
    ]  # fmt: skip


# ---- images


@pytest.mark.parametrize(
    ("make", "mean", "deviation"),
    [
        (lambda: models.resnet_cifar(8), (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        (lambda: models.googlenet(2, small=True, stages=1), (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    ],
)
def test_a_normalized_network_takes_images_in_0_to_1(make, mean, deviation, tmp_path):
    model = make().build((8, 8, 3))
    x = np.random.default_rng(0).random((2, 8, 8, 3), np.float32)
    expected = model((x - np.float32(mean)) / np.float32(deviation)).value
    whole = models.normalized(model)
    np.testing.assert_allclose(whole(x).value, expected, rtol=1e-4, atol=1e-5)
    assert whole[1] is model[0]
    assert not any(parameter.trainable for parameter in whole[0].parameters().values())
    assert whole[1].weight.trainable
    layers.save(whole, tmp_path / "m.safetensors")
    np.testing.assert_array_equal(layers.load(tmp_path / "m.safetensors")(x).value, whole(x).value)


def test_a_normalized_networks_own_mean_and_deviation():
    model = Sequential(layers.GlobalAveragePool()).build((1, 1, 2))
    whole = models.normalized(model, mean=(1, 2), deviation=(2, 4))
    np.testing.assert_array_equal(whole(np.array([[[[5.0, 0.0]]]], np.float32)).value, [[2, -0.5]])


def test_a_network_for_grey_images_has_no_colours_to_normalize():
    message = r"^normalized: Sequential: expected shape \(any, any, 3\), got \(8, 8, 1\)\. Build the network for images"
    with pytest.raises(ShapeError, match=message):
        models.normalized(models.resnet_cifar(8).build((8, 8, 1)))


# ---- files that do not fit


NOT_THESE = "not the weights of this network: "
OF_A_CHAIN = (
    "Published weights are for alexnet(version='torchvision'), vgg16(), and vgg16_bn for vgg16(batch_norm=True)."
)
SIZE = "Build the network for images of the size and channels that it was trained on, such as (224, 224, 3)."
MISFITS = {
    "missing": (
        {"features__1__running_var": None, "features__0__bias": None},
        f"it lacks 'features.0.bias', and 1 more. {OF_A_CHAIN}",
    ),
    "renamed": (
        {"features__0__bias": None, "feature__0__bias": np.ones(4, np.float32)},
        "it lacks 'features.0.bias' (or is it 'feature.0.bias'?); nothing takes its 'feature.0.bias' (or is it "
        f"'features.0.bias'?). {OF_A_CHAIN}",
    ),
    "more": ({"aux1__x": np.ones(4, np.float32)}, f"nothing takes its 'aux1.x'. {OF_A_CHAIN}"),
    "other classes": (
        {"classifier__0__weight": np.ones((3, 64), np.float32)},
        "its 'classifier.0.weight' has shape (3, 64) and type F32, where floats of shape (3, 16) belong. "
        "For other classes than the file's, head=False leaves the last layer as it is.",
    ),
    "grey": (
        {"features__0__weight": np.ones((4, 1, 3, 3), np.float32)},
        "its 'features.0.weight' has shape (4, 1, 3, 3) and type F32, where floats of shape (4, 3, 3, 3) belong. "
        f"{SIZE}",
    ),
    "integers": (
        {"features__0__bias": np.ones(4, np.int32)},
        f"its 'features.0.bias' has shape (4,) and type I32, where floats of shape (4,) belong. {SIZE}",
    ),
}


@pytest.mark.parametrize("case", MISFITS)
def test_a_file_that_does_not_fit_is_told_and_nothing_is_assigned(case, path):
    changes, reason = MISFITS[case]
    model, before = chain(), everything(chain())
    with pytest.raises(FileError) as raised:
        models.load_weights(model, written(path, arrays(**changes)))
    assert str(raised.value) == f"{path}: {NOT_THESE}{reason}"
    for name, value in everything(model).items():
        np.testing.assert_array_equal(value, before[name])


def test_a_checkpoint_of_pytorch_is_refused_with_the_way_out(torch, tmp_path):
    for name, options in (("new.pth", {}), ("old.pth", {"_use_new_zipfile_serialization": False})):
        torch.save({"features.0.weight": torch.ones(3)}, tmp_path / name, **options)
        with pytest.raises(FileError, match=r"a pickle.*safetensors\.torch\.save_file\(torch\.load\('weights\.pth', w"):
            models.load_weights(chain(), tmp_path / name)


def test_a_model_of_madis_own_is_sent_to_load(path):
    layers.save(chain(), path)
    with pytest.raises(FileError, match=r"a model that madi\.save wrote, its layers with it\. Use madi\.load\.$"):
        models.load_weights(chain(), path)


def test_a_file_cut_off_while_it_is_read(path, monkeypatch):
    model, before = chain(), everything(chain())
    whole = tensor_file.read_header(written(path, arrays()))
    path.write_bytes(path.read_bytes()[:-4])
    monkeypatch.setattr(tensor_file, "read_header", lambda *_, **__: whole)
    monkeypatch.setattr(tensor_file, "_checked_header", lambda *_: whole)
    with pytest.raises(FileError, match=r"truncated within the tensor '[a-z0-9._]*'\. Get the file anew\.$"):
        models.load_weights(model, path)
    for name, value in everything(model).items():
        np.testing.assert_array_equal(value, before[name])


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: models.mlp(3).build((4,)), ConfigurationError,
         "Sequential: PyTorch's names are known of networks built as vgg, alexnet, googlenet and resnet, and this is "
         "none of these. Give one of them."),
        (lambda: models.vgg11(), ShapeError, "Sequential is not built yet: call build(shape of one example) first."),
    ],
)  # fmt: skip
def test_networks_without_names_are_told(make, error, message, path):
    for call in (models.load_weights, models.save_weights):
        with pytest.raises(error) as raised:
            call(make(), path)
        assert str(raised.value) == message


def test_a_head_of_two_layers_has_no_place_but_the_rest_has(path):
    model = models.resnet_cifar(8, shortcut="B").build((32, 32, 3))
    models.save_weights(model, path)
    model.replace("6", Sequential(Dense(5), ReLU(), Dense(2)))
    with pytest.raises(
        ConfigurationError, match=r"^Sequential: two of its layers stand where PyTorch's network has one"
    ):
        models.load_weights(model, path)
    models.load_weights(model, path, head=False)
    assert isinstance(dict(model.walk())["6.2"], Dense)
