"""The configuration of a run: checked when set, the same after a trip through a file."""

import dataclasses
import re

import pytest

from madi.config import DATA, NETWORK, OPTIMIZER, OWN, RUN, TRAINING, TrainConfig
from madi.errors import ConfigurationError, FileError
from madi.models import MODELS, options_of


def test_every_field_comes_back_from_a_file(tmp_path):
    config = TrainConfig(
        dataset="mnist", data="/자료/한 글\"'\\", model="mlp", hidden=(7, 5), activation="tanh", initializer="xavier",
        dropout=0.25, depth=32, shortcut="B", version="paper", batch_norm=True, auxiliary=False, small=True, stages=2,
        groups=1, filters=8, kernel_size=3, padding=0, epochs=3, batch_size=7, accumulate=4, optimizer="momentum",
        learning_rate=1e-5, schedule="constant", momentum=0.5, weight_decay=1e-4, clip_norm=1.5, loss="huber",
        label_smoothing=0.1, average=0.99, metrics=("accuracy", "f1"), validation=0.0, augment=("crop:4", "flip"),
        patience=2, members=3, engine="numpy", precision="bfloat16", doctor=True, seed=11,
        target=("price, in won", "b"), task="regression", test=0.0, test_data="later.csv", ignore=("id",), embed=4,
        types=("zip:category", "a:b:number"), weight="n", delimiter=";", decimal=",",
        encoding="cp949", weights="vgg.safetensors", image_size=(64, 48), channels=3, skip_bad=True,
        layers=("Dense(3)", "Dense(outputs)"), class_weight=("balanced",), report=False, tensorboard=True,
        checkpoint_every=0.0,
    )  # fmt: skip
    unchanged = [f.name for f in dataclasses.fields(config) if getattr(config, f.name) == f.default]
    assert unchanged == ["model"], "every field that can be is set to something else"
    (tmp_path / "config.toml").write_text(config.to_toml(), encoding="utf-8")
    assert TrainConfig.from_toml(tmp_path / "config.toml") == config


def test_what_is_given_comes_before_the_file(tmp_path):
    (tmp_path / "config.toml").write_text("epochs = 3\nseed = 4\n")
    config = TrainConfig.from_toml(tmp_path / "config.toml", {"seed": 5})
    assert (config.epochs, config.seed, config.batch_size) == (3, 5, 50)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("epoch = 3", "{path}: Unknown key 'epoch': did you mean 'epochs'? Known: "),
        ("epochs = 0", "{path}: epochs must be a whole number of at least 1, got 0."),
        ('epochs = "3"', "{path}: epochs must be a whole number of at least 1, got '3'."),
        ("epochs = true", "{path}: epochs must be a whole number of at least 1, got True."),
        ("dataset = 3", "{path}: dataset must be a name, got 3."),
        ("batch_norm = 1", "{path}: batch_norm must be true or false, got 1."),
        ("label_smoothing = 1", "{path}: label_smoothing must be a number of at least 0 and below 1, got 1. Try 0.1."),
        ("hidden = [0]", "{path}: hidden must be sizes of at least 1 such as 100,50, or none, got '0'."),
    ],
)
def test_a_wrong_file_says_what(tmp_path, text, line):
    path = tmp_path / "config.toml"
    path.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        TrainConfig.from_toml(path)
    assert str(caught.value).startswith(line.format(path=path))


def test_a_file_that_is_no_toml(tmp_path):
    path = tmp_path / "config.toml"
    with pytest.raises(FileError, match="cannot read the configuration"):
        TrainConfig.from_toml(path)
    path.write_text("epochs 20")
    with pytest.raises(FileError, match=r"not TOML: .* \(at line 1, column 8\)\. Write lines such as: epochs = 20"):
        TrainConfig.from_toml(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(FileError, match="not TOML"):
        TrainConfig.from_toml(path)


@pytest.mark.parametrize(
    ("given", "sizes"),
    [("100,50", (100, 50)), (["100", "50"], (100, 50)), (100, (100,)), ([100, 50], (100, 50)), ("none", ())],
)
def test_hidden_layers_in_all_their_forms(given, sizes):
    assert TrainConfig(hidden=given).hidden == sizes


def test_what_train_chooses_itself():
    assert TrainConfig().completed().hidden == (200, 100)
    assert TrainConfig().completed().learning_rate == 0.004
    assert TrainConfig(hidden=(3,), learning_rate=0.1).completed() == TrainConfig(hidden=(3,), learning_rate=0.1)
    assert TrainConfig(hidden="none").completed().hidden == ()
    assert TrainConfig(model="logistic_regression", optimizer="sgd").completed().hidden is None
    assert TrainConfig(optimizer="sgd").completed().learning_rate is None
    assert TrainConfig(schedule="constant").completed().learning_rate is None


def test_augmentations_in_all_their_forms():
    assert TrainConfig(augment="crop:4,flip").augment == ("crop:4", "flip")
    assert TrainConfig(augment=["crop:4", "flip"]).augment == ("crop:4", "flip")
    assert TrainConfig(augment="none").augment == TrainConfig(augment=[]).augment == ()


def test_every_option_of_every_network_is_a_field_whose_help_names_the_network():
    helps = {field.name: field.metadata["help"] for field in dataclasses.fields(TrainConfig)}
    owners = {}
    for model in MODELS:
        for option in set(options_of(model)) - {"flatten"}:  # examples of any shape can be flattened
            owners.setdefault(option, []).append(model)
    assert {*owners, "model", "layers", "weights"} == set(TrainConfig.named(NETWORK))
    for option, models in owners.items():
        for model in models:
            assert model.rstrip("0123456789") in helps[option], (option, model)
    for model in MODELS:
        assert re.search(rf"\b{model}\b", helps["model"])


def test_every_field_belongs_to_a_group():
    groups = (DATA, OWN, NETWORK, TRAINING, OPTIMIZER, RUN)
    names = [name for group in groups for name in TrainConfig.named(group)]
    assert names == [field.name for field in dataclasses.fields(TrainConfig)]
