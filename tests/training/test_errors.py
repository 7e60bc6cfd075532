"""Every mistake in data and settings is named before anything is trained."""

import re

import numpy as np
import pytest

import madi.functions as F
from madi import Trainer, optimizers, predict
from madi.errors import ConfigurationError, DataError, ShapeError, UnknownNameError
from madi.layers import Dense, Flatten, ReLU, Sequential, Sigmoid, Softmax
from madi.training import EarlyStopping, top_k

from .common import CLASSES, INPUTS, assert_same, fit, network, points, trainer, values

X, Y = points(12)


def replaced(array, place, value, dtype=None):
    """A copy with one element changed."""
    changed = np.array(array, dtype or array.dtype)
    changed[place] = value
    return changed


def refused(call, error, message):
    """`call` raises exactly this."""
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        call()


# (data, what fit says of them): the network is 6-8-3, the loss softmax_cross_entropy
WRONG_DATA = {
    "label above the classes": (
        (X, replaced(Y, 4, 3)),
        "data: y: expected labels from 0 to 2 for 3 classes, got 3 in row 4. "
        "Relabel them, or give the last layer more units.",
    ),
    "negative labels": (
        (X, replaced(Y, [2, 5], -1)),
        "data: y: expected labels from 0 to 2 for 3 classes, got -1 in row 2 and 1 more. "
        "Relabel them, or give the last layer more units.",
    ),
    "label beyond int32": (
        (X, replaced(Y, 7, 2**40, np.int64)),
        "data: y: expected labels from 0 to 2 for 3 classes, got 1099511627776 in row 7. "
        "Relabel them, or give the last layer more units.",
    ),
    "label that int32 would wrap to 1": (
        (X, replaced(Y, 7, 2**32 + 1, np.int64)),
        "data: y: expected labels from 0 to 2 for 3 classes, got 4294967297 in row 7. "
        "Relabel them, or give the last layer more units.",
    ),
    "fractional labels": (
        (X, np.full(12, 0.5)),
        "data: y: expected whole-number labels, got float64 values such as 0.5. "
        "Convert them with astype(int), or use a regression loss (mean_squared_error).",
    ),
    "text as labels": (
        (X, ["cat"] * 12),
        "data: y: expected numbers, got values such as np.str_('cat'). Encode text and missing values first.",
    ),
    "one NaN": (
        (replaced(X, (3, 2), np.nan), Y),
        "data: x: 1 value is NaN or infinite, the first nan at (3, 2). Fill or drop them.",
    ),
    "NaN and infinity": (
        (replaced(X, ([1, 4], [5, 0]), [np.inf, np.nan]), Y),
        "data: x: 2 values are NaN or infinite, the first inf at (1, 5). Fill or drop them.",
    ),
    "beyond float32": (
        (replaced(X, (2, 1), 1e300, np.float64), Y),
        "data: x: 1e+300 at (2, 1) is beyond float32. Scale the data, or train in float64.",
    ),
    "int64 beyond int32": (
        (replaced(np.zeros((12, INPUTS), np.int64), (9, 3), 2**31), Y),
        "data: x: 2147483648 at (9, 3) is beyond int32, and float32 would round it. "
        "Scale the data, or train in float64.",
    ),
    "complex numbers": (
        (X.astype(np.complex64), Y),
        "data: x: expected real numbers, got complex64. Give the parts or the magnitude.",
    ),
    "missing values": (
        (np.where(X > 3, X, None), Y),
        "data: x: expected numbers, got values such as None. Encode text and missing values first.",
    ),
    "ragged rows": (
        ([[1.0, 2.0], [3.0]], [0, 1]),
        "data: x: the rows have different lengths; every example needs the same shape.",
    ),
    "no examples": ((X[:0], Y[:0]), "data: x: expected at least one example, got shape (0, 6)."),
    "no targets": ((X, Y[:0]), "data: y: expected at least one example, got shape (0,)."),
    "lengths that differ": ((X, Y[:11]), "data: x has 12 examples and y has 11; they must be equally many."),
    "three weights too many": (
        (X, Y, np.ones(15)),
        "data: sample_weight: expected one weight an example, shape (12,), got (15,).",
    ),
    "a negative weight": (
        (X, Y, replaced(np.ones(12), 5, -2.0)),
        "data: sample_weight: expected weights of at least 0, got -2 in row 5.",
    ),
    "weights of nothing": (
        (X, Y, np.zeros(12)),
        "data: sample_weight: all weights are 0, so that no example counts. Give some of them more.",
    ),
    "only x": (X, "data: expected arrays (x, y) or an iterable of batches, got ndarray of shape (12, 6)."),
    "a path": ("mnist.csv", "data: expected arrays (x, y) or an iterable of batches, got str."),
    "a dictionary": ({"x": X}, "data: expected arrays (x, y) or an iterable of batches, got dict."),
    "a whole data set": (
        type("Dataset", (), {"train": (X, Y)})(),
        "data: expected arrays (x, y) or an iterable of batches, got Dataset. Pass one of its parts: .train or .test.",
    ),
    "masked values": (
        (np.ma.masked_greater(X, 1.5), Y),
        f"data: x: {(X > 1.5).sum()} values are masked. Fill or drop them.",
    ),
    "a number": (5, "data: expected arrays (x, y) or an iterable of batches, got int."),
    "four parts": ((X, Y, Y, Y), "data: expected arrays (x, y) or (x, y, weight), got tuple."),
    "no batches": ([], "data: the iterable of batches is empty; expected batches (x, y)."),
    "batches of one part": ([X, X, X], "batch: expected arrays (x, y) or (x, y, weight), got ndarray."),
    "a generator": (
        (batch for batch in [(X, Y)]),
        "data: a generator can be gone through only once, and every epoch goes through the data. "
        "Pass a list of batches, or an object whose __iter__ starts anew.",
    ),
}


