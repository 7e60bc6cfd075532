"""Statistics by layer: the numbers against ones worked out apart, the callback's epochs, the figure."""

from __future__ import annotations

import json
import os
import signal

import numpy as np
import pytest

import madi.functions as F
from madi import Trainer, layers, optimizers
from madi.diagnostics import LayerRow, LayerStatistics
from madi.diagnostics.figure import apart
from madi.errors import ConfigurationError, DataError
from madi.graph import Variable

BITS = np.random.default_rng(2)
X = BITS.standard_normal((60, 5)).astype(np.float32)
Y = (X[:, 0] + X[:, 1] > 0).astype(int)


def network():
    return layers.Sequential(
        layers.Dense(6), layers.ReLU(), layers.Dense(4), layers.Tanh(), layers.Dense(3), layers.Sigmoid(),
        layers.Dense(2),
    ).build((5,), seed=3)  # fmt: skip


def looked(model=None, *, data=(X, Y), engine="numpy", **options):
    trainer = Trainer(network() if model is None else model, engine=engine, **options)
    statistics = LayerStatistics(data, examples=1000)
    return {row.layer: row for row in statistics.look(trainer)}, trainer


def test_the_numbers_of_each_layer():
    rows, trainer = looked()
    outputs = [X]
    for layer in trainer.model.layers:
        outputs.append(layer(Variable(outputs[-1])).value)
    for number, (path, row) in enumerate(rows.items()):
        y = outputs[number + 1]
        assert (path, row.kind) == (str(number), type(trainer.model[number]).__name__)
        assert row.mean == pytest.approx(y.mean(), rel=1e-4, abs=1e-6)
        assert row.deviation == pytest.approx(y.std(), rel=1e-4)


def test_gradients_are_those_of_the_loss_by_each_output():
    rows, trainer = looked()
    for number in range(len(trainer.model)):
        x = Variable(layers.Sequential(*trainer.model.layers[: number + 1])(X).value)
        y = x
        for layer in trainer.model.layers[number + 1 :]:
            y = layer(y)
        F.softmax_cross_entropy(y, Y).backward()
        row = rows[str(number)]
        assert row.gradient_norm == pytest.approx(np.linalg.norm(x.grad), rel=1e-4)
        assert row.gradient_mean == pytest.approx(x.grad.mean(), rel=1e-3, abs=1e-8)
        assert row.gradient_deviation == pytest.approx(x.grad.std(), rel=1e-4)


def test_dead_and_saturated_units():
    model = network()
    model[0].bias.value = np.float32([-100, 0, 0, 100, -100, 0])  # the first and fifth can never be above 0
    model[2].weight.value = model[2].weight.value * np.float32([1000, 0, 0, 0])
    rows, _ = looked(model)
    # two of six are dead; of tanh's units the first is driven to its ends, the other three stay at tanh(0)
    assert (rows["1"].units, rows["1"].dead) == (6, pytest.approx(2 / 6))
    tanh = layers.Sequential(*model.layers[:4])(X).value
    assert (rows["3"].units, rows["3"].saturated) == (4, pytest.approx((1 - tanh**2 < 0.05).mean()))
    assert 0.2 < rows["3"].saturated <= 0.25
    assert rows["3"].dead is rows["1"].saturated is rows["0"].dead is rows["0"].units is None
    sigmoid = layers.Sequential(*model.layers[:6])(X).value
    assert rows["5"].saturated == pytest.approx((sigmoid * (1 - sigmoid) < 0.0125).mean())


def test_a_channel_is_dead_only_where_all_its_pixels_are():
    class Only(layers.Layer):
        """A ReLU inside a layer of the user's own."""

        def __call__(self, x):
            return F.relu(x)

    images = np.full((4, 3, 3, 2), -1, np.float32)
    images[2, 1, 1, 0] = 1
    model = layers.Sequential(Only(), layers.Flatten(), layers.Dense(2))
    rows, _ = looked(model, data=(images, np.array([0, 1, 0, 1])))
    assert (rows["0"].units, rows["0"].dead) == (2, 0.5)


