"""The regressor: one target and several, and how they are standardised."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

import madi
from madi.errors import DataError

from .common import fitted, regressor, rows, weights


def sums(x):
    """Two targets of each row, of very different scales."""
    return np.stack([1e6 + 1e3 * x[:, 0], 1e-6 * x[:, 1]], axis=1)


@pytest.mark.parametrize("shape", ["one", "column", "two"])
def test_answers_are_shaped_as_the_targets(shape):
    x = rows()
    y = {"one": sums(x)[:, 0], "column": sums(x)[:, :1], "two": sums(x)}[shape]
    own = regressor(epochs=60, learning_rate=0.02).fit(x, y)
    assert own.predict(x).shape == y.shape
    assert own.score(x, y) > 0.95


def test_targets_are_standardised_by_their_weighted_moments():
    x, y, counts = rows(), sums(rows()), np.arange(60) % 3
    own = regressor(epochs=1).fit(x, y, sample_weight=counts)
    repeated = y.repeat(counts, axis=0)
    np.testing.assert_allclose(own.target_mean_, repeated.mean(axis=0))
    np.testing.assert_allclose(own.target_scale_, repeated.std(axis=0))
    answers = madi.predict(own.model_, x) * own.target_scale_ + own.target_mean_
    np.testing.assert_allclose(own.predict(x), answers)


def test_the_unit_of_the_targets_makes_no_difference():
    x, y = rows(), rows()[:, 0]
    one, other = regressor().fit(x, y), regressor().fit(x, 1024 * y)
    np.testing.assert_allclose(weights(other), weights(one), rtol=1e-12)
    np.testing.assert_allclose(other.predict(x), 1024 * one.predict(x), rtol=1e-12)


def test_targets_as_they_are():
    x, y = rows(), 5 + rows()[:, 0]
    own = regressor(standardize=False).fit(x, y)
    assert (own.target_mean_, own.target_scale_) == (0, 1)
    np.testing.assert_array_equal(own.predict(x), madi.predict(own.model_, x)[:, 0])
    assert own.loss_curve_[0] > 10  # the mean square of 5 + x


@pytest.mark.parametrize("constant", [0.0, 3.0, 0.1, 1e12])
def test_a_constant_target_is_learned(constant):
    own = regressor(epochs=30, learning_rate=0.02).fit(rows(), np.full(60, constant))
    assert own.target_scale_ == 1
    np.testing.assert_allclose(own.predict(rows()), constant, atol=0.7)


@pytest.mark.parametrize(("given", "expected"), [(np.float32, np.float32), (np.float64, np.float64), (int, np.float64)])
def test_answers_have_the_type_of_the_targets(given, expected):
    x = rows(dtype=np.float32)
    assert regressor().fit(x, (100 * x[:, 0]).astype(given)).predict(x).dtype == expected


def test_large_targets_keep_their_digits_in_float32():
    x = rows(dtype=np.float32)
    y = 1.7e9 + x[:, 0].astype(np.float64)  # seconds since 1970; float32 counts them by 128
    own = regressor((), epochs=60, learning_rate=0.05).fit(x, y)
    assert np.abs(own.predict(x) - y).max() < 0.2


@pytest.mark.parametrize("loss", ["mean_absolute_error", "huber"])
def test_other_losses(loss):
    assert fitted(regressor(loss=loss, epochs=40, learning_rate=0.02)).score(rows(), rows().sum(axis=1)) > 0.8


def test_later_fits_keep_the_first_ones_mean():
    x = rows()
    own = regressor().partial_fit(x, x[:, 0]).partial_fit(x, 1000 + x[:, 0])
    assert own.target_mean_ == pytest.approx(x[:, 0].mean())
    with pytest.raises(DataError, match=r"expected targets of shape \('N',\), as in the first fit, got \('N', 2\)"):
        own.partial_fit(x, x[:, :2])


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (["a"] * 60, "convert|numeric"),
        ([np.nan] * 60, "Input y contains NaN"),
        ([np.inf] * 60, "Input y contains infinity"),
        (np.zeros((60, 2, 2)), "dim 3"),
        (np.zeros(59), "inconsistent numbers of samples"),
        (None, "requires y to be passed"),
    ],
)
def test_targets_that_do_not_fit(y, message):
    with pytest.raises(ValueError, match=message):
        regressor().fit(rows(), y)


def test_sparse_targets_are_refused():
    with pytest.raises(TypeError, match="dense data is required"):
        regressor().fit(rows(), sparse.csr_array(rows()[:, :1]))


@settings(max_examples=40)
@given(
    count=st.integers(1, 30), features=st.integers(1, 5), targets=st.integers(0, 3), scale=st.floats(1e-3, 1e6),
    shift=st.floats(-1e6, 1e6), weighted=st.booleans(), seed=st.integers(0, 1000), single=st.booleans(),
)  # fmt: skip
def test_any_small_table_is_fitted_and_answered_in_finite_numbers(
    count, features, targets, scale, shift, weighted, seed, single
):
    generator = np.random.default_rng(seed)
    x = generator.standard_normal((count, features)).astype(np.float32 if single else np.float64)
    y = shift + scale * generator.standard_normal((count, targets) if targets else count)
    weight = generator.integers(0, 3, count) if weighted else None
    own = regressor((3,), epochs=2)
    if weighted and not weight.any():
        with pytest.raises(ValueError, match="weight"):
            own.fit(x, y, sample_weight=weight)
        return
    answers = own.fit(x, y, sample_weight=weight).predict(x)
    assert answers.shape == y.shape
    assert np.isfinite(answers).all()
    assert np.abs(answers - shift).max() < 100 * scale  # about where the targets are
