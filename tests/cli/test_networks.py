"""madi train with every network by name, with what training can be told besides, and in search of a learning rate."""

import json
import tomllib

import numpy as np
import pytest

from madi.config import TrainConfig
from madi.datasets import Dataset, Split
from madi.layers import load
from madi.models import INPUT_SHAPES, MODELS
from madi.runs.building import build_model

QUICK = ("--engine", "numpy", "--epochs", "1", "--batch-size", "4", "--validation", "0", "--output", "run")


@pytest.fixture
def small_images(monkeypatch):
    """In place of a dataset of that name: eight images and four test images of its shape, of ten classes."""
    shapes = {"cifar10": (32, 32, 3), "mnist": (28, 28, 1)}

    def images(name, *_):
        rng = np.random.default_rng(0)
        parts = [
            Split(rng.random((n, *shapes[name]), np.float32), np.arange(n, dtype=np.int32)) for n in (8, 4)
        ]  # fmt: skip
        return Dataset(name, *parts, tuple("0123456789"), "")

    monkeypatch.setattr("madi.datasets.load", images)


def parameters(folder):
    return sum(parameter.size for parameter in load(folder / "model.safetensors").parameters().values())


@pytest.mark.parametrize(
    ("dataset", "options", "count"),
    [
        ("mnist", "lenet5", 61_706),
        ("mnist", "simple_convnet", 433_890),
        ("mnist", "simple_convnet --filters 4 --kernel-size 3 --hidden none --initializer zeros", 40 + 676 * 10 + 10),
        ("mnist", "deep_convnet --dropout 0", 123_552),
        ("cifar10", "lenet5 --padding 0", 62_006),  # 2 x 6 x 25 weights more for the colours
        ("cifar10", "resnet_cifar --depth 20", 269_722),
        ("cifar10", "resnet_cifar --depth 20 --shortcut B", 272_474),
        ("cifar10", "vgg11 --batch-norm --hidden none", 9_220_480 + 2 * 2752 + 512 * 10 + 10),
    ],
)
def test_a_network_is_trained_with_its_options(madi, tmp_path, small_images, dataset, options, count):
    result = madi("train", dataset, "--model", *options.split(), *QUICK)
    assert result.code == 0, result.err
    assert parameters(tmp_path / "run") == count
    assert f"{count:,} parameters" in result.out


def test_googlenet_in_small(madi, tmp_path, small_images):
    options = ("googlenet", "--small", "--stages", "1", "--dropout", "0.1")
    assert madi("train", "cifar10", "--model", *options, *QUICK).code == 0
    told = tomllib.loads((tmp_path / "run/config.toml").read_text())
    assert (told["small"], told["stages"]) == (True, 1)
    assert "auxiliary" not in told


@pytest.mark.parametrize("name", MODELS)
def test_every_network_can_be_named(name):
    model = build_model(TrainConfig(model=name), 10)
    if name not in ("mlp", "logistic_regression"):
        assert INPUT_SHAPES[name]
    assert model.layers


@pytest.mark.parametrize(
    ("options", "layer"),
    [
        ({"model": "resnet50", "version": "paper"}, "Conv2D"),
        ({"model": "alexnet", "groups": 1, "hidden": (8,)}, "Conv2D"),
        ({"model": "googlenet", "auxiliary": True}, "Auxiliary"),
        ({"model": "vgg19", "batch_norm": True}, "BatchNorm"),
    ],
)
def test_an_option_reaches_its_network(options, layer):
    def settings(config):
        layers = [layer for _, layer in build_model(config, 10).walk()]
        return [(type(layer).__name__, getattr(layer, "stride", 0), getattr(layer, "groups", 0)) for layer in layers]

    changed, plain = settings(TrainConfig(**options)), settings(TrainConfig(model=options["model"]))
    assert changed != plain
    assert layer in [kind for kind, *_ in changed]


def test_a_long_network_is_told_by_its_name_and_cost(madi, small_images):
    result = madi("train", "cifar10", "--model", "resnet_cifar", "--depth", "20", *QUICK)
    line = next(line for line in result.out.splitlines() if line.startswith("network"))
    assert line == "network  resnet_cifar: 269,722 parameters, 40.6 M multiply-adds an example"


