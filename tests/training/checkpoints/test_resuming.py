"""A fit that is taken up from any of its checkpoints ends in the same bits as one that nobody stopped."""

import os
import signal

import numpy as np
import pytest

from madi import optimizers, schedules
from madi.kernels import random
from madi.layers import BatchNorm, Dense, Dropout, ReLU, Sequential
from madi.training import Callback, EarlyStopping
from madi.training.checkpoints import newest
from madi.training.run import Run

from ..common import ENGINES, INPUTS, points, trainer
from .common import FIT, assert_same_bits, everything, fitted, killed, often, plain, resumed, without_seconds


@pytest.fixture(autouse=True)
def calls_of_one_step(monkeypatch):
    """So that there are many checkpoints within an epoch."""
    monkeypatch.setattr("madi.training.run.SECONDS_PER_CALL", 0)


def noise(x, key):
    """An augmentation of whatever it is given."""
    return x + 0.1 * random.uniform(key, x.shape)


def deep(*, frozen=None):
    """With batch norm and dropout."""
    model = Sequential(Dense(8), BatchNorm(), ReLU(), Dropout(0.3), Dense(3)).build((INPUTS,), seed=1)
    return model if frozen is None else model.freeze(frozen)


class Slower(Callback):
    """Halves the learning rate after each epoch, and drops less."""

    def on_epoch_end(self, trainer, epoch, values):
        trainer.optimizer.learning_rate = trainer.optimizer.rate_at(trainer.step) / 2
        trainer.model[3].rate /= 2


class Shaken(Callback):
    """Changes the weights after each epoch, by numbers of its own that it keeps."""

    def __init__(self):
        self.bits = 1

    def on_epoch_end(self, trainer, epoch, values):
        self.bits = self.bits * 75 % 65537
        trainer.restore({path: value + self.bits * 1e-7 for path, value in trainer.snapshot().items()})

    def state(self):
        return {"bits": self.bits}

    def restore_state(self, state):
        self.bits = state["bits"]


WEIGHTS = np.linspace(0.5, 2, 24)

# name: (options of the trainer, options of the fit)
CASES = {
    "sgd": ({}, {}),
    "adam": ({"optimizer": "adam", "metrics": ["accuracy"]}, {"validation": 0.2}),
    "schedule": ({"optimizer": optimizers.Momentum(schedules.cosine(0.1, 20))}, {}),
    "everything": (
        {"model": deep, "optimizer": "adam", "metrics": ["accuracy"], "average": 0.9, "augmentation": (noise,),
         "label_smoothing": 0.1},
        {"accumulate": 3, "validation": 0.3, "sample_weight": WEIGHTS, "class_weight": {1: 2.0}},
    ),
    "float64": ({"dtype": "float64", "optimizer": "rmsprop"}, {"accumulate": 4}),
    "frozen": ({"model": lambda: deep(frozen="0"), "optimizer": "adam"}, {}),
    "order": ({"seed": 3, "order_seed": 8}, {}),
}  # fmt: skip


def makers(name, engine):
    """(a function that makes the trainer, the options of its fit)."""
    own, options = CASES[name]
    model = own.get("model")
    rest = {key: value for key, value in own.items() if key != "model"}
    return lambda: trainer(model() if model else None, engine=engine, **rest), options


@pytest.mark.parametrize("name", CASES)
def test_from_any_checkpoint_to_the_same_bits(name, tmp_path):
    make, options = makers(name, "numpy")
    expected = fitted(make, **options)
    last = 0
    for count in range(1, 100, 4):
        if not killed(make, tmp_path / str(count), count, **options):
            break
        assert_same_bits(resumed(make, tmp_path / str(count), **options), expected)
        last = count
    assert last >= 13  # there were that many places to stop at


@pytest.mark.parametrize(("name", "small"), [("everything", 2**26), ("frozen", 2**26), ("adam", 0)])
def test_the_compiled_engine_too(name, small, tmp_path, monkeypatch):
    """Also where a call writes the new state over the old."""
    monkeypatch.setattr("madi.training.engines.SMALL_STATE", small)
    make, options = makers(name, "jax")
    expected = fitted(make, **options)
    for count in (2, 5, 8):
        assert killed(make, tmp_path / str(count), count, **options)
        assert_same_bits(resumed(make, tmp_path / str(count), **options), expected)


