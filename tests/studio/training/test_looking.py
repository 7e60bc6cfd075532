"""What a frame shows: its numbers are those of the network, and text from data is escaped."""

from __future__ import annotations

import numpy as np
import pytest

from madi.config import TrainConfig
from madi.functions import softmax
from madi.runs.job import Job
from madi.studio.training import curves, pictures
from madi.studio.training.frames import Frame
from madi.studio.training.looking import Look, pictures_of, spread
from madi.training import History, predict


@pytest.fixture(scope="module")
def job() -> Job:
    made = Job.of(TrainConfig(dataset="planar", layers=("Dense(4)", "Tanh()", "Dense(outputs)"), epochs=2).completed())
    made.fit(quiet=True)
    return made


def test_a_boundary_is_what_the_network_answers(job: Job) -> None:
    weights = job.trainer.snapshot()
    found = Look(job).boundary(Frame(0, 0, weights))
    left, right, low, high = found.box
    corners = np.array([(left, low), (right, low), (left, high), (right, high)], np.float32)
    expected = softmax(predict(job.trainer.model, corners)).value
    shares = found.shares[[0, 0, -1, -1], [0, -1, 0, -1]]
    np.testing.assert_allclose(shares, expected, atol=1e-6)
    assert set(np.unique(found.points[1])) == {0, 1}


def test_a_frame_is_looked_at_with_its_own_weights(job: Job) -> None:
    look, now = Look(job), job.trainer.snapshot()
    flat = {path: np.zeros_like(value) for path, value in now.items()}
    assert np.allclose(look.boundary(Frame(0, 0, flat)).shares, 0.5)
    spreads = {layer.path: layer for layer in look.spreads(Frame(0, 0, flat))}
    assert (spreads["0"].outputs.deviation, spreads["1"].outputs.mean) == (0.0, 0.0)
    assert not np.allclose(look.boundary(Frame(0, 0, now)).shares, 0.5)
    assert all(np.array_equal(value, job.trainer.snapshot()[path]) for path, value in now.items())


def test_histograms_are_of_outputs_and_of_gradients(job: Job) -> None:
    layers = Look(job).spreads(Frame(0, 0, job.trainer.snapshot()))
    assert [(layer.path, layer.kind) for layer in layers] == [("0", "Dense"), ("1", "Tanh"), ("2", "Dense")]
    last = layers[-1].gradients
    assert last is not None
    assert abs(last.mean) < 1e-7  # of softmax with cross entropy they add up to 0
    assert layers[1].outputs.most <= 1
    found = spread(np.array([0.0, 0.0, 1.0, np.nan, np.inf]))
    assert (found.counts.sum(), found.counts[0], found.counts[-1], found.mean) == (3, 2, 1, 1 / 3)
    assert spread(np.array([np.nan])).counts.sum() == 0


def test_the_doctor_sees_the_frame_and_at_the_end_the_whole(job: Job) -> None:
    look, frame = Look(job), Frame(0, 0, job.trainer.snapshot())
    flat = Frame(0, 0, {path: np.ones_like(value) for path, value in frame.weights.items()})
    assert "identical_weights" in [finding.name for finding in look.findings(flat, ended=False)]
    assert "identical_weights" not in [finding.name for finding in look.findings(frame, ended=True)]


def test_weights_are_pictures_where_they_are_some() -> None:
    filters = pictures_of(np.linspace(-1, 1, 3 * 3 * 2 * 5).reshape(3, 3, 2, 5), (8, 8, 2))
    assert filters is not None
    assert filters.shape == (5, 3, 3, 1)
    assert (filters.min(), filters.max()) >= (0.0, 0.5)
    units = pictures_of(np.ones((64, 7)), (8, 8, 1))
    assert units is not None
    assert units.shape == (7, 8, 8, 1)
    assert np.all(units == 1)
    assert pictures_of(np.ones((2, 4)), (2,)) is None


def test_names_from_data_are_escaped_and_colours_are_those_they_are_called_by() -> None:
    x, y = np.array([[0.0, 0.0], [1.0, 1.0]]), np.array([0, 1])
    drawn = pictures.points_alone(x, y, ("<script>", 'b"'), ["red", "x"], '"><script>')
    assert "<script" not in drawn
    assert "&lt;script&gt;" in drawn
    assert pictures.palette(["red", "blue"]) == ["#d1402f", "#0072b2"]
    assert pictures.palette(["a"] * 11)[10] == pictures.palette(["a"])[0]
    assert drawn.count("#d1402f") == 1


def test_curves_are_means_of_stretches_and_end_where_one_looks() -> None:
    assert curves.by_step([1, 3, 5, 7, 9], most=3) == [[2, 2.0], [4, 6.0], [5, 9.0]]
    assert curves.by_step([1, float("nan")], most=2) == [[1, 1.0]]
    history = History()
    history.epochs = [{"epoch": n, "loss": 1 / n, "validation_loss": 2 / n, "accuracy": n / 4} for n in (1, 2, 3)]
    history.steps = {"loss": [1.0] * 6, "accuracy": [0.5] * 6}
    words = {"training": "t", "validation": "v", "loss": "loss", "step": "step"}
    whole = curves.chart(history, 2, 6, None, words)
    assert [line["data"][-1] for line in whole["series"]] == [[6, 1.0], [6, 1 / 3], [6, 2 / 3], [6, 0.5], [6, 0.75]]
    back = curves.chart(history, 2, 6, 4, words)
    assert [line["data"][-1][0] for line in back["series"]] == [4] * 5
    assert back["series"][0]["markLine"]["data"] == [{"xAxis": 4}]
    assert curves.chart(None, 1, 1, None, words)["series"] == []


def test_programs_write_out_what_the_notation_leaves_out() -> None:
    from madi.studio.training.script import as_python

    config = TrainConfig(
        dataset="digits", layers=("Flatten", "Dense(outputs)"), loss="mean_squared_error", validation=0
    )
    text = as_python(config.for_targets(False), outputs=10, shape=(8, 8, 1), classes=10)
    compile(text, "program", "exec")
    assert "    Flatten(),\n    Dense(10),\n" in text
    assert "np.eye(10, dtype=np.float32)[training.y]" in text
