"""What every layer does: build, call, bind, freeze, replace; layers of the user's own among madi's."""

from __future__ import annotations

import copy

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import madi.functions as F
from madi.errors import ConfigurationError, ShapeError, UnknownNameError
from madi.graph import Parameter, Variable, check_gradients
from madi.kernels import random
from madi.layers import Dense, Dropout, Flatten, Layer, ReLU, Sequential, observing_layers, running_layers

X = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)


class Scale(Layer):
    """Parameters of its own and nothing else."""

    def build(self, shape, key):
        self.factor = Parameter(np.full(shape[-1:], 2, np.float32))

    def __call__(self, x):
        return x * self.factor


class Pair(Layer):
    """Only holds other layers: in an attribute, a list and a dictionary."""

    def __init__(self):
        self.first = Dense(4)
        self.rest = [Dense(3), ReLU()]
        self.heads = {"a": Dense(2), "b": Dense(2)}

    def __call__(self, x, *, training=False, key=None):
        for layer in (self.first, *self.rest):
            x = layer(x, training=training, key=key)
        return self.heads["a"](x) + self.heads["b"](x)


class Everything(Layer):
    """Parameters, a running count, a layer from the constructor, layers from build, dropout."""

    states = ("seen",)

    def __init__(self):
        self.factor = None
        self.inner = Dense(4)

    def build(self, shape, key):
        self.factor = Parameter(random.generator(key).normal(size=shape).astype(np.float32))
        self.seen = np.zeros((), np.float32)
        self.late, self.later, self.drop = Dense(4), Dense(4), Dropout(0.5)

    def __call__(self, x, *, training=False, key=None):
        if training:
            self.seen = self.seen + 1
        x = self.later(self.late(self.inner(x * self.factor)))
        return self.drop(x, training=training, key=key)


def mlp():
    return Sequential(Dense(6), ReLU(), Dropout(0.5), Dense(3))


def values(layer):
    return {path: np.asarray(parameter.value) for path, parameter in layer.parameters().items()}


def assert_same(one, other):
    assert list(one) == list(other)
    for path in one:
        np.testing.assert_array_equal(one[path], other[path], err_msg=path)


# ---- building


@pytest.mark.parametrize("make", [mlp, Pair, Everything, lambda: Sequential(Everything(), Pair())])
def test_the_same_seed_gives_the_same_bits(make):
    model = make().build((4,), seed=3)
    first = values(model)
    assert_same(first, values(make().build((4,), seed=3)))
    assert_same(first, values(model.build((4,), seed=3)))
    other = values(make().build((4,), seed=4))
    assert any((first[path] != other[path]).any() for path in first)


def test_the_first_call_builds_with_seed_0_as_build_does():
    called = mlp()
    called(X)
    assert_same(values(called), values(mlp().build((4,))))
    assert called.input_shape == (4,)


def test_weights_do_not_depend_on_what_was_built_before():
    alone = values(mlp().build((4,), seed=1))
    Pair().build((9,), seed=8)
    mlp()(X)
    assert_same(alone, values(mlp().build((4,), seed=1)))


def test_layers_of_one_model_start_differently():
    model = Sequential(Dense(4), Dense(4), Everything()).build((4,))
    weights = [value for path, value in values(model).items() if path.endswith("weight")]
    assert len(weights) == 5
    assert len({weight.tobytes() for weight in weights}) == 5


def test_layers_made_in_build_have_paths_and_bits_of_their_own():
    model = Sequential(Everything(), Everything()).build((4,))
    paths = [path for path, layer in model.walk() if layer.path == path]
    assert paths == [path for path, _ in model.walk()]
    assert len({layer.stream for _, layer in model.walk()}) == len(paths)


def test_shapes_are_inferred():
    model = Sequential(Flatten(), Dense(6), ReLU(), Dense(3)).build((2, 2, 1))
    assert {path: p.shape for path, p in model.parameters().items()} == {
        "1.weight": (4, 6), "1.bias": (6,), "3.weight": (6, 3), "3.bias": (3,)
    }  # fmt: skip
    assert model.output_shape() == (3,)
    assert Sequential(ReLU(), Flatten()).output_shape((2, 3)) == (6,)
    assert all(parameter.dtype == np.float32 for parameter in model.parameters().values())


