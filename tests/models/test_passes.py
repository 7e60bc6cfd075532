"""Convolutional networks run: one pass forward and backward of each, and training that follows PyTorch and itself."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import madi.functions as F
from madi import Trainer, layers, models, optimizers
from madi.graph import Variable
from madi.kernels import native, random
from madi.training.batches import epoch_rows

BITS = np.random.default_rng(4)

# Small enough for a test: (model, shape of one example).
SMALL = {
    "simple_convnet": (lambda: models.simple_convnet(filters=4, hidden=8), (12, 12, 1)),
    "deep_convnet": (models.deep_convnet, (8, 8, 1)),
    "lenet5": (models.lenet5, (28, 28, 1)),
    "googlenet": (lambda: models.googlenet(10, small=True, stages=1), (8, 8, 3)),
    "resnet_cifar, A": (lambda: models.resnet_cifar(8), (16, 16, 3)),
    "resnet_cifar, B": (lambda: models.resnet_cifar(8, shortcut="B"), (16, 16, 3)),
}
LARGE = {
    "alexnet": (lambda: models.alexnet(10, hidden=(16, 8)), (67, 67, 3)),
    "vgg11": (lambda: models.vgg11(10, batch_norm=True, hidden=()), (32, 32, 3)),
    "vgg13": (lambda: models.vgg13(10, hidden=()), (32, 32, 3)),
    "vgg16": (lambda: models.vgg16(10, hidden=(8,)), (32, 32, 3)),
    "vgg19": (lambda: models.vgg19(10, hidden=()), (32, 32, 3)),
    "googlenet, auxiliary": (lambda: models.googlenet(10, auxiliary=True), (80, 80, 3)),
    "resnet18": (lambda: models.resnet18(10), (32, 32, 3)),
    "resnet34": (lambda: models.resnet34(10), (32, 32, 3)),
    "resnet50": (lambda: models.resnet50(10), (32, 32, 3)),
    "resnet50, paper": (lambda: models.resnet50(10, version="paper"), (32, 32, 3)),
    "resnet101": (lambda: models.resnet101(10), (32, 32, 3)),
    "resnet152": (lambda: models.resnet152(10), (32, 32, 3)),
    "resnet_cifar(110)": (lambda: models.resnet_cifar(110), (32, 32, 3)),
}
LONG = ("vgg13", "vgg19", "resnet34", "resnet101", "resnet152", "resnet_cifar(110)")


def total_loss(model, parameters, x):
    """The loss of two examples in training, with that of auxiliary heads."""
    labels = np.array([3, 7])
    with layers.auxiliary_outputs() as outputs:
        y, _ = model.apply(parameters, model.state(), x, training=True, key=random.key(0))
    loss = F.softmax_cross_entropy(y, labels)
    for weight, output in outputs:
        loss = loss + F.softmax_cross_entropy(output, labels) * weight
    assert y.shape == (2, 10)
    return loss


@pytest.mark.parametrize("name", [*SMALL, *(pytest.param(name, marks=pytest.mark.long) for name in LARGE)])
def test_one_pass_forward_and_backward(name):
    make, shape = {**SMALL, **LARGE}[name]
    model = make().build(shape, seed=1)
    loss = total_loss(model, model.parameters(), BITS.random((2, *shape), dtype=np.float32))
    loss.backward()
    assert 0.05 < float(loss.value) < 100
    for path, parameter in model.parameters().items():
        assert parameter.grad.shape == parameter.shape, path
        assert np.isfinite(parameter.grad).all(), path
        assert parameter.grad.any() or not path.endswith("weight"), path


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.long if name in LONG else ()) for name in LARGE])
def test_one_pass_forward_and_backward_on_shapes_alone(name, undrawn):
    make, shape = LARGE[name]
    model = make().build(shape)

    def run(parameters, x):
        leaves = {path: Variable(value) for path, value in parameters.items()}
        total_loss(model, leaves, x).backward()
        return {path: leaf.grad for path, leaf in leaves.items()}

    expected = {path: jax.ShapeDtypeStruct(p.shape, p.dtype) for path, p in model.parameters().items()}
    assert jax.eval_shape(run, expected, jax.ShapeDtypeStruct((2, *shape), np.float32)) == expected


def convnet(seed=0):
    """A convolution with batch norm, pooling, a residual block, branches and a dense layer, built for 8 x 8 x 3."""
    block = layers.Sequential(layers.Conv2D(4, 3, 2, 1, bias=False), layers.BatchNorm())
    shortcut = layers.Sequential(layers.AveragePool2D(1, 2), layers.ZeroPad(channels=(0, 1)))
    return layers.Sequential(
        *(layers.Conv2D(3, 3, bias=False), layers.BatchNorm(momentum=0.3), layers.ReLU()),
        *(layers.Residual(block, shortcut), layers.ReLU()),
        layers.Branches(layers.Conv2D(2, 1), layers.Conv2D(2, 3, groups=2), layers.MaxPool2D(3, 1, 1)),
        *(layers.LocalResponseNormalization(3), layers.MaxPool2D(2, ceil_mode=True), layers.Flatten()),
        layers.Dense(3),
    ).build((8, 8, 3), seed=seed)


def points(count=24):
    """Images of three classes: (x, labels)."""
    labels = np.arange(count) % 3
    x = np.random.default_rng(0).normal(size=(count, 8, 8, 3)).astype(np.float32)
    return x + labels[:, None, None, None], labels


def trained(engine, dtype, model=None):
    """The model after 6 steps, and the losses of them."""
    own = Trainer(
        model or convnet(), engine=engine, dtype=dtype, seed=7, optimizer=optimizers.Momentum(0.05, weight_decay=1e-3)
    )
    own.fit(points(), epochs=2, batch_size=8, verbose=0)
    return own


def everything(model):
    """Weights and running statistics by path."""
    weights = {path: np.asarray(p.value) for path, p in model.parameters().items()}
    return {**weights, **{path: np.asarray(value) for path, value in model.state().items()}}


def test_both_engines_train_alike_in_float64():
    one, other = trained("numpy", "float64"), trained("jax", "float64")
    np.testing.assert_allclose(one.history.steps["loss"], other.history.steps["loss"], rtol=1e-9)
    found, expected = everything(one.model), everything(other.model)
    before = everything(convnet())
    for path, value in expected.items():
        assert value.dtype == np.float64
        np.testing.assert_allclose(found[path], value, rtol=1e-9, atol=1e-9, err_msg=path)
        assert np.abs(value - before[path]).max() > 1e-6, path


@pytest.mark.parametrize("path", sorted({"off", native.path()}))
def test_every_path_of_the_kernels_trains_alike(path):
    expected = trained("numpy", "float64").history.steps["loss"]
    with native.using(path):
        found = trained("jax", "float32").history.steps["loss"]
    np.testing.assert_allclose(found, expected, rtol=2e-4)


def test_training_again_gives_the_same_bits_and_a_new_momentum_compiles_nothing():
    own = trained("jax", "float32")
    first, compilations = everything(own.model), own._engines["jax"].compilations
    own.reset()
    own.fit(points(), epochs=2, batch_size=8, verbose=0)
    for path, value in everything(own.model).items():
        np.testing.assert_array_equal(value, first[path], err_msg=path)
    own.reset()
    own.model[1].momentum = 0.9
    own.fit(points(), epochs=2, batch_size=8, verbose=0)
    again = everything(own.model)
    np.testing.assert_array_equal(again["1.scale"], first["1.scale"])
    assert not np.isclose(again["1.mean"], first["1.mean"], rtol=1e-3).any()
    assert own._engines["jax"].compilations == compilations


class Theirs:
    """The same network in PyTorch, with madi's weights."""

    def __init__(self, torch, model):
        self.torch = torch
        values = {path: torch.tensor(p.value.astype(np.float64)) for path, p in model.parameters().items()}
        self.leaves = {
            path: (value.permute(3, 2, 0, 1).contiguous() if value.ndim == 4 else value).requires_grad_()
            for path, value in values.items()
        }
        self.state = {path: torch.tensor(np.asarray(v, np.float64)) for path, v in model.state().items()}

    def norm(self, x, path, momentum=0.1):
        statistics = self.state[f"{path}.mean"], self.state[f"{path}.variance"]
        scale, shift = self.leaves[f"{path}.scale"], self.leaves[f"{path}.shift"]
        return self.torch.nn.functional.batch_norm(x, *statistics, scale, shift, True, momentum)

    def conv(self, x, path, **options):
        return self.torch.nn.functional.conv2d(
            x, self.leaves[f"{path}.weight"], self.leaves.get(f"{path}.bias"), **options
        )

    def __call__(self, x):
        f, cat = self.torch.nn.functional, self.torch.cat
        x = f.relu(self.norm(self.conv(x.permute(0, 3, 1, 2), "0", padding=1), "1", 0.3))
        short = f.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 0, 1))
        x = f.relu(self.norm(self.conv(x, "3.body.0", stride=2, padding=1), "3.body.1") + short)
        three = self.conv(x, "5.1", padding=1, groups=2)
        x = cat([self.conv(x, "5.0"), three, f.max_pool2d(x, 3, 1, 1)], dim=1)
        x = f.max_pool2d(f.local_response_norm(x, 3), 2, ceil_mode=True)
        return x.permute(0, 2, 3, 1).flatten(1) @ self.leaves["9.weight"] + self.leaves["9.bias"]


