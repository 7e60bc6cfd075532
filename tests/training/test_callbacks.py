"""Callbacks in their order, early stopping, and Ctrl-C."""

import math
import signal
import threading

import numpy as np
import pytest

from madi import optimizers
from madi.training import Callback, EarlyStopping, Metric

from .common import ENGINES, assert_same, fit, network, points, trainer, values


class Note(Callback):
    """Writes down every call."""

    def __init__(self, name, said):
        self.name, self.said = name, said

    def on_fit_begin(self, trainer):
        self.said.append((self.name, "fit begins"))

    def on_epoch_begin(self, trainer, epoch):
        self.said.append((self.name, "epoch begins", epoch))

    def on_epoch_end(self, trainer, epoch, row):
        assert row is trainer.history.epochs[-1]
        self.said.append((self.name, "epoch ends", epoch))

    def on_fit_end(self, trainer):
        self.said.append((self.name, "fit ends"))


def test_the_order_of_the_calls():
    said = []
    fit(trainer(), epochs=2, callbacks=[Note("a", said), Note("b", said), lambda epoch, row: said.append(("c", epoch))])
    epochs = [
        [("a", "epoch begins", epoch), ("b", "epoch begins", epoch), ("a", "epoch ends", epoch),
         ("b", "epoch ends", epoch), ("c", epoch)] for epoch in (1, 2)
    ]  # fmt: skip
    begin = [("a", "fit begins"), ("b", "fit begins")]
    assert said == [*begin, *epochs[0], *epochs[1], ("a", "fit ends"), ("b", "fit ends")]


def test_an_error_in_a_callback_ends_the_fit_in_order():
    """It comes out as it is; the weights are kept, and on_fit_end is called."""
    said, own = [], trainer()
    before = values(own.model)

    def fail(epoch, row):
        raise ZeroDivisionError(f"in epoch {epoch}")

    with pytest.raises(ZeroDivisionError, match=r"^in epoch 1$"):
        fit(own, callbacks=[fail, Note("a", said)])
    assert said[-1] == ("a", "fit ends")
    assert (values(own.model)["0.weight"] != before["0.weight"]).any()
    assert own.epoch == 1


@pytest.mark.parametrize("engine", ENGINES)
def test_a_callback_sees_the_current_weights(engine):
    own = trainer(engine=engine)
    x, y = points()
    losses = []
    history = fit(own, (x, y), epochs=2, validation=(x, y),
                  callbacks=[lambda epoch, row: losses.append(own.evaluate((x, y))["loss"])])  # fmt: skip
    assert losses == pytest.approx(history["validation_loss"], rel=1e-6)


def test_a_callback_may_stop():
    own = trainer()
    history = fit(own, epochs=5, callbacks=[lambda epoch, row: own.stop("enough") if epoch == 2 else None])
    assert len(history) == 2
    assert history.notices == ["stopped after epoch 2: enough"]
    fit(own, epochs=1)
    assert len(history) == 3


@pytest.mark.parametrize("engine", ENGINES)
def test_training_goes_on_from_the_weights_that_a_callback_puts_into_the_model(engine):
    """By assignment, in place, and by restore; the next epoch starts there, and so does what is left at the end."""
    own, first = trainer(engine=engine), []

    def change(epoch, row):
        if epoch == 1:
            first.append(own.snapshot())
            own.model.parameters()["0.weight"].value[:] = 7
        elif epoch == 2:
            first.append(values(own.model)["0.weight"])
            own.restore(first[0])
        elif epoch == 4:
            own.model.parameters()["0.weight"].value = np.full((6, 8), 5, np.float32)

    history = fit(own, epochs=4, callbacks=[change])
    assert np.abs(first[1] - 7).max() < 1
    np.testing.assert_array_equal(values(own.model)["0.weight"], 5)
    plain = fit(trainer(engine=engine), epochs=1)
    assert history["loss"][0] == plain["loss"][0]
    assert history["loss"][2] < history["loss"][0] < history["loss"][1]


