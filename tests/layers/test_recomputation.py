"""Recomputation: the layer's own values and gradients, each of its effects once, and less memory."""

import copy
import re

import jax
import numpy as np
import pytest

import madi
import madi.functions as F
from madi import Trainer, Variable, optimizers
from madi.errors import ConfigurationError, DivergenceError
from madi.kernels import random
from madi.layers import (
    Auxiliary,
    BatchNorm,
    Conv2D,
    Dense,
    Dropout,
    GlobalAveragePool,
    Recompute,
    ReLU,
    Residual,
    Sequential,
    observing_layers,
)

IMAGES = np.random.default_rng(0).random((24, 6, 6, 2), dtype=np.float32)
LABELS = np.arange(24) % 3
KEY = random.key(0)


def same(layer):
    """The layer itself."""
    return layer


def network(wrap, *, classes=3):
    """Two residual blocks with batch norm and dropout; `wrap` is put around each."""

    def block():
        body = Sequential(Conv2D(4, 3, bias=False), BatchNorm(), Dropout(0.3), ReLU())
        return wrap(Sequential(Residual(body), ReLU()))

    model = Sequential(Conv2D(4, 3), block(), block(), GlobalAveragePool(), Dense(classes))
    model.build((6, 6, 2), seed=0)
    for number, layer in enumerate(layer for _, layer in model.walk() if isinstance(layer, Dropout)):
        layer.stream = number  # dropout draws by path, and a wrapper adds to it
    return model


def pair():
    """The network plain, and the same one recomputed, with the same weights."""
    plain, wrapped = network(same), network(Recompute)
    for ours, theirs in zip(wrapped.parameters().values(), plain.parameters().values(), strict=True):
        ours.value = theirs.value.copy()
    return plain, wrapped


def all_values(model):
    """Weights and running statistics, in order."""
    return [*(np.asarray(p.value) for p in model.parameters().values()), *map(np.asarray, model.state().values())]


@pytest.mark.parametrize(("engine", "tolerance"), [("numpy", 0), ("jax", 1e-6)])
def test_training_is_that_of_the_layer_itself(engine, tolerance):
    """On NumPy to the last bit; running statistics move once a step; dropout draws the same in both runs."""
    runs = []
    for model in pair():
        own = Trainer(model, engine=engine, optimizer=optimizers.Momentum(0.05), metrics=["accuracy"])
        own.fit((IMAGES, LABELS), epochs=3, batch_size=8, verbose=0)
        runs.append(own)
    for found, expected in zip(all_values(runs[1].model), all_values(runs[0].model), strict=True):
        np.testing.assert_allclose(found, expected, rtol=tolerance, atol=10 * tolerance)
    assert runs[1].history.steps["loss"] == pytest.approx(runs[0].history.steps["loss"], rel=1e-5)
    assert runs[1].evaluate((IMAGES, LABELS)) == pytest.approx(runs[0].evaluate((IMAGES, LABELS)), rel=1e-5)


def test_gradients_by_central_differences():
    layer = Sequential(Dense(4), Dropout(0.4), Recompute(Sequential(Dense(3), BatchNorm())), Dense(2)).build((3,))
    recomputed = Recompute(layer)

    def f(x):
        return F.sum(recomputed(x, training=True, key=KEY) ** 2.0)

    madi.check_gradients(f, np.random.default_rng(1).normal(size=(5, 3)))


def test_nothing_within_is_kept():
    """The graph of a call is one node, with x and the weights before it."""
    block = Recompute(Sequential(Dense(4), ReLU(), Dense(2))).build((3,), seed=0)
    x = Variable(np.ones((5, 3), np.float32))
    y = block(x, training=True)
    assert type(y.creator).__name__ == "Recomputation"
    assert y.creator.inputs == (x, *block.parameters().values())
    assert {entry.creator for entry in y.creator.inputs} == {None}


def step_memory(model, shape, batch):
    """Bytes that one compiled training step needs besides its arguments and results."""
    own = Trainer(model, engine="jax")
    engine, found = own._engine(10**9, 1), []
    compile_ = engine._compile

    def look(function, arguments):
        program = compile_(function, arguments)
        found.append(program.memory_analysis().temp_size_in_bytes)
        return program

    engine._compile = look
    own.fit((np.zeros((batch, *shape), np.float32), np.arange(batch) % 3), batch_size=batch, verbose=0)
    return found[0]


def test_a_step_needs_less_memory():
    """Eight groups of four layers: of 32 outputs (and of as many after ReLU) about 8 + 8 are there at once."""

    def deep(wrap):
        groups = [wrap(Sequential(*[layer for _ in range(4) for layer in (Dense(64), ReLU())])) for _ in range(8)]
        return Sequential(Dense(64), *groups, Dense(3))

    plain, less = (step_memory(deep(wrap), (64,), 1024) for wrap in (same, Recompute))
    assert plain > 1024 * 64 * 4 * 60
    assert less < 0.4 * plain


def test_a_step_of_images_needs_less_memory():
    def deep(wrap):
        body = [layer for _ in range(2) for layer in (Conv2D(8, 3), BatchNorm(), ReLU())]
        blocks = [wrap(copy.deepcopy(Sequential(Residual(Sequential(*body)), ReLU()))) for _ in range(6)]
        return Sequential(Conv2D(8, 3), *blocks, GlobalAveragePool(), Dense(3))

    plain, less = (step_memory(deep(wrap), (16, 16, 3), 64) for wrap in (same, Recompute))
    assert less < 0.5 * plain


