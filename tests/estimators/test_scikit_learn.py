"""scikit-learn's own checks of an estimator, and its tools that take one."""

import copy
import os
import pickle
import subprocess
import sys

import joblib
import numpy as np
import pytest
import sklearn
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.ensemble import BaggingRegressor, VotingClassifier
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from madi.estimators import NeuralNetworkClassifier, NeuralNetworkRegressor
from madi.layers import Dense, ReLU, Sequential

from .common import classes, classifier, regressor, rows, weights


@parametrize_with_checks([NeuralNetworkClassifier(), NeuralNetworkRegressor()])
def test_scikit_learns_checks(estimator, check):
    check(estimator)


@pytest.mark.long
def test_no_check_is_left_out_but_for_what_is_not_installed():
    """SCIPY_ARRAY_API must be set before SciPy is loaded: without it one of the checks is skipped."""
    code = """
from sklearn.utils.estimator_checks import check_estimator
from madi.estimators import NeuralNetworkClassifier, NeuralNetworkRegressor
from madi.layers import Dense, ReLU, Sequential
for estimator in (NeuralNetworkClassifier(), NeuralNetworkRegressor()):
    for result in check_estimator(estimator, on_skip=None):
        if result["status"] != "passed":
            print(result["status"], result["exception"])
"""
    environment = {**os.environ, "SCIPY_ARRAY_API": "1"}
    found = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    assert all("pandas is not installed" in line for line in found.stdout.splitlines()), found.stdout


# ---- its tools


def test_a_pipeline_in_a_grid_search_over_the_network_and_its_training():
    x, y = load_breast_cancer(return_X_y=True)
    pipeline = make_pipeline(StandardScaler(), classifier(epochs=3, batch_size=50))
    grid = {
        "neuralnetworkclassifier__hidden": [(), (8,), (8, 4)],
        "neuralnetworkclassifier__learning_rate": [1e-6, 1e-2],
    }
    search = GridSearchCV(pipeline, grid, cv=2).fit(x, y)
    scores = search.cv_results_["mean_test_score"]
    assert search.best_params_["neuralnetworkclassifier__learning_rate"] == 1e-2
    assert search.score(x, y) > 0.95
    assert scores.max() > scores.min() + 0.1


def test_cross_validation_learns_something():
    x, y = load_diabetes(return_X_y=True)
    own = make_pipeline(StandardScaler(), regressor((20,), epochs=20, learning_rate=0.01))
    assert cross_val_score(own, x, y, cv=3).mean() > 0.35  # a linear regression: 0.48


def test_columns_of_text_and_numbers_from_a_frame():
    polars = pytest.importorskip("polars")
    x = rows()
    frame = polars.DataFrame({"size": x[:, 0] * 100, "kind": np.where(x[:, 1] > 0, "yes", "no")})
    columns = ColumnTransformer([("numbers", StandardScaler(), ["size"]), ("kinds", OneHotEncoder(), ["kind"])])
    own = make_pipeline(columns, classifier(epochs=40, learning_rate=0.02))
    y = np.where(x[:, 1] + 0.1 * x[:, 0] > 0, "tall", "short")
    assert own.fit(frame, y).score(frame, y) > 0.9
    assert own[-1].n_features_in_ == 3


def test_names_of_columns_are_kept_and_held_against_later_ones():
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame(rows(), schema=["a", "b", "c", "d"])
    own = regressor().fit(frame, rows()[:, 0])
    assert own.feature_names_in_.tolist() == ["a", "b", "c", "d"]
    with pytest.raises(ValueError, match="same order"):
        own.predict(frame[["b", "a", "c", "d"]])


def test_probabilities_can_be_calibrated_and_voted_on():
    x = rows(90)
    y = classes(x)
    own = classifier(epochs=20, learning_rate=0.02)
    calibrated = CalibratedClassifierCV(own, cv=2).fit(x, y)
    assert calibrated.score(x, y) > 0.8
    voting = VotingClassifier([("one", own), ("two", clone(own).set_params(random_state=1))], voting="soft").fit(x, y)
    assert voting.score(x, y) > 0.9


