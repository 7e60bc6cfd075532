"""madi tune: ranges as text, the folder of a search, going on with one, and what is refused."""

import json
import signal
import subprocess
import sys
import time
import tomllib

import polars
import pytest

from madi.cli.tune_config import TuneConfig
from madi.errors import MadiError
from madi.layers import load
from madi.training import Trainer
from madi.tuning import Choice, Integer, LogUniform, Uniform, running

QUICK = (
    *("--engine", "numpy", "--hidden", "4", "--epochs", "2"),
    *("--trials", "6", "--rounds", "2", "--trial-epochs", "1"),
)
FILES = {
    *("config.toml", "curves.png", "history.jsonl", "model.safetensors", "report.html", "results.json"),
    *("search.toml", "search.journal", "trials.csv", "search.png"),
}


@pytest.fixture
def searched(madi, tmp_path):
    """The folder of a finished search, and what it printed."""
    result = madi("tune", "planar", *QUICK, "--output", "run")
    assert result.code == 0, result.err
    return tmp_path / "run", result


# ---- ranges as text


@pytest.mark.parametrize(
    ("text", "name", "wanted"),
    [
        ("learning-rate=log:1e-6:1e-2", "learning_rate", LogUniform(1e-6, 1e-2)),
        ("learning_rate=log:1e-6:0.01", "learning_rate", LogUniform(1e-6, 1e-2)),
        ("--dropout=uniform:0:0.5", "dropout", Uniform(0, 0.5)),
        ("batch-size=int:20:200", "batch_size", Integer(20, 200)),
        ("hidden=choice:50|100|100,100|none", "hidden", Choice((50,), (100,), (100, 100), ())),
        ("optimizer=choice:sgd|adam", "optimizer", Choice("sgd", "adam")),
        ("batch-norm=choice:yes|no", "batch_norm", Choice(True, False)),
        ("augment=choice:none|shift|crop:4,flip", "augment", Choice((), ("shift",), ("crop:4", "flip"))),
        ("weight-decay=choice:0|1e-4", "weight_decay", Choice(0.0, 1e-4)),
        ("seed=int:0:9", "seed", Integer(0, 9)),
    ],
)
def test_a_range(text, name, wanted):
    assert TuneConfig(range=(text,)).ranges() == {name: wanted}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("learning-rat=log:1:2", "Unknown option 'learning-rat': did you mean 'learning-rate'? Known: "),
        ("learning-rate", "says no range. Write NAME=log:LOW:HIGH, "),
        ("learning-rate=log:1e-2:1e-6", "LogUniform: low must be below high, got 0.01 and 1e-06. Swap them, "),
        ("weight-decay=log:0:1e-2", "LogUniform: low must be a positive finite number, got 0.0. The logarithm of 0 "),
        ("hidden=choice:50", "a choice needs at least two options, got only 50. Give it as one value, "),
        ("hidden=choice:50|50", "Choice: the option 50 is there twice."),
        ("hidden=choice:50|x", "hidden must be sizes of at least 1 such as 100,50, or none, got 'x'."),
        ("hidden=choice:", "is no range. Write NAME=log:LOW:HIGH, "),
        ("dropout=uniform:0:1.5", "dropout must be a number of at least 0 and below 1, got 1.5. Try 0.2."),
        ("dropout=uniform:0", "is no range. "),
        ("dropout=normal:0:1", "is no range. "),
        ("dropout=uniform:0:half", "expected a number, got 'half'. "),
        ("batch-size=int:10:20.5", "expected a whole number, got '20.5'. "),
        ("batch-size=uniform:10:20", "batch_size must be a whole number of at least 1, got 10.0."),
        ("batch-norm=choice:yes|maybe", "batch_norm must be true or false, got 'maybe'."),
        ("dataset=choice:digits|mnist", "dataset is the same for all trials. Give it as --dataset."),
        ("metrics=choice:f1|accuracy", "metrics is the same for all trials. Give it as --metrics."),
        ("epochs=int:1:2", "epochs is the same for all trials. Give it as --epochs."),
    ],
)
def test_a_wrong_range_is_one_clear_line(madi, tmp_path, text, line):
    result = madi("tune", "planar", *QUICK, "--range", text)
    assert (result.code, result.out, result.err.count("\n")) == (2, "", 1)
    assert result.err.startswith(f"madi: --range {text}: {line}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--range", "dropout=uniform:0:0.1"] * 2, "--range dropout=uniform:0:0.1: --dropout has a range already."),
        (
            ["--range", "dropout=uniform:0:0.5", "--dropout", "0.1"],
            "--dropout is given as a value and as a --range. Leave out one",
        ),
        (
            ["--learning-rate", "0.1", "--weight-decay", "0"],
            "learning rate and weight decay are given, so that nothing is tuned. Add a --range.",
        ),
        (["--range", "depth=choice:20|32"], "--depth: the model mlp has no such option."),
        (["--range", "momentum=uniform:0:0.9"], "--momentum: the optimizer adam has no such option."),
        (["--sampler", "grid"], "Unknown sampler 'grid'"),
        (["--rounds", "7"], "search: 6 trials do not fill 7 rounds. Try --rounds 6."),
        (["--trials", "0"], "--trials must be a whole number of at least 1, got 0. Try 60."),
        (["--trials", "many"], "--trials must be a whole number of at least 1, got 'many'. Try 60."),
        (["--validation", "0"], "--validation must be a number above 0 and below 1, got 0.0. Try 0.2."),
        (["--model", "mpl"], "Unknown model 'mpl': did you mean 'mlp'?"),
        (["--storage", "nowhere/search.journal"], "storage nowhere/search.journal: cannot be opened"),
        (["--members", "2", "--patience", "3"], "--patience: members train together, to the last epoch,"),
        (["--members", "2", "--range", "accumulate=choice:1|2"], "--accumulate: members train together, "),
        (["--range", "doctor=choice:yes|no"], "--range doctor=choice:yes|no: doctor is the same for all trials."),
        (["--resume", "runs"], "--resume: goes on with the search as it was asked for. Leave out everything else."),
    ],
)
def test_what_is_refused_leaves_nothing(madi, tmp_path, options, line):
    result = madi("tune", "planar", *QUICK, *options)
    assert result.code == 2
    assert result.err.splitlines()[-1].startswith(f"madi: {line}")
    assert not (tmp_path / "runs").exists() or list((tmp_path / "runs").iterdir()) == []


