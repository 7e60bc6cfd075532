"""The networks of the other sides: PyTorch's, made from madi's layer by layer, and the course book's in NumPy.

Nothing of madi is imported here: a process that measures PyTorch's memory holds PyTorch alone.
"""

from __future__ import annotations

import copy

import common
import numpy as np

torch = common.torch_with_threads()
nn = torch.nn
LAYOUTS = {"contiguous": torch.contiguous_format, "channels-last": torch.channels_last}
OPTIMIZERS = {
    "adam": {"fused": lambda weights, rate: torch.optim.Adam(weights, lr=rate, fused=True)},
    "momentum": {
        "fused": lambda weights, rate: torch.optim.SGD(weights, lr=rate, momentum=0.9, fused=True),
        "foreach": lambda weights, rate: torch.optim.SGD(weights, lr=rate, momentum=0.9, foreach=True),
    },
}


def torch_network(model):
    """The PyTorch network of a built madi model: the same layers with the same weights, as many parameters."""
    network = converted(model)
    ours = sum(parameter.value.size for parameter in model.parameters().values())
    theirs = sum(parameter.numel() for parameter in network.parameters())
    if ours != theirs:
        raise ValueError(f"madi has {ours} parameters and PyTorch {theirs}")
    return network


def converted(layer):
    """One layer, or a container with all that it holds."""
    return CONVERSIONS[type(layer).__name__](layer)


def sequential(container):
    """The layers in turn; the rows of a dense one behind Flatten in PyTorch's order, channels before pixels."""
    found, image = [], None
    for layer in container.layers:
        if type(layer).__name__ == "Dense" and image is not None:
            rows = np.arange(layer.weight.shape[0]).reshape(image).transpose(2, 0, 1).ravel()
            found.append(dense(layer, rows))
        else:
            found.append(converted(layer))
        image = layer.input_shape if type(layer).__name__ == "Flatten" else None
    return nn.Sequential(*found)


def dense(layer, rows=slice(None)):
    weight = layer.weight.value[rows]
    made = nn.Linear(*weight.shape, bias=layer.bias is not None)
    return filled(made, weight=weight.T, bias=layer.bias)