def test_a_build_that_failed_leaves_the_layer_unbuilt():
    model = Sequential(Dense(3))
    with pytest.raises(ShapeError):
        model(X[:, 0])
    assert model(X).shape == (5, 3)
    assert (model.input_shape, model[0].input_shape) == ((4,), (4,))


def test_layers_that_have_weights_keep_them_in_a_new_model_until_it_is_built_anew():
    body = Sequential(Dense(6), ReLU()).build((4,), seed=9)
    before = values(body)
    model = Sequential(body, Dense(2))
    model(X)
    assert_same(before, values(body))
    assert list(model.parameters()) == ["0.0.weight", "0.0.bias", "1.weight", "1.bias"]
    model.ensure_built((4,))
    assert_same(before, values(body))
    model.build((4,), seed=1)
    assert (values(body)["0.weight"] != before["0.weight"]).any()


def test_a_layer_with_parameters_of_its_own_keeps_the_weights_within():
    outer = Everything()
    outer.inner.build((4,), seed=9)
    before = values(outer.inner)
    outer(X)
    assert_same(before, values(outer.inner))


def test_an_explicit_build_builds_what_is_within():
    model = Everything().build((4,))
    assert [path for path, layer in model.walk() if layer.input_shape is None] == []
    assert "inner.weight" in model.parameters()


# ---- a user's own layers


@pytest.mark.parametrize("library", [np, jnp], ids=["numpy", "jax"])
def test_a_layer_with_build(library):
    y = Sequential(Scale(), Scale())(library.asarray(X))
    np.testing.assert_array_equal(y.value, 4 * X)
    assert isinstance(y.value, type(library.asarray(X)))


def test_a_layer_without_build():
    model = Pair().build((4,))
    assert list(model.parameters()) == [
        *("first.weight", "first.bias", "rest.0.weight", "rest.0.bias"),
        *("heads.a.weight", "heads.a.bias", "heads.b.weight", "heads.b.bias"),
    ]
    w = values(model)
    hidden = np.maximum((X @ w["first.weight"]) @ w["rest.0.weight"], 0)
    np.testing.assert_allclose(
        model(X).value, hidden @ w["heads.a.weight"] + hidden @ w["heads.b.weight"], rtol=1e-5, atol=1e-6
    )


def test_a_layer_that_asks_for_training_and_key_is_given_them():
    model = Sequential(Everything(), Dense(2)).build((4,))
    key = random.key(0)
    trained = [model(X, training=True, key=random.fold_in(key, i)).value for i in range(2)]
    assert (trained[0] != trained[1]).any()
    np.testing.assert_array_equal(model(X).value, model(X).value)


def test_a_layer_without_a_call_says_so():
    class Empty(Layer):
        pass

    with pytest.raises(NotImplementedError, match=r"^Empty defines no __call__\(self, x\)$"):
        Empty()(X)


def test_the_arguments_of_the_outermost_constructor_are_kept():
    class Wide(Dense):
        def __init__(self):
            super().__init__(7, bias=False)

    class Any(Layer):
        def __init__(self, *sizes, name="x", **rest):
            self.sizes = sizes

    assert dict(Wide().arguments) == {}
    assert dict(Dense(3, bias=False).arguments) == {"units": 3, "bias": False}
    assert Any(1, 2, more=3).arguments == {"sizes": (1, 2), "rest": {"more": 3}}
    assert dict(ReLU().arguments) == {}
    assert (
        repr(Sequential(Dense(3, bias=False), Dropout())) == "Sequential(Dense(units=3, bias=False), Dropout(rate=0.5))"
    )


# ---- the pure call