@pytest.mark.parametrize("method", ["on_fit_begin", "on_epoch_begin"])
@pytest.mark.parametrize("engine", ENGINES)
def test_a_callback_may_load_weights_before_training(engine, method):
    other = fit(trainer(network(seed=5), engine=engine), epochs=1)
    weights = values(network(seed=5))
    load = type("Load", (Callback,), {method: lambda self, trainer, *epoch: trainer.restore(weights)})
    own = fit(trainer(engine=engine), epochs=1, callbacks=[load()])
    assert own["loss"] == other["loss"]


@pytest.mark.parametrize("engine", ENGINES)
def test_options_that_a_callback_changes_hold_from_the_next_epoch(engine):
    """Rate, momentum and dropout, without a new compilation: as in a second fit after the change."""

    def make():
        return trainer(network(dropout=0.5), engine=engine, optimizer=optimizers.Momentum(0.1))

    def change(own):
        own.optimizer.learning_rate, own.optimizer.momentum, own.model.layers[2].rate = 0.01, 0.5, 0.1

    own, other = make(), make()
    fit(own, epochs=3, callbacks=[lambda epoch, row: change(own) if epoch == 1 else None])
    assert engine == "numpy" or own._engines["jax"].compilations == 1
    fit(other)
    change(other)
    fit(other, epochs=2)
    assert_same(values(own.model), values(other.model))


def test_a_call_lasts_about_a_second(monkeypatch):
    """Steps of 0.1 s: one to be timed, then ten a call.  Batches of another size are timed anew."""
    own, now, counts = trainer(), [0.0], []
    engine = own._engine(1, 1)
    train = engine.train

    def slow(*arguments):
        counts.append(arguments[4].count)
        now[0] += 0.1001 * counts[-1]
        return train(*arguments)

    engine.train = slow
    monkeypatch.setattr("madi.training.run.time.perf_counter", lambda: now[0])
    fit(own, points(305))
    assert counts == [1, 9, 9, 9, 2, 1]
    counts.clear()
    fit(own, points(305), batch_size=5)
    assert counts[:3] == [1, 9, 9]


class Script(Callback):
    """Puts given values into the row, in place of what was measured, and weights that tell the epoch."""

    def __init__(self, name, column):
        self.name, self.column = name, column

    def on_epoch_end(self, trainer, epoch, row):
        row[self.name] = self.column[epoch - 1]
        trainer.model.parameters()["2.bias"].value = np.full(3, epoch, np.float32)


# (monitored value, what it does epoch by epoch, options, epochs run, best epoch)
COURSES = {
    "loss falls": ("loss", [3, 2, 1, 2, 2, 9, 9], {"patience": np.int64(2)}, 5, 3),
    "a tie is no improvement": ("loss", [1, 1, 1, 0], {"patience": 2}, 3, 1),
    "a small change is none": ("loss", [3, 2.95, 2.91, 0], {"patience": 2, "minimum_change": 0.1}, 3, 1),
    "small changes add up": ("loss", [3, 2.95, 2.85, 2.8], {"patience": 2, "minimum_change": 0.1}, 4, 3),
    "accuracy rises": ("binary_accuracy", [0.1, 0.5, 0.4, 0.4, 1.0], {"patience": 2}, 4, 2),
    "validation loss falls": ("validation_loss", [1, 2, 0], {"patience": 1}, 2, 1),
    "an error falls": ("root_mean_squared_error", [3, 1, 2], {"patience": 1}, 3, 2),
    "as the metric says": ("surprise", [3, 1, 2], {"patience": 1}, 3, 2),
    "as the user says": ("binary_accuracy", [3, 1, 2], {"patience": 1, "mode": "min"}, 3, 2),
    "NaN is no improvement": ("loss", [2, math.nan, math.nan, 1], {"patience": 2}, 3, 1),
    "never finite": ("loss", [math.nan, math.nan, 1], {"patience": 2}, 2, 0),
    "patience of a whole fit": ("loss", [1, 2, 3, 4], {"patience": 5}, 4, 1),
}
SURPRISE = Metric("surprise", lambda y, t, w, logits: np.ones(2, np.float32), lambda sums: sums[..., 0], False)


