"""Data as strict JSON, and back with its arrays."""

import json

import numpy as np
import pytest

from madi.lab.framework.records import from_plain, json_text, to_plain


def there_and_back(data):
    shapes = {}
    text = json_text({"data": to_plain(data, shapes), "arrays": shapes})
    told = json.loads(text, parse_constant=pytest.fail)
    return from_plain(told["data"], told["arrays"])


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6).reshape(2, 3),
        np.array([0.1, np.pi]),
        np.array([0.1, 1e-30, 3.0], np.float32),
        np.array([np.nan, np.inf, -np.inf, 1.0]),
        np.array([[np.inf, 0.1]], np.float32),
        np.zeros((0, 2)),
        np.array([True, False]),
        np.array([1, 255], np.uint8),
        np.array(["NaN", "한글"]),
    ],
    ids=str,
)
def test_an_array_comes_back_as_it_was(array):
    restored = there_and_back({"deep": [{"a": array}]})["deep"][0]["a"]
    assert (restored.dtype, restored.shape) == (array.dtype, array.shape)
    np.testing.assert_array_equal(restored, array)


def test_everything_else_comes_back_plain():
    data = {
        "n": 3,
        "x": 0.1,
        "t": "NaN",
        "b": True,
        "none": None,
        "list": [1, "two", [3.0]],
        "empty": {},
        "none at all": [],
    }
    assert there_and_back(data) == data
    assert there_and_back({"deep": [(1, (2.0, "c"))]}) == {"deep": [(1, (2.0, "c"))]}


def test_numbers_of_numpy_become_python_s():
    restored = there_and_back({"x": np.float32(0.5), "n": np.int64(3), "b": np.True_, "zero": np.array(2.0)})
    assert restored == {"x": 0.5, "n": 3, "b": True, "zero": 2.0}
    assert [type(value) for value in restored.values()] == [float, int, bool, float]


def test_what_is_not_finite_comes_back():
    restored = there_and_back({"a": np.inf, "b": -np.inf, "c": np.float64("nan"), "list": [1.0, np.nan]})
    assert (restored["a"], restored["b"]) == (np.inf, -np.inf)
    assert np.isnan(restored["c"])
    assert np.isnan(restored["list"][1])


def test_single_precision_has_no_more_digits_than_it_knows():
    assert to_plain(np.array([0.1], np.float32), {}) == [0.1]


def test_a_line_for_each_entry_and_one_for_a_list():
    assert json_text({"a": {"b": [1, [2]]}, "c": "한글"}) == '{\n  "a": {\n    "b": [1, [2]]\n  },\n  "c": "한글"\n}'


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"a": {1: 2}}, r"data\[a\]: the key 1 must be text"),
        ({"a": [object()]}, r"data\[a/0\]: expected numbers, texts, lists, dictionaries or arrays, got object"),
        ({"a": {1, 2}}, "got set"),
        ({"a": 1j}, "got complex"),
    ],
)
def test_what_json_cannot_hold_is_named(data, message):
    with pytest.raises(TypeError, match=message):
        to_plain(data, {})
