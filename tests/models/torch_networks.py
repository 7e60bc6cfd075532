"""PyTorch's networks with the names that torchvision publishes their weights under, of any width: the oracle.

`share` divides the number of filters of every layer, so that a test has to compute little.
"""

from __future__ import annotations

import torch
from torch import nn

RESNETS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
VGGS = {11: "1 1 2 2 2", 13: "2 2 2 2 2", 16: "2 2 3 3 3", 19: "2 2 4 4 4"}
INCEPTIONS = {
    "3a": (64, 96, 128, 16, 32, 32), "3b": (128, 128, 192, 32, 96, 64), "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64), "4c": (128, 128, 256, 24, 64, 64), "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128), "5a": (256, 160, 320, 32, 128, 128), "5b": (384, 192, 384, 48, 128, 128),
}  # fmt: skip


def conv(inputs, outputs, size, stride=1):
    return nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False)


class Block(nn.Module):
    """Of 18 and 34 layers two convolutions, of more three, whose second one strides."""

    def __init__(self, inputs, filters, stride, bottleneck):
        super().__init__()
        outputs = 4 * filters if bottleneck else filters
        if bottleneck:
            convolutions = conv(inputs, filters, 1), conv(filters, filters, 3, stride), conv(filters, outputs, 1)
        else:
            convolutions = conv(inputs, filters, 3, stride), conv(filters, filters, 3)
        for number, made in enumerate(convolutions, start=1):
            setattr(self, f"conv{number}", made)
            setattr(self, f"bn{number}", nn.BatchNorm2d(made.out_channels))
        self.count = len(convolutions)
        if (inputs, stride) != (outputs, 1):
            self.downsample = nn.Sequential(conv(inputs, outputs, 1, stride), nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = x
        for number in range(1, self.count + 1):
            y = getattr(self, f"bn{number}")(getattr(self, f"conv{number}")(y))
            y = torch.relu(y) if number < self.count else y
        return torch.relu(y + (self.downsample(x) if hasattr(self, "downsample") else x))


class ResNet(nn.Module):
    def __init__(self, depth, outputs=1000, share=1):
        super().__init__()
        inputs = 64 // share
        self.conv1, self.bn1 = conv(3, inputs, 7, 2), nn.BatchNorm2d(inputs)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        for stage, count in enumerate(RESNETS[depth]):
            blocks = []
            for number in range(count):
                blocks.append(Block(inputs, 64 * 2**stage // share, 2 if stage and not number else 1, depth >= 50))
                inputs = 64 * 2**stage // share * (4 if depth >= 50 else 1)
            setattr(self, f"layer{stage + 1}", nn.Sequential(*blocks))
        self.fc = nn.Linear(inputs, outputs)

    def forward(self, x):
        x = self.maxpool(torch.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(x.mean((2, 3)))


class VGG(nn.Module):
    """`grid` is how many pixels a side are left for the dense layers."""

    def __init__(self, depth, batch_norm=False, outputs=1000, share=1, hidden=4096, grid=7):
        super().__init__()
        layers, inputs = [], 3
        for filters, count in zip((64, 128, 256, 512, 512), map(int, VGGS[depth].split()), strict=True):
            for _ in range(count):
                layers.append(nn.Conv2d(inputs, filters // share, 3, padding=1))
                inputs = filters // share
                layers += [nn.BatchNorm2d(inputs), nn.ReLU()] if batch_norm else [nn.ReLU()]
            layers.append(nn.MaxPool2d(2))
        self.features, self.avgpool = nn.Sequential(*layers), nn.AdaptiveAvgPool2d(grid)
        self.classifier = nn.Sequential(
            *(nn.Linear(inputs * grid * grid, hidden), nn.ReLU(), nn.Dropout()),
            *(nn.Linear(hidden, hidden), nn.ReLU(), nn.Dropout(), nn.Linear(hidden, outputs)),
        )

    def forward(self, x):
        return self.classifier(self.avgpool(self.features(x)).flatten(1))


class AlexNet(nn.Module):
    def __init__(self, outputs=1000, share=1, hidden=4096, grid=6):
        super().__init__()
        f = [3, *(filters // share for filters in (64, 192, 384, 256, 256))]
        self.features = nn.Sequential(
            *(nn.Conv2d(f[0], f[1], 11, 4, 2), nn.ReLU(), nn.MaxPool2d(3, 2)),
            *(nn.Conv2d(f[1], f[2], 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2)),
            *(nn.Conv2d(f[2], f[3], 3, padding=1), nn.ReLU(), nn.Conv2d(f[3], f[4], 3, padding=1), nn.ReLU()),
            *(nn.Conv2d(f[4], f[5], 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2)),
        )
        self.avgpool = nn.AdaptiveAvgPool2d(grid)
        self.classifier = nn.Sequential(
            *(nn.Dropout(), nn.Linear(f[5] * grid * grid, hidden), nn.ReLU()),
            *(nn.Dropout(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, outputs)),
        )

    def forward(self, x):
        return self.classifier(self.avgpool(self.features(x)).flatten(1))


class Basic(nn.Module):
    def __init__(self, inputs, outputs, size, stride=1):
        super().__init__()
        self.conv, self.bn = conv(inputs, outputs, size, stride), nn.BatchNorm2d(outputs, eps=1e-3)

    def forward(self, x):
        return torch.relu(self.bn(self.conv(x)))


class Inception(nn.Module):
    def __init__(self, inputs, one, before3, three, before5, five, pooled):
        super().__init__()
        self.branch1 = Basic(inputs, one, 1)
        self.branch2 = nn.Sequential(Basic(inputs, before3, 1), Basic(before3, three, 3))
        self.branch3 = nn.Sequential(Basic(inputs, before5, 1), Basic(before5, five, 3))
        self.branch4 = nn.Sequential(nn.MaxPool2d(3, 1, 1, ceil_mode=True), Basic(inputs, pooled, 1))

    def forward(self, x):
        return torch.cat([self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)], 1)


class Auxiliary(nn.Module):
    def __init__(self, inputs, outputs, share):
        super().__init__()
        self.conv = Basic(inputs, 128 // share, 1)
        self.fc1, self.fc2 = nn.Linear(128 // share * 16, 1024), nn.Linear(1024, outputs)


class GoogLeNet(nn.Module):
    def __init__(self, outputs=1000, share=1, auxiliary=True):
        super().__init__()
        inputs = 192 // share
        self.conv1, self.conv2 = Basic(3, 64 // share, 7, 2), Basic(64 // share, 64 // share, 1)
        self.conv3 = Basic(64 // share, inputs, 3)
        for name, filters in INCEPTIONS.items():
            one, before3, three, before5, five, pooled = (max(1, count // share) for count in filters)
            setattr(self, f"inception{name}", Inception(inputs, one, before3, three, before5, five, pooled))
            inputs = one + three + five + pooled
            if auxiliary and name in ("4a", "4d"):
                setattr(self, "aux1" if name == "4a" else "aux2", Auxiliary(inputs, outputs, share))
        self.fc = nn.Linear(inputs, outputs)

    def forward(self, x):
        def pooled(x, size=3):
            return nn.functional.max_pool2d(x, size, 2, ceil_mode=True)

        x = pooled(self.conv3(self.conv2(pooled(self.conv1(x)))))
        for name in INCEPTIONS:
            x = pooled(x) if name == "4a" else pooled(x, 2) if name == "5a" else x
            x = getattr(self, f"inception{name}")(x)
        return self.fc(x.mean((2, 3)))


def randomized(network, seed=0):
    """The network for inference, every weight and running statistic drawn so that each of them matters."""
    torch.manual_seed(seed)
    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.normal_(module.bias, std=0.3)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.3)
            nn.init.normal_(module.running_mean, std=0.3)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
            module.num_batches_tracked += 7
    return network.eval()
