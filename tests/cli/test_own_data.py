"""One's own data on the command line: train, evaluate, predict, stop, resume, for tables, pictures and arrays."""

import csv
import json
import tomllib
import warnings

import numpy as np
import polars as pl
import pytest
from PIL import Image
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits

from madi.config import TrainConfig
from madi.datasets import Dataset, Split
from madi.errors import ConfigurationError, UnknownNameError
from madi.layers import EmbedColumns, load, read_metadata
from madi.runs import sources
from madi.runs.folder import CHECKPOINTS
from madi.runs.sources import class_weights, expect_options, kind_of, placed
from madi.training import History

QUICK = ("--engine", "numpy", "--epochs", "5", "--hidden", "16", "--output", "run")
LONGER = (*QUICK, "--epochs", "30")


@pytest.fixture
def cancer(tmp_path):
    """Measurements of tumours, and whether they are malignant."""
    bunch = load_breast_cancer()
    table = pl.DataFrame(bunch.data, schema=[str(name) for name in bunch.feature_names])
    named = [str(bunch.target_names[label]) for label in bunch.target]
    table.with_columns(diagnosis=pl.Series(named)).write_csv(tmp_path / "cancer.csv")
    table.head(4).write_csv(tmp_path / "new.csv")
    return tmp_path / "cancer.csv"


@pytest.fixture
def diabetes(tmp_path):
    """Measurements of patients, and how their disease went on within a year."""
    bunch = load_diabetes(scaled=False)
    table = pl.DataFrame(bunch.data, schema=list(bunch.feature_names))
    table.with_columns(progression=pl.Series(bunch.target)).write_csv(tmp_path / "diabetes.csv")
    return tmp_path / "diabetes.csv"


@pytest.fixture
def pictures(tmp_path):
    """Some of scikit-learn's digits as PNGs, a folder for each class."""
    bunch = load_digits(n_class=3)
    for number, (image, label) in enumerate(zip(bunch.images[:240], bunch.target, strict=False)):
        folder = tmp_path / "pictures" / f"digit {label}"
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.uint8(image / 16 * 255)).save(folder / f"{number}.png")
    return tmp_path / "pictures"


def results(folder):
    return json.loads((folder / "results.json").read_text(encoding="utf-8"))


