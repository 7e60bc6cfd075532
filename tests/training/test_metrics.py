"""Metrics against scikit-learn's on random data, as a whole and in batches; names, functions, and their edges."""

import jax.numpy as jnp
import numpy as np
import pytest
from sklearn import metrics as sklearn

from madi.errors import UnknownNameError
from madi.training import losses, top_k
from madi.training.metrics import ALIASES, METRICS, Metric, Whole, get

from .common import ENGINES, fit, network, points, trainer

RNG = np.random.default_rng(5)
COUNT, CLASSES = 97, 7
SCORES = RNG.normal(size=(COUNT, CLASSES))
LABELS = RNG.integers(0, CLASSES, COUNT)
LABELS[:40] = SCORES[:40].argmax(axis=1)  # some are right
PROBABILITIES = np.exp(SCORES) / np.exp(SCORES).sum(axis=1, keepdims=True)
YES = RNG.integers(0, 2, (COUNT, CLASSES)).astype(float)
YES[:40] = SCORES[:40] > 0
NUMBERS = SCORES + RNG.normal(size=SCORES.shape)
WEIGHT = RNG.random(COUNT)
SAID = SCORES.argmax(axis=1)
ZERO = {"zero_division": 0}


def several(function, **options):
    """scikit-learn's score of yes/no answers, class by class."""
    return lambda w: function(YES, SCORES > 0, sample_weight=w, **options)


def macro(function):
    return lambda w: function(LABELS, SAID, average="macro", labels=range(CLASSES), sample_weight=w, **ZERO)


def single(function, **options):
    return lambda w: function(YES[:, 0], SCORES[:, 0] > 0, sample_weight=w, **options)


# Name: (metric, target, prediction, whether predictions are logits, scikit-learn's value for weights)
CASES = {
    "accuracy": ("accuracy", LABELS, SCORES, True, lambda w: sklearn.accuracy_score(LABELS, SAID, sample_weight=w)),
    "accuracy of one-hot rows": (
        "accuracy", np.eye(CLASSES)[LABELS], SCORES, True,
        lambda w: sklearn.accuracy_score(LABELS, SAID, sample_weight=w)),
    "accuracy of a single logit": ("accuracy", YES[:, :1], SCORES[:, :1], True, single(sklearn.accuracy_score)),
    "accuracy of a single probability": (
        "accuracy", YES[:, :1], 1 / (1 + np.exp(-SCORES[:, :1])), False, single(sklearn.accuracy_score)),
    "binary accuracy": (
        "binary_accuracy", YES, SCORES, True,
        lambda w: np.average(((SCORES > 0) == YES).mean(axis=1), weights=w)),
    "top 1": (top_k(1), LABELS, SCORES, True, lambda w: sklearn.accuracy_score(LABELS, SAID, sample_weight=w)),
    "top 3": ("top_3_accuracy", LABELS, SCORES, True,
              lambda w: sklearn.top_k_accuracy_score(LABELS, SCORES, k=3, sample_weight=w)),
    "top 4": ("top_4_accuracy", LABELS, SCORES, True,
              lambda w: sklearn.top_k_accuracy_score(LABELS, SCORES, k=4, sample_weight=w)),
    "top 5": ("top_k", LABELS, SCORES, True,
              lambda w: sklearn.top_k_accuracy_score(LABELS, SCORES, k=5, sample_weight=w)),
    "precision": ("precision", LABELS, SCORES, True, macro(sklearn.precision_score)),
    "recall": ("recall", LABELS, SCORES, True, macro(sklearn.recall_score)),
    "f1": ("f1", LABELS, SCORES, True, macro(sklearn.f1_score)),
    "precision of several labels": ("precision", YES, SCORES, True,
                                    several(sklearn.precision_score, average="macro", **ZERO)),
    "recall of several labels": ("recall", YES, SCORES, True, several(sklearn.recall_score, average="macro", **ZERO)),
    "f1 of several labels": ("f1", YES, SCORES, True, several(sklearn.f1_score, average="macro", **ZERO)),
    "precision of one output": ("precision", YES[:, :1], SCORES[:, :1], True, single(sklearn.precision_score)),
    "recall of one output": ("recall", YES[:, :1], SCORES[:, :1], True, single(sklearn.recall_score)),
    "f1 of one output": ("f1", YES[:, :1], SCORES[:, :1], True, single(sklearn.f1_score)),
    "mae": ("mae", NUMBERS, SCORES, False,
            lambda w: sklearn.mean_absolute_error(NUMBERS, SCORES, sample_weight=w)),
    "mse": ("mse", NUMBERS, SCORES, False,
            lambda w: sklearn.mean_squared_error(NUMBERS, SCORES, sample_weight=w)),
    "rmse": ("rmse", NUMBERS[:, :1], SCORES[:, :1], False,
             lambda w: sklearn.root_mean_squared_error(NUMBERS[:, 0], SCORES[:, 0], sample_weight=w)),
    "r2": ("r2", NUMBERS[:, :1], SCORES[:, :1], False,
           lambda w: sklearn.r2_score(NUMBERS[:, 0], SCORES[:, 0], sample_weight=w)),
}  # fmt: skip
WHOLES = {
    "auc of several classes, from logits": (
        LABELS, SCORES, lambda: sklearn.roc_auc_score(LABELS, PROBABILITIES, multi_class="ovr")),
    "auc of several classes, from probabilities": (
        LABELS, PROBABILITIES, lambda: sklearn.roc_auc_score(LABELS, PROBABILITIES, multi_class="ovr")),
    "auc of one-hot rows": (
        np.eye(CLASSES)[LABELS], SCORES, lambda: sklearn.roc_auc_score(LABELS, PROBABILITIES, multi_class="ovr")),
    "auc of one output": (YES[:, :1], SCORES[:, :1], lambda: sklearn.roc_auc_score(YES[:, 0], SCORES[:, 0])),
    "auc of two outputs": (
        YES[:, 0], SCORES[:, :2], lambda: sklearn.roc_auc_score(YES[:, 0], SCORES[:, 1] - SCORES[:, 0])),
    "auc of several labels": (YES, SCORES, lambda: sklearn.roc_auc_score(YES, SCORES)),
}  # fmt: skip


