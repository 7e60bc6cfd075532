"""Convolution and its gradients: every path of this machine against PyTorch, on a random grid of shapes."""

from __future__ import annotations

import random
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

from madi.errors import ConfigurationError, ShapeError
from madi.kernels import convolution, native
from madi.kernels.convolution import conv2d_forward, conv2d_input_gradient, conv2d_weight_gradient

NAMES = ("y", "gx", "gweight", "gbias")


class Case(NamedTuple):
    """One convolution: sizes and options."""

    images: int
    image: tuple[int, int]
    channels: tuple[int, int]
    kernel: tuple[int, int]
    options: dict[str, Any]

    def arrays(self, dtype: Any = np.float32) -> tuple[np.ndarray, ...]:
        """x, weight, bias and gy."""
        bits = np.random.default_rng(sum(self.channels) + self.images)
        (inputs, outputs), groups = self.channels, self.options["groups"]
        x = bits.standard_normal((self.images, *self.image, inputs))
        weight = bits.standard_normal((*self.kernel, inputs // groups, outputs))
        bias = bits.standard_normal(outputs)
        y = conv2d_forward(x, weight, **self.options)
        return tuple(array.astype(dtype) for array in (x, weight, bias, bits.standard_normal(y.shape)))


def random_case(seed: int) -> Case:
    choose = random.Random(seed)
    groups = choose.choice([1, 1, 1, 2, 3])
    channels = tuple(groups * choose.choice([1, 3, 5, 16, 17, 64]) for _ in range(2))
    kernel = choose.choice([(1, 1), (3, 3), (choose.randint(1, 7), choose.randint(1, 7))])
    options = {
        "stride": (choose.randint(1, 3), choose.randint(1, 3)),
        "padding": (choose.randint(0, 3), choose.randint(0, 3)),
        "dilation": (choose.randint(1, 2), choose.randint(1, 2)),
        "groups": groups,
    }
    return Case(choose.randint(1, 3), (choose.randint(13, 19), choose.randint(13, 19)), channels, kernel, options)


CASES = [
    Case(2, (7, 9), (1, 16), (3, 3), {"stride": 1, "padding": 1, "dilation": 1, "groups": 1}),
    Case(3, (8, 8), (16, 32), (1, 1), {"stride": 1, "padding": 0, "dilation": 1, "groups": 1}),
    Case(1, (7, 7), (64, 64), (3, 3), {"stride": 1, "padding": 1, "dilation": 1, "groups": 1}),
    Case(2, (9, 8), (64, 17), (1, 1), {"stride": 2, "padding": 0, "dilation": 1, "groups": 1}),
    *[random_case(seed) for seed in range(8)],
]
MANY_CASES = [random_case(seed) for seed in range(100, 200)]
PATHS = ("numpy", *native.paths())


def results(x: Any, weight: Any, bias: Any, gy: Any, case: Case) -> list[np.ndarray]:
    """y of convolution, bias and ReLU, and all gradients, as NumPy arrays."""
    y = conv2d_forward(x, weight, bias=bias, relu=True, **case.options)
    gx = conv2d_input_gradient(gy, weight, image=case.image, output=y, **case.options)
    gweight, gbias = conv2d_weight_gradient(x, gy, kernel_size=case.kernel, output=y, bias=True, **case.options)
    return [np.asarray(array) for array in (y, gx, gweight, gbias)]


def on_path(path: str, case: Case, dtype: Any = np.float32) -> list[np.ndarray]:
    if path == "numpy":
        return results(*case.arrays(dtype), case)
    with native.using(path):
        return results(*map(jnp.asarray, case.arrays(dtype)), case)


def by_pytorch(case: Case, dtype: Any = np.float32) -> list[np.ndarray]:
    x, weight, bias, gy = (torch.tensor(array) for array in case.arrays(dtype))
    x, weight = x.permute(0, 3, 1, 2).requires_grad_(), weight.permute(3, 2, 0, 1).requires_grad_()
    bias.requires_grad_()
    y = torch.relu(torch.nn.functional.conv2d(x, weight, bias, **case.options))
    y.backward(gy.permute(0, 3, 1, 2))
    parts = (y.permute(0, 2, 3, 1), x.grad.permute(0, 2, 3, 1), weight.grad.permute(2, 3, 1, 0), bias.grad)
    return [part.detach().numpy() for part in parts]


def assert_close(got: list[np.ndarray], expected: list[np.ndarray], tolerance: float) -> None:
    for name, mine, theirs in zip(NAMES, got, expected, strict=True):
        assert mine.shape == theirs.shape, name
        assert mine.dtype == theirs.dtype, name
        np.testing.assert_allclose(mine, theirs, rtol=tolerance, atol=tolerance * np.abs(theirs).max(), err_msg=name)


@pytest.mark.usefixtures("one_program")
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_matches_pytorch(path: str, case: Case) -> None:
    assert_close(on_path(path, case), by_pytorch(case), 1e-4)


@pytest.mark.usefixtures("one_program")
@pytest.mark.long
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("case", MANY_CASES, ids=str)
def test_matches_pytorch_on_many_shapes(path: str, case: Case) -> None:
    assert_close(on_path(path, case), by_pytorch(case), 1e-4)


@pytest.mark.parametrize("path", ["numpy", native.path()])
@pytest.mark.parametrize("case", CASES[3:7], ids=str)
def test_float64_matches_pytorch_closely(path: str, case: Case) -> None:
    with jax.enable_x64(True):
        assert_close(on_path(path, case, np.float64), by_pytorch(case, np.float64), 1e-10)


@pytest.mark.parametrize("path", PATHS)
def test_a_worked_example(path: str) -> None:
    # x = 1 2 3    weight = 1 2    y = 1*1+2*2+4*3+5*4  2*1+3*2+5*3+6*4   = 37 47
    #     4 5 6             3 4        4*1+5*2+7*3+8*4  5*1+6*2+8*3+9*4     67 77
    #     7 8 9
    x = np.arange(1, 10, dtype=np.float32).reshape(1, 3, 3, 1)
    weight = np.arange(1, 5, dtype=np.float32).reshape(2, 2, 1, 1)
    arrays = (x, weight) if path == "numpy" else (jnp.asarray(x), jnp.asarray(weight))
    with native.using("off" if path == "numpy" else path):
        y = np.asarray(conv2d_forward(*arrays))
    np.testing.assert_array_equal(y.reshape(2, 2), [[37, 47], [67, 77]])


@pytest.mark.parametrize("path", native.paths())
def test_trials_are_convolutions_of_their_own(path: str) -> None:
    case = CASES[5]
    x, weight, bias, gy = (np.stack([array, 2 * array, -array]) for array in case.arrays())

    def run(x: Any, weight: Any, bias: Any, gy: Any) -> Any:
        y = conv2d_forward(x, weight, bias=bias, **case.options)
        gx = conv2d_input_gradient(gy, weight, image=case.image, output=y, **case.options)
        return y, gx, *conv2d_weight_gradient(x, gy, kernel_size=case.kernel, bias=True, **case.options)

    with native.using(path):
        together = [np.asarray(array) for array in jax.vmap(run)(x, weight, bias, gy)]
    for trial in range(3):
        alone = run(x[trial], weight[trial], bias[trial], gy[trial])
        assert_close([array[trial] for array in together], list(alone), 1e-4)


@pytest.mark.parametrize("path", native.paths())
def test_same_bits_run_after_run(path: str) -> None:
    case = Case(40, (14, 14), (16, 32), (3, 3), {"stride": 1, "padding": 1, "dilation": 1, "groups": 1})
    first = on_path(path, case)
    for _ in range(5):
        for name, once, again in zip(NAMES, first, on_path(path, case), strict=True):
            np.testing.assert_array_equal(once, again, err_msg=name)


def test_xla_path_matches_jax_grad_of_its_own_forward() -> None:
    case = CASES[8]
    x, weight, _, gy = map(jnp.asarray, case.arrays())

    def loss(x: Any, weight: Any) -> Any:
        return (conv2d_forward(x, weight, **case.options) * gy).sum()

    with native.using("off"):
        gx, gweight = jax.grad(loss, argnums=(0, 1))(x, weight)
        mine = conv2d_input_gradient(gy, weight, image=case.image, **case.options)
        np.testing.assert_allclose(mine, gx, rtol=1e-4, atol=1e-3)
        mine, nothing = conv2d_weight_gradient(x, gy, kernel_size=case.kernel, **case.options)
        np.testing.assert_allclose(mine, gweight, rtol=1e-4, atol=1e-3)
    assert nothing is None


def test_compiled_kernels_run_inside_a_compiled_loop() -> None:
    x, weight = jnp.ones((1, 4, 4, 16)), jnp.full((1, 1, 16, 16), 1 / 16)
    program = jax.jit(lambda x: jax.lax.fori_loop(0, 10, lambda _, x: conv2d_forward(x, weight, relu=True), x))
    np.testing.assert_allclose(program(x), np.ones((1, 4, 4, 16)), rtol=1e-5)
    assert ("madi_convolution_forward" in program.lower(x).as_text()) == native.available()


def test_no_images_give_no_gradient() -> None:
    for path in native.paths():
        with native.using(path):
            x, weight = jnp.zeros((0, 5, 5, 3)), jnp.ones((3, 3, 3, 8))
            y = conv2d_forward(x, weight)
            gweight, gbias = conv2d_weight_gradient(x, y, kernel_size=(3, 3), bias=True)
            assert y.shape == (0, 3, 3, 8)
            assert not np.asarray(gweight).any()
            assert not np.asarray(gbias).any()


def test_the_path_has_a_name() -> None:
    x, weight = np.zeros((1, 3, 3, 1), np.float32), np.zeros((1, 1, 1, 1), np.float32)
    assert convolution.conv2d_path(x, weight) == "numpy"
    for path in native.paths():
        with native.using(path):
            taken = path if path != "off" else "xla"
            for dtype in (jnp.float32, jnp.bfloat16, jnp.float16):  # the narrow ones are widened for the kernels
                assert convolution.conv2d_path(jnp.asarray(x, dtype), weight) == taken
            assert convolution.conv2d_path(jnp.asarray(x, jnp.int32), weight) == "xla"


def test_what_does_not_fit_is_said() -> None:
    x, weight = np.zeros((1, 4, 4, 3)), np.zeros((3, 3, 2, 8))
    message = (
        r"^conv2d: expected weight of 3 input channels a group for x \(1, 4, 4, 3\), got \(3, 3, 2, 8\)\. "
        r"Build the layer for this input\.$"
    )
    with pytest.raises(ShapeError, match=message):
        conv2d_forward(x, weight)
    message = r"^conv2d: expected groups to divide the 3 channels and the 8 filters, got 2\. Use groups=1\.$"
    with pytest.raises(ConfigurationError, match=message):
        conv2d_forward(x, weight, groups=2)
    message = (
        r"^conv2d: expected x \(N, H, W, C\) and weight .*, got \(4, 4, 3\) and \(3, 3, 2, 8\)\. Add the axes that"
    )
    with pytest.raises(ShapeError, match=message):
        conv2d_forward(x[0], weight)
