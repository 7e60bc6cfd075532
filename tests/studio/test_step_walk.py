"""A walk: where it can stand, what it has passed, what it hands back; the networks that can be walked through."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import madi
import madi.functions as F
from madi import models
from madi.errors import ConfigurationError, FileError, UnknownNameError
from madi.studio.records import Records
from madi.studio.stepping.files import listed, opened
from madi.studio.stepping.networks import NETWORKS, ByExamples, ByNumbers
from madi.studio.stepping.shelf import MOST_WALKS, OF_FOLDER, Keeper, Setting, Shelf
from madi.studio.stepping.walk import Place, Walk, walked
from madi.studio.workplace import Workplace
from tests.studio.conftest import SECONDS


def apples() -> Walk:
    network = NETWORKS["apples"]()
    assert isinstance(network, ByNumbers)
    return walked(lambda: network.compute(network.read("")))


def test_a_walk_goes_to_the_end_and_back() -> None:
    walk = apples()
    places = [walk.place(position) for position in range(-1, 6)]
    there, back = [Place(0), Place(1)], [Place(1, back=True), Place(0, back=True)]
    assert places == [Place(0), *there, *back, Place(0, back=True), Place(0, back=True)]
    assert [walk.position(place) for place in (*there, *back, Place(99), Place(99, back=True))] == [0, 1, 2, 3, 1, 2]


def test_what_a_walk_has_passed_is_lit() -> None:
    walk = apples()
    assert walk.marks(Place(0)) == {"current": 0, "back": False, "forward": [0], "returned": []}
    assert walk.marks(Place(1, back=True)) == {"current": 1, "back": True, "forward": [0, 1], "returned": [1]}
    assert walk.marks(Place(0, back=True))["returned"] == [0, 1]


def test_without_a_start_for_gradients_a_walk_goes_forward_only() -> None:
    walk = Walk(madi.Variable([1.0, 2.0]) * 2.0)
    assert (walk.returns, walk.length) == (False, 1)
    assert walk.position(Place(0, back=True)) == 0
    assert walk.handed_back(walk.trace[0]) == (None, None)


def test_rounds_of_a_folded_block_light_its_one_drawing_when_all_are_passed() -> None:
    def compute() -> Any:
        x = madi.Variable(np.ones((1, 4)), name="x")
        for _ in range(8):
            x = F.relu(F.affine(x, madi.Variable(np.eye(4))))
        return F.sum(x)

    walk = walked(compute)
    (fold,) = walk.run.folds
    assert (fold.length, fold.times) == (2, 8)
    assert [walk.round(walk.trace[index]) for index in (0, 1, 2, 15, 16)] == [(1, 8), (1, 8), (2, 8), (8, 8), None]
    halfway = walk.marks(Place(4))
    assert halfway["current"] == 0
    assert 1 not in halfway["forward"]  # rounds are still to come
    assert walk.marks(Place(15))["forward"] == [0, 1]
    assert f'data-step="{16}"' in walk.svg
    assert not walked(compute, folded=False).run.folds


def test_what_is_handed_back_adds_up_to_the_gradients_of_the_trace() -> None:
    def compute() -> Any:
        x = madi.Variable([[0.5, -1.0]], name="x")
        hidden = F.tanh(F.affine(x, madi.Variable([[1.0, 2.0], [3.0, 4.0]])))
        return F.sum(hidden * hidden + F.exp(hidden))

    walk = walked(compute)
    for step in walk.trace[:-1]:
        readers = walk.readers(step)
        assert readers
        summands = [walk.handed_back(reader)[position] for reader, position in readers]
        np.testing.assert_allclose(sum(summands), step.gradient, rtol=1e-12)


def test_nodes_know_their_layers() -> None:
    model = models.mlp((3,), 2).build((4,))
    walk = walked(lambda: F.sum(model(madi.Variable(np.ones((1, 4), np.float32)))))
    assert [walk.layer(step) for step in walk.trace] == ["Flatten '0'", "Dense '1'", "ReLU '2'", "Dense '3'", ""]


# ---- networks


@pytest.mark.parametrize("name", [name for name in NETWORKS if "convnet" not in name])
def test_every_network_by_name_has_a_walk(name: str) -> None:
    network = NETWORKS[name]()
    example: Any = network.read("") if isinstance(network, ByNumbers) else 3
    walk = walked(lambda: network.compute(example))
    assert walk.returns
    assert "<svg" in walk.svg


@pytest.mark.long
@pytest.mark.parametrize("name", ["simple_convnet", "deep_convnet"])
def test_the_convnets_have_learned_something(name: str) -> None:
    network = NETWORKS[name]()
    assert isinstance(network, ByExamples)
    right = [network.reading(number) == network.answer(number) for number in range(100)]
    assert sum(right) > 60


def test_the_numbers_of_the_course() -> None:
    assert float(apples().trace[-1].value) == pytest.approx(220)
    gate = NETWORKS["XOR"]()
    assert isinstance(gate, ByNumbers)
    results = [walked(lambda given=given: gate.compute(given)).trace[-1].value.item() for given in ([1, 0], [1, 1])]
    assert results == [1, 0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", [100, 2, 1.1]),
        ("50,3", [50, 3, 1.1]),
        ("x,,2", [100, 2, 2]),
        ("nan,inf,1e99", [100, 2, 1.1]),
        ("1,2,3,4,5", [1, 2, 3]),
    ],
)
def test_typed_numbers(text: str, expected: list[float]) -> None:
    network = NETWORKS["apples"]()
    assert isinstance(network, ByNumbers)
    assert network.read(text) == expected


# ---- the folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model that says nothing of its data, one of the digits, and a link that leads out."""
    runs = tmp_path / "runs"
    (runs / "digits").mkdir(parents=True)
    madi.save(models.mlp((3,), 2).build((20,)), runs / "plain <b>.safetensors")
    known = models.mlp((5,), 10).build((8, 8, 1))
    madi.save(
        known, runs / "digits" / "model.safetensors", extra={"dataset": "digits", "loss": "softmax_cross_entropy"}
    )
    madi.save(known, tmp_path / "outside.safetensors")
    (runs / "link.safetensors").symlink_to(tmp_path / "outside.safetensors")
    return runs


