"""predict follows every change of a model, and goes over to the compiled program by itself."""

import copy
import pickle
import threading
from types import SimpleNamespace

import numpy as np
import pytest

import madi
from madi.graph import Parameter, Variable
from madi.layers import BatchNorm, Dense, Dropout, Layer, LeakyReLU, ReLU, Sequential
from madi.training.choice import inference_compilation, inference_seconds
from madi.training.inference import KEPT, Inference

from .common import CLASSES, INPUTS, fit, network, points, trainer


class Polynomial(Layer):
    """Reads all kinds of attributes: y = Σ c x^k over the exponents k, a table, a factor and two shifts."""

    def __init__(self):
        self.exponents = [1]
        self.table = np.ones(INPUTS, np.float32)
        self.options = {"factor": 2.0}
        self.object = SimpleNamespace(shift=0.0)
        self.constant = Variable(np.zeros(INPUTS, np.float32))

    def __call__(self, x):
        y = sum(x**power for power in self.exponents)
        return y * self.table * self.options["factor"] + self.object.shift + self.constant


class Stack(Layer):
    """Layers in a list, which may be edited in place."""

    def __init__(self):
        self.blocks = [Dense(INPUTS), Dense(INPUTS)]
        self.chosen = {"last": Dense(CLASSES)}

    def __call__(self, x):
        for block in self.blocks:
            x = block(x)
        return self.chosen["last"](x)


def built():
    model = Sequential(Dense(8), LeakyReLU(), BatchNorm(), Dropout(0.5), Dense(CLASSES)).build((INPUTS,), seed=1)
    model.parameters()["0.bias"].value[...] = 1
    return model


def follows(model, x):
    """The compiled prediction is what the model says now, which is returned."""
    expected = model(x).value
    np.testing.assert_allclose(madi.predict(model, x, engine="jax"), expected, rtol=1e-5, atol=1e-5)
    return expected


def zero_in_place(model):
    model.parameters()["0.weight"].value[...] = 0


def one_weight_in_place(model):
    model.parameters()["0.weight"].value[0, 0] += 1


def new_bias(model):
    model.parameters()["0.bias"].value = np.full(8, -3, np.float32)


def new_parameter(model):
    model.layers[0].bias = Parameter(np.full(8, 2, np.float32))


def no_bias(model):
    model.layers[0].bias = None


def statistics_in_place(model):
    model.layers[2].mean[...] = 3


def new_statistics(model):
    model.layers[2].variance = np.full(8, 9, np.float32)


def setting(model):
    model.layers[1].slope = 0.9


def behind_the_scenes(model):
    vars(model.layers[1])["slope"] = 0.9


def another_class(model):
    model.layers[1].__class__ = ReLU


def replaced(model):
    model.replace("4", Dense(2))


def other_layers(model):
    model.layers = model.layers[:1]


def built_again(model):
    model.build((INPUTS,), seed=7)


def trained(model):
    fit(trainer(model))


CHANGES = (
    zero_in_place, one_weight_in_place, new_bias, new_parameter, no_bias, statistics_in_place, new_statistics, setting,
    behind_the_scenes, another_class, replaced, other_layers, built_again, trained,
)  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_the_compiled_prediction_follows_a_change(change):
    model, (x, _) = built(), points(5)
    before = follows(model, x)
    change(model)
    after = follows(model, x)
    assert after.shape != before.shape or np.abs(after - before).max() > 1e-3


def test_aligned_weights_are_followed_too():
    """They are read where they lie."""
    model, (x, _) = built(), points(5)
    for parameter in model.parameters().values():
        parameter.value = madi.kernels.arrays.aligned_empty(parameter.shape, np.float32)
        parameter.value[...] = 0.5
    before = follows(model, x)
    zero_in_place(model)
    assert np.abs(follows(model, x) - before).max() > 1e-3


def test_what_leaves_the_outputs_alone():
    model, (x, _) = built(), points(5)
    before = follows(model, x)
    model.freeze("0").layers[3].rate = 0.1
    model.classes = ("a", "b", "c")
    np.testing.assert_array_equal(follows(model, x), before)
    assert len(Inference.of(model)._programs) == 1  # none of it compiles
    for change in (new_bias, new_statistics, built_again):
        change(model)
    follows(model, x)
    assert len(Inference.of(model)._programs) == 1


def edited_list(layer):
    layer.exponents.append(2)


def edited_array(layer):
    layer.table[0] = 5


def edited_dictionary(layer):
    layer.options["factor"] = 3.0


def new_constant(layer):
    layer.constant.value = np.ones(INPUTS, np.float32)


def constant_in_place(layer):
    layer.constant.value[...] = 1


def edited_object(layer):
    layer.object.shift = 1.0


EDITS = (edited_list, edited_array, edited_dictionary, edited_object, new_constant, constant_in_place)


@pytest.mark.parametrize("edit", EDITS)
def test_attributes_of_a_users_layer_edited_in_place(edit):
    layer, (x, _) = Polynomial().build((INPUTS,)), points(5)
    model = Sequential(layer).build((INPUTS,))
    before = follows(model, x)
    edit(layer)
    assert np.abs(follows(model, x) - before).max() > 1e-3


def test_lists_and_dictionaries_of_layers_edited_in_place():
    model, (x, _) = Stack().build((INPUTS,), seed=0), points(5)
    before = follows(model, x)
    del model.blocks[0]
    between = follows(model, x)
    model.chosen["last"] = Dense(CLASSES).build((INPUTS,), seed=9)
    after = follows(model, x)
    assert np.abs(between - before).max() > 1e-3
    assert np.abs(after - between).max() > 1e-3


