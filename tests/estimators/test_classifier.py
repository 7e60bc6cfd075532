"""The classifier: labels, probabilities, weights of classes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.utils.class_weight import compute_sample_weight

import madi
from madi.errors import ConfigurationError, DataError

from .common import classes, classifier, fitted, rows, weights


@pytest.mark.parametrize(
    "labels", [[3, 7, 11], ["b", "a", "c"], [-1.0, 0.0, 2.0], np.array(["x", "yy", "z"], object), [5, 2]]
)
def test_labels_of_any_kind_come_back_in_order(labels):
    labels = np.asarray(labels)
    x = rows()
    y = labels[(x[:, :3].argmax(axis=1)) % len(labels)]
    own = classifier(epochs=30, learning_rate=0.02).fit(x, y)
    assert own.classes_.tolist() == sorted(labels.tolist())
    assert own.predict(x).dtype == own.classes_.dtype
    assert own.score(x, y) > 0.9


def test_probabilities_logarithms_and_decisions_tell_of_the_same_logits():
    x = rows()
    own = fitted(classifier(epochs=20))
    logits = madi.predict(own.model_, x)
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(own.predict_proba(x), expected)
    np.testing.assert_allclose(own.predict_log_proba(x), np.log(expected))
    np.testing.assert_array_equal(own.decision_function(x), logits)
    np.testing.assert_array_equal(own.predict(x), own.classes_[logits.argmax(axis=1)])


def test_of_two_classes_the_decision_is_for_the_second_or_against_it():
    x = rows()
    own = classifier(epochs=20, learning_rate=0.02).fit(x, np.where(x[:, 0] > 0, "up", "down"))
    decisions, yes = own.decision_function(x), own.predict_proba(x)[:, 1]
    assert decisions.shape == (60,)
    np.testing.assert_array_equal(decisions > 0, own.predict(x) == "up")
    np.testing.assert_allclose(yes, 1 / (1 + np.exp(-decisions)))


def test_far_from_the_data_logarithms_stay_finite():
    own = fitted(classifier(dtype="float32", epochs=30))
    logarithms = own.predict_log_proba(1e6 * rows())
    assert np.isfinite(logarithms).all()
    assert logarithms.min() < -100


# ---- weights of classes


def test_balanced_classes_weigh_the_same_together():
    x = rows(80)
    y = np.array(["few"] * 8 + ["many"] * 72)
    own = classifier(class_weight="balanced").fit(x, y)
    expected = classifier().fit(x, y, sample_weight=compute_sample_weight("balanced", y))
    np.testing.assert_allclose(weights(own), weights(expected), rtol=1e-12)


def test_balance_counts_by_the_weights_of_examples():
    x, counts = rows(), np.arange(60) % 4
    y = classes(x)
    own = classifier(class_weight="balanced", batch_size=1000)
    weighted = weights(own.fit(x, y, sample_weight=counts))
    repeated = weights(own.fit(x.repeat(counts, axis=0), y.repeat(counts)))
    np.testing.assert_allclose(weighted, repeated, rtol=1e-7, atol=1e-10)


def test_factors_of_classes_multiply_the_weights_of_examples():
    x, given = rows(), 0.5 + np.arange(60) / 60
    y = classes(x)
    own = classifier(class_weight={"ash": 5.0, "birch": 0.1}).fit(x, y, sample_weight=given)
    factors = np.select([y == "ash", y == "birch"], [5.0, 0.1], 1.0)
    expected = classifier().fit(x, y, sample_weight=given * factors)
    np.testing.assert_allclose(weights(own), weights(expected), rtol=1e-12)


def test_a_class_without_weight_is_never_answered():
    x = rows()
    y = classes(x)
    own = classifier(epochs=40, learning_rate=0.02).fit(x, y, sample_weight=(y != "ash").astype(float))
    assert own.classes_.tolist() == ["ash", "birch", "cedar"]
    assert set(own.predict(x)) == {"birch", "cedar"}


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=4)  # NumPy's end in no NUL


@settings(max_examples=40)
@given(
    labels=st.one_of(
        st.lists(st.integers(-(2**40), 2**40), min_size=2, max_size=5, unique=True),
        st.lists(TEXTS, min_size=2, max_size=5, unique=True),
    ),
    repeats=st.integers(1, 5), features=st.integers(1, 4), scale=st.floats(1e-3, 1e4), single=st.booleans(),
    class_weight=st.sampled_from([None, "balanced"]), batch_size=st.integers(1, 30),
)  # fmt: skip
def test_any_small_table_is_learned_and_answered_with_its_labels(
    labels, repeats, features, scale, single, class_weight, batch_size
):
    y = np.array(labels * repeats)
    x = (scale * rows(len(y), features)).astype(np.float32 if single else np.float64)
    own = classifier((3,), epochs=2, class_weight=class_weight, batch_size=batch_size).fit(x, y)
    probabilities, decisions = own.predict_proba(x), own.decision_function(x)
    assert own.classes_.tolist() == sorted(labels)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    likeliest = decisions.argmax(axis=1) if len(labels) > 2 else (decisions > 0).astype(int)
    np.testing.assert_array_equal(own.predict(x), own.classes_[likeliest])
    chosen = probabilities[np.arange(len(y)), likeliest]
    np.testing.assert_allclose(chosen, probabilities.max(axis=1), rtol=1e-5)


# ---- what goes wrong


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (rows(), ["one"] * 60, r"expected at least 2 classes, got 1 class: .*one.*Add examples of another"),
        (rows(), np.linspace(0, 1, 60), "Unknown label type: continuous"),
        (rows(), np.zeros((60, 2)), "y should be a 1d array"),
        (rows(), [0, 1, None] * 20, "Input y contains NaN|Unknown label type"),
        (rows(), [0, 1], "inconsistent numbers of samples"),
        (np.empty((0, 4)), [], r"Found array with 0 sample\(s\)"),
        (np.empty((60, 0)), [0, 1] * 30, r"Found array with 0 feature\(s\)"),
        (np.full((60, 4), np.nan), [0, 1] * 30, "Input X contains NaN"),
        (np.full((60, 4), "a"), [0, 1] * 30, "could not convert string"),
        (rows().ravel(), [0, 1] * 30, "Expected 2D array"),
        (np.full((60, 4), 1j), [0, 1] * 30, "Complex data not supported"),
    ],
)
def test_data_that_do_not_fit(x, y, message):
    with pytest.raises(ValueError, match=message):
        classifier().fit(x, y)


def test_sparse_rows_are_refused_in_scikit_learns_words():
    with pytest.raises(TypeError, match=r"Sparse data was passed.*dense data is required"):
        classifier().fit(sparse.csr_array(rows()), classes(rows()))


def test_what_a_trained_classifier_cannot_answer():
    own = fitted(classifier())
    with pytest.raises(ValueError, match="X has 3 features, but NeuralNetworkClassifier is expecting 4"):
        own.predict(rows(5, 3))
    with pytest.raises(ValueError, match="Input X contains infinity"):
        own.predict_proba(np.full((1, 4), np.inf))


@pytest.mark.parametrize("class_weight", [{"oak": 2.0}, "even", [1, 2, 3]])
def test_weights_of_classes_that_are_none(class_weight):
    with pytest.raises(ValueError, match="class_weight"):
        fitted(classifier(class_weight=class_weight))


def test_labels_that_come_too_late():
    own = fitted(classifier(warm_start=True))
    with pytest.raises(ValueError, match=r"previously unseen labels.*oak"):
        own.fit(rows(), np.where(rows()[:, 0] > 0, "ash", "oak"))
    with pytest.raises(ValueError, match=r"previously unseen labels.*oak"):
        fitted(classifier(), X_val=rows(2), y_val=["ash", "oak"])
    with pytest.raises(ValueError, match=r"previously unseen labels.*oak"):
        classifier().partial_fit(rows(2), ["ash", "oak"], classes=["ash", "birch"])


def test_a_first_partial_fit_needs_all_classes_and_later_ones_the_same():
    x, y = rows(), classes(rows())
    with pytest.raises(ConfigurationError, match="the first call needs classes"):
        classifier().partial_fit(x, y)
    own = classifier().partial_fit(x[:1], y[:1], classes=np.unique(y)).partial_fit(x, y, classes=np.unique(y))
    with pytest.raises(ConfigurationError, match="expected the classes of the first call"):
        own.partial_fit(x, y, classes=["ash", "birch"])
    with pytest.raises(DataError, match="got 1 class"):
        classifier().partial_fit(x, y, classes=["ash"])


def test_partial_fits_cannot_balance():
    with pytest.raises(ConfigurationError, match="'balanced' needs all labels at once"):
        classifier(class_weight="balanced").partial_fit(rows(), classes(rows()), classes=["ash", "birch", "cedar"])