@pytest.mark.parametrize("case", WRONG_DATA)
def test_wrong_data_are_named_and_nothing_is_trained(case):
    data, message = WRONG_DATA[case]
    own = trainer()
    before = values(own.model)
    refused(lambda: fit(own, data), DataError, message)
    assert_same(values(own.model), before)
    assert own.step == 0
    assert not len(own.history)


def test_the_same_is_found_in_validation_and_in_evaluate():
    wrong = replaced(Y, 4, 3)
    says = "expected labels from 0 to 2 for 3 classes, got 3 in row 4. Relabel them, or give the last layer more units."
    refused(lambda: fit(trainer(), validation=(X, wrong)), DataError, f"validation: y: {says}")
    refused(lambda: trainer().evaluate((X, wrong)), DataError, f"evaluate: y: {says}")
    refused(lambda: trainer().evaluate(5), DataError,
            "evaluate: expected arrays (x, y) or an iterable of batches, got int.")  # fmt: skip
    refused(lambda: trainer().evaluate([]), DataError,
            "evaluate: the iterable of batches is empty; expected batches (x, y).")  # fmt: skip


def test_integers_beyond_int32_are_taken_in_float64():
    x = replaced(np.zeros((12, INPUTS), np.int64), (9, 3), 2**31)
    fit(trainer(dtype="float64", optimizer=optimizers.SGD(1e-30)), (x, Y))


# (layers, shape of the data, what fit says): images, and a Dense that sees them
MISFITS = {
    "images, built for rows": (
        lambda: Sequential(Dense(8), Dense(CLASSES)).build((784,)),
        (20, 28, 28),
        "Dense '0': expected inputs of size 784 on the last axis, got (10, 28, 28). Add Flatten() before it.",
    ),
    "images with a channel, built for rows": (
        lambda: Sequential(ReLU(), Dense(CLASSES)).build((784,)),
        (20, 28, 28, 1),
        "Dense '1': expected inputs of size 784 on the last axis, got (10, 28, 28, 1). Add Flatten() before it.",
    ),
    "images, not built": (
        lambda: Sequential(Dense(8), Dense(CLASSES)),
        (20, 28, 28),
        "softmax_cross_entropy: the model makes (10, 28, 3) of inputs (10, 28, 28), but the targets are (10,). "
        "Add Flatten() before the first Dense.",
    ),
    "wrong feature count": (
        network,
        (20, 5),
        "Dense '0': expected inputs of size 6 on the last axis, got (10, 5). "
        "Give it 6 features, or build the model for this data.",
    ),
    "numbers in place of rows": (
        lambda: Sequential(Dense(CLASSES)),
        (20,),
        "Dense '0': expected examples as rows of features, (N, features), got one number an example. "
        "Give it x.reshape(-1, 1).",
    ),
}


