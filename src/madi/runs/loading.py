"""A model that the user names: a file, the folder of a run, or one of madi.models."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from madi.config import TrainConfig
from madi.errors import ConfigurationError, FileError, MadiError, closest
from madi.runs.folder import CONFIGURATION, MODEL, RunFolder

if TYPE_CHECKING:
    from madi.datasets import Preparation
    from madi.layers import Layer
    from madi.training import Loss

ONNX = ".onnx"
GATES = ("AND", "NAND", "OR", "XOR")


@dataclass(frozen=True)
class Found:
    """A model, and what its file says of its origin.

    place    the file, or the name
    about    {"classes", "dataset", "loss", "metrics", "preparation"}, as far as it is known
    config   that of its run, where it lies beside the file
    """

    model: Layer
    place: str
    about: dict[str, Any] = field(default_factory=dict)
    config: TrainConfig | None = None

    @property
    def data(self) -> str | None:
        """The folder of the dataset that it was trained on, where one was given then."""
        return None if self.config is None else self.config.data

    @property
    def classes(self) -> list[str] | None:
        """The names of the classes, where the file has them."""
        names = self.about.get("classes")
        return [str(name) for name in names] if isinstance(names, list) and names else None

    @cached_property
    def preparation(self) -> Preparation | None:
        """How raw rows or pictures become what the network takes, where the file says so; FileError for nonsense."""
        from madi.datasets.preparation import restored

        config = self.about.get("preparation")
        try:
            return restored(config) if isinstance(config, dict) else None
        except MadiError as error:
            raise FileError(f"{self.place}: {error}") from error

    def loss(self, name: str | None = None) -> Loss:
        """The loss called `name`, or the one that the model was trained with."""
        from madi.training.losses import get

        return get(name or str(self.about.get("loss") or "softmax_cross_entropy"))


def find_model(name: str) -> Found:
    """The trained model in a file or in the folder of a run; also one in an ONNX file, where layers can say it.

    Raises FileError for what is missing or no model; Unsupported for a graph of ONNX that no layers say.
    """
    from madi.layers import load, read_metadata

    path = Path(name).expanduser()
    file = path / MODEL if path.is_dir() else path
    if not file.exists():
        raise FileError(_missing(path))
    if file.suffix.lower() == ONNX:
        return _from_onnx(file)
    return Found(load(file), str(file), read_metadata(file).extra, _config(file.parent / CONFIGURATION))


def _from_onnx(file: Path) -> Found:
    """The network of an ONNX file, and what an export of madi says of it."""
    from madi.onnx import load
    from madi.onnx.about import extra_of

    loaded = load(file)
    return Found(loaded.model, str(file), extra_of(loaded.metadata, str(file)), _config(file.parent / CONFIGURATION))


def find_or_make(name: str, shape: tuple[int, ...] | None, outputs: int | None) -> Found:
    """As `find_model`, and new models and gates by their names, built for one example of `shape`.

    shape, outputs   default to those that the network is known for, where it is for images of one size

    Raises ConfigurationError for a model by name that has no shape of its own, where none is given.
    """
    from madi.models import INPUT_SHAPES, MODELS, create, gate

    if Path(name).expanduser().exists():
        return find_model(name)
    if name.upper() in GATES:
        return Found(gate(name), name.upper())
    if name.casefold() not in MODELS:
        raise FileError(_missing(Path(name), [*MODELS, *GATES]))
    shape = INPUT_SHAPES.get(name.casefold()) if shape is None else shape
    if shape is None:
        raise ConfigurationError(f"{name}: a new model needs --input-shape, such as 784 or 28,28,1.")
    return Found(create(name, outputs=outputs).build(shape), name)


def sizes(option: str, text: str | None) -> tuple[int, ...] | None:
    """(28, 28, 1) from "28,28,1"; None stays None."""
    if text is None:
        return None
    words = [word.strip() for word in text.replace("x", ",").split(",")]
    if not all(word.isdecimal() and int(word) > 0 for word in words):
        raise ConfigurationError(f"{option} must be sizes of at least 1 such as 28,28,1, got '{text}'.")
    return tuple(map(int, words))


def _missing(path: Path, names: list[str] | None = None) -> str:
    if again := RunFolder(path, was_there=True).how_to_go_on():
        return f"{path}: holds no {MODEL} yet, for what was begun there has not ended. Go on with it: {again}."
    if path.is_dir():
        return f"{path}: holds no {MODEL}, so it is no folder of a run. Give one that 'madi train' has written."
    near = closest(str(path), names or [])
    hint = f" Did you mean '{near}'?" if near else ""
    known = f" Models by name: {', '.join(names)}." if names else ""
    return f"{path}: no such file or folder.{hint}{known} Give a model's file or the folder of a run."


def _config(path: Path) -> TrainConfig | None:
    """The configuration of the run that the model is of, where it is there."""
    return TrainConfig.from_toml(path) if path.is_file() else None
