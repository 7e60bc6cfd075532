"""The search for a learning rate: its curve worked out by hand, its end, and that it leaves no trace."""

import copy
import signal
from itertools import pairwise

import numpy as np
import pytest

from madi import Trainer, optimizers, schedules
from madi.errors import ConfigurationError, DataError
from madi.functions import mean_squared_error
from madi.layers import BatchNorm, Dense, Dropout, ReLU, Sequential
from madi.training import RateSearch, find_learning_rate
from madi.training.engines import over
from tests.training.common import CLASSES, ENGINES, INPUTS, assert_same, points, values

FEW = 10  # losses: fewer make no curve
CRITICAL = 0.2  # of (2 w + b)² whose second derivative along (2, 1) is L = 2 (2² + 1) = 10: it diverges above 2 / L


def parabola(engine="numpy"):
    """A trainer of y = 2 w + b towards 0 from y = 2, by gradient descent: y is multiplied by 1 - 10 rate each step."""
    model = Sequential(Dense(1)).build((1,))
    model.parameters()["0.weight"].value = np.ones((1, 1), np.float32)
    return Trainer(model, optimizer="sgd", loss="mean_squared_error", engine=engine)


def constant(count=10):
    return np.full((count, 1), 2, np.float32), np.zeros((count, 1), np.float32)


def search(trainer, data=None, **options):
    return find_learning_rate(trainer, constant() if data is None else data, **{"batch_size": 10, **options})


@pytest.mark.parametrize("engine", ENGINES)
def test_the_curve_is_that_of_the_parabola(engine):
    found = search(parabola(engine), lowest=1e-4, highest=0.09, steps=30)
    assert found.rates == pytest.approx(np.geomspace(1e-4, 0.09, 30))
    assert found.losses == pytest.approx(4 * np.cumprod((1 - 10 * found.rates) ** 2), rel=1e-4)
    assert found.ended == "every rate was tried"


@pytest.mark.parametrize("engine", ENGINES)
def test_the_suggestion_lies_below_the_rate_that_diverges(engine):
    x, y = constant(1000)
    noise = np.random.default_rng(0).normal(0, 0.1, y.shape)  # without it y = 0 could be met to the last bit, for good
    found = search(parabola(engine), (x, y + noise), lowest=1e-4, highest=100, steps=300)
    assert found.ended == "the loss grew to 4 times its lowest"
    assert found.rates[found.lowest] < CRITICAL < found.rates[-1] < 2 * CRITICAL, found.rates[-1]
    assert CRITICAL / 1000 < found.tenth < CRITICAL / 10
    assert CRITICAL / 1000 < found.steepest < CRITICAL
    assert CRITICAL / 30 < found.suggestion < CRITICAL / 2


def test_the_ends_of_the_calls_do_not_matter(monkeypatch):
    one = search(parabola(), lowest=1e-4, highest=100)
    monkeypatch.setattr("madi.training.run.SECONDS_PER_CALL", 0)
    another = search(parabola(), lowest=1e-4, highest=100)
    assert one.losses.tolist() == another.losses.tolist()
    assert one.ended == another.ended


def test_a_loss_that_is_no_longer_finite_ends_the_search():
    steps = []

    def loss(y, target):
        steps.append(1)
        return mean_squared_error(y, target) * (1.0 if len(steps) < 40 else np.inf)

    found = search(Trainer(parabola().model, loss=loss, engine="numpy"), lowest=1e-9, highest=1e-6)
    assert found.ended == "the loss was no longer finite"
    assert np.isfinite(found.losses).all()
    assert FEW < len(found.losses) < 40


def network():
    return Sequential(Dense(8), BatchNorm(), ReLU(), Dropout(0.3), Dense(CLASSES))


def everything(trainer):
    """What a trainer knows and can do next, copied."""
    kept = {
        name: copy.deepcopy(value)
        for name, value in vars(trainer).items()
        if name not in ("model", "_engines", "_progress", "_signals", "loss", "history", "metrics")
    }
    kept["_optimizer_state"] = over(kept["_optimizer_state"], np.array)  # which may lie on the device
    return {**kept, "history": copy.deepcopy(trainer.history.to_dict())}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("epochs", [0, 2])
@pytest.mark.parametrize("built", [True, False])
def test_the_trainer_is_as_if_nothing_had_been(engine, epochs, built):
    def run(*, searching):
        model = network().build((INPUTS,), seed=4) if built else network()
        rate = schedules.cosine(0.01, 100)
        trainer = Trainer(model, optimizer=optimizers.Adam(rate), metrics=["accuracy"], engine=engine, seed=4)
        options = {"batch_size": 10, "verbose": 0}
        trainer.fit(points(), epochs=epochs, **options) if epochs else None
        if searching:
            before, weights, state = everything(trainer), values(model), dict(model.state())
            find_learning_rate(trainer, points(), batch_size=10)
            after = everything(trainer)
            assert_same(values(model), weights)
            assert_same(dict(model.state()), state)
            np.testing.assert_equal(after, before)
            assert (model.input_shape is None) == (not built and not epochs)
        trainer.fit(points(), epochs=2, **options)
        return {**values(model), **model.state()}, trainer.history.steps

    with_it, without = run(searching=True), run(searching=False)
    assert_same(with_it[0], without[0])
    assert with_it[1] == without[1]


def test_no_rate_is_compiled():
    trainer = Trainer(network(), metrics=["accuracy"], engine="jax")
    trainer.fit(points(), epochs=1, batch_size=10, verbose=0)
    before = trainer._engines["jax"].compilations
    find_learning_rate(trainer, points(), batch_size=10)
    find_learning_rate(trainer, points(), batch_size=10, lowest=1e-4, highest=1, steps=20)
    assert trainer._engines["jax"].compilations == before


