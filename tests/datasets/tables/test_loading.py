"""load_table: division, what is fitted from where, classes, weights, files in pieces, and networks that learn."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import polars as pl
import pytest

import madi
from madi.datasets import Dataset, StreamedDataset, load_table
from madi.datasets.dataset import Split
from madi.datasets.tables import TablePreparation, read_table
from madi.datasets.tables.streaming import row_part
from madi.errors import ConfigurationError, DataError, FileError
from madi.layers import Dense, EmbedColumns, ReLU, Sequential


@pytest.fixture
def write(tmp_path):
    """write(columns) is the path of a CSV file of them."""

    def written(columns, name="data.csv", **options):
        frame = columns if isinstance(columns, pl.DataFrame) else pl.DataFrame(columns)
        frame.write_csv(tmp_path / name, **options)
        return tmp_path / name

    return written


def animals(count=200, seed=0):
    """A class that follows from a number and a colour."""
    bits = np.random.default_rng(seed)
    size, colour = bits.standard_normal(count) * 3 + 10, bits.choice(["red", "green", "blue"], count)
    kind = np.where((size > 10) ^ (colour == "red"), "dog", "cat")
    return {"number": np.arange(count) * 1.0, "size": size, "colour": colour, "kind": kind}


def whole(data):
    """All parts of a dataset, one below the other."""
    return Split(*(np.concatenate(arrays) for arrays in zip(data.train, data.validation, data.test, strict=True)))


# ---- division


def test_parts_are_disjoint_and_together_all(write):
    data = load_table(write(animals()), target="kind", test=0.25, validation=0.1)
    assert isinstance(data, Dataset)
    assert (data.name, data.classes, data.notice) == ("data", ("cat", "dog"), "")
    assert (len(data.train.x), len(data.validation.x), len(data.test.x)) == (130, 20, 50)
    column = data.preparation.fitted[0]
    numbers = [
        np.rint(part.x[:, 0] * column.deviation + column.mean) for part in (data.train, data.validation, data.test)
    ]
    np.testing.assert_array_equal(np.sort(np.concatenate(numbers)), np.arange(200))
    assert all((np.diff(part) > 0).all() for part in numbers), "rows keep the order of the file"


def test_classes_have_the_same_share_in_each_part(write):
    columns = animals(100)
    columns["kind"] = ["rare"] * 10 + ["common"] * 90
    data = load_table(write(columns), target="kind", test=0.2, validation=0.1)
    shares = [(part.y == data.classes.index("rare")).sum() for part in (data.train, data.validation, data.test)]
    assert shares == [7, 1, 2]


def test_the_seed_says_which(write):
    path = write(animals())
    one, same, other = (load_table(path, target="kind", seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.train.x, same.train.x)
    assert (one.test.x[:, 0] != other.test.x[:, 0]).any()


def test_what_is_fitted_comes_from_the_training_rows_alone(write):
    path = write(animals())
    data = load_table(path, target="kind")
    np.testing.assert_allclose(data.train.x[:, :2].mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(data.train.x[:, :2].std(axis=0), 1, rtol=1e-6)
    assert abs(data.test.x[:, 1].mean()) > 1e-3
    again = data.preparation.inputs(read_table(path))
    rows = {tuple(row) for row in again.tolist()}
    assert rows == {tuple(row) for row in whole(data).x.tolist()}


def test_no_validation(write):
    data = load_table(write(animals()), target="kind", validation=0)
    assert data.validation is None
    assert len(data.train.x) == 160


@pytest.mark.parametrize(
    ("shares", "told"), [({"test": 1.2}, "test: expected a share"), ({"test": 0.9}, "leave rows to")]
)
def test_shares_out_of_range(write, shares, told):
    with pytest.raises(ConfigurationError, match=told):
        load_table(write(animals()), target="kind", **shares)


def test_too_few_rows(write):
    with pytest.raises(DataError, match=r"^split: 3 examples divide into 2 to train, 0 to validate, 1 to test"):
        load_table(write({"x": [1, 2, 3], "y": [1.5, 2.5, 3.5]}), target="y")


def test_a_file_of_its_own_for_the_test(write):
    test = write(animals(30, seed=1), "test.csv")
    data = load_table(write(animals()), target="kind", test_data=test)
    assert (len(data.train.x), len(data.validation.x), len(data.test.x)) == (180, 20, 30)
    np.testing.assert_array_equal(data.test.x, data.preparation.inputs(read_table(test)))
    strange = write({**animals(30), "colour": ["mauve"] * 30}, "strange.csv")
    notice = load_table(write(animals()), target="kind", test_data=strange).notice
    assert "strange.csv: column 'colour': 'mauve' (30 rows), of which the training rows had none" in notice


def test_rows_are_called_by_their_lines(write):
    path = write(animals(60))
    data = load_table(path, target="kind", ignore=["size", "colour"])
    column = data.preparation.fitted[0]
    numbers = np.rint(data.test.x[:, 0] * column.deviation + column.mean).astype(int)
    assert list(data.names["test"]) == [f"data.csv:{number + 2}" for number in numbers]
    assert len(data.names["validation"]) == 6
    gone = load_table(path, target="kind", test_data=write(animals(5), "test.csv")).names
    path.unlink()
    assert gone["validation"][0].startswith("data.csv, row ")
    assert gone["test"][-2:] == ["test.csv:5", "test.csv:6"]


# ---- classes


def test_a_class_that_is_only_in_the_test_file(write):
    test = write({**animals(3), "kind": ["cat", "cow", "cow"]}, "test.csv")
    with pytest.raises(
        DataError, match=r"test\.csv, line 3: .* got 'cow'\. Without a training example are: 'cow' \(2 ro"
    ):
        load_table(write(animals()), target="kind", test_data=test)


def test_a_class_without_a_training_row(write):
    columns = {"x": range(40), "y": ["a"] * 20 + ["b"] * 19 + ["c"]}
    found = []
    for seed in range(8):
        try:
            found.append(load_table(write(columns), target="y", test=0.6, validation=0, seed=seed).notice)
        except DataError as error:
            found.append(str(error))
    told = (
        "target column 'y': expected training rows of each class, got none of 'c' (1 in all). Add rows of it, or leave "
        "it out."
    )
    assert set(found) <= {told, "Few training rows have the class 'c' (1): little can be learned of it."}
    assert told in found


def test_classes_of_few_rows_are_told(write):
    columns = {"x": range(40), "y": ["a"] * 20 + ["b"] * 16 + ["c"] * 4}
    notice = load_table(write(columns), target="y").notice
    assert notice == "Few training rows have the class 'c' (3): little can be learned of it."


def test_whole_numbers_are_told_once(write):
    notice = load_table(write({"x": range(40), "y": [0, 1] * 20}), target="y").notice
    assert notice.count("2 different whole numbers, taken as classes") == 1


# ---- what goes on to the preparation


def test_weights_are_those_of_the_training_rows(write):
    columns = {**animals(), "w": np.arange(200) % 3 + 0.5}
    data = load_table(write(columns), target="kind", weight="w")
    column = data.preparation.fitted[0]
    rows = np.rint(data.train.x[:, 0] * column.deviation + column.mean)
    np.testing.assert_array_equal(data.weight, rows % 3 + 0.5)
    assert "w" not in data.preparation.columns


def test_options_of_reading_are_kept_for_prediction(write):
    frame = pl.DataFrame({"größe": ["1,5", "2,5"] * 20, "y": ["a", "b"] * 20})
    path = write(frame, separator=";")
    data = load_table(path, target="y", decimal="comma", delimiter="semicolon")
    assert data.preparation.reading == {"decimal": "comma", "delimiter": "semicolon"}
    assert data.preparation.read([path]).x.shape == (40, 1)


def test_kinds_ignored_columns_and_vectors(write):
    columns = {**animals(), "zip": [f"{100 + number % 30}" for number in range(200)]}
    data = load_table(write(columns), target="kind", kinds={"zip": "category"}, ignore=["number"], embed="auto")
    assert list(data.preparation.columns) == ["size", "colour", "zip"]
    assert data.preparation.lookups == ((4, 31, 11),)


def test_several_targets(write):
    data = load_table(write({"x": range(40), "y": np.arange(40) / 2, "z": np.arange(40) % 7 / 3}), target=["y", "z"])
    assert data.train.y.shape == (28, 2)
    assert data.classes == ()


def test_unseen_values_of_other_rows_are_told(write):
    columns = {"x": range(60), "c": ["p", "q"] * 29 + ["r", "s"], "y": np.arange(60) / 7}
    notices = [load_table(write(columns), target="y", seed=seed).notice for seed in range(6)]
    assert any("'r' (1 row)" in notice and "the training rows had none" in notice for notice in notices)


def test_text_among_numbers_of_any_row_is_named(write):
    columns = {"x": [*map(str, range(59)), "sixty"], "y": np.arange(60) / 7}
    for seed in range(3):
        with pytest.raises(DataError, match=r"data\.csv, line 61: expected .* in column 'x', got 'sixty'"):
            load_table(write(columns), target="y", seed=seed)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(FileError, match="there is no such file"):
        load_table(tmp_path / "none.csv", target="y")


# ---- in pieces


def test_a_streamed_table_has_the_same_rows(write):
    path = write({**animals(1000), "empty": [None] * 1000})
    data = load_table(path, target="kind", stream=True, seed=3)
    assert isinstance(data, StreamedDataset)
    assert (data.classes, data.train.shape) == (("cat", "dog"), (5,))
    assert data.train.count + data.validation.count + data.test.count == 1000
    assert 640 < data.train.count < 760
    assert 150 < data.test.count < 250
    column = data.preparation.fitted[0]
    parts = [np.concatenate([batch.x for batch in part]) for part in (data.train, data.validation, data.test)]
    numbers = [np.rint(part[:, 0] * column.deviation + column.mean) for part in parts]
    np.testing.assert_array_equal(np.sort(np.concatenate(numbers)), np.arange(1000))
    np.testing.assert_allclose(parts[0][:, :2].mean(axis=0), 0, atol=1e-5)
    assert "column 'empty' is left out" in data.notice
    prepared = data.preparation.inputs(read_table(path))[np.sort(numbers[2]).astype(int)]
    np.testing.assert_array_equal(parts[2], prepared)


def test_a_streamed_table_keeps_its_test_file_and_its_mistakes(write):
    path, test = write(animals(300)), write(animals(30, seed=1), "test.csv")
    data = load_table(path, target="kind", stream=True, test_data=test, validation=0)
    assert (data.train.count, data.validation, data.test.count) == (300, None, 30)
    columns = {"x": range(40), "y": ["a"] * 20 + ["b"] * 19 + ["c"]}
    path = write(columns)
    lacking = next(seed for seed in range(30) if not row_part(0.7, 1.0, seed=seed)(np.array([39])).any())
    with pytest.raises(DataError, match=r"got none of 'c' \(1 in all\)"):
        load_table(path, target="y", stream=True, test=0.6, validation=0.1, seed=lacking)


def test_a_streamed_table_carries_the_weights_of_its_training_rows(write):
    path = write(animals(300))
    data = load_table(path, target="kind", stream=True, weight="number", seed=1)
    data.train.batch_size = 32
    plain = load_table(path, target="kind", stream=True, ignore=["number"], seed=1)
    plain.train.batch_size = 32
    weights = []
    for batch, other in zip(data.train, plain.train, strict=True):
        np.testing.assert_array_equal(batch.x, other.x)
        np.testing.assert_array_equal(batch.y, other.y)
        weights += batch.weight.tolist()
    kept = row_part(0.3, 1.0, seed=1)(np.arange(300))
    assert sorted(weights) == np.flatnonzero(kept).tolist(), "the number of a row is its weight"
    size = read_table(path).frame["size"].to_numpy()[np.array(weights, int)]
    first = np.concatenate([batch.x[:, 0] for batch in data.train])
    assert np.corrcoef(first, size)[0, 1] > 0.9999, "each weight stays with its row"
    assert not hasattr(next(iter(data.validation)), "weight")


def test_weights_count_in_a_network_that_learns_from_a_stream(write):
    columns = {"x": [0.0, 1.0] * 100, "w": [3.0, 1.0] * 100, "y": [0.0, 1.0] * 50 + [1.0, 1.0] * 50}
    data = load_table(write(columns), target="y", task="regression", weight="w", stream=True, test=0, validation=0)
    data.train.batch_size = 200
    trainer = madi.Trainer(
        Sequential(Dense(1, initializer="zeros")), optimizer=madi.optimizers.SGD(1e-9), loss="mean_squared_error",
        engine="numpy",
    )  # fmt: skip
    loss = trainer.fit(data.train, epochs=1, verbose=0)["loss"][0]
    t = (np.array(columns["y"]) - np.mean(columns["y"])) / np.std(columns["y"])
    assert loss == pytest.approx(np.average(t**2, weights=columns["w"]), rel=1e-5)


def test_a_streamed_table_without_a_test(write):
    data = load_table(write(animals(300)), target="kind", stream=True, test=0, validation=0.1)
    assert (data.test.count, list(data.test)) == (0, [])
    assert data.test.shape == data.train.shape
    assert data.train.count + data.validation.count == 300


def test_a_network_learns_from_a_streamed_table(write):
    data = load_table(write(animals(1500)), target="kind", stream=True, ignore=["number"])
    model = Sequential(Dense(16), ReLU(), Dense(2)).build(data.train.shape, seed=0)
    trainer = madi.Trainer(model, optimizer="adam", metrics=["accuracy"], seed=0)
    trainer.optimizer.learning_rate = 0.01
    trainer.fit(data.train, epochs=15, verbose=0)
    assert trainer.evaluate(data.test)["accuracy"] > 0.9


def test_whether_to_stream_follows_from_the_memory(write, monkeypatch):
    path = write(animals())
    monkeypatch.setattr("madi.datasets.tables.loading.too_large", lambda path: True)
    assert isinstance(load_table(path, target="kind"), StreamedDataset)
    assert isinstance(load_table(path, target="kind", stream=False), Dataset)


# ---- networks


def published(name, write):
    """One of scikit-learn's sets, written out."""
    datasets = pytest.importorskip("sklearn.datasets")
    found = getattr(datasets, f"load_{name}")()
    columns = {feature: found.data[:, place] for place, feature in enumerate(found.feature_names)}
    names = getattr(found, "target_names", None)
    return write({**columns, "target": found.target if names is None else names[found.target].tolist()})


