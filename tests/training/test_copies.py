"""A fit copies weights and optimizer state no more often than it must; what it hands out and keeps stays apart."""

import copy
from itertools import product
from types import SimpleNamespace

import jax
import numpy as np
import pytest

from madi import Trainer, optimizers
from madi.errors import DivergenceError
from madi.graph import Parameter
from madi.kernels.arrays import is_jax
from madi.layers import BatchNorm, Dense, ReLU, Sequential
from madi.training import Callback, engines
from madi.training.engines import JaxEngine, NumPyEngine
from madi.training.ownership import held_alone

from .common import CLASSES, ENGINES, INPUTS, assert_same, fit, network, points, trainer, values

WEIGHT = "0.weight"


@pytest.fixture(params=["small", "large"])
def size(request, monkeypatch):
    """Both loops of the compiled engine; that of a large state writes the new one over the old."""
    if request.param == "large":
        monkeypatch.setattr(engines, "SMALL_STATE", -1)


def weight_of(own):
    return own.model.parameters()[WEIGHT].value


def address(array):
    return array.__array_interface__["data"][0]


# ---- what an engine gives away


def test_given_arrays_lie_where_the_devices_did():
    """Nothing is copied, they may be written into, and they outlive the device's own."""
    engine = JaxEngine()
    put = engine.put({"a": np.arange(6.0, dtype=np.float32).reshape(2, 3), "b": np.float32(2), "none": None})
    where = put["a"].unsafe_buffer_pointer()
    given = engine.give(put)
    del put
    assert [type(given[name]) for name in ("a", "b")] == [np.ndarray] * 2
    assert address(given["a"]) == where
    assert where % 16 == 0
    given["a"][0, 0] = 7
    assert given["a"].tolist() == [[7, 1, 2], [3, 4, 5]]
    assert given["b"].shape == ()
    assert given["b"] == 2
    assert given["none"] is None


def test_an_empty_array_is_given_as_a_copy():
    given = JaxEngine().give({"a": jax.numpy.zeros((0, 3))})["a"]
    assert type(given) is np.ndarray
    assert given.shape == (0, 3)


def test_numpys_engine_gives_copies():
    array = np.ones(3)
    given = NumPyEngine().give({"a": array})["a"]
    assert given is not array
    assert given.tolist() == [1, 1, 1]


def test_what_lies_on_the_device_is_put_as_it_is():
    engine = JaxEngine(dtype=np.float64)
    put = engine.put({"a": np.ones(3)})
    assert put["a"].dtype == np.float64
    assert engine.put(put)["a"] is put["a"]


# ---- the weights of a fit


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_model_gets_the_devices_own_memory(size, dtype, monkeypatch):
    """No copy of a weight is made at the end of a fit without callbacks."""
    own = trainer(engine="jax", dtype=dtype)
    fit(own)
    monkeypatch.setattr(engines, "aligned_copy", None)  # which `host` copies with
    fit(own, epochs=2)
    assert weight_of(own).dtype == dtype
    assert weight_of(own).flags.writeable


def test_a_view_of_a_weight_keeps_its_numbers_while_later_fits_write_on(size):
    own = trainer(engine="jax", optimizer="adam")
    fit(own)
    views = {path: parameter.value[:] for path, parameter in own.model.parameters().items()}
    before = values(own.model)
    fit(own, epochs=3)
    own.reset()
    fit(own)
    assert_same(views, before)


@pytest.mark.parametrize("engine", ENGINES)
def test_writing_into_a_weight_between_fits_counts(size, engine):
    """In place and by assignment are the same; both go on with the optimizer's state."""
    finals = []
    for in_place in (True, False):
        own = trainer(engine=engine, optimizer="adam")
        fit(own, epochs=2)
        if in_place:
            weight_of(own)[...] = 0
        else:
            own.model.parameters()[WEIGHT].value = np.zeros((INPUTS, 8), np.float32)
        fit(own)
        finals.append(values(own.model))
    assert_same(*finals)
    untouched = trainer(engine=engine, optimizer="adam")
    fit(untouched, epochs=3)
    assert (values(untouched.model)[WEIGHT] != finals[0][WEIGHT]).any()


# ---- the optimizer's state


