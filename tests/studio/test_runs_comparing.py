"""Runs beside each other: differences, curves and results as plain data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from madi.studio.comparing import Line, Setting, chart, lines, metrics_of, results, settings, shown
from madi.studio.records import FINISHED, Record

ROWS = [
    {"epoch": 1, "loss": 0.5, "accuracy": 0.8, "validation_loss": 0.6, "learning_rate": 0.1, "seconds": 0.1},
    {"epoch": 2, "loss": 0.0, "accuracy": 0.9, "validation_loss": float("nan"), "learning_rate": 0.1, "seconds": 0.1},
]
WORDS = {"training": "training", "validation": "validation", "epoch": "epoch"}


def record(name: str, config: dict[str, Any], **more: Any) -> Record:
    return Record(name, Path(name), FINISHED, config=config, **more)


def test_settings_that_differ_come_first_each_in_the_order_of_the_configuration() -> None:
    runs = [
        record("a", {"epochs": 10, "seed": 0, "dataset": "digits", "hidden": [200, 100], "other": 1}),
        record("b", {"dataset": "digits", "epochs": 20, "seed": 0, "dropout": 0.5, "hidden": [200, 100], "other": 1}),
    ]
    assert settings(runs) == [
        Setting("dropout", ("", "0.5"), True),
        Setting("epochs", ("10", "20"), True),
        Setting("dataset", ("digits", "digits"), False),
        Setting("hidden", ("200, 100", "200, 100"), False),
        Setting("seed", ("0", "0"), False),
        Setting("other", ("1", "1"), False),
    ]
    assert not any(setting.differs for setting in settings(runs[:1]))
    assert settings([]) == []


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, ""), (True, "yes"), (False, "no"), ([], "none"), (["a", 1.5], "a, 1.5"), (0.001, "0.001"), ("x", "x")],
)
def test_values_are_written_as_a_person_does(value: Any, text: str) -> None:
    assert shown(value) == text


def test_results_have_a_row_for_each_part_that_was_measured() -> None:
    measured = {"test": {"loss": 0.5, "accuracy": 0.75}, "training": {"loss": None}, "validation": "nonsense"}
    assert results(record("a", {}, results=measured)) == (["loss", "accuracy"], [("test", (0.5, 0.75))])
    assert results(record("a", {})) == ([], [])


def test_curves_of_a_metric_training_before_validation() -> None:
    other = [{"epoch": 1, "loss": 1.0}]
    assert metrics_of([ROWS, other]) == ["loss", "accuracy"]
    assert lines([ROWS, other], "loss") == [
        Line(0, False, [(1, 0.5), (2, 0.0)]),
        Line(0, True, [(1, 0.6), (2, None)]),  # what is no number is a gap
        Line(1, False, [(1, 1.0)]),
    ]
    assert lines([ROWS, other], "accuracy") == [Line(0, False, [(1, 0.8), (2, 0.9)])]
    assert lines([ROWS], "loss", logarithmic=True)[0].points == [(1, 0.5), (2, None)]  # zero has no logarithm
    assert lines([[]], "loss") == []


def test_training_is_dashed_validation_full_and_each_run_has_its_colour() -> None:
    options = chart(lines([ROWS, ROWS], "loss"), ["one", "two"], WORDS, logarithmic=True)
    assert options["yAxis"]["type"] == "log"
    series = [(each["name"], each["lineStyle"]["type"], each["lineStyle"]["color"]) for each in options["series"]]
    assert series == [
        ("one · training", "dashed", "var(--run-0)"),
        ("one · validation", "solid", "var(--run-0)"),
        ("two · training", "dashed", "var(--run-1)"),
        ("two · validation", "solid", "var(--run-1)"),
    ]
    assert options["series"][0]["data"] == [[1, 0.5], [2, 0.0]]


def test_a_single_epoch_is_a_dot() -> None:
    options = chart(lines([ROWS[:1]], "accuracy"), ["one"], WORDS, logarithmic=False)
    assert options["series"][0]["showSymbol"] is True
    assert options["yAxis"]["type"] == "value"
