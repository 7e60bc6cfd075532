"""Networks go out, answer in onnxruntime as in madi, come back, are taught further, saved, and go out again."""

from __future__ import annotations

import numpy as np
import pytest

import madi
from madi import models
from madi.datasets.preparation import described
from madi.datasets.tables import TablePreparation
from madi.datasets.tables.reading import read_table
from madi.kernels import random
from madi.layers import BatchNorm, Dense, Dropout, EmbedColumns, ReLU, Residual, Sequential
from madi.onnx.exporting.rows import raw_rows
from tests.onnx.graphs import assert_near

pytest.importorskip("onnxruntime")

CLASSES = ("ant", "bee", "cat")
BATCHES = (1, 7)
STEPS = 10
WITHIN = 1e-4

# Images as small as the model takes; those of the convnets of digits have 28 pixels.
SMALL = {
    "logistic_regression": (20,), "mlp": (20,), "resnet_cifar": (16, 16, 3), "alexnet": (67, 67, 3),
    "googlenet": (64, 64, 3), **{name: (32, 32, 3) for name in models.MODELS if name.startswith(("vgg", "resnet"))},
}  # fmt: skip
QUICK = ("logistic_regression", "mlp", "lenet5", "simple_convnet")
NAMES = [name if name in QUICK else pytest.param(name, marks=pytest.mark.long) for name in models.MODELS]


def taught(model, x, labels, **options):
    """The losses of ten steps, one more than that before the first counted in."""
    trainer = madi.Trainer(model, optimizer=madi.optimizers.Adam(1e-4), engine="numpy", **options)
    return trainer.fit((x, labels), epochs=STEPS, batch_size=len(x), verbose=0).steps["loss"]


def answers(content, feeds, count):
    """The output called "output" for the first examples."""
    import onnxruntime

    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    return session.run(["output"], {name: array[:count] for name, array in feeds.items()})[0]


def predicted(model, x, count):
    return madi.predict(model, x[:count], engine="numpy")


def assert_goes_round(model, feeds, x, path, **extra):
    """The model goes out, comes back, is taught, saved, and goes out again; returns what came back."""
    content = madi.onnx.export(model, check=False, extra=extra)
    loaded = madi.onnx.load(content)
    back = loaded.model
    for count in BATCHES:
        expected = predicted(model, x, count)
        assert_near(answers(content, feeds, count), expected, WITHIN)
        assert_near(predicted(back, x, count), expected, WITHIN)
    assert sum(p.size for p in back.parameters().values()) == sum(p.size for p in model.parameters().values())
    before = {name: np.array(parameter.value) for name, parameter in back.parameters().items()}
    losses = taught(back, x, np.arange(len(x)) % len(CLASSES))
    assert len(losses) == STEPS
    assert losses[-1] < losses[0]
    assert not any(np.array_equal(before[name], parameter.value) for name, parameter in back.parameters().items())
    madi.save(back, path)
    kept = madi.load(path)
    assert kept.classes == model.classes
    again = madi.onnx.export(kept, check=False, extra=extra)
    for count in BATCHES:
        assert_near(answers(again, feeds, count), predicted(back, x, count), WITHIN)
    return back


def with_statistics_of(model, x):
    """The model after one call in training, so that its running statistics are not those it starts with."""
    if any(isinstance(layer, BatchNorm) for _, layer in model.walk()):
        weights = {name: parameter.value for name, parameter in model.parameters().items()}
        _, state = model.apply(weights, model.state(), x, training=True, key=random.key(0))
        for path, layer in model.walk():
            for name in layer.states:
                setattr(layer, name, np.asarray(state[f"{path}.{name}"]))
    return model


def with_narrow_blocks(model):
    """The model whose residual blocks change little of what passes: else numbers grow from block to block of a deep one
    that nobody has taught, and with them the errors of 32 bits, whoever computes."""
    for _, layer in model.walk():
        if isinstance(layer, Residual):
            layer.body.layers[-1].scale.value = np.full_like(layer.body.layers[-1].scale.value, 0.2)
    return model


@pytest.mark.parametrize("name", NAMES)
def test_every_model(name, tmp_path):
    shape = SMALL.get(name, models.INPUT_SHAPES.get(name))
    model = models.create(name, outputs=len(CLASSES)).build(shape, seed=1)
    model.classes = CLASSES
    for parameter in model.parameters().values():  # biases start at 0, and a softmax regression all at 0
        if not np.any(parameter.value):
            parameter.value = np.random.default_rng(2).normal(0, 0.05, parameter.shape).astype(np.float32)
    x = np.random.default_rng(0).random((max(BATCHES), *shape), np.float32)
    back = assert_goes_round(
        with_statistics_of(with_narrow_blocks(model), x), {"input": x}, x, tmp_path / "m.safetensors"
    )
    assert back.classes == CLASSES
    assert back.input_shape == shape


@pytest.fixture(scope="module")
def preparation(tmp_path_factory):
    """Of a table with numbers, a date, a few categories and many, of which some values are missing."""
    draw = np.random.default_rng(0)
    lines = ["length,colour,shop,day,kind"]
    for row in range(80):
        colour, shop = draw.choice(["red", "green", ""]), draw.integers(30)
        lines.append(f"{draw.normal():.3f},{colour},shop {shop},2024-05-{1 + row % 28:02d},{CLASSES[row % 3]}")
    path = tmp_path_factory.mktemp("table") / "animals.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return lambda **options: TablePreparation.fit(read_table(path), target="kind", **options)


def test_a_network_on_a_table(preparation, tmp_path):
    """The file takes raw columns; what comes back begins behind their preparation."""
    fitted = preparation()
    model = Sequential(Dense(8), BatchNorm(), ReLU(), Dropout(0.2), Dense(3)).build((len(fitted.names),), seed=0)
    model.classes = fitted.classes
    feeds, x = raw_rows(fitted, max(BATCHES))
    given = with_statistics_of(model, x)
    back = assert_goes_round(given, feeds, x, tmp_path / "m.safetensors", preparation=described(fitted))
    assert back.input_shape == (len(fitted.names),)
    assert back.classes == fitted.classes


def test_a_network_that_looks_categories_up(preparation, tmp_path):
    fitted = preparation(embed=4)
    model = Sequential(EmbedColumns(fitted.lookups), Dense(8), ReLU(), Dense(3)).build((len(fitted.names),), seed=0)
    model.classes = fitted.classes
    feeds, x = raw_rows(fitted, max(BATCHES))
    back = assert_goes_round(model, feeds, x, tmp_path / "m.safetensors", preparation=described(fitted))
    assert isinstance(back.layers[0], EmbedColumns)
