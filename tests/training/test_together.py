"""Trainers that train together: as each would alone, whatever happens to the others."""

import signal

import numpy as np
import pytest

import madi
from madi import Trainer, errors, optimizers, schedules
from madi.layers import BatchNorm, Dense, Dropout, ReLU, Sequential
from madi.training import fit_together, joint_run, run
from madi.training.choice import trials_together

from .common import CLASSES, INPUTS, assert_same, points, values

RATES = (0.01, 0.03, 0.1, 0.2)
FIT = {"epochs": 3, "batch_size": 16}


def network(seed, *, rate=0.2, units=8):
    """A network with everything in it that a trial may have."""
    layers = Dense(units), ReLU(), BatchNorm(), Dropout(rate), Dense(CLASSES)
    return Sequential(*layers).build((INPUTS,), seed=seed)


def trainer(place, **options):
    """The trial of this place: its own rate, decay, dropout, first weights and seed."""
    # No Adam in float32: of a slope near 0 it makes a step as long as any, and rounding decides its sign.
    numbers = {"momentum": 0.2 * (place % 4), "weight_decay": 1e-3 * place, "clip_norm": 1.0 + place}
    optimizer = optimizers.Momentum(RATES[place % 4], **numbers)
    chosen = {"optimizer": optimizer, "metrics": ["accuracy"], "engine": "jax", "seed": place, "order_seed": 7}
    return Trainer(network(place, rate=0.1 * place), **{**chosen, **options})


def alone(own, **options):
    """The trainer after an ordinary fit."""
    own.fit(points(), verbose=0, **{**FIT, **options})
    return own


def assert_near(found, expected, tolerance):
    """No weight differs by more than `tolerance`; they are of the order of 1."""
    for path in expected:
        np.testing.assert_allclose(found[path], expected[path], rtol=0, atol=tolerance, err_msg=path)


def rows(history):
    """The epochs without their times."""
    return [{name: value for name, value in row.items() if name != "seconds"} for row in history.epochs]


def test_each_ends_where_it_would_alone():
    trainers = [trainer(place) for place in range(4)]
    found = fit_together(trainers, points(), validation=0.2, **FIT)
    for place, own in enumerate(trainers):
        single = alone(trainer(place, engine="jax" if place == 1 else "numpy"), validation=0.2)
        assert_near(values(own.model), values(single.model), 1e-5)
        assert_near(own.model.state(), single.model.state(), 1e-5)
        assert found[place] is own.history
        assert (own.epoch, own.step) == (single.epoch, single.step) == (3, 9)
        for row, expected in zip(rows(own.history), rows(single.history), strict=True):
            assert row == pytest.approx(expected, rel=1e-5)
        assert own.history.steps["loss"] == pytest.approx(single.history.steps["loss"], rel=1e-5)


def test_a_fit_goes_on_from_it():
    trainers = [trainer(place) for place in range(2)]
    fit_together(trainers, points(), **FIT)
    for place, own in enumerate(trainers):
        single = alone(alone(trainer(place, engine="numpy")))
        assert_near(values(alone(own).model), values(single.model), 1e-5)
        assert own.epoch == 6


def test_it_goes_on_from_a_fit():
    trainers = [alone(trainer(place)) for place in range(2)]
    fit_together(trainers, points(), **FIT)
    for place, own in enumerate(trainers):
        assert_near(values(own.model), values(alone(alone(trainer(place, engine="numpy"))).model), 1e-5)


def test_a_trial_that_diverges_disturbs_no_other():
    calm = [trainer(place) for place in range(3)]
    fit_together(calm, points(), **FIT)
    hot = optimizers.Momentum(1e38, weight_decay=1e-3, clip_norm=2.0)
    wild = [trainer(0), trainer(1, optimizer=hot), trainer(2)]
    histories = fit_together(wild, points(), **FIT)
    assert_same(values(wild[0].model), values(calm[0].model))
    assert_same(values(wild[2].model), values(calm[2].model))
    assert [history.diverged for history in histories] == [False, True, False]
    assert "Training diverged in step 2 (epoch 1)" in histories[1].notices[-1]
    assert histories[1].epochs == []
    assert wild[1].step == len(histories[1].steps["loss"]) == 1
    assert all(np.isfinite(value).all() for value in values(wild[1].model).values())


def test_a_trial_that_diverges_later_keeps_its_last_finite_weights():
    schedule = lambda step: 1e-3 if step < 5 else 1e38  # noqa: E731
    wild = lambda: trainer(1, optimizer=optimizers.SGD(schedule, weight_decay=0.0))  # noqa: E731
    calm = lambda: trainer(0, optimizer=optimizers.SGD(0.1, weight_decay=0.0))  # noqa: E731
    trainers = [calm(), wild()]
    histories = fit_together(trainers, points(), **FIT)
    single = wild()
    with pytest.raises(errors.DivergenceError) as raised:
        alone(single)
    assert histories[1].notices[-1] == str(raised.value)
    assert_near(values(trainers[1].model), values(single.model), 1e-5)
    assert rows(histories[1]) == [pytest.approx(row, rel=1e-5) for row in rows(single.history)]
    assert histories[1].steps["loss"] == pytest.approx(single.history.steps["loss"], rel=1e-5)
    assert single.history.diverged
    assert len(histories[0]) == 3
    assert not histories[0].diverged


