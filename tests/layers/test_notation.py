"""Networks as text: what is written is what one gets, and nothing in a text is ever run."""

import numpy as np
import pytest

from madi.errors import ConfigurationError, MadiError, UnknownNameError
from madi.initializers import Normal
from madi.layers import BatchNorm, Conv2D, Dense, Dropout, Flatten, Layer, MaxPool2D, ReLU, Residual, Sequential
from madi.layers.notation import LONGEST, from_text


def test_a_text_reads_as_the_python_that_it_looks_like():
    text = """
        Conv2D(16, 3, padding="same", bias=False, initializer=Normal(0.01))
        BatchNorm(), ReLU
        Residual(Sequential(Conv2D(16, 3), ReLU()))
        MaxPool2D((2, 2)), Flatten()
        Dropout(0.2)
        Dense(outputs)
    """
    text = "\n".join(line.strip() for line in text.splitlines())
    expected = Sequential(
        Conv2D(16, 3, padding="same", bias=False, initializer=Normal(0.01)), BatchNorm(), ReLU(),
        Residual(Sequential(Conv2D(16, 3), ReLU())), MaxPool2D((2, 2)), Flatten(), Dropout(0.2), Dense(10),
    )  # fmt: skip
    made = from_text(text, names={"outputs": 10})
    assert repr(made) == repr(expected)
    x = np.random.default_rng(0).normal(size=(2, 8, 8, 1)).astype(np.float32)
    outputs = [np.asarray(net.build((8, 8, 1), seed=3)(x).value) for net in (made, expected)]
    np.testing.assert_array_equal(*outputs)


@pytest.mark.parametrize("text", ["Sequential(Dense(3), ReLU())", "[Dense(3), ReLU()]", "Dense(3)\nReLU()"])
def test_brackets_commas_and_lines_are_alike(text):
    assert repr(from_text(text)) == repr(Sequential(Dense(3), ReLU()))


def test_a_layer_prints_as_the_text_that_makes_it():
    made = Sequential(Dense(3, bias=False), ReLU(), Residual(Sequential(Dense(3), ReLU())), Dense(2))
    assert repr(from_text(repr(made))) == repr(made)


def test_layers_of_the_user():
    class Doubled(Layer):
        def __call__(self, x, **given):
            return x * 2

    assert isinstance(from_text("Doubled()", layers=[Doubled])[0], Doubled)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "expected at least one layer, got none"),
        ("Dense(3", "line 1, column 6: not a list of layers"),
        ("Dense(3), 5", "line 1, column 11: expected a layer, got 5"),
        ("ReLU()\nDense(1 + 2)", "line 2, column 7: expected layers, numbers, texts and lists, got 1 + 2"),
        ("Dense(units=3, colour=1)", "line 1, column 1: Dense got an unexpected keyword argument 'colour'"),
        ("Dense(-3)", "line 1, column 1: Dense"),
        ("Dense(**{})", "expected"),
        ("x = Dense(3)", "expected a layer, got x = Dense(3)"),
        ("import os", "expected a layer, got import os"),
        ("Dense(3).build((2,))", "expected layers, numbers, texts and lists, got Dense(3).build((2,))"),
        ("[Dense(3) for i in [1]][0]", "expected layers, numbers"),
        ("Dense(lambda: 3)", "expected layers, numbers"),
        ("Dense(__import__('os').getpid())", "expected layers, numbers"),
        ("\0", "not a list of layers"),
        ("(" * 5000, "not a list of layers"),
        ("Dense(3)," * LONGEST, "expected at most 100,000 characters"),
    ],
)
def test_what_is_no_network_says_where(text, told):
    with pytest.raises(ConfigurationError, match="layers: ") as caught:
        from_text(text)
    assert told in str(caught.value)


@pytest.mark.parametrize(("text", "near"), [("Dens(3)", "Dense"), ("Dense(output)", "outputs"), ("eval('1')", "Known")])
def test_an_unknown_name_gets_the_closest(text, near):
    with pytest.raises(UnknownNameError, match=near):
        from_text(text, names={"outputs": 2})


def test_deeply_nested_text_is_an_error_not_a_crash():
    with pytest.raises(MadiError):
        from_text("Sequential(" * 3000 + "ReLU()" + ")" * 3000)
