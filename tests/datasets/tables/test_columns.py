"""Kinds of columns, what is fitted of each, and its features: against scikit-learn's transformers, and by hand."""

from __future__ import annotations

import datetime
from fractions import Fraction

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from madi.datasets.tables import TablePreparation
from madi.datasets.tables.gathering import MANY, MOST_FEATURES, embedded_size
from madi.datasets.tables.moments import Moments
from madi.errors import ConfigurationError, DataError, UnknownNameError

NUMBERS = st.one_of(st.integers(-1000, 1000), st.floats(-1e6, 1e6, width=32))


@pytest.fixture
def fit(made):
    """The preparation of columns beside a target of two classes, and their features."""

    def fitted(columns, **options):
        rows = len(next(iter(columns.values())))
        table = made(pl.DataFrame({**columns, "y": ["a", "b"] * (rows // 2) + ["a"] * (rows % 2)}, strict=False))
        preparation = TablePreparation.fit(table, target="y", **options)
        return preparation, preparation.inputs(table)

    return fitted


def kinds(preparation):
    """The kind of each column by name, the target left out."""
    return {name: kind for name, kind, _ in preparation.describe() if kind != "target"}


# ---- numbers


@given(st.lists(st.one_of(st.none(), NUMBERS), min_size=4, max_size=30).filter(lambda v: len({*v} - {None}) > 1))
def test_numbers_as_scikit_learn(values):
    impute, preprocessing = pytest.importorskip("sklearn.impute"), pytest.importorskip("sklearn.preprocessing")
    frame = pl.DataFrame({"x": values, "y": ["a", "b"] + ["b"] * (len(values) - 2)}, strict=False)
    preparation, features = _prepared(frame)
    column = np.array([[np.nan if value is None else value] for value in values], float)
    filled = impute.SimpleImputer(strategy="mean", add_indicator=True).fit_transform(column)
    scaler = preprocessing.StandardScaler().fit(column)  # which leaves missing values out
    expected = np.hstack([scaler.transform(filled[:, :1]), filled[:, 1:]])
    assert features.dtype == np.float32
    np.testing.assert_allclose(features, expected, rtol=1e-5, atol=1e-6)
    assert preparation.names == ("x", "x (missing)")[: features.shape[1]]


def _prepared(frame):
    from pathlib import Path

    from madi.datasets.tables import Table
    from madi.datasets.tables.detection import TableFormat

    table = Table(frame, Path("t.csv"), TableFormat("text", ",", ".", "utf-8"))
    preparation = TablePreparation.fit(table, target="y")
    return preparation, preparation.inputs(table)


@given(st.lists(st.lists(st.integers(-50, 50), max_size=6), min_size=1, max_size=6), st.sampled_from([0, 10**9]))
def test_pieces_have_the_moments_of_the_whole(pieces, offset):
    moments, every = Moments(), [offset + value for piece in pieces for value in piece]
    for piece in pieces:
        moments.add(np.array([offset + value for value in piece], float))
    assert moments.count == len(every)
    assert moments.constant == (len(set(every)) < 2)
    if every:
        mean = Fraction(sum(every), len(every))
        variance = sum((value - mean) ** 2 for value in every) / len(every)
        assert moments.mean == pytest.approx(float(mean), rel=1e-15, abs=1e-12)
        assert moments.deviation == pytest.approx(float(variance) ** 0.5 or 1.0, rel=1e-9)


def test_a_large_mean_costs_no_digits(fit):
    bits = np.random.default_rng(0).standard_normal(1000)
    _, features = fit({"x": 1e9 + bits})
    exact = (bits - bits.mean()) / bits.std()
    np.testing.assert_allclose(features[:, 0], exact, atol=1e-6)  # 1e9 + bits is itself rounded to 1e-7


def test_a_constant_with_missing_values_leaves_where_it_is_missing(fit):
    preparation, features = fit({"x": [5.0, None, 5.0, 5.0]})
    np.testing.assert_array_equal(features, [[0, 0], [0, 1], [0, 0], [0, 0]])
    assert preparation.fitted[0].deviation == 1


def test_missing_at_prediction_alone_is_the_mean_and_told(fit, made):
    preparation, _ = fit({"x": [1.0, 3.0]})
    notices = []
    features = preparation.inputs(made({"x": [None, 3.0, None]}), notices=notices)
    np.testing.assert_array_equal(features, [[0], [1], [0]])
    assert notices == [
        "column 'x': 2 values are missing, of which the training rows lacked none: filled with the mean."
    ]


def test_nan_is_missing(fit):
    preparation, features = fit({"x": [1.0, np.nan, 3.0, np.nan]})
    np.testing.assert_array_equal(features, [[-1, 0], [0, 1], [1, 0], [0, 1]])
    assert preparation.names == ("x", "x (missing)")


@pytest.mark.parametrize(
    ("value", "told"), [(np.inf, "expected a finite number in column 'x', got inf"), (1e300, "too far from its mean 2")]
)
def test_numbers_beyond_reach_are_named(fit, made, value, told):
    preparation, _ = fit({"x": [1.0, 3.0]})
    with pytest.raises(DataError, match=r"^t\.csv, line 4: ") as found:
        preparation.inputs(made({"x": [1.0, 2.0, value]}))
    assert told in str(found.value)


def test_numbers_too_large_to_be_averaged(fit):
    with (
        pytest.raises(DataError, match=r"^column 'x': its numbers, from -1.7e\+308 to 1.7e\+308, are too large"),
        np.errstate(all="ignore"),
    ):
        fit({"x": [1.7e308, -1.7e308, 1.7e308, 0.0]})


def test_text_among_numbers(fit, made):
    preparation, _ = fit({"age": [1.0, 3.0]})
    with pytest.raises(DataError) as found:
        preparation.inputs(made({"age": ["4", "5", "old"]}))
    assert str(found.value) == "t.csv, line 4: expected a number, in column 'age', got 'old'. Mend it."
    with pytest.raises(DataError, match=r"got '1,5'. Mend it. If its comma is the decimal sign, read it with decimal="):
        preparation.inputs(made({"age": ["1,5"]}))
    np.testing.assert_array_equal(preparation.inputs(made({"age": ["1,5"]}, decimal=",")), [[-0.5]])


def test_points_beside_decimal_commas_could_stand_for_thousands(made):
    table = made({"x": ["1,5", "2,5"] * 10 + ["1.234"], "y": ["a", "b", "a"] * 7}, decimal=",")
    with pytest.raises(DataError, match=r"^t\.csv, line 22: expected numbers, as 20 of 21 values are, .* got '1\.234'"):
        TablePreparation.fit(table, target="y")
    preparation = TablePreparation.fit(made({"x": ["1,5", "2,5"], "y": ["a", "b"]}, decimal=","), target="y")
    np.testing.assert_array_equal(preparation.inputs(made({"x": ["1.5", "2,5"]})), [[-1], [1]])


def test_a_column_that_is_mostly_numbers_is_a_mistake(fit):
    values = [str(number) for number in range(19)] + ["n.a."]
    with pytest.raises(DataError) as found:
        fit({"age": values})
    assert str(found.value) == (
        "t.csv, line 21: expected numbers, as 19 of 20 values are, in column 'age', got 'n.a.'. Mend it, or take the "
        "column as it is: kinds={'age': 'category'}."
    )
    preparation, _ = fit({"age": values}, kinds={"age": "category"})
    assert kinds(preparation) == {"age": "category"}
    assert kinds(fit({"age": [*values[:5], *["low", "high"] * 5]})[0]) == {"age": "category"}


def test_durations_are_numbers(fit):
    _, features = fit({"took": [datetime.timedelta(hours=1), datetime.timedelta(hours=3)]})
    np.testing.assert_array_equal(features, [[-1], [1]])


# ---- categories


@given(st.lists(st.sampled_from(["red", "green", "blue", "다홍", None]), min_size=6, max_size=30))
def test_categories_as_scikit_learn(values):
    preprocessing = pytest.importorskip("sklearn.preprocessing")
    frame = pl.DataFrame({"c": values, "x": range(len(values)), "y": ["a", "b"] + ["b"] * (len(values) - 2)})
    frame = frame.with_columns(pl.col("c").cast(pl.String))
    preparation, features = _prepared(frame)
    if len(set(values)) == 1:
        assert features.shape[1] == 1  # of x alone
        return
    encoder = preprocessing.OneHotEncoder(sparse_output=False, handle_unknown="ignore")
    expected = encoder.fit_transform(np.array(values, object)[:, None])
    np.testing.assert_array_equal(features[:, :-1], expected)
    named = [str("(missing)" if value is None else value) for value in encoder.categories_[0]]
    assert preparation.names[:-1] == tuple(f"c={value}" for value in named)


def test_an_unseen_value_has_no_feature_and_is_told(fit, made):
    preparation, _ = fit({"colour": ["red", "blue", "red", "blue"]})
    notices = []
    features = preparation.inputs(made({"colour": ["mauve", "red", None, "mauve", "teal"]}), notices=notices)
    np.testing.assert_array_equal(features, [[0, 0], [0, 1], [0, 0], [0, 0], [0, 0]])
    (notice,) = notices
    assert notice.startswith("column 'colour': 'mauve' (2 rows), ")
    assert "'teal' (1 row)" in notice
    assert "'(missing)' (1 row)" in notice
    assert notice.endswith(", of which the training rows had none: taken as none of its values.")


def rare(count):
    """Values v000 twice each, and as many others once."""
    return [f"v{number:03}" for number in range(count)] * 2 + [f"w{number:03}" for number in range(5)]


def test_rare_values_share_a_feature(fit, made):
    preparation, features = fit({"city": rare(MOST_FEATURES)}, kinds={"city": "category"})
    assert features.shape[1] == MOST_FEATURES + 1
    assert preparation.names[-1] == "city=(other)"
    assert features[-5:, -1].tolist() == [1] * 5
    np.testing.assert_array_equal(features.sum(axis=1), 1)
    (notice,) = preparation.notices
    assert notice == (
        "column 'city' has 105 different values: the 100 most frequent have a feature each, the others share one. "
        "embed=8 gives each a vector."
    )
    notices = []
    unseen = preparation.inputs(made({"city": ["elsewhere"]}), notices=notices)
    assert (unseen[0, -1], notices) == (1, [])


def test_columns_that_are_looked_up(fit, made):
    values = [f"v{number:02}" for number in range(MANY + 1)] * 2 + [None]
    preparation, features = fit({"n": range(43), "city": values, "c": ["p", "q"] * 21 + ["p"]}, embed="auto")
    size = embedded_size("city", MANY + 1, "auto")
    assert size == round(1.6 * 21**0.56)
    assert preparation.names == ("n", "city", "c=p", "c=q")
    assert preparation.lookups == ((1, 1 + 21 + 1, size),)
    np.testing.assert_array_equal(features[:, 1], [*range(1, 22), *range(1, 22), 22])
    again = preparation.inputs(made({"n": [0, 1], "city": ["v03", "elsewhere"], "c": ["p", "p"]}))
    np.testing.assert_array_equal(again[:, 1], [4, 0])
    assert fit({"city": values}, embed=3)[0].lookups == ((0, 23, 3),)
    assert fit({"c": ["p", "q"]}, embed={"c": 2})[0].lookups == ((0, 3, 2),)
    assert fit({"city": values})[0].lookups == ()


@pytest.mark.parametrize("embed", [0, "yes", 1.5, True, {"c": 0}, 5000])
def test_sizes_of_vectors_out_of_range(fit, embed):
    with pytest.raises(ConfigurationError, match=r"^embed: expected 'auto', a number of dimensions from 1 to 1024, or"):
        fit({"c": ["p", "q"]}, embed=embed)


def test_numbers_told_to_be_categories(fit, made):
    preparation, _ = fit({"zip": [10.0, 20.0, None, 10.0]}, kinds={"zip": "category"})
    assert preparation.names == ("zip=10", "zip=20", "zip=(missing)")
    np.testing.assert_array_equal(preparation.inputs(made({"zip": ["20", "10"]})), [[0, 1, 0], [1, 0, 0]])


def test_codes_with_leading_zeros_are_categories(fit):
    assert kinds(fit({"zip": ["01234", "12345", "01234", "99999"]})[0]) == {"zip": "category"}


# ---- dates


def test_dates_by_hand(fit, made):
    # 6 January 2020 was a Monday, 2 April 2020 a Thursday, 87 days later.
    preparation, features = fit({"day": [datetime.date(2020, 1, 6), datetime.date(2020, 4, 2)]})
    assert preparation.names == (
        "day", "day (month, sine)", "day (month, cosine)", "day (weekday, sine)", "day (weekday, cosine)",
    )  # fmt: skip
    week = 2 * np.pi * 3 / 7
    expected = [[-1, 0, 1, 0, 1], [1, 1, 0, np.sin(week), np.cos(week)]]
    np.testing.assert_allclose(features, expected, atol=1e-6)
    assert preparation.fitted[0].deviation == 43.5
    later = preparation.inputs(made({"day": [datetime.datetime(2020, 4, 2, 12), datetime.datetime(1960, 4, 2)]}))
    assert later[0, 0] == pytest.approx(1 + 0.5 / 43.5)
    np.testing.assert_allclose(later[1, 1:3], [1, 0], atol=1e-6)


def test_time_of_day_and_missing_dates(fit):
    moments = [datetime.datetime(1969, 12, 31, 6), datetime.datetime(1969, 12, 31, 18), None]
    preparation, features = fit({"at": moments})
    assert preparation.names == ("at", "at (time, sine)", "at (time, cosine)", "at (missing)")
    np.testing.assert_allclose(features, [[-1, 1, 0, 0], [1, -1, 0, 0], [0, 0, 0, 1]], atol=1e-6)


@pytest.mark.parametrize(
    "times",
    [["06:00", "18:00", None, "6:00:00"], [datetime.time(6), datetime.time(18), None, datetime.time(6)]],
    ids=["texts", "times"],
)
def test_times_of_day_alone(fit, made, times):
    preparation, features = fit({"at": times})
    assert preparation.names == ("at", "at (time, sine)", "at (time, cosine)", "at (missing)")
    np.testing.assert_allclose(features[:, 1], [1, -1, 0, 1], atol=1e-6)
    np.testing.assert_allclose(preparation.inputs(made({"at": ["0:00"]}))[0, 1:3], [0, 1], atol=1e-6)
    with pytest.raises(DataError, match=r"^t\.csv, line 3: expected a date, in column 'at', got '25:00'"):
        preparation.inputs(made({"at": ["12:00", "25:00"]}))


def test_what_only_looks_like_a_time_is_text(fit):
    assert kinds(fit({"score": ["31:28", "90:81", "31:28", "90:81"]})[0]) == {"score": "category"}


def test_dates_as_text(fit, made):
    preparation, features = fit({"day": ["2020-01-06", "2020-01-13", "2020-01-20", None]})
    assert kinds(preparation) == {"day": "date"}
    np.testing.assert_allclose(features[:, 0], [-(1.5**0.5), 0, 1.5**0.5, 0], atol=1e-6)
    again = preparation.inputs(made({"day": ["2020/01/13"]}))
    assert again[0, 0] == 0
    with pytest.raises(DataError, match=r"^t\.csv, line 3: expected a date written %Y-%m-%d, .* got 'soon'"):
        preparation.inputs(made({"day": ["2020-01-13", "soon"]}))
    with pytest.raises(DataError, match=r"^t\.csv, line 2: expected a date .* got '5'"):
        preparation.inputs(made({"day": [5]}))


def test_dates_that_can_be_read_in_two_ways(fit, made):
    open_dates = {"day": ["01/02/2020", "03/04/2020"] * 2}
    assert kinds(fit(open_dates)[0]) == {"day": "category"}
    told = r"^t\.csv, line 2: expected dates that can be read in one way, in column 'day', got '01/02/2020', whose day"
    with pytest.raises(DataError, match=told):
        fit(open_dates, kinds={"day": "date"})
    preparation, _ = fit({"day": ["13/02/2020", "01/02/2020"]})
    np.testing.assert_array_equal(preparation.inputs(made({"day": ["01/02/2020"]}))[:, 0], [-1])


def test_a_column_that_is_mostly_dates_is_a_mistake(fit):
    with pytest.raises(DataError, match=r"^t\.csv, line 22: expected dates, as 20 of 21 values are, .*'2020-02-31'"):
        fit({"day": [f"2020-01-{day:02}" for day in range(1, 21)] + ["2020-02-31"]})


def test_dates_in_the_place_of_numbers(fit, made):
    preparation, _ = fit({"x": [1.0, 3.0]})
    with pytest.raises(DataError, match=r"^t\.csv, line 2: expected numbers, in column 'x', got '2020-01-01'"):
        preparation.inputs(made({"x": [datetime.date(2020, 1, 1)]}))


# ---- booleans


def test_booleans(fit, made):
    preparation, features = fit({"b": [True, False, True, None]})
    np.testing.assert_allclose(features, [[1, 0], [0, 0], [1, 0], [2 / 3, 1]])
    again = preparation.inputs(made({"b": ["Yes", "no", "1", "f"]}))
    np.testing.assert_array_equal(again[:, 0], [1, 0, 1, 0])
    with pytest.raises(DataError, match=r"^t\.csv, line 3: expected true or false .* in column 'b', got 'maybe'"):
        preparation.inputs(made({"b": ["yes", "maybe"]}))


def test_texts_and_numbers_told_to_be_booleans(fit):
    _, features = fit({"b": ["yes", "no"], "c": [1, 0]}, kinds={"b": "boolean", "c": "boolean"})
    np.testing.assert_array_equal(features, [[1, 1], [0, 0]])


# ---- columns left out, and kinds


def test_columns_that_say_nothing_are_left_out(fit):
    count = 30
    columns = {
        "x": range(count), "same": [7] * count, "empty": [None] * count, "word": ["one"] * count,
        "note": [f"something about {number}" for number in range(count)], "flag": [True] * count,
        "day": [datetime.date(2020, 1, 1)] * count, "secret": range(count),
    }  # fmt: skip
    preparation, features = fit(columns, ignore=["secret"])
    assert features.shape == (count, 1)
    assert {(name, kind) for name, kind, _ in preparation.describe()[1:-1]} == {
        ("same", "number"), ("empty", "missing"), ("word", "category"), ("note", "text"), ("flag", "boolean"),
        ("day", "date"), ("secret", "ignored"),
    }  # fmt: skip
    assert set(preparation.notices) == {
        "column 'same' is left out: all of its values are 7.",
        "column 'empty' is left out: it holds no value at all.",
        "column 'word' is left out: all of its values are 'one'.",
        "column 'note' is left out: nearly all of its texts differ, so that they are no categories.",
        "column 'flag' is left out: all of its values are true.",
        "column 'day' is left out: all of its values are 2020-01-01.",
    }


def test_nothing_left(fit):
    with pytest.raises(DataError, match=r"^No column is left to predict \['y'\] from \('x': all of its values are 1\)"):
        fit({"x": [1, 1]})


def test_text_can_be_told(fit):
    assert kinds(fit({"x": [1, 2], "t": ["a", "b"]}, kinds={"t": "text"})[0]) == {"x": "number", "t": "text"}


def test_a_number_for_each_row_is_told(fit):
    (notice,) = fit({"customer_id": [11, 12, 13, 14], "x": [1, 2, 2, 1]})[0].notices
    assert notice == (
        "column 'customer_id' holds another whole number in each row: if it only numbers the rows, leave it out: "
        "ignore=['customer_id']."
    )
    assert fit({"paid": [11, 12, 13, 14]})[0].notices == ()
    assert fit({"customer_id": [11, 12, 12, 14]})[0].notices == ()


def test_unknown_kinds_and_columns(fit):
    with pytest.raises(UnknownNameError, match=r"^Unknown kind of column 'x' 'categorical': did you mean 'category'\?"):
        fit({"x": [1, 2]}, kinds={"x": "categorical"})
    with pytest.raises(UnknownNameError, match=r"^Unknown column of kinds 'agee': did you mean 'age'\?"):
        fit({"age": [1, 2]}, kinds={"agee": "number"})
    with pytest.raises(UnknownNameError, match=r"^Unknown column of ignore 'idd'"):
        fit({"age": [1, 2]}, ignore=["idd"])
    with pytest.raises(ConfigurationError, match=r"^column 'y': expected one use of target, weight and ignore"):
        fit({"age": [1, 2]}, ignore=["y"])


def test_nested_columns_are_refused(fit):
    with pytest.raises(DataError, match=r"^column 'x': expected single values, got List\(Int64\)\. Leave it out"):
        fit({"x": [[1], [2]]})