def test_tied_weights_and_their_parting():
    first, second = Dense(INPUTS).build((INPUTS,), seed=1), Dense(INPUTS).build((INPUTS,), seed=2)
    second.weight = first.weight
    model, (x, _) = Sequential(first, second).build((INPUTS,)), points(5)
    second.weight = first.weight
    tied = follows(model, x)
    second.weight = Parameter(np.zeros((INPUTS, INPUTS), np.float32))
    assert np.abs(follows(model, x) - tied).max() > 1e-3


def test_two_models_in_turn():
    (x, _), models = points(5), [network(seed=seed) for seed in (0, 1)]
    for _ in range(3):
        for model in models:
            follows(model, x)
            model.parameters()["0.bias"].value[...] += 1


def test_copies_have_programs_of_their_own():
    model, (x, _) = built(), points(5)
    before = follows(model, x)
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model)), copy.copy(model)):
        np.testing.assert_array_equal(follows(twin, x), before)
        assert Inference.of(twin) is not Inference.of(model)
    twin = copy.deepcopy(model)
    zero_in_place(twin)
    assert np.abs(follows(twin, x) - before).max() > 1e-3
    np.testing.assert_array_equal(follows(model, x), before)


def test_outputs_belong_to_the_caller():
    """Even where the network passes its input on."""
    model, (x, _) = Sequential(Dropout(0.5)).build((INPUTS,)), points(5)
    kept = x.copy()
    found = madi.predict(model, x, engine="jax")
    found[...] = 0
    np.testing.assert_array_equal(x, kept)


def test_programs_of_old_settings_are_dropped():
    model, (x, _) = built(), points(5)
    for step in range(KEPT + 2):
        model.layers[1].slope = step / 10
        follows(model, x)
    assert len(Inference.of(model)._programs) == KEPT


# ---- NumPy first, then compiled


def shapes(model):
    """Of the batches that the model is compiled for."""
    return {shape for program in Inference.of(model)._programs.values() for shape in program.shapes}


def test_auto_stays_on_numpy_for_few_predictions_and_compiles_for_many():
    model, (x, _) = network(), points(5)
    layers, work = 4, INPUTS * 8 + 8 * CLASSES
    calls = int(inference_compilation(layers) / inference_seconds(layers, work, 5, 1))
    assert 100 < calls < 1000
    for _ in range(calls):
        madi.predict(model, x)
    assert not shapes(model)
    madi.predict(model, x)
    assert shapes(model) == {(5, (INPUTS,), np.dtype(np.float32))}
    madi.predict(model, x[:4])  # another shape counts for itself
    assert len(shapes(model)) == 1
    assert len(model.parameters()) == 4


def test_auto_takes_a_program_that_is_there(monkeypatch):
    model, (x, _) = network(), points(5)
    madi.predict(model, x, engine="jax")
    monkeypatch.setattr("madi.training.inference._eager", lambda model: pytest.fail("on NumPy"))
    np.testing.assert_allclose(madi.predict(model, x), model(x).value, rtol=1e-5, atol=1e-6)


def test_auto_compiles_for_a_big_job_at_once():
    model = Sequential(Dense(1000), Dense(CLASSES)).build((INPUTS,))
    madi.predict(model, np.zeros((500_000, INPUTS), np.float32), batch_size=1000)
    assert len(shapes(model)) == 1


def test_auto_starts_anew_with_another_setting():
    model, (x, _) = built(), points(5)
    madi.predict(model, x, engine="jax")
    setting(model)
    madi.predict(model, x)
    assert len(shapes(model)) == 1
    assert len(Inference.of(model)._programs) == 2


# ---- several threads


@pytest.mark.parametrize("engine", ["auto", "jax"])
def test_threads_may_ask_one_model_that_is_not_built_yet(engine):
    model, (x, _) = Sequential(Dense(8), ReLU(), Dense(CLASSES)), points(20)
    results, start = [], threading.Barrier(8)

    def ask():
        start.wait()
        for _ in range(20):
            results.append(madi.predict(model, x, engine=engine))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 160
    for found in results:
        np.testing.assert_allclose(found, model(x).value, rtol=1e-5, atol=1e-6)


def test_threads_ask_while_weights_change():
    """Each answer is that of one of the two sets of weights, which are exchanged whole."""
    model, (x, _) = Sequential(Dense(CLASSES, bias=False)).build((INPUTS,)), points(20)
    weight = model.parameters()["0.weight"]
    choices = [np.full((INPUTS, CLASSES), value, np.float32) for value in (1, 2)]
    weight.value = choices[0]
    expected, wrong, ended = [x @ choice for choice in choices], [], threading.Event()

    def ask():
        while not ended.is_set():
            found = madi.predict(model, x, engine="jax")
            if not any(np.allclose(found, each, rtol=1e-5, atol=1e-5) for each in expected):
                wrong.append(found)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for turn in range(300):
        weight.value = choices[turn % 2]
    ended.set()
    for thread in threads:
        thread.join()
    assert not wrong


# ---- weights that need no copy


@pytest.mark.parametrize("engine", ["numpy", "jax"])
def test_weights_that_madi_makes_begin_where_xla_reads_them(engine, tmp_path):
    model = network()
    fit(trainer(model, engine=engine))
    madi.save(model, tmp_path / "m.safetensors")
    for own in (network(), model, madi.load(tmp_path / "m.safetensors")):
        weights = [parameter.value for path, parameter in own.parameters().items() if path.endswith("weight")]
        assert [weight.ctypes.data % 64 for weight in weights] == [0, 0]
        assert all(weight.flags.writeable and weight.dtype == np.float32 for weight in weights)
