"""What a run leaves for TensorBoard: by the callback, and from a history."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from madi import Trainer, layers
from madi.errors import ConfigurationError, FileError
from madi.tensorboard import TensorBoard, write_history
from madi.training import History
from tests.tensorboard.reading import events, fields, scalars, summaries

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(60, 4)).astype(np.float32)
Y = (X[:, 0] > 0).astype(int)


def fitted(folder, *, epochs=3, fits=1, engine="numpy", **options):
    model = layers.Sequential(layers.Dense(5), layers.ReLU(), layers.Dense(2))
    trainer = Trainer(model, optimizer="adam", metrics=["accuracy"], engine=engine)
    callback = TensorBoard(folder, **options)
    for _ in range(fits):
        trainer.fit((X, Y), validation=(X[:20], Y[:20]), epochs=epochs, batch_size=20, callbacks=[callback], verbose=0)
    return trainer


def near(points, column):
    assert [step for step, _ in points] == list(range(1, len(column) + 1))
    np.testing.assert_allclose([value for _, value in points], column, rtol=1e-6)


@pytest.mark.parametrize("engine", ["numpy", "jax"])
def test_the_scalars_of_each_epoch_and_step(tmp_path, engine):
    history = fitted(tmp_path, engine=engine).history
    training, validation = scalars(tmp_path / "training"), scalars(tmp_path / "validation")
    for name in ("loss", "accuracy", "learning_rate", "seconds"):
        near(training[name], history[name])
    near(validation["loss"], history["validation_loss"])
    near(validation["accuracy"], history["validation_accuracy"])
    assert set(validation) == {"loss", "accuracy"}
    near(training["steps/loss"], history.steps["loss"])
    assert len(history.steps["loss"]) == 9


def test_a_second_fit_goes_on(tmp_path):
    history = fitted(tmp_path, epochs=2, fits=2).history
    training = scalars(tmp_path / "training")
    near(training["loss"], history["loss"])
    near(training["steps/loss"], history.steps["loss"])
    assert len(list((tmp_path / "training").iterdir())) == 2
    assert sum(4 in event for event in events(tmp_path / "training")) == 1  # one graph
    steps = [step for step, name, _ in summaries(tmp_path / "training") if name == "weights/0.weight"]
    assert steps == [0, 1, 2, 3, 4]


def test_the_histograms_of_weights_and_updates(tmp_path):
    trainer = fitted(tmp_path, epochs=4, histograms_every=2)
    found = [(step, name, fields(value[5][0])) for step, name, value in summaries(tmp_path / "training") if 5 in value]
    paths = list(trainer.model.parameters())
    assert [(step, name) for step, name, _ in found] == [
        *((0, f"weights/{path}") for path in paths),
        *((2, f"{kind}/{path}") for kind in ("weights", "updates") for path in paths),
        *((4, f"{kind}/{path}") for kind in ("weights", "updates") for path in paths),
    ]
    totals = {(step, name): value[4][0] for step, name, value in found}
    last = np.asarray(trainer.model.parameters()["0.weight"].value)
    assert totals[4, "weights/0.weight"] == pytest.approx(last.sum(dtype=float))
    change = totals[4, "weights/0.weight"] - totals[2, "weights/0.weight"]
    assert totals[4, "updates/0.weight"] == pytest.approx(change)
    assert change != 0


def test_what_is_not_finite_is_no_point_of_a_curve(tmp_path):
    history = History()
    history.epochs = [{"epoch": 1, "loss": 2.0, "seconds": 0.5}, {"epoch": 2, "loss": np.nan, "seconds": np.nan}]
    history.steps = {"loss": [2.0, np.inf]}
    write_history(history, tmp_path)
    assert scalars(tmp_path / "training") == {"loss": [(1, 2.0)], "seconds": [(1, 0.5)], "steps/loss": [(1, 2.0)]}
    assert not (tmp_path / "validation").exists()


def test_a_run_that_is_over_gives_the_same_scalars(tmp_path):
    trainer = fitted(tmp_path / "live")
    trainer.history.to_json(tmp_path / "history.jsonl")
    write_history(tmp_path / "history.jsonl", tmp_path / "later")
    for run in ("training", "validation"):
        assert scalars(tmp_path / "later" / run) == scalars(tmp_path / "live" / run)
    times = [event[1][0] for event in events(tmp_path / "later" / "training") if fields(event.get(5, [b""])[0])]
    assert times == sorted(times) or times[-1] <= times[0] + 60


def test_a_file_that_is_no_history(tmp_path):
    path = tmp_path / "history.jsonl"
    path.write_text("no\n")
    with pytest.raises(FileError, match=r"history\.jsonl: line 1 is not JSON"):
        write_history(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_histograms_every_no_epoch():
    with pytest.raises(ConfigurationError, match="TensorBoard: histograms_every"):
        TensorBoard("runs", 0)


def test_tensorboard_itself_reads_them(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    trainer = fitted(tmp_path)
    found = accumulator.EventAccumulator(str(tmp_path / "training")).Reload()
    near([(entry.step, entry.value) for entry in found.Scalars("loss")], trainer.history["loss"])
    assert [node.op for node in found.Graph().node] == ["Input", "Dense", "ReLU", "Dense"]
    assert found.Histograms("weights/0.weight")[0].histogram_value.num == 20
