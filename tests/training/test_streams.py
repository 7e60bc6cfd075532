"""Any iterable of batches as data: read ahead, checked batch by batch, the same as arrays."""

import threading
import time

import numpy as np
import pytest

from madi import optimizers
from madi.datasets import Batches, Split
from madi.errors import DataError, ShapeError
from madi.kernels import random
from madi.training.batches import READ_AHEAD, epoch_rows, read_ahead

from .common import ENGINES, assert_close, assert_same, fit, network, points, trainer, values


class Stream:
    """Batches made while they are asked for; counts how often it was begun."""

    def __init__(self, make):
        self.make, self.begun = make, 0

    def __iter__(self):
        self.begun += 1
        return iter(self.make())


def readers():
    return [thread for thread in threading.enumerate() if thread.name == "madi-read-ahead"]


def assert_no_reader(seconds=3.0):
    """The thread that reads ahead has ended."""
    end = time.monotonic() + seconds
    while readers() and time.monotonic() < end:
        time.sleep(0.02)
    assert not readers()


@pytest.mark.parametrize("engine", ENGINES)
def test_a_stream_of_the_same_batches_is_the_same_training(engine):
    x, y = points(50)

    class Epochs:
        """The batches that a fit on arrays takes, epoch after epoch; the first look at it is no epoch."""

        epoch = -1

        def __iter__(self):
            epoch, self.epoch = max(self.epoch, 0), self.epoch + 1
            return ((x[rows], y[rows]) for rows in epoch_rows(50, 10, random.key(0), epoch)[0])

    arrays, stream = (trainer(network(dropout=0.5), engine=engine, metrics=["accuracy"]) for _ in range(2))
    fit(arrays, (x, y), epochs=3)
    fit(stream, Epochs(), epochs=3)
    assert_close(values(stream.model), values(arrays.model), 0 if engine == "numpy" else 1e-6)
    for name in ("loss", "accuracy"):
        assert stream.history[name] == pytest.approx(arrays.history[name], rel=1e-6)
    assert stream.step == arrays.step == 15
    assert_no_reader()


def test_a_list_of_batches_of_any_size_with_weights():
    batches = [(x, y, np.full(len(x), 2.0)) for x, y in (points(4), points(7, seed=1))]
    own = trainer()
    history = fit(own, batches, epochs=2)
    assert own.step == 4
    assert history["loss"][0] == pytest.approx(np.dot(history.steps["loss"][:2], [4, 7]) / 11, rel=1e-6)


def test_a_pair_of_batches_is_no_pair_of_arrays():
    own = trainer()
    x, y = points(10)
    for data in ([(x, y), (x, y)], ((x, y), (x, y)), [(x, y)]):
        own.reset()
        fit(own, data)
        assert own.step == len(data)
    own.reset()
    fit(own, [x.tolist(), y.tolist()], batch_size=5)
    assert own.step == 2


def test_tuples_of_numbers_are_arrays():
    from madi.layers import Dense

    own = trainer(Dense(1), loss="sigmoid_binary_cross_entropy", optimizer=optimizers.SGD(1.0))
    fit(own, (((0, 0), (0, 1), (1, 0), (1, 1)), (0, 0, 0, 1)), epochs=300)
    assert (own.model(np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)).value[:, 0] > 0).tolist() == [0, 0, 0, 1]


def test_evaluate_takes_batches_even_from_a_generator():
    own, (x, y) = trainer(metrics=["accuracy"]), points(20)
    expected = own.evaluate((x, y))
    assert own.evaluate((x[i : i + 7], y[i : i + 7]) for i in range(0, 20, 7)) == expected
    weight = np.arange(20.0)
    parts = [(x[:5], y[:5], weight[:5]), (x[5:], y[5:], weight[5:])]
    assert own.evaluate(parts) == own.evaluate((x, y), sample_weight=weight)
    with pytest.raises(DataError, match=r"^evaluate: 1 of 2 batches have weights; give all of them or none\.$"):
        own.evaluate([(x, y, weight), (x, y)])


def test_a_stream_may_fill_one_buffer_again_and_again():
    x, y = points(30)
    buffer, labels = np.empty((10, 6), np.float32), np.empty(10, np.int32)

    def refill():
        for start in (0, 10, 20):
            buffer[:], labels[:] = x[start : start + 10], y[start : start + 10]
            yield buffer, labels

    one, two = trainer(), trainer()
    fit(one, Stream(refill))
    fit(two, [(x[start : start + 10], y[start : start + 10]) for start in (0, 10, 20)])
    assert_same(values(one.model), values(two.model))