@pytest.mark.parametrize("make", [mlp, lambda: Sequential(Everything(), Pair())])
def test_apply_changes_nothing_and_traces_without_leaks(make):
    model = make().build((4,))
    before, state = values(model), copy.deepcopy(model.state())
    attributes = [dict(vars(layer)) for _, layer in model.walk()]

    def run(parameters, state, x, key):
        y, after = model.apply(parameters, state, x, training=True, key=key)
        return y.value, after

    with jax.check_tracer_leaks():
        compiled, _ = jax.jit(run)(values(model), state, X, jnp.asarray(random.key(5)))
    eager, after = run(values(model), state, X, random.key(5))
    np.testing.assert_allclose(compiled, eager, rtol=1e-5, atol=1e-6)
    assert_same(before, values(model))
    for was, (_, layer) in zip(attributes, model.walk(), strict=True):
        assert was.keys() == vars(layer).keys()
        assert all(value is vars(layer)[name] for name, value in was.items())
    assert {path: float(value) for path, value in after.items()} == dict.fromkeys(state, 1.0)


def test_apply_uses_the_values_it_is_given():
    model = Sequential(Dense(3)).build((4,))
    zeros = {path: np.zeros_like(value) for path, value in values(model).items()}
    y, _ = model.apply({**zeros, "0.bias": np.float32([1, 2, 3])}, {}, X)
    np.testing.assert_array_equal(y.value, np.tile(np.float32([1, 2, 3]), (5, 1)))


def test_apply_takes_numbers_as_values():
    model = Sequential(Dropout(0.5)).build((4,))
    assert model.hyperparameters() == {"0.rate": 0.5}
    y, _ = model.apply({}, {}, X, training=True, key=random.key(0), numbers={"0.rate": 0.0})
    np.testing.assert_array_equal(y.value, X)
    assert model[0].rate == 0.5


def test_apply_needs_a_built_layer():
    message = r"^Sequential is not built yet: call build\(shape of one example\) first\.$"
    with pytest.raises(ShapeError, match=message):
        Sequential(Dense(3)).apply({}, {}, X)


# ---- gradients


def test_gradients_of_a_model_agree_with_central_differences():
    model = Sequential(Dense(6, initializer="xavier"), ReLU(), Dense(3)).build((4,))
    names, labels = list(model.parameters()), np.array([0, 1, 2, 0, 1])

    def loss(*parameters):
        y, _ = model.apply(dict(zip(names, parameters, strict=True)), {}, X)
        return F.softmax_cross_entropy(y, labels)

    report = check_gradients(loss, *values(model).values())
    assert len(report.inputs) == 4


@pytest.mark.parametrize("library", [np, jnp], ids=["numpy", "jax"])
def test_gradients_of_a_model_agree_with_pytorch(library):
    torch = pytest.importorskip("torch")
    model = Sequential(Dense(6), ReLU(), Dense(3)).build((4,))
    labels = np.array([0, 1, 2, 0, 1])
    loss = F.softmax_cross_entropy(model(library.asarray(X)), library.asarray(labels))
    loss.backward()

    leaves = {name: torch.tensor(value, requires_grad=True) for name, value in values(model).items()}
    hidden = torch.relu(torch.tensor(X) @ leaves["0.weight"] + leaves["0.bias"])
    expected = torch.nn.functional.cross_entropy(hidden @ leaves["2.weight"] + leaves["2.bias"], torch.tensor(labels))
    expected.backward()
    assert float(loss) == pytest.approx(float(expected.detach()), rel=1e-5)
    for name, parameter in model.parameters().items():
        np.testing.assert_allclose(parameter.grad, leaves[name].grad, rtol=1e-4, atol=1e-6, err_msg=name)


def test_a_shared_layer_appears_once_and_gathers_both_gradients():
    shared = Dense(4, bias=False)
    model = Sequential(shared, shared).build((4,))
    assert list(model.parameters()) == ["0.weight"]
    assert shared.path == "0"
    model(X).backward(np.ones((5, 4), np.float32))
    # y = x W W:  gW = xᵀ (gy Wᵀ) + (x W)ᵀ gy
    w, gy = shared.weight.value, np.ones((5, 4), np.float32)
    np.testing.assert_allclose(shared.weight.grad, X.T @ (gy @ w.T) + (X @ w).T @ gy, rtol=1e-4, atol=1e-5)
    y, _ = model.apply({"0.weight": np.eye(4, dtype=np.float32)}, {}, X)
    np.testing.assert_array_equal(y.value, X)


# ---- changing a model


