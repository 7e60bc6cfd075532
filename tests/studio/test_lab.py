"""Behind the page Lab, without a browser: knobs for every parameter, settings in addresses, the list, the words."""

from __future__ import annotations

import re
from typing import Any

import pytest

from madi.errors import ConfigurationError, UnknownNameError
from madi.lab import experiment, names
from madi.lab.framework.page import blocks
from madi.lab.framework.parameters import Parameter, Switch, shown
from madi.studio.experiments.contents import chapters, lines, neighbours, page_text
from madi.studio.experiments.knobs import Kind, columns, kind, nearest, stops
from madi.studio.experiments.settings import OTHERS, Setting, read, read_text
from madi.studio.texts.lab import TEXTS, TITLES
from madi.studio.texts.lab_pages import PAGES

PARAMETERS = [(name, parameter) for name in names() for parameter in experiment(name).parameters.values()]
NUMBERS = [(name, parameter) for name, parameter in PARAMETERS if kind(parameter) is Kind.SLIDER]


def other(parameter: Parameter) -> Any:
    """A value that is not the one of a quick run."""
    rule: Any = parameter.rule
    form = kind(parameter)
    if form is Kind.SLIDER:
        return next(stop for stop in stops(parameter) if stop != parameter.quick)
    if form is Kind.FIELD:
        return 77
    if form is Kind.CHOICE:
        return next(word for word in rule.options if word != parameter.quick)
    return {
        Kind.LIST: (*parameter.default, parameter.default[0]) if parameter.several else None,
        Kind.CELLS: (parameter.kind(1),) * (rule.length or 1),
        Kind.WORDS: (getattr(rule, "options", ("",))[-1],),
    }[form]


def test_there_are_knobs_for_every_parameter_of_every_experiment() -> None:
    assert len(names()) == 42
    assert {kind(parameter) for _, parameter in PARAMETERS} == set(Kind) - {Kind.SWITCH}
    seeds = {parameter.name for _, parameter in PARAMETERS if kind(parameter) is Kind.FIELD}
    assert seeds == {"seed", "points"}


def test_sliders_stop_at_values_that_are_taken_and_at_the_usual_ones() -> None:
    for name, parameter in NUMBERS:
        found = stops(parameter)
        assert 2 < len(found) < 160 or parameter.rule.high - parameter.rule.low < 3, (name, parameter, len(found))  # type: ignore[union-attr]
        assert list(found) == sorted(set(found))
        assert parameter.default in found
        assert parameter.quick in found
        for value in found:
            assert parameter.checked(name, value) == value


def test_stops_are_even_or_by_decades() -> None:
    made = experiment("optimizer_paths").parameters
    assert stops(experiment("linear_collapse").parameters["layers"]) == (2, 3, 4)
    assert stops(experiment("numerical_slope").parameters["at"])[:3] == (-5, -4.9, -4.8)
    rates = stops(made["learning_rate"])
    assert {0.01, 0.012, 0.015, 0.02, 0.1, 0.95, 1.0, 10.0} <= set(rates)
    assert rates[nearest(rates, 0.0121)] == 0.012
    assert columns(experiment("three_layer").parameters["w1"]) == 3
    assert columns(experiment("gates").parameters["and_gate"]) == 3


def test_every_parameter_goes_into_an_address_and_comes_back() -> None:
    for name, parameter in PARAMETERS:
        setting = Setting(experiment(name)).turned(parameter.name, other(parameter))
        address = {key: value for key, value in setting.address().items() if value is not None}
        assert set(address) == {"experiment", parameter.name}
        found, refused = read(address, "gates")
        assert not refused
        assert found == setting
        assert found.key == setting.key
        assert found.key != setting.reset().key


def test_no_parameter_has_the_name_of_something_else_in_the_address() -> None:
    assert not {parameter.name for _, parameter in PARAMETERS} & (OTHERS | {"anew"})