def test_when_all_diverge_it_ends():
    trainers = [trainer(place, optimizer=optimizers.SGD(1e38)) for place in range(2)]
    assert all(history.diverged for history in fit_together(trainers, points(), **FIT))


def test_other_programs_train_in_groups_of_their_own():
    make = (
        lambda: trainer(0),
        lambda: Trainer(network(5, units=12), optimizer="sgd", engine="jax", seed=5, order_seed=7),
        lambda: trainer(1),
        lambda: trainer(2, engine="numpy"),
    )
    trainers = [made() for made in make]
    fit_together(trainers, points(), **FIT)
    assert ["together" in own._engines for own in trainers] == [True, False, False, False]
    for own, fresh in zip(trainers, make, strict=True):
        assert_near(values(own.model), values(alone(fresh()).model), 1e-5)


def test_schedules_averages_and_class_weights():
    make = lambda place: trainer(  # noqa: E731
        place, optimizer=optimizers.Momentum(schedules.cosine(0.1 / (place + 1), 12)), average=0.9 - 0.1 * place
    )
    trainers = [make(place) for place in range(2)]
    fit_together(trainers, points(), class_weight={0: 3.0}, **FIT)
    for place, own in enumerate(trainers):
        single = alone(make(place), class_weight={0: 3.0})
        assert_near(values(own.model), values(single.model), 1e-5)
        assert_near(values(alone(own).model), values(alone(single, class_weight=None).model), 1e-5)


def test_metrics_of_all_outputs_at_once():
    trainers = [trainer(place, metrics=["auc"]) for place in range(2)]
    fit_together(trainers, points(), validation=0.2, **FIT)
    single = alone(trainer(1, metrics=["auc"], engine="numpy"), validation=0.2)
    assert trainers[1].history["validation_auc"] == pytest.approx(single.history["validation_auc"], abs=1e-6)


def test_orders_that_differ_are_refused():
    trainers = [Trainer(network(seed), engine="jax", seed=seed) for seed in range(2)]
    with pytest.raises(errors.ConfigurationError, match=r"different orders.*Trainer\(\.\.\., seed=1, order_seed=0\)"):
        fit_together(trainers, points())


def test_one_model_for_two_is_refused():
    model = network(0)
    with pytest.raises(errors.ConfigurationError, match="two trainers have the same model"):
        fit_together([Trainer(model), Trainer(model)], points())


def test_what_is_no_trainer_is_refused():
    with pytest.raises(errors.ConfigurationError, match=r"expected madi\.Trainer objects, got Sequential"):
        fit_together([network(0)], points())
    for given in (Trainer(network(0)), []):
        with pytest.raises(errors.ConfigurationError, match=r"expected a list of madi\.Trainer objects, got"):
            fit_together(given, points())


def test_checkpoints_are_refused():
    with pytest.raises(errors.ConfigurationError, match=(
        r"^fit_together: no checkpoints are kept of several trainers at once\. Leave them out, or call "
        r"trainer\.fit\(\.\.\., checkpoints=folder\) for each\.$"
    )):  # fmt: skip
        fit_together([trainer(0)], points(), checkpoints="folder")


def test_streams_are_refused():
    with pytest.raises(errors.ConfigurationError, match="expected arrays"):
        fit_together([trainer(0)], [points(), points()])


def test_an_order_of_its_own():
    same, other = Trainer(network(1), engine="numpy", seed=1, order_seed=1), Trainer(network(1), engine="numpy", seed=1)
    assert_same(values(alone(same).model), values(alone(other).model))
    moved = alone(Trainer(network(1), engine="numpy", seed=1, order_seed=2))
    assert not np.array_equal(values(moved.model)["0.weight"], values(same.model)["0.weight"])
    moved.reset()
    assert_same(values(alone(moved).model), values(alone(Trainer(network(1), seed=1, order_seed=2)).model))


def test_nothing_compiles_in_a_second_fit():
    trainers = [trainer(place) for place in range(2)]
    fit_together(trainers, points(), **FIT)
    engine = trainers[0]._engines["together"]
    compiled = engine.compilations
    for own in trainers:
        own.optimizer.learning_rate = 1e-4
    fit_together(trainers, points(), **FIT)
    assert engine.compilations == compiled > 0


def test_large_products_train_one_after_the_other_by_one_program():
    wide = lambda seed: Trainer(  # noqa: E731
        Sequential(Dense(5000), ReLU(), Dense(CLASSES)).build((INPUTS,), seed=seed), engine="jax", order_seed=7
    )
    trainers = [wide(seed) for seed in range(2)]
    fit_together(trainers, points(1000), epochs=1, batch_size=1000)
    assert trainers[0]._engines["jax"] is trainers[1]._engines["jax"]
    assert "together" not in trainers[0]._engines


