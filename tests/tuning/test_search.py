"""The search: its rounds, its ranking, that it is reproducible, goes on, and is shared."""

import json
import math

import numpy as np
import pytest

import madi
from madi import optimizers
from madi.errors import ConfigurationError, DataError, FileError, MadiError
from madi.layers import Dense, Dropout, ReLU
from madi.tuning import Choice, Integer, LogUniform, Measure, Search, Trial, Uniform, search
from madi.tuning.rounds import divided, fitting, shares

X = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
Y = (X[:, 0] > 0).astype(np.int32)
RATES = {"learning_rate": LogUniform(1e-4, 1.0), "weight_decay": LogUniform(1e-8, 1e-2)}
SMALL = {"trials": 12, "rounds": 3, "epochs": 2, "batch_size": 10, "verbose": 0}


def trainer(seed=0, units=3, dropout=0.0, **options):
    model = madi.Sequential(Dense(units), ReLU(), Dropout(dropout), Dense(2)).build((4,), seed=seed)
    return madi.Trainer(
        model, optimizer=optimizers.SGD(**options), metrics=["accuracy"], engine="numpy", seed=seed, order_seed=0
    )


def make(parameters):
    return trainer(**parameters)


def small(ranges=RATES, **options):
    return search(make, (X, Y), **{"ranges": ranges, **SMALL, **options})


@pytest.fixture(scope="module")
def found():
    return small()


# ---- what comes out


def test_rounds_and_trials(found):
    assert [trial.number for trial in found.records] == list(range(12))
    assert [trial.round for trial in found.records] == [1] * 4 + [2] * 4 + [3] * 4
    assert len(found.ranges) == 3
    assert found.ranges[0] == RATES
    assert shares(100, 3) == [34, 33, 33]
    for trial in found.records:
        ranges = found.ranges[trial.round - 1]
        assert all(ranges[name].low <= value <= ranges[name].high for name, value in trial.parameters.items())


def test_a_round_begins_around_the_best_fifth_of_those_before(found):
    for number in (1, 2):
        before = [trial for trial in found.records if trial.round <= number]
        best = sorted(before, key=lambda t: (-t.last("validation_accuracy"), t.last("validation_loss")))[:5]
        for name, entry in found.ranges[number - 1].items():
            good = [trial.parameters[name] for trial in best]
            others = [trial.parameters[name] for trial in before if trial not in best]
            low = max([entry.low, *(value for value in others if value < min(good))])
            high = min([entry.high, *(value for value in others if value > max(good))])
            assert found.ranges[number][name] == LogUniform(low, high)


def test_a_trial_is_what_training_with_its_parameters_gives(found):
    trial = found.records[5]
    training, validation = divided((X, Y), 0.2, seed=0)
    assert (len(training.x), len(validation.x)) == (48, 12)
    history = make(trial.parameters).fit(training, validation=validation, epochs=2, batch_size=10, verbose=0)
    assert trial.curve("validation_accuracy") == history["validation_accuracy"]
    np.testing.assert_allclose(trial.curve("loss"), history["loss"], rtol=1e-6)


def test_the_validation_data_are_the_same_for_all_and_never_trained_on():
    training, validation = divided((X, Y), 0.25, seed=3)
    again, _ = divided((X, Y), 0.25, seed=3)
    np.testing.assert_array_equal(training.x, again.x)
    rows = {tuple(row) for row in training.x.tolist()}
    assert not rows & {tuple(row) for row in validation.x.tolist()}
    assert abs(validation.y.mean() - Y.mean()) < 0.1
    own = divided((X[:40], Y[:40]), (X[40:], Y[40:]), seed=0)
    assert len(own[1][0]) == 20


def test_the_table_and_the_best(found):
    table = found.trials
    assert table.columns == [
        "trial", "round", "learning_rate", "weight_decay", "validation_accuracy", "validation_loss", "accuracy", "loss",
        "diverged",
    ]  # fmt: skip
    assert table.height == 12
    assert table["validation_accuracy"].is_sorted(descending=True)
    assert table["trial"][0] == found.best.number
    assert found.best.last("validation_accuracy") == max(t.last("validation_accuracy") for t in found.records)


def test_through_json_and_back(found):
    again = Search.from_dict(json.loads(json.dumps(found.to_dict())))
    assert again == found


# ---- ranking