@pytest.mark.parametrize("compiled", [False, True])
def test_every_layer_is_seen_once(compiled):
    """Whoever watches the layers does not see the second run."""
    model, seen = network(Recompute), []
    own = Trainer(model, engine="jax" if compiled else "numpy")
    own.fit((IMAGES, LABELS), epochs=0, verbose=0)
    with observing_layers(lambda layer, x, y: seen.append(layer.path)):
        own.fit((IMAGES, LABELS), batch_size=24, verbose=0)
    assert {seen.count(path) for path, _ in model.walk()} == {seen.count("0")}


def test_running_statistics_move_once():
    layer = BatchNorm().build((3,))
    block = Recompute(Sequential(layer)).build((3,))
    x = np.random.default_rng(0).normal(size=(10, 3)).astype(np.float32)
    y = block(Variable(x), training=True)
    expected = 0.1 * x.mean(axis=0)
    np.testing.assert_allclose(layer.mean, expected, atol=1e-6)
    F.sum(y * y).backward()
    np.testing.assert_allclose(layer.mean, expected, atol=1e-6)


def test_frozen_weights_and_inputs_without_gradients():
    block = Recompute(Sequential(Dense(4), Dense(2))).build((3,), seed=0)
    block.freeze("layer.0")
    F.sum(block(np.ones((5, 3), np.float32), training=True)).backward()
    grads = {path: parameter.grad is not None for path, parameter in block.parameters().items()}
    assert grads == {
        "layer.0.weight": False, "layer.0.bias": False, "layer.1.weight": True, "layer.1.bias": True
    }  # fmt: skip


def test_a_weight_that_is_used_twice():
    shared = Dense(3).build((3,), seed=0)
    x = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    grads = []
    for wrap in (same, Recompute):
        block = wrap(Sequential(shared, ReLU(), shared)).ensure_built((3,))
        F.sum(block(x, training=True) ** 2.0).backward()
        grads.append(shared.weight.grad)
    np.testing.assert_array_equal(grads[0], grads[1])


def test_inference_runs_the_layer_itself():
    plain, wrapped = pair()
    np.testing.assert_array_equal(wrapped(IMAGES).value, plain(IMAGES).value)
    assert type(Recompute(Dense(2).build((3,)))(Variable(np.ones((1, 3)))).creator).__name__ == "Affine"


def test_a_first_call_in_training_builds_it():
    block = Recompute(Sequential(Dense(4), Dense(2)))
    assert block(np.ones((5, 3), np.float32), training=True).shape == (5, 2)
    assert list(block.parameters()) == ["layer.0.weight", "layer.0.bias", "layer.1.weight", "layer.1.bias"]


def test_a_summary_counts_it_once():
    plain, wrapped = (network(wrap).summary() for wrap in (same, Recompute))
    assert wrapped.multiply_adds == plain.multiply_adds > 0
    assert wrapped.parameters == plain.parameters


def test_it_is_saved_and_loaded(tmp_path):
    model = network(Recompute)
    madi.save(model, tmp_path / "m.safetensors")
    found = madi.load(tmp_path / "m.safetensors")
    assert [type(layer) for _, layer in found.walk()] == [type(layer) for _, layer in model.walk()]
    np.testing.assert_array_equal(found(IMAGES).value, model(IMAGES).value)


def test_in_bfloat16():
    losses = []
    for model in pair():
        own = Trainer(model, engine="jax", precision="bfloat16")
        losses.append(own.fit((IMAGES, LABELS), epochs=2, batch_size=8, verbose=0)["loss"])
    assert losses[1] == pytest.approx(losses[0], rel=0.01)


def test_a_divergence_is_named():
    own = Trainer(network(Recompute), engine="jax", optimizer=optimizers.SGD(1e30))
    with pytest.raises(DivergenceError, match=r"^Training diverged in step "):
        own.fit((IMAGES, LABELS), epochs=5, batch_size=8, verbose=0)


def test_gradients_are_those_of_jax(monkeypatch):
    """A network of layers as one function, differentiated by JAX, which cannot see into the compiled kernels."""
    monkeypatch.setenv("MADI_KERNELS", "off")
    block = Recompute(Sequential(Dense(4), BatchNorm(), ReLU(), Dense(2))).build((3,), seed=0)
    weights = {path: parameter.value for path, parameter in block.parameters().items()}
    x = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)

    def loss(values):
        y, _ = block.layer.apply({p.removeprefix("layer."): v for p, v in values.items()}, block.layer.state(), x,
                                 training=True)  # fmt: skip
        return (y.value**2).sum()

    @jax.jit
    def ours(values):
        leaves = {path: madi.graph.Parameter(value) for path, value in values.items()}
        y, _ = block.apply(leaves, block.state(), jax.numpy.asarray(x), training=True)
        found = madi.graph.gradients(F.sum(y * y), jax.numpy.ones((), np.float32))
        return {path: found[leaf] for path, leaf in leaves.items()}

    expected = jax.grad(loss)({path: jax.numpy.asarray(value) for path, value in weights.items()})
    for path, found in ours(weights).items():
        np.testing.assert_allclose(found, expected[path], rtol=1e-4, atol=1e-5)


def test_an_auxiliary_head_within_is_refused():
    block = Recompute(Sequential(Dense(4), Auxiliary(Dense(3)), Dense(2))).build((3,))
    message = (
        "Recompute: expected a layer with one output, got an auxiliary head within, '1'. "
        "Recompute what lies before and behind it."
    )
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
        block(np.ones((5, 3), np.float32), training=True)


def test_what_is_no_layer_is_refused():
    message = f"Recompute: expected layers, got {ReLU!r}. A class is given; call it: ReLU()."
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
        Recompute(ReLU)