def test_jobs_that_end_before_a_compilation_would_stay_on_numpy():
    trainers = [trainer(place, engine="auto") for place in range(2)]
    fit_together(trainers, points(), **FIT)
    assert [list(own._engines) for own in trainers] == [["numpy"], ["numpy"]]


@pytest.mark.parametrize(("trials", "together"), [(2, 2), (4, 4), (100, 25), (30, 15), (13, 13), (101, 26)])
def test_how_many_of_784_50_10_train_in_one_program(trials, together):
    model = Sequential(Dense(50), ReLU(), Dense(10)).build((784,))
    assert trials_together(model, trials, 100) == together


def test_parts_of_a_group_share_their_program(monkeypatch):
    monkeypatch.setattr("madi.training.together.trials_together", lambda *given: 2)
    trainers = [trainer(place) for place in range(4)]
    fit_together(trainers, points(), **FIT)
    assert "together" not in trainers[2]._engines
    for place in (1, 3):
        assert_near(values(trainers[place].model), values(alone(trainer(place, engine="numpy")).model), 1e-5)


def test_whole_runs_in_float32_end_within_a_point():
    """300 steps of digits: rounding leads them apart, but not in what they have learned."""
    train = madi.datasets.load("digits").train
    x, y = train.x[:500].reshape(500, -1), train.y[:500]
    make = lambda place: Trainer(  # noqa: E731
        Sequential(Dense(20), ReLU(), Dense(10)).build((64,), seed=place), optimizer=optimizers.SGD(0.1 * (place + 1)),
        metrics=["accuracy"], engine="jax", seed=place, order_seed=7,
    )  # fmt: skip
    trainers = [make(place) for place in range(3)]
    fit_together(trainers, (x, y), validation=0.2, epochs=75)
    for place, own in enumerate(trainers):
        single = make(place)
        single.fit((x, y), validation=0.2, epochs=75, verbose=0)
        found, expected = own.history["validation_accuracy"][-1], single.history["validation_accuracy"][-1]
        assert abs(found - expected) <= 0.01 + 1e-9
        assert expected > 0.85


@pytest.mark.parametrize("place", [None, 0, 3])
def test_ctrl_c_and_interrupt_end_it_after_the_call_in_flight(monkeypatch, place):
    trainers = [trainer(place) for place in range(4)]
    monkeypatch.setattr("madi.training.together.trials_together", lambda *given: 2)
    rows_drawn = joint_run.epoch_rows
    calls = []

    def interrupted(*given):
        calls.append(given)
        if len(calls) == 2:
            signal.raise_signal(signal.SIGINT) if place is None else trainers[place].interrupt()
        return rows_drawn(*given)

    monkeypatch.setattr(joint_run, "epoch_rows", interrupted)
    histories = fit_together(trainers, points(), **FIT)
    assert [len(history) for history in histories] == [1, 1, 0, 0]
    assert all(own.interrupted for own in trainers)
    assert histories[0].notices == ["interrupted in epoch 2: the weights so far are kept"]
    assert histories[2].notices == ["interrupted before it began"]
    assert 5 <= trainers[0].step <= 7  # an epoch of four, and the call in flight, of one to three
    assert_same(values(trainers[2].model), values(network(2, rate=0.2)))


@pytest.mark.parametrize("place", [0, 1])
def test_whoever_is_interrupted_ends_also_those_that_train_one_after_the_other(monkeypatch, place):
    trainers = [trainer(0, engine="numpy"), trainer(1, engine="numpy")]
    rows_drawn, calls = run.epoch_rows, []

    def interrupted(*given):
        calls.append(given)
        if len(calls) == 2:
            trainers[place].interrupt()
        return rows_drawn(*given)

    monkeypatch.setattr(run, "epoch_rows", interrupted)
    first, second = fit_together(trainers, points(), **FIT)
    assert first.notices == ["interrupted in epoch 2: the weights so far are kept"]
    assert second.notices == ["interrupted before it began"]
    assert [own.interrupted for own in trainers] == [True, True]
    monkeypatch.undo()
    assert [len(history) for history in fit_together(trainers, points(), **FIT)] == [4, 3]
    assert not any(own.interrupted for own in trainers)


def test_what_the_progress_calls_them_ends_with_the_fit(capsys):
    trainers = [trainer(0, engine="numpy"), trainer(1, engine="numpy")]
    fit_together(trainers, points(), **FIT, verbose=2, names=["first", "second"])
    assert "second: epoch 1/3" in capsys.readouterr().err
    trainers[1].fit(points(), **FIT, verbose=2)
    assert capsys.readouterr().err.startswith("epoch 4/6")


def test_in_float64_whole_runs_agree():
    """A hundred epochs: the two programs differ by rounding alone."""
    make = lambda place: trainer(place, dtype="float64", optimizer=optimizers.Adam(0.002 * (place + 1)))  # noqa: E731
    trainers = [make(place) for place in range(3)]
    fit_together(trainers, points(), validation=0.2, epochs=100, batch_size=16)
    for place, own in enumerate(trainers):
        single = alone(make(place), validation=0.2, epochs=100)
        assert_near(values(own.model), values(single.model), 1e-8)
        assert own.history["validation_accuracy"] == single.history["validation_accuracy"]