def trial(number, accuracy, loss, diverged=False):
    rows = [{"accuracy": 0.5, "validation_accuracy": accuracy, "validation_loss": loss}]
    return Trial(number, 1, {"x": number}, rows, diverged)


def test_ranking_by_measure_then_loss_then_number():
    trials = [trial(0, 0.8, 2.0), trial(1, 0.9, 1.0), trial(2, 0.9, 0.5), trial(3, 0.95, 0.1, True), trial(4, 0.9, 1.0)]
    by_accuracy = Measure("accuracy", rises=True)
    assert [entry.number for entry in by_accuracy.ranked(trials)] == [2, 1, 4, 0]
    assert [entry.number for entry in Measure("loss", rises=False).ranked(trials)] == [2, 1, 4, 0]
    assert math.isnan(by_accuracy.value(trials[3]))
    many = [trial(number, number / 100, 1.0) for number in range(40)]
    assert [entry.number for entry in by_accuracy.good(many)] == [39, 38, 37, 36, 35, 34, 33, 32]
    assert len(by_accuracy.good(many[:10])) == 5


def test_the_measure_is_the_first_metric_or_the_one_named():
    metrics = trainer().metrics
    assert Measure.of(metrics, None) == Measure("accuracy", rises=True)
    assert Measure.of(metrics, "loss") == Measure("loss", rises=False)
    assert Measure.of([], None) == Measure("loss", rises=False)
    with pytest.raises(MadiError, match="Unknown measure 'acuracy': did you mean 'accuracy'"):
        Measure.of(metrics, "acuracy")


def test_by_loss():
    found = small(measure="loss", trials=4, rounds=1)
    assert found.best.last("validation_loss") == min(t.last("validation_loss") for t in found.records)


# ---- kinds of parameters


def test_shapes_rates_and_batches_together():
    ranges = {
        "units": Choice(2, 5), "dropout": Uniform(0.0, 0.5), "batch_size": Integer(5, 20),
        "learning_rate": LogUniform(0.01, 1.0),
    }  # fmt: skip

    def own(parameters):
        size = parameters.pop("batch_size")
        return trainer(**parameters), {"batch_size": size}

    found = search(own, (X, Y), **{**SMALL, "ranges": ranges, "trials": 8, "rounds": 2})
    assert len(found.records) == 8
    assert {trial.parameters["units"] for trial in found.records} == {2, 5}
    single = found.records[3]
    training, validation = divided((X, Y), 0.2, seed=0)
    parameters = dict(single.parameters)
    history = trainer(**{name: parameters[name] for name in ("units", "dropout", "learning_rate")}).fit(
        training, validation=validation, epochs=2, batch_size=parameters["batch_size"], verbose=0
    )
    np.testing.assert_allclose(single.curve("validation_loss"), history["validation_loss"], rtol=1e-5)


def test_accumulated_batches():
    found = search(
        lambda parameters: (trainer(**parameters), {"accumulate": 2}), (X, Y), ranges=RATES, trials=2, rounds=1,
        epochs=1, batch_size=10, verbose=0,
    )  # fmt: skip
    history = trainer(**found.records[0].parameters).fit(
        divided((X, Y), 0.2, 0)[0], validation=divided((X, Y), 0.2, 0)[1], batch_size=10, accumulate=2, verbose=0
    )
    np.testing.assert_allclose(found.records[0].curve("loss"), history["loss"], rtol=1e-6)


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
def test_a_diverging_trial_has_no_result_and_disturbs_no_other():
    wide = {"learning_rate": LogUniform(1e-12, 1e12)}
    found = small(wide, trials=8, rounds=2, epochs=3)
    lost = [entry for entry in found.records if entry.diverged]
    assert 0 < len(lost) < 8
    assert found.trials["diverged"].to_list() == [False] * (8 - len(lost)) + [True] * len(lost)
    assert found.trials["validation_accuracy"][-1] is None
    assert found.ranges[1]["learning_rate"].high < max(entry.parameters["learning_rate"] for entry in lost)
    good = next(entry for entry in found.records if not entry.diverged)
    training, validation = divided((X, Y), 0.2, seed=0)
    history = make(good.parameters).fit(training, validation=validation, epochs=3, batch_size=10, verbose=0)
    np.testing.assert_allclose(good.curve("loss"), history["loss"], rtol=1e-6)