def test_bad_values_in_an_address_are_refused_by_the_parameters_own_words() -> None:
    address = {"experiment": "planar", "lang": "ko", "hidden": "1,x", "steps": "3", "spread": "0.5", "hiden": "2"}
    setting, refused = read(address, "gates")
    assert setting.given == {"spread": 0.5}
    assert refused["hidden"].startswith("planar: hidden must be whole numbers from 1 to 200, got (1, 'x').")
    assert refused["steps"].startswith("planar: steps must be a whole number from 10 to 100000, got 3.")
    assert "did you mean 'hidden'?" in refused["hiden"]
    with pytest.raises(UnknownNameError, match="Unknown experiment 'planer': did you mean 'planar'"):
        read({"experiment": "planer"}, "gates")
    assert read({}, "gates")[0].made.name == "gates"


def test_what_is_typed_is_read_as_a_person_means_it() -> None:
    made = experiment("planar").parameters
    assert read_text(made["hidden"], " 1, 4, ") == (1, 4)
    with pytest.raises(ConfigurationError, match="learning_rate must be a number"):
        Setting(experiment("planar")).turned("learning_rate", "fast")


def test_a_switch_stands_in_the_address_as_yes_or_no() -> None:
    decay = Parameter("decay", bool, True, Switch("whether the rate falls"))
    assert kind(decay) is Kind.SWITCH
    assert read_text(decay, "no") is False
    assert read_text(decay, shown(True)) is True
    with pytest.raises(ConfigurationError, match="decay must be True or False, got 'maybe'"):
        decay.checked("toy", read_text(decay, "maybe"))


def test_quick_and_full_keep_what_is_changed() -> None:
    setting = Setting(experiment("planar")).turned("steps", 500)
    assert setting.values["hidden"] == (1, 4)
    full = setting.with_quick(False)
    assert full.values["hidden"] == (1, 2, 3, 4, 5, 20, 50)
    assert full.values["steps"] == 500
    assert full.address()["quick"] == "no"
    assert full.turned("steps", full.usual("steps")).given == {}
    assert setting.reset() == Setting(experiment("planar"))
    assert setting.seconds < full.seconds


def test_only_long_experiments_in_full_would_take_hours() -> None:
    assert Setting(experiment("road_to_record"), quick=False).hours
    assert not Setting(experiment("road_to_record")).hours
    assert not Setting(experiment("planar"), quick=False).hours


def test_the_list_is_in_chapters_and_can_be_searched() -> None:
    known = lines({"planar": "꽃과 직선"})
    assert [line.name for line in known] == list(names())
    assert list(chapters(known)) == ["A", "B", "C", "D", "E"]
    assert [line.name for line in known if line.answers("꽃")] == ["planar"]
    assert "optimizer_paths" in [line.name for line in known if line.answers("valley ADAM")]
    assert not any(line.answers("zebra") for line in known)
    assert neighbours("gates") == (None, "activations")
    assert neighbours("feature_hierarchy")[1] is None


def test_korean_pages_have_every_number_of_the_labs_and_its_equations() -> None:
    assert set(PAGES) == set(names())
    for name in names():
        made = experiment(name)
        found = list(blocks(made.text))
        assert [equation for equation, _ in found].index(True) == 1, f"{name}: more than one paragraph"
        english = " ".join(found[0][1])
        assert numbers(english) <= numbers(PAGES[name]), (name, numbers(english) - numbers(PAGES[name]))
        korean = page_text("ko", made)
        assert list(blocks(korean))[1:] == found[1:]
        assert korean.startswith(PAGES[name])
        assert page_text("en", made) == made.text


def numbers(text: str) -> set[str]:
    """The numbers in a text."""
    return {found.rstrip(",") for found in re.findall(r"\d[\d,]*(?:\.\d+)?", text)}


def test_titles_and_knobs_have_korean_words_and_the_labs_english_ones() -> None:
    assert {name: title for name, (title, _) in TITLES.items()} == {name: experiment(name).title for name in names()}
    for name, parameter in PARAMETERS:
        assert f"knob.{parameter.name}" in TEXTS, (name, parameter.name)
        assert f"about.{parameter.rule.text}" in TEXTS, (name, parameter.rule.text)
    told = {key.removeprefix("about.") for key in TEXTS if key.startswith("about.")}
    assert told == {parameter.rule.text for _, parameter in PARAMETERS}
    assert {key for key in TEXTS if key.startswith("knob.")} == {
        f"knob.{parameter.name}" for _, parameter in PARAMETERS
    }
