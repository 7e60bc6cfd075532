"""Weights as PyTorch publishes them: read into madi's networks, and written for PyTorch's.

PyTorch keeps the channels of an image before its rows and columns, and the outputs of a layer before its inputs:

    convolution     (O, I, kH, kW)       madi's (kH, kW, I, O)
    dense layer     (outputs, inputs)    madi's (inputs, outputs); the inputs of the first one after `Flatten` count
                                         channels, rows, columns there, and rows, columns, channels here
    batch norm      weight, bias, running_mean, running_var     madi's scale, shift, mean, variance
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from madi.errors import ConfigurationError, FileError, closest
from madi.graph import Parameter
from madi.kernels.arrays import aligned_copy
from madi.layers import BatchNorm, Dense, Flatten, Layer, tensor_file
from madi.models.torch_names import Naming, naming

WEIGHTS = {"weight": "weight", "bias": "bias"}
STATISTICS = {"weight": "scale", "bias": "shift", "running_mean": "mean", "running_var": "variance"}
COUNTER = "num_batches_tracked"  # of PyTorch's batch norm, which uses it for another kind of average
PICKLED = (
    "Turn the checkpoint into safetensors, in PyTorch: safetensors.torch.save_file(torch.load('weights.pth', "
    "weights_only=True), 'weights.safetensors')."
)
FLOATS = ("F64", "F32", "F16", tensor_file.BFLOAT16)


@dataclass(frozen=True)
class Place:
    """Where an array of the file belongs.

    layer, attribute   of the model
    image              (H, W, C) where the layer's inputs are the pixels of such an image, flattened
    """

    layer: Layer
    attribute: str
    image: tuple[int, ...] = ()

    @property
    def value(self) -> Any:
        """The array that is there now."""
        held = getattr(self.layer, self.attribute)
        return held.value if isinstance(held, Parameter) else held

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the array in the file."""
        return to_torch(np.broadcast_to(np.float32(0), self.value.shape)).shape

    def put(self, array: Any) -> None:
        """Let an array of the file be the layer's, in the type of the one that is there."""
        turned = aligned_copy(from_torch(array, self.image).astype(self.value.dtype, copy=False))
        held = getattr(self.layer, self.attribute)
        if isinstance(held, Parameter):
            held.value = turned
        else:
            setattr(self.layer, self.attribute, turned)


def load_weights(model: Layer, path: str | Path, *, head: bool = True) -> Layer:
    """Read weights that PyTorch's network of the same name has written as safetensors.  Returns the model.

    model    a built vgg, resnet, alexnet(version="torchvision") or googlenet(version="torchvision"); what stands before
             and after it without weights does not matter
    path     a safetensors file with torchvision's names, in any floating type
    head     False leaves the last layer as it is, for other classes than those of the file

    Names, shapes and types are checked before anything is assigned.  The weights get the types of those before them.
    What these networks expect of their images is not 0..1: see `normalized`.

    Raises FileError for a file that is no safetensors file, and one whose arrays are not those that the model needs;
    ShapeError for a model that is not built, ConfigurationError for one that PyTorch has no names for.
    """
    model.shape_of_one()
    names = naming(model)
    wanted = _places(model, names, without=frozenset() if head else names.heads)
    _expect_tensors(path, tensor_file.read_header(path, fix=PICKLED), wanted, names, head)
    arrays = tensor_file.read_tensors(path, wanted)
    for name, place in wanted.items():
        place.put(arrays.pop(name))
    return model


def expect_published(model: Layer, path: str | Path) -> None:
    """Raise unless PyTorch has names for this network, and the file is a whole one; the errors of `load_weights`."""
    naming(model)
    tensor_file.read_header(path, fix=PICKLED)


def save_weights(model: Layer, path: str | Path) -> None:
    """Write weights and running statistics as PyTorch's network of the same name reads them, as safetensors.

        network.load_state_dict(safetensors.torch.load_file(path))

    model    a built vgg, resnet, alexnet or googlenet: see `load_weights`

    The counters of batches, which PyTorch's batch norm has and madi's has not, are 0.
    """
    model.shape_of_one()
    tensors: dict[str, Any] = {}
    for name, place in _places(model, naming(model)).items():
        tensors[name] = to_torch(np.asarray(place.value), place.image)
        if place.attribute == "variance":
            tensors[f"{_module(name)}.{COUNTER}"] = np.zeros((), np.int64)
    tensor_file.write(path, tensors, {"format": "pt"})