def test_a_small_cost_is_told_exactly(madi):
    result = madi("train", "digits", "--hidden", "4,4,4,4,4", *QUICK)
    assert "network  mlp: 390 parameters, 360 multiply-adds an example" in result.out


def test_a_switch_of_the_configuration_is_taken_back(madi, tmp_path, small_images):
    (tmp_path / "vgg.toml").write_text('dataset = "cifar10"\nmodel = "vgg11"\nbatch_norm = true\nhidden = []\n')
    assert madi("train", "--config", "vgg.toml", "--no-batch-norm", *QUICK).code == 0
    assert parameters(tmp_path / "run") == 9_220_480 + 512 * 10 + 10


@pytest.mark.parametrize(
    ("dataset", "options", "line"),
    [
        (
            "planar",
            "resnet_cifar",
            "the model resnet_cifar does not take the examples of planar, 2. Conv2D '0': expected images (N, H, W, C), "
            "got (N, 2). Give it images, channels last. Or choose another model or dataset.",
        ),
        (
            "digits",
            "vgg11",
            "the model vgg11 does not take the examples of digits, 8 x 8 x 1. MaxPool2D '15': windows of (2, 2) "
            "pixels: expected an image at least as large with its padding ((0, 0), (0, 0)), got (1, 1). Pad more, or "
            "make the kernel smaller. Or choose another model or dataset.",
        ),
        ("digits", "mlp --depth 3", "--depth: the model mlp has no such option. Leave it out, or choose another."),
        ("digits", "mlp --no-small", "--small: the model mlp has no such option. Leave it out, or choose another."),
        (
            "digits",
            "resnet_cifar --depth 21",
            "resnet_cifar: depth must be 6 n + 2, such as 20, 32, 44, 56 or 110, got 21.",
        ),
        ("digits", "resnet_cifar --depth x", "--depth must be a whole number of at least 1, got 'x'."),
        ("digits", "resnet_cifar --shortcut C", "Unknown shortcut of resnet_cifar 'C': Known: A, B."),
        ("digits", "googlenet --stages 4", "googlenet: stages must be 1, 2 or 3, got 4. Try 3."),
    ],
)
def test_what_does_not_fit_is_one_line(madi, tmp_path, dataset, options, line):
    result = madi("train", dataset, "--model", *options.split())
    assert (result.code, result.out, result.err) == (2, "", f"madi: {line}\n")
    assert not list(tmp_path.glob("runs/*"))


# ---- what training can be told besides

SMALL = ("mnist", "--model", "simple_convnet", "--filters", "2", "--hidden", "none", *QUICK[:-2])


def trained(madi, folder, *options):
    """The bytes of the model that these options lead to."""
    result = madi("train", *SMALL, "--output", folder, *options)
    assert result.code == 0, result.err
    return (folder / "model.safetensors").read_bytes()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("--augment shift:2,flip", {"augment": ["shift:2", "flip"]}),
        ("--label-smoothing 0.1", {"label_smoothing": 0.1}),
        ("--average 0.9", {"average": 0.9}),
        ("--accumulate 2", {"accumulate": 2}),
    ],
)
def test_it_changes_what_is_learned_and_the_configuration_does_it_again(madi, tmp_path, small_images, options, told):
    changed = trained(madi, tmp_path / "one", *options.split())
    assert changed != trained(madi, tmp_path / "plain")
    written = tomllib.loads((tmp_path / "one/config.toml").read_text())
    assert {name: written[name] for name in told} == told
    assert madi("train", "--config", tmp_path / "one/config.toml", "--output", tmp_path / "two").code == 0
    assert (tmp_path / "two/model.safetensors").read_bytes() == changed
    assert madi("evaluate", tmp_path / "one").code == 0