def test_a_step_is_an_update():
    found = search(parabola(), constant(100), lowest=1e-4, highest=0.09, steps=30, batch_size=5, accumulate=3)
    assert found.losses == pytest.approx(4 * np.cumprod((1 - 10 * found.rates) ** 2), rel=1e-4)


def test_an_average_is_left_as_it_is():
    trainer = Trainer(network(), engine="numpy", average=0.9)
    trainer.fit(points(), epochs=2, batch_size=10, verbose=0)
    held, underneath = values(trainer.model), copy.deepcopy(trainer._underneath)
    find_learning_rate(trainer, points(), batch_size=10)
    assert_same(values(trainer.model), held)
    np.testing.assert_equal(trainer._underneath.values, underneath.values)
    np.testing.assert_equal(trainer._underneath.average, underneath.average)


def test_batches_will_do():
    x, y = points(50)
    batches = [(x[:25], y[:25]), (x[25:], y[25:])]
    found = search(Trainer(network(), engine="numpy"), batches)
    assert len(found.losses) > FEW


def test_metrics_of_all_outputs_are_left_out(monkeypatch):
    monkeypatch.setattr("madi.training.trainer.predict", lambda *_, **__: pytest.fail("all outputs were computed"))
    search(Trainer(network(), metrics=["auc"], engine="numpy"), points())


def curve(losses):
    return RateSearch(np.geomspace(1e-4, 1, len(losses)), np.array(losses, float), "every rate was tried")


def test_the_smoothed_curve_is_not_moved():
    steps = np.linspace(-4, 0, 81)
    found = curve(2 - np.tanh(3 * (steps + 2)))
    assert found.steepest == pytest.approx(1e-2)
    assert found.smoothed[40] == pytest.approx(2)
    assert all(first >= second for first, second in pairwise(found.smoothed))


def test_the_rates_of_a_valley():
    steps = np.linspace(-4, 0, 401)
    found = curve(1 + (steps + 1) ** 2)  # from 10 down to 1: 95% of the fall is done at 1.45, where steps = -1 - √0.45
    assert found.suggestion == pytest.approx(10 ** (-1 - 0.45**0.5), rel=0.1)  # smoothing lowers the start
    assert found.tenth == pytest.approx(0.1 / 10)
    assert set(found.to_dict()) == {"suggestion", "tenth", "steepest", "conclusive", "ended", "rates", "losses"}


def test_a_loss_that_hardly_falls_concludes_nothing():
    assert curve(np.linspace(2, 1.5, 50)).conclusive
    assert not curve(np.linspace(2, 1.9, 50)).conclusive
    assert not curve(np.linspace(2, 3, 50)).conclusive
    assert curve(np.linspace(2, 3, 50)).suggestion == pytest.approx(1e-4)


def test_a_fall_behind_the_lowest_loss_is_not_the_steepest():
    found = curve([3.0] * 20 + list(np.linspace(3, 1, 20)) + [20.0] * 10 + [2.0] * 10)
    assert found.steepest <= found.rates[found.lowest]


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"lowest": 0}, "find_learning_rate: lowest must be a positive finite number, got 0. Try 1e-6."),
        ({"highest": np.inf}, "find_learning_rate: highest must be a positive finite number, got inf. Try 10."),
        ({"lowest": 1, "highest": 0.1}, "find_learning_rate: lowest must be below highest, got 1 and 0.1."),
        ({"steps": 9}, "find_learning_rate: steps must be at least 10, got 9. Try 100."),
        ({"steps": 9.5}, "find_learning_rate: steps must be a whole number of at least 1, got 9.5. Try 100."),
        ({"accumulate": 0}, "find_learning_rate: accumulate must be a whole number of at least 1, got 0. Try 1."),
        ({"batch_size": 0}, "find_learning_rate: batch_size must be a whole number of at least 1, got 0. Try 100."),
        (
            {"lowest": 1, "highest": 1e9},
            "find_learning_rate: the loss grew to 4 times its lowest after 0 steps, too few for a curve. "
            "Begin with a lower rate than lowest=1, for example 0.001.",
        ),
    ],
)
def test_a_mistake_says_what(options, line):
    with pytest.raises(ConfigurationError) as caught:
        search(parabola(), **options)
    assert str(caught.value) == line


def test_data_that_do_not_fit_say_what():
    with pytest.raises(DataError, match="data: x has 10 examples and y has 9"):
        search(parabola(), (constant()[0], constant()[1][:9]))


def test_ctrl_c_ends_it():
    def loss(y, target):
        signal.raise_signal(signal.SIGINT)
        return mean_squared_error(y, target)

    model = parabola().model
    before = values(model)
    with pytest.raises(KeyboardInterrupt):
        search(Trainer(model, loss=loss, engine="numpy"))
    assert_same(values(model), before)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_the_figure_shows_the_curve_and_the_suggestion(tmp_path):
    found = search(parabola(), lowest=1e-4, highest=100, steps=100)
    (axes,) = found.plot().axes
    thin, smooth, lowest, suggestion = axes.lines
    assert thin.get_ydata().tolist() == found.losses.tolist()
    assert smooth.get_ydata().tolist() == found.smoothed.tolist()
    assert lowest.get_xdata()[0] == found.rates[found.lowest]
    assert suggestion.get_xdata()[0] == found.suggestion
    assert axes.get_xscale() == "log"
    assert [text.get_text() for text in axes.texts] == [
        f"lowest at {found.rates[found.lowest]:.2g}", f"suggestion {found.suggestion:.2g}",
    ]  # fmt: skip
    found.plot().savefig(tmp_path / "rate.png")
    assert (tmp_path / "rate.png").stat().st_size > 1000