@pytest.mark.parametrize("engine", ["numpy", "jax"])
@pytest.mark.parametrize("optimizer", [optimizers.SGD(0.1), optimizers.Momentum(0.1), optimizers.Adam(0.01)])
def test_the_update_ratio_is_that_of_the_optimizers_next_step(optimizer, engine):
    """One batch an epoch: what it says before each of three epochs is what the epoch does."""
    model = layers.Sequential(layers.Dense(3), layers.ReLU(), layers.Dense(2)).build((5,), seed=1)
    trainer, statistics = Trainer(model, optimizer=optimizer, engine=engine), LayerStatistics((X, Y), examples=60)
    weights = [np.array(model[0].weight.value)]
    trainer.fit(
        (X, Y), epochs=3, batch_size=60, verbose=0,
        callbacks=[statistics, lambda epoch, values: weights.append(np.array(model[0].weight.value))],
    )  # fmt: skip
    for epoch in range(3):
        ratio = np.linalg.norm(weights[epoch + 1] - weights[epoch]) / np.linalg.norm(weights[epoch])
        (row,) = (row for row in statistics.at(epoch) if row.layer == "0")
        assert row.update_ratio == pytest.approx(ratio, rel=2e-3)
        assert row.weight_norm == pytest.approx(np.linalg.norm(weights[epoch]), rel=1e-4)


def test_looking_changes_nothing():
    found = []
    for watched in (False, True):
        model = layers.Sequential(
            layers.Dense(8), layers.BatchNorm(), layers.ReLU(), layers.Dropout(0.5), layers.Dense(2)
        )
        trainer = Trainer(model.build((5,), seed=0), optimizer="adam", engine="numpy")
        callbacks = [LayerStatistics((X, Y))] if watched else []
        trainer.fit((X, Y), epochs=4, batch_size=20, callbacks=callbacks, verbose=0)
        found.append(np.concatenate([np.ravel(value) for value in trainer.snapshot().values()]))
    np.testing.assert_array_equal(*found)


def test_both_engines_see_the_same():
    one, other = (looked(engine=engine)[0] for engine in ("numpy", "jax"))
    assert list(one) == list(other)
    for path in one:
        for name, value in vars(one[path]).items():
            same = pytest.approx(value, rel=1e-3, abs=1e-7) if isinstance(value, float) else value
            assert getattr(other[path], name) == same, (path, name)


def test_the_epochs_that_are_looked_at():
    statistics, trainer = LayerStatistics((X, Y), every=3), Trainer(network(), engine="numpy")
    trainer.fit((X, Y), epochs=7, callbacks=[statistics], verbose=0)
    assert statistics.epochs() == [0, 3, 6, 7]
    trainer.fit((X, Y), epochs=2, callbacks=[statistics], verbose=0)
    assert statistics.epochs() == [0, 3, 6, 7, 9]
    assert len(statistics.rows) == 5 * 7


def test_the_probe_is_a_random_part_of_the_data():
    sorted_labels = np.repeat([0, 1], 30)
    statistics = LayerStatistics((X, sorted_labels), examples=20)
    statistics.look(Trainer(network(), engine="numpy"))
    assert len(statistics._probe) == 20
    assert 0 < statistics._probe.y.sum() < 20


def test_frozen_layers_have_no_update():
    model = network().freeze("0")
    rows, _ = looked(model)
    assert rows["0"].update_ratio is None
    assert rows["2"].update_ratio > 0


def test_a_layer_that_is_used_twice_has_one_row():
    shared = layers.Dense(5)
    rows, _ = looked(layers.Sequential(shared, layers.ReLU(), shared, layers.Dense(2)))
    assert list(rows) == ["0", "1", "3"]