def test_every_metric_is_tested():
    tested = {get(case[0]).name for case in CASES.values()} | {"auc"}
    assert tested >= set(METRICS)
    assert set(ALIASES.values()) <= set(METRICS)


@pytest.mark.parametrize("library", [np, jnp], ids=["numpy", "jax"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_metrics_are_scikit_learns(case, weighted, library):
    """Of all examples at once, and from sums that are added up over batches."""
    name, target, prediction, logits, expected = CASES[case]
    metric, weight = get(name), WEIGHT if weighted else np.ones(COUNT)
    parts = [slice(None)], [slice(start, start + 10) for start in range(0, COUNT, 10)]
    target = target.astype(np.int32 if target.dtype.kind == "i" else np.float32)
    for rows in parts:
        sums = [
            np.asarray(metric.sums(*(library.asarray(a[part].astype(np.float32) if a.dtype == float else a[part])
                                     for a in (prediction, target, weight)), logits), float)
            for part in rows
        ]  # fmt: skip
        found = metric.result(np.sum(sums, axis=0))
        assert found == pytest.approx(expected(weight), rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("case", WHOLES)
def test_auc_is_scikit_learns(case):
    target, prediction, expected = WHOLES[case]
    assert get("auc").function(target, prediction) == pytest.approx(expected(), rel=1e-6)


@pytest.mark.parametrize("prediction", [SCORES, SCORES[:, :2], SCORES[:, :1]])
def test_auc_of_one_class_alone_is_nan(prediction):
    """There is no curve; training goes on without a warning."""
    assert np.isnan(get("auc").function(np.zeros(COUNT, int), prediction))


def test_auc_leaves_out_a_class_that_never_occurs_and_outputs_that_are_not_finite():
    labels = LABELS % 5
    expected = np.mean([sklearn.roc_auc_score(labels == label, PROBABILITIES[:, label]) for label in range(5)])
    assert get("auc").function(labels, SCORES) == pytest.approx(expected)
    assert np.isnan(get("auc").function(LABELS, np.where(SCORES > 2, np.inf, SCORES)))


def test_by_hand():
    """Three classes, four examples: said 0 1 1 2, true 0 1 2 2."""
    prediction = np.eye(3, dtype=np.float32)[[0, 1, 1, 2]]
    target, weight = np.array([0, 1, 2, 2], np.int32), np.ones(4, np.float32)
    values = {name: float(get(name).result(get(name).sums(prediction, target, weight, True).astype(float)))
              for name in ("accuracy", "precision", "recall", "f1")}  # fmt: skip
    assert values["accuracy"] == 3 / 4
    assert values["precision"] == pytest.approx((1 / 1 + 1 / 2 + 1 / 1) / 3)
    assert values["recall"] == pytest.approx((1 / 1 + 1 / 1 + 1 / 2) / 3)
    assert values["f1"] == pytest.approx((1 + 2 / 3 + 2 / 3) / 3)


def test_ties_go_to_the_first_and_nan_to_none():
    scores = np.array([[1, 1, 0], [np.nan, 5, 5], [0, 2, 2]], np.float32)
    right = get("accuracy").sums(scores, np.array([0, 1, 2], np.int32), np.ones(3, np.float32), True)
    assert right.tolist() == [1, 3]


@pytest.mark.parametrize("library", [np, jnp])
@pytest.mark.parametrize(
    "targets", [np.full((1000, 1), 0.1), np.full((7, 3), -2005.3), np.zeros((5, 1)), np.array([[1e6]])]
)
def test_r2_of_constant_targets_is_not_defined(library, targets):
    batches = np.array_split(np.float32(targets), 3) if len(targets) > 3 else [np.float32(targets)]
    sums = [
        get("r2").sums(library.asarray(y + 1), library.asarray(y), library.ones(len(y), np.float32), False)
        for y in batches
    ]
    assert np.isnan(get("r2").result(np.sum([np.asarray(each, np.float64) for each in sums], axis=0)))


def test_r2_of_float32_targets_far_from_zero():
    """Years: a sum of squares in float32 has lost what they differ by."""
    random = np.random.default_rng(0)
    years = random.integers(1990, 2021, (4000, 1)).astype(np.float32)
    said = (years + random.normal(size=years.shape) * 3).astype(np.float32)
    sums = [get("r2").sums(p, t, np.ones(len(t), np.float32), False)
            for p, t in zip(np.array_split(said, 80), np.array_split(years, 80), strict=True)]  # fmt: skip
    found = get("r2").result(np.sum(np.float64(sums), axis=0))
    assert found == pytest.approx(sklearn.r2_score(years.astype(float), said.astype(float)), abs=0.004)


def test_accuracy_of_a_binary_loss_counts_answers():
    assert get("accuracy", losses.get("binary_cross_entropy")).sums is METRICS["binary_accuracy"].sums
    assert get("accuracy", losses.get("softmax_cross_entropy")) is METRICS["accuracy"]


def test_functions_and_own_metrics():
    def worst_error(target, prediction):
        return np.abs(target - prediction).max()

    found = get(worst_error)
    assert isinstance(found, Whole)
    assert (found.name, found.greater_is_better) == ("worst_error", False)
    assert get(found) is found
    with pytest.raises(UnknownNameError, match=r"^Unknown metric 'rmsee': did you mean 'rmse'\? Known: "):
        get("rmsee")


@pytest.mark.parametrize("engine", ENGINES)
def test_whole_metrics_see_all_outputs_of_the_epochs_end(engine):
    """As functions (targets, outputs), of training and of validation, in the rows of the history."""
    calls = []

    def mine(target, prediction):
        calls.append((target.shape, prediction.shape, type(prediction)))
        return prediction[:, 0].sum()

    x, y = points(30)
    own = trainer(engine=engine, metrics=[mine, "auc"])
    history = fit(own, (x, y), validation=points(20, seed=1))
    assert calls == [((30,), (30, 3), np.ndarray), ((20,), (20, 3), np.ndarray)]
    assert history["mine"][0] == pytest.approx(own.model(x).value[:, 0].sum(), rel=1e-5)
    assert set(own.evaluate((x, y))) == {"loss", "mine", "auc"}
    assert history["auc"][0] == pytest.approx(own.evaluate((x, y))["auc"])


@pytest.mark.parametrize("engine", ENGINES)
def test_the_epoch_is_the_mean_of_its_steps(engine):
    """Weighted by their examples: 25 of 10, 10 and 5."""
    own = trainer(network(), engine=engine, metrics=["accuracy"])
    history = fit(own, points(25))
    for name in ("loss", "accuracy"):
        assert len(history.steps[name]) == 3
        assert history[name][0] == pytest.approx(np.dot(history.steps[name], [10, 10, 5]) / 25, rel=1e-6)


def test_a_metric_of_ones_own_runs_in_the_step():
    biggest = Metric("share_positive", lambda y, t, w, logits: np.stack([((y > 0).mean(axis=1) * w).sum(), w.sum()]),
                     lambda sums: sums[..., 0] / sums[..., 1])  # fmt: skip
    own = trainer(metrics=[biggest])
    x, y = points(20)
    fit(own, (x, y), epochs=0)
    assert own.evaluate((x, y))["share_positive"] == pytest.approx((own.model(x).value > 0).mean())
