"""Convolutional networks by name: published numbers of parameters and of arithmetic, and how options move them."""

from __future__ import annotations

import itertools

import pytest

from madi import models
from madi.errors import ConfigurationError, ShapeError, UnknownNameError
from madi.layers import BatchNorm, Conv2D, Dense

# (function, shape of one example, parameters).  Running statistics do not count, scale and shift of batch norm do.
PARAMETERS = {
    "simple_convnet": (models.simple_convnet, (28, 28, 1), 433_890),
    "deep_convnet": (models.deep_convnet, (28, 28, 1), 123_552),
    "lenet5": (models.lenet5, (28, 28, 1), 61_706),
    "lenet5 of 32 pixels": (lambda: models.lenet5(padding=0), (32, 32, 1), 61_706),
    "alexnet": (models.alexnet, (227, 227, 3), 60_965_224),
    # without the halves: 5*5*48*256 + 3*3*192*384 + 3*3*192*256 more, as in the paper's successors
    "alexnet of one group": (lambda: models.alexnet(groups=1), (227, 227, 3), 62_378_344),
    "alexnet, torchvision": (lambda: models.alexnet(version="torchvision"), (224, 224, 3), 61_100_840),
    "vgg11": (models.vgg11, (224, 224, 3), 132_863_336),
    "vgg13": (models.vgg13, (224, 224, 3), 133_047_848),
    "vgg16": (models.vgg16, (224, 224, 3), 138_357_544),
    "vgg19": (models.vgg19, (224, 224, 3), 143_667_240),
    # PyTorch's vgg16_bn
    "vgg16, batch norm": (lambda: models.vgg16(batch_norm=True), (224, 224, 3), 138_365_992),
    # 9,220,480 of vgg11's convolutions, 2 * 2,752 of batch norm, 512 * 10 + 10
    "vgg11, small": (lambda: models.vgg11(10, batch_norm=True, hidden=()), (32, 32, 3), 9_231_114),
    "googlenet": (models.googlenet, (224, 224, 3), 6_998_552),
    "googlenet, auxiliary": (lambda: models.googlenet(auxiliary=True), (224, 224, 3), 13_378_280),
    "googlenet, torchvision": (lambda: models.googlenet(version="torchvision"), (224, 224, 3), 6_624_904),
    "googlenet, torchvision, auxiliary": (
        lambda: models.googlenet(version="torchvision", auxiliary=True), (224, 224, 3), 13_004_888
    ),
    "resnet18": (models.resnet18, (224, 224, 3), 11_689_512),
    "resnet34": (models.resnet34, (224, 224, 3), 21_797_672),
    "resnet50": (models.resnet50, (224, 224, 3), 25_557_032),
    "resnet50, paper": (lambda: models.resnet50(version="paper"), (224, 224, 3), 25_557_032),
    "resnet101": (models.resnet101, (224, 224, 3), 44_549_160),
    "resnet152": (models.resnet152, (224, 224, 3), 60_192_808),
}  # fmt: skip
RESNET_CIFAR = {20: 269_722, 32: 464_154, 44: 658_586, 56: 853_018, 110: 1_727_962}

# At 224 x 224, in units of 10^9 as they are published.
ARITHMETIC = {
    "vgg16": (models.vgg16, 15.47),
    "vgg19": (models.vgg19, 19.63),
    "resnet18": (models.resnet18, 1.81),
    "resnet50": (models.resnet50, 4.09),
    "resnet152": (models.resnet152, 11.51),
}


@pytest.mark.parametrize("name", PARAMETERS)
def test_parameters(name, undrawn):
    make, shape, parameters = PARAMETERS[name]
    assert sum(p.size for p in make().build(shape).parameters().values()) == parameters


@pytest.mark.parametrize("depth", RESNET_CIFAR)
@pytest.mark.parametrize(("shortcut", "more"), [("A", 0), ("B", 2752)])
def test_parameters_of_resnet_cifar(depth, shortcut, more, undrawn):
    summary = models.resnet_cifar(depth, shortcut=shortcut).build((32, 32, 3)).summary()
    assert summary.parameters == RESNET_CIFAR[depth] + more
    weighted = [row for row in summary.rows if row.layer in ("Conv2D", "Dense") and "shortcut" not in row.path]
    assert len(weighted) == depth


@pytest.mark.parametrize("name", ARITHMETIC)
def test_multiply_adds(name, undrawn):
    make, billions = ARITHMETIC[name]
    assert round(make().build((224, 224, 3)).summary().multiply_adds / 1e9, 2) == billions


def test_multiply_adds_of_resnet_cifar(undrawn):
    assert round(models.resnet_cifar(20).build((32, 32, 3)).summary().multiply_adds / 1e6, 2) == 40.55