def test_the_closest_option(madi):
    assert "unknown option --trails: did you mean --trials?" in madi("tune", "planar", "--trails", "3").err


def test_without_optuna_one_line_says_what_to_install(madi, monkeypatch):
    monkeypatch.setattr("madi.tuning.rounds.importlib.util.find_spec", lambda name: None)
    result = madi("tune", "planar", *QUICK)
    assert (result.code, result.out) == (2, "")
    assert result.err == "madi: this search needs optuna, which is not installed. Run: pip install 'madi[search]'.\n"


def test_what_is_tuned_where_no_range_is_given():
    assert list(TuneConfig.searching({}).ranges()) == ["learning_rate", "weight_decay"]
    assert list(TuneConfig.searching({"learning_rate": 0.1}).ranges()) == ["weight_decay"]
    assert list(TuneConfig.searching({"range": ["dropout=uniform:0:0.5"]}).ranges()) == ["dropout"]


# ---- a search


def test_a_search_leaves_an_ordinary_run_and_its_trials(searched):
    folder, _ = searched
    assert {path.name for path in folder.iterdir()} == FILES
    table = polars.read_csv(folder / "trials.csv")
    assert table.height == 6
    best = table.row(0, named=True)
    assert best["validation_accuracy"] == table["validation_accuracy"].max()
    config = tomllib.loads((folder / "config.toml").read_text())
    assert config["learning_rate"] == pytest.approx(best["learning_rate"], rel=1e-12)
    assert (config["validation"], config["epochs"], config["hidden"]) == (0.0, 2, [4])
    assert (folder / "search.png").read_bytes().startswith(b"\x89PNG")
    results = json.loads((folder / "results.json").read_text())
    assert set(results) == {"epochs", "seconds", "interrupted", "training", "test"}


def test_the_best_is_trained_as_madi_train_does_with_its_configuration(searched, madi, tmp_path):
    folder, _ = searched
    assert madi("train", "--config", folder / "config.toml", "--output", "again").code == 0
    ours, again = (load(path / "model.safetensors").parameters() for path in (folder, tmp_path / "again"))
    assert all((ours[path].value == again[path].value).all() for path in ours)
    assert madi("train", "--config", folder, "--epochs", "1", "--quiet").code == 0  # the folder stands for its file


def test_the_test_set_is_measured_once_at_the_very_end(madi, monkeypatch):
    measured, fitted = [], []
    evaluate, fit = Trainer.evaluate, Trainer.fit
    monkeypatch.setattr(Trainer, "evaluate", lambda self, data: measured.append(len(data[0])) or evaluate(self, data))
    monkeypatch.setattr(
        Trainer, "fit", lambda self, data, **options: fitted.append(len(data[0])) or fit(self, data, **options)
    )
    assert madi("tune", "planar", *QUICK, "--validation", "0.25", "--output", "run").code == 0
    assert fitted == [300] * 6 + [400]  # the trials without the validation data, the best on all training data
    assert measured == [400, 400]  # that one, on the training and on the test data