def test_where_all_diverge_there_is_no_best():
    found = Search((trial(0, 0.5, 1.0, True),), ({"x": Uniform(0, 1)},), Measure("accuracy", True))
    with pytest.raises(DataError, match="none of 1 trials has a result, all diverged"):
        _ = found.best
    with pytest.raises(DataError, match="nothing to plot"):
        found.plot()


# ---- reproducible, resumable, shared


def test_same_seed_same_trials(found):
    assert small() == found
    assert small(seed=1).records[0].parameters != found.records[0].parameters


def test_a_storage_changes_nothing(found, tmp_path):
    assert small(storage=str(tmp_path / "search.journal"), together=4) == found


def test_tpe_is_reproducible_and_differs_from_random_after_its_first_ten():
    options = {"sampler": "tpe", "together": 4, "trials": 16, "rounds": 1}
    found = small(**options)
    assert small(**options) == found
    random = small(trials=16, rounds=1)
    assert [t.parameters for t in found.records][12:] != [t.parameters for t in random.records][12:]


def test_tpe_keeps_to_the_options_that_are_left(tmp_path):
    ranges = {"units": Choice(1, 2, 3, 4, 5, 6), "learning_rate": LogUniform(0.01, 1)}
    found = small(ranges, sampler="tpe", trials=20, rounds=2, storage=str(tmp_path / "s"), epochs=1)
    left = found.ranges[1]["units"].options
    assert 1 <= len(left) < 6
    assert {t.parameters["units"] for t in found.records if t.round == 2} <= set(left)


class Killed(Exception):
    pass


def killed_after(count):
    made = []

    def killed(parameters):
        made.append(parameters)
        if len(made) > count:
            raise Killed
        return make(parameters)

    return killed


@pytest.mark.parametrize("sampler", ["random", "tpe"])
@pytest.mark.parametrize("count", [1, 3, 8])
def test_a_killed_search_goes_on_with_the_very_trials(tmp_path, sampler, count):
    options = {**SMALL, "ranges": RATES, "sampler": sampler, "together": 3}
    storage = str(tmp_path / "killed.journal")
    with pytest.raises(Killed):
        search(killed_after(count), (X, Y), storage=storage, **options)
    again = search(make, (X, Y), storage=storage, **options)
    assert again == search(make, (X, Y), storage=str(tmp_path / "whole.journal"), **options)


def test_finished_trials_are_not_trained_again(tmp_path):
    options = {"storage": str(tmp_path / "s.journal"), "together": 4}
    found = small(**options)
    again = search(killed_after(1), (X, Y), ranges=RATES, **SMALL, **options)  # one trainer is made to be looked at
    assert again == found


def test_two_processes_share_a_study(tmp_path):
    shared = {"storage": f"sqlite:///{tmp_path / 'search.db'}", "trials": 6, "rounds": 1, "together": 2}
    with pytest.raises(Killed):
        search(killed_after(3), (X, Y), ranges=RATES, **{**SMALL, **shared}, worker="first")
    second = small(**shared, worker="second")  # it takes what is left, not what the first has begun
    assert [entry.number for entry in second.records] == [0, 1, 4, 5]
    first = small(**shared, worker="first")
    assert [entry.number for entry in first.records] == [0, 1, 2, 3, 4, 5]


def test_a_study_of_another_search_is_refused(tmp_path):
    storage = str(tmp_path / "s.journal")
    small(storage=storage, trials=2, rounds=1)
    with pytest.raises(ConfigurationError, match=r"study: 'madi' in .* was begun with seed 0, now it is 1\. Go on"):
        small(storage=storage, seed=1)
    with pytest.raises(ConfigurationError, match="was begun with ranges"):
        small({"learning_rate": LogUniform(1e-3, 1.0)}, storage=storage)
    assert len(small(storage=storage, seed=1, study="other", trials=2, rounds=1).records) == 2


@pytest.mark.parametrize("storage", ["nowhere/search.journal", "nosuch://x", "sqlite:///nowhere/search.db"])
def test_a_storage_that_cannot_be_opened(storage, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileError, match=rf"^storage {storage}: cannot be opened \(.*\)\. Give a file"):
        small(storage=storage)


