"""Targets: classes or numbers, found or told; what cannot be one is named."""

from __future__ import annotations

import datetime

import numpy as np
import pytest

from madi.datasets.tables import TablePreparation
from madi.errors import ConfigurationError, DataError


@pytest.fixture
def fit(made):
    """The preparation for these values of the target y, and y itself."""

    def fitted(*targets, names=None, **options):
        named = dict(zip(names or ["y", "z"], targets, strict=False))
        table = made({"x": range(len(targets[0])), **named})
        preparation = TablePreparation.fit(table, target=options.pop("target", list(named)), **options)
        return preparation, preparation.targets(table)

    return fitted


# ---- classes


@pytest.mark.parametrize(
    ("values", "classes", "labels"),
    [
        (["dog", "cat", "dog"], ("cat", "dog"), [1, 0, 1]),
        ([True, False, True], ("false", "true"), [1, 0, 1]),
        ([10, 9, 10, 9], ("9", "10"), [1, 0, 1, 0]),
        (["01", "10", "02", "01"], ("01", "02", "10"), [0, 2, 1, 0]),
    ],
    ids=["texts", "booleans", "few whole numbers", "codes"],
)
def test_what_is_taken_as_classes(fit, values, classes, labels):
    preparation, y = fit(values)
    assert (preparation.task, preparation.classes) == ("classification", classes)
    np.testing.assert_array_equal(y, labels)
    assert y.dtype == np.int32
    np.testing.assert_array_equal(preparation.restore(np.ones((2, 3))), np.ones((2, 3)))


def test_numbers_taken_as_classes_are_told(fit):
    assert fit([3, 7, 3, 7, 3])[0].notices == (
        "target column 'y' has 2 different whole numbers, taken as classes; task='regression' takes them otherwise.",
    )
    assert fit([3, 7, 3, 7, 3], task="classification")[0].notices == ()
    assert fit([3, 7, 3, 7, 3], kinds={"y": "category"})[0].classes == ("3", "7")


# ---- numbers


@pytest.mark.parametrize(
    "values",
    [[0.0, 1.0, 0.0, 1.0], list(range(50)), [1, 2, 3, 4], ["1.5", "2", "4"]],
    ids=["floats", "many whole numbers", "few rows for each", "texts of numbers"],
)
def test_what_is_taken_as_numbers(fit, values):
    preparation, y = fit(values)
    assert (preparation.task, preparation.classes) == ("regression", ())
    assert (y.shape, y.dtype) == ((len(values), 1), np.float32)
    numbers = np.array(values, float)
    np.testing.assert_allclose(y[:, 0], (numbers - numbers.mean()) / numbers.std(), rtol=1e-6)
    np.testing.assert_allclose(preparation.restore(y)[:, 0], numbers, atol=1e-5)


def test_whole_numbers_told_to_be_numbers(fit):
    assert fit([3, 7, 3, 7], task="regression")[0].task == "regression"
    assert fit([3, 7, 3, 7], kinds={"y": "number"})[0].task == "regression"
    assert fit([1, 2, 3, 4])[0].notices == (
        "target column 'y' has 4 different whole numbers, taken as numbers; task='classification' takes them "
        "otherwise.",
    )


def test_several_numbers(fit):
    preparation, y = fit([1, 3, 1, 3], [10.0, 20.0, 40.0, 10.0])
    assert preparation.target == ("y", "z")
    assert preparation.goal.means == (2, 20)
    np.testing.assert_allclose(y[:, 0], [-1, 1, -1, 1])
    restored = preparation.restore(y)
    assert restored.dtype == np.float64
    np.testing.assert_allclose(restored, [[1, 10], [3, 20], [1, 40], [3, 10]], rtol=1e-6)


# ---- what is wrong


def test_missing_values_are_counted_and_placed(fit):
    for values in (["a", None, "b", None], [1.5, None, 2.5, float("nan")]):
        with pytest.raises(DataError) as found:
            fit(values)
        assert str(found.value) == (
            "t.csv, line 3: expected a value in the target column 'y', got none, as in 2 values of 4. Fill them in, or "
            "leave these rows out."
        )


def test_no_value_at_all(fit):
    with pytest.raises(DataError, match=r"^t\.csv: the target column 'y' holds no value at all\. Choose another"):
        fit([None, None])


def test_a_single_class(fit):
    told = r"^target column 'y': expected at least two classes, got 'dog' in all 3 training rows\. Add rows of another"
    with pytest.raises(DataError, match=told):
        fit(["dog"] * 3)
    with pytest.raises(DataError, match=r"expected at least two classes, got '5' in all 4 training rows"):
        fit([5] * 4)


def test_numbers_that_are_all_the_same(fit):
    with pytest.raises(DataError, match=r"^target column 'y': expected values that differ, got 2.5 in all 3 training"):
        fit([2.5] * 3)


def test_infinite_values(fit):
    with pytest.raises(DataError, match=r"^t\.csv, line 4: expected a finite number in column 'y', got inf\."):
        fit([1.0, 2.0, float("inf")])


def test_an_unknown_class_is_named(fit, made):
    preparation, _ = fit(["dog", "cat"])
    with pytest.raises(DataError) as found:
        preparation.targets(made({"y": ["cat", "cow", "dog", "cow", "hen"]}))
    assert str(found.value) == (
        "t.csv, line 3: expected one of the 2 classes of the training rows in column 'y', got 'cow'. Without a "
        "training example are: 'cow' (2 rows), 'hen' (1 row). Add some, or leave these rows out."
    )


def test_texts_in_a_regression(fit):
    told = r"^t\.csv, line 2: expected numbers in the target column 'y', got 'low', one of its texts\. Leave task="
    with pytest.raises(DataError, match=told):
        fit(["low", "high"], task="regression")


def test_several_columns_of_classes(fit):
    told = r"^t\.csv, line 2: expected numbers in the target column 'z', got 'low', one of its texts\. Several targets"
    with pytest.raises(DataError, match=told):
        fit([1.5, 2.5], ["low", "high"])
    with pytest.raises(
        ConfigurationError, match=r"^target: Several targets can only be numbers: train one network for"
    ):
        fit([1, 2], [3, 4], task="classification")


def test_dates_are_no_target(fit):
    with pytest.raises(DataError, match=r"expected numbers in the target column 'y', got '2020-01-01', one of its"):
        fit([datetime.date(2020, 1, 1), datetime.date(2020, 1, 2)])


def test_mostly_numbers(fit):
    with pytest.raises(DataError, match=r"^t\.csv, line 32: expected numbers, as 30 of 31 values are, in column 'y'"):
        fit([*map(str, range(30)), "none of them"])


def test_a_column_of_names_is_no_class(fit):
    with pytest.raises(DataError, match=r"^target column 'y': expected classes, got 50 different values in 50 rows\."):
        fit([f"name {number}" for number in range(50)])


def test_target_columns_that_are_not_there(fit):
    with pytest.raises(DataError, match=r"^t\.csv: expected the target, got no column 'price' \(closest: 'prices'\)\."):
        fit([1.0, 2.0], names=["prices"], target="price")


@pytest.mark.parametrize("target", [[], ["y", "y"]])
def test_targets_that_are_no_list_of_columns(fit, target):
    with pytest.raises(ConfigurationError, match=r"^target: expected names of columns, each once, got \["):
        fit([1.0, 2.0], target=target)
