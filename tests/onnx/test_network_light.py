"""The light models of the onnx package, each of them as layers: the answers of onnxruntime; ten steps of teaching."""

from __future__ import annotations

import numpy as np
import pytest

import madi
from madi.layers import Branches, ChannelShuffle, Residual
from madi.onnx import load
from tests.onnx.graphs import answers, assert_near
from tests.onnx.light import NAMES, image, light_model

pytest.importorskip("onnxruntime")

pytestmark = pytest.mark.long

# What each is made of beside convolutions: how many layers of a kind.
MADE_OF = {
    "densenet121": {Branches: 58}, "inception_v1": {Branches: 9}, "inception_v2": {Branches: 10},
    "resnet50": {Residual: 16}, "squeezenet": {Branches: 8},
    "shufflenet": {Residual: 13, Branches: 3, ChannelShuffle: 16},
}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_as_layers(name):
    proto = light_model(name)
    content = proto.SerializeToString()
    model = load(content).model
    assert model.input_shape == (224, 224, 3)
    for kind, count in MADE_OF.get(name, {}).items():
        assert sum(type(layer) is kind for _, layer in model.walk()) == count
    (x,) = image(proto).values()
    expected = answers(content, x)[0]
    got = madi.predict(model, np.moveaxis(x, 1, -1), engine="numpy")
    assert_near(got, expected.reshape(got.shape), 1e-4)


@pytest.mark.parametrize("name", ["squeezenet", "shufflenet"])
def test_ten_steps(name, tmp_path):
    model = load(light_model(name).SerializeToString()).model
    x = np.random.default_rng(0).normal(size=(2, 224, 224, 3)).astype(np.float32)
    before = {path: np.array(parameter.value) for path, parameter in model.parameters().items()}
    trainer = madi.Trainer(model, optimizer=madi.optimizers.Adam(1e-4), engine="numpy")
    losses = trainer.fit((x, np.array([3, 4])), epochs=10, batch_size=2, verbose=0).steps["loss"]
    assert losses[-1] < losses[0]
    assert not any(np.array_equal(before[path], parameter.value) for path, parameter in model.parameters().items())
    madi.save(model, tmp_path / "m.safetensors")
    again = madi.load(tmp_path / "m.safetensors")
    assert np.array_equal(madi.predict(again, x, engine="numpy"), madi.predict(model, x, engine="numpy"))