def test_without_optuna_the_message_has_the_command(monkeypatch):
    monkeypatch.setattr("madi.tuning.rounds.importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigurationError, match=r"needs optuna, which is not installed\. Run: pip install 'madi"):
        small(sampler="tpe")
    assert len(small(trials=2, rounds=1).records) == 2  # which needs none


def test_interrupted_with_what_is_finished(monkeypatch):
    from madi.tuning import running

    calls = []

    def broken_off(trainers, data, *, names, **options):
        assert len(names) == len(trainers)
        calls.append(len(trainers))
        for entry in trainers[: 1 if len(calls) == 2 else None]:
            entry.fit(data, **options)

    monkeypatch.setattr(running, "fit_together", broken_off)
    found = small(together=4)
    assert found.interrupted
    assert [entry.number for entry in found.records] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("storage", [None, "search.journal"])
def test_ctrl_c_between_two_fits(storage, tmp_path):
    def pressed(done):
        if done.number == 2:
            raise KeyboardInterrupt

    found = small(report=pressed, storage=storage and str(tmp_path / storage))
    assert found.interrupted
    assert (len(found.records), len(found.ranges)) == (8, 2)


def test_large_networks_are_trained_few_at_once():
    assert fitting(trainer()) > 1000
    model = madi.Sequential(Dense(1000)).build((999,))
    assert fitting(madi.Trainer(model)) == 2**31 // (4 * 4 * 1_000_000) == 134
    assert fitting(madi.Trainer(madi.Sequential(Dense(2)))) == 10  # of a network that is not built yet nobody knows


# ---- what is refused


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"trials": 0}, r"search: trials must be a whole number of at least 1, got 0\. Try 60"),
        ({"rounds": 13}, r"search: 12 trials do not fill 13 rounds\. Try rounds=12"),
        ({"epochs": 1.5}, r"search: epochs must be a whole number"),
        ({"validation": 1.0}, r"search: validation must be .*, got 1\.0\. Try 0\.2"),
        ({"together": -1}, r"search: together must be a whole number of at least 1, got -1"),
        ({"ranges": {}}, r"Name what to tune"),
    ],
)
def test_settings_out_of_range(options, line):
    with pytest.raises(ConfigurationError, match=line):
        small(**options)


def test_an_unknown_sampler():
    with pytest.raises(MadiError, match="Unknown sampler 'grid'"):
        small(sampler="grid")


@pytest.mark.parametrize(
    ("made", "line"),
    [
        (lambda p: 3, r"make: expected a madi\.Trainer, or .* got int"),
        (
            lambda p: (make(p), {"epochs": 3}),
            r"make: a trial can set batch_size and accumulate of its fit, got",
        ),
    ],
)
def test_a_make_that_makes_none(made, line):
    with pytest.raises(ConfigurationError, match=line):
        search(made, (X, Y), ranges=RATES, **SMALL)


# ---- the figure


def test_the_figure_has_a_panel_for_each_of_the_best_and_two_for_each_parameter(found):
    panels = [axes for axes in found.plot(best=7).axes if axes.axison]
    titles = [axes.get_title(loc="left") for axes in panels]
    assert next(title for title in titles if title) == f"1.  {found.best.last('validation_accuracy'):.3f}"
    assert len(panels) == 7 + 2 * 2
    training, validation = panels[0].get_lines()
    np.testing.assert_array_equal(training.get_ydata(), found.best.curve("accuracy"))
    np.testing.assert_array_equal(validation.get_ydata(), found.best.curve("validation_accuracy"))


def test_the_figure_draws_the_ranges_of_each_round(found):
    axes = next(axes for axes in found.plot(best=1).axes if axes.get_xlabel() == "learning rate")
    drawn = [tuple(line.get_xdata()) for line in axes.get_lines()]
    assert drawn == [(r["learning_rate"].low, r["learning_rate"].high) for r in found.ranges]


def test_losses_that_differ_widely_are_drawn_on_a_logarithmic_axis():
    def lost(*losses):
        trials = []
        for number, loss in enumerate(losses):
            rows = [{"loss": 1e9, "validation_loss": loss}, {"loss": loss, "validation_loss": loss}]
            trials.append(Trial(number, 1, {"x": 0.1 * number}, rows))
        found = Search(tuple(trials), ({"x": Uniform(0, 1)},), Measure("loss", rises=False))
        return [axes.get_yscale() for axes in found.plot().axes if axes.axison and axes.get_lines()]

    assert lost(1.0, 2.0, 20.0) == ["linear"] * 5
    assert lost(1.0, 2.0, 40.0) == ["log"] * 4 + ["linear"]  # the ranges have no losses