def test_the_papers_strides_cost_less(undrawn):
    # The 3x3 convolutions of three blocks then see a quarter of the pixels: 3.86 billion, the paper's "3.8 billion".
    summary = models.resnet50(version="paper").build((224, 224, 3)).summary()
    assert round(summary.multiply_adds / 1e9, 2) == 3.86


def test_googlenet_shrinks_as_its_paper_says(undrawn):
    model = models.googlenet().build((224, 224, 3))
    shapes = [row.output_shape for row in model.summary().rows if row.layer == "Branches"]
    assert shapes == [
        *((28, 28, 256), (28, 28, 480)),
        *((14, 14, 512), (14, 14, 512), (14, 14, 512), (14, 14, 528), (14, 14, 832)),
        *((7, 7, 832), (7, 7, 1024)),
    ]


@pytest.mark.parametrize(
    ("stages", "sizes"), [(1, [16] * 2), (2, [16] * 2 + [8] * 5), (3, [16] * 2 + [8] * 5 + [4] * 2)]
)
def test_googlenet_for_small_images(stages, sizes, undrawn):
    model = models.googlenet(10, small=True, stages=stages).build((32, 32, 3))
    assert [row.output_shape[0] for row in model.summary().rows if row.layer == "Branches"] == sizes
    assert model.output_shape() == (10,)


def test_googlenet_with_batch_norm_has_one_after_each_convolution():
    layers = [type(layer) for _, layer in models.googlenet(10, batch_norm=True, auxiliary=True).walk()]
    after = [following for layer, following in itertools.pairwise(layers) if layer is Conv2D]
    assert after == [BatchNorm] * 59


def test_options_reach_the_layers():
    model = models.deep_convnet(4, dropout=0)
    assert [type(layer).__name__ for layer in model.layers[-4:]] == ["Flatten", "Dense", "ReLU", "Dense"]
    assert [layer.padding for layer in model.layers if isinstance(layer, Conv2D)] == [1, 1, 1, 2, 1, 1]
    model = models.deep_convnet(batch_norm=True).build((28, 28, 1))
    assert [type(layer).__name__ for layer in model.layers[:6]] == ["Conv2D", "BatchNorm", "ReLU"] * 2
    assert model.summary().parameters == 123_552 + 224  # a scale and a shift for each filter, and no bias
    model = models.vgg13(3, batch_norm=True, hidden=7)
    assert sum(isinstance(layer, BatchNorm) for layer in model.layers) == 10
    assert [layer.units for layer in model.layers if isinstance(layer, Dense)] == [7, 3]
    model = models.simple_convnet(3, filters=4, kernel_size=3, hidden=(6, 5))
    assert (model[0].filters, model[0].kernel_size) == (4, (3, 3))
    assert [layer.units for layer in model.layers if isinstance(layer, Dense)] == [6, 5, 3]


@pytest.mark.parametrize("name", ["resnet18", "resnet50", "googlenet", "resnet_cifar"])
def test_any_size_of_image_will_do(name, undrawn):
    assert models.create(name, outputs=7).build((67, 45, 1)).output_shape() == (7,)


MISTAKES = {
    "depth": (
        lambda: models.resnet_cifar(21), ConfigurationError,
        "resnet_cifar: depth must be 6 n + 2, such as 20, 32, 44, 56 or 110, got 21.",
    ),
    "shortcut": (
        lambda: models.resnet_cifar(shortcut="C"), UnknownNameError,
        "Unknown shortcut of resnet_cifar 'C': Known: A, B.",
    ),
    "version": (
        lambda: models.resnet50(version="v1.4"), UnknownNameError,
        "Unknown version of resnet 'v1.4': did you mean 'v1.5'? Known: paper, v1.5.",
    ),
    "version of alexnet": (
        lambda: models.alexnet(version="vision"), UnknownNameError,
        "Unknown version of alexnet 'vision': did you mean 'torchvision'? Known: paper, torchvision.",
    ),
    "version of googlenet": (
        lambda: models.googlenet(version="v1"), UnknownNameError,
        "Unknown version of googlenet 'v1': Known: paper, torchvision.",
    ),
    "stages": (
        lambda: models.googlenet(stages=4), ConfigurationError,
        "googlenet: stages must be 1, 2 or 3, got 4. Try 3.",
    ),
    "digits into vgg": (
        lambda: models.vgg11().build((28, 28, 1)), ShapeError,
        "MaxPool2D '20': windows of (2, 2) pixels: expected an image at least as large with its padding ((0, 0), "
        "(0, 0)), got (1, 1). Pad more, or make the kernel smaller.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", MISTAKES)
def test_mistakes_are_named(case, undrawn):
    call, error, message = MISTAKES[case]
    with pytest.raises(error) as raised:
        call()
    assert str(raised.value) == message
