"""What train, evaluate and predict say of one's own data, and what they leave unsaid."""

import json
import re

import numpy as np
import polars as pl
import pytest
from PIL import Image

from madi.cli.console import counted
from madi.training.run import Run

QUICK = ("--engine", "numpy", "--epochs", "2", "--hidden", "4", "--output", "run")


@pytest.fixture
def houses(tmp_path):
    """Areas and prices of 80 houses."""
    area = np.random.default_rng(0).uniform(20, 120, 80).round(2)
    pl.DataFrame({"area": area, "rooms": area // 25, "price": 3 * area + 40}).write_csv(tmp_path / "houses.csv")
    return tmp_path / "houses.csv"


@pytest.fixture
def photos(tmp_path):
    """Thirty dark and thirty light pictures, and one that is none."""
    random = np.random.default_rng(0)
    for number in range(60):
        folder = tmp_path / "photos" / ("light" if number % 2 else "dark")
        folder.mkdir(parents=True, exist_ok=True)
        low = 128 * (number % 2)
        pixels = random.integers(low, low + 128, (6, 6)).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    (tmp_path / "photos/dark/broken.png").write_bytes(b"text")
    return tmp_path / "photos"


def everything(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != "lock"}


def test_a_report_says_names_and_not_where_they_lie(madi, houses, tmp_path):
    assert madi("train", houses, "--target", "price", *QUICK, "--test-data", houses).code == 0
    page = (tmp_path / "run/report.html").read_text()
    assert str(tmp_path) not in page
    assert "dataset = &quot;houses.csv&quot;" in page
    assert str(houses) in (tmp_path / "run/config.toml").read_text(), "the run's own file reproduces it from anywhere"
    result = madi("evaluate", "run", houses, "--report", "page.html")
    assert "price of houses.csv is predicted " in result.out
    page = (tmp_path / "page.html").read_text()
    assert str(tmp_path) not in page
    assert "<h1>run on houses.csv</h1>" in page


def test_pictures_that_cannot_be_read_are_left_out_on_demand_everywhere(madi, photos, tmp_path):
    trained = madi("train", photos, *QUICK, "--skip-bad")
    assert trained.code == 0, trained.err
    page = (tmp_path / "run/report.html").read_text()
    assert "1 of 61 pictures: dark/broken.png" in page
    assert str(tmp_path) not in page
    refused = madi("predict", "run", photos)
    assert (refused.code, "With --skip-bad, such pictures are left out" in refused.err) == (2, True)
    predicted = madi("predict", "run", photos, "--skip-bad", "--output", "out.json")
    assert predicted.code == 0, predicted.err
    assert "1 of 61 pictures" in predicted.err
    assert len(json.loads((tmp_path / "out.json").read_text())) == 60
    assert madi("evaluate", "run", photos).code == 2
    measured = madi("evaluate", "run", photos, "--skip-bad", "--report", "page.html")
    assert "60 examples" in measured.out
    assert str(tmp_path) not in (tmp_path / "page.html").read_text()
    assert "--skip-bad: is for new pictures" in madi("evaluate", "run", "--skip-bad").err


def test_bad_pictures_are_a_matter_of_pictures(madi, houses, trained):
    assert madi("train", houses, "--target", "price", *QUICK, "--no-report").code == 0
    for command in ("predict", "evaluate"):
        result = madi(command, "run", houses, "--skip-bad")
        assert (result.code, "--skip-bad: is for pictures, and these are tables" in result.err) == (2, True)
    assert "--skip-bad: this model was not trained on pictures" in madi("predict", trained, "digits", "--skip-bad").err


def test_a_run_that_has_ended_is_left_as_it_is(madi, houses, tmp_path):
    assert madi("train", houses, "--target", "price", *QUICK, "--no-report").code == 0
    before = everything(tmp_path / "run")
    again = madi("train", "--resume", "run")
    assert (again.code, again.out) == (0, "run: this run has ended already, so that nothing is left to go on with.\n")
    assert everything(tmp_path / "run") == before
    (tmp_path / "run/results.json").unlink()  # killed before all was written
    assert madi("train", "--resume", "run").code == 0
    assert set(everything(tmp_path / "run")) == set(before)


def test_tensorboard_s_folder_is_named_with_the_files(madi, houses):
    options = ("--target", "price", *QUICK, "--no-report")
    assert madi("train", houses, *options, "--tensorboard").out.splitlines()[-1].endswith("config.toml  tensorboard/")
    assert "tensorboard" not in madi("train", houses, *options, "--overwrite").out


def test_members_that_are_interrupted_are_told_that_they_cannot_go_on(madi, houses, monkeypatch):
    plain = Run.one_epoch

    def pressed(run):
        plain(run)
        run.signals.pending = True

    monkeypatch.setattr(Run, "one_epoch", pressed)
    result = madi("train", houses, "--target", "price", *QUICK, "--members", "2")
    assert result.code == 130
    assert "Interrupted: what the members have learned is kept, but no checkpoints are" in result.err
    assert "member 1: epoch 1/2  loss" in result.err


def test_a_search_that_is_interrupted_is_told_of(madi, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run/search.toml").touch()
    for command in (["predict", "run", "x.csv"], ["evaluate", "run"]):
        assert madi(*command).err.endswith("has not ended. Go on with it: madi tune --resume run.\n")
    assert madi("train", "--resume", "run").err.endswith("holds a search. Go on with it: madi tune --resume run.\n")


def test_the_shares_are_of_all_examples(madi, houses, tmp_path):
    options = (*QUICK, "--no-report", "--test", "0.25", "--validation", "0.25", "--overwrite")
    table = madi("train", houses, "--target", "price", *options)
    x = np.random.default_rng(0).normal(size=(80, 2))
    np.savez(tmp_path / "a.npz", x=x, y=x[:, 0])
    arrays = madi("train", "a.npz", *options)
    for result in (table, arrays):
        shown = re.findall(r"^(training|validation|test) +([0-9]+) ", result.out, re.MULTILINE)
        assert shown == [("training", "40"), ("validation", "20"), ("test", "20")], result.err


def test_small_tables_get_a_small_network(madi, houses, tmp_path, monkeypatch):
    options = ("--target", "price", "--engine", "numpy", "--epochs", "1", "--no-report")
    assert madi("train", houses, *options, "--output", "small").code == 0
    assert "hidden = [100]" in (tmp_path / "small/config.toml").read_text()
    monkeypatch.setattr("madi.config.FEW_ROWS", 50)
    assert madi("train", houses, *options, "--output", "large").code == 0
    assert "hidden = [200, 100]" in (tmp_path / "large/config.toml").read_text()


def test_what_is_counted_is_shown_on_a_terminal_alone(monkeypatch, capsys):
    with counted("reading", watched=True) as progress:
        assert progress is None
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    with counted("reading", watched=False) as progress:
        assert progress is None
    with counted("reading pictures", watched=True) as progress:
        progress(3, 20)
    assert "3/20" in capsys.readouterr().err