def test_models_of_the_folder_are_listed_and_nothing_outside_of_it(folder: Path) -> None:
    assert sorted(listed(Records(folder))) == ["digits", "plain <b>.safetensors"]


def test_models_are_found_as_deep_as_runs_are(folder: Path) -> None:
    deep = folder / "a" / "b" / "c" / "run"
    deep.mkdir(parents=True)
    names = ("a/b/c/run/model.safetensors", "a/b/c/run/exported.onnx", "a/b/loose.onnx", "a/notes.txt")
    for name in names:
        (folder / name).write_bytes(b"")
    (deep / "checkpoints").mkdir()
    (deep / "checkpoints" / "model.safetensors").write_bytes(b"")
    (folder / "digits" / "model.safetensors").unlink()
    (folder / "digits" / "model.safetensors").symlink_to(folder.parent / "outside.safetensors")
    found = ["a/b/c/run", "a/b/c/run/exported.onnx", "a/b/loose.onnx", "plain <b>.safetensors"]
    assert sorted(listed(Records(folder))) == found


def test_a_model_comes_with_its_own_data_or_with_a_reason(folder: Path) -> None:
    network, why = opened(folder / "digits")
    assert isinstance(network, ByExamples)
    assert (why, network.count, network.source, network.x.shape[1:]) == (None, 360, "digits", (8, 8, 1))
    assert network.answer(0) in network.classes
    made_up, why = opened(folder / "plain <b>.safetensors")
    assert isinstance(made_up, ByExamples)
    assert (why, made_up.y, made_up.answer(0)) == ("", None, "")
    assert walked(lambda: made_up.compute(0)).returns  # back from the largest output
    with pytest.raises(FileError, match="no such file"):
        opened(folder / "nothing")


def test_a_model_of_few_inputs_takes_typed_numbers(tmp_path: Path) -> None:
    madi.save(models.mlp((3,), 2).build((2,)), tmp_path / "small.safetensors")
    network, _ = opened(tmp_path / "small.safetensors")
    assert isinstance(network, ByNumbers)
    assert list(network.fields) == ["x0", "x1"]


def test_what_was_computed_is_kept_and_bounded(folder: Path) -> None:
    shelf = Shelf(Workplace(folder))
    walk = shelf.walk(Setting("apples"))
    assert shelf.walk(Setting("apples", "100,2,1.1")) is walk
    assert shelf.walk(Setting("apples", "50")) is not walk
    for price in range(MOST_WALKS):
        shelf.walk(Setting("apples", str(price)))
    assert shelf.walk(Setting("apples")) is not walk
    named = f"{OF_FOLDER}digits"
    assert shelf.network(named)[0] is shelf.network(named)[0]
    with pytest.raises(ConfigurationError, match="expected 0 to 359, got 360"):
        shelf.walk(Setting(named, "360"))


@pytest.mark.parametrize(
    "name", ["file:../outside.safetensors", "file:link.safetensors", "file:\0", "file:/etc/passwd"]
)
def test_no_network_lies_outside_of_the_folder(folder: Path, name: str) -> None:
    with pytest.raises(FileError, match="outside of the studio's folder"):
        Shelf(Workplace(folder)).network(name)


def test_an_unknown_network_is_told_with_the_closest_name(folder: Path) -> None:
    with pytest.raises(UnknownNameError, match="apples"):
        Shelf(Workplace(folder)).network("aples")


def test_variables_may_be_called_by_other_names(folder: Path) -> None:
    shelf = Shelf(Workplace(folder))
    walk = shelf.walk(Setting("apples", names=(("apples", "사과"), ("total", "합계"))))
    assert [entry.name for entry in walk.trace[0].inputs] == ["price of an apple", "사과"]
    assert walk.trace[1].name == "합계"
    assert "사과" in walk.svg
    assert [entry.name for entry in shelf.walk(Setting("apples")).trace[0].inputs] == ["price of an apple", "apples"]


def test_what_is_being_made_is_made_once_and_holds_up_nothing_else() -> None:
    keeper: Keeper[str] = Keeper(lambda made: len(made) <= 2)
    begun, go, made = threading.Event(), threading.Event(), []

    def slow() -> str:
        begun.set()
        assert go.wait(SECONDS)
        made.append("slow")
        return "slow"

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(keeper.get, "a", slow)
        assert begun.wait(SECONDS)
        second = pool.submit(keeper.get, "a", slow)
        assert keeper.get("b", lambda: "quick") == "quick"
        go.set()
        assert (first.result(SECONDS), second.result(SECONDS), made) == ("slow", "slow", ["slow"])
    keeper.get("c", lambda: "c")
    keeper.get("a", slow)
    assert keeper.get("b", lambda: "b anew") == "b anew"  # the oldest has gone


def test_what_could_not_be_made_is_tried_again() -> None:
    keeper: Keeper[str] = Keeper(lambda made: True)
    with pytest.raises(FileError):
        keeper.get("a", lambda: opened(Path("/nothing"))[1] or "")
    assert keeper.get("a", lambda: "made") == "made"
