"""Training that leaves the finite numbers stops, says where and why, and keeps the weights of the step before."""

import re

import numpy as np
import pytest

import madi.functions as F
from madi import optimizers
from madi.errors import DivergenceError
from madi.kernels import random
from madi.layers import Dense, ReLU, Sequential
from madi.training import Callback, EarlyStopping, engines
from madi.training.batches import epoch_rows

from .common import CLASSES, ENGINES, INPUTS, assert_same, fit, network, points, trainer, values

KINDS = ("small state", "large state")


@pytest.fixture(params=KINDS)
def guard(request, monkeypatch):
    """Both loops of the compiled engine: the one that looks at the end, and the one that looks at every step."""
    if request.param == "large state":
        monkeypatch.setattr(engines, "SMALL_STATE", -1)


class RateUntil:
    """A schedule that explodes at one step."""

    def __init__(self, step, rate=1e30):
        self.step, self.rate = step, rate

    def __call__(self, step):
        return self.rate if step >= self.step else 0.1


def poisoned(y, target):
    """A loss that is NaN for a batch that holds the target 100, and else the mean squared error."""
    infinite = F.exp((target >= 100).astype(np.float32) * 1e30)
    return F.mean_squared_error(y, target) + F.mean(infinite * 0.0)


def diverging(make, data, *, epochs=3, **options):
    """(trainer after DivergenceError, its message)."""
    own = make()
    with pytest.raises(DivergenceError) as caught:
        fit(own, data, epochs=epochs, **options)
    return own, str(caught.value)


def assert_stopped_one_step_before(make, own, data):
    """The weights are exactly those of a run that ends one step earlier, and so are the history and the step."""
    earlier = make()
    steps = own.step

    class Enough(Exception):
        pass

    taken = []
    engine = earlier._engine(10**9, 10**9, 10)
    train = engine.train

    def one_at_a_time(step, state, frozen, given, plan, numbers):
        if len(taken) == steps:
            raise Enough
        taken.append(1)
        assert plan.count == 1
        return train(step, state, frozen, given, plan, numbers)

    engine.train = one_at_a_time
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("madi.training.run.SECONDS_PER_CALL", 0)  # calls of one step
        with pytest.raises(Enough):
            fit(earlier, data, epochs=100)
    assert_same(values(own.model), values(earlier.model))
    assert own.history.steps == earlier.history.steps
    assert len(own.history.steps["loss"]) == steps
    assert all(np.isfinite(value).all() for value in values(own.model).values())


def test_each_state_has_its_loop(guard, request):
    """A small one trains in the fast loop and compiles the careful one only now; a large one never has the fast one."""
    own, _ = diverging(lambda: trainer(engine="jax", optimizer=optimizers.SGD(1e30)), points())
    assert own._engines["jax"].compilations == (2 if "small" in request.node.name else 1)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_huge_learning_rate(engine, guard):
    """The step that follows the explosion is the first that is not finite."""

    def make():
        return trainer(engine=engine, optimizer=optimizers.Momentum(RateUntil(7)))

    own, message = diverging(make, points())
    assert message == (
        "Training diverged in step 9 (epoch 2): the loss is nan; "
        "the output of Dense '2' is the first that is not finite. The model keeps its weights from before that step. "
        "Lower the learning rate, now 1e+30, for example to 0.01, or set clip_norm."
    )
    assert own.step == 8
    assert_stopped_one_step_before(make, own, points())


@pytest.mark.parametrize("engine", ENGINES)
def test_a_loss_of_the_users_own_that_is_nan(engine, guard):
    x, _ = points(30)
    y = np.zeros((30, CLASSES), np.float32)
    y[epoch_rows(30, 10, random.key(0), 0)[0][2, 4]] = 100  # in the third batch

    def make():
        return trainer(engine=engine, loss=poisoned, optimizer=optimizers.SGD(0.01))

    own, message = diverging(make, (x, y))
    assert message.startswith(
        "Training diverged in step 3 (epoch 1): the loss is nan; every layer's output is finite, but the loss itself "
        "is not. The model keeps its weights from before that step. "
    )
    assert own.step == 2
    assert_stopped_one_step_before(make, own, (x, y))


@pytest.mark.parametrize("engine", ENGINES)
def test_a_weight_that_overflows_while_the_loss_is_finite(engine, guard):
    """An update beyond float32: the loss of that step is still that of the weights before."""

    def make():
        return trainer(engine=engine, optimizer=optimizers.SGD(RateUntil(3, rate=3.4e38)))

    x, y = points()
    data = x * 1000, y
    own, message = diverging(make, data)
    assert "in step 4 (epoch 1): the loss is " in message
    assert "the loss is nan" not in message
    assert re.search(r"; the update of '\d\.(weight|bias)' is the first that is not finite\. ", message)
    assert own.step == 3
    assert_stopped_one_step_before(make, own, data)