def test_classes_of_a_table(madi, cancer, tmp_path):
    result = madi("train", cancer, "--target", "diagnosis", *LONGER)
    assert result.code == 0, result.err
    assert "mean radius" in result.out
    assert "2 classes: 'benign', 'malignant'" in result.out
    assert "398 training, 57 validation, 114 test examples of 30" in result.out
    assert results(tmp_path / "run")["test"]["accuracy"] > 0.9
    assert (tmp_path / "run/report.html").read_text().count("Columns that matter") == 1
    extra = read_metadata(tmp_path / "run/model.safetensors").extra
    assert (extra["classes"], extra["preparation"]["kind"]) == (["benign", "malignant"], "table")

    predicted = madi("predict", "run", "new.csv", "--output", "out.csv")
    assert predicted.code == 0, predicted.err
    with (tmp_path / "out.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["input"], row["class"]) for row in rows] == [(f"new.csv:{n}", "malignant") for n in (2, 3, 4, 5)]

    again = madi("evaluate", "run")
    assert f"{results(tmp_path / 'run')['test']['accuracy']:.4f}" in again.out
    whole = madi("evaluate", "run", cancer, "--report", "page.html")
    assert "569 examples" in whole.out
    assert "cancer.csv:" in (tmp_path / "page.html").read_text()  # the worst rows are named


def test_numbers_of_a_table_come_back_in_their_units(madi, diabetes, tmp_path):
    result = madi("train", diabetes, "--target", "progression", *LONGER)
    assert result.code == 0, result.err
    found = results(tmp_path / "run")["test"]
    assert found["r_squared"] > 0.2
    assert "progression of the test examples is predicted" in result.out
    assert madi("predict", "run", "diabetes.csv", "--output", "out.json").code == 0
    predicted = [row["progression"] for row in json.loads((tmp_path / "out.json").read_text())]
    true = pl.read_csv(diabetes)["progression"].to_numpy()
    assert np.corrcoef(predicted, true)[0, 1] > 0.6
    assert abs(np.mean(predicted) - true.mean()) < 20


def test_pictures_in_folders(madi, pictures, tmp_path):
    result = madi("train", pictures, "--epochs", "8", *QUICK[:2], *QUICK[4:])
    assert result.code == 0, result.err
    assert "test examples of 8 x 8 x 1, 3 classes" in result.out
    assert results(tmp_path / "run")["test"]["accuracy"] > 0.9
    one = next((pictures / "digit 2").iterdir())
    predicted = madi("predict", "run", one, pictures / "digit 0", "--output", "out.csv")
    assert predicted.code == 0, predicted.err
    with (tmp_path / "out.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert rows[0]["input"].endswith(one.name)
    assert len(rows) == 1 + len(list((pictures / "digit 0").iterdir()))
    assert np.mean([row["class"] == "digit 0" for row in rows[1:]]) > 0.9
    assert madi("evaluate", "run", pictures).code == 0
    (pictures / "digit 1" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    refused = madi("train", pictures, *QUICK, "--overwrite")
    assert (refused.code, "broken.png" in refused.err) == (2, True)
    skipped = madi("train", pictures, *QUICK, "--overwrite", "--skip-bad")
    assert (skipped.code, "1 of 241 pictures" in skipped.err) == (0, True)


def test_arrays_in_a_file(madi, tmp_path):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 200)
    np.savez(tmp_path / "a.npz", x=rng.normal(size=(200, 3)) + 3 * y[:, None], y=y)
    result = madi("train", "a.npz", *LONGER, "--batch-size", "10")
    assert result.code == 0, result.err
    assert results(tmp_path / "run")["test"]["accuracy"] > 0.9
    assert madi("evaluate", "run").code == 0


def test_categories_that_are_looked_up(madi, tmp_path):
    rng = np.random.default_rng(0)
    towns = rng.integers(0, 30, 600)
    wealth = rng.normal(size=30)
    table = pl.DataFrame(
        {"town": [f"town {town}" for town in towns], "price": 100 * wealth[towns] + rng.normal(size=600)}
    )
    table.write_csv(tmp_path / "towns.csv")
    result = madi("train", "towns.csv", "--target", "price", "--embed", "3", "--epochs", "20", *QUICK[:2], *QUICK[4:])
    assert result.code == 0, result.err
    model = load(tmp_path / "run/model.safetensors")
    assert isinstance(model[0], EmbedColumns)
    assert results(tmp_path / "run")["test"]["r_squared"] > 0.9
    assert madi("predict", "run", "towns.csv").code == 0


def test_members_take_tables_too(madi, cancer, tmp_path):
    result = madi("train", cancer, "--target", "diagnosis", *QUICK, "--members", "2", "--class-weight", "balanced")
    assert result.code == 0, result.err
    assert results(tmp_path / "run")["test"]["accuracy"] > 0.9
    refused = madi("train", "--resume", "run")
    assert (refused.code, "members train together, and keep no checkpoints" in refused.err) == (2, True)


# ---- configuration


def test_a_run_s_own_file_does_it_again_from_any_folder(madi, cancer, tmp_path, monkeypatch):
    assert madi("train", "cancer.csv", "--target", "diagnosis", *QUICK).code == 0
    first = (tmp_path / "run/model.safetensors").read_bytes()
    config = tomllib.loads((tmp_path / "run/config.toml").read_text())
    assert (config["dataset"], config["target"]) == (str(cancer), ["diagnosis"])
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert madi("train", "--config", "../run", "--output", "second").code == 0
    assert (tmp_path / "elsewhere/second/model.safetensors").read_bytes() == first


def test_a_network_that_is_written_out(madi, cancer, tmp_path):
    (tmp_path / "run.toml").write_text(
        'dataset = "cancer.csv"\ntarget = ["diagnosis"]\nepochs = 3\nengine = "numpy"\n'
        'layers = ["Dense(8)", "Tanh()", "Dense(outputs)"]\n'
    )
    assert madi("train", "--config", "run.toml", "--output", "run").code == 0
    shapes = [parameter.shape for parameter in load(tmp_path / "run/model.safetensors").parameters().values()]
    assert shapes == [(30, 8), (8,), (8, 2), (2,)]


# ---- stopped, and taken up again


def test_a_run_that_was_stopped_goes_on_to_the_same_bits(madi, cancer, tmp_path, monkeypatch):
    from madi.training.run import Run

    options = ("--target", "diagnosis", *QUICK[:6], "--checkpoint-every", "0", "--no-report")
    assert madi("train", cancer, *options, "--output", "whole").code == 0
    plain = Run.one_epoch

    def killed(run):
        if run.trainer.epoch == 3:
            raise KeyboardInterrupt
        plain(run)

    monkeypatch.setattr(Run, "one_epoch", killed)
    stopped = madi("train", cancer, *options, "--output", "stopped")
    assert stopped.code == 130
    monkeypatch.setattr(Run, "one_epoch", plain)
    resumed = madi("train", "--resume", "stopped")
    assert resumed.code == 0, resumed.err
    whole, again = (load(tmp_path / name / "model.safetensors").parameters() for name in ("whole", "stopped"))
    for path, parameter in whole.items():
        np.testing.assert_array_equal(parameter.value, again[path].value)
    losses = [History.from_json(tmp_path / name / "history.jsonl")["loss"] for name in ("whole", "stopped")]
    assert losses[0] == losses[1]


def test_a_run_that_cannot_be_gone_on_with_keeps_what_it_has(madi, cancer, tmp_path):
    assert madi("train", cancer, "--target", "diagnosis", *QUICK).code == 0
    before = {
        path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file() and path.name != "lock"
    }
    config = tmp_path / "run/config.toml"
    config.write_text(config.read_text().replace("epochs = 5", "epochs = 6"))
    refused = madi("train", "--resume", "run")
    assert (refused.code, "in the fit that the checkpoint is of" in refused.err) == (2, True)
    config.write_bytes(before[config])
    assert {path: path.read_bytes() for path in before} == before


def test_what_cannot_be_resumed(madi, cancer, tmp_path):
    assert madi("train", "--resume", "nowhere").err.startswith("madi: --resume nowhere: holds no run")
    assert "Leave out everything else" in madi("train", "--resume", "run", "--epochs", "3").err
    assert madi("train", cancer, "--target", "diagnosis", *QUICK).code == 0
    for path in (tmp_path / "run" / CHECKPOINTS).glob("*.safetensors"):
        path.unlink()
    assert "has no checkpoint, so there is nothing to go on from" in madi("train", "--resume", "run").err


# ---- mistakes


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["cancer.csv"], "which column is to be predicted? Add --target COLUMN"),
        (["cancer.csv", "--target", "diagnose"], "got no column 'diagnose' (closest: 'diagnosis')"),
        (["cancer.csv", "--target", "diagnosis", "--channels", "3"], "--channels: is for a folder of pictures"),
        (["digits", "--target", "diagnosis"], "--target: is for a table, and digits is a dataset by name"),
        (["cancr.csv", "--target", "diagnosis"], "cancr.csv"),
        (["cancer.csv", "--target", "diagnosis", "--class-weight", "benig:2"], "did you mean 'benign'"),
        (["cancer.csv", "--target", "diagnosis", "--class-weight", "benign:x"], "a weight of at least 0, got 'x'"),
        (["cancer.csv", "--target", "diagnosis", "--types", "mean radius"], "--types must be COLUMN:KIND"),
        (["cancer.csv", "--target", "diagnosis", "--types", "mean radius:numbr"], "number"),
        (["cancer.csv", "--target", "diagnosis", "--layers", "Dens(3)"], "did you mean 'Dense'"),
        (["cancer.csv", "--target", "diagnosis", "--layers", "Dense(3)", "--hidden", "3"], "--hidden: is an option of"),
        (["cancer.csv", "--target", "diagnosis", "--weight", "nothing"], "got no column 'nothing'"),
        (["cancer.csv", "--target", "diagnosis", "--ignore", "mean radiu"], "Unknown column of --ignore 'mean radiu'"),
        (["cancer.csv", "--target", "diagnosis", "--task", "regression"], "Leave --task regression out"),
        (["cancer.csv", "--target", "mean radius", "--task", "classification"], "or --task regression where they are"),
        (
            ["cancer.csv", "--target", "diagnosis", "--augment", "flip"],
            "cancer.csv is a table. Leave it out.",
        ),
        (["moons", "--augment", "flip"], "--augment: changes pictures, and the examples of moons are 2 numbers"),
        (["a.npy"], "a.npy: a .npy file is one array, without targets: madi predict takes it."),
    ],
)
def test_a_mistake_is_one_line_and_leaves_no_folder(madi, cancer, tmp_path, arguments, told):
    result = madi("train", *arguments, "--output", "run")
    assert result.code == 2
    assert told in result.err
    assert (result.err.count("\n"), (tmp_path / "run").exists()) == (1, False)


