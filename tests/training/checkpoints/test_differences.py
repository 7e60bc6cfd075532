"""What must be the same for a fit to go on, what may be another, and how each is told."""

import numpy as np
import pytest

from madi import optimizers, schedules
from madi.errors import ConfigurationError
from madi.layers import Dense, Dropout, ReLU, Sequential
from madi.training import EarlyStopping
from madi.training.checkpoints import environment, folder, newest
from madi.training.checkpoints.settings import described

from ..common import INPUTS, network, points, trainer
from .common import assert_same_bits, fitted, killed, plain, resumed


@pytest.fixture(autouse=True)
def calls_of_one_step(monkeypatch):
    """So that a fit can be killed in the middle."""
    monkeypatch.setattr("madi.training.run.SECONDS_PER_CALL", 0)


def wider():
    return Sequential(Dense(9), ReLU(), Dense(3)).build((INPUTS,))


def other(x):
    """An augmentation that is another function."""
    return x


X, Y = points(24)
FIRST_CHANGED = X + np.eye(24, INPUTS, dtype=np.float32)

# (options of the second trainer, options of its fit, its data, what the message says)
OTHERS = {
    "units": ({"model": wider()}, {}, None, r"model layers 0 units was 8 in the fit .*, and now is 9\."),
    "more layers": ({"model": network(dropout=0.5)}, {}, None, "model layers 2 "),
    "frozen": ({"model": network().freeze("0")}, {}, None,
               r"model parameters 0\.weight trainable was True .* now is False"),
    "optimizer": ({"optimizer": "adam"}, {}, None, "optimizer class was SGD .* now is Adam"),
    "rate": ({"optimizer": optimizers.SGD(0.5)}, {}, None, r"optimizer learning_rate was 0\.001 .* now is 0\.5"),
    "schedule": ({"optimizer": optimizers.SGD(schedules.cosine(0.001, 5))}, {}, None, "optimizer learning_rate was"),
    "decay": ({"optimizer": optimizers.SGD(weight_decay=0.1)}, {}, None, r"optimizer weight_decay was 0\.0 .* 0\.1"),
    "clip": ({"optimizer": optimizers.SGD(clip_norm=1)}, {}, None, r"optimizer clip_norm was left out .* now is 1\.0"),
    "loss": ({"loss": "mean_squared_error"}, {}, (X, np.eye(3)[Y]), "loss name was softmax_cross_entropy .* mean_sq"),
    "smoothing": ({"label_smoothing": 0.1}, {}, None, r"loss label_smoothing was 0\.0 .* now is 0\.1"),
    "metrics": ({"metrics": ["accuracy"]}, {}, None, r"metrics was \[\] .* now is \['accuracy'\]"),
    "seed": ({"seed": 1}, {}, None, r"seed of steps was \[0, 0\] .* now is \[0, 1\]"),
    "order": ({"order_seed": 1}, {}, None, r"seed of the order was \[0, 0\] .* now is \[0, 1\]"),
    "dtype": ({"dtype": "float64"}, {}, None, "dtype was float32 .* now is float64"),
    "average": ({"average": 0.9}, {}, None, r"average was left out .* now is 0\.9"),
    "augmentation": ({"augmentation": [other]}, {}, None, r"augmentation was \[\] .* is \[\{'function': 'other'\}\]"),
    "epochs": ({}, {"epochs": 9}, None, "fit epochs was 4 .* now is 9"),
    "batch size": ({}, {"batch_size": 6}, None, "fit batch_size was 5 .* now is 6"),
    "accumulate": ({}, {"accumulate": 2}, None, "fit accumulate was 1 .* now is 2"),
    "one number": ({}, {}, (FIRST_CHANGED, Y), r"data x was \(24, 6\) float32 \w{8} .* is \(24, 6\) float32 \w{8}\."),
    "fewer": ({}, {}, (X[:20], Y[:20]), r"data x was \(24, 6\) float32 \w{8} .* now is \(20, 6\)"),
    "labels": ({}, {}, (X, Y[::-1]), r"data y was \(24,\) int32"),
    "weights": ({}, {"sample_weight": np.arange(1.0, 25)}, None, "data weight was left out .* now is"),
    "class weights": ({}, {"class_weight": {0: 2.0}}, None, "data weight was left out .* now is"),
    "a share": ({}, {"validation": 0.25}, None, r"data x was \(24, 6\) .* now is \(18, 6\)"),
    "validation": ({}, {"validation": points(9, seed=2)}, None, "validation was left out .* now is"),
    "a stream": ({}, {}, [(X, Y)], "data was .* now is left out"),
    "callbacks": ({}, {"callbacks": [EarlyStopping()]}, None, None),
}  # fmt: skip