@pytest.mark.parametrize("case", MISFITS)
def test_data_that_do_not_fit_the_model_name_the_layer_both_shapes_and_the_fix(case):
    make, shape, message = MISFITS[case]
    x, y = np.zeros(shape, np.float32), np.zeros(20, int)
    refused(lambda: fit(trainer(make()), (x, y)), ShapeError, message)


@pytest.mark.parametrize(
    ("loss", "target", "message"),
    [
        ("mean_squared_error", (12,),
         "mean_squared_error: the model makes (10, 3) of inputs (10, 6), but the targets are (10,). "
         "Change the units of the last layer, or the targets."),
        ("softmax_cross_entropy", (12, 4),
         "softmax_cross_entropy: the model makes (10, 3) of inputs (10, 6), but the targets are (10, 4). "
         "Change the units of the last layer, or the targets."),
    ],
)  # fmt: skip
def test_targets_that_do_not_fit_the_output(loss, target, message):
    refused(lambda: fit(trainer(loss=loss), (X, np.zeros(target, np.float32))), ShapeError, message)


def test_a_model_that_was_built_for_wrong_data_may_be_built_for_others():
    """The mistake of a moment does not stay in the model."""
    model = Sequential(Dense(8), ReLU(), Dense(CLASSES))
    with pytest.raises(ShapeError):
        fit(trainer(model), (np.zeros((20, 28, 28), np.float32), np.zeros(20, int)))
    with pytest.raises(DataError):
        fit(trainer(model), (np.zeros((20, 7), np.float32), np.full(20, 9)))
    fit(trainer(model), (X, Y))
    assert model.parameters()["0.weight"].shape == (INPUTS, 8)


def test_flatten_mends_it():
    fit(trainer(Sequential(Flatten(), Dense(CLASSES))), (np.zeros((20, 2, 3), np.float32), np.zeros(20, int)))


@pytest.mark.parametrize(
    ("last", "loss", "plain"),
    [
        (Softmax, "softmax_cross_entropy", "cross_entropy"),
        (Sigmoid, "sigmoid_binary_cross_entropy", "binary_cross_entropy"),
    ],
)
def test_an_activation_that_the_loss_contains(last, loss, plain):
    own = trainer(Sequential(Dense(8), ReLU(), Dense(1), last()), loss=loss)
    refused(
        lambda: fit(own, (X, np.zeros(12, int))),
        ConfigurationError,
        f"The loss {loss} takes logits and applies {last.__name__} itself, but the model ends in {last.__name__}. "
        f"Remove that layer, or use loss='{plain}'.",
    )
    fit(trainer(Sequential(Dense(1), last()), loss=plain), (X, np.zeros(12, int)))


@pytest.mark.parametrize("loss", ["binary_cross_entropy", "sigmoid_binary_cross_entropy"])
def test_targets_of_a_binary_loss_lie_between_0_and_1(loss):
    own = trainer(Sequential(Dense(1)), loss=loss)
    refused(
        lambda: fit(own, (X, replaced(np.zeros(12, int), 3, -1))),
        DataError,
        f"data: y: {loss} expects targets from 0 to 1, got -1 at (3,). "
        "Relabel them, or use softmax_cross_entropy for more than two classes.",
    )