def test_sources(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "digits").mkdir()
    for name in ("a.zip", "a.npz", "a.csv", "noise"):
        (tmp_path / name).touch()
    kinds = {"digits": sources.NAMED, "./digits": sources.PICTURES, "a.zip": sources.PICTURES, "a.npz": sources.ARRAYS,
             "a.csv": sources.TABLE, "missing.parquet": sources.TABLE, "noise": sources.TABLE}  # fmt: skip
    assert {name: kind_of(name) for name in kinds} == kinds
    with pytest.raises(UnknownNameError, match=r"did you mean 'digits'.*Nor is there a file or folder"):
        kind_of("digit")
    assert placed(TrainConfig(dataset="digits")).dataset == "digits"
    assert placed(TrainConfig(dataset="a.csv", test_data="b.csv")).dataset == str(tmp_path / "a.csv")
    with pytest.raises(ConfigurationError, match="skip_bad: is for a folder of pictures"):
        expect_options(TrainConfig(dataset="a.csv", target=("x",), skip_bad=True))


def test_weights_of_classes():
    y = np.array([0, 0, 0, 1])
    data = Dataset("d", Split(np.zeros((4, 1)), y), Split(np.zeros((0, 1)), y[:0]), ("no", "yes"))
    assert class_weights(TrainConfig(), data, y) is None
    assert class_weights(TrainConfig(class_weight="balanced"), data, y) == {0: 4 / 6, 1: 2.0}
    assert class_weights(TrainConfig(class_weight=("yes:5", "no:0.5")), data, y) == {1: 5.0, 0: 0.5}
    with pytest.raises(ConfigurationError, match="the examples come in batches"):
        class_weights(TrainConfig(class_weight="balanced"), data, None)


def test_predictions_that_are_not_finite_are_counted_and_never_bare(madi, diabetes, tmp_path):
    assert madi("train", diabetes, "--target", "progression", *QUICK).code == 0
    model = load(tmp_path / "run/model.safetensors")
    meta = read_metadata(tmp_path / "run/model.safetensors").extra
    for parameter in model.parameters().values():
        parameter.value = np.full(parameter.shape, 3e38, np.float32)
    from madi.layers import save

    save(model, tmp_path / "wild.safetensors", extra=meta)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        result = madi("predict", "wild.safetensors", "diabetes.csv", "--output", "out.json")
    assert result.code == 0
    predicted = [row["progression"] for row in json.loads((tmp_path / "out.json").read_text())]
    assert f"{predicted.count(None)} of 442 predictions are not finite" in result.err
    assert predicted.count(None) > 100
