"""Every optimizer along PyTorch's trajectory: same start, same gradients, 20 steps, on both array libraries."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

from madi import optimizers, schedules

STEPS = 20
SHAPES = {"0.weight": (4, 3), "0.bias": (3,), "1.weight": (3, 1)}
DECAYS = {"0.weight": True, "0.bias": False, "1.weight": True}

# Name in madi.optimizers: its rate here, and PyTorch's optimizer with the same meaning and PyTorch's own defaults.
TORCH = {
    "sgd": (0.2, lambda groups, **options: torch.optim.SGD(groups, **options)),
    "momentum": (0.05, lambda groups, **options: torch.optim.SGD(groups, momentum=0.9, **options)),
    "nesterov": (0.05, lambda groups, **options: torch.optim.SGD(groups, momentum=0.9, nesterov=True, **options)),
    "adagrad": (0.3, lambda groups, **options: torch.optim.Adagrad(groups, **options)),
    "rmsprop": (0.05, lambda groups, **options: torch.optim.RMSprop(groups, **options)),
    "adam": (0.1, lambda groups, **options: torch.optim.Adam(groups, **options)),
    "adamw": (0.1, lambda groups, **options: torch.optim.AdamW(groups, **options)),
}


def start(dtype):
    """Weights and examples of a small logistic regression with one hidden layer."""
    rng = np.random.default_rng(3)
    parameters = {path: rng.normal(size=shape).astype(dtype) for path, shape in SHAPES.items()}
    x = rng.normal(size=(8, 4)).astype(dtype)
    y = (rng.random((8, 1)) < 0.5).astype(dtype)
    return parameters, x, y


def torch_loss(parameters, x, y):
    hidden = torch.tanh(x @ parameters["0.weight"] + parameters["0.bias"])
    return torch.nn.functional.binary_cross_entropy_with_logits(hidden @ parameters["1.weight"], y)


def torch_gradients(parameters, x, y):
    """The gradients at madi's own weights, in the same order of operations as PyTorch's run."""
    leaves = {path: torch.tensor(np.asarray(array), requires_grad=True) for path, array in parameters.items()}
    torch_loss(leaves, x, y).backward()
    return {path: leaf.grad.numpy() for path, leaf in leaves.items()}


def torch_run(name, dtype, clip_norm=None, clip_value=None, rates=None, factors=None, **options):
    """PyTorch's weights after every step; weight decay only where DECAYS allows it."""
    default_rate, make = TORCH[name]
    start_parameters, x, y = start(dtype)
    parameters = {path: torch.tensor(array, requires_grad=True) for path, array in start_parameters.items()}
    x, y = torch.tensor(x), torch.tensor(y)
    groups = [
        {"params": [leaf], **({} if DECAYS[path] else {"weight_decay": 0.0})} for path, leaf in parameters.items()
    ]
    optimizer = make(groups, lr=default_rate, **options)
    trajectory = []
    for step in range(STEPS):
        for path, group in zip(SHAPES, optimizer.param_groups, strict=True):
            group["lr"] = (rates(step) if rates else default_rate) * (factors or {}).get(path, 1.0)
        optimizer.zero_grad()
        torch_loss(parameters, x, y).backward()
        if clip_value is not None:
            torch.nn.utils.clip_grad_value_(parameters.values(), clip_value)
        if clip_norm is not None:
            torch.nn.utils.clip_grad_norm_(parameters.values(), clip_norm)
        optimizer.step()
        trajectory.append({path: leaf.detach().numpy().copy() for path, leaf in parameters.items()})
    return trajectory


def madi_run(optimizer, dtype, library):
    """madi's weights after every step, with PyTorch's gradients at them; JAX's update is compiled."""
    parameters, x, y = start(dtype)
    x, y = torch.tensor(x), torch.tensor(y)
    parameters = {path: library.asarray(array) for path, array in parameters.items()}
    state, trajectory = optimizer.init(parameters), []

    def update(parameters, gradients, state, rate, numbers):
        return optimizer.update(parameters, gradients, state, learning_rate=rate, numbers=numbers, decays=DECAYS)

    update = jax.jit(update) if library is jnp else update
    for step in range(STEPS):
        gradients = {path: library.asarray(array) for path, array in torch_gradients(parameters, x, y).items()}
        parameters, state = update(parameters, gradients, state, optimizer.rate_at(step), optimizer.numbers())
        trajectory.append(parameters)
    return trajectory


def assert_along(ours, theirs, dtype):
    """Within 1e-6 relative in float64 and 1e-4 in float32, of the largest weight of each array, at every step."""
    tolerance = 1e-6 if dtype == np.float64 else 1e-4
    for step, (mine, true) in enumerate(zip(ours, theirs, strict=True)):
        for path in SHAPES:
            assert mine[path].dtype == dtype
            error = np.abs(np.asarray(mine[path]) - true[path]).max() / np.abs(true[path]).max()
            assert error < tolerance, (step, path, error)


CASES = {
    "defaults": {},
    "weight decay": {"weight_decay": 0.1},
    "clipped norm": {"clip_norm": 0.05},
    "clipped values": {"clip_value": 0.02},
    "all three": {"weight_decay": 0.05, "clip_norm": 0.08, "clip_value": 0.04},
}


def test_every_optimizer_has_an_oracle():
    assert set(TORCH) == set(optimizers.TABLE)


@pytest.mark.parametrize("library", [np, jnp], ids=["numpy", "jax"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32], ids=["float64", "float32"])
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", optimizers.TABLE)
def test_trajectory_is_that_of_pytorch(name, case, dtype, library):
    optimizer = optimizers.TABLE[name](TORCH[name][0], **CASES[case])
    with jax.enable_x64(True):
        assert_along(madi_run(optimizer, dtype, library), torch_run(name, dtype, **CASES[case]), dtype)


@pytest.mark.parametrize("name", optimizers.TABLE)
def test_schedule_and_multipliers(name):
    """A falling rate; a tenth of it for layer 0, but twice as much for its bias, whose path is longer."""
    rates = schedules.cosine(TORCH[name][0], STEPS)
    optimizer = optimizers.TABLE[name](rates, multipliers={"0": 0.1, "0.bias": 2.0})
    expected = torch_run(name, np.float64, rates=rates, factors={"0.weight": 0.1, "0.bias": 2.0})
    assert_along(madi_run(optimizer, np.float64, np), expected, np.float64)


@pytest.mark.parametrize("name", optimizers.TABLE)
def test_defaults_are_those_of_pytorch(name):
    """Without any option, learning rate included."""
    _, make = TORCH[name]
    theirs = make([torch.zeros(1, requires_grad=True)]).defaults
    ours = optimizers.TABLE[name]()
    names = {"lr": "learning_rate", "weight_decay": "weight_decay", "momentum": "momentum", "alpha": "alpha",
             "eps": "eps"}  # fmt: skip
    found = {key: getattr(ours, field) for key, field in names.items() if hasattr(ours, field)}
    if name.startswith("adam"):
        found["betas"] = (ours.beta1, ours.beta2)
    assert found == {key: theirs[key] for key in found}
    assert found.keys() >= {"lr", "weight_decay"}
