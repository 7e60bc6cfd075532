"""A network line by line: shapes, parameters, and the error of the line that is wrong."""

from __future__ import annotations

import pytest

from madi.config import TrainConfig
from madi.studio.training.network import MOST_PARAMETERS, Task, check, check_named, split_lines

POINTS = Task((2,), 3, (), "softmax_cross_entropy")
DIGITS = Task((8, 8, 1), 10, (), "softmax_cross_entropy")


def told(texts: list[str], task: Task = POINTS) -> list[tuple[tuple[int, ...] | None, int | None]]:
    return [(line.shape, line.parameters) for line in check(texts, task).lines]


def test_shapes_and_parameters_stand_beside_each_line() -> None:
    assert told(["Dense(4)", "", "Tanh()", "Dense(outputs)"]) == [((4,), 12), (None, None), ((4,), 0), ((3,), 15)]
    lines = ["Conv2D(6, 3), ReLU()", "MaxPool2D(2)", "Flatten()", "Dense(outputs)"]
    assert told(lines, DIGITS) == [((8, 8, 6), 60), ((4, 4, 6), 0), ((96,), 0), ((10,), 970)]
    found = check(lines, DIGITS)
    assert (found.parameters, found.fits) == (1030, True)
    assert not check(["", " "], POINTS).fits


@pytest.mark.parametrize(
    ("texts", "place", "error"),
    [
        (["Dense(4)", "Tahn()", "Dense(3)"], 1, "Unknown layer 'Tahn': did you mean 'Tanh'?"),
        (["Dense(4", "Dense(3)"], 0, "column 6: not a list of layers"),
        (["Dense(4)", "Conv2D(3, 3)"], 1, "Conv2D '1': expected images (N, H, W, C), got (N, 4)."),
        (["Dense(0)"], 0, "column 1: Dense: units must be a whole number of at least 1"),
        (["Dense(4)", "Dense(3)", "Softmax()"], 2, "takes logits and applies Softmax itself"),
        (["Dense(4)", "Dense(2)", ""], 1, "the network has 2 outputs, and 3 are needed"),
        (["Dense(10 ** 3)"], 0, "expected layers, numbers, texts and lists"),
        (["__import__('os')"], 0, "Unknown layer '__import__'"),
    ],
)
def test_an_error_stands_below_its_line(texts: list[str], place: int, error: str) -> None:
    found = check(texts, POINTS)
    assert error in (found.lines[place].error or "")
    assert [line.error for number, line in enumerate(found.lines) if number != place] == [None] * (len(texts) - 1)
    assert len(found.lines) == len(texts)
    assert not found.fits
    assert all(line.shape is None for line in found.lines[place + 1 :])


def test_lines_after_a_wrong_one_are_read_nevertheless() -> None:
    found = check(["Dens(4)", "Rel()", "Dense(3)"], POINTS)
    assert ["did you mean" in (line.error or "") for line in found.lines] == [True, True, False]


@pytest.mark.parametrize("units", [MOST_PARAMETERS, 10**9, 10**12])
def test_a_network_that_is_too_large_takes_no_memory(units: int) -> None:
    (line,) = check([f"Dense({units})"], POINTS).lines
    assert line.error == "more than 50,000,000 parameters. Take fewer units or filters."


def test_networks_by_name_are_told_likewise() -> None:
    found = check_named(TrainConfig(model="mlp", hidden="5"), POINTS)
    assert [(line.text, line.shape, line.parameters) for line in found.lines] == [
        ("Flatten", (2,), 0), ("Dense", (5,), 15), ("ReLU", (5,), 0), ("Dense", (3,), 18),
    ]  # fmt: skip
    wrong = check_named(TrainConfig(model="lenet5"), Task((8, 8, 1), 10, (), "softmax_cross_entropy"))
    assert "expected an image at least as large" in (wrong.lines[-1].error or "")


def test_text_is_divided_between_layers() -> None:
    assert split_lines("Dense(3, bias=False), ReLU()\n\n Dense(2) ") == ["Dense(3, bias=False)", "ReLU()", "Dense(2)"]
    assert split_lines("Residual(Sequential(Dense(3), ReLU())), Dense(2)")[1] == "Dense(2)"
    assert split_lines("Dense(3\nReLU()") == ["Dense(3", "ReLU()"]
    assert split_lines("") == []
