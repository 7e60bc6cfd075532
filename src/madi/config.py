"""The configuration of a training run: what `madi train` can be told, as data, in TOML and back."""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from madi.errors import ConfigurationError, FileError, argument, as_keyword, spelled, unknown_name
from madi.options import FRACTION, NON_NEGATIVE, POSITIVE, Interval, Options, expect_number, is_whole

Check = Callable[[str, Any], Any]


DATA, OWN, NETWORK, TRAINING, OPTIMIZER, RUN = "Data", "Own data", "Network", "Training", "Optimizer", "Run"


def _setting(group: str, help: str, check: Check, default: Any, *, unset: str = "", denied: bool = False) -> Any:
    """A field with its group and line of help; one whose default is None says in `unset` what holds then.

    denied   whether it is a switch that is on, whose help says what switching it off does
    """
    metadata = {
        "check": lambda owner, where, value: None if default is None and value is None else check(where, value),
        "group": group,
        "help": help,
        "unset": unset,
        "denied": denied,
    }
    return dataclasses.field(default=default, metadata=metadata)


_data, _own, _network, _training, _optimizer, _run = (
    functools.partial(_setting, group) for group in (DATA, OWN, NETWORK, TRAINING, OPTIMIZER, RUN)
)


def _text(where: str, value: Any) -> str:
    if not isinstance(value, (str, Path)) or not str(value):
        raise ConfigurationError(f"{where} must be a name, got {value!r}.")
    return str(value)


def _whole(least: int) -> Check:
    def check(where: str, value: Any) -> int:
        if not is_whole(value) or value < least:
            raise ConfigurationError(f"{where} must be a whole number of at least {least}, got {value!r}.")
        return int(value)

    return check


def _number(interval: Interval, fix: str) -> Check:
    return lambda where, value: expect_number(where, value, interval, fix=fix)


