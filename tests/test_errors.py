"""How messages name the arguments of a function."""

import pytest

from madi.errors import argument, spelled


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "kinds"),
        ("a", "kinds='a'"),
        ({"zip": "category"}, "kinds={'zip': 'category'}"),
        (["a", "b"], "kinds=['a', 'b']"),
        (True, "kinds=True"),
    ],
)
def test_in_python_an_argument_is_a_keyword(value, text):
    assert argument("kinds", value) == text


def test_another_spelling_holds_within_its_block_alone():
    with pytest.raises(ValueError, match="--kinds 3"), spelled(lambda name, value: f"--{name} {value}"):
        raise ValueError(argument("kinds", 3))
    assert argument("kinds", 3) == "kinds=3"
