"""The public interface: every name that other programs depend on is imported and used once, with a checked result."""

from __future__ import annotations

import json

import numpy as np
import pytest

import madi
import madi.functions as F
from madi import datasets, initializers, layers, models, optimizers, schedules, training
from madi.kernels import random

X = np.array([[1.0, -2.0, 0.5], [0.0, 3.0, -1.0]])
TWO = np.array([[1.0, 2.0], [3.0, 4.0]])
LOGITS = np.array([[2.0, 0.0], [0.0, 0.0]])
ZERO = np.array([[0.0]])


def near(value, expected):
    np.testing.assert_allclose(np.asarray(value, float), expected, rtol=1e-6, atol=1e-12)


# ---- the graph


def test_variable_and_backward():
    apple = madi.Variable(100.0, name="apple")
    total = apple * 2 * 1.1
    total.backward()
    near(total.value, 220)
    near(apple.grad, 2.2)
    assert (apple.name, total.shape, apple.value.dtype) == ("apple", (), np.float64)
    apple.value, apple.grad = 50.0, None
    near((apple * 2).value, 100)


def test_operators_of_a_variable():
    x, other = madi.Variable(TWO), madi.Variable(np.array([10.0, 20.0]))
    near((x + other).value, [[11, 22], [13, 24]])
    near((x - 1).value, [[0, 1], [2, 3]])
    near((x / 2).value, [[0.5, 1], [1.5, 2]])
    near((x**2).value, [[1, 4], [9, 16]])
    near((x @ other).value, [50, 110])
    near((-x).value, [[-1, -2], [-3, -4]])
    near(x[1, 0].value, 3)
    near(x.sum(axis=0).value, [4, 6])
    near(x.mean().value, 2.5)
    near(x.reshape(4).value, [1, 2, 3, 4])
    near(x.transpose().value, [[1, 3], [2, 4]])
    assert isinstance(TWO * x, madi.Variable)


def test_function_of_a_user_and_its_check():
    class Square(madi.Function):
        def forward(self, x):
            self.x = x
            return x**2

        def backward(self, gy):
            return 2 * self.x * gy

    class Wrong(Square):
        def backward(self, gy):
            return self.x * gy

    report = madi.check_gradients(lambda x: Square()(x), X)
    assert report.inputs[0].relative < 1e-6
    assert report.inputs[0].checked == 6
    with pytest.raises(madi.GradientMismatch, match="expected the central difference"):
        madi.check_gradients(lambda x: Wrong()(x), X)


def test_numerical_gradient():
    near(madi.numerical_gradient(lambda x: (x**2).sum(), np.array([3, 4])), [6, 8])


def test_no_grad():
    with madi.no_grad():
        y = madi.Variable(2.0) * 3
    assert y.creator is None


def test_draw(tmp_path):
    x = madi.Variable(100.0, name="apple")
    drawing = madi.draw(x * 2)
    for suffix in ("svg", "png", "dot"):
        file = tmp_path / f"graph.{suffix}"
        drawing.save(file)
        assert file.stat().st_size > 100
    assert "apple" in (tmp_path / "graph.svg").read_text(encoding="utf-8")
    assert drawing._repr_svg_().startswith("<svg")


def test_trace():
    (step,) = madi.trace(madi.Variable(100.0) * madi.Variable(2.0))
    assert [float(entry.value) for entry in step.inputs] == [100, 2]
    assert [float(slope) for slope in step.local_derivatives] == [2, 100]
    assert (step.kind, float(step.value), step.forward) == ("Multiply", 200, "y = x0 x1")


# ---- functions: name -> (a call, what it gives)