def test_freeze_and_unfreeze():
    model = mlp().build((4,))
    assert model.freeze("0") is model
    F.sum(model(X)).backward()
    assert {path: p.trainable for path, p in model.parameters().items()} == {
        "0.weight": False, "0.bias": False, "3.weight": True, "3.bias": True
    }  # fmt: skip
    assert model.parameters()["0.weight"].grad is None
    assert model.parameters()["3.weight"].grad is not None
    model.unfreeze()
    assert all(p.trainable for p in model.parameters().values())
    model.freeze("3.bias")
    assert [path for path, p in model.parameters().items() if not p.trainable] == ["3.bias"]
    model.freeze("1")


def test_replace_builds_the_new_layer_for_the_same_input():
    model = mlp().build((4,))
    before = values(model)
    assert model.replace("3", Dense(5)) is model
    assert model(X).shape == (5, 5)
    assert model.parameters()["3.weight"].shape == (6, 5)
    np.testing.assert_array_equal(model.parameters()["0.weight"].value, before["0.weight"])
    nested = Sequential(mlp(), Pair()).build((4,))
    nested.replace("1.heads.b", Dense(2)).replace("1.rest.0", Dense(3)).replace("0.3", Dense(3))
    assert nested(X).shape == (5, 2)
    assert all(layer.path == path for path, layer in nested.walk())


def test_replace_keeps_the_weights_of_a_trained_layer():
    trained = Dense(3).build((6,), seed=5)
    before = values(trained)
    assert_same(before, values(mlp().build((4,)).replace("3", trained)[3]))


def test_the_same_seed_replaces_by_the_same_weights():
    made = [values(mlp().build((4,)).replace("3", Dense(5), seed=2)) for _ in range(2)]
    assert_same(*made)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda m: m.freeze("head"), UnknownNameError,
         "Sequential: nothing is called 'head'. Known: 0, 1, 2, 3, 0.weight, 0.bias, 3.weight, 3.bias."),
        (lambda m: m.replace("0.wieght", Dense(3)), UnknownNameError,
         "Sequential: nothing is called '0.wieght'. Known: 0, 1, 2, 3."),
        (lambda m: m.freeze("0.wieght"), UnknownNameError,
         "Sequential: nothing is called '0.wieght'. Did you mean '0.weight'? "
         "Known: 0, 1, 2, 3, 0.weight, 0.bias, 3.weight, 3.bias."),
        (lambda m: mlp().freeze("3"), ShapeError,
         "Dense is not built yet: call build(shape of one example) first."),
        (lambda m: m.build((4,), seed=-1), ConfigurationError,
         "seed must be a whole number from 0 to 2**64 - 1, got -1. Try seed=0."),
    ],
)  # fmt: skip
def test_mistakes_are_named(call, error, message):
    with pytest.raises(error) as raised:
        call(mlp().build((4,)))
    assert str(raised.value) == message


# ---- observers


def test_observers_hear_of_inner_layers_first():
    model, heard = Sequential(Pair()).build((4,)), []

    def observer(layer, x, y):
        assert isinstance(x, Variable)
        heard.append((layer.path, y.shape, [outer.path for outer in running_layers()]))

    with observing_layers(observer):
        model(X)
    assert heard[0] == ("0.first", (5, 4), ["", "0"])
    assert heard[-2:] == [("0", (5, 2), [""]), ("", (5, 2), [])]
    heard.clear()
    model(X)
    assert (heard, running_layers()) == ([], ())


def test_dropout_in_a_layer_that_takes_no_training_is_refused():
    class Deaf(Layer):
        def __init__(self):
            self.drop = Dropout(0.5)

        def __call__(self, x):
            return self.drop(x)

    model = Sequential(Dense(3), Deaf()).build((2,))
    x = np.ones((4, 2), np.float32)
    assert model(x).shape == (4, 3)
    with pytest.raises(ConfigurationError, match=r"^Deaf '1': its __call__ takes no training, so Dropout 'drop'"):
        model(x, training=True, key=random.key(0))


def test_parameters_are_called_by_their_paths():
    model = Sequential(Dense(3), Sequential(Dense(2))).build((2,))
    assert [parameter.name for parameter in model.parameters().values()] == list(model.parameters())
