"""What a page asks for: its texts, its files, and what it may not ask for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from madi.config import TrainConfig
from madi.errors import ConfigurationError, FileError
from madi.studio.training.data import MOST_POINTS, columns_of, known, own_files, place_for_upload
from madi.studio.training.settings import asked, data_options, defaults, is_table, short_toml
from madi.studio.workplace import Workplace


@pytest.fixture
def workplace(tmp_path: Path) -> Workplace:
    return Workplace(tmp_path)


def test_what_is_wrong_is_told_by_field(workplace: Workplace) -> None:
    values = {"data": "planar", **defaults("planar", (2,)), "rate": "fast", "epochs": "0", "batch": "-3", "seed": "1.5"}
    found = asked(values, workplace)
    assert found.config is None
    assert found.errors.keys() == {"rate", "epochs", "batch", "seed"}
    assert found.errors["rate"] == "learning_rate must be a positive finite number, got 'fast'. Try 0.001."


@pytest.mark.parametrize(
    ("data", "shape"), [("planar", (2,)), ("digits", (8, 8, 1)), ("XOR", (2,)), ("file:a.csv", None)]
)
def test_defaults_make_a_configuration(data: str, shape: tuple[int, ...] | None, workplace: Workplace) -> None:
    found = asked({"data": data, "target": "b", **defaults(data, shape)}, workplace)
    assert found.errors == {}


def test_empty_fields_leave_the_choice_to_the_library(workplace: Workplace) -> None:
    found = asked({"data": "digits", "network": "mlp", "hidden": "", "rate": "", "loss": ""}, workplace)
    assert found.config == TrainConfig(dataset="digits", model="mlp").completed()


def test_the_short_configuration_is_the_whole_one(workplace: Workplace, tmp_path: Path) -> None:
    config = asked({"data": "planar", **defaults("planar", (2,)), "decay": "0.1"}, workplace).config
    assert config is not None
    (tmp_path / "config.toml").write_text(short_toml(config))
    assert TrainConfig.from_toml(tmp_path / "config.toml") == config
    assert len(short_toml(config).splitlines()) < 8


@pytest.mark.parametrize("name", ["file:../secret.csv", "file:/etc/passwd", "file:a\0.csv", "file:..\\a.csv"])
def test_no_path_leaves_the_folder(name: str, workplace: Workplace) -> None:
    with pytest.raises(FileError, match="lies outside"):
        data_options({"data": name}, workplace)
    errors = asked({"data": name, **defaults(name, None)}, workplace).errors
    assert "lies outside" in errors["data"]


def test_what_is_brought_gets_a_name_of_ours(workplace: Workplace) -> None:
    first, second = (place_for_upload(name, workplace) for name in ("../../x.CSV", "C:\\x\\y.csv"))
    assert {path.suffix for path in (first, second)} == {".csv"}
    assert first.parent == second.parent == workplace.folder / "data"
    assert "x" not in first.stem.removeprefix("upload-")
    assert first != second
    for name in ("a.exe", "csv", "a.csv.sh", ""):
        with pytest.raises(ConfigurationError, match="expected a file that ends in"):
            place_for_upload(name, workplace)


def test_files_and_folders_of_pictures_are_found_and_runs_are_not(workplace: Workplace) -> None:
    root = workplace.folder
    for name in ("a.csv", "inner/b.parquet", "run/config.toml", "run/c.csv", ".hidden/d.csv", "e.py"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).touch()
    for name in ("photos/cat/1.png", "photos/dog/1.jpg"):
        (root / name).parent.mkdir(parents=True)
        (root / name).touch()
    (root / "link.csv").symlink_to("/etc/passwd")
    data_options({"data": "XOR"}, workplace)
    assert own_files(workplace) == ["a.csv", "inner/b.parquet", "photos"]


def test_what_is_known_of_a_table(workplace: Workplace) -> None:
    rng = np.random.default_rng(0)
    rows = [f"{a:.3f},{b:.3f},{'yes' if a > b else 'no'}" for a, b in rng.normal(size=(600, 2))]
    path = workplace.folder / "t.csv"
    path.write_text("\n".join(["a,b,kind", *rows]) + "\n")
    assert columns_of(path) == ["a", "b", "kind"]
    assert is_table({"data": "file:t.csv"})
    found = known(TrainConfig(dataset=str(path), target="kind"))
    assert (found.shape, found.count, sorted(found.classes)) == ((2,), 420, ["no", "yes"])
    assert found.points is not None
    assert len(found.points[0]) <= MOST_POINTS
    assert found.task(None).outputs == 2
    numbers = known(TrainConfig(dataset=str(path), target="b"))
    assert (numbers.classes, numbers.numbers) == ((), 1)
    assert (numbers.task(None).loss, numbers.task(None).targets) == ("mean_squared_error", (1,))


def test_yes_or_no_needs_one_output_for_a_loss_of_numbers() -> None:
    found = known(TrainConfig(dataset="planar"))
    assert (found.task("mean_squared_error").outputs, found.task("softmax_cross_entropy").outputs) == (1, 2)