def test_killed_again_and_again(tmp_path):
    make, options = makers("everything", "numpy")
    expected = fitted(make, **options)
    for _ in range(3):
        assert killed(make, tmp_path, 4, resume=True, **options)
    assert_same_bits(resumed(make, tmp_path, **options), expected)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("options", [{}, {"accumulate": 3}, {"dtype": "float64", "accumulate": 3}], ids=str)
def test_the_lengths_of_the_calls_change_no_bit(engine, options, monkeypatch):
    """They are timed, so that they differ from run to run: 1, then the same; or any other."""
    found = []
    accumulate, dtype = options.get("accumulate", 1), options.get("dtype", "float32")
    for lengths in ((1000,), (1,), (2, 3, 7)):
        turns = iter(lengths * 100)
        monkeypatch.setattr(Run, "_stretch", lambda self, size, turns=turns: next(turns))
        own = trainer(deep(), engine=engine, optimizer="adam", dtype=dtype, average=0.9, metrics=["accuracy"])
        own.fit(points(73), batch_size=5, epochs=2, verbose=0, accumulate=accumulate, validation=0.2)
        found.append(own)
    for own in found[1:]:
        assert_same_bits(own, found[0])


# ---- callbacks


@pytest.mark.parametrize("count", [1, 5, 6, 11, 13])
def test_callbacks_that_change_things(count, tmp_path):
    def own():
        return trainer(deep(), optimizer=optimizers.Adam(0.01))

    def callbacks():
        return [EarlyStopping("loss", patience=1), Slower(), Shaken()]

    expected = fitted(own, callbacks=callbacks())
    assert killed(own, tmp_path, count, callbacks=callbacks())
    found = resumed(own, tmp_path, callbacks=callbacks())
    assert_same_bits(found, expected)
    assert found.optimizer.learning_rate == expected.optimizer.learning_rate
    assert found.model[3].rate == expected.model[3].rate


def test_early_stopping_goes_on_waiting_and_has_the_best_weights(tmp_path):
    def make():
        return trainer(optimizer=optimizers.SGD(5.0))  # jumps about

    def stopping():
        return [EarlyStopping("loss", patience=2)]

    expected = fitted(make, epochs=30, callbacks=stopping())
    assert len(expected.history) < 30
    for count in (3, 12, 18):
        assert killed(make, tmp_path / str(count), count, epochs=30, callbacks=stopping())
        callbacks = stopping()
        assert_same_bits(resumed(make, tmp_path / str(count), epochs=30, callbacks=callbacks), expected)
    # one that has ended gives its result, and the callback's, without a step
    callbacks = stopping()
    again = resumed(make, tmp_path / "3", epochs=30, callbacks=callbacks)
    assert_same_bits(again, expected)
    assert callbacks[0].best_epoch == len(expected.history) - 2


def test_which_methods_are_called_again(tmp_path):
    called = []

    class Telling(Callback):
        def on_fit_begin(self, trainer):
            called.append(("fit", trainer.epoch))

        def on_epoch_begin(self, trainer, epoch):
            called.append(("begin", epoch))

        def on_epoch_end(self, trainer, epoch, values):
            called.append(("end", epoch))

    assert killed(plain, tmp_path, 3, epochs=2, callbacks=[Telling()])
    called.clear()
    resumed(plain, tmp_path, epochs=2, callbacks=[Telling()])
    assert called == [("fit", 0), ("end", 1), ("begin", 2), ("end", 2)]


# ---- streams


class Announced:
    """Batches in an order that follows from the epoch alone."""

    def __init__(self, data):
        self.data, self.epoch, self.announced = data, None, []

    def set_epoch(self, epoch):
        self.epoch = epoch
        self.announced.append(epoch)

    def __iter__(self):
        x, y = self.data
        order = np.random.default_rng(self.epoch).permutation(len(x))
        return iter([(x[rows], y[rows]) for rows in np.split(order, [5, 10, 14, 19])])


@pytest.mark.parametrize("accumulate", [1, 2])
def test_a_stream_that_is_told_the_epoch(accumulate, tmp_path):
    def make():
        return trainer(deep(), optimizer="adam")

    expected = fitted(make, Announced(points(24)), accumulate=accumulate)
    for count in (1, 4, 5, 6, 13):
        assert killed(make, tmp_path / str(count), count, Announced(points(24)), accumulate=accumulate)
        found = resumed(make, tmp_path / str(count), Announced(points(24)), accumulate=accumulate)
        assert_same_bits(found, expected)


