"""What stands behind a number: the terms add up to the very number of the run, for every kind of node."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import madi
import madi.functions as F
from madi.studio.stepping.behind import behind_gradient, behind_value
from madi.studio.stepping.picking import picked
from madi.studio.stepping.putting import put_in
from madi.studio.stepping.walk import Place, Walk, walked

RANDOM = np.random.default_rng(7)


def leaf(*shape: int, name: str = "x") -> Any:
    return madi.Variable(RANDOM.normal(size=shape), name=name)


def total(y: Any) -> Any:
    """One number whose gradient is another for each element."""
    return F.sum(y * RANDOM.normal(size=y.shape))


SUMMED: dict[str, Callable[[], Any]] = {
    "affine": lambda: F.affine(leaf(2, 3), leaf(3, 4), leaf(4)),
    "affine of a vector": lambda: F.affine(leaf(3), leaf(3, 4)),
    "matrix product": lambda: leaf(2, 3) @ leaf(3, 2),
    "convolution": lambda: F.conv2d(leaf(1, 5, 6, 2), leaf(3, 3, 2, 3), leaf(3)),
    "convolution with stride, padding, dilation": lambda: F.conv2d(
        leaf(2, 7, 6, 2), leaf(3, 2, 2, 2), leaf(2), stride=2, padding=((1, 0), (1, 2)), dilation=(1, 2)
    ),
    "convolution, same": lambda: F.conv2d(leaf(1, 4, 5, 2), leaf(2, 2, 2, 2), padding="same"),
    "convolution in groups": lambda: F.conv2d(leaf(1, 4, 4, 4), leaf(3, 3, 2, 6), leaf(6), groups=2),
    "mean pooling": lambda: F.average_pool2d(leaf(1, 6, 6, 2), 2),
    "mean pooling, overlapping": lambda: F.average_pool2d(leaf(1, 5, 5, 1), 3, stride=2),
    "mean of an image": lambda: F.global_average_pool(leaf(1, 3, 4, 2)),
    "sum": lambda: F.sum(leaf(3, 4), axis=0),
    "mean": lambda: F.mean(leaf(3, 4), axis=1),
    "reshape": lambda: F.reshape(leaf(2, 6), (3, 4)),
    "transpose": lambda: F.transpose(leaf(2, 3)),
    "an element": lambda: leaf(4, 3)[1:3],
    "joined": lambda: F.concatenate([leaf(2, 3), leaf(2, 1)], axis=1),
    "squared error": lambda: F.mean_squared_error(leaf(2, 3), RANDOM.normal(size=(2, 3))),
}
RETURNED = tuple(name for name in SUMMED if name.split()[0] in ("affine", "matrix", "convolution", "reshape", "mean"))


@pytest.mark.parametrize("name", SUMMED)
def test_the_terms_add_up_to_the_value(name: str) -> None:
    step = madi.trace(SUMMED[name](), gradient=None)[-1]
    for index in np.ndindex(np.shape(step.value)):
        found = behind_value(step, index)
        assert found.value == step.value[index]
        assert found.terms
        assert found.total == pytest.approx(found.value, rel=1e-9, abs=1e-12)
        sizes = [abs(term.value) for term in found.terms]
        assert sizes == sorted(sizes, reverse=True)


@pytest.mark.parametrize("name", [name for name in RETURNED if name not in ("mean", "mean of an image")])
def test_the_terms_add_up_to_the_gradient_that_is_passed_back(name: str) -> None:
    walk = Walk(total(SUMMED[name]()))
    step = walk.trace[0]
    for position, handed in enumerate(walk.handed_back(step)):
        for index in np.ndindex(np.shape(handed)):
            found = behind_gradient(step, position, index, handed)
            assert found.value == handed[index]
            assert found.terms or handed[index] == 0  # a pixel that no window sees
            assert found.total == pytest.approx(found.value, rel=1e-9, abs=1e-12)


def test_of_a_window_the_largest_is_taken_and_it_alone_gets_the_gradient() -> None:
    walk = Walk(total(F.max_pool2d(leaf(1, 4, 4, 2), 2)))
    step = walk.trace[0]
    for index in np.ndindex(step.value.shape):
        found = behind_value(step, index)
        assert (found.joint, len(found.terms), found.terms[0].value) == ("max", 4, found.value)
    (handed,) = walk.handed_back(step)
    for index in np.ndindex(handed.shape):
        assert behind_gradient(step, 0, index, handed).total == handed[index]


def test_a_convolution_shows_window_kernel_and_product_of_the_channel_that_adds_most() -> None:
    x = np.zeros((1, 3, 3, 2))
    x[0, :, :, 1] = np.arange(9).reshape(3, 3)
    weight = np.ones((2, 2, 2, 1))
    weight[..., 1, 0] = [[1, 2], [3, 4]]
    step = madi.trace(F.conv2d(madi.Variable(x), weight))[0]
    found = behind_value(step, (0, 1, 0, 0))
    window, kernel, product = (matrix for _, matrix in found.pictures)
    assert found.channel == 1
    assert window.tolist() == [[3, 4], [6, 7]]
    assert kernel.tolist() == [[1, 2], [3, 4]]
    assert product.tolist() == [[3, 8], [18, 28]]
    assert (found.value, found.total) == (57, 57)


@pytest.mark.parametrize(
    ("made", "index", "expected"),
    [
        (lambda: madi.Variable(100.0) * madi.Variable(2.0), (), "y = 100 · 2"),
        (lambda: F.exp(madi.Variable(-1.0)), (), "y = exp(-1)"),
        (lambda: F.sigmoid(madi.Variable([0.5, -2.0])), (1,), "y = 1 / (1 + exp(-(-2)))"),
        (lambda: F.relu(madi.Variable([0.5, -2.0])), (1,), "y = max((-2), 0)"),
        (lambda: F.leaky_relu(madi.Variable(-2.0), slope=0.1), (), "y = (-2) where (-2) > 0, else 0.1 · (-2)"),
        (lambda: madi.Variable([1.0, 2.0]) / 4.0, (1,), "y = 2 / 4"),
        (lambda: F.softmax(madi.Variable([[0.0, 0.0]])), (0, 1), "y = 1 / 2"),
        (lambda: F.softmax_cross_entropy(madi.Variable([[0.0, 0.0]]), np.array([1])), (), "L = log(2) - 0"),
    ],
)
def test_equations_with_the_numbers_put_in(made: Callable[[], Any], index: tuple[int, ...], expected: str) -> None:
    assert behind_value(madi.trace(made())[-1], index).put_in == expected


@pytest.mark.parametrize(
    ("equation", "expected"),
    [
        ("gx = gy y (1 - y)", "gx = 2 · 0.5 · (1 - 0.5)"),
        ("gx = gy (1 - y²)", "gx = 2 · (1 - 0.5²)"),
        ("gx = gy sign(x)", "gx = 2 · sign(-3)"),
        ("y = x in `shape`", ""),
        ("y = Σ x", ""),
        ("y = x + z", ""),  # not all of it is a number
        ("no equation", ""),
    ],
)
def test_numbers_in_the_place_of_letters(equation: str, expected: str) -> None:
    assert put_in(equation, {"gy": 2.0, "y": 0.5, "x": -3.0}) == expected


def test_the_gradient_of_softmax_and_cross_entropy_is_the_difference_of_prediction_and_truth() -> None:
    walk = Walk(F.softmax_cross_entropy(madi.Variable([[0.0, 0.0]]), np.array([1])))
    (handed,) = walk.handed_back(walk.trace[0])
    assert behind_gradient(walk.trace[0], 0, (0, 1), handed).put_in == "gx = 1 · (0.5 - 1) / 1"
    assert handed.tolist() == [[0.5, -0.5]]


# ---- a number that was chosen


def shared() -> Walk:
    """a b + a, with a = 2, b = 3."""

    def compute() -> Any:
        a, b = madi.Variable(2.0, name="a"), madi.Variable(3.0, name="b")
        product = a * b
        return product + F.exp(product)

    return walked(compute)


def test_what_goes_in_is_told_by_the_step_that_computed_it() -> None:
    found = picked(shared(), Place(1), "in.0:0")
    assert (found.note, found.values, found.behind.put_in) == ("by_step", {"node": 1}, "y = 2 · 3")
    assert picked(shared(), Place(0), "in.1:0").note == "given"


def test_a_gradient_that_arrives_from_two_places_is_their_sum() -> None:
    walk = shared()
    found = picked(walk, Place(0, back=True), "arrives:0")
    assert found.note == "summands"
    assert sorted(term.value for term in found.behind.terms) == [1.0, pytest.approx(np.exp(6.0))]
    assert found.behind.total == found.behind.value == walk.trace[0].gradient
    assert picked(walk, Place(2, back=True), "arrives:0").note == "start"


def test_of_a_node_with_several_outputs_each_can_be_chosen() -> None:
    def compute() -> Any:
        first, second = F.split(madi.Variable([1.0, 2.0, 5.0]), [1, 2])
        return F.sum(first) * F.sum(second)

    walk = walked(compute)
    assert walk.trace[0].kind == "Split"
    assert picked(walk, Place(0), "out.1:1").behind.value == 5
    assert picked(walk, Place(0), "").choice == "out.1:1"
    assert picked(walk, Place(0, back=True), "").behind.value == 7  # what is passed back to the first


@pytest.mark.parametrize("choice", ["", "value:9", "in.7:0", "value:-1", "value", "x" * 50, "in.0:99999999999"])
def test_a_choice_that_there_is_not_becomes_the_largest_number(choice: str) -> None:
    walk = walked(lambda: F.affine(madi.Variable([[1.0, 2.0]]), np.array([[1.0, -9.0], [1.0, 1.0]])))
    assert picked(walk, Place(0), choice).choice == "value:1"  # 3 and -7


def test_the_number_that_stands_out_at_first_is_one_that_is_shown() -> None:
    weight = np.zeros((30, 30))
    weight[29, 29], weight[2, 3] = 9.0, 4.0
    walk = walked(lambda: F.sum(madi.Variable(weight, name="x") * 1.0))
    found = picked(walk, Place(0), "")
    assert found.choice == "value:63"  # 2, 3
    assert found.behind.value == 4
