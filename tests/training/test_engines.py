"""The two engines: every value of the one is NumPy's, the other is for jobs that outlast a compilation."""

import numpy as np
import pytest
import threadpoolctl

import madi
import madi.functions as F
from madi import Trainer, layers, optimizers
from madi.graph import observing
from madi.layers import Auxiliary, Dense, Dropout, Flatten, ReLU, Sequential
from madi.training.choice import quick_on_numpy
from madi.training.engines import JaxEngine, NumPyEngine, over
from madi.training.step import all_finite, choose, leaves

from .common import ENGINES, assert_same, fit, network, points, trainer, values


def test_with_the_numpy_engine_every_nodes_value_is_a_numpy_array():
    """In training, in validation, and in what the optimizer keeps.  (That data fit is found out on shapes alone.)"""
    seen = []

    def look(node, inputs, outputs):
        seen.extend(type(variable.value) for variable in (*inputs, *outputs))

    def watched(call):
        def run(*arguments):
            with observing(look):
                return call(*arguments)

        return run

    own = trainer(network(dropout=0.5), optimizer="adam", metrics=["accuracy", "auc"])
    engine = own._engine(1, 1)
    engine.train, engine.evaluate = watched(engine.train), watched(engine.evaluate)
    fit(own, points(25), validation=0.2)
    assert len(seen) == 2 * 14 + 12  # two steps and one evaluation: affine 4, relu 2, dropout 2, affine 4, the loss 2
    assert set(seen) == {np.ndarray}
    assert {type(value) for value in leaves((own._optimizer_state,))} <= {np.ndarray, np.int32}
    assert {type(parameter.value) for parameter in own.model.parameters().values()} == {np.ndarray}


@pytest.mark.parametrize("engine", ENGINES)
def test_after_training_the_model_holds_numpy_arrays_of_its_own(engine):
    own = trainer(engine=engine)
    fit(own, epochs=2)
    held = {path: parameter.value for path, parameter in own.model.parameters().items()}
    before = values(own.model)
    fit(own, epochs=2)
    assert {type(value) for value in held.values()} == {np.ndarray}
    assert_same(held, before)  # the next fit has not written into them
    assert all(value.flags.writeable for value in held.values())


def test_auto_takes_numpy_for_digits_and_jax_for_mnist():
    digits = Sequential(Flatten(), Dense(100), ReLU(), Dense(10)).build((8, 8, 1))
    mnist = Sequential(Flatten(), Dense(50), ReLU(), Dense(10)).build((28, 28, 1))
    assert quick_on_numpy(digits, 1437, 10)
    assert not quick_on_numpy(mnist, 60_000, 3)
    assert not quick_on_numpy(digits, 1437, 1000)
    assert not quick_on_numpy(digits, 1437, 20, batch_size=1)


def test_auto_chooses_by_the_job_and_stays_with_what_is_compiled():
    own = trainer(engine="auto")
    assert own._engine(1437, 20, 100).name == "numpy"
    assert own._engine(10**6, 100, 100).name == "jax"
    assert own._engine(1437, 20, 100).name == "jax"
    assert trainer(engine="auto")._engine(100, 1, None).name == "jax"  # a stream, whose length nobody knows
    assert trainer(engine="numpy")._engine(10**9, 100, 100).name == "numpy"


def test_auto_trains_a_small_job_without_compiling(monkeypatch):
    monkeypatch.setattr(JaxEngine, "train", None)
    own = Trainer(network(), optimizer="sgd")
    fit(own, epochs=3)
    assert list(own._engines) == ["numpy"]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("epochs", [0, 1])
def test_epochs_of_a_fit(engine, epochs):
    own = trainer(engine=engine)
    before = values(own.model)
    history = fit(own, epochs=epochs)
    assert len(history) == epochs
    assert (values(own.model)["0.weight"] == before["0.weight"]).all() == (epochs == 0)


@pytest.mark.parametrize("verbose", [0, 1, 2])
def test_what_is_shown_of_a_fit(verbose, capfd):
    trainer().fit(points(), epochs=2, batch_size=10, verbose=verbose)
    out, err = capfd.readouterr()
    assert out == ""
    assert bool(err) == bool(verbose)
    assert ("epoch 2/2" in err) == bool(verbose)


def test_a_model_that_uses_a_layer_twice_trains_it_once_a_step():
    class Twice(layers.Layer):
        def __init__(self):
            self.inner = Dense(6)
            self.last = Dense(3)

        def __call__(self, x):
            return self.last(self.inner(self.inner(x)))

    runs = []
    for engine in ENGINES:
        own = trainer(Twice().build((6,), seed=1), engine=engine)
        history = fit(own, epochs=3)
        assert history["loss"][-1] < history["loss"][0]
        runs.append(values(own.model))
    for path, value in runs[0].items():
        np.testing.assert_allclose(runs[1][path], value, rtol=1e-4, atol=1e-6)


class RunningMean(layers.Layer):
    """Keeps a running mean of its inputs: state that a step changes without a gradient."""

    states = ("mean",)

    def build(self, shape, key=None, *, seed=0):
        self.mean = np.zeros(shape, np.float32)

    def __call__(self, x, *, training=False):
        if training:
            self.mean = self.mean * np.float32(0.5) + x.value.mean(axis=0) * np.float32(0.5)
        return x


