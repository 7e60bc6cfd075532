"""A model as a chain of folded blocks: as text and as a picture."""

from __future__ import annotations

import pytest

from madi.graph.drawing.scene import Box, Text
from madi.graph.drawing.text import text_width
from madi.kernels import native
from madi.layers import Auxiliary, BatchNorm, Branches, Conv2D, Dense, Flatten, Layer, ReLU, Residual, Sequential
from madi.models import INPUT_SHAPES, create, gate


def outline(model, shape):
    return model.build(shape).summary().outline


def told(model, shape):
    """(times, text, what differs in the first, output shape) of each stage."""
    stages = outline(model, shape).stages
    return [(stage.times, str(stage.entry), stage.first and stage.first.short, stage.output_shape) for stage in stages]


def test_what_follows_a_layer_belongs_to_it():
    model = Sequential(Conv2D(4, 3, stride=2), BatchNorm(), ReLU(), Sequential(Flatten(), Dense(3)))
    assert told(model, (8, 8, 1)) == [
        (1, "Conv2D 3x3 4 /2, BatchNorm, ReLU", None, (4, 4, 4)),
        (1, "Flatten", None, (64,)),
        (1, "Dense 3", None, (3,)),
    ]


@pytest.mark.usefixtures("undrawn")
def test_resnet50():
    assert told(create("resnet50"), (224, 224, 3))[2:5] == [
        (3, "Residual 1x1 64 → 3x3 64 → 1x1 256, ReLU",
         "Residual(1x1 64 → 3x3 64 → 1x1 256, shortcut 1x1 256)", (56, 56, 256)),
        (4, "Residual 1x1 128 → 3x3 128 → 1x1 512, ReLU",
         "Residual(1x1 128 → 3x3 128 /2 → 1x1 512, shortcut 1x1 512 /2)", (28, 28, 512)),
        (6, "Residual 1x1 256 → 3x3 256 → 1x1 1024, ReLU",
         "Residual(1x1 256 → 3x3 256 /2 → 1x1 1024, shortcut 1x1 1024 /2)", (14, 14, 1024)),
    ]  # fmt: skip


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("name", ["resnet50", "googlenet", "vgg16", "alexnet", "resnet_cifar"])
def test_the_stages_have_all_that_the_model_has(name):
    summary = create(name).build(INPUT_SHAPES[name]).summary()
    sums = [summary.outline.sums(stage) for stage in summary.outline.stages]
    assert [sum(column) for column in zip(*sums, strict=True)] == [
        summary.parameters, summary.multiply_adds, summary.kept_bytes
    ]  # fmt: skip


def test_the_printed_outline():
    body = Sequential(Dense(8), ReLU(), Dense(8))
    model = Sequential(Residual(body), Residual(Sequential(Dense(8), ReLU(), Dense(8))), Dense(2))
    with native.using("off"):
        text = str(outline(model, (8,)))
    # twice 2 (64 + 8);  each keeps its input and what is within;  8 x 2 + 2
    assert text == (
        "    folded graph                output shape  parameters  multiply-adds   kept\n"
        "    input                       8\n"
        "2 x Residual Dense 8 → Dense 8  8                    288            256  128 B\n"
        "    Dense 2                     2                     18             16   32 B"
    )


def test_long_blocks_go_on_below():
    paths = [Sequential(Conv2D(16, 1), Conv2D(32, size)) for size in (1, 3, 5)]
    lines = str(outline(Sequential(Branches(*paths)), (8, 8, 3))).splitlines()
    assert lines[2].startswith("Branches 1x1 16 → 1x1 32 | 1x1 16 → 3x3 32 |  8 x 8 x 96  ")
    assert lines[3] == "   1x1 16 → 5x5 32"


def test_heads_of_training_say_so():
    model = Sequential(Dense(4), Auxiliary(Dense(3)), Dense(3))
    assert [text for _, text, _, _ in told(model, (4,))] == [
        "Dense 4",
        "Auxiliary (training only): Dense 3",
        "Dense 3",
    ]


def test_layers_of_unknown_make():
    class Wrapper(Layer):
        def __init__(self, inner):
            self.inner = inner

        def __call__(self, x, *, training=False, key=None):
            return self.inner(x, training=training, key=key)

    class Net(Layer):
        def __init__(self):
            self.first, self.second = Wrapper(Sequential(Dense(4), ReLU())), Dense(2)

        def __call__(self, x, *, training=False, key=None):
            return self.second(self.first(x))

    assert [text for _, text, _, _ in told(Net(), (4,))] == ["Wrapper Dense 4", "Dense 2"]
    assert told(Sequential(Wrapper(Dense(4)), Wrapper(Dense(4))), (4,)) == [(2, "Wrapper Dense 4", None, (4,))]


# ---- the picture


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("name", ["resnet50", "resnet152", "googlenet", "vgg16", "alexnet", "deep_convnet", "lenet5"])
def test_the_picture_of_a_network_is_no_ribbon_and_its_texts_do_not_meet(name):
    scene = create(name).build(INPUT_SHAPES[name]).summary().outline.draw()._scene
    assert scene.width <= 1650
    assert scene.height <= 1600
    assert scene.width / scene.height < 7
    marks = [mark for item in scene.items for mark in item.marks]
    spans = [extent(text) for text in marks if isinstance(text, Text)]
    assert not [(a, b) for i, a in enumerate(spans) for b in spans[i + 1 :] if overlap(a, b)]
    lefts, rights, tops, bottoms = zip(*spans, strict=True)
    assert min(*lefts, *tops) >= 0
    assert max(rights) <= scene.width
    assert max(bottoms) <= scene.height
    boxes = [
        (mark.x, mark.x + mark.width, mark.y, mark.y + mark.height)
        for mark in marks
        if isinstance(mark, Box) and not mark.dashed
    ]
    assert not [(a, b) for i, a in enumerate(boxes) for b in boxes[i + 1 :] if overlap(a, b)]


def extent(text):
    left = text.x - text_width(text.text, text.size) / 2
    return left, left + text_width(text.text, text.size), text.y - text.size / 2, text.y + text.size / 2


def overlap(a, b):
    return a[0] < b[1] - 0.01 and b[0] < a[1] - 0.01 and a[2] < b[3] - 0.01 and b[2] < a[3] - 0.01


@pytest.mark.usefixtures("undrawn")
def test_the_picture_says_the_figures(tmp_path):
    drawing = create("resnet50").build((224, 224, 3)).summary().outline.draw()
    svg = drawing.svg
    for text in (
        "3 × Residual",
        "6 × Residual",
        "56 × 56 × 256",
        "668 M multiply-adds",
        "shortcut 1x1 512 /2",
        "2.05 M parameters",
    ):
        assert f">{text}</text>" in svg
    assert "A network of 8 stages: Conv2D 7x7 64 /2, BatchNorm, ReLU: 112 × 112 × 64; MaxPool2D 3x3 /2: " in svg
    assert drawing.save(tmp_path / "net.png").read_bytes().startswith(b"\x89PNG")
    assert drawing.save(tmp_path / "net.dot").read_text(encoding="utf-8").startswith("digraph")


def test_a_small_network_has_a_picture_too():
    assert ">Dense 2</text>" in gate("XOR").summary().outline.draw().svg
