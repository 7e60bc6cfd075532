"""Where the examples of a run come from: a dataset by name, a table, a folder of pictures, arrays in a file."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from madi.config import OWN, TrainConfig
from madi.errors import ConfigurationError, UnknownNameError, argument, unknown_name

if TYPE_CHECKING:
    from madi.datasets import Dataset, StreamedDataset

Progress = Callable[[int, int], None]

TABLES = (".csv", ".tsv", ".txt", ".parquet", ".pq", ".gz", ".xz")
NAMED, TABLE, PICTURES, ARRAYS = "a dataset by name", "a table", "a folder of pictures", "a file of arrays"

# The options of one's own data that each kind of source takes.
SHARED = ("test", "test_data")
OPTIONS = {
    NAMED: (),
    TABLE: (*SHARED, "target", "task", "types", "ignore", "embed", "weight", "delimiter", "decimal", "encoding"),
    PICTURES: (*SHARED, "image_size", "channels", "skip_bad"),
    ARRAYS: ("test",),
}
EXAMPLE = {TABLE: "madi train data.csv --target price", PICTURES: "madi train photos --model deep_convnet"}


def kind_of(source: str) -> str:
    """NAMED, TABLE, PICTURES or ARRAYS.

    Raises UnknownNameError for what is neither the name of a dataset nor there as a file or folder,
    ConfigurationError for an array without targets.
    """
    from madi.datasets import NAMES

    path = Path(source).expanduser()
    if source in NAMES:
        return NAMED
    if path.is_dir() or (path.suffix.lower() == ".zip" and path.exists()):
        return PICTURES
    if path.suffix.lower() == ".npz":
        return ARRAYS
    if path.suffix.lower() == ".npy":
        raise ConfigurationError(
            f"{source}: a .npy file is one array, without targets: madi predict takes it. To learn from it, put both "
            "into one file: numpy.savez('data.npz', x=x, y=y)."
        )
    if path.exists() or path.suffix.lower() in TABLES:
        return TABLE
    error = unknown_name("dataset", source, NAMES)
    raise UnknownNameError(f"{error} Nor is there a file or folder of that name.")


def placed(config: TrainConfig) -> TrainConfig:
    """The configuration with the whole paths of one's own files, so that it can be used from any folder."""
    from madi.datasets import NAMES

    names = ("weights",) if config.dataset in NAMES else ("dataset", "test_data", "weights")
    paths = {name: getattr(config, name) for name in names}
    there = {name: Path(path).expanduser() for name, path in paths.items() if path is not None}
    whole: dict[str, Any] = {name: str(path.resolve()) for name, path in there.items() if path.exists()}
    return dataclasses.replace(config, **whole)


def expect_options(config: TrainConfig) -> str:
    """The kind of the configuration's source.

    Raises ConfigurationError for options that it does not take, FileError where a table is none, or not there.
    """
    from madi.datasets.tables.paths import table_path

    kind = kind_of(config.dataset)
    for field in dataclasses.fields(config):
        foreign = field.metadata["group"] == OWN and field.name not in OPTIONS[kind]
        if foreign and getattr(config, field.name) != field.default:
            option, taker = argument(field.name), _taker(field.name)
            raise ConfigurationError(
                f"{option}: is for {taker}, and {config.dataset} is {kind}. Leave it out, or give {taker}: "
                f"{EXAMPLE[taker]}."
            )
    if kind == TABLE and config.augment:
        option = argument("augment")
        raise ConfigurationError(f"{option}: changes pictures, and {config.dataset} is {kind}. Leave it out.")
    if kind == TABLE and not config.target:
        table_path(config.dataset)  # that there is no such file comes first
        raise ConfigurationError(
            f"{config.dataset}: which column is to be predicted? Add {argument('target', 'COLUMN')}, as in: "
            f"{EXAMPLE[TABLE]}."
        )
    return kind


def _taker(option: str) -> str:
    return next(kind for kind, options in OPTIONS.items() if option in options)


