"""Weights of examples and classes, shares kept out, frozen parameters, learning rates by group, several labels."""

import numpy as np
import pytest

import madi.functions as F
from madi import optimizers
from madi.layers import Dense, ReLU, Sequential
from madi.training.data import Examples, split

from .common import ENGINES, INPUTS, assert_close, assert_same, fit, network, points, trainer, values


def whole(own, data, **options):
    """Ten steps on all examples at once."""
    fit(own, data, epochs=10, batch_size=10**6, **options)
    return own


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("metrics", [["accuracy", "f1", "top_3_accuracy"]])
def test_a_weight_of_three_is_three_copies(engine, metrics):
    """Loss, metrics and trajectory; an example of weight 0 is none."""
    x, y = points(20)
    counts = np.random.default_rng(0).integers(0, 4, 20)
    copies = np.repeat(np.arange(20), counts)
    weighted = whole(trainer(engine=engine, metrics=metrics), (x, y), sample_weight=counts)
    copied = whole(trainer(engine=engine, metrics=metrics), (x[copies], y[copies]))
    assert_close(values(weighted.model), values(copied.model), 1e-5)
    for name in ("loss", *metrics):
        assert weighted.history[name] == pytest.approx(copied.history[name], rel=1e-5), name
    found = weighted.evaluate((x, y), sample_weight=counts)
    assert found == pytest.approx(copied.evaluate((x[copies], y[copies])), rel=1e-5)


def test_weights_may_stand_beside_x_and_y():
    x, y = points(20)
    weight = np.arange(20) / 10
    one, two = trainer(), trainer()
    fit(one, (x, y, weight))
    fit(two, (x, y), sample_weight=weight)
    assert_same(values(one.model), values(two.model))
    assert one.evaluate((x, y, weight)) == two.evaluate((x, y), sample_weight=weight)


@pytest.mark.parametrize("one_hot", [False, True])
def test_a_class_weight_is_the_weight_of_its_examples_and_multiplies_theirs(one_hot):
    x, y = points(30)
    own_weights = np.random.default_rng(1).random(30) + 0.5
    factors = np.array([1.0, 0.25, 3.0])
    targets = np.eye(3)[y] if one_hot else y
    by_class = whole(trainer(), (x, targets), class_weight={1: 0.25, 2: 3}, sample_weight=own_weights)
    by_example = whole(trainer(), (x, targets), sample_weight=own_weights * factors[y])
    assert_close(values(by_class.model), values(by_example.model), 1e-6)
    assert by_class.history["loss"] == pytest.approx(by_example.history["loss"], rel=1e-6)


def test_class_weights_of_a_single_output():
    x, y = points(30)
    y = (y == 0).astype(int)
    runs = [
        whole(trainer(Sequential(Dense(1)), loss="sigmoid_binary_cross_entropy"), (x, y), **options)
        for options in ({"class_weight": {1: 2.0}}, {"sample_weight": 1.0 + y})
    ]
    assert_same(values(runs[0].model), values(runs[1].model))


@pytest.mark.parametrize("engine", ENGINES)
def test_a_batch_of_weights_0_alone_is_no_divergence(engine):
    """Without class 0 there are batches in which nothing would count."""
    own, (x, y) = trainer(engine=engine), points(30)
    fit(own, (x, y), batch_size=1, class_weight={0: 0.0})
    assert np.isfinite(own.history.steps["loss"]).all()
    assert own.step == np.count_nonzero(y) < 30


def test_a_share_is_kept_out_of_training():
    """It is chosen at random, does not change from fit to fit, and no step sees it."""
    x, y = points(50)
    own = trainer(seed=3)
    fit(own, (x, y), validation=0.2, epochs=2)
    kept, held_out = split(Examples(x, y), 0.2, own.key)
    assert (len(kept), len(held_out)) == (40, 10)
    assert not {row.tobytes() for row in kept.x} & {row.tobytes() for row in held_out.x}
    assert {row.tobytes() for row in kept.x} | {row.tobytes() for row in held_out.x} == {row.tobytes() for row in x}
    other = trainer(seed=3)
    fit(other, (kept.x, kept.y), validation=(held_out.x, held_out.y), epochs=2)
    assert_same(values(own.model), values(other.model))
    assert own.history["validation_loss"] == other.history["validation_loss"]
    assert own.history["validation_loss"][-1] == own.evaluate((held_out.x, held_out.y))["loss"]