def to_torch(array: Any, image: tuple[int, ...] = ()) -> Any:
    """madi's array in PyTorch's order of axes.

    image   (H, W, C) where the rows of a dense layer's weight are the pixels of such an image
    """
    if array.ndim == 4:
        return array.transpose(3, 2, 0, 1)
    if image:
        array = array.reshape(*image, -1).transpose(2, 0, 1, 3).reshape(array.shape)
    return array.T


def from_torch(array: Any, image: tuple[int, ...] = ()) -> Any:
    """PyTorch's array in madi's order of axes; `image` as for `to_torch`."""
    if array.ndim == 4:
        return array.transpose(2, 3, 1, 0)
    if image:
        height, width, channels = image
        shape = array.T.shape
        return array.T.reshape(channels, height, width, -1).transpose(1, 2, 0, 3).reshape(shape)
    return array.T


def _places(model: Layer, names: Naming, without: Collection[str] = ()) -> dict[str, Place]:
    """The place of every weight and running statistic by its name in PyTorch's file.

    without   names of modules that are left out
    """
    places: dict[str, Place] = {}
    for module, layer, image in _modules(model, names):
        arrays = STATISTICS if isinstance(layer, BatchNorm) else WEIGHTS
        for name, attribute in arrays.items() if module not in without else ():
            full = f"{module}.{name}"
            if full in places:
                raise ConfigurationError(
                    f"{model.label()}: two of its layers stand where PyTorch's network has one, '{module}'. Take one "
                    "of them out, or give a network whose last layer alone differs."
                )
            if getattr(layer, attribute) is not None:
                places[full] = Place(layer, attribute, image if name == "weight" else ())
    return places


def _modules(model: Layer, names: Naming) -> Iterator[tuple[str, Layer, tuple[int, ...]]]:
    """(name of PyTorch's module, layer, the image whose flattened pixels it takes) of each layer with weights."""
    image: tuple[int, ...] = ()
    for path, layer in model.walk():
        if isinstance(layer, Flatten) and len(layer.shape_of_one()) == 3:
            image = layer.shape_of_one()
        if path in names.modules:
            taken, image = (image, ()) if isinstance(layer, Dense) else ((), image)
            yield names.modules[path], layer, taken


def _module(name: str) -> str:
    return name.rpartition(".")[0]


# ---- what a file must have


def _expect_tensors(
    path: str | Path, file: tensor_file.TensorFile, wanted: Mapping[str, Place], names: Naming, head: bool
) -> None:
    """Raise FileError unless the file has exactly what is wanted, in floats of those shapes."""
    if "madi.format" in file.metadata:
        raise FileError(f"{path}: a model that madi.save wrote, its layers with it. Use madi.load.")
    spare = (*names.spare, *(() if head else (f"{name}." for name in names.heads)))
    others = [
        name for name in file.tensors
        if name not in wanted and not name.startswith(spare) and not name.endswith(f".{COUNTER}")
    ]  # fmt: skip
    missing = [name for name in wanted if name not in file.tensors]
    wrong = [name for name in wanted if name in file.tensors and not _fits(*file.tensors[name], wanted[name])]
    faults = [
        *_told(missing, "it lacks", lambda name: f"'{name}'{_near(name, others)}"),
        *_told(others, "nothing takes its", lambda name: f"'{name}'{_near(name, missing)}"),
        *_told(wrong, "its", lambda name: _unfit(name, *file.tensors[name], wanted[name])),
    ]
    if faults:
        fix = names.advice if missing or others else _fix_of_shapes(wrong, names)
        raise FileError(f"{path}: not the weights of this network: {'; '.join(faults)}. {fix}")


def _fits(code: str, shape: tuple[int, ...], place: Place) -> bool:
    return shape == place.shape and code in FLOATS


def _told(names: list[str], verb: str, describe: Callable[[str], str]) -> list[str]:
    """ "it lacks 'fc.bias', and 3 more", or nothing."""
    more = f", and {len(names) - 1} more" if len(names) > 1 else ""
    return [f"{verb} {describe(names[0])}{more}"] if names else []


def _near(name: str, others: list[str]) -> str:
    near = closest(name, others)
    return f" (or is it '{near}'?)" if near else ""


def _unfit(name: str, code: str, shape: tuple[int, ...], place: Place) -> str:
    return f"'{name}' has shape {shape} and type {code}, where floats of shape {place.shape} belong"


def _fix_of_shapes(wrong: list[str], names: Naming) -> str:
    if all(_module(name) in names.heads for name in wrong):
        return "For other classes than the file's, head=False leaves the last layer as it is."
    return "Build the network for images of the size and channels that it was trained on, such as (224, 224, 3)."
