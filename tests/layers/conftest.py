"""What several tests of layers do alike."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from madi import check_gradients
from madi.graph import Variable


@pytest.fixture
def assert_gradients():
    """assert_gradients(call, inputs, seed): backward is the central difference, and jax.grad of the forward."""

    def check(call, inputs, seed):
        assert not any(entry.kinks for entry in check_gradients(call, *inputs).inputs)
        leaves = [Variable(entry) for entry in inputs]
        call(*leaves).backward(seed)
        with jax.enable_x64(True):
            total = lambda arrays: (seed * call(*map(Variable, arrays)).value).sum()  # noqa: E731
            expected = jax.grad(total)([jnp.asarray(entry) for entry in inputs])
        for leaf, gradient in zip(leaves, expected, strict=True):
            np.testing.assert_allclose(leaf.grad, gradient, rtol=1e-12, atol=1e-12)

    return check


@pytest.fixture
def assert_mistake():
    """assert_mistake(call, error, message): the call raises this error with these very words."""

    def check(call, error, message):
        with pytest.raises(error) as raised:
            call()
        assert str(raised.value) == message

    return check