@pytest.mark.parametrize("case", COURSES)
def test_early_stopping(case):
    name, column, options, epochs, best = COURSES[case]
    own = trainer(loss="mean_squared_error", metrics=["binary_accuracy", "rmse", SURPRISE])
    stopping, (x, _) = EarlyStopping(name, **options), points()
    history = fit(own, (x, x[:, :3]), epochs=len(column), callbacks=[Script(name, column), stopping])
    assert (len(history), stopping.best_epoch) == (epochs, best)
    kept = own.model.parameters()["2.bias"].value
    np.testing.assert_array_equal(kept, best or epochs)


def test_early_stopping_restores_the_best_weights_and_says_so():
    own = trainer(optimizer=optimizers.SGD(0.5))
    saved = {}
    x, y = points(30)
    history = fit(
        own,
        (x, y),
        validation=(x, np.roll(y, 1)),
        epochs=50,
        callbacks=[EarlyStopping(patience=3), lambda epoch, row: saved.update({epoch: values(own.model)})],
    )
    losses = history["validation_loss"]
    best = int(np.argmin(losses)) + 1
    assert len(losses) == best + 3 < 50
    assert_same(values(own.model), saved[best])
    assert own.evaluate((x, np.roll(y, 1)))["loss"] == pytest.approx(min(losses))
    assert history.notices == [
        f"stopped after epoch {best + 3}: validation_loss has not improved for 3 epochs; "
        f"the best was {min(losses):.4g} in epoch {best}"
    ]


def test_early_stopping_may_leave_the_last_weights():
    own = trainer()
    fit(own, epochs=3, callbacks=[Script("loss", [1, 2, 3]), EarlyStopping(patience=1, restore_best=False)])
    np.testing.assert_array_equal(own.model.parameters()["2.bias"].value, 2)


def test_early_stopping_starts_anew_in_each_fit():
    own, stopping = trainer(), EarlyStopping(patience=1)
    fit(own, epochs=2, callbacks=[Script("loss", [-5, -4, 3, 2]), stopping])
    assert stopping.best_epoch == 1
    fit(own, epochs=2, callbacks=[Script("loss", [-5, -4, 3, 2]), stopping])
    assert stopping.best_epoch == 4


# ---- Ctrl-C


def interrupt():
    signal.raise_signal(signal.SIGINT)  # to this thread: one that JAX has started might take it later


@pytest.mark.parametrize("engine", ENGINES)
def test_the_first_ctrl_c_ends_the_fit_in_order(engine):
    own = trainer(engine=engine)
    seen = []

    def at_the_second(epoch, row):
        seen.append(values(own.model))
        if epoch == 2:
            interrupt()

    history = fit(own, epochs=50, callbacks=[at_the_second])
    assert len(history) == 2
    assert own.interrupted
    assert history.notices == ["interrupted in epoch 3: the weights so far are kept"]
    assert_same(values(own.model), seen[-1])
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    fit(own)
    assert not own.interrupted
    assert len(history) == 3


def test_ctrl_c_keeps_the_best_so_far():
    own = trainer()
    script = Script("loss", [3, 1, 2, 5])
    fit(own, epochs=4, callbacks=[script, EarlyStopping(), lambda epoch, row: interrupt() if epoch == 3 else None])
    assert own.interrupted
    np.testing.assert_array_equal(own.model.parameters()["2.bias"].value, 2)