@pytest.fixture
def torch():
    """PyTorch on one thread: its threads would wait for each other longer than they work."""
    library = pytest.importorskip("torch")
    threads = library.get_num_threads()
    library.set_num_threads(1)
    yield library
    library.set_num_threads(threads)


def test_training_follows_pytorch(torch):
    theirs = Theirs(torch, convnet())
    decayed = [leaf for path, leaf in theirs.leaves.items() if path.endswith("weight")]
    others = [leaf for path, leaf in theirs.leaves.items() if not path.endswith("weight")]
    groups = [{"params": decayed, "weight_decay": 1e-3}, {"params": others, "weight_decay": 0.0}]
    optimizer, losses, (x, labels) = torch.optim.SGD(groups, lr=0.05, momentum=0.9), [], points()
    for epoch in range(2):
        for rows in epoch_rows(24, 8, random.key(7), epoch)[0]:
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(
                theirs(torch.tensor(x[rows].astype(np.float64))), torch.tensor(labels[rows])
            )
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    own = trained("numpy", "float64")
    np.testing.assert_allclose(own.history.steps["loss"], losses, rtol=1e-9)
    for path, value in own.model.state().items():
        np.testing.assert_allclose(value, theirs.state[path].numpy(), rtol=1e-9, err_msg=path)


def test_a_network_traced_by_jit_agrees_with_itself_node_by_node():
    model = models.resnet_cifar(8).build((16, 16, 3))
    x = BITS.random((3, 16, 16, 3), dtype=np.float32)
    parameters = {path: p.value for path, p in model.parameters().items()}

    def slopes(parameters, x):
        leaves = {path: Variable(value) for path, value in parameters.items()}
        y, _ = model.apply(leaves, model.state(), x, training=True)
        F.softmax_cross_entropy(y, np.array([1, 2, 3])).backward()
        return {path: leaf.grad for path, leaf in leaves.items()}

    found = jax.jit(slopes)(parameters, jnp.asarray(x))
    for path, expected in slopes(parameters, x).items():
        np.testing.assert_allclose(found[path], expected, rtol=2e-3, atol=2e-3 * np.abs(expected).max(), err_msg=path)
