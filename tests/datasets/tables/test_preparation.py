"""TablePreparation as a whole: names and places of features, pieces, files, and what a model's file keeps."""

from __future__ import annotations

import datetime
import json

import numpy as np
import polars as pl
import pytest

from madi.datasets.preparation import described, restored
from madi.datasets.tables import TablePreparation, read_table
from madi.errors import ConfigurationError, DataError, FileError, UnknownNameError
from madi.kernels.arrays import ALIGNMENT

ROWS = 12


def columns(count=ROWS, seed=0):
    """Columns of all kinds, with holes, and two classes."""
    bits = np.random.default_rng(seed)
    day = datetime.date(2021, 3, 1)
    return {
        "age": [None if number % 5 == 2 else number * 1.5 for number in range(count)],
        "colour": [["red", "green", None, "blue"][k] for k in bits.integers(0, 4, count)],
        "day": [day + datetime.timedelta(int(days)) for days in bits.integers(0, 400, count)],
        "member": [bool(value) for value in bits.integers(0, 2, count)],
        "city": [f"city {number % 7}" for number in range(count)],
        "weight": [1.0 + number % 3 for number in range(count)],
        "kind": ["dog", "cat"] * (count // 2),
    }


@pytest.fixture
def preparation(made):
    return TablePreparation.fit(
        made(columns()), target="kind", weight="weight", embed={"city": 2}, ignore=[], reading={"delimiter": ";"}
    )


def test_features_and_their_names(preparation, made):
    assert preparation.names == (
        "age", "age (missing)", "colour=blue", "colour=green", "colour=red", "colour=(missing)",
        "day", "day (month, sine)", "day (month, cosine)", "day (weekday, sine)", "day (weekday, cosine)",
        "member", "city",
    )  # fmt: skip
    assert preparation.columns == {
        "age": slice(0, 2), "colour": slice(2, 6), "day": slice(6, 11), "member": slice(11, 12), "city": slice(12, 13),
    }  # fmt: skip
    assert preparation.lookups == ((12, 8, 2),)
    features = preparation.inputs(made(columns()))
    assert (features.shape, features.dtype) == ((ROWS, 13), np.float32)
    assert features.flags.c_contiguous
    assert features.ctypes.data % ALIGNMENT == 0
    assert (preparation.task, preparation.classes, preparation.target) == ("classification", ("cat", "dog"), ("kind",))
    np.testing.assert_array_equal(preparation.targets(made(columns())), [1, 0] * 6)
    np.testing.assert_array_equal(preparation.weights(made(columns())), [1, 2, 3] * 4)


def test_what_it_says(preparation):
    rows = {name: (kind, detail) for name, kind, detail in preparation.describe()}
    assert rows["age"] == ("number", "mean 8.55, deviation 5.36866; missing ones filled with it, and marked")
    assert rows["colour"][1] == "3 values ('blue', 'green', 'red') and missing, a feature each"
    assert rows["city"][1].endswith("'city 3', 'city 4', ...), a vector of 2 each")
    assert rows["weight"] == ("weight", "of the rows")
    assert rows["kind"] == ("target", "2 classes: 'cat', 'dog'")


def test_columns_are_matched_by_name(preparation, made):
    frame = pl.DataFrame(columns())
    turned = frame.select(reversed(frame.columns)).drop("kind", "weight")
    np.testing.assert_array_equal(preparation.inputs(made(turned)), preparation.inputs(made(frame)))


def test_missing_columns_are_named_at_once(preparation, made):
    table = made(pl.DataFrame(columns()).rename({"age": "Age", "day": "date"}).drop("member"))
    with pytest.raises(DataError) as found:
        preparation.inputs(table)
    assert str(found.value) == (
        "t.csv: expected the columns of the training file, got none of the columns 'age' (closest: 'Age'), 'day' "
        "(closest: 'date'), 'member'. The file has: 'Age', 'colour', 'date', 'city', 'weight', 'kind'."
    )


def test_extra_columns_are_ignored_and_told(preparation, made):
    notices = []
    frame = pl.DataFrame(columns()).with_columns(extra=1, more=2)
    np.testing.assert_array_equal(preparation.inputs(made(frame), notices=notices), preparation.inputs(made(columns())))
    assert notices == ["ignored, because the training file had no such column: 'extra', 'more'."]


@pytest.mark.parametrize("size", [1, 5])
def test_pieces_say_what_the_whole_says(made, size):
    frame = pl.DataFrame(columns(60))
    pieces = [made(frame.slice(start, size), first=start) for start in range(0, 60, size)]
    options = {"target": "kind", "weight": "weight"}
    whole, joined = TablePreparation.fit(made(frame), **options), TablePreparation.fit(iter(pieces), **options)
    np.testing.assert_allclose(joined.inputs(made(frame)), whole.inputs(made(frame)), rtol=1e-6, atol=1e-7)
    assert joined.names == whole.names
    assert joined.notices == whole.notices


def test_pieces_of_which_the_first_know_nothing(made):
    first = pl.DataFrame({"x": [None, None], "y": ["a", "b"]}, schema={"x": pl.Float64, "y": pl.String})
    second = pl.DataFrame({"x": [1.0, 3.0], "y": ["a", "b"]})
    preparation = TablePreparation.fit([made(first), made(second)], target="y")
    assert preparation.names == ("x", "x (missing)")
    assert preparation.fitted[0].mean == 2


def test_a_text_in_a_later_piece_is_named(made):
    first, second = pl.DataFrame({"x": ["1", "2"], "y": ["a", "b"]}), pl.DataFrame({"x": ["3", "?!"], "y": ["a", "b"]})
    with pytest.raises(DataError, match=r"^t\.csv, line 5: expected a number, in column 'x', got '\?!'\. Mend it\.$"):
        TablePreparation.fit([made(first), made(second, first=2)], target="y")


# ---- kept in a file


def test_it_is_kept_as_plain_values(preparation, made):
    config = json.loads(json.dumps(described(preparation), allow_nan=False))
    assert config["kind"] == "table"
    again = restored(config)
    assert described(again) == described(preparation)
    np.testing.assert_array_equal(again.inputs(made(columns(8, 1))), preparation.inputs(made(columns(8, 1))))
    np.testing.assert_array_equal(again.targets(made(columns())), preparation.targets(made(columns())))
    assert again.describe() == preparation.describe()
    assert again.reading == {"delimiter": ";"}


BROKEN = {
    "no columns": lambda c: c.update(columns=[]),
    "an entry too many": lambda c: c.update(code="import os"),
    "an entry too few": lambda c: c.pop("dropped"),
    "a column of no kind": lambda c: c["columns"][0].update(kind="pickle"),
    "a column with an entry too many": lambda c: c["columns"][0].update(more=1),
    "a mean that is no number": lambda c: c["columns"][0].update(mean="8"),
    "a mean that is not finite": lambda c: c["columns"][0].update(mean=float("nan")),
    "a deviation of 0": lambda c: c["columns"][0].update(deviation=0),
    "a flag that is a number": lambda c: c["columns"][0].update(missing=1),
    "no name": lambda c: c["columns"][0].update(name=""),
    "a value twice": lambda c: c["columns"][1].update(values=["red", "red"]),
    "no values": lambda c: c["columns"][1].update(values=[]),
    "values that are no texts": lambda c: c["columns"][1].update(values=[1, 2]),
    "a size of 0": lambda c: c["columns"][4].update(size=0),
    "a size beyond memory": lambda c: c["columns"][4].update(size=2**40),
    "a part that dates have not": lambda c: c["columns"][2].update(parts=["century"]),
    "two columns of one name": lambda c: c["columns"][1].update(name="age"),
    "a task that there is not": lambda c: c["target"].update(task="ranking"),
    "a class twice": lambda c: c["target"].update(classes=["cat", "cat"]),
    "no classes": lambda c: c["target"].update(classes=[]),
    "a mean of a class": lambda c: c["target"].update(means=[1.0]),
    "a decimal sign that is none": lambda c: c.update(decimal="x"),
    "no target": lambda c: c["target"].update(names=[]),
    "a target that is a list": lambda c: c.update(target=[]),
    "dropped columns without a reason": lambda c: c.update(dropped=[["a", "b"]]),
    "an option of reading that there is not": lambda c: c.update(reading={"run": "code"}),
    "columns that are no list": lambda c: c.update(columns={"a": 1}),
    "a column that is no table": lambda c: c.update(columns=["age"]),
}


@pytest.mark.parametrize("change", BROKEN.values(), ids=BROKEN.keys())
def test_what_it_cannot_have_written_is_refused(preparation, change):
    config = json.loads(json.dumps(described(preparation)))
    change(config)
    with pytest.raises(FileError, match=r"^The preparation in the file cannot be read \(.*expected"):
        restored(config)


# ---- files


def test_files_are_read_for_prediction(preparation, tmp_path):
    frame = pl.DataFrame(columns()).drop("kind", "weight")
    first, second = tmp_path / "new.csv", tmp_path / "more.csv"
    frame.head(5).with_columns(extra=1).write_csv(first, separator=";")
    frame.select(reversed(frame.columns)).tail(2).write_csv(second, separator=";")
    found = preparation.read([first, second])
    assert found.names == [*(f"new.csv:{line}" for line in range(2, 7)), "more.csv:2", "more.csv:3"]
    assert found.x.shape == (7, 13)
    assert found.notices == ("new.csv: ignored, because the training file had no such column: 'extra'.",)
    np.testing.assert_array_equal(found.x[:5], preparation.inputs(read_table(first)))


def test_a_bad_value_in_a_file_is_named_with_its_line(preparation, tmp_path):
    frame = pl.DataFrame(columns()).with_columns(age=pl.Series(["1"] * 7 + ["many"] + ["2"] * 4))
    frame.write_csv(tmp_path / "new.csv", separator=";")
    with pytest.raises(DataError, match=r"new\.csv, line 9: expected a number, in column 'age', got 'many'\."):
        preparation.read([tmp_path / "new.csv"])


def test_a_file_of_few_numbers_has_the_decimal_sign_of_the_training_file(tmp_path):
    lines = [f"{number},{number % 7};{'ab'[number % 2]}" for number in range(40)]
    (tmp_path / "train.csv").write_text("\n".join(["x;y", *lines]))
    (tmp_path / "new.csv").write_text("x;y\n19,500;a\n")
    table = read_table(tmp_path / "train.csv")
    assert table.format.decimal == ","
    preparation = restored(json.loads(json.dumps(described(TablePreparation.fit(table, target="y")))))
    (column,) = preparation.fitted
    assert preparation.read([tmp_path / "new.csv"]).x[0, 0] == pytest.approx((19.5 - column.mean) / column.deviation)


def test_texts_stay_texts_in_a_file_of_one_row(tmp_path):
    versions = ["1.10", "1.9", "beta", "01"]
    lines = [f"{versions[number % 4]},{number % 3},{'ab'[number % 2]}" for number in range(24)]
    (tmp_path / "train.csv").write_text("\n".join(["version,code,y", *lines]))
    (tmp_path / "new.csv").write_text("code,version\n1,1.10\n1,\n")
    fitted = TablePreparation.fit(read_table(tmp_path / "train.csv"), target="y", kinds={"code": "category"})
    preparation = restored(json.loads(json.dumps(described(fitted))))
    assert preparation.names[:4] == ("version=01", "version=1.10", "version=1.9", "version=beta")
    x = preparation.read([tmp_path / "new.csv"]).x
    np.testing.assert_array_equal(x, [[0, 1, 0, 0, 0, 1, 0], [0, 0, 0, 0, 0, 1, 0]])
    (tmp_path / "whole.csv").write_text("code,version\n1.0,beta\n2.0,01\n")
    x = preparation.read([tmp_path / "whole.csv"]).x
    np.testing.assert_array_equal(x, [[0, 0, 0, 1, 0, 1, 0], [1, 0, 0, 0, 0, 0, 1]])


@pytest.mark.parametrize(
    ("first", "form", "day"), [("31/01/2020", "%d/%m/%Y", 1), ("01/31/2020", "%m/%d/%Y", 31)], ids=["day", "month"]
)
def test_dates_of_a_file_of_one_row_are_read_as_in_training(tmp_path, first, form, day):
    (tmp_path / "train.csv").write_text(f"day,y\n{first},a\n02/03/2020,b\n,a\n")
    (tmp_path / "new.csv").write_text("day\n02/01/2020\n")
    preparation = TablePreparation.fit(read_table(tmp_path / "train.csv"), target="y")
    (column,) = preparation.fitted
    read = preparation.read([tmp_path / "new.csv"])
    assert column.form == form
    assert read.notices == ()
    since_new_year = read.x[0, 0] * column.deviation + column.mean - np.datetime64("2020-01-01").astype(int)
    assert since_new_year == pytest.approx(day, abs=1e-3)


def test_nothing_to_read(preparation):
    with pytest.raises(ConfigurationError, match=r"^read: expected at least one file, got none"):
        preparation.read([])


# ---- weights


@pytest.mark.parametrize(("value", "told"), [(-1.0, "got -1"), (None, "got none")])
def test_bad_weights_are_named(made, value, told):
    table = made({"x": [1, 2, 3], "w": [1.0, value, 2.0], "y": ["a", "b", "a"]})
    with pytest.raises(DataError, match=rf"^t\.csv, line 3: expected a weight of at least 0 in column 'w', {told}\."):
        TablePreparation.fit(table, target="y", weight="w")


def test_weights_that_are_not_there(made):
    with pytest.raises(DataError, match=r"^t\.csv: expected the weights, got no column 'w'\. The file has: 'x', 'y'\."):
        TablePreparation.fit(made({"x": [1, 2], "y": ["a", "b"]}), target="y", weight="w")
    preparation = TablePreparation.fit(made({"x": [1, 2], "y": ["a", "b"]}), target="y")
    assert preparation.weights(made({"x": [1, 2]})) is None


def test_the_target_may_be_absent_at_prediction_but_not_for_targets(preparation, made):
    table = made(pl.DataFrame(columns()).drop("kind").with_columns(kinds=pl.lit("dog")))
    assert preparation.inputs(table).shape == (ROWS, 13)
    with pytest.raises(DataError, match=r"^t\.csv: expected the target, got no column 'kind' \(closest: 'kinds'\)\."):
        preparation.targets(table)


def test_an_unknown_task(made):
    with pytest.raises(UnknownNameError, match=r"^Unknown task 'clasification': did you mean 'classification'\?"):
        TablePreparation.fit(made({"x": [1, 2], "y": ["a", "b"]}), target="y", task="clasification")
