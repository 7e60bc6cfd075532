"""The table of a model: shapes, parameters and multiply-adds that are counted by hand here."""

from __future__ import annotations

import numpy as np
import pytest

import madi.functions as F
from madi.errors import ShapeError
from madi.functions import Affine, MatMul
from madi.graph import Parameter
from madi.layers import AveragePool2D, Conv2D, Dense, Dropout, Flatten, Layer, MaxPool2D, ReLU, Sequential
from madi.models import INPUT_SHAPES, create


class Low(Layer):
    """A product of its own, and a layer within: x W (4 x 4), then Dense(2)."""

    def __init__(self):
        self.head = Dense(2, bias=False)

    def build(self, shape, key):
        self.weight = Parameter(np.ones((4, 4), np.float32))

    def __call__(self, x):
        return self.head(x @ self.weight)


class Block(Layer):
    def __init__(self, units):
        self.inner, self.outer = Dense(units), Dense(units)

    def __call__(self, x):
        return x + self.outer(F.relu(self.inner(x)))


def mlp():
    return Sequential(Flatten(), Dense(100), ReLU(), Dropout(0.5), Dense(10)).build((28, 28, 1))


def test_the_printed_table():
    text = str(mlp().freeze("1.bias").summary())
    # kept: the first layer's 784 inputs, ReLU's 100 outputs, a mask and the last layer's inputs of 100, 4 bytes each
    assert text == (
        "path  layer    output shape  parameters  trainable  multiply-adds  kept KiB\n"
        "---------------------------------------------------------------------------\n"
        "0     Flatten  784\n"
        "1     Dense    100               78,500  partly            78,400      3.06\n"
        "2     ReLU     100                                                     0.39\n"
        "3     Dropout  100                                                     0.39\n"
        "4     Dense    10                 1,010  yes                1,000      0.39\n"
        "---------------------------------------------------------------------------\n"
        "input 28 x 28 x 1, sizes for one example\n"
        "parameters 79,510 (311 KiB), of which 100 are frozen\n"
        "multiply-adds 79,400\n"
        "memory in training: 4.23 KiB kept for backward for each example\n"
        "weights, gradients and optimizer's state: 621 KiB with SGD, 931 KiB with Momentum, 1.21 MiB with Adam\n"
        "memory in inference: 3.45 KiB alive at once for each example"
    )


def test_the_rows_and_totals():
    summary = mlp().summary()
    dense = summary.rows[1]
    # 784 x 100 weights and 100 biases;  784 x 100 products
    assert (dense.path, dense.layer, dense.output_shape) == ("1", "Dense", (100,))
    assert (dense.parameters, dense.trainable, dense.multiply_adds) == (78500, True, 78400)
    assert (summary.parameters, summary.trainable_parameters, summary.multiply_adds) == (79510, 79510, 79400)
    assert sum(row.parameters for row in summary.rows) == summary.parameters


def test_products_belong_to_the_innermost_layer_that_ran_them():
    summary = Sequential(Low()).build((4,)).summary()
    assert [(row.path, row.parameters, row.multiply_adds) for row in summary.rows] == [("0", 16, 16), ("0.head", 8, 8)]


def test_a_frozen_model_counts_the_same():
    model = Sequential(Low(), Dense(3)).build((4,))
    assert model.summary().multiply_adds == 16 + 8 + 6
    assert model.freeze().summary().multiply_adds == 16 + 8 + 6
    assert model.summary().trainable_parameters == 0
    assert {row.trainable for row in model.summary().rows} == {False}


def test_a_shared_layer_has_its_parameters_once_and_a_call_in_each_place():
    shared = Dense(4)
    rows = Sequential(shared, ReLU(), shared).build((4,)).summary().rows
    assert [(row.parameters, row.trainable, row.multiply_adds) for row in rows] == [
        (20, True, 16), (0, None, 0), (0, None, 16)
    ]  # fmt: skip


def test_a_layer_called_twice_counts_twice():
    class Twice(Layer):
        def __init__(self):
            self.inner = Dense(4)

        def __call__(self, x):
            return self.inner(self.inner(x))

    assert Twice().build((4,)).summary().multiply_adds == 32


def test_a_layer_that_inference_does_not_call():
    class Spare(Layer):
        def __init__(self):
            self.used, self.spare = Dense(2), Dense(3)

        def __call__(self, x, *, training=False):
            return self.spare(x) if training else self.used(x)

    summary = Spare().build((4,)).summary()
    assert [(row.path, row.output_shape) for row in summary.rows] == [("used", (2,)), ("spare", None)]
    assert "training only" in str(summary)


