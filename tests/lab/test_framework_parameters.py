"""Parameters of an experiment: what they take, what they refuse and how they say it."""

from typing import Annotated

import numpy as np
import pytest

from madi.errors import ConfigurationError, UnknownNameError
from madi.lab import Number, Seed, experiment, names, run
from madi.lab.framework.parameters import declared


@pytest.mark.parametrize(
    ("name", "given", "had"),
    [
        ("slope", 3, 3.0),
        ("slope", np.float32(0.5), 0.5),
        ("slope", np.int64(10), 10.0),
        ("points", [4, 5], (4, 5)),
        ("points", np.array([4, 5]), (4, 5)),
        ("points", 7, (7,)),
        ("ends", (0, 1), (0.0, 1.0)),
        ("kind", "curve", "curve"),
        ("rising", False, False),
        ("rising", np.True_, True),
        ("seed", np.uint8(3), 3),
    ],
)
def test_a_value_becomes_its_type(toy, name, given, had):
    value = run(toy, **{name: given}).parameters[name]
    assert value == had
    entries = value if isinstance(value, tuple) else (value,)
    assert {type(entry) for entry in entries} == {type(entry) for entry in (had if isinstance(had, tuple) else (had,))}


@pytest.mark.parametrize(
    ("name", "given", "text"),
    [
        ("slope", 11, "toy: slope must be a number from 0 to 10, got 11. Its default is 2.0."),
        ("slope", np.nan, "toy: slope must be a number from 0 to 10, got nan. Its default is 2.0."),
        ("slope", -np.inf, "toy: slope must be a number from 0 to 10, got -inf. Its default is 2.0."),
        ("slope", True, "toy: slope must be a number from 0 to 10, got True. Its default is 2.0."),
        ("slope", (1.0,), "toy: slope must be a number from 0 to 10, got (1.0,). Its default is 2.0."),
        ("slope", None, "toy: slope must be a number from 0 to 10, got None. Its default is 2.0."),
        ("points", (1, 10), "toy: points must be whole numbers from 1 to 9, got (1, 10). Its default is (1, 2, 3)."),
        ("points", (1, 2.0), "toy: points must be whole numbers from 1 to 9, got (1, 2.0). Its default is (1, 2, 3)."),
        ("points", (), "toy: points must be whole numbers from 1 to 9, got (). Its default is (1, 2, 3)."),
        ("ends", (1,), "toy: ends must be 2 numbers from -9 to 9, got (1,). Its default is (-1.0, 4.5)."),
        ("ends", 1, "toy: ends must be 2 numbers from -9 to 9, got 1. Its default is (-1.0, 4.5)."),
        ("kind", "curv", "toy: kind must be one of line, curve, got 'curv'. Did you mean 'curve'?"),
        ("kind", 3, "toy: kind must be one of line, curve, got 3. Its default is 'line'."),
        ("rising", 1, "toy: rising must be True or False, got 1. Its default is True."),
        ("seed", -1, "toy: seed must be a whole number from 0 to 2.14748e+09, got -1. Its default is 0."),
    ],
)
def test_a_wrong_value_is_told_with_what_is_right(toy, name, given, text):
    with pytest.raises(ConfigurationError) as error:
        run(toy, **{name: given})
    assert str(error.value) == text


def test_a_wrong_name_is_told_with_the_closest(toy):
    with pytest.raises(
        UnknownNameError, match=r"^Unknown parameter of toy 'slop': did you mean 'slope'\? Known: ends,"
    ):
        run(toy, slop=1)
    with pytest.raises(UnknownNameError, match=r"^Unknown experiment 'tay': did you mean 'toy'\? "):
        run("tay")


def test_a_quick_run_has_its_own_values_and_those_given(toy):
    assert run(toy, quick=True).parameters["slope"] == 1.0
    assert run(toy, quick=True, slope=3.0).parameters["slope"] == 3.0
    assert run(toy).parameters["slope"] == 2.0


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("slope", "0.1", 0.1),
        ("points", "1,4, 9", (1, 4, 9)),
        ("points", "1,x", (1, "x")),
        ("kind", "line", "line"),
        ("slope", "steep", "steep"),
    ],
)
def test_a_value_is_read_from_text(toy, name, text, value):
    assert experiment(toy).parameters[name].read(text) == value


@pytest.mark.parametrize(
    ("name", "value", "option"),
    [
        ("slope", 0.1, "--slope 0.1"),
        ("points", (1, 4), "--points 1,4"),
        ("ends", (-1.0, 2.0), "--ends=-1.0,2.0"),
        ("rising", False, "--no-rising"),
        ("rising", True, "--rising"),
    ],
)
def test_a_value_as_an_option(toy, name, value, option):
    assert experiment(toy).parameters[name].option(value) == option


def test_what_is_not_declared_is_a_fault():
    def bare(*, steps: int = 3): ...

    def no_default(*, seed: Seed): ...

    def no_rule(*, steps: Annotated[int, "of training"] = 3): ...

    for compute in (bare, no_default, no_rule):
        with pytest.raises(TypeError, match="needs a default and a type Annotated"):
            declared(compute)


def test_experiments_stand_in_the_order_of_the_course(add_experiment):
    for name, head in {
        "later": "ROWS = ('B10',)",
        "second": "ROWS = ('B2', 'A1')",
        "alphabet": "ROWS = ('B2',)",
        "first": "ROWS = ('A3',)",
        "beginning": "ROWS = ('B2',)\nPLACE = -1",
    }.items():
        add_experiment(name, head)
    assert names() == ("first", "beginning", "alphabet", "second", "later")


def test_a_large_range_is_told_by_its_lower_end():
    assert Number(0, 2**31, "").range() == "at least 0"
    assert Number(1, 10_000, "").range() == "1 to 10,000"
