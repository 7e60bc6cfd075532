"""One's own arrays: what becomes examples of what, and what does not fit together."""

import numpy as np
import pytest

from madi.datasets.archive import load_arrays
from madi.errors import DataError, FileError

X, Y = np.arange(40.0).reshape(20, 2), np.arange(20) % 2


def saved(folder, **arrays):
    np.savez(folder / "d.npz", **arrays)
    return folder / "d.npz"


def test_a_share_is_kept_for_the_test(tmp_path):
    data = load_arrays(saved(tmp_path, x=X, y=Y), test=0.2, validation=0, seed=3)
    assert (len(data.train.x), len(data.test.x), data.classes, data.name) == (16, 4, ("0", "1"), "d")
    both = np.concatenate([data.train.x, data.test.x])
    assert sorted(both[:, 0]) == sorted(X[:, 0])
    assert (both[:, 0] / 2 % 2 == np.concatenate([data.train.y, data.test.y])).all()  # each label stays with its row
    assert np.bincount(data.test.y).tolist() == [2, 2]
    again = load_arrays(saved(tmp_path, x=X, y=Y), test=0.2, validation=0, seed=3)
    np.testing.assert_array_equal(again.test.x, data.test.x)


def test_nothing_is_kept_where_nothing_is_asked_for(tmp_path):
    data = load_arrays(saved(tmp_path, x=X, y=Y), test=0, validation=0)
    assert (len(data.train.x), len(data.test.x), data.validation) == (20, 0, None)


def test_test_and_validation_are_shares_of_all(tmp_path):
    path = saved(tmp_path, x=X, y=Y)
    data = load_arrays(path, test=0.2, validation=0.1)
    assert [len(part.x) for part in (data.train, data.validation, data.test)] == [14, 2, 4]
    assert sorted(data.validation.y.tolist()) == [0, 1], "each class in proportion"
    given = load_arrays(saved(tmp_path, x=X, y=Y, x_test=X[:3], y_test=Y[:3]), test=0.2, validation=0.1)
    assert [len(part.x) for part in (given.train, given.validation, given.test)] == [18, 2, 3]


def test_pictures_as_keras_keeps_them(tmp_path):
    x = np.full((4, 5, 5), 51, np.uint8)
    path = saved(tmp_path, x_train=x, y_train=np.array([0, 1, 2, 1]), x_test=x[:1], y_test=np.array([2]))
    data = load_arrays(path, validation=0)
    assert (data.train.x.shape, data.train.x.dtype, data.train.x[0, 0, 0, 0]) == (
        (4, 5, 5, 1),
        np.float32,
        np.float32(0.2),
    )
    assert (data.classes, data.test.y.tolist()) == (("0", "1", "2"), [2])


def test_numbers_to_predict(tmp_path):
    data = load_arrays(saved(tmp_path, x=X, y=X[:, 0] / 3), test=0.4, validation=0.1)
    assert (data.classes, data.train.y.shape, data.train.y.dtype) == ((), (10, 1), np.float32)
    assert data.validation.y.shape == (2, 1)


@pytest.mark.parametrize(
    ("arrays", "told"),
    [
        ({"x": X}, "expected arrays x and y, got x. Write it with numpy.savez(path, x=x, y=y)."),
        ({"x": X, "y": Y[:5]}, "x has 20 examples and y has 5; expected as many of both"),
        ({"x": X, "y": Y, "x_test": X}, "expected both x_test and y_test, or none of them."),
        ({"x": X, "y": Y * 0}, "expected at least two classes, got 0 alone"),
        ({"x": X, "y": Y - 1}, "expected labels from 0 to 9,999, got -1 to 0"),
        ({"x": X, "y": Y, "x_test": X, "y_test": Y + 1}, "class 2 is in the test examples alone"),
        ({"x": X.astype(str), "y": Y}, "x: expected numbers (N, ...), got <U"),
    ],
)  # fmt: skip
def test_arrays_that_do_not_fit(arrays, told, tmp_path):
    with pytest.raises((DataError, FileError)) as caught:
        load_arrays(saved(tmp_path, **arrays))
    assert told in str(caught.value)
    assert "d.npz" in str(caught.value)
