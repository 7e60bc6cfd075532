"""Training follows PyTorch step by step, and the two engines follow each other."""

import jax
import numpy as np
import pytest
import torch

from madi import optimizers
from madi.kernels import random
from madi.training.batches import epoch_rows

from .common import CLASSES, INPUTS, assert_close, fit, network, points, trainer, values

EXAMPLES, BATCH, EPOCHS = 50, 10, 4  # 20 steps

# Name in madi.optimizers: its rate here, and PyTorch's optimizer with the same meaning.
TORCH = {
    "sgd": (0.2, torch.optim.SGD, {}),
    "momentum": (0.05, torch.optim.SGD, {"momentum": 0.9}),
    "nesterov": (0.05, torch.optim.SGD, {"momentum": 0.9, "nesterov": True}),
    "adagrad": (0.1, torch.optim.Adagrad, {}),
    "rmsprop": (0.01, torch.optim.RMSprop, {}),
    "adam": (0.01, torch.optim.Adam, {}),
    "adamw": (0.01, torch.optim.AdamW, {}),
}


def torch_run(name, weights, *, weight_decay=0.0):
    """PyTorch's weights after 20 steps on madi's batches, and its losses of each step."""
    rate, optimizer_class, options = TORCH[name]
    model = torch.nn.Sequential(torch.nn.Linear(INPUTS, 8), torch.nn.ReLU(), torch.nn.Linear(8, CLASSES))
    leaves = {f"{layer}.{kind}": getattr(model[layer], kind) for layer in (0, 2) for kind in ("weight", "bias")}
    with torch.no_grad():
        for path, leaf in leaves.items():
            leaf.copy_(torch.tensor(weights[path].T))
    decays = {path: 0.0 if path.endswith("bias") else weight_decay for path in leaves}
    groups = [{"params": [leaf], "weight_decay": decays[path]} for path, leaf in leaves.items()]
    optimizer, losses = optimizer_class(groups, lr=rate, **options), []
    x, y = points(EXAMPLES)
    for epoch in range(EPOCHS):
        for rows in epoch_rows(EXAMPLES, BATCH, random.key(7), epoch)[0]:
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(model(torch.tensor(x[rows])), torch.tensor(y[rows]))
            loss.backward()
            optimizer.step()
            losses.append(float(loss.detach()))
    return {path: leaf.detach().numpy().T for path, leaf in leaves.items()}, losses


def run(name="sgd", *, engine="numpy", dtype="float32", model=None, data=None, **options):
    """madi's trainer after the same 20 steps."""
    rate = TORCH[name][0]
    own = trainer(model or network(), engine=engine, seed=7, dtype=dtype,
                  optimizer=optimizers.TABLE[name](rate, **options))  # fmt: skip
    fit(own, data or points(EXAMPLES), epochs=EPOCHS, batch_size=BATCH)
    return own


def test_every_optimizer_has_an_oracle():
    assert set(TORCH) == set(optimizers.TABLE)


@pytest.mark.parametrize("engine", ["numpy", "jax"])
@pytest.mark.parametrize("weight_decay", [0.0, 0.05])
@pytest.mark.parametrize("name", TORCH)
def test_20_steps_of_every_optimizer_along_pytorch(name, weight_decay, engine):
    theirs, losses = torch_run(name, values(network()), weight_decay=weight_decay)
    own = run(name, engine=engine, weight_decay=weight_decay)
    assert_close(values(own.model), theirs, 1e-4)
    assert own.step == len(own.history.steps["loss"]) == 20
    np.testing.assert_allclose(own.history.steps["loss"], losses, rtol=1e-4)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-9), ("float32", 1e-4)])
@pytest.mark.parametrize("name", ["sgd", "adam"])
def test_the_engines_follow_each_other_with_dropout_and_weights(name, dtype, tolerance):
    """Partial batches, clipping, dropout, weights of examples; dropout draws the same bits on both."""
    x, y = points(53)
    data = x, y, np.random.default_rng(2).random(53) + 0.1
    runs = [run(name, engine=engine, dtype=dtype, model=network(dropout=0.3), data=data, weight_decay=0.01,
                clip_norm=0.5) for engine in ("numpy", "jax")]  # fmt: skip
    assert runs[0].step == 24
    assert_close(values(runs[1].model), values(runs[0].model), tolerance)
    for found, expected in zip(*([own.history.steps["loss"] for own in runs]), strict=True):
        assert found == pytest.approx(expected, rel=tolerance)
    assert values(runs[1].model)["0.weight"].dtype == dtype


def test_the_engines_agree_on_every_number_of_the_history():
    rows = []
    for engine in ("numpy", "jax"):
        own = trainer(engine=engine, metrics=["accuracy", "f1", "top_3_accuracy", "auc"], seed=3)
        rows.append(fit(own, points(47), validation=points(33, seed=5), epochs=2).epochs[-1])
    assert list(rows[0]) == list(rows[1])
    for name in set(rows[0]) - {"seconds"}:
        assert rows[1][name] == pytest.approx(rows[0][name], rel=1e-5), name


def test_float64_needs_no_global_option():
    run(engine="jax", dtype="float64")
    assert not jax.config.jax_enable_x64