def test_equal_blocks_in_a_row_fold():
    model = Sequential(Dense(8), *[Block(8) for _ in range(5)], Block(8), Dense(2)).build((3,))
    lines = str(model.summary()).splitlines()
    assert [line.split("  ")[0] for line in lines[2:7]] == ["0", "1 .. 6", "1.inner", "1.outer", "7"]
    assert "  6 x Block, each:  " in lines[3]
    assert "    Dense  " in lines[4]
    # 8 x 3 + 8,  six times 2 (64 + 8),  8 x 2 + 2
    assert "parameters 914 (3.57 KiB)" in lines
    assert len(model.summary().rows) == 2 + 6 * 3


def test_blocks_that_differ_do_not_fold():
    text = str(Sequential(Block(8), Block(8).build((8,)).freeze()).ensure_built((8,)).summary())
    assert " x 2" not in text


def test_korean_names_keep_the_columns_aligned():
    class 블록(Dense):
        pass

    lines = str(Sequential(블록(3), ReLU()).build((2,)).summary()).splitlines()
    columns = lines[0].index("output shape")
    # each Korean letter takes two columns of a terminal
    assert lines[2].index("3  ") == columns - 2
    assert lines[3].index("3") == columns


def test_the_page_of_a_notebook_escapes_names():
    page = Sequential(Block(2)).build((2,)).summary()._repr_html_()
    assert page.startswith("<table><tr><th>path</th>")
    assert "<td>0.inner</td><td>&nbsp;&nbsp;Dense</td><td>2</td>" in page
    assert "<br>parameters 12 (48 B)<br>multiply-adds 8<br>" in page
    assert "optimizer&#x27;s state" in page


def test_a_chain_that_only_holds_others_has_no_line_of_its_own():
    model = Sequential(Sequential(Dense(3), ReLU()), Sequential(Dense(2))).build((4,))
    assert [line.split()[:2] for line in str(model.summary()).splitlines()[2:5]] == [
        ["0.0", "Dense"], ["0.1", "ReLU"], ["1.0", "Dense"]
    ]  # fmt: skip
    assert [row.path for row in model.summary().rows] == ["0", "0.0", "0.1", "1", "1.0"]


def test_windows_and_strides_are_said():
    layers = Conv2D(4, 3), Conv2D(4, (3, 5), stride=(1, 2)), MaxPool2D(2), AveragePool2D(3, stride=1)
    rows = Sequential(*layers).build((16, 16, 3)).summary().rows
    assert [row.text for row in rows] == ["Conv2D 3x3", "Conv2D 3x5 /1x2", "MaxPool2D 2x2 /2", "AveragePool2D 3x3"]


def test_whether_all_is_trainable_stands_in_a_column_only_where_it_differs():
    model = mlp()
    assert "trainable" not in str(model.summary())
    assert "trainable" in str(model.freeze("1").summary())
    assert "trainable" not in str(model.freeze().summary())
    assert "parameters 79,510 (311 KiB), of which 79,510 are frozen\n" in str(model.summary())


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("name", ["resnet50", "googlenet", "vgg16"])
def test_a_hundred_columns_are_enough(name):
    summary = create(name).build(INPUT_SHAPES[name]).summary()
    assert max(map(len, summary.table(kernels=True).splitlines())) <= 104
    assert max(map(len, str(summary.outline).splitlines())) <= 100


def test_one_layer_alone():
    assert [(row.path, row.layer) for row in Dense(3).build((2,)).summary().rows] == [("", "Dense")]


def test_a_model_that_is_not_built():
    with pytest.raises(ShapeError, match=r"^Sequential is not built yet: call build\(shape of one example\) first\.$"):
        Sequential(Dense(3)).summary()


@pytest.mark.parametrize(
    ("function", "shapes", "expected"),
    [
        (MatMul, [(2, 3), (3, 5)], 30),  # 2 x 5 results of 3 products each
        (MatMul, [(7, 1, 2, 3), (4, 3, 5)], 7 * 4 * 30),
        (MatMul, [(3,), (3, 5)], 15),
        (MatMul, [(2, 3), (3,)], 6),
        (MatMul, [(3,), (3,)], 3),
        (Affine, [(1, 784), (784, 100), (100,)], 78400),
        (Affine, [(6, 2, 3), (3, 5)], 6 * 2 * 15),
    ],
)
def test_multiply_adds_of_a_node(function, shapes, expected):
    node = function()
    node(*(np.ones(shape, np.float32) for shape in shapes))
    assert node.multiply_adds == expected
