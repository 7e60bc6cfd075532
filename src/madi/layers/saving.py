"""Models in files: safetensors for the weights, the architecture as JSON in its metadata.  No file can run code."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from madi.errors import ConfigurationError, FileError, MadiError, UnknownNameError
from madi.initializers import Fan, Initializer, Shape
from madi.layers import tensor_file
from madi.layers.architecture import architecture, hold, skeleton
from madi.layers.base import Layer
from madi.layers.calling import join, name_parameters
from madi.layers.registry import known_layers

FORMAT = "madi-model"
FORMAT_VERSION = 1


@dataclass(frozen=True)
class ModelMetadata:
    """What a model's file says besides its weights.

    format_version   of the file
    madi_version     of the madi that wrote it
    architecture     as `madi.layers.architecture` describes it
    extra            what was given to `save`
    """

    format_version: int
    madi_version: str
    architecture: dict[str, Any]
    extra: dict[str, Any]


def save(model: Layer, path: str | Path, *, extra: Mapping[str, Any] | None = None) -> None:
    """Write a built model to `path`: architecture, weights, running statistics, and which parameters are frozen.

    path    any name; the suffix .safetensors tells other programs what it is
    extra   anything else to keep with it, as plain JSON values, such as preprocessing; `read_metadata` gives it back.
            "classes" are the names of the classes: those of `model.classes`, where they are left out here

    The file is complete or is not there.  The same model gives the same bytes.  Raises ShapeError for a model that is
    not built, ConfigurationError for a layer whose arguments cannot be saved, FileError where it cannot be written.
    """
    model.shape_of_one()
    parameters = {name: parameter.value for name, parameter in model.parameters().items()}
    states = {name: value for name, value in model.state().items() if value is not None}
    tensors = {name: _storable(name, value) for name, value in {**parameters, **states}.items()}
    metadata = {
        "madi.format": FORMAT,
        "madi.format_version": str(FORMAT_VERSION),
        "madi.version": installed_version(),
        "madi.architecture": json.dumps(architecture(model), ensure_ascii=False, allow_nan=False),
        "madi.extra": _extra_text({**_names(model), **(extra or {})}),
    }
    tensor_file.write(path, tensors, metadata)


def load(path: str | Path, *, layers: Iterable[type[Layer]] = ()) -> Layer:
    """The model that `save` wrote, built, with its weights.

    layers   the classes of layers in it that are not madi's own, as in load("m.safetensors", layers=[Mine])

    Raises FileError for a file that is missing, truncated, corrupt, not madi's, or of a newer format; UnknownNameError
    for a layer whose class is not given.
    """
    metadata = read_metadata(path)
    classes = known_layers(layers)
    tensors = tensor_file.read_tensors(path)
    try:
        model = _restored(metadata.architecture, tensors, classes)
        names = metadata.extra.get("classes")
        model.classes = None if names is None else tuple(map(str, names))
        return model
    except UnknownNameError as error:
        raise UnknownNameError(f"{path}: {error}") from error
    except MadiError as error:
        raise FileError(f"{path}: {error}") from error
    except (LookupError, ValueError, TypeError, AttributeError, ArithmeticError, RecursionError, MemoryError) as error:
        raise FileError(f"{path}: corrupt: its architecture cannot be read ({error!r}). Get the file anew.") from error


def read_metadata(path: str | Path) -> ModelMetadata:
    """What a model's file says besides its weights; nothing of them is read.

    Raises FileError for a file that is missing, truncated, corrupt, not madi's, or of a newer format.
    """
    metadata = tensor_file.read_header(path).metadata
    if metadata.get("madi.format") != FORMAT:
        raise FileError(f"{path}: a safetensors file, but not one that madi.save wrote. Give one that it did.")
    written_by = metadata.get("madi.version", "unknown")
    try:
        version = int(metadata["madi.format_version"])
        if version <= FORMAT_VERSION:
            plain, extra = dict(json.loads(metadata["madi.architecture"])), dict(json.loads(metadata["madi.extra"]))
            return ModelMetadata(version, written_by, plain, extra)
    except (KeyError, ValueError, TypeError, RecursionError) as error:
        raise FileError(f"{path}: corrupt: its metadata cannot be read ({error!r}). Get the file anew.") from error
    raise FileError(
        f"{path}: has format version {version}, written by madi {written_by}; this madi {installed_version()} reads "
        f"version {FORMAT_VERSION} and older. Update it: pip install --upgrade madi."
    )


def _storable(name: str, value: Any) -> Any:
    array = np.asarray(value)
    if array.dtype not in map(np.dtype, tensor_file.DTYPES.values()):
        raise ConfigurationError(f"'{name}' is of dtype {array.dtype}, which cannot be saved. Convert it to float32.")
    return array


def _names(model: Layer) -> dict[str, Any]:
    return {} if model.classes is None else {"classes": list(model.classes)}


def _extra_text(extra: Mapping[str, Any]) -> str:
    try:
        return json.dumps(dict(extra), ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ConfigurationError(f"save: extra must be plain JSON values (numbers, texts, lists): {error}.") from error


def installed_version() -> str:
    """The version of madi that files are written by; "unknown" where madi is not installed as a package."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("madi")
    except PackageNotFoundError:
        return "unknown"


