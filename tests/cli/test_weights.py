"""madi train --weights: a network starts from published weights, with a new last layer, on images in 0..1."""

from __future__ import annotations

import tomllib

import numpy as np
import pytest

from madi import models
from madi.datasets import Dataset, Split
from madi.layers import Scale, load

QUICK = ("--engine", "numpy", "--epochs", "1", "--batch-size", "4", "--validation", "0", "--no-report")
NETWORK = ("--model", "resnet_cifar", "--depth", "8", "--shortcut", "B")


@pytest.fixture(autouse=True)
def small_images(monkeypatch):
    """In place of a dataset: eight images and four test images of 8 x 8 pixels, of two classes."""

    def images(name, *_):
        rng = np.random.default_rng(0)
        parts = [Split(rng.random((n, 8, 8, 3), np.float32), np.arange(n, dtype=np.int32) % 2) for n in (8, 4)]
        return Dataset(name, *parts, ("cat", "dog"), "")

    monkeypatch.setattr("madi.datasets.load", images)


@pytest.fixture
def published(tmp_path):
    """The weights of a network of ten classes, in a file."""
    model = models.resnet_cifar(8, shortcut="B").build((32, 32, 3), seed=9)
    models.save_weights(model, tmp_path / "published.safetensors")
    return model


def test_training_starts_from_the_weights_of_the_file(madi, tmp_path, published):
    slow = ("--learning-rate", "1e-12", "--schedule", "constant")  # the weights stay as they are
    result = madi("train", "cifar10", *NETWORK, "--weights", "published.safetensors", *slow, *QUICK, "--output", "run")
    assert result.code == 0, result.err
    model = load(tmp_path / "run/model.safetensors")
    assert isinstance(model[0], Scale)
    assert model[-1].units == 2
    np.testing.assert_allclose(
        model[0].shift.value, -np.array([0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225], rtol=1e-6
    )
    theirs = {path: parameter.value for path, parameter in published.parameters().items()}
    own = {path.partition("."): parameter.value for path, parameter in model.parameters().items()}
    own = {f"{int(first) - 1}.{rest}": value for (first, _, rest), value in own.items() if first != "0"}
    assert own.keys() == theirs.keys()
    for path in own.keys() - {"7.weight", "7.bias"}:
        np.testing.assert_allclose(own[path], theirs[path], atol=1e-6, err_msg=path)


def test_a_run_names_the_whole_path_and_is_taken_up_from_anywhere(madi, tmp_path, published, monkeypatch):
    madi("train", "cifar10", *NETWORK, "--weights", "published.safetensors", *QUICK, "--output", "run")
    told = tomllib.loads((tmp_path / "run/config.toml").read_text())
    assert told["weights"] == str(tmp_path / "published.safetensors")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    result = madi("train", "--config", tmp_path / "run", "--epochs", "2", "--output", "again")
    assert result.code == 0, result.err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--model", "mlp", "--weights", "published.safetensors"),
         "PyTorch's names are known of networks built as vgg, alexnet, googlenet and resnet"),
        (("--layers", "Flatten(), Dense(outputs)", "--weights", "published.safetensors"),
         "--weights: are published for networks by name. Name one by --model, or leave it out."),
        ((*NETWORK, "--weights", "none.safetensors"), "Cannot read"),
        ((*NETWORK, "--weights", "resnet.pth"), "a pickle, which could run any code"),
        (("--model", "resnet_cifar", "--depth", "14", "--weights", "published.safetensors"),
         "not the weights of this network: it lacks 'layer1.1.conv1.weight'"),
    ],
)  # fmt: skip
def test_mistakes_are_one_line(madi, tmp_path, published, options, message):
    (tmp_path / "resnet.pth").write_bytes(b"\x80\x02}q\x00." + bytes(20))
    result = madi("train", "cifar10", *options, *QUICK, "--output", "run")
    assert result.code == 2
    assert message in result.err
    assert result.err.count("\n") == 1
    assert not (tmp_path / "run").exists()