@pytest.mark.parametrize("engine", ENGINES)
def test_adams_second_moment_overflows(engine, guard):
    """Gradients of 1e20 have squares beyond float32; weights and loss alone would not show it."""
    x, _ = points(20)
    y = np.zeros((20, CLASSES), np.float32)
    data = x * 1e16, y

    def make():
        model = Sequential(Dense(CLASSES, initializer="zeros")).build((INPUTS,))
        model.parameters()["0.bias"].value[:] = 1e6
        return trainer(model, engine=engine, loss="mean_squared_error", optimizer="adam")

    own, message = diverging(make, data)
    assert message.startswith("Training diverged in step 1 (epoch 1): the loss is 1e+12; the update of ")
    assert "the update of the optimizer's square_mean of '0.weight' is the first that is not finite." in message
    assert own.step == 0
    assert_same(values(own.model), values(make().model))
    assert own._optimizer_state["step"] == 0
    assert np.isfinite(own._optimizer_state["square_mean"]["0.weight"]).all()


def test_training_goes_on_after_a_lower_rate():
    x, y = points()
    own, _ = diverging(lambda: trainer(engine="jax", optimizer=optimizers.SGD(RateUntil(7, 3.4e38))), (x * 1000, y))
    own.optimizer.learning_rate = 1e-30
    fit(own, (x * 1000, y))
    assert np.isfinite(own.history["loss"]).all()
    assert own.step == len(own.history.steps["loss"])


def test_callbacks_have_the_last_word_and_early_stopping_its_best_weights():
    ended = []

    class Note(Callback):
        def on_epoch_end(self, trainer, epoch, row):
            self.last = values(trainer.model)

        def on_fit_end(self, trainer):
            ended.append(values(trainer.model))

    note, stopping = Note(), EarlyStopping()
    own, _ = diverging(
        lambda: trainer(optimizer=optimizers.SGD(RateUntil(7))), points(), callbacks=[stopping, note]
    )  # fmt: skip
    assert stopping.best_epoch == 1
    assert_same(ended[0], note.last)
    assert_same(values(own.model), note.last)


def test_nothing_is_written_to_the_terminal(capfd):
    diverging(lambda: trainer(engine="numpy", optimizer=optimizers.SGD(1e30)), points())
    assert capfd.readouterr() == ("", "")


def test_a_step_that_numpy_survives_is_said_to_be_on_the_edge(monkeypatch):
    """The compiled step and NumPy's differ in the last bits: what overflows in one may just fit into the other."""
    own = trainer(engine="numpy")
    train = own._engine(1, 1).train
    monkeypatch.setattr(own._engine(1, 1), "train", lambda *a: engines.Outcome(a[1], train(*a).reports, finite=False))
    with pytest.raises(
        DivergenceError, match=r"; run again on NumPy, the same step just stays finite\. The model keeps"
    ):
        fit(own)


def test_batches_of_a_stream_too():
    batches = [(x, y) for x, y in [points(10, seed=seed) for seed in range(5)]]
    own, message = diverging(lambda: trainer(engine="jax", optimizer=optimizers.SGD(RateUntil(2))), batches)
    assert message.startswith("Training diverged in step 4 (epoch 1): the loss is nan; the output of Dense '")
    assert own.step == 3


def test_relu_hides_what_it_can_the_state_does_not():
    """A hidden weight of -inf is invisible behind ReLU for positive inputs: only the look at the state finds it."""
    model = Sequential(Dense(4), ReLU(), Dense(1)).build((1,))
    model.parameters()["0.weight"].value[:] = -3e38
    model.parameters()["0.bias"].value[:] = 3e38
    data = np.full((20, 1), 0.999999, np.float32), np.zeros((20, 1), np.float32)
    for engine in ENGINES:
        before = values(model)
        own = trainer(model, engine=engine, loss="mean_squared_error",
                      optimizer=optimizers.SGD(3e38))  # fmt: skip
        with pytest.raises(DivergenceError):
            fit(own, data, epochs=2)
        assert all(np.isfinite(value).all() for value in values(model).values())
        for path, parameter in model.parameters().items():
            parameter.value = before[path]


def test_networks_of_these_tests_train_otherwise():
    history = fit(trainer(network(), engine="jax", optimizer=optimizers.SGD(0.1)), epochs=3)
    assert history["loss"][-1] < history["loss"][0]
