"""Pooling and its gradients: every path of this machine against PyTorch."""

from __future__ import annotations

import random
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

from madi.errors import ConfigurationError
from madi.kernels import native
from madi.kernels.pooling import (
    average_pool2d_backward,
    average_pool2d_forward,
    max_pool2d_backward,
    max_pool2d_forward,
)

PATHS = ("numpy", *native.paths())
Example = tuple[np.ndarray, dict[str, Any]]


def random_example(seed: int) -> Example:
    """An image batch, half of them with many ties, and options."""
    choose, bits = random.Random(seed), np.random.default_rng(seed)
    size = (choose.randint(1, 4), choose.randint(1, 4))
    options = {
        "size": size,
        "stride": choose.choice([None, size, (choose.randint(1, 3), choose.randint(1, 3))]),
        "padding": (choose.randint(0, size[0] // 2), choose.randint(0, size[1] // 2)),
        "ceil": choose.random() < 0.5,
    }
    shape = (2, choose.randint(5, 11), choose.randint(5, 11), choose.choice([1, 3, 16, 17, 40]))
    x = bits.standard_normal(shape).astype(np.float32)
    return (np.round(x) if choose.random() < 0.5 else x), options


EXAMPLES = [random_example(seed) for seed in range(8)]
MANY_EXAMPLES = [random_example(seed) for seed in range(100, 160)]


def to_path(path: str, array: np.ndarray) -> Any:
    return array if path == "numpy" else jnp.asarray(array)


def pytorch_options(options: dict[str, Any]) -> dict[str, Any]:
    return {"kernel_size": options["size"], "ceil_mode": options["ceil"]} | {
        name: options[name] for name in ("stride", "padding")
    }


def by_pytorch(pool: Any, x: np.ndarray, **options: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """y, some gy and gx."""
    image = torch.tensor(x).permute(0, 3, 1, 2).requires_grad_()
    y = pool(image, **options)
    gy = torch.randn(y.shape, generator=torch.Generator().manual_seed(0))
    y.backward(gy)
    y, gy, gx = (array.detach().permute(0, 2, 3, 1).contiguous().numpy() for array in (y, gy, image.grad))
    return y, gy, gx


def check_max(path: str, example: Example) -> None:
    x, options = example
    expected, gy, expected_gx = by_pytorch(torch.nn.functional.max_pool2d, x, **pytorch_options(options))
    with native.using("off" if path == "numpy" else path):
        y, places = max_pool2d_forward(to_path(path, x), **options)
        gx = max_pool2d_backward(to_path(path, gy), places, image=x.shape[1:3], **options)
        assert places.dtype == np.uint8
        np.testing.assert_array_equal(y, expected)
        np.testing.assert_allclose(gx, expected_gx, rtol=1e-5, atol=1e-5)


@pytest.mark.usefixtures("one_program")
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: str(example[1]))
def test_max_matches_pytorch(path: str, example: Example) -> None:
    check_max(path, example)


@pytest.mark.usefixtures("one_program")
@pytest.mark.long
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("example", MANY_EXAMPLES, ids=lambda example: str(example[1]))
def test_max_matches_pytorch_on_many_shapes(path: str, example: Example) -> None:
    check_max(path, example)


@pytest.mark.parametrize("path", ["numpy", native.path()])
@pytest.mark.parametrize("count_padding", [False, True])
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: str(example[1]))
def test_average_matches_pytorch(path: str, count_padding: bool, example: Example) -> None:
    x, options = example
    named = pytorch_options(options) | {"count_include_pad": count_padding}
    expected, gy, expected_gx = by_pytorch(torch.nn.functional.avg_pool2d, x, **named)

    def run(x: Any, gy: Any) -> Any:
        y = average_pool2d_forward(x, count_padding=count_padding, **options)
        return y, average_pool2d_backward(gy, image=x.shape[1:3], count_padding=count_padding, **options)

    y, gx = (run if path == "numpy" else jax.jit(run))(to_path(path, x), to_path(path, gy))
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(gx, expected_gx, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("path", PATHS)
def test_of_equal_maxima_the_first_gets_the_gradient(path: str) -> None:
    x = to_path(path, np.array([[1, 3, 2, 2], [3, 3, 2, 2]], np.float32).reshape(1, 2, 4, 1))
    with native.using("off" if path == "numpy" else path):
        y, places = max_pool2d_forward(x, size=2)
        gx = max_pool2d_backward(
            to_path(path, np.array([5, 7], np.float32).reshape(y.shape)), places, image=(2, 4), size=2
        )
        np.testing.assert_array_equal(np.ravel(y), [3, 2])
        np.testing.assert_array_equal(np.ravel(places), [1, 0])
        np.testing.assert_array_equal(np.reshape(gx, (2, 4)), [[0, 5, 7, 0], [0, 0, 0, 0]])


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("channels", [1, 16])
def test_nan_beats_all_and_minus_infinity_has_a_place(path: str, channels: int) -> None:
    x = np.full((1, 2, 4, channels), -np.inf, np.float32)
    x[0, 1, 1], x[0, 1, 0] = np.nan, 3
    with native.using("off" if path == "numpy" else path):
        y, places = max_pool2d_forward(to_path(path, x), size=2)
        np.testing.assert_array_equal(np.asarray(y)[0, 0, :, 0], [np.nan, -np.inf])
        np.testing.assert_array_equal(np.asarray(places)[0, 0, :, 0], [3, 0])


@pytest.mark.parametrize("path", native.paths())
def test_trials_are_poolings_of_their_own(path: str) -> None:
    x = np.random.default_rng(0).standard_normal((3, 2, 6, 6, 5)).astype(np.float32)

    def run(x: Any) -> Any:
        y, places = max_pool2d_forward(x, size=3, stride=2, padding=1)
        return y, max_pool2d_backward(y, places, image=(6, 6), size=3, stride=2, padding=1)

    with native.using(path):
        together = [np.asarray(array) for array in jax.vmap(run)(x)]
    for trial in range(3):
        for array, alone in zip(together, run(x[trial]), strict=True):
            np.testing.assert_allclose(array[trial], alone, rtol=1e-6)


def test_what_does_not_fit_is_said() -> None:
    x = np.zeros((1, 40, 40, 1), np.float32)
    message = r"^max_pool2d: expected a window of at most 256 pixels, got \(17, 17\)\. Pool twice\.$"
    with pytest.raises(ConfigurationError, match=message):
        max_pool2d_forward(x, size=17)


@pytest.mark.parametrize(
    ("padding", "dilation"),
    [
        (((2, 2), (2, 2)), 1),
        (((0, 2), (0, 0)), 1),  # the last window sees nothing but padding
        (((30, 30), (0, 0)), (60, 1)),  # the first window sees rows -30 and 30, the sixth -20 and 40: none
    ],
)
def test_windows_that_would_see_no_pixel(padding: Any, dilation: Any) -> None:
    x = np.zeros((1, 40, 40, 1), np.float32)
    with pytest.raises(ConfigurationError) as raised:
        average_pool2d_forward(x, size=2, padding=padding, dilation=dilation)
    message = f"pooling: expected a padding smaller than the window (2, 2), got {padding}. Pad less."
    assert str(raised.value) == message
