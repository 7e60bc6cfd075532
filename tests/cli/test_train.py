"""madi train: the folder of a run, every choice, and what is left when something goes wrong."""

import json
import tomllib

import numpy as np
import pytest

from madi.errors import DivergenceError
from madi.layers import load, read_metadata
from madi.training import History

FILES = {
    "checkpoints",
    "config.toml",
    "curves.png",
    "history.jsonl",
    "model.safetensors",
    "report.html",
    "results.json",
}
QUICK = ("--engine", "numpy", "--epochs", "2", "--hidden", "8")


def results(folder):
    return json.loads((folder / "results.json").read_text(encoding="utf-8"))


def test_a_run_leaves_a_folder_with_everything(madi, tmp_path):
    result = madi("train", "planar", *QUICK)
    (folder,) = (tmp_path / "runs").iterdir()
    assert result.code == 0
    assert {path.name for path in folder.iterdir()} == FILES
    assert folder.name.startswith("planar-mlp-2")
    assert f"written to runs/{folder.name}" in result.out
    assert read_metadata(folder / "model.safetensors").extra == {
        "classes": ["red", "blue"], "dataset": "planar", "loss": "softmax_cross_entropy", "metrics": ["accuracy"],
    }  # fmt: skip
    history = History.from_json(folder / "history.jsonl")
    assert [row["epoch"] for row in history.epochs] == [1, 2]
    assert len(history.steps["loss"]) == 2 * 8  # 360 examples in batches of 50
    assert (folder / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_the_table_says_what_the_results_say(madi, tmp_path):
    result = madi("train", "planar", *QUICK, "--output", "here")
    found = results(tmp_path / "here")
    assert found["epochs"] == 2
    assert found["interrupted"] is False
    for part, count in (("training", 360), ("validation", 40), ("test", 400)):
        assert f"{part} {count} {found[part]['loss']:.4f} {found[part]['accuracy']:.4f}" in " ".join(result.out.split())
    assert "2 epochs in" in result.out
    assert "epoch 2/2  loss" in result.err


def test_the_default_reads_digits(madi, tmp_path):
    result = madi("train", "--engine", "jax", "--output", "run", "--quiet")
    assert result.code == 0
    assert results(tmp_path / "run")["test"]["accuracy"] >= 0.97


def test_quiet_prints_the_folder_alone(madi):
    result = madi("train", "planar", *QUICK, "-q", "--output", "조용한 실행")
    assert (result.code, result.out, result.err) == (0, "조용한 실행\n", "")


def test_a_run_can_be_done_again_from_its_configuration(madi, tmp_path):
    options = ("--hidden", "5", "--hidden", "4", "--activation", "tanh", "--dropout", "0.1", "--seed", "3")
    assert madi("train", "spiral", *QUICK[:4], *options, "--output", "one").code == 0
    assert madi("train", "--config", "one/config.toml", "--output", "two").code == 0
    assert (tmp_path / "one/model.safetensors").read_bytes() == (tmp_path / "two/model.safetensors").read_bytes()
    assert tomllib.loads((tmp_path / "two/config.toml").read_text())["hidden"] == [5, 4]
    assert madi("train", "--config", "one/config.toml", "--seed", "4", "--output", "three").code == 0
    assert (tmp_path / "one/model.safetensors").read_bytes() != (tmp_path / "three/model.safetensors").read_bytes()


@pytest.mark.parametrize(
    "schedule", ["constant", "cosine", "step_decay", "exponential_decay", "warmup", "one_cycle"]
)  # fmt: skip
def test_every_schedule(madi, tmp_path, schedule):
    assert madi("train", "planar", *QUICK, "--schedule", schedule, "--output", "run").code == 0
    rates = History.from_json(tmp_path / "run/history.jsonl")["learning_rate"]
    assert (rates[0] == rates[1]) == (schedule == "constant")


@pytest.mark.parametrize(
    "options",
    [
        ("sgd", "--learning-rate", "0.1"),
        ("momentum", "--momentum", "0.8"),
        ("nesterov",),
        ("adagrad",),
        ("rmsprop",),
        ("adamw", "--weight-decay", "0.1", "--clip-norm", "1"),
    ],
)
def test_every_optimizer(madi, options):
    assert madi("train", "planar", *QUICK, "--optimizer", *options).code == 0


@pytest.mark.parametrize(
    ("loss", "dataset", "outputs"),
    [
        ("cross_entropy", "spiral", 3),
        ("mean_squared_error", "spiral", 3),
        ("mean_squared_error", "planar", 1),
        ("huber", "planar", 1),
        ("mean_absolute_error", "planar", 1),
        ("binary_cross_entropy", "planar", 1),
        ("sigmoid_binary_cross_entropy", "planar", 1),
        ("sigmoid_binary_cross_entropy", "spiral", 3),
    ],
)
def test_every_loss(madi, tmp_path, loss, dataset, outputs):
    options = ("--engine", "numpy", "--epochs", "25", "--hidden", "20", "--learning-rate", "0.05", "--output", "run")
    result = madi("train", dataset, "--loss", loss, *options)
    assert result.code == 0, result.err
    assert load(tmp_path / "run/model.safetensors").output_shape() == (outputs,)
    assert results(tmp_path / "run")["training"]["accuracy"] > 0.7
    assert madi("evaluate", "run").code == 0


def test_logistic_regression_and_no_validation(madi, tmp_path):
    options = ("--model", "logistic_regression", "--validation", "0", "--epochs", "1", "--engine", "numpy")
    assert madi("train", "moons", *options, "--metrics", "accuracy,f1", "--output", "run").code == 0
    found = results(tmp_path / "run")
    assert set(found) == {"epochs", "seconds", "interrupted", "training", "test"}
    assert set(found["test"]) == {"loss", "accuracy", "f1"}


def test_patience_stops_early(madi, tmp_path):
    options = ("--optimizer", "sgd", "--learning-rate", "1e-30", "--schedule", "constant", "--patience", "2")
    result = madi(
        "train", "planar", "--engine", "numpy", "--epochs", "50", "--hidden", "8", *options, "--output", "run"
    )
    assert results(tmp_path / "run")["epochs"] == 3
    assert "stopped after epoch 3: validation_loss has not improved for 2 epochs" in result.err


def test_a_run_is_not_written_over_by_accident(madi, tmp_path):
    assert madi("train", "planar", *QUICK, "--output", "run").code == 0
    before = (tmp_path / "run/model.safetensors").read_bytes()
    result = madi("train", "planar", *QUICK, "--seed", "1", "--output", "run")
    line = "madi: --output run: holds a trained model already. Choose another folder, or add --overwrite.\n"
    assert (result.code, result.out, result.err) == (2, "", line)
    assert (tmp_path / "run/model.safetensors").read_bytes() == before
    assert madi("train", "planar", *QUICK, "--seed", "1", "--output", "run", "--overwrite").code == 0
    assert (tmp_path / "run/model.safetensors").read_bytes() != before


def test_an_unwritable_folder_is_found_before_the_data_are_read(madi, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr("madi.datasets.load", lambda *_: pytest.fail("the data were read"))
    for output in ("file", "file/below"):
        result = madi("train", "--output", output)
        assert result.code == 2
        assert result.err.startswith(f"madi: {output}: cannot write to this folder (")
        assert result.err.endswith("). Choose another folder with --output.\n")


def test_an_empty_folder_of_the_users_is_kept_when_nothing_comes_of_it(madi, tmp_path):
    (tmp_path / "mine").mkdir()
    assert madi("train", "nothing", "--output", "mine").code == 2
    assert list((tmp_path / "mine").iterdir()) == []


def test_divergence_is_a_mistake_and_the_epochs_before_it_are_kept(madi, monkeypatch, tmp_path):
    from madi.training import Trainer

    fit = Trainer.fit

    def diverging(self, *arguments, **options):
        fit(self, *arguments, **options)
        raise DivergenceError("step 17: the loss is not finite.")

    monkeypatch.setattr(Trainer, "fit", diverging)
    result = madi("train", "planar", *QUICK, "--output", "run")
    assert result.code == 2
    assert result.err.endswith("madi: step 17: the loss is not finite.\n")
    assert {path.name for path in (tmp_path / "run").iterdir()} == FILES - {"report.html"}
    assert results(tmp_path / "run")["interrupted"] is True


def test_a_fault_in_training_is_1(madi, monkeypatch, tmp_path):
    monkeypatch.setattr("madi.training.Trainer.fit", lambda *_, **__: 1 / 0)
    result = madi("train", "planar", *QUICK, "--output", "run")
    assert result.code == 1
    assert "a fault in madi" in result.err
    assert not (tmp_path / "run").exists()


def test_a_local_copy_that_is_not_there(madi, tmp_path):
    result = madi("train", "mnist", "--data", "nowhere")
    assert result.code == 2
    assert "Dataset 'mnist': no train-images" in result.err
    assert not list((tmp_path / "runs").iterdir())


def test_labels_become_the_targets_of_the_loss():
    from madi.datasets import Split
    from madi.runs.building import targets
    from madi.training.losses import get

    split = Split(np.zeros((3, 2)), np.array([0, 1, 1], np.int32))
    assert targets(get("softmax_cross_entropy"), split, 2)[1].tolist() == [0, 1, 1]
    assert targets(get("mean_squared_error"), split, 2)[1].tolist() == [[0], [1], [1]]
    assert targets(get("mean_squared_error"), split, 3)[1].tolist() == [[1, 0, 0], [0, 1, 0], [0, 1, 0]]