def _switch(where: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise ConfigurationError(f"{where} must be true or false, got {value!r}.")
    return value


def _sizes(where: str, value: Any) -> tuple[int, ...]:
    """(100, 50) from [100, 50], "100,50" or ["100,50"]; () from "none"."""
    entries = [value] if isinstance(value, (str, int)) else list(value)
    words = [word.strip() for entry in entries for word in str(entry).split(",")]
    if words == ["none"]:
        return ()
    if not all(word.isdecimal() and int(word) > 0 for word in words):
        got = ",".join(words)
        raise ConfigurationError(f"{where} must be sizes of at least 1 such as 100,50, or none, got '{got}'.")
    return tuple(map(int, words))


def _texts(where: str, value: Any) -> tuple[str, ...]:
    """Texts as they are: the name of a column may have a comma in it."""
    return tuple(_text(where, entry) for entry in ([value] if isinstance(value, str) else list(value)))


def _pairs(form: str) -> Check:
    """Texts NAME:VALUE; the last colon divides them."""

    def check(where: str, value: Any) -> tuple[str, ...]:
        found = _texts(where, value)
        for text in found:
            if not all(text.rpartition(":")):
                raise ConfigurationError(f"{where} must be {form}, got '{text}'.")
        return found

    return check


def _class_weight(where: str, value: Any) -> tuple[str, ...]:
    found = _texts(where, value)
    return found if found == ("balanced",) else _pairs("balanced, or CLASS:WEIGHT once a class")(where, found)


def _names_or_none(where: str, value: Any) -> tuple[str, ...]:
    """Names, as of `_names`; () from "none" or from nothing."""
    found = _names(where, value)
    return () if found == ("none",) else found


def _names(where: str, value: Any) -> tuple[str, ...]:
    entries = [value] if isinstance(value, str) else list(value)
    return tuple(word.strip() for entry in entries for word in _text(where, entry).split(","))


OPTIMIZERS_OWN = "the optimizer's own"

HIDDEN = {"mlp": (200, 100)}
# Of tables of few rows to train on, which more units learn by heart; measured in benchmarks/small_tables.py.
HIDDEN_OF_FEW = {"mlp": (100,)}
FEW_ROWS = 500
# Above what suits a constant rate, because a schedule lowers it; measured on digits and MNIST.
SCHEDULED_RATES = {"adam": 0.004, "adamw": 0.004}


@dataclass(frozen=True, kw_only=True)
class TrainConfig(Options):
    """What a run of `madi train` does.

    Every field is checked when it is set: ConfigurationError names the field (on the command line its option), and for
    an unknown one the closest.
    None leaves a choice to the model, the optimizer or the dataset.  The fields of the group "Network" but `model` are
    the options of the networks by name; what values each allows, the network itself says.

    >>> TrainConfig(hidden="100,50").hidden
    (100, 50)
    """

    dataset: str = _data(
        "A dataset of 'madi datasets'; or your own: a table (.csv, .tsv, .parquet), a folder or .zip of pictures with "
        "a folder for each class, or arrays x and y (.npz).",
        _text, "digits",
    )  # fmt: skip
    data: str | None = _data(
        "Folder of a local copy of the dataset.", _text, None, unset="$MADI_DATA, the cache, a download"
    )
    validation: float = _data(
        "Share of the examples that is kept out of training and measured after each epoch; 0 for none. Of your own "
        "data a share of all, as --test is; of a dataset by name, which has its test, of those to train on.",
        _number(FRACTION, "Try 0.1, or 0 for none."), 0.1,
    )  # fmt: skip
    augment: tuple[str, ...] = _data(
        "Random changes to the training images, one after the other: shift, crop, flip, rotation, scaling, erasing, "
        "elastic, with options as in crop:4,flip; 'none' for none.",
        _names_or_none, (),
    )  # fmt: skip

    target: tuple[str, ...] | None = _own(
        "The column that is to be predicted; once a column, where they are several numbers.", _texts, None, unset=""
    )
    task: str | None = _own(
        "Of a table: classification or regression.", _text, None, unset="by the values of the target"
    )
    test: float = _own(
        "Share of all examples that is kept for the final measurement.",
        _number(FRACTION, "Try 0.2, or 0 for none."), 0.2,
    )  # fmt: skip
    test_data: str | None = _own(
        "A second table or folder to measure with in the end, in place of that share.", _text, None, unset="none"
    )
    types: tuple[str, ...] | None = _own(
        "COLUMN:KIND, once a column: number, category, date, boolean, or text, which is left out.",
        _pairs("COLUMN:KIND"), None, unset="by the values",
    )  # fmt: skip
    ignore: tuple[str, ...] | None = _own("A column that is left out; once a column.", _texts, None, unset="none")
    embed: int | None = _own(
        "Numbers that a category is looked up as, where a column has many.", _whole(1), None, unset="one-hot columns"
    )
    weight: str | None = _own("The column with the weight of each example.", _text, None, unset="all count alike")
    delimiter: str | None = _own("Between the columns of a text file.", _text, None, unset="found out")
    decimal: str | None = _own("Of numbers in a text file: . or ,", _text, None, unset="found out")
    encoding: str | None = _own("Of a text file: utf-8, utf-16, cp949, ...", _text, None, unset="found out")
    image_size: tuple[int, ...] | None = _own(
        "Height and width that pictures are brought to: 64,64.", _sizes, None, unset="theirs, where all are alike"
    )
    channels: int | None = _own("Of pictures: 1 for grey, 3 for colour.", _whole(1), None, unset="as they are")
    skip_bad: bool = _own("Leave out pictures that cannot be read, and say how many.", _switch, False)

    layers: tuple[str, ...] | None = _network(
        "The network itself in place of --model: Dense(100), ReLU(), Dense(outputs).", _texts, None, unset="--model"
    )
    model: str = _network(
        "Of vectors: mlp, logistic_regression. Of digits: lenet5, simple_convnet, deep_convnet. Of 32 pixels: "
        "resnet_cifar. Of ImageNet: alexnet, vgg11, vgg13, vgg16, vgg19, googlenet, resnet18, resnet34, resnet50, "
        "resnet101, resnet152. Most take images of other sizes too.",
        _text, "mlp",
    )  # fmt: skip
    weights: str | None = _network(
        "Start from published weights, a safetensors file with PyTorch's names, and a new last layer. Of resnet, vgg; "
        "alexnet and googlenet with --version torchvision.",
        _text, None, unset="random ones",
    )  # fmt: skip
    hidden: tuple[int, ...] | None = _network(
        "Units of the dense layers before the last: 100,50, or the option once a layer; 'none' for none. Of mlp, "
        "simple_convnet, alexnet, vgg.",
        _sizes, None,
        unset=f"mlp: 200,100, of a table of at most {FEW_ROWS:,} training rows 100; simple_convnet: 100; alexnet, vgg: "
        "4096,4096",
    )  # fmt: skip
    dropout: float | None = _network(
        "Share of the units left out in training. Of mlp, deep_convnet, alexnet, vgg, googlenet.",
        _number(FRACTION, "Try 0.2."), None, unset="mlp: 0; googlenet: 0.4; else 0.5",
    )  # fmt: skip
    activation: str | None = _network(
        "mlp: relu, leaky_relu, sigmoid, tanh, ... after each hidden layer.", _text, None, unset="relu"
    )
    initializer: str | None = _network(
        "Of the weights of mlp, simple_convnet, deep_convnet: he, xavier, normal, zeros, ...",
        _text, None, unset="he; in mlp by activation",
    )  # fmt: skip
    depth: int | None = _network(
        "resnet_cifar: layers with weights, 20, 32, 44, 56, 110 or another 6 n + 2.", _whole(1), None, unset="20"
    )
    shortcut: str | None = _network(
        "resnet_cifar: A, without parameters, or B, a convolution, where the shape changes.", _text, None, unset="A"
    )
    version: str | None = _network(
        "resnet50, 101, 152: which convolution has the stride, v1.5 or paper. alexnet, googlenet: paper, or "
        "torchvision, whose weights are published.",
        _text, None, unset="v1.5; alexnet, googlenet: paper",
    )  # fmt: skip
    batch_norm: bool | None = _network(
        "deep_convnet, vgg, googlenet: a batch norm after each convolution.", _switch, None, unset="no"
    )
    auxiliary: bool | None = _network(
        "googlenet: the two auxiliary heads in training, for images of at least 80 pixels.", _switch, None, unset="no"
    )
    small: bool | None = _network("googlenet: a stem for images of about 32 pixels.", _switch, None, unset="no")
    stages: int | None = _network(
        "googlenet: how many of its three stages of inception modules.", _whole(1), None, unset="3"
    )
    groups: int | None = _network(
        "alexnet: groups of its split convolutions.", _whole(1), None, unset="2; 1 of torchvision's"
    )
    filters: int | None = _network("simple_convnet: filters of its convolution.", _whole(1), None, unset="30")
    kernel_size: int | None = _network("simple_convnet: pixels of a filter's side.", _whole(1), None, unset="5")
    padding: int | None = _network("lenet5: of the first convolution.", _whole(0), None, unset="2")

    epochs: int = _training("Passes over the training data.", _whole(1), 30)
    batch_size: int = _training("Examples in a step.", _whole(1), 50)
    accumulate: int = _training("Batches whose gradients make one update together.", _whole(1), 1)
    loss: str | None = _training(
        "softmax_cross_entropy, mean_squared_error, ...", _text, None,
        unset="softmax_cross_entropy; of numbers mean_squared_error",
    )  # fmt: skip
    class_weight: tuple[str, ...] | None = _training(
        "balanced, for classes that count alike however many examples each has; or CLASS:WEIGHT, once a class.",
        _class_weight, None, unset="every example counts alike",
    )  # fmt: skip
    label_smoothing: float = _training(
        "Share of each target that is spread evenly over all classes.", _number(FRACTION, "Try 0.1."), 0.0
    )
    average: float | None = _training(
        "Train as ever, but measure and keep the moving average of the weights with this decay, such as 0.999.",
        _number(FRACTION, "Try 0.999."), None, unset="no average",
    )  # fmt: skip
    members: int = _training(
        "Networks of different seeds that train together, in one order of the examples, and answer as one by the mean "
        "of their probabilities.",
        _whole(1), 1,
    )  # fmt: skip
    metrics: tuple[str, ...] | None = _training(
        "accuracy, f1, auc, top_5_accuracy, r2, ...", _names, None, unset="accuracy; of numbers r2"
    )
    patience: int | None = _training(
        "Stop after this many epochs without a lower loss, and go back to the best weights.",
        _whole(1), None, unset="train to the end",
    )  # fmt: skip

    optimizer: str = _optimizer("sgd, momentum, nesterov, adagrad, rmsprop, adam or adamw.", _text, "adam")
    learning_rate: float | None = _optimizer(
        "The largest learning rate; madi train --find-rate suggests one.",
        _number(POSITIVE, "Try 0.001."),
        None,
        unset=f"0.004 for adam with a schedule, else {OPTIMIZERS_OWN}",
    )
    schedule: str = _optimizer(
        "Of the learning rate: constant, cosine, step_decay, exponential_decay, warmup, one_cycle.", _text, "cosine"
    )
    momentum: float | None = _optimizer(
        "Of momentum and nesterov.", _number(FRACTION, "Try 0.9."), None, unset=OPTIMIZERS_OWN
    )
    weight_decay: float | None = _optimizer(
        "L2 penalty on the weights (decoupled in adamw).",
        _number(NON_NEGATIVE, "Try 1e-4, or 0 for none."), None, unset=OPTIMIZERS_OWN,
    )  # fmt: skip
    clip_norm: float | None = _optimizer(
        "The longest that all gradients together may be.", _number(POSITIVE, "Try 1."), None, unset="no clipping"
    )

    engine: str = _run("jax (compiled), numpy, or auto: by the size of the job.", _text, "auto")
    precision: str | None = _run(
        "Of the activations: bfloat16, where the hardware is fast in it. Weights stay float32.", _text, None,
        unset="float32",
    )  # fmt: skip
    doctor: bool = _run(
        "Look at every layer before and after, and say in words what is wrong and what to try.", _switch, False
    )
    report: bool = _run("Write no report.html, the page on what was learned and how well.", _switch, True, denied=True)
    tensorboard: bool = _run("Write event files for TensorBoard too.", _switch, False)
    checkpoint_every: float = _run(
        "Seconds between two checkpoints, from which --resume goes on.", _number(NON_NEGATIVE, "Try 10."), 10.0
    )
    seed: int = _run("Of the first weights, the order of the examples and dropout.", _whole(0), 0)

    def checked(self, field: dataclasses.Field[Any], value: Any) -> Any:
        """`value` as the field keeps it; the message names the field as a file has it, or its option."""
        return field.metadata["check"](self, argument(field.name), value)

    @classmethod
    def named(cls, group: str) -> tuple[str, ...]:
        """The names of the fields of a group."""
        return tuple(field.name for field in dataclasses.fields(cls) if field.metadata["group"] == group)

    def completed(self) -> Self:
        """The configuration with the hidden layers and the learning rate of `madi train` where none are given.

        How many hidden units suit a table `for_rows` says, once these are counted.
        """
        rate = None if self.schedule == "constant" else SCHEDULED_RATES.get(self.optimizer.casefold())
        made = dataclasses.replace(self, learning_rate=self.learning_rate or rate)
        return made if self.target else made._with_hidden(HIDDEN)

    def for_rows(self, count: int) -> Self:
        """The configuration for a table of so many rows to train on; that of other examples as it is."""
        return self._with_hidden(HIDDEN_OF_FEW if count <= FEW_ROWS else HIDDEN) if self.target else self

    def _with_hidden(self, usual: Mapping[str, tuple[int, ...]]) -> Self:
        chosen = usual.get(self.model.casefold()) if self.hidden is None and not self.layers else self.hidden
        return dataclasses.replace(self, hidden=chosen)

    def for_targets(self, numbers: bool) -> Self:
        """The configuration with a loss and metrics where none are given: those of numbers, or of classes."""
        loss, metric = ("mean_squared_error", "r2") if numbers else ("softmax_cross_entropy", "accuracy")
        return dataclasses.replace(self, loss=self.loss or loss, metrics=self.metrics or (metric,))

    def to_toml(self) -> str:
        """The configuration as TOML, one line a field; those that are None are left out."""
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        lines = [f"{name} = {_toml(value)}" for name, value in fields.items() if value is not None]
        return "\n".join(lines) + "\n"

    @classmethod
    def from_toml(cls, path: str | Path, overrides: Mapping[str, Any] | None = None) -> TrainConfig:
        """The configuration in a file, with `overrides` in place of what it says.

        Raises FileError for a file that is missing or no TOML, ConfigurationError for unknown keys and wrong values.
        """
        given, overrides = read_toml(path), dict(overrides or {})
        known = [field.name for field in dataclasses.fields(cls)]
        for name in given:
            if name not in known:
                raise ConfigurationError(f"{path}: {unknown_name('key', name, known)}")
        try:
            with spelled(as_keyword):  # what is wrong in the file is told in the file's own words
                cls(**{name: value for name, value in given.items() if name not in overrides})
        except ConfigurationError as error:
            raise ConfigurationError(f"{path}: {error}") from error
        return cls(**{**given, **overrides})


def read_toml(path: str | Path) -> dict[str, Any]:
    """The table in a TOML file; FileError, with the line, where it is missing or none."""
    import tomllib

    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise FileError(f"{path}: cannot read the configuration ({error.strerror or error}).") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise FileError(f"{path}: not TOML: {error}. Write lines such as: epochs = 20") from error


def _toml(value: Any) -> str:
    """A value as TOML writes it: JSON's texts and numbers are TOML's too."""
    if isinstance(value, tuple):
        return f"[{', '.join(map(_toml, value))}]"
    return json.dumps(value, ensure_ascii=False)