def load(config: TrainConfig, *, progress: Progress | None = None) -> Dataset | StreamedDataset:
    """The examples of a run, divided into those to train on, to validate with and to test with.

    progress   is called with how many pictures are read, and how many there are, again and again

    Raises ConfigurationError for options that such examples do not take.
    """
    from madi.datasets import StreamedDataset

    loaders: dict[str, Callable[[TrainConfig], Any]] = {
        NAMED: _named,
        TABLE: _table,
        PICTURES: partial(_pictures, progress=progress),
        ARRAYS: _arrays,
    }
    data = loaders[expect_options(config)](config)
    _expect_pictures(config, data)
    if isinstance(data, StreamedDataset):
        data.train.batch_size = config.batch_size
    return data


def _expect_pictures(config: TrainConfig, data: Dataset | StreamedDataset) -> None:
    """Random changes are for images (H, W, C)."""
    from madi.datasets.dataset import size_of

    shape, _ = size_of(data.train)
    if config.augment and len(shape) != 3:
        sizes = " x ".join(map(str, shape))
        raise ConfigurationError(
            f"{argument('augment')}: changes pictures, and the examples of {data.name} are {sizes} numbers. Leave it "
            "out."
        )


def _named(config: TrainConfig) -> Dataset:
    from madi import datasets

    return datasets.load(config.dataset, config.data)


def _arrays(config: TrainConfig) -> Dataset:
    from madi.datasets.archive import load_arrays

    return load_arrays(config.dataset, test=config.test, validation=config.validation, seed=config.seed)


def _table(config: TrainConfig) -> Dataset | StreamedDataset:
    from madi.datasets import load_table

    return load_table(
        Path(config.dataset).expanduser(), target=config.target or (), task=config.task, kinds=pairs(config.types),
        ignore=config.ignore or (), embed=config.embed, weight=config.weight, delimiter=config.delimiter,
        decimal=config.decimal, encoding=config.encoding, **_divided(config),
    )  # fmt: skip


def _pictures(config: TrainConfig, *, progress: Progress | None) -> Dataset | StreamedDataset:
    from madi.datasets import load_pictures

    size = config.image_size
    if size is not None and len(size) != 2:
        given = ",".join(map(str, size))
        raise ConfigurationError(f"{argument('image_size')} must be height and width such as 64,64, got {given}.")
    return load_pictures(
        Path(config.dataset).expanduser(), size=size, channels=config.channels, skip_bad=config.skip_bad,
        progress=progress, **_divided(config),
    )  # fmt: skip


def _divided(config: TrainConfig) -> dict[str, Any]:
    return {
        "test": config.test,
        "test_data": config.test_data,
        "validation": config.validation,
        "seed": config.seed,
    }


def pairs(texts: tuple[str, ...] | None) -> dict[str, str]:
    """{"zip": "category"} from ("zip:category",)."""
    return {name: value for name, _, value in (text.rpartition(":") for text in texts or ())}


def class_weights(config: TrainConfig, data: Dataset | StreamedDataset, labels: Any) -> dict[int, float] | None:
    """The weight of each label, for `Trainer.fit`; balanced: examples / (classes · examples of the class).

    Raises ConfigurationError where targets are numbers, a class is unknown or a weight is none.
    """
    import numpy as np

    if config.class_weight is None:
        return None
    if not data.classes or labels is None:
        why = "the targets are numbers" if not data.classes else "the examples come in batches"
        raise ConfigurationError(f"{argument('class_weight')}: {why}, so no class can be weighted. Leave it out.")
    if config.class_weight == ("balanced",):
        counts = np.bincount(labels, minlength=len(data.classes))
        return {label: len(labels) / (len(counts) * int(n)) for label, n in enumerate(counts) if n}
    given = pairs(config.class_weight)
    for name in given:
        if name not in data.classes:
            raise unknown_name("class", name, data.classes)
    return {data.classes.index(name): _weight(name, text) for name, text in given.items()}


def _weight(name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise ConfigurationError(
            f"{argument('class_weight')}: expected {name}:WEIGHT with a weight of at least 0, got '{text}'."
        )
    return value
