"""Every experiment of the lab: its page, its parameters, and that a quick run shows all it claims."""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

import pytest

from madi.errors import MadiError
from madi.lab import Result, experiment, names, run
from madi.lab.framework.figures import svg_of
from madi.lab.framework.page import blocks, page
from madi.lab.framework.parameters import Choice, Number, Parameter, Switch
from madi.lab.framework.result import PACKAGES
from madi.lab.framework.style import styled

# Seconds of a quick run, by the experiment's own word, up to which it is in the default tests: once, once more, and
# once for each parameter.
ONCE, AGAIN, EACH = 4.0, 1.5, 0.3
TIMES = {("vectorization", "repeats")}  # parameters that change how well times are measured, and nothing else
SMALL = {
    **{"data": "digits", "examples": 120, "tested": 100, "few": 50, "more": 100, "looked_at": 50, "compared": 50},
    **{"epochs": 4, "steps": 100, "trials": 3, "rounds": 2, "seeds": 1, "runs": 1, "members": 2, "marks": 2},
    **{"scales": 2, "enlarged": 10, "trained_bits": 3},
}
COURSE = Path(__file__).resolve().parents[2] / "docs" / "course.md"
RESERVED = {"quick", "anew", "record", "output", "name", "help"}  # options of `madi lab run` and arguments of `run`


def by_time(most: float, *, parameter: str | None = None):
    """A mark: every experiment, or each with this parameter; long where a quick run takes more than `most` seconds."""
    chosen = [name for name in names() if parameter is None or parameter in experiment(name).parameters]
    long = {name: pytest.mark.long for name in chosen if experiment(name).cost.quick > most}
    return pytest.mark.parametrize("name", [pytest.param(name, marks=long.get(name, ())) for name in chosen])


every = pytest.mark.parametrize("name", names())


@cache
def quick(name: str, **given) -> Result:
    """A quick run, once for all tests of a process."""
    return run(name, quick=True, anew=experiment(name).long, **given)


# ---- what a quick run shows


@by_time(ONCE)
def test_a_quick_run_shows_every_claim_and_is_written(name, tmp_path):
    result = quick(name)
    expect_claims(result)
    expect_files(result, tmp_path)
    expect_all_in_json(result)


def expect_claims(result: Result):
    """Some claims, each a sentence, each shown."""
    assert 2 <= len(result.claims) <= 8
    assert [claim for claim, shown in result.claims.items() if not shown] == []
    assert [claim for claim in result.claims if not claim.endswith(".")] == []


def expect_files(result: Result, folder: Path):
    """Figure, numbers and page are written; the numbers as JSON that every program reads."""
    html, png, svg, text = result.save(folder)
    assert png.stat().st_size > 5_000
    assert svg.read_text(encoding="utf-8").rstrip().endswith("</svg>")
    assert html.stat().st_size > 10_000
    assert json.loads(text.read_text(encoding="utf-8"), parse_constant=pytest.fail)["data"]


def expect_all_in_json(result: Result):
    """Claims and figure follow from what the JSON holds."""
    again = Result.from_json(result.experiment, result.to_json())
    assert again.claims == result.claims
    assert drawn(again) == drawn(result)


def drawn(result: Result) -> str:
    """The figure as SVG, its panels where they stand before any layout, which takes most of the time."""
    with styled():
        figure = result.experiment.module.draw(result.data)
    if hasattr(figure, "set_layout_engine"):
        figure.set_layout_engine("none")
    return svg_of(figure)


@by_time(AGAIN, parameter="data")
def test_it_shows_every_claim_on_the_digits_that_come_with_madi_too(name, monkeypatch, tmp_path):
    monkeypatch.delenv("MADI_DATA", raising=False)
    monkeypatch.setattr("pooch.os_cache", lambda name: tmp_path / name)  # nothing downloaded is at hand
    result = run(name, quick=True, anew=experiment(name).long)
    assert result.data["images"]["name"] == "digits"
    assert "8 x 8 digits" in result.notice
    assert "8 x 8 digits" in page(result)
    expect_claims(result)


@by_time(EACH)
def test_every_parameter_changes_the_numbers(name):
    usual = run(name, quick=True, anew=experiment(name).long, **small(name))
    checked = [parameter for parameter in usual.parameters if (name, parameter) not in TIMES]
    assert [parameter for parameter in checked if not matters(parameter, usual)] == []


