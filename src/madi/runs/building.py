"""From a configuration to what the trainer takes: the network, the optimizer, the targets of the loss."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Iterable
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from madi.config import NETWORK, TrainConfig
from madi.errors import ConfigurationError, ShapeError, argument, unknown_name
from madi.runs.starting import expect_weights, started

if TYPE_CHECKING:
    from madi.datasets import Batches, Dataset, Split, StreamedDataset
    from madi.layers import Layer, Sequential
    from madi.optimizers import Optimizer
    from madi.schedules import Rate
    from madi.training import Loss, Trainer

MODEL_OPTIONS = tuple(name for name in TrainConfig.named(NETWORK) if name not in ("model", "layers", "weights"))
OPTIMIZER_OPTIONS = ("momentum", "weight_decay", "clip_norm")
TRAINER_OPTIONS = ("label_smoothing", "average", "precision")
YES_OR_NO = 2  # classes that one output tells apart
MOST_LAYERS = 9  # that are told one by one
LAST_ACTIVATIONS = {"cross_entropy": "softmax", "binary_cross_entropy": "sigmoid"}  # losses on probabilities


def given(config: TrainConfig, names: tuple[str, ...]) -> dict[str, Any]:
    """Those of the options that were chosen."""
    return {name: getattr(config, name) for name in names if getattr(config, name) is not None}


def build_model(config: TrainConfig, outputs: int) -> Sequential:
    """The network of the configuration; a loss on probabilities gets them."""
    from madi.layers import ACTIVATIONS, Sequential

    model = _named_model(config, outputs) if config.layers is None else _written_model(config, outputs)
    expect_weights(config, model)
    last = LAST_ACTIVATIONS.get(config.loss or "")
    return model if last is None else Sequential(*model.layers, ACTIVATIONS[last]())


def _named_model(config: TrainConfig, outputs: int) -> Sequential:
    from madi.models import MODELS, create, options_of

    chosen = given(config, MODEL_OPTIONS)
    if config.model.casefold() in MODELS:
        _expect_options(f"the model {config.model}", chosen, options_of(config.model.casefold()))
    return create(config.model, outputs=outputs, **chosen)


def _written_model(config: TrainConfig, outputs: int) -> Sequential:
    """The network that is written out; options of the networks by name have no place beside it."""
    from madi.layers.notation import from_text

    for name in given(config, MODEL_OPTIONS):
        raise ConfigurationError(
            f"{argument(name)}: is an option of {argument('model')}, and {argument('layers')} says the network. Leave "
            "one out."
        )
    return from_text("\n".join(config.layers or ()), names={"outputs": outputs})


def build_optimizer(config: TrainConfig, steps: int) -> Optimizer:
    """The optimizer of the configuration, for a run of so many steps."""
    from madi.optimizers import TABLE
    from madi.options import lookup

    kind = lookup("optimizer", config.optimizer, TABLE)
    chosen = given(config, OPTIMIZER_OPTIONS)
    _expect_options(f"the optimizer {config.optimizer}", chosen, [field.name for field in dataclasses.fields(kind)])
    rate = config.learning_rate or kind().learning_rate
    return kind(build_schedule(config.schedule, rate, steps), **chosen)


def build_trainer(
    config: TrainConfig, data: Dataset | StreamedDataset, loss: Loss, examples: int, *, order_seed: int | None = None
) -> Trainer:
    """The trainer of the configuration, its network built for the data, for a run over so many examples an epoch.

    order_seed   of the order of the examples, where that is not the configuration's seed

    Raises ShapeError where the network does not take examples of that shape.
    """
    from madi.training import Trainer

    model = _with_weights(_after_lookup(build_model(config, outputs_of(loss, data)), data), config, data)
    steps = -(-examples // config.batch_size // config.accumulate) * config.epochs
    return Trainer(
        model, optimizer=build_optimizer(config, steps), loss=loss, metrics=config.metrics or (), engine=config.engine,
        seed=config.seed, order_seed=order_seed, **trainer_options(config),
    )  # fmt: skip


def _after_lookup(model: Sequential, data: Dataset | StreamedDataset) -> Sequential:
    """The network after the layer that looks categories up, where the data have some for that."""
    from madi.layers import EmbedColumns, Sequential

    lookups = getattr(data.preparation, "lookups", ())
    return Sequential(EmbedColumns(lookups), *model.layers) if lookups else model


def _with_weights(model: Sequential, config: TrainConfig, data: Dataset | StreamedDataset) -> Sequential:
    """The network, built for the examples: with random weights, or with those of the file that is named."""
    from madi.datasets.dataset import size_of

    shape, _ = size_of(data.train)
    try:
        model.build(shape, seed=config.seed)
        return model if config.weights is None else started(model, config.weights)
    except ShapeError as error:
        sizes = " x ".join(map(str, shape))
        named = "these layers do" if config.layers else f"the model {config.model} does"
        raise ShapeError(
            f"{named} not take the examples of {data.name}, {sizes}. {error} Or choose another model or dataset."
        ) from error


def trainer_options(config: TrainConfig) -> dict[str, Any]:
    """Options of the trainer that change what it does by itself."""
    plain = TrainConfig()
    names = [name for name in TRAINER_OPTIONS if getattr(config, name) != getattr(plain, name)]
    changes = {name: getattr(config, name) for name in names}
    if config.augment:
        from madi.training import augmentation

        changes["augmentation"] = [augmentation.get(name) for name in config.augment]
    return changes


def _expect_options(owner: str, chosen: Iterable[str], known: Collection[str]) -> None:
    for name in chosen:
        if name not in known:
            raise ConfigurationError(f"{argument(name)}: {owner} has no such option. Leave it out, or choose another.")


def build_schedule(name: str, rate: float, steps: int) -> Rate:
    """The schedule of that name for a run of `steps`, whose largest rate is `rate`.

    constant            the rate itself
    cosine              down to 0 along half a cosine
    step_decay          a tenth after each third
    exponential_decay   down to a hundredth
    warmup              up over the first tenth, then cosine
    one_cycle           up over three tenths, then down
    """
    from madi import schedules

    rise = max(1, steps // 10)
    made: dict[str, Callable[[], Rate]] = {
        "constant": lambda: rate,
        "cosine": lambda: schedules.cosine(rate, steps),
        "step_decay": lambda: schedules.step_decay(rate, -(-steps // 3)),
        "exponential_decay": lambda: schedules.exponential_decay(rate, 0.01, steps),
        "warmup": lambda: schedules.warmup(rise, schedules.cosine(rate, max(1, steps - rise))),
        "one_cycle": lambda: schedules.one_cycle(rate, steps),
    }
    if name not in made:
        raise unknown_name("schedule", name, made)
    return made[name]()


def outputs_of(loss: Loss, data: Dataset | StreamedDataset) -> int:
    """How many outputs the loss needs: one for each class, or for each number; one is enough for yes or no."""
    if not data.classes:
        return len(data.preparation.target) if data.preparation else _numbers_of(data.train)
    return 1 if len(data.classes) == YES_OR_NO and not loss.classes else len(data.classes)


def _numbers_of(part: Any) -> int:
    """How many numbers each example of (x, y) is to predict."""
    return int(np.prod(part.y.shape[1:]))


def parts_of(data: Dataset | StreamedDataset, config: TrainConfig, loss: Loss) -> dict[str, Any]:
    """The examples to train on, to validate with and to test with (where some are kept for that), for the loss.

    Each part is (x, y), or batches of these.
    """
    from madi.datasets import split
    from madi.datasets.dataset import size_of

    parts: dict[str, Any] = {"training": data.train, "validation": data.validation, "test": data.test}
    if data.preparation is None and data.validation is None and config.validation:
        divided = split(*data.train, validation=config.validation, stratified=True, seed=config.seed)
        parts |= {"training": divided.train, "validation": divided.validation}
    kept = {name: part for name, part in parts.items() if part is not None and size_of(part)[1]}
    return {name: targets(loss, part, len(data.classes)) for name, part in kept.items()}


def targets(loss: Loss, part: Split | Batches, classes: int) -> Any:
    """(x, y) as the loss takes them: labels for a loss of classes, else a column of 0 and 1 for each output.

    classes   0 where the targets are numbers: these stay as they are
    """
    from madi.datasets import Batches

    if isinstance(part, Batches):
        return part if loss.classes or not classes else _expect_labels(loss)
    if loss.classes or not classes:
        return part.x, part.y
    rows = np.eye(classes, dtype=np.float32)[part.y]
    return part.x, rows[:, 1:] if classes == YES_OR_NO else rows


def _expect_labels(loss: Loss) -> NoReturn:
    raise ConfigurationError(
        f"{argument('loss')}: {loss.name} takes a column for each class, and data that are larger than memory come "
        "with labels. Use softmax_cross_entropy."
    )


def count_of(part: Any) -> int:
    """The examples in a part of the data: (x, y), or batches of these."""
    from madi.datasets import Batches

    return part.count if isinstance(part, Batches) else len(part[0])


def describe(model: Layer, data: Dataset | StreamedDataset, parts: dict[str, Any], name: str) -> str:
    """The data and the network in a line each; of a long network its name and what it costs."""
    about = _described(data, parts)
    count = sum(parameter.size for parameter in model.parameters().values())
    layers = list(getattr(model, "layers", (model,)))
    if len(layers) <= MOST_LAYERS:
        return f"data     {about}\nnetwork  {', '.join(map(_name, layers))}: {count:,} parameters"
    work = model.summary().multiply_adds
    cost = f"{work / 1e6:,.1f} M" if work >= 1e6 else f"{work:,}"
    return f"data     {about}\nnetwork  {name}: {count:,} parameters, {cost} multiply-adds an example"


def _described(data: Dataset | StreamedDataset, parts: dict[str, Any]) -> str:
    """ "digits: 1,437 and 360 test examples of 8 x 8 x 1, 10 classes"; of one's own data every part."""
    from madi.datasets.dataset import size_of

    shape, count = size_of(data.train)
    sizes = f"{count:,} and {size_of(data.test)[1]:,} test"
    if data.preparation is not None:
        sizes = ", ".join(f"{count_of(part):,} {name}" for name, part in parts.items())
    answer = f"{len(data.classes)} classes" if data.classes else "numbers to predict"
    return f"{data.name}: {sizes} examples of {' x '.join(map(str, shape))}, {answer}"


def _name(layer: Layer) -> str:
    """The layer's class, with the shape of its weights: "Dense 64 x 100"."""
    weight = getattr(layer, "weight", None)
    shape = "" if weight is None else f" {' x '.join(map(str, weight.shape))}"
    return f"{type(layer).__name__}{shape}"