def test_the_state_of_the_optimizer_stays_on_the_device(size):
    own = trainer(engine="jax", optimizer="adam")
    fit(own)
    first = own._optimizer_state["mean"][WEIGHT]
    assert is_jax(first)
    fit(own)
    assert own._optimizer_state["step"] == 10


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_two_fits_are_one_long_fit_with_any_engines(size, dtype):
    """Also where the second fit is on the other engine, and takes over the state of the first."""
    finals = {}
    for names in product(ENGINES, repeat=2):
        own = trainer(optimizer="adam", dtype=dtype)
        for own.engine_name in names:
            fit(own, epochs=2)
        finals[names] = values(own.model)
    for name in ENGINES:
        whole = trainer(engine=name, optimizer="adam", dtype=dtype)
        fit(whole, epochs=4)
        assert_same(finals[name, name], values(whole.model))
    for path, value in finals["jax", "jax"].items():
        np.testing.assert_allclose(finals["jax", "numpy"][path], value, rtol=1e-3, atol=1e-5)
        np.testing.assert_allclose(finals["numpy", "jax"][path], value, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_copy_of_a_trainer_goes_on_by_itself(size, dtype):
    """The copy's fit leaves the state of the optimizer to the original."""
    own, whole = (trainer(engine="jax", optimizer="adam", dtype=dtype) for _ in range(2))
    fit(own)
    other = copy.copy(own)
    other.model = copy.deepcopy(own.model)
    other.history = copy.deepcopy(own.history)
    fit(other)
    fit(own)
    fit(whole, epochs=2)
    assert_same(values(own.model), values(whole.model))
    assert_same(values(other.model), values(whole.model))


# ---- the first values


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("callbacks", [[], [Callback()]])
def test_reset_goes_back_to_the_first_values_whatever_is_written_later(size, engine, callbacks):
    """Into the arrays before the first fit, after it, and after a reset."""
    own = trainer(Sequential(Dense(8), BatchNorm(), ReLU(), Dense(CLASSES)).build((INPUTS,), seed=2), engine=engine)
    own.model.freeze("3")
    held = weight_of(own)
    view = own.model.parameters()["0.bias"].value[:4]
    first, statistics = values(own.model), copy.deepcopy(dict(own.model.state()))
    fit(own, callbacks=callbacks)
    held[...] = view[...] = 5
    for _ in range(2):
        for parameter in own.model.parameters().values():
            parameter.value[...] = 3
        own.reset()
        assert_same(values(own.model), first)
        assert_same(dict(own.model.state()), statistics)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("moment", ["on_fit_begin", "on_epoch_begin", "on_epoch_end", "on_fit_end"])
def test_reset_goes_back_before_what_callbacks_write(engine, moment):
    def write(self, trainer, *arguments):
        weight_of(trainer)[...] = 4

    own = trainer(engine=engine)
    first = values(own.model)
    fit(own, callbacks=[type("Write", (Callback,), {moment: write})()])
    own.reset()
    assert_same(values(own.model), first)


def test_reset_goes_back_before_what_a_stream_writes():
    own = trainer()
    first = values(own.model)

    class Batches:
        def __iter__(self):
            yield points(10)
            weight_of(own)[...] = 4
            yield points(10)

    fit(own, Batches())
    own.reset()
    assert_same(values(own.model), first)


def test_first_values_that_nobody_else_holds_are_not_copied():
    """They are the arrays that the model had: the fit gives it others."""
    own = trainer(engine="jax")
    held = weight_of(own)
    addresses = {path: address(parameter.value) for path, parameter in own.model.parameters().items()}
    fit(own)
    kept = {path: address(value) for path, value in own._first_values.items()}
    assert {path for path in kept if kept[path] == addresses[path]} == set(addresses) - {WEIGHT}
    assert address(held) == addresses[WEIGHT]  # this one is held, and was copied


@pytest.mark.parametrize("hold", [
    lambda array: array, lambda array: array[:1], lambda array: array.T, lambda array: memoryview(array),
    lambda array: Parameter(array), lambda array: jax.device_put(array), lambda array: array.base,
])  # fmt: skip
def test_an_array_is_held_by_whoever_can_reach_its_memory(hold):
    memory = np.zeros(64 + 32, np.float32)
    start = -address(memory) % 64 // 4
    parameter = Parameter(memory[start : start + 32].reshape(4, 8))
    del memory
    assert held_alone(parameter)
    other = hold(parameter.value)
    assert not held_alone(parameter)
    del other


@pytest.mark.parametrize("value", [np.zeros(2), np.zeros((3, 2))[1:], np.float32(3), np.zeros(())])
def test_a_fresh_parameter_holds_its_array_alone(value):
    parameter = Parameter(np.array(value))
    del value
    assert held_alone(parameter)


@pytest.mark.parametrize("value", [jax.numpy.zeros(2), np.frombuffer(bytearray(8), np.float32)])
def test_memory_of_others_is_never_ones_own(value):
    parameter = Parameter(value)
    del value
    assert not held_alone(parameter)


# ---- an end in disorder


def test_a_divergence_leaves_the_last_finite_weights_and_a_state_to_go_on_with(size):
    own = Trainer(network(), optimizer=optimizers.Momentum(0.01), loss="softmax_cross_entropy", engine="jax")
    fit(own)
    before = values(own.model)
    weight_of(own)[0, 0] = np.inf
    with pytest.raises(DivergenceError, match=r"0"):
        fit(own)
    own.restore(before)
    fit(own)
    assert np.isfinite(own.history.steps["loss"]).all()


def test_every_compilation_hands_its_memory_back(monkeypatch):
    told = []
    monkeypatch.setattr(engines, "_hand_back_free_memory", lambda: told.append(1))
    fit(trainer(engine="jax"), points(25), epochs=2)
    assert told == [1, 1]  # one program for batches of 10, one for the last 5


@pytest.mark.parametrize(("able", "platform", "expected"), [
    (True, "linux", [0]), (False, "linux", []), (True, "win32", []),
])  # fmt: skip
def test_memory_is_handed_back_where_the_c_library_can(able, platform, expected, monkeypatch):
    told = []
    library = SimpleNamespace(malloc_trim=told.append) if able else SimpleNamespace()
    with monkeypatch.context() as patch:
        patch.setattr(engines, "ctypes", SimpleNamespace(CDLL=lambda name: library))
        patch.setattr(engines, "sys", SimpleNamespace(platform=platform))
        engines._hand_back_free_memory()
    assert told == expected
