"""Training, validation and test sets."""

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies

from madi.datasets import shuffle, split, stratified_order
from madi.errors import ConfigurationError, DataError

X = np.arange(50).reshape(25, 2)
Y = np.arange(25) % 5


def rows(part):
    """The examples of a part by number; each must still have its own label."""
    numbers = part.x[:, 0] // 2
    np.testing.assert_array_equal(part.y, Y[numbers])
    return numbers.tolist()


@pytest.mark.parametrize("stratified", [False, True])
def test_a_partition_has_every_example_once(stratified):
    train, validation, test = split(X, Y, validation=0.2, test=0.4, stratified=stratified)
    assert [len(part.y) for part in (train, validation, test)] == [10, 5, 10]
    assert sorted(rows(train) + rows(validation) + rows(test)) == list(range(25))


def test_a_fifth_is_for_validation_unless_told_otherwise():
    parts = split(X, Y)
    assert (len(parts.train.y), len(parts.validation.y), len(parts.test.y)) == (20, 5, 0)
    assert parts.test.x.shape == (0, 2)


def test_one_seed_one_partition():
    first, again, other = (rows(split(X, Y, seed=seed).validation) for seed in (3, 3, 4))
    assert first == again != other


def test_shuffling_moves_x_and_y_together():
    shuffled = shuffle(X, Y, seed=1)
    assert sorted(rows(shuffled)) == list(range(25))
    assert rows(shuffled) != list(range(25))
    assert rows(shuffle(X, Y, seed=1)) == rows(shuffled)


def test_stratified_parts_have_each_class_in_proportion():
    labels = np.repeat([0, 1, 2], [60, 30, 10])
    parts = split(labels, labels, validation=0.2, test=0.1, stratified=True)
    assert [np.bincount(part.y).tolist() for part in parts] == [[42, 21, 7], [12, 6, 2], [6, 3, 1]]


@hypothesis.given(
    strategies.lists(strategies.integers(0, 4), min_size=1, max_size=60), strategies.integers(0, 2**32 - 1)
)
def test_every_beginning_of_a_stratified_order_is_in_proportion(labels, seed):
    labels = np.array(labels)
    order = stratified_order(labels, seed=seed)
    assert sorted(order) == list(range(len(labels)))
    dealt = np.cumsum(np.eye(5)[labels[order]], axis=0)
    share = np.bincount(labels, minlength=5) / len(labels)
    due = np.arange(1, len(labels) + 1)[:, None] * share
    bound = (1 + np.count_nonzero(share) * share) / 2
    assert (np.abs(dealt - due) <= bound + 1e-9).all()


def test_lengths_that_differ():
    with pytest.raises(DataError, match=r"^x has 25 examples and y has 24: give one label for each example\.$"):
        split(X, Y[:-1])
    with pytest.raises(DataError, match=r"^x has 25 examples and y has 24: give one label for each example\.$"):
        shuffle(X, Y[:-1])


def test_no_examples():
    with pytest.raises(DataError, match=r"^x and y are empty: expected at least one example\.$"):
        split(X[:0], Y[:0])


def test_too_few_examples():
    text = (
        r"^split: 2 examples divide into 2 to train, 0 to validate, 0 to test, and none may be 0\. "
        r"Give more examples or other shares\.$"
    )
    with pytest.raises(DataError, match=text):
        split(X[:2], Y[:2], validation=0.2)
    with pytest.raises(DataError, match="divide into 0 to train, 2 to validate, 0 to test"):
        split(X[:2], Y[:2], validation=0.9)


@pytest.mark.parametrize("shares", [(-0.1, 0), (0, -0.1), (0.5, 0.5), (1.0, 0), (float("nan"), 0)])
def test_shares_out_of_range(shares):
    validation, test = shares
    with pytest.raises(ConfigurationError) as caught:
        split(X, Y, validation=validation, test=test)
    assert str(caught.value) == (
        "split: expected shares of at least 0 that leave some to train on, got "
        f"validation={validation}, test={test}. Take for example validation=0.2, test=0.1."
    )


@pytest.mark.parametrize("seed", [-1, 2**32, 1.5, "one"])
def test_what_is_no_seed(seed):
    with pytest.raises(ConfigurationError) as caught:
        shuffle(X, Y, seed=seed)
    assert str(caught.value) == f"seed: expected an integer from 0 to 4294967295, got {seed!r}."


def test_stratifying_needs_integer_labels():
    text = r"^stratified split: expected integer labels of shape \(N,\), got float64 of shape \(25,\)\. "
    with pytest.raises(DataError, match=text):
        split(X, Y / 2, stratified=True)
    with pytest.raises(DataError, match=r"got int64 of shape \(25, 2\)"):
        split(X, X, stratified=True)