@pytest.mark.parametrize("name", OTHERS)
def test_another_setting_is_named(name, tmp_path):
    own, options, data, message = OTHERS[name]
    assert killed(plain, tmp_path, 3)
    before = newest(tmp_path).path.read_bytes()
    second = trainer(**own)
    message = message or r"the callbacks that keep something were \[\], and now are \['EarlyStopping'\]\. Give the same"
    with pytest.raises(ConfigurationError, match=f"^resume: {message}"):
        resumed(lambda: second, tmp_path, data, **options)
    assert second.step == 0
    assert newest(tmp_path).path.read_bytes() == before
    assert resumed(plain, tmp_path).epoch == 4  # nothing was lost


def test_the_message_in_full(tmp_path):
    assert killed(plain, tmp_path, 3)
    with pytest.raises(ConfigurationError, match=(
        r"^resume: fit batch_size was 5 in the fit that the checkpoint is of, and now is 6\. "
        r"Give what was given then, or choose another folder for a new fit\.$"
    )):  # fmt: skip
        resumed(plain, tmp_path, batch_size=6)


def test_early_stopping_of_other_settings(tmp_path):
    assert killed(plain, tmp_path, 3, callbacks=[EarlyStopping(patience=3)])
    with pytest.raises(ConfigurationError, match=r"^resume: EarlyStopping was \{.*'patience': 3, .* now is .*: 4, .*"):
        resumed(plain, tmp_path, callbacks=[EarlyStopping(patience=4)])


def test_dropout_of_another_rate(tmp_path):
    def make(rate):
        return lambda: trainer(network(dropout=rate))

    assert killed(make(0.5), tmp_path, 3)
    with pytest.raises(ConfigurationError, match=r"^resume: numbers 2\.rate was 0\.5 .* now is 0\.4"):
        resumed(make(0.4), tmp_path)


def test_the_first_weights_may_be_others(tmp_path):
    """The checkpoint has all of them."""
    expected = fitted(plain)
    assert killed(plain, tmp_path, 3)
    assert_same_bits(resumed(lambda: trainer(network(seed=9)), tmp_path), expected)


def test_frozen_weights_too(tmp_path):
    def make(seed):
        return lambda: trainer(network(seed=seed).freeze("0"))

    expected = fitted(make(0))
    assert killed(make(0), tmp_path, 3)
    assert_same_bits(resumed(make(9), tmp_path), expected)


@pytest.mark.parametrize("names", [("jax",), ("numpy", "cores", "features")])
def test_other_versions_and_cores_are_told_and_it_goes_on(names, tmp_path):
    assert killed(plain, tmp_path, 3)
    path = newest(tmp_path).path
    content = folder.read(path)
    content["environment"] |= dict.fromkeys(names, "1.2.3")
    folder.write(path, content)
    (notice,) = resumed(plain, tmp_path).history.notices
    assert notice.startswith(f"resumed where {environment.WORDS[names[0]]} was 1.2.3 and is ")
    assert notice.count(" was 1.2.3 and is ") == len(names)
    assert notice.endswith("the last bits may differ from those of a fit that was not stopped")


def test_where_a_fit_has_ended_it_does_not_matter(tmp_path):
    expected = fitted(plain, checkpoints=tmp_path)
    path = newest(tmp_path).path
    content = folder.read(path)
    content["environment"]["jax"] = "1.2.3"
    folder.write(path, content)
    assert_same_bits(resumed(plain, tmp_path), expected)


def test_another_engine_is_told_and_it_goes_on(tmp_path):
    assert killed(plain, tmp_path, 3)
    found = resumed(lambda: trainer(engine="jax"), tmp_path)
    assert "the engine was numpy and is jax" in found.history.notices[0]
    assert found.history["loss"] == pytest.approx(fitted(plain).history["loss"], rel=1e-5)


def test_the_same_machine_is_told_nothing(tmp_path):
    assert killed(plain, tmp_path, 3)
    assert resumed(plain, tmp_path).history.notices == []


def test_what_an_environment_says():
    found = environment.environment("jax")
    assert found.keys() == set(environment.WORDS)
    assert environment.differences(found, found) == []
    assert environment.differences({**found, "cores": 99}, found) == [f"cores was 99 and is {found['cores']}"]


def test_what_is_described():
    described_rate = described(optimizers.SGD(schedules.warmup(3, schedules.cosine(0.1, 9))))["learning_rate"]
    assert described_rate["name"] == "warmup"
    assert described_rate["then"] == {"name": "cosine", "initial": 0.1, "steps": 9, "final": 0.0}
    assert described(optimizers.SGD(other))["learning_rate"] == {"function": "other"}
    assert described((np.float32(0.5), Dropout)) == [0.5, {"class": "type"}]