FUNCTIONS = {
    "add": (lambda: F.add(X, 1.0), X + 1),
    "subtract": (lambda: F.subtract(X, 1.0), X - 1),
    "multiply": (lambda: F.multiply(X, 2.0), 2 * X),
    "divide": (lambda: F.divide(X, 2.0), X / 2),
    "power": (lambda: F.power(X, 2.0), X**2),
    "exp": (lambda: F.exp(np.array([0.0, 1.0])), [1, np.e]),
    "log": (lambda: F.log(np.array([1.0, np.e])), [0, 1]),
    "matmul": (lambda: F.matmul(TWO, np.array([[5.0, 6.0], [7.0, 8.0]])), [[19, 22], [43, 50]]),
    "sum": (lambda: F.sum(X, axis=1), [-0.5, 2]),
    "mean": (lambda: F.mean(X, axis=0), [0.5, 0.5, -0.25]),
    "reshape": (lambda: F.reshape(X, (3, 2)), [[1, -2], [0.5, 0], [3, -1]]),
    "transpose": (lambda: F.transpose(X), [[1, 0], [-2, 3], [0.5, -1]]),
    "concatenate": (lambda: F.concatenate([TWO, TWO], axis=1), [[1, 2, 1, 2], [3, 4, 3, 4]]),
    "step": (lambda: F.step(np.array([-1.0, 0.0, 2.0])), [0, 0, 1]),
    "identity": (lambda: F.identity(X), X),
    "sigmoid": (lambda: F.sigmoid(np.array([0.0, np.log(3)])), [0.5, 0.75]),
    "tanh": (lambda: F.tanh(np.array([0.0, np.log(2)])), [0, 0.6]),
    "relu": (lambda: F.relu(X), [[1, 0, 0.5], [0, 3, 0]]),
    "leaky_relu": (lambda: F.leaky_relu(X), [[1, -0.02, 0.5], [0, 3, -0.01]]),
    "softmax": (lambda: F.softmax(np.array([[0.0, np.log(3)]])), [[0.25, 0.75]]),
    "log_softmax": (lambda: F.log_softmax(np.array([[0.0, np.log(3)]])), np.log([[0.25, 0.75]])),
    "affine": (lambda: F.affine(np.array([[1.0, 1.0]]), TWO, np.array([10.0, 20.0])), [[14, 26]]),
    "dropout": (lambda: F.dropout(X, 0.0, key=random.key(0)), X),
    "mean_squared_error": (lambda: F.mean_squared_error(np.array([[1.0], [4.0]]), np.array([[2.0], [2.0]])), 2.5),
    "cross_entropy": (lambda: F.cross_entropy(np.array([[0.25, 0.75], [0.5, 0.5]]), [1, 0]), -np.log(0.375) / 2),
    "softmax_cross_entropy": (lambda: F.softmax_cross_entropy(LOGITS, [0, 1]), np.log(2 + 2 * np.exp(-2)) / 2),
    "binary_cross_entropy": (lambda: F.binary_cross_entropy(np.array([[0.25]]), np.array([[1.0]])), np.log(4)),
    "sigmoid_binary_cross_entropy": (lambda: F.sigmoid_binary_cross_entropy(ZERO, ZERO + 1), np.log(2)),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function(name):
    y, expected = FUNCTIONS[name][0](), FUNCTIONS[name][1]
    assert hasattr(F, name)
    assert isinstance(y, madi.Variable)
    near(y.value, expected)


def test_step_at_0_is_0_and_so_is_the_slope_of_relu():
    x = madi.Variable(0.0)
    F.relu(x).backward()
    assert (float(x.grad), float(F.step(x))) == (0.0, 0.0)


# ---- layers

ACTIVATION_LAYERS = {
    "Sigmoid": F.sigmoid,
    "Tanh": F.tanh,
    "ReLU": F.relu,
    "LeakyReLU": F.leaky_relu,
    "Softmax": F.softmax,
}


@pytest.mark.parametrize("name", ACTIVATION_LAYERS)
def test_activation_layer(name):
    near(getattr(layers, name)()(X).value, ACTIVATION_LAYERS[name](X).value)


def test_dense_dropout_flatten():
    dense = layers.Dense(1, initializer=initializers.Constant(2.0)).build((3,))
    near(dense(X).value, 2 * X.sum(axis=1, keepdims=True))
    assert layers.Flatten()(np.zeros((5, 4, 3))).shape == (5, 12)
    dropped = layers.Dropout(0.5)(np.ones((4, 100)), training=True, key=random.key(0)).value
    assert set(np.unique(dropped)) == {0.0, 2.0}
    near(layers.Dropout(0.5)(X).value, X)


def classifier():
    hidden = layers.Dense(100, initializer=initializers.He())
    return madi.Sequential(hidden, layers.ReLU(), layers.Dense(10)).build((784,), seed=0)


def test_sequential_build_parameters_summary():
    model = classifier()
    shapes = {path: parameter.shape for path, parameter in model.parameters().items()}
    assert shapes == {"0.weight": (784, 100), "0.bias": (100,), "2.weight": (100, 10), "2.bias": (10,)}
    assert {path: p.decay for path, p in model.parameters().items()} == {path: "weight" in path for path in shapes}
    assert all(isinstance(p, madi.Parameter) and p.trainable for p in model.parameters().values())
    assert model.summary().parameters == 79510
    assert "79,510" in str(model.summary())
    assert model.state() == {}
    assert model(np.zeros((2, 784), np.float32), training=False, key=None).shape == (2, 10)
    assert isinstance(model, layers.Sequential)


def test_sizes_are_inferred_at_the_first_call():
    model = madi.Sequential(layers.Dense(4), layers.Dense(2))
    assert model(np.zeros((3, 7), np.float32)).shape == (3, 2)
    assert model.parameters()["0.weight"].shape == (7, 4)


def test_apply_is_pure():
    model, x = classifier(), np.ones((1, 784), np.float32)
    zeros = {path: np.zeros(p.shape, np.float32) for path, p in model.parameters().items()}
    y, state = model.apply(zeros, model.state(), x, training=False, key=None)
    near(y.value, np.zeros((1, 10)))
    assert state == {}
    assert np.abs(model(x).value).max() > 0


def test_freeze_and_replace():
    model = classifier()
    model.freeze("0")
    assert [path for path, p in model.parameters().items() if p.trainable] == ["2.weight", "2.bias"]
    model.replace("2", layers.Dense(5))
    assert model.parameters()["2.weight"].shape == (100, 5)


class Scale(layers.Layer):
    """A user's own layer."""

    def __init__(self, start=1.0):
        self.start = start

    def build(self, shape, key):
        self.factor = madi.Parameter(np.full(shape[-1:], self.start, np.float32))

    def __call__(self, x):
        return x * self.factor


def test_own_layer_save_and_load(tmp_path):
    model = madi.Sequential(Scale(3.0), layers.Dense(2)).build((3,), seed=1)
    near(Scale(3.0)(X).value, 3 * X)
    assert list(model.parameters()) == ["0.factor", "1.weight", "1.bias"]
    madi.save(model, tmp_path / "m.safetensors")
    loaded = madi.load(tmp_path / "m.safetensors", layers=[Scale])
    assert np.array_equal(madi.predict(loaded, X), madi.predict(model, X))
    with pytest.raises(madi.MadiError, match="Scale"):
        madi.load(tmp_path / "m.safetensors")


# ---- training


@pytest.mark.parametrize("engine", ["auto", "jax", "numpy"])
def test_trainer_fit_evaluate_predict(engine, tmp_path):
    data = datasets.load("digits")
    model = madi.Sequential(layers.Flatten(), layers.Dense(32), layers.ReLU(), layers.Dense(10))
    trainer = madi.Trainer(
        model, optimizer=madi.optimizers.Adam(1e-2), loss="softmax_cross_entropy", metrics=["accuracy"], engine=engine,
        seed=0,
    )  # fmt: skip
    seen = []
    history = trainer.fit(
        (data.train.x, data.train.y), validation=(data.test.x, data.test.y), epochs=3, batch_size=100,
        callbacks=[lambda epoch, values: seen.append(epoch)], sample_weight=None, class_weight=None, verbose=0,
    )  # fmt: skip
    assert seen == [1, 2, 3]
    assert history["loss"][-1] < history["loss"][0]
    assert set(history.to_dict()["epochs"][0]) >= {
        "epoch",
        "loss",
        "accuracy",
        "validation_loss",
        "validation_accuracy",
    }
    json.dumps(history.to_dict())
    history.plot().savefig(tmp_path / "curves.png")
    found = trainer.evaluate((data.test.x, data.test.y))
    assert found["accuracy"] > 0.85
    near(found["accuracy"], history["validation_accuracy"][-1])
    outputs = madi.predict(model, data.test.x)
    assert (type(outputs), outputs.shape) == (np.ndarray, (360, 10))
    names, probabilities = madi.predict_classes(model, data.test.x)
    near(probabilities.sum(axis=1), np.ones(360))
    near((names == data.test.y).mean(), found["accuracy"])
    trainer.fit((data.train.x, data.train.y), epochs=1, verbose=0)
    assert len(trainer.history) == 4
    trainer.reset()
    assert len(trainer.history) == 0


def test_batches_of_an_iterable_and_weights():
    x, y = X[:, :1].astype(np.float32), np.array([[1.0], [3.0]], np.float32)
    trainer = madi.Trainer(layers.Dense(1), optimizer="sgd", loss="mean_squared_error", engine="numpy")
    trainer.fit([(x, y), (x, y)], epochs=2, verbose=0)
    assert len(trainer.history.steps["loss"]) == 4
    trainer.fit((x, y), sample_weight=np.array([0.0, 1.0]), verbose=0)
    near(trainer.evaluate((x, y), sample_weight=[0.0, 1.0])["loss"], (madi.predict(trainer.model, x)[1, 0] - 3) ** 2)


def test_callback_and_early_stopping():
    class Count(training.Callback):
        ended = 0

        def on_epoch_end(self, trainer, epoch, values):
            self.ended += 1

    count, stopping = Count(), training.EarlyStopping("loss", patience=2, minimum_change=1e9)
    trainer = madi.Trainer(layers.Dense(1), loss="mean_squared_error", engine="numpy")
    trainer.fit((X, X[:, :1]), epochs=50, callbacks=[count, stopping], verbose=0)
    assert count.ended == 3
    assert stopping.best_epoch == 1


# ---- optimizers, schedules, initializers

FIRST_STEPS = {  # from x = 1 with gx = 2, learning rate 0.1: the step down
    "SGD": 0.2,
    "Momentum": 0.2,
    "Nesterov": 0.1 * (2 + 0.9 * 2),
    "AdaGrad": 0.1,
    "RMSProp": 0.1 * 2 / np.sqrt(0.01 * 4),
    "Adam": 0.1,
    "AdamW": 0.1 + 0.1 * 0.01,
}


@pytest.mark.parametrize("name", FIRST_STEPS)
def test_optimizer(name):
    optimizer = getattr(optimizers, name)(learning_rate=0.1)
    x = {"weight": np.array([1.0])}
    updated, _ = optimizer.update(
        x, {"weight": np.array([2.0])}, optimizer.init(x), learning_rate=optimizer.rate_at(0),
        numbers=optimizer.numbers(), decays={"weight": True},
    )  # fmt: skip
    np.testing.assert_allclose(1 - updated["weight"][0], FIRST_STEPS[name], rtol=1e-5)
    options = getattr(optimizers, name)(weight_decay=0.5, clip_norm=1.0)
    assert (options.weight_decay, options.clip_norm) == (0.5, 1.0)


SCHEDULES = {
    "constant": ((0.1,), 50, 0.1),
    "step_decay": ((0.1, 20), 50, 0.001),
    "exponential_decay": ((0.1, 0.5), 3, 0.0125),
    "cosine": ((0.1, 100), 50, 0.05),
    "warmup": ((9, 0.1), 4, 0.05),
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedule(name):
    arguments, step, rate = SCHEDULES[name]
    schedule = getattr(schedules, name)(*arguments)
    near(schedule(step), rate)
    near(optimizers.SGD(schedule).rate_at(step), rate)


INITIALIZERS = {
    "Normal": ((0.5,), 0.5),
    "Xavier": ((), np.sqrt(2 / (400 + 600))),
    "He": ((), np.sqrt(2 / 400)),
    "Zeros": ((), 0.0),
    "Constant": ((3.0,), 0.0),
}


@pytest.mark.parametrize("name", INITIALIZERS)
def test_initializer(name):
    arguments, deviation = INITIALIZERS[name]
    weights = getattr(initializers, name)(*arguments)(random.key(0), (400, 600), (400, 600))
    assert weights.dtype == np.float32
    np.testing.assert_allclose(weights.std(), deviation, rtol=0.01)


# ---- datasets and models


DATASETS = {"digits": (1437, 360, (8, 8, 1), 10), "planar": (400, 400, (2,), 2), "spiral": (300, 300, (2,), 3),
            "moons": (400, 400, (2,), 2)}  # fmt: skip


@pytest.mark.parametrize("name", DATASETS)
def test_dataset(name):
    data, (train, test, shape, classes) = datasets.load(name, directory=None), DATASETS[name]
    assert (data.train.x.shape, data.test.x.shape) == ((train, *shape), (test, *shape))
    assert len(data.classes) == classes
    assert data.train.x.dtype == np.float32
    assert set(np.unique(data.train.y)) == set(np.unique(data.test.y)) == set(range(classes))


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", "cifar10"])
def test_dataset_from_a_directory(name, tmp_path):
    with pytest.raises(madi.MadiError, match=str(tmp_path)):
        datasets.load(name, directory=tmp_path)


def test_models():
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
    truth = {"AND": [0, 0, 0, 1], "NAND": [1, 1, 1, 0], "OR": [0, 1, 1, 1], "XOR": [0, 1, 1, 0]}
    assert {name: model(x).value.ravel().tolist() for name, model in models.gates().items()} == truth
    assert models.logistic_regression().build((2,)).summary().parameters == 3
    mlp = models.mlp((50, 20), 10, activation="tanh", initializer="xavier", dropout=0.5)
    assert mlp.build((28, 28, 1)).summary().parameters == 784 * 50 + 50 + 50 * 20 + 20 + 20 * 10 + 10


def test_every_public_name_is_there():
    for name in set(madi.__all__) - {"__version__"}:  # which asks for madi to be installed
        assert getattr(madi, name) is not None
    assert set(madi.__all__) <= set(dir(madi))