# ---- from the description to the model


@dataclass(frozen=True)
class _Undrawn(Initializer):
    """Weights that are about to be overwritten: nothing is drawn, and nothing is allocated for them."""

    def __call__(self, key: Any, shape: Shape, fan: Fan) -> Any:
        return np.broadcast_to(np.float32(0), shape)


def _restored(written: Mapping[str, Any], tensors: Mapping[str, Any], classes: Mapping[str, type[Layer]]) -> Layer:
    described = skeleton(written, classes)
    model = described[-1]
    for layer, entry in reversed(list(zip(described, written["layers"], strict=True))):
        if entry["input_shape"] is not None:
            _build(layer, tuple(entry["input_shape"]))
            hold(layer, entry["members"], described)  # `build` may have made layers anew
    for path, name, target in written["tied"]:
        dict(model.walk())[path].put(name, model.parameters()[target])
    _expect_tensors(model, written, tensors)
    _fill(model, written["parameters"], tensors)
    name_parameters(model)
    return model


def _build(layer: Layer, shape: tuple[int, ...]) -> None:
    """Build one layer for the shape that it was built for; those within follow, and none is called."""
    if type(layer).build is Layer.build:
        layer.input_shape = shape
        return
    drawn = {name: value for name, value in vars(layer).items() if isinstance(value, Initializer)}
    vars(layer).update(dict.fromkeys(drawn, _Undrawn()))
    layer.build(shape, anew=False)  # type: ignore[call-arg]  # of what `building` makes of build
    vars(layer).update(drawn)


def _expect_tensors(model: Layer, written: Mapping[str, Any], tensors: Mapping[str, Any]) -> None:
    """Hold the tensors of the file against what the layers need: names, shapes, and floating weights."""
    parameters, state = model.parameters(), model.state()
    needed = {name: np.shape(state[name]) for name in written["states"]}
    needed |= {name: parameter.shape for name, parameter in parameters.items()}
    for name in [*parameters, *written["parameters"], *needed]:
        if name not in tensors:
            raise FileError(f"has no tensor '{name}', which its layers need. Get the file anew.")
    for name, tensor in tensors.items():
        if name not in needed:
            raise FileError(f"has a tensor '{name}', which none of its layers needs. Get the file anew.")
        if tensor.shape != needed[name] or (name in parameters and tensor.dtype.kind != "f"):
            received = f"shape {tensor.shape} and dtype {tensor.dtype}"
            raise FileError(f"tensor '{name}' has {received}; its layer needs floats of shape {needed[name]}.")


def _fill(model: Layer, flags: Mapping[str, Any], tensors: Mapping[str, Any]) -> None:
    for name, parameter in model.parameters().items():
        parameter.value = tensors[name]
        parameter.trainable, parameter.decay = bool(flags[name]["trainable"]), bool(flags[name]["decay"])
    for path, layer in model.walk():
        for name in layer.states:
            if (full := join(path, name)) in tensors:
                setattr(layer, name, tensors[full])
