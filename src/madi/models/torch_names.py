"""What PyTorch's networks call the layers of madi's: the names under which their weights are published.

The networks are those of torchvision (https://github.com/pytorch/vision), and a name is that of the module which holds
the weights: "layer1.0.conv1" for the first convolution of the first block of a resnet.  A name follows from where a
layer stands, so that a network may have other outputs, other widths, or layers without weights before and after it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from madi.errors import ConfigurationError
from madi.layers import (
    Auxiliary,
    BatchNorm,
    Branches,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    Layer,
    MaxPool2D,
    Recompute,
    Residual,
    Sequential,
)
from madi.layers.calling import join

Places = Iterator[tuple[str, Layer]]  # (path in madi's model, layer)
Names = Iterator[tuple[str, str]]  # (path in madi's model, name of PyTorch's module)

KINDS: dict[type[Layer], str] = {Conv2D: "conv", BatchNorm: "bn"}


RESNET = "resnet18, 34, 50, 101 and 152 differ in their number of blocks."
GOOGLENET = "Published weights are for googlenet(version='torchvision')."
CHAIN = "Published weights are for alexnet(version='torchvision'), vgg16(), and vgg16_bn for vgg16(batch_norm=True)."


@dataclass(frozen=True)
class Naming:
    """The names of a network's layers.

    modules   name of PyTorch's module by the path of madi's layer
    heads     those of the modules from which the outputs come
    advice    which of madi's networks the published weights are for, as a sentence
    spare     first parts of names that a file may have besides
    """

    modules: dict[str, str]
    heads: frozenset[str]
    advice: str
    spare: tuple[str, ...] = ()


def naming(model: Layer) -> Naming:
    """PyTorch's names of the layers with weights of a resnet, googlenet, vgg or alexnet.

    Raises ConfigurationError for a network that is built otherwise, and so has no such names.
    """
    parts = list(_parts(model, ""))
    kinds = {type(layer) for _, layer in parts}
    if Residual in kinds:
        return Naming(dict(_resnet(parts)), frozenset({"fc"}), RESNET)
    if Branches in kinds:
        spare = () if Auxiliary in kinds else ("aux1.", "aux2.")
        return Naming(dict(_googlenet(parts)), frozenset({"fc", "aux1.fc2", "aux2.fc2"}), GOOGLENET, spare)
    if {Conv2D, Flatten, Dense} <= kinds:
        modules = dict(_chain(parts))
        return Naming(modules, frozenset(list(modules.values())[-1:]), CHAIN)
    raise ConfigurationError(
        f"{model.label()}: PyTorch's names are known of networks built as vgg, alexnet, googlenet and resnet, and this "
        "is none of these. Give one of them."
    )


def _parts(layer: Layer, path: str) -> Places:
    """The layers one after the other, those of a Sequential in its place; what stands side by side stays together."""
    if not isinstance(layer, (Sequential, Recompute)):
        yield path, layer
        return
    for name, inner in layer.inner_layers():
        yield from _parts(inner, join(path, name))


def _within(layer: Layer, path: str, name: str) -> Places:
    """The layers of the one that `layer` holds under `name`, in the model's paths."""
    return _parts(dict(layer.inner_layers())[name], join(path, name))


# ---- resnet


def _resnet(parts: Iterable[tuple[str, Layer]]) -> Names:
    stage, block = 1, 0
    for path, layer in parts:
        if isinstance(layer, Residual):
            stage, block = (stage + 1, 0) if _halves(layer) else (stage, block)
            yield from _block(path, layer, f"layer{stage}.{block}")
            block += 1
        elif isinstance(layer, Dense):
            yield path, "fc"
        elif type(layer) in KINDS:
            yield path, f"{KINDS[type(layer)]}1"


def _halves(block: Residual) -> bool:
    """Whether the block makes the image smaller, as the first one of a stage does."""
    return any(isinstance(layer, Conv2D) and layer.stride != (1, 1) for _, layer in block.body.walk())


def _block(path: str, block: Residual, name: str) -> Names:
    counted: Counter[str] = Counter()
    for inner, layer in _within(block, path, "body"):
        if kind := KINDS.get(type(layer)):
            counted[kind] += 1
            yield inner, f"{name}.{kind}{counted[kind]}"
    if block.shortcut is not None:
        for place, (inner, layer) in enumerate(_within(block, path, "shortcut")):
            if type(layer) in KINDS:
                yield inner, f"{name}.downsample.{place}"


# ---- googlenet


def _googlenet(parts: Iterable[tuple[str, Layer]]) -> Names:
    stage, module, heads, convolutions = 3, 0, 0, 0
    for path, layer in parts:
        if isinstance(layer, Branches):
            yield from _inception(path, layer, f"inception{stage}{chr(ord('a') + module)}")
            module += 1
        elif isinstance(layer, MaxPool2D):
            stage, module = (stage + 1, 0) if module else (stage, module)
        elif isinstance(layer, Auxiliary):
            heads += 1
            yield from _auxiliary(path, layer, f"aux{heads}")
        elif isinstance(layer, Dense):
            yield path, "fc"
        elif kind := KINDS.get(type(layer)):
            convolutions += isinstance(layer, Conv2D)
            yield path, f"conv{convolutions}.{kind}"


def _inception(path: str, module: Branches, name: str) -> Names:
    for number, (branch, _) in enumerate(module.inner_layers(), start=1):
        place = -1
        for inner, layer in _within(module, path, branch):
            place += isinstance(layer, (Conv2D, MaxPool2D))
            if kind := KINDS.get(type(layer)):
                within = "" if number == 1 else f".{place}"
                yield inner, f"{name}.branch{number}{within}.{kind}"


def _auxiliary(path: str, auxiliary: Auxiliary, name: str) -> Names:
    dense = 0
    for inner, layer in _within(auxiliary, path, "head"):
        if isinstance(layer, Dense):
            dense += 1
            yield inner, f"{name}.fc{dense}"
        elif kind := KINDS.get(type(layer)):
            yield inner, f"{name}.conv.{kind}"


# ---- vgg and alexnet


def _chain(parts: list[tuple[str, Layer]]) -> Names:
    kinds = [type(layer) for _, layer in parts]
    first, flatten = kinds.index(Conv2D), kinds.index(Flatten)
    for place, (path, layer) in enumerate(parts[first:flatten]):
        if type(layer) in KINDS:
            yield path, f"features.{place}"
    yield from _classifier(parts[flatten + 1 :])


def _classifier(parts: list[tuple[str, Layer]]) -> Names:
    """Each dense layer but the last has a ReLU and a dropout: behind it in vgg, the dropout before it in alexnet."""
    dense = [path for path, layer in parts if isinstance(layer, Dense)]
    shift = int(isinstance(parts[0][1], Dropout))
    for number, path in enumerate(dense):
        last = number == len(dense) - 1
        yield path, f"classifier.{3 * number + (0 if last else shift)}"
