"""The graph of the layers: who takes whose output."""

from __future__ import annotations

import pytest

from madi import layers, models
from madi.layers import BatchNorm, Branches, Conv2D, Dense, Dropout, Flatten, ReLU, Residual, Sequential
from madi.tensorboard.graph import graph_event, nodes
from tests.tensorboard.reading import fields


def edges(model, shape):
    return {node.name: node.inputs for node in nodes(model.build(shape, seed=0))}


def test_a_chain():
    found = nodes(Sequential(Flatten(), Dense(3), Dropout(0.5), ReLU()).build((2, 2, 1), seed=0))
    assert [(node.name, node.kind, node.inputs, node.shape, node.parameters) for node in found] == [
        ("input", "Input", (), (2, 2, 1), 0),
        ("0_Flatten", "Flatten", ("input",), (4,), 0),
        ("1_Dense", "Dense", ("0_Flatten",), (3,), 15),
        ("2_Dropout", "Dropout", ("1_Dense",), (3,), 0),
        ("3_ReLU", "ReLU", ("2_Dropout",), (3,), 0),
    ]


def test_a_residual_block_has_two_ways():
    model = Sequential(Conv2D(4, 3), Residual(Sequential(Conv2D(4, 3), BatchNorm())), ReLU())
    found = edges(model, (4, 4, 1))
    assert found["1/body/0_Conv2D"] == ("0_Conv2D",)
    assert set(found["2_ReLU"]) == {"1/body/1_BatchNorm", "0_Conv2D"}


def test_branches_join():
    found = edges(Sequential(Branches(Conv2D(2, 1), Conv2D(3, 3)), Flatten(), Dense(2)), (4, 4, 1))
    (joined,) = (inputs for name, inputs in found.items() if name.endswith("Flatten"))
    assert len(joined) == 2
    assert all("Conv2D" in name for name in joined)


def test_a_layer_that_is_called_twice_is_two_nodes():
    shared = Dense(4)

    class Twice(layers.Layer):
        def __init__(self):
            self.inner = shared

        def __call__(self, x):
            return self.inner(self.inner(x))

    found = edges(Twice(), (4,))
    assert found == {"input": (), "inner_Dense": ("input",), "inner_Dense_2": ("inner_Dense",)}


def test_one_layer_alone():
    assert edges(Dense(2), (3,)) == {"input": (), "Dense": ("input",)}


@pytest.mark.parametrize("name", ["resnet18", "googlenet"])
def test_every_layer_of_a_network_of_the_course_is_reached_from_the_input(name):
    model = getattr(models, name)()
    found = edges(model, (64, 64, 3) if name == "resnet18" else (224, 224, 3))
    assert all(inputs for node, inputs in found.items() if node != "input")
    leaves = [path for path, layer in model.walk() if not layer.inner_layers()]
    assert len(found) > 0.8 * len(leaves)  # heads for training alone are not called


def test_the_message():
    model = Sequential(Dense(2)).build((3,), seed=0)
    event = fields(graph_event(model, 1.5))
    assert event[1] == [1.5]
    graph = fields(event[4][0])
    first, second = (fields(node) for node in graph[1])
    assert (first[1], first[2]) == ([b"input"], [b"Input"])
    assert (second[1], second[2], second[3]) == ([b"0_Dense"], [b"Dense"], [b"input"])
    attributes = {fields(entry)[1][0]: fields(fields(entry)[2][0]) for entry in second[5]}
    assert attributes[b"parameters"] == {3: [8]}
    sizes = [fields(dim)[1][0] for dim in fields(fields(attributes[b"_output_shapes"][1][0])[7][0])[2]]
    assert sizes == [2**64 - 1, 2]  # -1 examples
