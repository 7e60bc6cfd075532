"""What the doctor is made of: the scale of a loss, what a finding says, that looking changes nothing."""

from __future__ import annotations

import json

import numpy as np
import pytest

from madi import Trainer, layers, models, optimizers
from madi.diagnostics import Diagnosis, Doctor, Finding, examine
from madi.diagnostics.doctor import look
from madi.diagnostics.progress import scale_of
from madi.errors import ConfigurationError, DataError
from madi.initializers import Constant
from madi.training import EarlyStopping
from madi.training.losses import LOSSES
from madi.training.rerun import losses_at
from tests.diagnostics.held_out import digits, questions, rings

LABELS = np.array([0, 0, 1, 2])


def fitted(model, data, optimizer="adam", *, epochs=3, loss="softmax_cross_entropy", engine="numpy", **options):
    trainer = Trainer(model, optimizer=optimizer, loss=loss, engine=engine, seed=3)
    trainer.fit(data, epochs=epochs, batch_size=50, verbose=0, **options)
    return trainer


# ---- the scale of a loss


def test_the_scale_of_classes_is_the_entropy_of_their_frequencies():
    # frequencies 1/2, 1/4, 1/4:  1/2 log 2 + 2 (1/4) log 4 = 1.5 log 2
    for name in ("softmax_cross_entropy", "cross_entropy"):
        for y in (LABELS, np.eye(3)[LABELS]):
            scale = scale_of(LOSSES[name], y, 3)
            assert scale.ignorant == pytest.approx(1.5 * np.log(2))
            assert scale.perfect == pytest.approx(0, abs=1e-5)
            assert scale.remaining(0.75 * np.log(2)) == pytest.approx(0.5, abs=1e-5)
            assert scale.remaining(np.nan) == np.inf


def test_label_smoothing_leaves_a_loss_that_nothing_can_undercut():
    scale = scale_of(LOSSES["softmax_cross_entropy"].smoothed(0.3), LABELS, 3)
    rows = np.array([0.8, 0.1, 0.1]), np.array([0.5, 0.3, 0.2])
    entropy = -(rows[0] * np.log(rows[0])).sum()
    mean = 0.7 * np.array([0.5, 0.25, 0.25]) + 0.1
    assert scale.perfect == pytest.approx(entropy)
    assert scale.ignorant == pytest.approx(-(mean * np.log(mean)).sum())


@pytest.mark.parametrize("name", ["sigmoid_binary_cross_entropy", "binary_cross_entropy"])
def test_the_scale_of_questions(name):
    scale = scale_of(LOSSES[name], np.array([1.0, 0, 0, 0]), 1)
    assert scale.ignorant == pytest.approx(-(0.25 * np.log(0.25) + 0.75 * np.log(0.75)))
    assert scale.perfect == pytest.approx(0, abs=1e-5)


def test_the_scale_of_numbers():
    y = np.array([[1.0], [2.0], [6.0]])
    assert scale_of(LOSSES["mean_squared_error"], y, 1).ignorant == pytest.approx(y.var())
    assert scale_of(LOSSES["mean_absolute_error"], y, 1).ignorant == pytest.approx((1 + 0 + 4) / 3)
    assert scale_of(LOSSES["huber"], y, 1).perfect == 0


# ---- findings


FINDING = Finding("dead_units", "94 of 100 units are dead.", "a lower learning rate.", 0.94, 0.75, "2")


def test_a_diagnosis_is_read_by_people_and_by_programs():
    diagnosis = Diagnosis([FINDING, FINDING])
    assert str(diagnosis) == (
        "1. dead units: 94 of 100 units are dead.\n   Try a lower learning rate.\n"
        "2. dead units: 94 of 100 units are dead.\n   Try a lower learning rate."
    )
    assert (len(diagnosis), diagnosis[0], list(diagnosis)) == (2, FINDING, [FINDING, FINDING])
    assert repr(diagnosis) == "<Diagnosis: dead_units, dead_units>"
    assert str(FINDING) == "dead units: 94 of 100 units are dead. Try a lower learning rate."
    assert Finding(**json.loads(json.dumps(diagnosis.to_dict()))["findings"][1]) == FINDING
    assert str(Diagnosis([])) == str(Diagnosis([], 3)) == "The doctor finds nothing wrong."
    assert "Call fit() first" in str(Diagnosis([], 0))


