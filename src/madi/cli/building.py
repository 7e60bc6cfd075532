"""From a configuration to what the trainer takes: the network, the optimizer, the targets of the loss."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from madi.config import NETWORK, TrainConfig
from madi.errors import ConfigurationError, ShapeError, unknown_name

if TYPE_CHECKING:
    from madi.datasets import Dataset, Split
    from madi.layers import Layer, Sequential
    from madi.optimizers import Optimizer
    from madi.schedules import Rate
    from madi.training import Loss, Trainer

MODEL_OPTIONS = tuple(name for name in TrainConfig.named(NETWORK) if name != "model")
OPTIMIZER_OPTIONS = ("momentum", "weight_decay", "clip_norm")
TRAINER_OPTIONS = ("label_smoothing", "average", "precision")
MOST_LAYERS = 9  # that are told one by one
LAST_ACTIVATIONS = {"cross_entropy": "softmax", "binary_cross_entropy": "sigmoid"}  # losses on probabilities


def given(config: TrainConfig, names: tuple[str, ...]) -> dict[str, Any]:
    """Those of the options that were chosen."""
    return {name: getattr(config, name) for name in names if getattr(config, name) is not None}


def build_model(config: TrainConfig, outputs: int) -> Sequential:
    """The network of the configuration; a loss on probabilities gets them."""
    from madi.layers import ACTIVATIONS, Sequential
    from madi.models import MODELS, create, options_of

    chosen = given(config, MODEL_OPTIONS)
    if config.model.casefold() in MODELS:
        _expect_options(f"the model {config.model}", chosen, options_of(config.model.casefold()))
    model = create(config.model, outputs=outputs, **chosen)
    last = LAST_ACTIVATIONS.get(config.loss)
    return model if last is None else Sequential(*model.layers, ACTIVATIONS[last]())


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
    config: TrainConfig, data: Dataset, loss: Loss, examples: int, *, order_seed: int | None = None
) -> Trainer:
    """The trainer of the configuration, its network built for the data, for a run over so many examples an epoch.

    order_seed   of the order of the examples, where that is not the configuration's seed

    Raises ShapeError where the network does not take examples of that shape.
    """
    from madi.training import Trainer

    model = build_model(config, outputs_of(loss, len(data.classes)))
    steps = -(-examples // config.batch_size // config.accumulate) * config.epochs
    trainer = Trainer(
        model, optimizer=build_optimizer(config, steps), loss=loss, metrics=config.metrics, engine=config.engine,
        seed=config.seed, order_seed=order_seed, **trainer_options(config),
    )  # fmt: skip
    _make_weights(model, config, data)
    return trainer


def _make_weights(model: Layer, config: TrainConfig, data: Dataset) -> None:
    shape = data.train.x.shape[1:]
    try:
        model.build(shape, seed=config.seed)
    except ShapeError as error:
        sizes = " x ".join(map(str, shape))
        raise ShapeError(
            f"the model {config.model} does not take the examples of {data.name}, {sizes}. {error} "
            "Or choose another model or dataset."
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
            raise ConfigurationError(f"{name}: {owner} has no such option. Leave it out, or choose another.")


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


def outputs_of(loss: Loss, classes: int) -> int:
    """How many outputs tell this many classes apart under the loss: one is enough for yes or no."""
    return 1 if classes == 2 and not loss.classes else classes


def parts_of(data: Dataset, config: TrainConfig, loss: Loss) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """The examples to train on, to validate with (where some are kept for that) and to test with, for the loss."""
    from madi.datasets import split

    parts = {"training": data.train}
    if config.validation:
        divided = split(*data.train, validation=config.validation, stratified=True, seed=config.seed)
        parts = {"training": divided.train, "validation": divided.validation}
    return {name: targets(loss, part, len(data.classes)) for name, part in {**parts, "test": data.test}.items()}


def targets(loss: Loss, split: Split, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """(x, y) as the loss takes them: labels for a loss of classes, else a column of 0 and 1 for each output."""
    if loss.classes:
        return split.x, split.y
    rows = np.eye(classes, dtype=np.float32)[split.y]
    return split.x, rows[:, 1:] if outputs_of(loss, classes) == 1 else rows


def describe(model: Layer, data: Dataset, name: str) -> str:
    """The data and the network in a line each; of a long network its name and what it costs."""
    shape = " x ".join(map(str, data.train.x.shape[1:]))
    sizes = f"{len(data.train.x):,} and {len(data.test.x):,} test examples of {shape}"
    about = f"{data.name}: {sizes}, {len(data.classes)} classes"
    count = sum(parameter.size for parameter in model.parameters().values())
    layers = list(getattr(model, "layers", (model,)))
    if len(layers) <= MOST_LAYERS:
        return f"data     {about}\nnetwork  {', '.join(map(_name, layers))}: {count:,} parameters"
    work = model.summary().multiply_adds
    cost = f"{work / 1e6:,.1f} M" if work >= 1e6 else f"{work:,}"
    return f"data     {about}\nnetwork  {name}: {count:,} parameters, {cost} multiply-adds an example"


def _name(layer: Layer) -> str:
    """The layer's class, with the shape of its weights: "Dense 64 x 100"."""
    weight = getattr(layer, "weight", None)
    shape = "" if weight is None else f" {' x '.join(map(str, weight.shape))}"
    return f"{type(layer).__name__}{shape}"