# (what is called, error, message): settings that are out of range, contradictory or unknown
WRONG_SETTINGS = {
    "no model": (lambda: Trainer(Dense), ConfigurationError,
                 "Trainer: expected a madi layer such as Sequential(...), got type."),
    "engine": (lambda: trainer(engine="numpi"), UnknownNameError,
               "Unknown engine 'numpi': did you mean 'numpy'? Known: auto, jax, numpy."),
    "loss": (lambda: trainer(loss="softmax_crossentropy"), UnknownNameError,
             "Unknown loss 'softmax_crossentropy': did you mean 'softmax_cross_entropy'? Known: binary_cross_entropy, "
             "cross_entropy, huber, mean_absolute_error, mean_squared_error, sigmoid_binary_cross_entropy, "
             "softmax_cross_entropy."),
    "loss of a number": (lambda: trainer(loss=5), ConfigurationError,
                         "loss: expected a name or a function of (prediction, target), got 5."),
    "optimizer": (lambda: trainer(optimizer="adan"), UnknownNameError,
                  "Unknown optimizer 'adan': did you mean 'adam'? "
                  "Known: adagrad, adam, adamw, momentum, nesterov, rmsprop, sgd."),
    "metrics as a name": (lambda: trainer(metrics="accuracy"), ConfigurationError,
                          "metrics: expected a list such as ['accuracy'], got 'accuracy'."),
    "optimizer's class": (lambda: trainer(optimizer=optimizers.Adam), ConfigurationError,
                          "optimizer: got the class Adam; call it: Adam()."),
    "a metric twice": (lambda: trainer(metrics=["rmse", "root_mean_squared_error"]), ConfigurationError,
                       "metrics: two are called 'root_mean_squared_error'. Each needs a name of its own."),
    "a metric of numbers for classes": (
        lambda: fit(trainer(metrics=["r2"])), ConfigurationError,
        "metric r_squared: does not fit outputs (N, 3) with targets (N,). Choose another."),
    "metric of a number": (lambda: trainer(metrics=[3]), ConfigurationError,
                           "metrics: expected names or functions of (target, prediction), got 3."),
    "top_k": (lambda: top_k(0), ConfigurationError, "top_k: expected a whole number of at least 1, got 0."),
    "dtype": (lambda: trainer(dtype="float16"), ConfigurationError,
              "dtype must be 'float32' or 'float64', got 'float16'."),
    "no dtype": (lambda: trainer(dtype="float33"), ConfigurationError,
                 "dtype must be 'float32' or 'float64', got 'float33'."),
    "seed": (lambda: trainer(seed=-1), ConfigurationError,
             "seed must be a whole number from 0 to 2**64 - 1, got -1. Try seed=0."),
    "learning rate 0": (lambda: optimizers.SGD(0), ConfigurationError,
                        "SGD: learning_rate must be a positive finite number, got 0. Try 0.1 for SGD."),
    "learning rate NaN": (lambda: optimizers.Adam(float("nan")), ConfigurationError,
                          "Adam: learning_rate must be a positive finite number, got nan. Try 0.001 for Adam."),
    "epochs": (lambda: fit(trainer(), epochs=1.5), ConfigurationError,
               "fit: epochs must be a whole number of at least 0, got 1.5."),
    "batch_size": (lambda: fit(trainer(), batch_size=0), ConfigurationError,
                   "fit: batch_size must be a whole number of at least 1, got 0."),
    "evaluate's batch_size": (lambda: trainer().evaluate((X, Y), batch_size=-1), ConfigurationError,
                              "evaluate: batch_size must be a whole number of at least 1, got -1."),
    "predict's batch_size": (lambda: predict(network(), X, batch_size=0), ConfigurationError,
                             "predict: batch_size must be a whole number of at least 1, got 0. Try 1000."),
    "predict's engine": (lambda: predict(network(), X, engine="jaxx"), UnknownNameError,
                         "Unknown engine 'jaxx': did you mean 'jax'? Known: auto, jax, numpy."),
    "verbose": (lambda: fit(trainer(), verbose=3), ConfigurationError,
                "verbose must be 0 (silent), 1 (a progress bar) or 2 (one line an epoch), got 3."),
    "validation share": (lambda: fit(trainer(), validation=1.0), ConfigurationError,
                         "fit: a validation share must lie between 0 and 1, got 1.0. Try 0.2."),
    "validation leaves nothing": (lambda: fit(trainer(), (X[:2], Y[:2]), validation=0.9), DataError,
                                  "fit: a validation share of 0.9 leaves nothing of 2 examples to train on."),
    "one callback": (lambda: fit(trainer(), callbacks=print), ConfigurationError,
                     f"callbacks: expected a list, got {print!r}. Write callbacks=[...]."),
    "callback's class": (lambda: fit(trainer(), callbacks=[EarlyStopping]), ConfigurationError,
                         "callbacks: expected a madi.training.Callback or a function of (epoch, values), "
                         f"got {EarlyStopping!r}."),
    "patience": (lambda: EarlyStopping(patience=-1), ConfigurationError,
                 "EarlyStopping: patience must be a whole number of at least 0, got -1."),
    "mode": (lambda: EarlyStopping(mode="least"), UnknownNameError,
             "Unknown mode 'least': Known: auto, max, min."),
    "minimum_change": (lambda: EarlyStopping(minimum_change=-0.1), ConfigurationError,
                       "EarlyStopping: minimum_change must be a finite number of at least 0, got -0.1. Try 0."),
    "weights of a stream": (
        lambda: fit(trainer(), [(X, Y)], class_weight={0: 2.0}), ConfigurationError,
        "fit: sample_weight, class_weight and a validation share need arrays (x, y), got an iterable of batches. "
        "Let the iterable give (x, y, weight), and pass validation=(x, y)."),
    "class_weight": (lambda: fit(trainer(), class_weight=[1, 2, 3]), ConfigurationError,
                     "class_weight: expected {label: weight}, got [1, 2, 3]."),
    "class_weight's label": (lambda: fit(trainer(), class_weight={3: 2.0}), ConfigurationError,
                             "class_weight: expected labels from 0 to 2, got 3."),
    "class_weight's weight": (lambda: fit(trainer(), class_weight={1: -2.0}), ConfigurationError,
                              "class_weight[1] must be a finite number of at least 0, got -2.0. "
                              "1 leaves it as it is."),
    "class_weight of nothing": (lambda: fit(trainer(), class_weight={0: 0, 1: 0, 2: 0}), DataError,
                                "class_weight: all weights are 0, so that no example counts. Give some of them more."),
    "class_weight of no classes": (
        lambda: fit(trainer(loss="mean_squared_error"), (X, X[:, :3]), class_weight={0: 2.0}), ConfigurationError,
        "class_weight: the targets of mean_squared_error are no classes here. Use sample_weight."),
    "nothing to train": (lambda: fit(trainer(network().freeze())), ConfigurationError,
                         "fit: no parameter is trainable. Call model.unfreeze(), or add a layer with weights."),
    "multipliers": (lambda: fit(trainer(optimizer=optimizers.SGD(0.1, multipliers={"5": 0.1}))), UnknownNameError,
                    "SGD: multipliers: no parameter lies under '5'. See model.parameters() for the paths."),
    "own loss of many numbers": (
        lambda: fit(trainer(loss=lambda y, t: y)), ConfigurationError,
        "loss <lambda>: expected one number as a Variable, got shape (1, 3). "
        "Build it from the prediction with madi.functions, and end in mean() or sum()."),
    "own loss without a graph": (
        lambda: fit(trainer(loss=lambda y, t: 1.0)), ConfigurationError,
        "loss <lambda>: expected one number as a Variable, got float. "
        "Build it from the prediction with madi.functions, and end in mean() or sum()."),
    "own loss without weights": (
        lambda: fit(trainer(loss=lambda y, t: F.softmax_cross_entropy(y, t)), sample_weight=np.ones(50)),
        ConfigurationError,
        "loss <lambda> takes no sample_weight. Give the function an argument sample_weight=None."),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG_SETTINGS)
def test_wrong_settings_are_named(case):
    refused(*WRONG_SETTINGS[case])


def test_a_batch_larger_than_the_data_is_clipped_and_said():
    own = trainer()
    history = fit(own, (X, Y), batch_size=100)
    assert history.notices == ["batch_size 100 is larger than the data: all 12 examples are one batch"]
    assert own.step == 1


def test_an_unknown_metric_is_suggested():
    with pytest.raises(
        UnknownNameError, match=r"^Unknown metric 'acuracy': did you mean 'accuracy'\? Known: accuracy, "
    ):
        trainer(metrics=["acuracy"])


def test_an_unknown_value_to_monitor_is_suggested():
    stopping = EarlyStopping("validation_los")
    with pytest.raises(
        UnknownNameError, match=r"^Unknown value to monitor 'validation_los': did you mean 'validation_l"
    ):
        fit(trainer(), validation=0.2, callbacks=[stopping])