def test_ctrl_c_within_an_epoch(monkeypatch):
    """The fit ends after the call in flight; the steps so far count, and the epoch is begun again by the next fit."""
    monkeypatch.setattr("madi.training.run.SECONDS_PER_CALL", 0)
    own = trainer()
    engine = own._engine(1, 1)
    train, calls = engine.train, []

    def interrupted(*arguments):
        calls.append(1)
        if len(calls) == 3:
            interrupt()
        return train(*arguments)

    engine.train = interrupted
    history = fit(own, epochs=5)
    assert (own.step, own.epoch, len(history), len(history.steps["loss"])) == (3, 0, 0, 3)
    assert own.interrupted
    assert history.notices == ["interrupted in epoch 1: the weights so far are kept"]


def test_the_second_ctrl_c_ends_at_once():
    own, said = trainer(), []

    def twice(epoch, row):
        interrupt()
        interrupt()

    with pytest.raises(KeyboardInterrupt):
        fit(own, epochs=5, callbacks=[twice, Note("a", said)])
    assert said[-1] == ("a", "fit ends")
    assert own.interrupted
    assert own.step == 5
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("times", [2, 3])
def test_ctrl_c_within_a_call_waits_for_the_new_weights(engine, times, monkeypatch):
    """The compiled call of a large network writes over the old ones."""
    monkeypatch.setattr("madi.training.engines.SMALL_STATE", -1)
    own, calls = trainer(engine=engine), []
    train = own._engine(1, 1).train

    def interrupted(*arguments):
        outcome = train(*arguments)
        for _ in range(times if not calls else 0):
            calls.append(1)
            interrupt()
        return outcome

    own._engine(1, 1).train = interrupted
    before = values(own.model)
    with pytest.raises(KeyboardInterrupt):
        fit(own)
    assert own.step == 1
    assert (values(own.model)["0.weight"] != before["0.weight"]).any()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_somebody_elses_handler_is_left_alone():
    calls = []
    before = signal.signal(signal.SIGINT, lambda *arguments: calls.append(1))
    try:
        own = trainer()
        history = fit(own, epochs=3, callbacks=[lambda epoch, row: interrupt()])
    finally:
        signal.signal(signal.SIGINT, before)
    assert (len(calls), len(history), own.interrupted) == (3, 3, False)


def test_training_in_a_thread_leaves_signals_alone():
    own, failed = trainer(), []

    def work():
        try:
            fit(own)
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert not failed
    assert own.epoch == 1


class Steps(Callback):
    """Looks after so many steps, and ends the fit at a step."""

    def __init__(self, steps, until=None):
        self.steps, self.until, self.seen, self.now = steps, until, [], 0.0

    def steps_at_once(self, trainer, usual):
        assert usual >= 1
        return self.steps

    def on_steps_end(self, trainer):
        self.seen.append((trainer.step, trainer.epoch, values(trainer.model)))
        self.now += 1000
        if trainer.step == self.until:
            trainer.interrupt()


@pytest.mark.parametrize("engine", ENGINES)
def test_a_callback_sees_the_weights_between_steps_and_changes_nothing(engine, monkeypatch):
    plain, own, steps = trainer(engine=engine), trainer(engine=engine), Steps(2)
    fit(plain, epochs=2)
    monkeypatch.setattr("madi.training.tally.time.perf_counter", lambda: steps.now)
    fit(own, epochs=2, callbacks=[steps])
    assert_same(values(plain.model), values(own.model))
    assert plain.history.steps == own.history.steps
    counts = [step for step, _, _ in steps.seen]
    assert counts == sorted(set(counts))
    assert max(np.diff([0, *counts])) <= 2
    assert_same(steps.seen[-1][2], values(own.model))
    assert any((steps.seen[0][2][path] != value).any() for path, value in values(own.model).items())
    assert max(own.history["seconds"]) == 0, "the callback's own seconds count"


def test_a_callback_can_end_the_fit_within_an_epoch():
    own = trainer(engine="numpy")
    fit(own, epochs=3, callbacks=[Steps(1, until=2)])
    assert (own.step, own.interrupted, len(own.history)) == (2, True, 0)
    fit(own, epochs=1)
    assert not own.interrupted