def test_the_precision_of_activations(madi, tmp_path, small_images):
    compiled = ("--engine", "jax")
    plain = trained(madi, tmp_path / "plain", *compiled)
    assert trained(madi, tmp_path / "float32", *compiled, "--precision", "float32") == plain
    changed = trained(madi, tmp_path / "bfloat16", *compiled, "--precision", "bfloat16")
    assert changed != plain
    assert madi("train", "--config", tmp_path / "bfloat16/config.toml", "--output", tmp_path / "again").code == 0
    assert (tmp_path / "again/model.safetensors").read_bytes() == changed


def test_a_schedule_counts_updates(madi, tmp_path, small_images):
    trained(madi, tmp_path / "run", "--accumulate", "2", "--epochs", "4", "--schedule", "step_decay")
    rows = [json.loads(line) for line in (tmp_path / "run/history.jsonl").read_text().splitlines()]
    assert [row["learning_rate"] for row in rows[:-1]] == pytest.approx([0.004, 0.004, 0.0004, 0.0004])
    assert len(rows[-1]["steps"]["loss"]) == 4  # eight images in batches of four, two of them an update


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ("--augment crp:4", "Unknown augmentation 'crp': did you mean 'crop'? Known: "),
        ("--label-smoothing 1", "--label-smoothing must be a number of at least 0 and below 1, got 1.0. Try 0.1."),
        ("--average 1", "--average must be a number of at least 0 and below 1, got 1.0. Try 0.999."),
        ("--precision float16", "Unknown precision 'float16': did you mean 'bfloat16'? Known: bfloat16, float32."),
        ("--precision bfloat16", "precision='bfloat16': the NumPy engine computes in float32 and float64 alone. "),
        ("--accumulate 0", "--accumulate must be a whole number of at least 1, got 0."),
    ],
)
def test_a_wrong_value_is_one_line(madi, small_images, options, line):
    result = madi("train", *SMALL, "--output", "run", *options.split())
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(f"madi: {line}")
    assert result.err.count("\n") == 1


# ---- the search for a learning rate


def test_a_rate_is_suggested_and_drawn(madi, tmp_path):
    result = madi("train", "digits", "--hidden", "20", "--engine", "numpy", "--find-rate", "--output", "rate")
    assert result.code == 0, result.err
    assert {path.name for path in (tmp_path / "rate").iterdir()} == {
        "config.toml", "learning_rate.json", "learning_rate.png",
    }  # fmt: skip
    found = json.loads((tmp_path / "rate/learning_rate.json").read_text())
    assert f"suggestion: {found['suggestion']:.2g}, where" in result.out
    assert f"it falls fastest at {found['steepest']:.2g}, and is lowest at {10 * found['tenth']:.2g}" in result.out
    assert f"{len(found['rates'])} steps with learning rates from 1e-06 to " in result.out
    assert (tmp_path / "rate/learning_rate.png").read_bytes().startswith(b"\x89PNG")
    again = result.out.strip().splitlines()[-1].partition("madi ")[2].split()
    assert again[:3] == ["train", "--config", "rate/config.toml"]
    assert madi(*again, "--epochs", "1", "--output", "rate").code == 0  # into the same folder: nothing is overwritten
    told = tomllib.loads((tmp_path / "rate/config.toml").read_text())
    assert told["learning_rate"] == float(f"{found['suggestion']:.2g}")


def test_a_search_that_concludes_nothing_says_so(madi):
    options = ("--hidden", "20,20,20,20,20", "--activation", "sigmoid", "--engine", "numpy", "--output", "rate")
    result = madi("train", "digits", *options, "--find-rate")
    assert result.code == 0
    assert "The loss hardly fell, so that these rates mean little" in result.err


def test_a_search_says_little_when_asked(madi):
    result = madi("train", "planar", "--engine", "numpy", "--find-rate", "-q", "--output", "rate")
    assert (result.code, result.out, result.err) == (0, "rate\n", "")


def test_a_search_that_fails_leaves_no_folder(madi, monkeypatch, tmp_path):
    monkeypatch.setattr("madi.training.find_learning_rate", lambda *_, **__: 1 / 0)
    assert madi("train", "planar", "--find-rate").code == 1
    assert not list(tmp_path.glob("runs/*"))