def test_breast_cancer(write):
    data = load_table(published("breast_cancer", write), target="target")
    assert data.classes == ("benign", "malignant")
    model = Sequential(Dense(16), ReLU(), Dense(2)).build(data.train.x.shape[1:], seed=0)
    trainer = madi.Trainer(model, optimizer="adam", metrics=["accuracy"], seed=0)
    trainer.fit(data.train, validation=data.validation, epochs=30, batch_size=32, verbose=0)
    assert trainer.evaluate(data.test)["accuracy"] > 0.93


def test_diabetes(write):
    data = load_table(published("diabetes", write), target="target")
    model = Sequential(Dense(1)).build(data.train.x.shape[1:], seed=0)
    trainer = madi.Trainer(model, optimizer="adam", loss="mean_squared_error", seed=0)
    trainer.optimizer.learning_rate = 0.01
    trainer.fit(data.train, validation=data.validation, epochs=40, batch_size=32, verbose=0)
    found, truth = (data.preparation.restore(y) for y in (madi.predict(model, data.test.x), data.test.y))
    assert 25 <= truth.min() < truth.max() <= 346
    assert 1 - ((found - truth) ** 2).sum() / ((truth - truth.mean()) ** 2).sum() > 0.3


def test_a_network_begins_with_what_looks_categories_up(write):
    bits = np.random.default_rng(0)
    city = bits.integers(0, 30, 1500)
    columns = {"x": bits.standard_normal(1500), "city": [f"city {number}" for number in city]}
    columns["y"] = np.where((city % 3 == 0) ^ (columns["x"] > 0), "yes", "no")
    data = load_table(write(columns), target="y", embed=4)
    first = EmbedColumns(data.preparation.lookups)
    model = Sequential(first, Dense(24), ReLU(), Dense(2)).build(data.train.x.shape[1:], seed=0)
    trainer = madi.Trainer(model, optimizer="adam", metrics=["accuracy"], seed=0)
    trainer.optimizer.learning_rate = 0.01
    trainer.fit(data.train, epochs=40, batch_size=50, verbose=0)
    assert trainer.evaluate(data.test)["accuracy"] > 0.93
    assert load_table(write(columns), target="y").preparation.lookups == ()


def test_madi_itself_needs_no_polars():
    code = "import sys, madi.datasets, madi.layers; print('polars' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "False"


def test_a_table_in_memory_can_be_prepared(write):
    table = read_table(write(animals()))
    preparation = TablePreparation.fit(table, target="kind")
    assert preparation.inputs(table).shape == (200, 5)