def small(name: str) -> dict:
    """Sizes at which a slow experiment is done in a moment: it shows nothing, but every parameter matters."""
    made = experiment(name)
    sizes = {size: SMALL[size] for size in made.parameters if size in SMALL} if made.cost.quick > AGAIN else {}
    return {size: (value // 2, value) if made.parameters[size].several else value for size, value in sizes.items()}


def matters(name: str, usual: Result) -> bool:
    """Whether another value gives other numbers, or another figure; those that are refused give none."""
    made = usual.experiment
    for value in others(made.parameters[name], usual.parameters[name]):
        with suppress(MadiError):
            result = made.run(quick=usual.quick, anew=made.long, **{**usual.parameters, name: value})
            if told(result, name) != told(usual, name) or result.svg != usual.svg:
                return True
    return False


def others(parameter: Parameter, usual) -> Iterator:
    """Values beside one: with an entry less, a little more or less, twice and half as much, the lowest of all."""
    entries = usual if parameter.several else (usual,)
    if parameter.several and len(entries) > 1 and parameter.rule.length is None:
        yield entries[:-1]
    for last in beside(parameter, entries[-1]):
        yield (*entries[:-1], last) if parameter.several else last


def beside(parameter: Parameter, value) -> Iterator:
    """Single values beside one."""
    rule = parameter.rule
    if isinstance(rule, Number):
        step = 1 if parameter.kind is int else 0.1 * (abs(value) or 1.0)
        yield from (value + step, value - step, parameter.kind(2 * value), parameter.kind(value / 2), rule.low)
    else:
        yield from (not value,) if isinstance(rule, Switch) else (word for word in rule.options if word != value)


def told(result: Result, name: str) -> str:
    """The data as text, without times, and without the parameter itself where it stands among them."""
    itself = json.loads(json.dumps(result.parameters[name]))

    def without(data):
        if not isinstance(data, dict):
            return [without(entry) for entry in data] if isinstance(data, list) else data
        return {key: without(value) for key, value in data.items() if key != "seconds" and (key, value) not in echoes}

    echoes = [(name, itself), (name.replace("_", " "), itself)]
    return json.dumps(without(json.loads(result.to_json())["data"]))


# ---- the page and the declarations


@every
def test_its_page(name):
    made = experiment(name)
    assert 3 <= len(made.title) <= 90
    text = " ".join(" ".join(lines) for equation, lines in blocks(made.text) if not equation)
    sentences = re.findall(r"[.!?](?=\s|$)", text)
    assert 2 <= len(sentences) <= 9, f"{len(sentences)} sentences"
    assert any(equation for equation, _ in blocks(made.text)), "a page has an equation"


@every
def test_its_rows_are_those_of_the_course(name):
    course = COURSE.read_text(encoding="utf-8")
    assert experiment(name).rows
    for row in experiment(name).rows:
        assert re.search(rf"^\| {row} \|", course, re.MULTILINE), row


@every
def test_its_cost_is_told(name):
    cost = experiment(name).cost
    assert 0 < cost.quick <= 60
    assert cost.full >= cost.quick
    assert experiment(name).long or cost.full <= 1800


@every
def test_its_parameters_have_a_text_and_values_within_their_range(name):
    for parameter in experiment(name).parameters.values():
        assert parameter.name not in RESERVED
        assert parameter.rule.text.strip()
        assert parameter.checked(name, parameter.default) == parameter.default
        assert parameter.checked(name, parameter.quick) == parameter.quick
        if isinstance(parameter.rule, Number):
            assert parameter.rule.low < parameter.rule.high
        if isinstance(parameter.rule, Choice):
            assert len(set(parameter.rule.options)) > 1


@every
def test_it_has_something_to_change(name):
    assert experiment(name).parameters


def test_the_whole_lab_is_quick():
    assert sum(experiment(name).cost.quick for name in names()) < 400


def test_the_whole_lab_in_full_takes_less_than_90_minutes():
    assert sum(experiment(name).cost.full for name in names() if not experiment(name).long) < 90 * 60


@pytest.mark.parametrize("name", [name for name in names() if experiment(name).long])
def test_its_recorded_result_is_whole(name):
    """What it shows is read, not asked for: it may have been trained for less than its page speaks of."""
    made, result = experiment(name), run(name)
    assert result.recorded
    assert not result.quick
    told = json.loads(made.record.read_text(encoding="utf-8"))
    assert list(told["parameters"]) == list(made.parameters)
    assert made.values(told["parameters"], quick=False) == result.parameters
    assert all(claim.endswith(".") for claim in result.claims)
    assert 2 <= len(result.claims) <= 8
    assert result.svg.rstrip().endswith("</svg>")
    assert page(result).count("Not shown by these data.") == len(result.claims) - result.confirmed
    assert datetime.date.fromisoformat(result.origin.date) <= datetime.date.today()
    assert set(result.origin.versions) == {"python", *PACKAGES}
    assert result.seconds > 0
