"""madi train --members: several networks in one run, which answer as one."""

import json

import numpy as np
import pytest

from madi.cli.members import joined, mean_history
from madi.layers import Dense, Sequential, Sigmoid, Softmax
from madi.training import History, losses

SMALL = ("--hidden", "16", "--epochs", "2", "--engine", "numpy")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """(the folder, what was said) of three members on digits."""
    from contextlib import redirect_stdout
    from io import StringIO

    from madi.cli.running import run

    folder, told = tmp_path_factory.mktemp("members") / "run", StringIO()
    with redirect_stdout(told):
        assert run(["train", "digits", "--members", "3", *SMALL, "--output", str(folder)]) == 0
    return folder, told.getvalue()


def test_each_and_all_are_measured(run):
    folder, told = run
    found = json.loads((folder / "results.json").read_text())
    assert [member["seed"] for member in found["members"]] == [0, 1, 2]
    each = [member["test"]["accuracy"] for member in found["members"]]
    assert len(set(each)) > 1
    assert found["test"]["accuracy"] > min(each)
    assert "members  3 such networks, of seeds 0 to 2" in told
    assert "member 3" in told
    assert "all" in told


def test_the_folder_has_the_mean_curves_and_each_history(run):
    folder, _ = run
    mean = History.from_json(folder / "history.jsonl")
    each = [History.from_json(folder / f"history-{place}.jsonl") for place in (1, 2, 3)]
    assert mean["validation_loss"] == pytest.approx(np.mean([own["validation_loss"] for own in each], axis=0))
    assert len(mean.steps["loss"]) == len(each[0].steps["loss"])
    assert (folder / "curves.png").stat().st_size > 1000


def test_the_saved_model_is_taken_by_the_other_commands(madi, run):
    folder, _ = run
    accuracy = json.loads((folder / "results.json").read_text())["test"]["accuracy"]
    evaluated = madi("evaluate", folder)
    assert evaluated.code == 0
    assert f"{accuracy:.4f}"[:6] in evaluated.out
    predicted = madi("predict", folder, "digits")
    assert predicted.code == 0
    assert "digits:1" in predicted.out
    inspected = madi("inspect", folder)
    assert inspected.code == 0
    assert "2 x Sequential, each" in inspected.out  # after the first


@pytest.mark.parametrize("option", [("--patience", "2"), ("--accumulate", "2")])
def test_what_members_cannot_have_is_refused(madi, option):
    found = madi("train", "digits", "--members", "2", *SMALL, *option)
    assert found.code == 2
    assert f"{option[0]}: members train together" in found.err


def test_averages_and_no_validation(madi, tmp_path):
    found = madi("train", "digits", "--members", "2", *SMALL, "--average", "0.9", "--validation", "0",
                 "--quiet", "--output", tmp_path / "run")  # fmt: skip
    assert found.code == 0, found.err
    assert found.out.strip() == str(tmp_path / "run")


@pytest.mark.parametrize(("loss", "last"), [("cross_entropy", Softmax), ("binary_cross_entropy", Sigmoid)])
def test_networks_of_probabilities_stay_such(loss, last):
    networks = [Sequential(Dense(3), last()).build((4,), seed=seed) for seed in range(2)]
    x = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    model = joined(networks, losses.get(loss)).ensure_built((4,))
    expected = np.mean([network(x).value for network in networks], axis=0)
    np.testing.assert_allclose(model(x).value, expected, rtol=1e-5)


def test_networks_of_numbers_are_averaged():
    networks = [Sequential(Dense(1)).build((4,), seed=seed) for seed in range(2)]
    model = joined(networks, losses.get("mean_squared_error"))
    x = np.ones((2, 4), np.float32)
    np.testing.assert_allclose(model(x).value, np.mean([network(x).value for network in networks], axis=0), rtol=1e-6)


def test_a_mean_goes_as_far_as_all_came():
    long, short = History(), History()
    long.epochs = [{"epoch": 1, "loss": 1.0, "seconds": 1.0}, {"epoch": 2, "loss": 0.5, "seconds": 1.0}]
    short.epochs = [{"epoch": 1, "loss": 2.0, "seconds": 3.0}]
    long.steps, short.steps = {"loss": [1.0, 0.5]}, {"loss": [2.0]}
    mean = mean_history([long, short])
    assert mean.epochs == [{"epoch": 1, "loss": 1.5, "seconds": 4.0}]
    assert mean.steps == {"loss": [1.5]}
