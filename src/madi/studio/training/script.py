"""A training as a program in Python: what `madi train` does with the configuration, written out."""

from __future__ import annotations

import re
from collections.abc import Iterable

from madi.config import TrainConfig
from madi.layers.notation import INITIALIZERS
from madi.layers.registry import known_layers
from madi.optimizers import TABLE as OPTIMIZERS
from madi.runs.sources import ARRAYS, NAMED, TABLE, kind_of

_OUTPUTS = re.compile(r"\boutputs\b")
_WORDS = re.compile(r"\b[A-Z]\w*\b")
_SCHEDULES = {
    "constant": "{rate}",
    "cosine": "schedules.cosine({rate}, steps)",
    "step_decay": "schedules.step_decay({rate}, -(-steps // 3))",
    "exponential_decay": "schedules.exponential_decay({rate}, 0.01, steps)",
    "warmup": "schedules.warmup(max(1, steps // 10), schedules.cosine({rate}, max(1, steps - max(1, steps // 10))))",
    "one_cycle": "schedules.one_cycle({rate}, steps)",
}


def as_python(config: TrainConfig, *, outputs: int, shape: tuple[int, ...], classes: int) -> str:
    """The program; run, it comes to the very weights of the training.

    config    with loss, metrics and learning rate, as a job completes it
    outputs   of the network;  shape: of one example;  classes: how many, 0 where numbers are predicted
    """
    body = [*_data(config), *_targets(config, classes), "", *_network(config, outputs, shape), *_training(config)]
    return "\n".join([*_imports(config, "\n".join(body)), "", *body]) + "\n"


def _imports(config: TrainConfig, body: str) -> list[str]:
    modules = [name for name in ("datasets", "models", "optimizers", "schedules") if f"{name}." in body]
    words = set(_WORDS.findall(" ".join(config.layers or ())))
    return [
        *(["import numpy as np", ""] if "np." in body else []),
        "import madi",
        f"from madi import {', '.join(modules)}",
        *(["from madi.datasets.archive import load_arrays"] if "load_arrays(" in body else []),
        *_importing("madi.initializers", words & set(INITIALIZERS)),
        *_importing("madi.layers", words & set(known_layers()) | {"Sequential"} if config.layers else ()),
    ]


def _importing(module: str, names: Iterable[str]) -> list[str]:
    return [f"from {module} import {', '.join(sorted(names))}"] if names else []


def _data(config: TrainConfig) -> list[str]:
    """The lines that load the data and divide them into `parts`."""
    kind, seed = kind_of(config.dataset), config.seed
    if kind == NAMED:
        shares = f"validation={config.validation!r}, stratified=True, seed={seed}"
        parts = f"datasets.split(*data.train, {shares})" if config.validation else "data"
        return [f"data = datasets.load({config.dataset!r})", f"parts = {parts}"]
    shares = f"test={config.test!r}, validation={config.validation!r}, seed={seed}"
    target = f"target={list(config.target or ())!r}, " if kind == TABLE else ""
    load = {TABLE: "datasets.load_table", ARRAYS: "load_arrays"}.get(kind, "datasets.load_pictures")
    return [f"data = parts = {load}({config.dataset!r}, {target}{shares})"]


def _targets(config: TrainConfig, classes: int) -> list[str]:
    """The parts as the loss takes them: labels, or columns of 0 and 1 where a loss of numbers is for classes."""
    lines = ["training = parts.train"]
    lines += ["held_out = parts.validation"] if config.validation else []
    lines += ["test = data.test"] if _is_tested(config) else []
    if not classes or config.loss == "softmax_cross_entropy":
        return lines
    column = "[:, 1:]" if classes == 2 else ""
    names = [line.partition(" = ")[0] for line in lines]
    return [*lines, *(f"{name} = ({name}.x, np.eye({classes}, dtype=np.float32)[{name}.y]{column})" for name in names)]


def _is_tested(config: TrainConfig) -> bool:
    return bool(config.test) or kind_of(config.dataset) == NAMED


def _network(config: TrainConfig, outputs: int, shape: tuple[int, ...]) -> list[str]:
    if config.layers:
        written = _OUTPUTS.sub(str(outputs), "".join(f"    {_called(line)},\n" for line in config.layers))
        model = f"Sequential(\n{written})"
    else:
        chosen = {"hidden": config.hidden, "activation": config.activation}
        options = "".join(f", {name}={value!r}" for name, value in chosen.items() if value is not None)
        model = f"models.create({config.model!r}, outputs={outputs}{options})"
    return [f"model = {model}", f"model.build({shape!r}, seed={config.seed})"]


def _called(line: str) -> str:
    """A line with brackets behind every layer, which the notation lets one leave out."""
    return re.sub(rf"\b({'|'.join(known_layers())})\b(?!\s*\()", r"\1()", line)


def _training(config: TrainConfig) -> list[str]:
    kind = OPTIMIZERS[config.optimizer.casefold()]
    rate = _SCHEDULES[config.schedule].format(rate=repr(config.learning_rate or kind().learning_rate))
    decay = "" if config.weight_decay is None else f", weight_decay={config.weight_decay!r}"
    steps = f"steps = -(-len(training[0]) // {config.batch_size}) * {config.epochs}"
    held_out = "held_out" if config.validation else "None"
    return [
        *([steps] if "steps" in rate else []),
        "trainer = madi.Trainer(",
        f"    model, optimizer=optimizers.{kind.__name__}({rate}{decay}), loss={config.loss!r},",
        f"    metrics={list(config.metrics or ())!r}, seed={config.seed},",
        ")",
        "trainer.fit(",
        f"    training, validation={held_out}, epochs={config.epochs}, batch_size={config.batch_size},",
        ")",
        f"print(trainer.evaluate({'test' if _is_tested(config) else 'training'}))",
        'madi.save(model, "model.safetensors")',
    ]