@pytest.mark.parametrize("engine", ENGINES)
def test_running_statistics_move_in_training_alone(engine):
    own = trainer(Sequential(RunningMean(), Dense(3)).build((6,)), engine=engine)
    x, y = points(20)
    fit(own, (x, y), batch_size=20, epochs=2)
    expected = x.mean(axis=0) * 0.75
    np.testing.assert_allclose(own.model.state()["0.mean"], expected, rtol=1e-5)
    own.evaluate((x, y))
    madi.predict(own.model, x, engine=engine)
    np.testing.assert_allclose(own.model.state()["0.mean"], expected, rtol=1e-5)
    own.reset()
    np.testing.assert_array_equal(own.model.state()["0.mean"], 0)


@pytest.mark.parametrize("engine", ENGINES)
def test_evaluate_in_any_batches(engine):
    """Whole metrics, dropout off, a last batch that is smaller; nothing of the model changes."""
    own = trainer(network(dropout=0.5), engine=engine, metrics=["accuracy", "auc"])
    before = values(own.model)
    found = [own.evaluate(points(23), batch_size=size) for size in (None, 7, 23, 100)]
    for other in found[1:]:
        assert other == pytest.approx(found[0], rel=1e-5)
    assert_same(values(own.model), before)


@pytest.mark.parametrize("engine", ENGINES)
def test_overflow_is_no_warning(engine):
    """The numbers say it themselves."""
    own = trainer(engine=engine, loss="mean_squared_error", metrics=["mae", "r2"])
    for parameter in own.model.parameters().values():
        parameter.value = np.full(parameter.shape, 3e38, np.float32)
    x, _ = points(20)
    found = own.evaluate((abs(x) + 1, x[:, :3]))
    assert not np.isfinite(found["loss"])
    assert not np.isfinite(madi.predict(own.model, abs(x) + 1, engine=engine)).any()


# ---- trees


def test_over_a_tree():
    tree = {"a": np.ones(2), "b": {"c": (np.zeros(1), None)}}
    found = over(tree, lambda array: array + 1)
    assert found["a"].tolist() == [2, 2]
    assert found["b"]["c"][0].tolist() == [1]
    assert found["b"]["c"][1] is None


def test_put_copies_and_share_does_not():
    array = np.ones(3, np.float32)
    engine = NumPyEngine()
    assert engine.share({"x": array})["x"] is array
    assert engine.put({"x": array})["x"] is not array
    compiled = JaxEngine()
    put = compiled.put({"x": array})["x"]
    array[:] = 5
    assert np.asarray(put).tolist() == [1, 1, 1]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_finite_means_every_element_of_every_array(value):
    tree = {"a": np.ones(2), "count": np.int32(3), "b": {"c": np.array([[1.0, value]])}}
    assert not all_finite(tree)
    assert all_finite({"a": np.ones(2), "count": np.int32(3)})


def test_choose_takes_one_tree_or_the_other():
    new, old = {"a": {"b": np.ones(1)}}, {"a": {"b": np.zeros(1)}}
    assert choose(True, new, old)["a"]["b"] == 1
    assert choose(False, new, old)["a"]["b"] == 0


def test_dropout_draws_new_bits_in_every_step():
    """And the same ones for the same step.  Equal examples: their order does not show."""
    model = Sequential(Dropout(0.5), Dense(3)).build((6,))
    own = trainer(model, optimizer=madi.optimizers.SGD(1e-30))
    x, y = np.ones((10, 6), np.float32), np.zeros(10, int)
    history = fit(own, (x, y), epochs=4)
    first = list(history.steps["loss"])
    assert len(set(first)) == 4
    own.reset()
    assert fit(own, (x, y), epochs=4).steps["loss"] == first


@pytest.mark.parametrize("engine", ["numpy", "jax"])
def test_an_auxiliary_head_learns_from_its_own_share_of_the_loss(engine):
    """One step of SGD at rate 1: the head moves by weight times the gradient of the loss of its own output."""
    x = np.array([[1.0, 2.0], [-1.0, 0.5]], np.float32)
    y = np.array([[1.0], [0.0]], np.float32)
    model = Sequential(Auxiliary(Dense(1, initializer="zeros"), weight=0.25), Dense(1, initializer="zeros")).build((2,))
    own = Trainer(model, optimizer=optimizers.SGD(1.0), loss="mean_squared_error", engine=engine)
    history = own.fit((x, y), epochs=1, batch_size=2, verbose=0)
    # All outputs are 0, so the loss is mean (0 - y)^2 = 1/2 and dL/dW = x^T 2 (0 - y) / 2 = -x^T y = (-1, -2).
    assert history["loss"] == [0.5]
    weights = {path: parameter.value.reshape(-1) for path, parameter in model.parameters().items()}
    np.testing.assert_allclose(weights["1.weight"], [1, 2], rtol=1e-6)
    np.testing.assert_allclose(weights["0.head.weight"], [0.25, 0.5], rtol=1e-6)


def test_small_products_take_one_thread_and_one_search_for_the_libraries(monkeypatch):
    libraries = threadpoolctl.ThreadpoolController()

    def threads():
        return {library["num_threads"] for library in libraries.info() if library["user_api"] == "blas"}

    def watched(prediction, target):
        seen.append(threads())
        return F.softmax_cross_entropy(prediction, target)

    seen = []
    with libraries.limit(limits=2, user_api="blas"):
        fit(trainer(loss=watched))
        monkeypatch.setattr(threadpoolctl, "ThreadpoolController", None)  # a second search would fail
        fit(trainer(loss=watched))
        assert threads() == {2}
    assert sum(1 in found for found in seen) == 2 * 5  # NumPy's own; SciPy may have come with another since