def test_blocks_and_normalization():
    body = layers.Sequential(layers.Conv2D(2, 3), layers.BatchNorm(), layers.ReLU())
    model = layers.Sequential(layers.Residual(body), layers.GlobalAveragePool(), layers.Dense(2))
    images = BITS.standard_normal((12, 4, 4, 2)).astype(np.float32)
    rows, _ = looked(model, data=(images, np.arange(12) % 2), engine="jax")
    assert [row.kind for row in rows.values()] == ["Conv2D", "BatchNorm", "ReLU", "GlobalAveragePool", "Dense"]


def test_to_dict_is_json():
    statistics, trainer = LayerStatistics((X, Y)), Trainer(network(), engine="numpy")
    statistics.look(trainer)
    told = json.loads(json.dumps(statistics.to_dict()))
    assert LayerRow(**told["rows"][0]) == statistics.rows[0]


def test_the_figure():
    statistics, trainer = LayerStatistics((X, Y)), Trainer(network(), engine="numpy")
    trainer.fit((X, Y), epochs=3, callbacks=[statistics], verbose=0)
    figure = statistics.plot()
    assert [len(axes.lines) for axes in figure.axes] == [4, 4, 3, 4]
    activations, _, units, _ = figure.axes
    deviations = [row.deviation for row in statistics.rows if row.layer == "1"]
    np.testing.assert_allclose(activations.lines[0].get_ydata(), deviations)
    np.testing.assert_array_equal(activations.lines[0].get_xdata(), [0, 1, 2, 3])
    assert [text.get_text() for text in units.texts] == ["1 ReLU", "3 Tanh", "5 Sigmoid"]


def test_the_figure_shows_the_activations_of_maxout():
    statistics = LayerStatistics((X, Y))
    model = layers.Sequential(layers.Maxout(4), layers.Dense(3))
    Trainer(model, engine="numpy").fit((X, Y), epochs=1, callbacks=[statistics], verbose=0)
    assert [text.get_text() for text in statistics.plot().axes[0].texts] == ["0 Maxout", "1 Dense"]


def test_no_figure_of_nothing():
    with pytest.raises(DataError, match=r"^statistics: nothing to plot"):
        LayerStatistics((X, Y)).plot()


def test_names_are_set_apart_within_the_panel():
    heights = apart([0.5, 0.5, 0.9, 0.51, 1.0, 0.0], 0.1)
    np.testing.assert_allclose(heights, [0.4033, 0.5033, 0.9, 0.6033, 1.0, 0.0], atol=1e-3)
    crowded = sorted(apart([0.0] * 8, 0.1))
    assert np.diff(crowded).min() > 0.0999
    assert crowded[0] >= 0
    assert crowded[-1] <= 1


def test_mistakes():
    with pytest.raises(ConfigurationError, match=r"^LayerStatistics: every must be"):
        LayerStatistics((X, Y), every=0)
    with pytest.raises(DataError, match=r"^data: x has 60 examples and y has 3"):
        LayerStatistics((X, Y[:3])).look(Trainer(network(), engine="numpy"))


def test_they_go_on_from_a_checkpoint(tmp_path):
    """The rows are those of a fit that nobody stopped."""
    x = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
    found = []
    for stopped in (False, True):
        trainer = Trainer(layers.Dense(2), engine="numpy")
        statistics = LayerStatistics((x, x[:, 0] > 0))
        options = {"checkpoints": tmp_path, "resume": True} if stopped else {}
        if stopped:

            def stop(epoch, values):
                if epoch == 2:
                    os.kill(os.getpid(), signal.SIGINT)

            first = Trainer(layers.Dense(2), engine="numpy")
            callbacks = [LayerStatistics((x, x[:, 0] > 0)), stop]
            first.fit((x, x[:, 0] > 0), epochs=4, callbacks=callbacks, verbose=0, checkpoints=tmp_path)
            assert first.interrupted
        trainer.fit((x, x[:, 0] > 0), epochs=4, callbacks=[statistics], verbose=0, **options)
        found.append(statistics.rows)
    assert found[0] == found[1]