def test_a_stream_is_told_each_epoch():
    stream = Announced(points(24))
    own = fitted(plain, stream, epochs=2)
    own.fit(stream, epochs=1, verbose=0)
    assert stream.announced == [0, 0, 1, 0, 2]  # a first look before each fit


def test_a_stream_that_cannot_be_told(tmp_path):
    class Silent:
        def __iter__(self):
            x, y = points(20)
            return iter([(x[start : start + 5], y[start : start + 5]) for start in range(0, 20, 5)])

    expected = fitted(plain, Silent())
    assert killed(plain, tmp_path, 3, Silent())
    found = resumed(plain, tmp_path, Silent())
    assert found.history.notices.pop().startswith("resumed on a stream that cannot be told its epoch (set_epoch): ")
    assert_same_bits(found, expected)


# ---- several fits, one process


def make_deep():
    return trainer(deep(), optimizer="adam", average=0.5)


def test_a_program_of_two_fits(tmp_path):
    """Each has a folder; whichever of them was killed, the program is run again as it stands."""

    def program(**options):
        own = make_deep()
        for number in range(2):
            folder = often(tmp_path / str(number)) if options else None
            own.fit(points(24), checkpoints=folder, **FIT, **options)
        return own

    expected = program()
    assert killed(make_deep, tmp_path / "0", 3)
    first = resumed(make_deep, tmp_path / "0")
    assert killed(lambda: first, tmp_path / "1", 7)
    assert (newest(tmp_path / "0").epoch, newest(tmp_path / "1").epoch) == (4, 5)
    assert_same_bits(program(resume=True), expected)


def test_a_second_fit_that_was_killed_is_taken_up_by_a_new_trainer(tmp_path):
    own = make_deep()
    own.fit(points(24), **FIT)
    assert killed(lambda: own, tmp_path, 7)
    expected = make_deep()
    for _ in range(2):
        expected.fit(points(24), **FIT)
    assert_same_bits(resumed(make_deep, tmp_path), expected)


def test_a_trainer_that_was_interrupted_goes_on(tmp_path):
    """In the same process: what the callbacks have changed meanwhile is no other setting."""
    expected = fitted(lambda: trainer(deep()), callbacks=[Slower()])
    own = trainer(deep())

    class Stop(Callback):
        def on_epoch_end(self, trainer, epoch, values):
            if epoch == 2:
                os.kill(os.getpid(), signal.SIGINT)

    own.fit(points(24), callbacks=[Slower(), Stop()], checkpoints=often(tmp_path), **FIT)
    assert own.interrupted
    assert own.epoch == 2
    own.fit(points(24), callbacks=[Slower()], checkpoints=often(tmp_path), resume=True, **FIT)
    assert not own.interrupted
    assert_same_bits(own, expected)


def test_reset_goes_back_to_the_first_weights_all_the_same(tmp_path):
    first = everything(fitted(plain, epochs=0))
    killed(plain, tmp_path, 4)
    own = resumed(plain, tmp_path)
    own.reset()
    weights = {name: array for name, array in everything(own).items() if name.startswith("/model")}
    assert all(weights[name].tobytes() == first[name].tobytes() for name in weights)


def test_auto_keeps_to_the_engine_that_it_began_with(tmp_path, monkeypatch):
    """It goes by the size of the job, and by what is compiled already."""

    def make():
        return trainer(engine="auto")

    expected = fitted(make)
    assert killed(make, tmp_path, 3)
    monkeypatch.setattr("madi.training.trainer.quick_on_numpy", lambda *job: False)
    found = resumed(make, tmp_path)
    assert list(found._engines) == ["numpy"]
    assert_same_bits(found, expected)


def test_without_a_checkpoint_it_is_an_ordinary_fit(tmp_path):
    assert_same_bits(resumed(plain, tmp_path / "new" / "deep"), fitted(plain))


def test_seconds_of_an_epoch_are_those_of_both_parts(tmp_path, monkeypatch):
    now = [0.0]
    monkeypatch.setattr("madi.training.tally.time.perf_counter", lambda: now.__setitem__(0, now[0] + 1) or now[0])
    assert killed(plain, tmp_path, 2, epochs=1)
    now[0] = 1e6
    (seconds,) = resumed(plain, tmp_path, epochs=1).history["seconds"]
    assert 5 < seconds < 100
    assert without_seconds(fitted(plain, epochs=1).history)
