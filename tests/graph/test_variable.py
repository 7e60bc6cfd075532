"""The core: Variable, Function and the backward pass, on nodes written here, so that nothing else can hide a fault."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from madi.errors import DataError, ShapeError
from madi.graph import Function, Parameter, Variable, as_variables, gradients, no_grad


class Multiply(Function):
    def forward(self, x0, x1):
        return x0 * x1

    def backward(self, gy):
        return gy * self.inputs[1].value, gy * self.inputs[0].value


class Add(Function):
    def forward(self, x0, x1):
        return x0 + x1

    def backward(self, gy):
        return gy, gy


class Split(Function):
    """Two outputs of different shapes: x without its last element, and the last."""

    def forward(self, x):
        return x[:-1], x[-1:]

    def backward(self, g_rest, g_last):
        return np.concatenate([g_rest, g_last])


def multiply(x0, x1):
    return Multiply()(x0, x1)


def add(x0, x1):
    return Add()(x0, x1)


# ---- the course's shopping (C1): 2 apples at 100 and a tax of 10% are 220


def test_apples():
    apple, count, tax = Variable(100.0), Variable(2.0), Variable(1.1)
    price = multiply(multiply(apple, count), tax)
    price.backward()
    assert float(price) == pytest.approx(220, abs=1e-12)
    assert [float(x.grad) for x in (apple, count, tax)] == pytest.approx([2.2, 110, 200], abs=1e-12)


def test_apples_and_oranges():
    apple, apples, orange, oranges, tax = map(Variable, (100.0, 2.0, 150.0, 3.0, 1.1))
    price = multiply(add(multiply(apple, apples), multiply(orange, oranges)), tax)
    price.backward()
    assert float(price) == pytest.approx(715, abs=1e-12)
    found = [float(x.grad) for x in (apple, apples, orange, oranges, tax)]
    assert found == pytest.approx([2.2, 110, 3.3, 165, 650], abs=1e-12)


# ---- which edges carry what


def test_an_input_given_twice_to_one_node_gets_both_gradients():
    x = Variable(3.0)
    multiply(x, x).backward()
    assert float(x.grad) == 6


def test_an_input_shared_by_two_nodes_gets_the_sum():
    x = Variable(3.0)
    add(multiply(x, Variable(2.0)), multiply(x, Variable(5.0))).backward()
    assert float(x.grad) == 7


def test_a_node_read_twice_passes_on_the_sum_once():
    # z = (x + y)², as x + y read twice: dz/dx = 2 (x + y)
    x, y = Variable(1.0), Variable(2.0)
    total = add(x, y)
    multiply(total, total).backward()
    assert (float(x.grad), float(y.grad)) == (6, 6)


def test_a_diamond_of_twenty_doublings_visits_each_node_once():
    # 2^20 paths lead from y to x: adding them up path by path would not end.
    visits = []

    class Doubling(Add):
        def backward(self, gy):
            visits.append(self)
            return gy, gy

    x = y = Variable(1.0)
    for _ in range(20):
        y = Doubling()(y, y)
    y.backward()
    assert float(x.grad) == 2**20
    assert len(visits) == len(set(visits)) == 20


def test_paths_of_different_length_meet_before_they_go_on():
    # y = x³ as (x x) x, then times y again: x^6
    x = Variable(2.0)
    cube = multiply(multiply(x, x), x)
    multiply(cube, cube).backward()
    assert float(x.grad) == 6 * 2**5


def test_a_chain_of_20000_nodes():
    x = Variable(1.0)
    y = x
    for _ in range(20_000):
        y = add(y, 1.0)
    y.backward()
    assert (float(y), float(x.grad)) == (20_001, 1)


def test_a_second_backward_overwrites():
    x = Variable(3.0)
    y = multiply(x, x)
    y.backward()
    y.backward()
    assert float(x.grad) == 6
    multiply(x, 2.0).backward()
    assert float(x.grad) == 2


def test_only_leaves_get_a_gradient():
    x = Variable(3.0)
    middle = multiply(x, x)
    y = multiply(middle, 2.0)
    y.backward()
    assert (middle.grad, y.grad) == (None, None)
    x.backward()
    assert float(x.grad) == 1


def test_gradients_keeps_those_on_the_way_when_asked():
    x = Variable(3.0)
    middle = multiply(x, x)
    y = multiply(middle, 2.0)
    assert set(gradients(y, np.array(1.0))) == {x}
    kept = gradients(y, np.array(1.0), keep=True)
    assert {variable: float(gradient) for variable, gradient in kept.items()} == {y: 1, middle: 2, x: 12}


def test_values_and_gradients_can_be_assigned():
    x = Variable(3.0)
    y = multiply(x, x)
    x.value, x.grad = 5, np.array(1.0)
    assert (float(y), float(x.value), float(x.grad)) == (9, 5, 1)


# ---- several outputs


def test_an_output_that_nobody_reads_gives_a_gradient_of_zero():
    x = Variable([1.0, 2.0, 3.0])
    _, last = Split()(x)
    last.backward()
    np.testing.assert_array_equal(x.grad, [0, 0, 1])


def test_both_outputs_read():
    x = Variable([2.0, 3.0])
    rest, last = Split()(x)
    multiply(rest, last).backward()
    np.testing.assert_array_equal(x.grad, [3, 2])


# ---- constants and needs


class Seen(Multiply):
    def backward(self, gy):
        type(self).needed = self.needs
        return super().backward(gy)


@pytest.mark.parametrize("constant", [2.0, 2, np.array(2.0), np.array([2.0, 2.0]), [2.0, 2.0]])
def test_an_array_or_number_is_a_constant(constant):
    x = Variable(np.array([1.0, 3.0]))
    y = Seen()(x, constant)
    y.backward(np.ones(2))
    assert Seen.needed == (True, False)
    assert not y.creator.inputs[1].needs_grad
    assert y.creator.inputs[1].grad is None
    np.testing.assert_array_equal(x.grad, [2, 2])


def test_a_graph_of_constants_alone_is_not_recorded():
    y = multiply(np.array(2.0), 3.0)
    assert (float(y), y.creator, y.needs_grad) == (6, None, False)


def test_integers_are_constants():
    x = Variable(np.array([1, 2]))
    assert not x.needs_grad
    assert multiply(x, np.array([3, 4])).creator is None


def test_a_frozen_parameter_needs_none():
    weight, x = Parameter(2.0, trainable=False), Variable(3.0)
    multiply(x, weight).backward()
    assert (float(x.grad), weight.grad) == (2, None)
    weight.trainable = True
    multiply(x, weight).backward()
    assert float(weight.grad) == 3


def test_a_gradient_of_none_is_no_gradient():
    class FirstOnly(Multiply):
        def backward(self, gy):
            return gy * self.inputs[1].value, None

    x, t = Variable(2.0), Variable(5.0)
    FirstOnly()(x, t).backward()
    assert (float(x.grad), t.grad) == (5, None)


def test_a_branch_without_gradient_leaves_the_other_intact():
    class Stop(Function):
        def forward(self, x):
            return x * 1

        def backward(self, gy):
            return None

    x = Variable(3.0)
    multiply(Stop()(multiply(x, x)), x).backward()
    assert float(x.grad) == 9


def test_no_grad_keeps_nothing():
    x = Variable(3.0)
    with no_grad():
        y = multiply(x, x)
        with no_grad():
            pass
        z = multiply(x, x)
    assert (float(y), y.creator, z.creator) == (9, None, None)
    assert multiply(x, x).creator is not None


def test_no_grad_ends_with_an_exception():
    with pytest.raises(KeyError), no_grad():
        raise KeyError
    assert multiply(Variable(3.0), 2.0).creator is not None


# ---- values: library, dtype, shape


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("library", [np, jnp])
def test_dtype_and_library_are_kept(library, dtype):
    with jax.enable_x64(True):
        x = Variable(library.asarray([1.0, 2.0], dtype=dtype))
        y = multiply(x, 2.0)
        y.backward(np.array([1.0, 10.0]))
    kind = np.ndarray if library is np else jax.Array
    for array in (y.value, x.grad):
        assert isinstance(array, kind)
        assert array.dtype == dtype
    np.testing.assert_array_equal(x.grad, [2, 20])


@pytest.mark.parametrize("value", [3, 3.0, True])
def test_a_python_number_is_a_float64_value(value):
    x = Variable(value)
    assert (x.dtype, x.shape, x.ndim, x.size) == (np.float64, (), 0, 1)
    assert isinstance(x.value, np.ndarray)


def test_0d_gradients_are_arrays():
    x = Variable(3.0)
    multiply(multiply(x, x), 2.0).backward()
    assert isinstance(x.grad, np.ndarray)
    assert (x.grad.shape, x.grad.dtype) == ((), np.float64)


def test_a_single_element_of_any_rank_starts_backward():
    x = Variable(np.array([[3.0]]))
    multiply(x, x).backward()
    np.testing.assert_array_equal(x.grad, [[6.0]])


def test_backward_starts_at_one_from_a_value_that_is_not_finite():
    x = Variable(np.inf)
    add(x, 1.0).backward()
    assert float(x.grad) == 1


def test_traces_under_jit():
    def step(value):
        x = Variable(value)
        y = multiply(multiply(x, x), x)
        y.backward()
        return y.value, x.grad

    y, gradient = jax.jit(step)(jnp.float32(2.0))
    assert (float(y), float(gradient)) == (8, 12)
    assert (gradient.dtype, gradient.shape) == (jnp.float32, ())


def test_length_and_text():
    assert len(Variable(np.zeros((3, 2)))) == 3
    assert repr(Variable(2.0, name="tax")) == "Variable(2.0, name='tax')"
    assert repr(Variable(np.eye(2))) == "Variable([[1. 0.]\n          [0. 1.]])"
    with pytest.raises(TypeError, match=r"^a Variable that holds a single number has no length$"):
        len(Variable(2.0))


# ---- mistakes


def test_backward_from_several_numbers():
    message = (
        r"^backward\(\) starts at a single number, got a Variable of shape \(2, 3\)\. "
        r"Reduce it first \(sum\(\) or mean\(\)\), or pass gradient= of that shape\.$"
    )
    with pytest.raises(ShapeError, match=message):
        Variable(np.zeros((2, 3))).backward()
    with pytest.raises(ShapeError, match=r"got Variable 'scores' of shape \(2,\)"):
        Variable(np.zeros(2), name="scores").backward()


def test_backward_from_a_gradient_of_another_shape():
    with pytest.raises(ShapeError, match=r"^backward\(gradient\): expected shape \(2,\), got \(3,\)\.$"):
        Variable(np.zeros(2)).backward(np.ones(3))


def test_a_users_backward_of_the_wrong_shape():
    class Wrong(Multiply):
        def backward(self, gy):
            return gy, gy

    x, b = Variable(np.ones((4, 2))), Variable(np.ones(2))
    message = (
        r"^Wrong\.backward: the gradient of input 1 must have its shape \(2,\), got \(4, 2\)\. "
        r"Sum it over the axes along which forward broadcasts\.$"
    )
    with pytest.raises(ShapeError, match=message):
        Wrong()(x, b).backward(np.ones((4, 2)))


def test_a_users_backward_with_too_few_gradients():
    class Short(Multiply):
        def backward(self, gy):
            return gy

    message = r"^Short\.backward: expected 2 gradients, one for each input, got 1\.$"
    with pytest.raises(ShapeError, match=message):
        Short()(Variable(1.0), Variable(2.0)).backward()


def test_a_function_is_one_node():
    node = Multiply()
    node(Variable(1.0), 2.0)
    message = r"^this Multiply is already a node of a graph: make a new one for each call$"
    with pytest.raises(RuntimeError, match=message):
        node(Variable(1.0), 2.0)


@pytest.mark.parametrize(("method", "arguments"), [("forward", (Variable(1.0),)), ("backward", (np.array(1.0),))])
def test_a_function_without_equations(method, arguments):
    with pytest.raises(NotImplementedError, match=rf"^Function defines no {method}\(self, \.\.\.\)$"):
        getattr(Function(), method)(*arguments)


@pytest.mark.parametrize(
    ("value", "got"),
    [
        ("three", "str"),
        (None, "NoneType"),
        (np.array(["a"]), "an array of dtype <U1"),
        (np.array(["2020-01-01"], dtype="datetime64[D]"), r"an array of dtype datetime64\[D\]"),
    ],
)
def test_values_that_are_no_numbers(value, got):
    with pytest.raises(DataError, match=f"^A Variable holds numbers; expected an array of numbers, got {got}\\.$"):
        Variable(value)


def test_a_variable_in_a_variable():
    with pytest.raises(TypeError, match=r"^a Variable cannot hold a Variable; use its \.value$"):
        Variable(Variable(1.0))


def test_a_number_takes_the_dtype_of_the_arrays_beside_it():
    _, number, label = as_variables((np.zeros(2, np.float32), 0.1, np.array([1, 2])))
    assert (number.dtype, label.dtype) == (np.float32, np.int64)