@pytest.mark.parametrize(
    ("second", "error", "message"),
    [
        ((np.full((10, 6), np.nan), np.zeros(10, int)), DataError,
         r"^batch: x: 60 values are NaN or infinite, the first nan at \(0, 0\)\. Fill or drop them\.$"),
        ((np.zeros((10, 6)), np.full(10, 3)), DataError,
         r"^batch: y: expected labels from 0 to 2 for 3 classes, got 3 in row 0 and 9 more\. "),
        ((np.zeros((10, 5)), np.zeros(10, int)), ShapeError,
         r"^Dense '0': expected inputs of size 6 on the last axis, got \(10, 5\)\. Give it 6 features, "),
    ],
)  # fmt: skip
def test_every_batch_is_checked(second, error, message):
    """The steps before it are kept."""
    own = trainer()
    with pytest.raises(error, match=message):
        fit(own, [points(10), second])
    assert own.step == 1
    assert_no_reader()


def test_an_error_within_the_stream_comes_out_as_it_is():
    def broken():
        yield points(10)
        raise OSError("disk on fire")

    own = trainer()
    with pytest.raises(OSError, match=r"^disk on fire$"):
        fit(own, Stream(broken))
    assert own.step == 1
    assert_no_reader()


def test_a_stream_that_gives_nothing_in_the_second_epoch():
    batches = iter([points(10), points(10, seed=1)])
    own = trainer()
    with pytest.raises(DataError, match=(
        r"^epoch 2: the iterable gave no batches\. One that can be gone through only once serves one epoch: "
        r"pass a list of batches, or an object whose __iter__ starts anew\.$"
    )):  # fmt: skip
        fit(own, Stream(lambda: batches), epochs=3)
    assert own.epoch == 1
    assert len(own.history) == 1


def test_the_thread_ends_when_the_fit_is_stopped_early():
    def endless():
        while True:
            yield points(10)

    own = trainer()
    engine = own._engine(1, 1, None)
    train, calls = engine.train, []

    def limited(*arguments):
        calls.append(1)
        if len(calls) == 4:
            raise ZeroDivisionError
        return train(*arguments)

    engine.train = limited
    with pytest.raises(ZeroDivisionError) as held:  # the traceback keeps the frames: the thread must end all the same
        fit(own, Stream(endless))
    assert_no_reader()
    assert held


def test_reading_ahead_goes_no_further_than_it_says():
    taken = []

    def source():
        for number in range(100):
            taken.append(number)
            yield number

    batches = read_ahead(source(), lambda entry: entry * 10)
    assert next(batches) == 0
    time.sleep(0.3)
    assert len(taken) <= 1 + READ_AHEAD + 1  # given out, waiting, in the reader's hand
    assert list(batches) == [10 * number for number in range(1, 100)]
    assert_no_reader()


def test_each_epoch_goes_through_the_stream_once():
    stream = Stream(lambda: [points(10), points(10, seed=1)])
    fit(trainer(), stream, epochs=3)
    assert stream.begun == 1 + 3  # the first look


@pytest.mark.parametrize("count", [2])
def test_batches_of_one_shape_compile_one_program(count):
    own = trainer(engine="jax")
    fit(own, [points(10, seed=seed) for seed in range(4)], epochs=count)
    assert own._engines["jax"].compilations == 1


def test_a_shape_is_checked_once(monkeypatch):
    """Tracing a large network takes long: not for every batch."""
    from madi.training import trainer as module

    calls = []
    check = module.check_model
    monkeypatch.setattr(module, "check_model", lambda *a: (calls.append(a[2]), check(*a))[1])
    fit(trainer(), [points(10), points(10), points(5), points(10)], epochs=2)
    assert calls == [(10, 6), (5, 6)]


def test_batches_of_a_dataset_have_a_shape_and_are_no_array():
    x, y = points(50)

    class Halves(Batches):
        count, batch_size, shape = 50, 25, x.shape[1:]

        def __iter__(self):
            return iter([Split(x[:25], y[:25]), Split(x[25:], y[25:])])

        def set_epoch(self, epoch):
            self.epoch = epoch

    halves = Halves()
    one, other = trainer(network()), trainer(network())
    fit(one, halves, epochs=2)
    fit(other, [(x[:25], y[:25]), (x[25:], y[25:])], epochs=2)
    assert_same(values(one.model), values(other.model))
    assert halves.epoch == 1