def test_a_finding_has_its_number_threshold_and_layer():
    data, _ = digits(200, 50)
    (found,) = examine(fitted(models.mlp((20,), 10, activation="tanh", initializer=Constant(0.1)), data), data)
    assert (found.name, found.layer, found.threshold) == ("identical_weights", "1", 1e-3)
    assert found.value < 1e-3
    assert found.message.startswith("the weights of all 20 units of layer 1 (Dense) are the same, all alike: each unit")


# ---- what it leaves as it is


@pytest.mark.parametrize("engine", ["numpy", "jax"])
def test_the_trainer_stays_as_it_is(engine):
    """Even where rates are tried: a further epoch is what it would have been."""
    data, _ = digits(200, 51)
    weights = []
    for looked in (False, True):
        trainer = fitted(models.mlp((20,), 10, dropout=0.2), data, optimizers.Adam(1e-6), epochs=30, engine=engine)
        if looked:
            assert examine(trainer, data).names == ("learning_rate_too_low",)
        trainer.fit(data, epochs=1, batch_size=50, verbose=0)
        assert (trainer.epoch, trainer.step) == (31, 124)
        weights.append(trainer.snapshot())
    for path, value in weights[0].items():
        np.testing.assert_array_equal(value, weights[1][path])


def test_a_look_tries_no_rates(monkeypatch):
    data, _ = digits(200, 51)
    slow = fitted(models.mlp((20,), 10), data, optimizers.Adam(1e-6), epochs=30)
    assert examine(slow, data).names == ("learning_rate_too_low",)
    monkeypatch.setattr("madi.diagnostics.evidence.losses_at", None)
    before = slow.snapshot()
    assert look(slow, data).names == ()
    for path, value in slow.snapshot().items():
        np.testing.assert_array_equal(value, before[path])
    far = 1000 * data[0], data[1]
    assert look(fitted(models.mlp((20,), 10), far), far, validation=far).names[0] == "unscaled_input"


def test_a_trial_is_the_fit_with_another_rate():
    data, _ = digits(200, 52)
    trainer = fitted(models.mlp((20,), 10), data, optimizers.SGD(1e-3), epochs=3)
    faster = fitted(models.mlp((20,), 10), data, optimizers.SGD(0.1), epochs=3)
    losses = losses_at(trainer, data, factor=100, steps=7, batch_size=50)
    assert len(losses) == 7
    np.testing.assert_allclose(losses, faster.history.steps["loss"][:7], rtol=1e-6)


def test_early_stopping_is_the_cure_for_overfitting():
    data, validation = rings(100, 53, noise=0.5, flipped=0.2)
    stopping = EarlyStopping(patience=100)
    found = []
    for callbacks in ([], [stopping]):
        trainer = fitted(
            models.mlp((100, 100), 2), data, optimizers.Adam(5e-3), epochs=100, validation=validation,
            callbacks=callbacks,
        )  # fmt: skip
        found.append(examine(trainer, data, validation=validation).names)
    assert found == [("overfitting",), ()]


def test_a_batch_norm_that_comes_first_makes_up_for_the_scale():
    (x, y), _ = questions(300, 50)
    data = x * 1000, y
    options = {"loss": "sigmoid_binary_cross_entropy", "epochs": 15, "optimizer": optimizers.Adam(0.01)}
    plain = fitted(models.mlp((10,), 1), data, **options)
    normal = fitted(layers.Sequential(layers.BatchNorm(), *models.mlp((10,), 1).layers), data, **options)
    assert examine(plain, data).names[0] == "unscaled_input"
    assert examine(normal, data).names == ()


def test_a_network_without_a_fit_is_looked_at_too():
    data, _ = digits(100, 54)
    trainer = Trainer(models.mlp((20, 20), 10, initializer="zeros"), engine="numpy")
    assert "identical_weights" in examine(trainer, data).names


def test_mistakes():
    data, _ = digits(100, 55)
    with pytest.raises(ConfigurationError, match=r"^examine: expected a Trainer, got Sequential\."):
        examine(models.mlp(), data)
    with pytest.raises(ConfigurationError, match=r"^Doctor: there was no fit yet\."):
        Doctor(data).examine()
    with pytest.raises(DataError, match=r"^data: x has 100 examples and y has 3"):
        examine(Trainer(models.mlp((5,), 10)), (data[0], data[1][:3]))