def convolution(layer):
    height, width, inputs, filters = layer.weight.shape
    same = layer.padding == "same"
    if same and (layer.stride != (1, 1) or layer.dilation != (1, 1)):
        raise ValueError("PyTorch has no padding 'same' with a stride")
    padding = (height // 2, width // 2) if same else 0 if layer.padding == "valid" else layer.padding
    made = nn.Conv2d(
        inputs * layer.groups, filters, (height, width), layer.stride, padding, layer.dilation, layer.groups,
        bias=layer.bias is not None,
    )  # fmt: skip
    return filled(made, weight=layer.weight.value.transpose(3, 2, 0, 1), bias=layer.bias)


def batch_norm(layer):
    made = nn.BatchNorm2d(layer.scale.shape[0], eps=layer.eps, momentum=layer.momentum)
    return filled(made, weight=layer.scale, bias=layer.shift)


def filled(made, **values):
    """A PyTorch layer that holds these values."""
    with torch.no_grad():
        for name, value in values.items():
            if value is not None:
                getattr(made, name).copy_(torch.from_numpy(np.array(getattr(value, "value", value))))
    return made


def max_pool(layer):
    padding = 0 if layer.padding == "valid" else layer.padding
    return nn.MaxPool2d(layer.size, layer.stride, padding, ceil_mode=layer.ceil_mode)


def average_pool(layer):
    return Subsampling(layer.stride) if layer.size == (1, 1) else nn.AvgPool2d(layer.size, layer.stride)


class Subsampling(nn.Module):
    """Every second pixel, as a view."""

    def __init__(self, stride):
        super().__init__()
        self.stride = stride

    def forward(self, x):
        return x[:, :, :: self.stride[0], :: self.stride[1]]


class Padding(nn.Module):
    """Zeros around images; madi's amounts by axis, PyTorch's from the last axis on."""

    def __init__(self, layer):
        super().__init__()
        self.amounts = (*layer.width, *layer.height, *layer.channels)

    def forward(self, x):
        return nn.functional.pad(x, self.amounts)


class Residual(nn.Module):
    """body(x) + shortcut(x), summed in place."""

    def __init__(self, layer):
        super().__init__()
        self.body = converted(layer.body)
        self.shortcut = nn.Identity() if layer.shortcut is None else converted(layer.shortcut)

    def forward(self, x):
        y = self.body(x)
        y += self.shortcut(x)
        return y


class Branches(nn.Module):
    """Paths side by side, joined along the channels."""

    def __init__(self, layer):
        super().__init__()
        self.paths = nn.ModuleList(map(converted, layer.paths))

    def forward(self, x):
        return torch.cat([path(x) for path in self.paths], 1)


class Mean(nn.Module):
    """The mean of each channel."""

    def forward(self, x):
        return x.mean((2, 3))


CONVERSIONS = {
    "Sequential": sequential,
    "Residual": Residual,
    "Branches": Branches,
    "Dense": dense,
    "Conv2D": convolution,
    "BatchNorm": batch_norm,
    "MaxPool2D": max_pool,
    "AveragePool2D": average_pool,
    "ZeroPad": Padding,
    "GlobalAveragePool": lambda layer: Mean(),
    "Flatten": lambda layer: nn.Flatten(),
    "ReLU": lambda layer: nn.ReLU(inplace=True),
    "Dropout": lambda layer: nn.Dropout(float(layer.rate)),
    "LocalResponseNormalization": lambda layer: nn.LocalResponseNorm(
        layer.size, float(layer.alpha), float(layer.beta), float(layer.k)
    ),
}


def torch_epoch(network, x, y, batch, optimizer, rate, kind):
    """A function that trains one epoch in a new order and returns the mean loss; loss and hits are summed up.

    kind    layout of images and weights, variant of the optimizer: "channels-last, fused adam"
    """
    layout, variant = kind.split(", ")
    network = network.train().to(memory_format=LAYOUTS[layout])
    update = OPTIMIZERS[optimizer][variant.split()[0]](network.parameters(), rate)
    criterion = nn.CrossEntropyLoss()
    view, images, labels = *images_in(layout, x), torch.from_numpy(y).long()

    def epoch():
        total, hits = 0.0, 0
        for rows in torch.randperm(len(labels)).split(batch):
            update.zero_grad(set_to_none=True)
            target = labels.index_select(0, rows)
            logits = network(view(images.index_select(0, rows)))
            loss = criterion(logits, target)
            loss.backward()
            update.step()
            total += loss.detach() * len(rows)
            hits += (logits.argmax(1) == target).sum()
        return float(total) / len(labels)

    return epoch


def images_in(layout, x):
    """(what makes a batch of some rows, the images) in one layout, from images (N, H, W, C).

    Rows of (N, H, W, C) seen as (N, C, H, W) are a channels-last batch, without a copy.
    """
    if layout == "channels-last":
        return lambda rows: rows.permute(0, 3, 1, 2), torch.from_numpy(x)
    return lambda rows: rows, torch.from_numpy(np.ascontiguousarray(x.transpose(0, 3, 1, 2)))


def torch_forward(network, x, layout):
    """A function that returns the network's logits of x in inference mode, as a NumPy array."""
    network = copy.deepcopy(network).eval().to(memory_format=LAYOUTS[layout])
    view, images = images_in(layout, x)

    def forward():
        with torch.inference_mode():
            return network(view(images)).numpy()

    return forward


def quickest(network, x, y, batch, optimizer, rate):
    """The quickest kind: the better layout, then the better variant of the optimizer, on all of these examples."""
    seconds = {}

    def attempt(layout, variant):
        kind = f"{layout}, {variant} {optimizer}"
        epoch = torch_epoch(copy.deepcopy(network), x, y, batch, optimizer, rate, kind)
        epoch()
        seconds[kind] = min(common.timed(epoch)[0] for _ in range(2)) / (len(x) // batch)
        print(f"  PyTorch, {kind}: {seconds[kind] * 1e3:.1f} ms a step", flush=True)

    for layout in LAYOUTS:
        attempt(layout, "fused")
    layout = min(seconds, key=seconds.get).split(",")[0]
    for variant in OPTIMIZERS[optimizer].keys() - {"fused"}:
        attempt(layout, variant)
    return min(seconds, key=seconds.get)


# ---- the course book's deep network for MNIST: NumPy, images as columns, float64


class BookConvolution:
    """A 3x3 convolution as one product: the pixels under the kernel at every place become the rows of a matrix."""

    def __init__(self, generator, inputs, filters, padding):
        self.weight = generator.standard_normal((filters, inputs, 3, 3)) * np.sqrt(2 / (9 * inputs))
        self.bias, self.padding = np.zeros(filters), padding

    def forward(self, x):
        self.shape, self.columns = x.shape, columns_of(x, 3, 1, self.padding)
        n, _, h, w = x.shape
        y = self.columns @ self.weight.reshape(len(self.weight), -1).T + self.bias
        return y.reshape(n, h + 2 * self.padding - 2, w + 2 * self.padding - 2, -1).transpose(0, 3, 1, 2)

    def backward(self, gy):
        rows = gy.transpose(0, 2, 3, 1).reshape(-1, len(self.weight))
        flat = self.weight.reshape(len(self.weight), -1)
        self.slopes = ((self.columns.T @ rows).T.reshape(self.weight.shape), rows.sum(axis=0))
        return images_of(rows @ flat, self.shape, 3, 1, self.padding)


class BookPool:
    """The largest of each 2x2 pixels, by the same columns."""

    def forward(self, x):
        n, c, h, w = x.shape
        self.shape = x.shape
        columns = columns_of(x, 2, 2, 0).reshape(-1, 4)
        self.largest = columns.argmax(axis=1)
        return columns.max(axis=1).reshape(n, h // 2, w // 2, c).transpose(0, 3, 1, 2)

    def backward(self, gy):
        gy = gy.transpose(0, 2, 3, 1)
        columns = np.zeros((gy.size, 4))
        columns[np.arange(gy.size), self.largest] = gy.ravel()
        rows = np.prod(gy.shape[:3])
        return images_of(columns.reshape(rows, -1), self.shape, 2, 2, 0)


class BookReLU:
    def forward(self, x):
        self.mask = x <= 0
        y = x.copy()
        y[self.mask] = 0
        return y

    def backward(self, gy):
        gy[self.mask] = 0
        return gy


class BookDense:
    def __init__(self, generator, inputs, units):
        self.weight, self.bias = generator.standard_normal((inputs, units)) * np.sqrt(2 / inputs), np.zeros(units)

    def forward(self, x):
        self.shape, self.x = x.shape, x.reshape(len(x), -1)
        return self.x @ self.weight + self.bias

    def backward(self, gy):
        self.slopes = self.x.T @ gy, gy.sum(axis=0)
        return (gy @ self.weight.T).reshape(self.shape)


class BookDropout:
    def __init__(self, generator):
        self.generator = generator

    def forward(self, x):
        self.mask = self.generator.random(x.shape) > 0.5
        return x * self.mask

    def backward(self, gy):
        return gy * self.mask


def columns_of(x, size, stride, padding):
    """(N H_out W_out, C size size): the pixels under the kernel at each place."""
    n, c, h, w = x.shape
    padded = np.pad(x, [(0, 0), (0, 0), (padding, padding), (padding, padding)])
    height, width = (h + 2 * padding - size) // stride + 1, (w + 2 * padding - size) // stride + 1
    columns = np.zeros((n, c, size, size, height, width))
    for i in range(size):
        for j in range(size):
            columns[:, :, i, j] = padded[:, :, i : i + stride * height : stride, j : j + stride * width : stride]
    return columns.transpose(0, 4, 5, 1, 2, 3).reshape(n * height * width, -1)


def images_of(columns, shape, size, stride, padding):
    """The sum of what the columns hold for each pixel: the way back of `columns_of`."""
    n, c, h, w = shape
    height, width = (h + 2 * padding - size) // stride + 1, (w + 2 * padding - size) // stride + 1
    columns = columns.reshape(n, height, width, c, size, size).transpose(0, 3, 4, 5, 1, 2)
    padded = np.zeros((n, c, h + 2 * padding + stride - 1, w + 2 * padding + stride - 1))
    for i in range(size):
        for j in range(size):
            padded[:, :, i : i + stride * height : stride, j : j + stride * width : stride] += columns[:, :, i, j]
    return padded[:, :, padding : padding + h, padding : padding + w]


def book_epoch(x, y, batch, rate):
    """A function that trains the book's deep network with Adam for one epoch and returns the mean loss."""
    generator = np.random.default_rng(0)
    network, channels = [], 1
    for filters, second in ((16, 1), (32, 2), (64, 1)):
        for inputs, padding in ((channels, 1), (filters, second)):
            network += [BookConvolution(generator, inputs, filters, padding), BookReLU()]
        network.append(BookPool())
        channels = filters
    network += [BookDense(generator, 1024, 50), BookReLU(), BookDropout(generator)]
    network += [BookDense(generator, 50, 10), BookDropout(generator)]
    weighted = [layer for layer in network if hasattr(layer, "weight")]
    moments = [[(np.zeros_like(p), np.zeros_like(p)) for p in (layer.weight, layer.bias)] for layer in weighted]
    images, taken = np.ascontiguousarray(x.transpose(0, 3, 1, 2)), 0

    def step(rows):
        nonlocal taken
        taken += 1
        logits = images[rows]
        for layer in network:
            logits = layer.forward(logits)
        raised = np.exp(logits - logits.max(axis=1, keepdims=True))
        shares = raised / raised.sum(axis=1, keepdims=True)
        gy = (shares - np.eye(10)[y[rows]]) / len(rows)
        for layer in reversed(network):
            gy = layer.backward(gy)
        factor = rate * np.sqrt(1 - 0.999**taken) / (1 - 0.9**taken)
        for layer, kept in zip(weighted, moments, strict=True):
            for value, slope, (first, second) in zip((layer.weight, layer.bias), layer.slopes, kept, strict=True):
                first += 0.1 * (slope - first)
                second += 0.001 * (slope**2 - second)
                value -= factor * first / (np.sqrt(second) + 1e-7)
        return -np.log(shares[np.arange(len(rows)), y[rows]] + 1e-7).mean()

    return lambda: np.mean([step(generator.choice(len(x), batch)) for _ in range(len(x) // batch)])