def test_what_is_printed(searched):
    folder, result = searched
    text = " ".join(result.out.split())
    assert "planar: 320 to train on, 80 to compare trials on" in text
    assert "ranges learning rate 1e-05 to 0.1 weight decay 1e-08 to 0.001" in text
    assert "round 2 learning rate" in text
    assert ": 3 trials in" in text
    best = polars.read_csv(folder / "trials.csv").row(0, named=True)
    assert f"{best['trial']} {best['round']} {best['learning_rate']:.3g}" in text
    assert f"trial {best['trial']} anew, 2 epochs on all 400 examples:" in text
    assert "training 400" in text
    assert "test 400" in text


def test_quiet_prints_the_folder_alone(madi):
    result = madi("tune", "planar", *QUICK, "--quiet", "--output", "run")
    assert (result.code, result.out, result.err) == (0, "run\n", "")


def test_the_doctor_looks_at_the_network_with_the_best_values(madi):
    out = madi("tune", "planar", *QUICK, "--doctor", "--initializer", "zeros").out
    assert "1. identical weights: " in out.partition("written to")[2]


def test_the_same_command_finds_the_same(searched, madi, tmp_path):
    madi("tune", "planar", *QUICK, "--output", "again")
    first, second = (folder / "trials.csv" for folder in (searched[0], tmp_path / "again"))
    assert first.read_text() == second.read_text()


def test_every_kind_of_range_at_once(madi, tmp_path):
    ranges = ("learning-rate=log:1e-3:0.1", "dropout=uniform:0:0.5", "batch-size=int:20:80", "hidden=choice:3|4,4")
    seeds = ("seed=int:0:9", "optimizer=choice:sgd|adam", "schedule=choice:constant|cosine")
    options = [word for text in (*ranges, *seeds) for word in ("--range", text)]
    result = madi("tune", "planar", *QUICK[:2], *QUICK[4:], *options, "--sampler", "tpe", "--output", "run")
    assert result.code == 0, result.err
    table = polars.read_csv(tmp_path / "run/trials.csv")
    assert table.height == 6
    assert set(table["hidden"]) == {"3", "4,4"}


def test_several_members_with_the_best_values(madi, tmp_path):
    assert madi("tune", "planar", *QUICK, "--members", "2", "--output", "run").code == 0
    assert polars.read_csv(tmp_path / "run/trials.csv").height == 6
    assert len(load(tmp_path / "run/model.safetensors").parameters()) == 2 * 4


def test_a_folder_with_a_search_is_not_written_over(searched, madi):
    result = madi("tune", "planar", *QUICK, "--output", "run")
    assert result.code == 2
    assert (
        "--output run: holds a search already. Go on with it by madi tune --resume run, choose another folder"
        in result.err
    )
    assert madi("tune", "planar", *QUICK, "--output", "run", "--overwrite", "--seed", "1").code == 0


def test_a_mistake_beside_overwrite_leaves_the_old_search(searched, madi, monkeypatch):
    folder, _ = searched
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != "lock"}
    assert madi("tune", "nothing", *QUICK, "--output", "run", "--overwrite").code == 2
    with monkeypatch.context() as interrupted:
        interrupted.setattr("madi.runs.sources.load", interrupt)
        assert madi("tune", "planar", *QUICK, "--output", "run", "--overwrite").code == 130
    assert {path: path.read_bytes() for path in before} == before


def interrupt(*_, **__):
    raise KeyboardInterrupt


def test_interrupted_before_the_search_begins_nothing_is_left(madi, tmp_path, monkeypatch):
    monkeypatch.setattr("madi.runs.sources.load", interrupt)
    result = madi("tune", "planar", *QUICK, "--output", "run")
    assert (result.code, "To go on" in result.err, (tmp_path / "run").exists()) == (130, False, False)


def test_a_mistake_in_the_midst_of_a_search_keeps_its_trials(madi, tmp_path, monkeypatch):
    def full(*_):
        raise MadiError("no space left on the device.")

    with monkeypatch.context() as failing:
        failing.setattr("madi.cli.tune._tell_round", full)
        result = madi("tune", "planar", *QUICK, "--output", "run")
    assert result.code == 2
    assert result.err.splitlines()[-2:] == [
        "What is finished is kept. To go on: madi tune --resume run", "madi: no space left on the device.",
    ]  # fmt: skip
    assert madi("tune", "--resume", "run").code == 0
    assert (tmp_path / "run/model.safetensors").exists()


