"""The checks that every case of the table goes through: plain functions, so that the mutants can run them too."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from madi.graph import Variable, check_gradients, no_grad
from tests.functions.table import Case, torch

Arrays = list[np.ndarray]


def direction(case: Case) -> np.ndarray:
    """A fixed gradient of the case's output."""
    shape = forward(case, case.inputs).shape
    return np.asarray(np.random.default_rng(11).standard_normal(shape))


def forward(case: Case, inputs: Any) -> Any:
    """The value alone."""
    with no_grad():
        return case.call(*inputs).value


def run(case: Case, inputs: Any, seed: Any) -> tuple[Any, list[Any]]:
    """Value and gradients by madi, for arrays of either library."""
    leaves = [Variable(entry) for entry in inputs]
    y = case.call(*leaves)
    y.backward(seed)
    return y.value, [leaf.grad for leaf in leaves]


def differences(case: Case) -> None:
    """Backward agrees with central differences, nothing excused."""
    report = check_gradients(case.call, *case.inputs)
    assert not any(entry.kinks for entry in report.inputs), str(report)


def one_input_at_a_time(case: Case) -> None:
    """An input's gradient is the same where the others are constants."""
    seed = direction(case)
    _, together = run(case, case.inputs, seed)
    for position, expected in enumerate(together):
        leaf = Variable(case.inputs[position])
        case.call(*(leaf if i == position else entry for i, entry in enumerate(case.inputs))).backward(seed)
        np.testing.assert_array_equal(leaf.grad, expected)


def gradients_are_not_edited(case: Case) -> None:
    """Neither the inputs nor the incoming gradient are written to, and a second pass finds the same."""
    inputs, seed = [entry.copy() for entry in case.inputs], direction(case)
    for entry in (*inputs, seed):
        entry.flags.writeable = False
    leaves = [Variable(entry) for entry in inputs]
    y = case.call(*leaves)
    y.backward(seed)
    first = [np.array(leaf.grad) for leaf in leaves]
    y.backward(seed)
    for leaf, before in zip(leaves, first, strict=True):
        np.testing.assert_array_equal(leaf.grad, before)


def jax_grad(case: Case) -> None:
    """Backward agrees with jax.grad of madi's own forward, and with itself on NumPy, in float64."""

    def both(inputs: Arrays, seed: Any) -> Any:
        expected = jax.grad(lambda arrays: (seed * forward(case, arrays)).sum())(inputs)
        return run(case, inputs, seed), expected

    seed = direction(case)
    with jax.enable_x64(True):
        (value, found), expected = jax.jit(both)([jnp.asarray(entry) for entry in case.inputs], seed)
    if not case.apart:
        compare(found, expected, np.float64)
    on_numpy, gradients = run(case, case.inputs, seed)
    expect_kind([on_numpy, *gradients], np.ndarray, np.float64)
    expect_kind([value, *found], jax.Array, np.float64)
    compare([value, *found], [on_numpy, *gradients], np.float64)


def pytorch(case: Case, dtype: Any) -> None:
    """Values and gradients agree with PyTorch's."""
    seed = direction(case).astype(dtype)
    tensors = [
        torch.tensor(entry, dtype=getattr(torch, np.dtype(dtype).name), requires_grad=True) for entry in case.inputs
    ]
    y = case.torch(*tensors)
    y.backward(torch.as_tensor(seed))
    value, found = run(case, [entry.astype(dtype) for entry in case.inputs], seed)
    compare([value, *found], [y.detach().numpy(), *(entry.grad.numpy() for entry in tensors)], dtype)


def both_libraries(case: Case, *, traced: bool = True) -> None:
    """NumPy and JAX, traced by jit or not, give the same in float32, each in its own arrays."""
    inputs, seed = [entry.astype(np.float32) for entry in case.inputs], direction(case).astype(np.float32)
    value, gradients = run(case, inputs, seed)
    expect_kind([value, *gradients], np.ndarray, np.float32)
    step = jax.jit(run, static_argnums=0) if traced else run
    with jax.enable_x64(True):  # where float64 is possible, and so could slip in
        other, others = step(case, [jnp.asarray(entry) for entry in inputs], seed)
    expect_kind([other, *others], jax.Array, np.float32)
    compare([other, *others], [value, *gradients], np.float32)


def expect_kind(arrays: Any, kind: type, dtype: Any) -> None:
    """All are arrays of that library and dtype."""
    for array in arrays:
        assert isinstance(array, kind), type(array)
        assert array.dtype == dtype, array.dtype


def compare(found: Any, expected: Any, dtype: Any) -> None:
    """Equal to within a few roundings of the dtype."""
    tolerance = 1e-12 if np.dtype(dtype) == np.float64 else 3e-6
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(np.asarray(one), np.asarray(other), rtol=tolerance * 10, atol=tolerance)


def nodes_of(case: Case) -> set[type]:
    """The classes of the nodes that a case builds."""
    stack, classes = [case.call(*map(Variable, case.inputs))], set()
    while stack:
        creator = stack.pop().creator
        if creator is not None:
            classes.add(type(creator))
            stack.extend(creator.inputs)
    return classes