def test_validation_may_be_batches():
    x, y = points(20, seed=1)
    one, two = trainer(), trainer()
    fit(one, validation=(x, y))
    fit(two, validation=[(x[:7], y[:7]), (x[7:], y[7:])])
    assert one.history["validation_loss"] == two.history["validation_loss"]


@pytest.mark.parametrize("engine", ENGINES)
def test_frozen_parameters_stay_as_they_are(engine):
    own = trainer(network().freeze("0"), engine=engine, optimizer=optimizers.AdamW(0.01, weight_decay=0.5))
    before = values(own.model)
    fit(own, epochs=2)
    after = values(own.model)
    assert_same({path: after[path] for path in ("0.weight", "0.bias")}, {p: before[p] for p in ("0.weight", "0.bias")})
    assert (after["2.weight"] != before["2.weight"]).all()
    assert set(own._optimizer_state["mean"]) == {"2.weight", "2.bias"}
    own.model.unfreeze()
    fit(own)
    assert (values(own.model)["0.weight"] != before["0.weight"]).any()


@pytest.mark.parametrize("engine", ENGINES)
def test_a_multiplier_scales_the_step_of_its_group(engine):
    """One step of plain SGD is proportional to the rate."""
    changes = []
    for multipliers in (None, {"0": 0.25, "2.bias": 0.0}):
        own = trainer(engine=engine, optimizer=optimizers.SGD(0.1, multipliers=multipliers))
        before = values(own.model)
        fit(own, batch_size=50)
        changes.append({path: value - before[path] for path, value in values(own.model).items()})
    factors = {"0.weight": 0.25, "0.bias": 0.25, "2.weight": 1.0, "2.bias": 0.0}
    for path, factor in factors.items():
        # differences of float32 weights of the order of 1, four roundings by 6e-8 each; the steps are of 1e-2
        np.testing.assert_allclose(changes[1][path], factor * changes[0][path], rtol=0, atol=5e-7)
    assert (changes[0]["2.bias"] != 0).all()


@pytest.mark.parametrize("engine", ENGINES)
def test_several_labels_an_example(engine):
    """Each output answers its own question; accuracy counts answers."""
    x, _ = points(200)
    y = np.stack([x[:, 0] > 0, x[:, 1] + x[:, 2] > 0], axis=1)
    model = Sequential(Dense(8), ReLU(), Dense(2)).build((INPUTS,), seed=1)
    own = trainer(model, engine=engine, loss="sigmoid_binary_cross_entropy", metrics=["accuracy", "f1", "auc"],
                  optimizer=optimizers.Adam(0.05))  # fmt: skip
    history = fit(own, (x, y), epochs=20)
    assert history["accuracy"][-1] > 0.97
    answers = model(x).value > 0
    assert own.evaluate((x, y))["accuracy"] == pytest.approx((answers == y).mean())


def labels_loss(y, target, sample_weight=None):
    """A loss of the user's own, on labels."""
    return F.softmax_cross_entropy(y, target, label_smoothing=0.1, sample_weight=sample_weight)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_loss_may_be_a_function(engine):
    """It sees labels as whole numbers, and numbers as the network's; weights where it takes them."""
    x, y = points(20)
    own = trainer(engine=engine, loss=labels_loss, metrics=["accuracy"])
    history = fit(own, (x, y), epochs=3, sample_weight=np.ones(20))
    assert history["loss"][-1] < history["loss"][0]
    assert own.evaluate((x, y))["loss"] == pytest.approx(float(labels_loss(own.model(x), y)), rel=1e-5)

    def distance(y, target):
        return ((y - target) ** 2.0).mean()

    own = trainer(engine=engine, loss=distance, metrics=["mae"])
    own_values, by_name = fit(own, (x, x[:, :3])), fit(trainer(engine=engine, loss="mean_squared_error"), (x, x[:, :3]))
    assert own_values["loss"] == pytest.approx(by_name["loss"], rel=1e-6)
    fit(own, (x, np.zeros((20, 3), int)))
    assert values(own.model)["0.weight"].dtype == np.float32


def test_a_function_that_madi_knows_is_its_loss():
    own = trainer(loss=F.softmax_cross_entropy)
    assert own.loss.classes
    assert own.loss.contains == "Softmax"


@pytest.mark.parametrize(("loss", "column"), [("mean_squared_error", True), ("huber", False)])
def test_a_column_of_targets_may_be_flat(loss, column):
    x, _ = points(20)
    y = x[:, :1] if column else x[:, 0]
    history = fit(trainer(Sequential(Dense(1)), loss=loss), (x, y), epochs=5)
    assert history["loss"][-1] < history["loss"][0]