# ---- going on


def break_off(monkeypatch, count):
    """From here on only so many more fits are finished; the next one is broken off, as by Ctrl-C."""
    left, together = [count], running.fit_together

    def few(trainers, data, **options):
        chosen = trainers[: left[0]]
        left[0] -= len(chosen)
        return together(chosen, data, **options) if chosen else []

    monkeypatch.setattr(running, "fit_together", few)


@pytest.mark.parametrize("count", [0, 2, 4])
def test_an_interrupted_search_goes_on_to_the_same_end(madi, tmp_path, monkeypatch, count):
    with monkeypatch.context() as interrupted:
        break_off(interrupted, count)
        result = madi("tune", "planar", *QUICK, "--output", "run")
    assert result.code == 130
    assert result.err.splitlines()[-1] == "What is finished is kept. To go on: madi tune --resume run"
    assert not (tmp_path / "run/model.safetensors").exists()
    assert (tmp_path / "run/trials.csv").exists() == (count > 0)
    assert madi("tune", "--resume", "run").code == 0
    assert madi("tune", "planar", *QUICK, "--output", "whole").code == 0
    for name in ("trials.csv", "config.toml", "model.safetensors"):
        assert (tmp_path / "run" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_a_journal_that_was_cut_off_is_read_up_to_there(madi, tmp_path, monkeypatch):
    with monkeypatch.context() as interrupted:
        break_off(interrupted, 4)
        madi("tune", "planar", *QUICK, "--output", "run")
    with (tmp_path / "run/search.journal").open("ab") as journal:
        journal.write(b'{"op_code":5,"wor')
    assert madi("tune", "--resume", "run").code == 0
    assert polars.read_csv(tmp_path / "run/trials.csv").height == 6


def test_a_finished_search_is_only_trained_anew(searched, madi, monkeypatch):
    folder, _ = searched
    before = {name: (folder / name).read_bytes() for name in ("trials.csv", "model.safetensors")}
    break_off(monkeypatch, 0)  # no trial is trained
    result = madi("tune", "--resume", "run")
    assert result.code == 0
    assert "3 trials before" in result.out
    assert {name: (folder / name).read_bytes() for name in before} == before


def test_nothing_to_go_on_with(madi, tmp_path):
    result = madi("tune", "--resume", "nowhere")
    assert result.code == 2
    assert result.err.startswith("madi: --resume nowhere: holds no search, for search.toml is missing.")


def test_two_folders_share_a_storage(madi, tmp_path):
    shared = ("--storage", "shared.journal", "--together", "2")
    assert madi("tune", "planar", *QUICK, *shared, "--output", "one").code == 0
    result = madi("tune", "planar", *QUICK, *shared, "--output", "two")  # finds all trials done
    assert "3 trials before" in result.out
    assert (tmp_path / "one/trials.csv").read_text() == (tmp_path / "two/trials.csv").read_text()
    assert not (tmp_path / "two/search.journal").exists()


@pytest.mark.long
def test_ctrl_c_and_sigterm_end_with_their_codes_and_the_search_goes_on(tmp_path, madi):
    options = [*QUICK[:4], "--trials", "400", "--rounds", "2", "--trial-epochs", "5", "--together", "4"]
    command = [sys.executable, "-m", "madi", "tune", "planar", *options, "--output", "run"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    journal = tmp_path / "run/search.journal"
    wait_for(lambda: journal.exists() and '"epochs"' in journal.read_text())
    process.send_signal(signal.SIGINT)
    assert process.wait(120) == 130
    assert "To go on: madi tune --resume run" in process.communicate()[1]
    done = polars.read_csv(tmp_path / "run/trials.csv").height
    assert 0 < done < 400
    size = journal.stat().st_size
    process = subprocess.Popen(
        [*command[:4], "--resume", "run"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    wait_for(lambda: journal.stat().st_size > 1.2 * size)
    process.terminate()
    assert process.wait(120) == 143
    assert "To go on: madi tune --resume run" in process.communicate()[1]


def wait_for(holds):
    until = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_a_fault_of_the_program_is_no_mistake_of_the_user(madi, monkeypatch):
    def fail(*arguments, **options):
        raise RuntimeError("planted")

    monkeypatch.setattr(running, "fit_together", fail)
    result = madi("tune", "planar", *QUICK, "--output", "run")
    assert result.code == 1
    assert "a fault in madi" in result.err


def test_errors_of_a_search_are_madis_own():
    with pytest.raises(MadiError, match="range: expected texts"):
        TuneConfig(range=[3])