def test_regressors_inside_others():
    x = rows(90)
    bagged = BaggingRegressor(regressor((), epochs=30, learning_rate=0.05), 2, random_state=0).fit(x, x.sum(axis=1))
    assert bagged.score(x, x.sum(axis=1)) > 0.9
    grown = TransformedTargetRegressor(regressor((), epochs=30, learning_rate=0.05), func=np.log, inverse_func=np.exp)
    assert grown.fit(x, np.exp(x.sum(axis=1))).predict(x).min() > 0


def test_weights_and_validation_data_are_routed_through_a_pipeline_and_transformed_on_the_way():
    x = rows(60) * 1000 + 5000
    y = classes(rows(60))
    with sklearn.config_context(enable_metadata_routing=True):
        own = classifier(early_stopping=True).set_fit_request(sample_weight=True, X_val=True, y_val=True)
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        pipeline = Pipeline([("scaled", scaler), ("network", own)], transform_input=["X_val"])
        counts = np.arange(60) % 3
        pipeline.fit(x, y, sample_weight=counts, X_val=x[:20], y_val=y[:20])
    scaled = StandardScaler().fit_transform(x)
    direct = classifier(early_stopping=True).fit(scaled, y, sample_weight=counts, X_val=scaled[:20], y_val=y[:20])
    np.testing.assert_array_equal(weights(pipeline[-1]), weights(direct))
    assert pipeline[-1].history_["validation_loss"] == direct.history_["validation_loss"]


@pytest.mark.long
def test_a_search_in_several_processes_finds_what_one_finds():
    x = rows()
    own = classifier(network=lambda inputs, outputs: Sequential(Dense(5), ReLU(), Dense(outputs)))
    grid = {"learning_rate": [1e-4, 1e-2], "patience": np.arange(1, 3), "early_stopping": [True]}
    one, two = (GridSearchCV(own, grid, cv=2, n_jobs=processes).fit(x, classes(x)) for processes in (1, 2))
    np.testing.assert_array_equal(one.cv_results_["mean_test_score"], two.cv_results_["mean_test_score"])


# ---- as an object


def test_a_clone_has_the_options_and_no_network():
    own = classifier((8,), class_weight={"ash": 2.0}, network=None)
    copied = clone(own.fit(rows(), classes(rows())))
    assert copied.get_params() == own.get_params()
    assert not hasattr(copied, "model_")
    assert repr(copied) == repr(own)


@pytest.mark.parametrize("engine", ["numpy", "jax"])
@pytest.mark.parametrize("through", ["pickle", "joblib", "deepcopy"])
@pytest.mark.parametrize("make", [classifier, regressor])
def test_a_copy_predicts_the_same_and_trains_on_to_the_same_bits(make, through, engine, tmp_path):
    x = rows()
    y = classes(x) if make is classifier else x.sum(axis=1)
    own = make(warm_start=True, dropout=0.5, batch_norm=True, engine=engine).fit(x, y)
    copied = COPIES[through](own, tmp_path)
    np.testing.assert_array_equal(copied.predict(x), own.predict(x))
    for estimator in (own, copied):
        estimator.fit(x, y)
    np.testing.assert_array_equal(weights(copied), weights(own))
    assert copied.loss_curve_ == own.loss_curve_
    assert copied.n_iter_ == own.n_iter_ == 10


def test_a_copy_goes_on_by_the_engine_that_the_job_has_had(monkeypatch):
    x = rows()
    monkeypatch.setattr("madi.training.trainer.quick_on_numpy", lambda *job: False)
    own = classifier(warm_start=True, engine="auto", dtype="float32").fit(x, classes(x))
    monkeypatch.undo()
    copied = pickle.loads(pickle.dumps(own))
    for estimator in (own, copied):
        estimator.fit(x, classes(x))
    np.testing.assert_array_equal(weights(copied), weights(own))
    assert copied._trainer._engines.keys() == {"jax"}


def dumped(estimator, folder):
    joblib.dump(estimator, folder / "own.joblib")
    return joblib.load(folder / "own.joblib")


COPIES = {
    "pickle": lambda estimator, folder: pickle.loads(pickle.dumps(estimator)),
    "joblib": dumped,
    "deepcopy": lambda estimator, folder: copy.deepcopy(estimator),
}
