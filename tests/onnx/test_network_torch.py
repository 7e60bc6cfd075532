"""Networks of PyTorch, written by its own exporter, as layers: the same answers."""

from __future__ import annotations

import io
import warnings

import numpy as np
import pytest

from madi.onnx import load
from tests.onnx.graphs import assert_near
from tests.onnx.test_network import layers_of, turned

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")
nn = torch.nn


class Then(nn.Module):
    """A convolution, and what a function makes of its images and of the layers that it is given."""

    def __init__(self, function, *layers, filters=4):
        super().__init__()
        self.conv, self.layers, self.function = nn.Conv2d(3, filters, 3), nn.ModuleList(layers), function

    def forward(self, x):
        return self.function(self.conv(x), *self.layers)


def viewed(x, dense):
    """Rows whose count is read from the images, so that the file computes a shape."""
    return dense(torch.relu(x).view(x.size(0), -1))


def shuffled(x):
    n, c, h, w = x.size()
    return x.view(n, 2, c // 2, h, w).transpose(1, 2).contiguous().view(n, -1, h, w)


def squeezed(x, narrow, wide):
    gate = wide(torch.relu(narrow(nn.functional.adaptive_avg_pool2d(x, 1))))
    return x * torch.sigmoid(gate)


def dense_block(x, *blocks):
    seen = [x]
    for block in blocks:
        seen.append(torch.relu(block(torch.cat(seen, 1))))
    return torch.cat(seen, 1)


NETWORKS = {
    "view": (lambda: Then(viewed, nn.Linear(144, 5)), "Conv2D ReLU Flatten Dense"),
    "mean": (
        lambda: Then(lambda x, f: f(nn.functional.silu(x).mean([2, 3])), nn.Linear(4, 5)),
        "Conv2D Product(Identity, Sigmoid) GlobalAveragePool Dense",
    ),
    "shuffle": (lambda: Then(shuffled), "Conv2D ChannelShuffle"),
    "squeeze": (
        lambda: Then(squeezed, nn.Conv2d(4, 2, 1), nn.Conv2d(2, 4, 1)),
        "Conv2D Product(Identity, Sequential(GlobalAveragePool, Dense, ReLU, Dense, Sigmoid, Reshape))",
    ),
    "dense block": (
        lambda: Then(dense_block, *(nn.Conv2d(4 + 2 * i, 2, 3, padding=1) for i in range(3))),
        "Conv2D" + 3 * " Branches(Identity, Sequential(Conv2D, ReLU))",
    ),
    "layer norm": (
        lambda: Then(lambda x, n, f: f(n(x.permute(0, 2, 3, 1))).permute(0, 3, 1, 2), nn.LayerNorm(4), nn.Linear(4, 2)),
        "Conv2D LayerNorm Dense",
    ),
    "activations": (
        lambda: nn.Sequential(
            nn.Conv2d(3, 4, 3), nn.GELU(), nn.GELU("tanh"), nn.ELU(), nn.Softplus(), nn.Hardswish(), nn.ReLU6(),
            nn.LeakyReLU(0.2), nn.PReLU(4), nn.LogSoftmax(1),
        ),
        "Conv2D GELU GELU ELU Softplus Product(Identity, HardSigmoid) Clip LeakyReLU PReLU LogSoftmax",
    ),
    "pools and rims": (
        lambda: nn.Sequential(
            nn.ReflectionPad2d(1), nn.ConvTranspose2d(3, 4, 3, 2, 1, 1), nn.BatchNorm2d(4), nn.MaxPool2d(3, 2, 1),
            nn.ZeroPad2d((1, 0, 2, 0)), nn.AvgPool2d(2, ceil_mode=True), nn.Flatten(), nn.BatchNorm1d(144), nn.ReLU(),
            nn.Linear(144, 3), nn.Softmax(1),
        ),
        "Pad Conv2DTranspose BatchNorm MaxPool2D ZeroPad AveragePool2D Flatten BatchNorm ReLU Dense Softmax",
    ),
    "rows": (
        lambda: nn.Sequential(nn.Flatten(), nn.Linear(192, 5), nn.Tanh(), nn.Linear(5, 2, bias=False)),
        "Flatten Dense Tanh Dense",
    ),
}  # fmt: skip


def exported(network, x, opset):
    """The file that PyTorch writes, with the count of examples free."""
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter that needs no further package is the older one
        torch.onnx.export(
            network, (x,), file, dynamo=False, opset_version=opset, input_names=["x"], output_names=["y"],
            dynamic_axes={"x": {0: "N"}, "y": {0: "N"}},
        )  # fmt: skip
    return file.getvalue()


@pytest.mark.parametrize("opset", [pytest.param(11, marks=pytest.mark.long), 18])
@pytest.mark.parametrize("name", NETWORKS)
def test_the_same_answers(name, opset):
    make, layers = NETWORKS[name]
    torch.manual_seed(0)
    network = make().eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
    x = torch.randn(3, 3, 8, 8)
    model = load(exported(network, x[:2], opset)).model
    assert layers_of(model) == layers
    with torch.no_grad():
        expected = turned(network(x).numpy())
    assert_near(np.asarray(model(turned(x.numpy())).value), expected)
