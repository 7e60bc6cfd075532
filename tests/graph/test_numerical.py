"""Numerical gradients against hand-worked slopes; the gradient check against right, wrong and kinked backwards."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import madi
from madi.errors import ConfigurationError, DataError, GradientMismatch, ShapeError
from madi.graph import Function, Variable, check_gradients, numerical_gradient

# ---- numerical_gradient


@pytest.mark.parametrize(("x", "slope"), [(5, 0.2), (10, 0.3), (5.0, 0.2), (np.float32(10), 0.3), (np.int64(5), 0.2)])
def test_the_tangents_of_the_course(x, slope):
    # d/dx (0.01 x² + 0.1 x) = 0.02 x + 0.1
    found = numerical_gradient(lambda x: 0.01 * x**2 + 0.1 * x, x)
    assert (found.shape, found.dtype) == ((), np.float64)
    assert float(found) == pytest.approx(slope, abs=1e-10)


def test_integers_and_matrices():
    # x0² + x1²: twice the point itself, in the point's shape
    found = numerical_gradient(lambda x: (x**2).sum(), np.array([[3, 4], [-2, 0]]))
    np.testing.assert_allclose(found, [[6, 8], [-4, 0]], atol=1e-9)


def test_several_arrays():
    def f(x, y):
        return (x * y).sum()

    found = numerical_gradient(f, [np.array([1.0, 2.0]), np.array([3, 5])])
    assert isinstance(found, tuple)
    np.testing.assert_allclose(found, [[3, 5], [1, 2]], atol=1e-9)


def test_jax_arrays_are_differentiated_in_float64():
    def f(x):
        assert isinstance(x, jax.Array)
        assert x.dtype == np.float64
        return jnp.sin(x).sum()

    found = numerical_gradient(f, jnp.array([0.5, 1.0], dtype=jnp.float32))
    assert isinstance(found, jax.Array)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, np.cos([0.5, 1.0]), atol=1e-9)
    assert jnp.ones(1, dtype=float).dtype == np.float32  # the setting ended with the call


def test_f_may_return_a_variable_and_x_may_be_one():
    found = numerical_gradient(lambda x: madi.functions.exp(x), Variable(np.array(1.0, np.float32)))
    assert float(found) == pytest.approx(np.e, abs=1e-9)


def test_x_stays_as_it_is():
    def spoil(x):
        x *= 2
        return x.sum()

    x = np.array([1.0, 2.0])
    np.testing.assert_allclose(numerical_gradient(spoil, x), [2, 2], atol=1e-9)
    np.testing.assert_array_equal(x, [1, 2])


def test_the_error_falls_with_the_square_of_the_step_until_rounding():
    def error(step):
        return abs(float(numerical_gradient(np.sin, 1.0, step=step)) - np.cos(1.0))

    assert error(1e-2) / error(1e-3) == pytest.approx(100, rel=0.01)
    assert error(1e-2) == pytest.approx(1e-4 * np.cos(1.0) / 6, rel=1e-3)  # h² f'''/6
    assert error(1e-12) > 1e3 * error(1e-5)
    assert abs(float(numerical_gradient(np.sin, 1.0)) - np.cos(1.0)) < 1e-10
    assert float(numerical_gradient(np.sin, 1.0, step=1e-50)) == 0


def test_the_step_grows_with_x():
    assert float(numerical_gradient(lambda x: x**2, 1e8)) == pytest.approx(2e8, rel=1e-9)


@pytest.mark.parametrize(
    ("result", "got"),
    [
        (np.zeros(2), r"an array of shape \(2,\)"),
        ([1.0, 2.0], r"an array of shape \(2,\)"),
        (Variable(np.zeros((1, 1))), r"an array of shape \(1, 1\)"),
        (None, "NoneType"),
    ],
)
def test_f_that_gives_no_single_number(result, got):
    message = (
        f"^numerical_gradient: f must return a single number, got {got}\\. Reduce it with sum\\(\\) or mean\\(\\)\\.$"
    )
    with pytest.raises(ShapeError, match=message):
        numerical_gradient(lambda x: result, 1.0)


@pytest.mark.parametrize("step", [0, -1e-5, float("nan"), float("inf")])
def test_a_step_that_is_none(step):
    message = (
        rf"^numerical_gradient: step must be a positive finite number, got {step}\. Leave it out for the default\.$"
    )
    with pytest.raises(ConfigurationError, match=message):
        numerical_gradient(np.sin, 1.0, step=step)


# ---- check_gradients


class Square(Function):
    """x², with a backward that can be broken."""

    def __init__(self, factor=2.0):
        self.factor = factor

    def forward(self, x):
        self.x = x
        return x**2

    def backward(self, gy):
        return self.factor * self.x * gy


class Maximum(Function):
    """max(x) of a vector; backward gives `share` of the gradient to the first of equals, the rest to the others."""

    def __init__(self, share=1.0):
        self.share = share

    def forward(self, x):
        self.x = x
        return x.max()

    def backward(self, gy):
        ties = np.flatnonzero(self.x == self.x.max())
        gx = np.zeros_like(self.x)
        gx[ties] = gy * (1 - self.share) / max(len(ties) - 1, 1)
        gx[ties[0]] = gy * self.share
        return gx


def test_a_right_backward_passes():
    report = check_gradients(lambda x: Square()(x), np.array([[1.0, -2.0, 0.5]]))
    (entry,) = report.inputs
    assert (entry.name, entry.checked, entry.size, entry.kinks) == ("0", 3, 3, ())
    assert 0 < entry.absolute < 1e-8
    assert 0 < entry.relative < 1e-8
    assert entry.absolute_at in {(0, 0), (0, 1), (0, 2)}


@pytest.mark.parametrize("library", [np, jnp])
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_any_float_dtype_is_checked_in_float64(library, dtype):
    def f(x):
        assert x.dtype == np.float64
        return Square()(x)

    assert check_gradients(f, library.asarray([1.0, 2.0], dtype=dtype)).inputs[0].relative < 1e-9


def test_a_wrong_backward_is_named():
    message = (
        r"^check_gradients: input 'x' at \(1,\): expected the central difference -?[\d.]+, got -?[\d.]+ from backward "
        r"\(2 of 2 elements differ\)\. Mend the backward of the function in between\.$"
    )
    with pytest.raises(madi.GradientMismatch, match=message) as raised:
        check_gradients(lambda x: Square(2.001)(x), Variable(np.array([1.0, -9.0]), name="x"))
    # the direction of seed 0 is c = (0.12573, -0.13210): 2 x c = 2.37788, and 2.001 x c = 2.37907
    assert "difference 2.37788" in str(raised.value)
    assert "got 2.37907" in str(raised.value)


@pytest.mark.parametrize("factor", [2 + 1e-5, 2 - 1e-5, -2.0, 0.0, float("nan")])
def test_small_and_large_mistakes(factor):
    with pytest.raises(GradientMismatch):
        check_gradients(lambda x: Square(factor)(x), np.array([3.0, 1.0]))


def test_a_mistake_in_one_small_element_among_large_ones():
    class Almost(Square):
        def backward(self, gy):
            gx = super().backward(gy)
            gx[1] *= 1.01
            return gx

    with pytest.raises(GradientMismatch, match=r"input '0' at \(1,\).*\(1 of 2 elements differ\)"):
        check_gradients(lambda x: Almost()(x), np.array([100.0, 0.5]))


def test_a_gradient_in_the_wrong_input():
    class Swapped(Function):
        def forward(self, x0, x1):
            return x0 * x1

        def backward(self, gy):
            return gy * self.inputs[0].value, gy * self.inputs[1].value

    with pytest.raises(GradientMismatch, match=r"^check_gradients: input '0' at \(\)"):
        check_gradients(lambda x, y: Swapped()(x, y), 2.0, 3.0)


def test_an_input_that_f_ignores_has_slope_zero():
    report = check_gradients(lambda x, y: Square()(x), np.ones(2), np.ones(3))
    assert (report.inputs[1].checked, report.inputs[1].absolute) == (3, 0)


def test_f_that_returns_its_input_or_a_constant():
    assert check_gradients(lambda x: x, np.ones(2)).inputs[0].absolute < 1e-9
    assert check_gradients(lambda x: Variable(np.ones(2)), np.ones(2)).inputs[0].absolute == 0


def test_integers_pass_through_as_constants():
    def f(x, t):
        assert t.dtype == np.int32
        assert not t.needs_grad
        np.testing.assert_array_equal(t.value, [1, 0])
        return Square()(x)

    report = check_gradients(f, np.ones(2), Variable(np.array([1, 0], np.int32), name="labels"))
    assert len(report.inputs) == 1
    assert report.constants == ("labels (int32)",)
    assert str(report).splitlines()[-1] == "labels (int32): no floating-point numbers, passed on as a constant"


def test_a_large_input_is_sampled_from_the_seed():
    def f(x):
        return Square()(x)

    first, again, other = (
        check_gradients(f, np.linspace(1, 2, 50), limit=5, seed=seed).inputs[0] for seed in (1, 1, 2)
    )
    assert (first.checked, first.size) == (5, 50)
    assert first == again != other
    assert "5 of 50" in str(check_gradients(f, np.linspace(1, 2, 50), limit=5))


def test_an_empty_input():
    assert check_gradients(lambda x: Square()(x), np.zeros((0, 3))).inputs[0].checked == 0


def test_the_report_is_a_table():
    report = check_gradients(lambda x: madi.functions.relu(x), Variable(np.array([0.0, 1.0]), name="x"))
    lines = str(report).splitlines()
    assert lines[0].split() == ["input", "checked", "absolute", "error", "relative", "error", "kinks"]
    assert lines[1].startswith("x      2 of 2   ")
    assert lines[1].endswith("1")
    assert lines[2] == "kink of x at (0,): backward 0, difference to the left 0, to the right 0.12573"
    assert len(lines) == 3


# ---- kinks


def test_relu_at_zero_is_excused_and_listed():
    (entry,) = check_gradients(lambda x: madi.functions.relu(x), np.array([0.0, 1.0, -1.0])).inputs
    (kink,) = entry.kinks
    assert (kink.index, kink.backward, kink.left) == ((0,), 0, 0)
    assert kink.right == pytest.approx(0.12573, abs=1e-5)


def test_a_kink_within_the_step_is_resolved_by_a_smaller_one():
    (entry,) = check_gradients(lambda x: madi.functions.relu(x), np.array([1e-7, -1e-7])).inputs
    assert entry.kinks == ()


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_ties_of_a_maximum_are_excused_for_any_subgradient(share):
    kinks = check_gradients(lambda x: Maximum(share)(x), np.array([2.0, 1.0, 2.0])).inputs[0].kinks
    assert [kink.index for kink in kinks] == [(0,), (2,)]


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_ties_are_not_excused_beyond_the_subgradients(share):
    with pytest.raises(GradientMismatch, match=r"\(2 of 3 elements differ\)"):
        check_gradients(lambda x: Maximum(share)(x), np.array([2.0, 1.0, 2.0]))


def test_a_wrong_slope_beside_a_kink_is_not_excused():
    class Wrong(Function):
        def forward(self, x):
            self.x = x
            return np.maximum(x, 0)

        def backward(self, gy):
            return np.where(self.x > 0, 0.5 * gy, 0)  # 0.5 lies between the slopes 0 and 1

    with pytest.raises(GradientMismatch, match=r"input '0' at \(1,\)"):
        check_gradients(lambda x: Wrong()(x), np.array([0.0, 1.0]))


def test_a_strong_bend_is_no_kink():
    # log near 0: f''' is large, the default step too wide
    (entry,) = check_gradients(lambda x: madi.functions.log(x), np.array([1e-5, 1e-3, 1.0])).inputs
    assert entry.kinks == ()
    assert entry.relative < 1e-6


# ---- what cannot be checked


def test_f_that_does_not_repeat_itself():
    generator = np.random.default_rng(0)
    message = (
        "^check_gradients: expected f to repeat itself, got two results for the same inputs\\. "
        "Fix its random numbers: pass it one key\\.$"
    )
    with pytest.raises(DataError, match=message):
        check_gradients(lambda x: madi.functions.multiply(x, generator.random(3)), np.ones(3))


@pytest.mark.parametrize(
    ("f", "got"),
    [
        (lambda x: x.value, "ndarray"),
        (lambda x: None, "NoneType"),
        (lambda x: Variable(x.value.astype(np.float32)), "float32"),
    ],
)
def test_f_that_gives_no_variable_in_float64(f, got):
    message = (
        f"^check_gradients: expected f to return a Variable in float64, got {got}\\. "
        "Compute it with madi's functions, without casting\\.$"
    )
    with pytest.raises(DataError, match=message):
        check_gradients(f, np.ones(2))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tolerance": 0}, "^check_gradients: tolerance must be a positive finite number, got 0. Try 1e-6.$"),
        ({"limit": 0}, "^check_gradients: limit must be a whole number of at least 1, got 0. Try 200.$"),
    ],
)
def test_options_out_of_range(options, message):
    with pytest.raises(ConfigurationError, match=message):
        check_gradients(lambda x: Square()(x), np.ones(2), **options)
