"""Reading drawings: what the network is given and says, what its layers answer to, which examples are alike."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from madi.datasets import Split, load
from madi.datasets.handwriting import as_digits
from madi.errors import ConfigurationError
from madi.layers import (
    BatchNorm,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    MaxPool2D,
    ReLU,
    Sequential,
    Sigmoid,
    Softmax,
    read_metadata,
    save,
)
from madi.studio.drawing import desk as desk_module
from madi.studio.drawing import looking
from madi.studio.drawing.desk import BOX, Desk
from madi.studio.drawing.looking import Within
from madi.studio.drawing.nearest import Nearest
from madi.studio.drawing.reader import DIGITS, PIXELS, Reader, side_of
from madi.studio.pages.draw.elements import Drawn
from madi.studio.workplace import Workplace
from madi.training import predict, predict_classes
from tests.studio.conftest import SECONDS


def network(*, side: int = 8, seed: int = 0) -> Sequential:
    layers = [Conv2D(3, 3), ReLU(), MaxPool2D(2), Flatten(), Dense(6), ReLU(), Dropout(0.5), Dense(10)]
    return Sequential(*layers).build((side, side, 1), seed=seed)


def stroke(side: int = 112) -> np.ndarray:
    bitmap = np.zeros((side, side), np.uint8)
    bitmap[20:90, 50:62] = 255
    return bitmap


# ---- the way of a drawing


def test_a_drawing_is_read_as_the_library_predicts() -> None:
    model = network()
    reading = Reader(model, DIGITS).read(stroke())
    np.testing.assert_array_equal(reading.picture, as_digits(stroke()))
    _, expected = predict_classes(model, reading.picture.reshape(1, 8, 8, 1))
    np.testing.assert_allclose(reading.probabilities, expected[0], rtol=1e-6)


def test_a_network_of_vectors_that_ends_in_softmax_keeps_its_probabilities() -> None:
    model = Sequential(Dense(10), Softmax()).build((784,), seed=1)
    reading = Reader(model, DIGITS).read(stroke())
    assert reading.picture.shape == (28, 28)
    np.testing.assert_allclose(reading.probabilities, predict(model, reading.picture.reshape(1, 784))[0], rtol=1e-6)


@pytest.mark.parametrize("last", [[], [Sigmoid()]])
def test_one_output_is_the_probability_of_the_second_digit(last: list[Any]) -> None:
    model = Sequential(Flatten(), Dense(1), *last).build((8, 8, 1), seed=2)
    reading = Reader(model, ("3", "7")).read(stroke())
    _, expected = predict_classes(model, reading.picture.reshape(1, 8, 8, 1))
    np.testing.assert_allclose(reading.probabilities, expected[0], rtol=1e-6)


@pytest.mark.parametrize(
    ("shape", "classes", "side"),
    [
        ((28, 28, 1), DIGITS, 28),
        ((784,), DIGITS, 28),
        ((8, 8, 1), ("3", "7"), 8),
        ((32, 32, 3), DIGITS, None),
        ((28, 14, 1), DIGITS, None),
        ((14, 56, 1), DIGITS, None),
        ((28, 28, 1), ("cat", "dog"), None),
        ((2,), ("0", "1"), None),
        ((1,), ("0", "1"), None),
        ((28, 28, 1), ("3",), None),
        ((28, 28, 1), (), None),
    ],
)
def test_which_networks_read_digits(shape: tuple[int, ...], classes: tuple[str, ...], side: int | None) -> None:
    assert side_of(shape, classes) == side


def test_another_network_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"draw: expected a network of square grey .* got .*\(4,\).*cat, dog"):
        Reader(Sequential(Dense(2)).build((4,)), ("cat", "dog"))
    with pytest.raises(ConfigurationError, match=r"outputs \(10,\)"):
        Reader(network(), DIGITS[:9])


# ---- within


def test_layers_are_shown_with_their_activation_and_their_numbers_are_those_of_the_network() -> None:
    model = network()
    x = np.random.default_rng(0).random((1, 8, 8, 1), np.float32)
    looks = Within(model)(x)
    assert [look.name for look in looks] == ["Conv2D · ReLU", "MaxPool2D", "Dense · ReLU", "Dense"]
    first = np.asarray(model[1](model[0](x)).value)[0]
    assert looks[0].shape == (8, 8, 3)
    assert looks[0].count == 3
    assert looks[0].largest == pytest.approx(np.abs(first).max())
    np.testing.assert_allclose(looks[0].tiles[2] * (looks[0].largest / 127), first[..., 2], atol=looks[0].largest / 250)
    last = predict(model, x)[0]
    np.testing.assert_allclose(looks[-1].tiles[0, 0] * (looks[-1].largest / 127), last, atol=looks[-1].largest / 250)
    assert looks[-1].tiles.min() < 0


def test_a_compiled_look_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    model = Sequential(Conv2D(3, 3), BatchNorm(), ReLU(), Flatten(), Dense(10)).build((8, 8, 1), seed=0)
    x = np.random.default_rng(1).random((1, 8, 8, 1), np.float32)
    plain = Within(model)(x)
    monkeypatch.setattr(looking, "SLOW", 0.0)
    compiled = Within(model)
    assert compiled._compiled is not None
    for one, other in zip(plain, compiled(x), strict=True):
        assert one.name == other.name
        assert one.largest == pytest.approx(other.largest, rel=1e-5)
        assert np.abs(one.tiles.astype(int) - other.tiles.astype(int)).max() <= 1


def test_of_large_layers_the_first_are_shown_and_units_stand_in_equal_rows() -> None:
    model = Sequential(Conv2D(40, 3), Flatten(), Dense(300), Dense(10)).build((8, 8, 1), seed=0)
    convolution, dense, _ = Within(model)(np.ones((1, 8, 8, 1), np.float32))
    assert convolution.tiles.shape == (32, 8, 8)
    assert convolution.count == 40
    assert dense.tiles.shape == (1, 8, 32)
    assert dense.count == 300
    assert looking._rows(np.arange(33)).shape == (1, 2, 17)


def test_what_a_layer_puts_out_may_be_nothing_but_zeros() -> None:
    model = Sequential(Flatten(), Dense(10)).build((8, 8, 1), seed=0)
    (look,) = Within(model)(np.zeros((1, 8, 8, 1), np.float32))
    assert look.largest == 0
    assert not look.tiles.any()


def test_features_are_what_the_last_layer_is_given() -> None:
    model = network()
    x = np.random.default_rng(0).random((60, 8, 8, 1), np.float32)
    within = Within(model)
    hidden = Sequential(*network().layers[:-1]).build((8, 8, 1), seed=0)
    hidden.layers = model.layers[:-1]
    expected = np.asarray(hidden(x).value)
    np.testing.assert_allclose(within.features(x), expected, rtol=1e-5, atol=1e-6)  # compiled, the last batch filled up
    np.testing.assert_allclose(within.features(x[:2]), expected[:2], rtol=1e-5, atol=1e-6)


# ---- what is alike


def test_the_nearest_are_those_of_all_distances() -> None:
    rng = np.random.default_rng(0)
    points, labels = rng.normal(size=(200, 5)).astype(np.float32), rng.integers(0, 10, 200)
    point = rng.normal(size=5).astype(np.float32)
    found = Nearest(points, labels)(point, 7)
    distances = np.linalg.norm(points - point, axis=1)
    assert [neighbour.index for neighbour in found] == list(np.argsort(distances)[:7])
    np.testing.assert_allclose([neighbour.distance for neighbour in found], np.sort(distances)[:7], rtol=1e-5)
    assert [neighbour.label for neighbour in found] == [labels[neighbour.index] for neighbour in found]


def test_there_may_be_fewer_than_wanted_and_a_point_itself_is_at_no_distance() -> None:
    points = np.array([[3.0, 4.0], [0.0, 0.0]])
    found = Nearest(points, np.array([1, 2]))(np.array([3.0, 4.0]), 5)
    assert [(n.index, n.distance, n.label) for n in found] == [(0, 0.0, 1), (1, 5.0, 2)]
    assert Nearest(points[:0], np.zeros(0))(np.zeros(2), 3) == []


def test_a_training_example_is_nearest_to_itself_in_both_spaces() -> None:
    data = load("digits").train
    reader = Reader(network(), DIGITS, Split(data.x[:50], data.y[:50]))
    for space in ("hidden", PIXELS):
        first = reader.nearest(data.x[7, ..., 0], 3, space)[0]
        assert (first.index, first.label) == (7, data.y[7])
        assert first.distance == pytest.approx(0, abs=1e-2)
    np.testing.assert_array_equal(reader.example(7), data.x[7, ..., 0])
    assert Reader(network(), DIGITS).nearest(data.x[7, ..., 0], 3) == []


# ---- the desk


def test_runs_that_read_digits_can_be_chosen_and_are_read_once(tmp_path: Path) -> None:
    for name, model, classes in (("one", network(), DIGITS), ("cats", network(), tuple("abcdefghij"))):
        (tmp_path / name).mkdir()
        save(model, tmp_path / name / "model.safetensors", extra={"classes": list(classes)})
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "model.safetensors").write_bytes(b"no model")
    workplace = Workplace(tmp_path)
    desk = Desk.of(workplace)
    assert Desk.of(workplace) is desk
    assert [choice.key for choice in desk.choices()][:2] == [":one", BOX]
    making = desk.make(":one")
    assert making.done.wait(SECONDS)
    assert making.problem == ""
    assert making.reader is not None
    assert making.reader.count == 0  # it does not say what it was trained on
    assert desk.make(":one") is making


def test_the_header_of_a_model_is_read_once_and_data_are_listed_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "run").mkdir()
    save(network(), tmp_path / "run" / "model.safetensors", extra={"classes": list(DIGITS)})
    opened, listed = [], []
    listing = SimpleNamespace(name="mnist", present=True)
    monkeypatch.setattr(desk_module, "read_metadata", lambda file: opened.append(file) or read_metadata(file))
    monkeypatch.setattr(desk_module, "catalogue", lambda: listed.append(1) or [listing])
    desk = Desk(Workplace(tmp_path))
    assert [choice.key for choice in desk.choices()] == [":run", "box", "mnist"] == [c.key for c in desk.choices()]
    assert (len(opened), len(listed)) == (1, 1)
    listing.present = False  # asked again, for it may be downloaded meanwhile
    assert [choice.key for choice in desk.choices()] == [":run", "box"]
    assert len(listed) == 2


def test_a_run_that_is_gone_and_a_model_that_is_broken_are_told(tmp_path: Path) -> None:
    desk = Desk(Workplace(tmp_path))
    gone = desk.make(":gone")
    assert gone.done.wait(SECONDS)
    assert (gone.reader, gone.problem) == (None, "missing")
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "model.safetensors").write_bytes(b"no model")
    bad = desk.make(":bad")
    assert bad.done.wait(SECONDS)
    assert bad.reader is None
    assert "model.safetensors" in bad.problem


def test_a_training_here_can_be_cancelled(tmp_path: Path) -> None:
    desk = Desk(Workplace(tmp_path))
    making = desk.make(BOX)
    making.cancel()
    assert making.done.wait(SECONDS)
    assert making.reader is None
    assert making.problem == ""
    again = desk.make(BOX)
    assert again is not making  # it may be begun again
    again.cancel()
    assert again.done.wait(SECONDS)


def test_a_reading_that_ends_after_a_newer_one_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    from madi.studio.pages.draw import page as draw

    order = {20: asyncio.Event(), 90: asyncio.Event()}  # by the drawing's first row
    order[90].set()

    async def slowly(reader: Any, work: Any) -> Any:
        bitmap = work.args[0]
        await order[int(bitmap.any(axis=1).argmax())].wait()
        return work()

    async def both() -> None:
        older = asyncio.ensure_future(drawing(page, 1, slice(20, 90)))
        await asyncio.sleep(0)
        await drawing(page, 2, slice(90, 100))
        order[20].set()
        await older

    async def drawing(page: Any, number: int, rows: slice) -> None:
        bitmap = np.zeros((112, 112), np.uint8)
        bitmap[rows, 50:62] = 255
        monkeypatch.setattr(draw, "received", lambda found: found)
        await page._on_drawn(SimpleNamespace(args=Drawn(number, 1, bitmap)))

    shown: list[int] = []
    page: Any = object.__new__(draw.DrawPage)
    page.making = SimpleNamespace(reader=Reader(network(), DIGITS))
    page.bars = SimpleNamespace(show=lambda *given, number, **others: shown.append(number))
    page.sheet = SimpleNamespace(answer=shown.append)
    page.given_number = 0
    monkeypatch.setattr(draw, "_in_time", slowly)
    asyncio.run(both())
    assert shown == [2, 2]
