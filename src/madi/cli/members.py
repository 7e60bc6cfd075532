"""madi train --members: several networks of different seeds, which answer as one."""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from madi.cli.console import notice, say, show, table
from madi.cli.job import Job
from madi.cli.spelling import as_option
from madi.errors import ConfigurationError, DivergenceError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from madi.config import TrainConfig
    from madi.layers import Layer
    from madi.runs.folder import RunFolder
    from madi.training import History, Loss, Trainer

# Options that need a callback, or batches of their own: members train in one program, without either.
ALONE = {"patience": None, "doctor": False, "accumulate": 1}


def expect_alone(config: TrainConfig, tuned: Collection[str] = ()) -> None:
    """ConfigurationError for options, given or `tuned`, that several members cannot have."""
    for name, default in ALONE.items():
        if config.members > 1 and (name in tuned or getattr(config, name) != default):
            raise ConfigurationError(
                f"{as_option(name)}: members train together, to the last epoch, and an update follows on each batch. "
                f"Leave out {as_option(name)}, or --members."
            )


@dataclass
class Members(Job):
    """A job of several networks, in one order of the examples; afterwards its trainer is that of the ensemble.

    trainers   of the members, whose seeds are the configuration's and those that follow it
    """

    trainers: list[Trainer] = field(default_factory=list)

    @classmethod
    def of(cls, config: TrainConfig, *, progress: Callable[[int, int], None] | None = None) -> Self:
        """Build every member; ConfigurationError for options that members cannot have."""
        from madi.runs.building import build_trainer, count_of

        expect_alone(config)
        first = Job.of(config, progress=progress)
        config = first.config
        trainers = []
        for seed in range(config.seed, config.seed + config.members):
            own = dataclasses.replace(config, seed=seed)
            examples = count_of(first.parts["training"])
            trainers.append(build_trainer(own, first.data, first.trainer.loss, examples, order_seed=config.seed))
        return cls(config, first.data, first.parts, trainers[0], first.reading, trainers=trainers)

    def fit(self, quiet: bool) -> None:
        """Train them all; those that diverge are left out.  Raises DivergenceError where all do."""
        from madi.training import fit_together

        config, began = self.config, time.perf_counter()
        try:
            fit_together(
                self.trainers, self.parts["training"], validation=self.parts.get("validation"), epochs=config.epochs,
                batch_size=config.batch_size, verbose=0 if quiet else 1, **self.weights(),
                names=[f"member {place}" for place in range(1, len(self.trainers) + 1)],
            )  # fmt: skip
        finally:
            self.seconds = time.perf_counter() - began
            self._join()
        for place, trainer in enumerate(self.trainers):
            if trainer.history.diverged and not quiet:
                notice(f"member {place + 1} is left out: {trainer.history.notices[-1]}")

    def _join(self) -> None:
        """Make the ensemble of those that stayed finite the network of this job."""
        from madi.datasets.dataset import size_of
        from madi.training import Trainer

        left = [trainer for trainer in self.trainers if not trainer.history.diverged]
        if not left:
            raise DivergenceError(f"All {len(self.trainers)} members: {self.trainers[0].history.notices[-1]}")
        shape, _ = size_of(self.data.train)
        model = joined([trainer.model for trainer in left], left[0].loss).ensure_built(shape)
        config = self.config
        self.trainer = Trainer(
            model, loss=left[0].loss, metrics=config.metrics or (), label_smoothing=config.label_smoothing,
            engine=config.engine,
        )  # fmt: skip
        self.trainer.history = mean_history([trainer.history for trainer in left])
        self.trainer.interrupted = any(trainer.interrupted for trainer in left)

    def besides(self) -> dict[str, Any]:
        """{"members": what each one measures on each part of the data}."""
        engines = self.trainers[0]._engines  # they run one program
        found: list[dict[str, Any]] = []
        for trainer in self.trainers:
            trainer._engines = engines
            measured = {name: trainer.evaluate(part) for name, part in self.parts.items()}
            found.append({"seed": trainer.seed, "diverged": trainer.history.diverged, **measured})
        return {"members": found}

    def report(self, measured: dict[str, Any]) -> None:
        """A table: each member's first metric on each part, and that of all."""
        from madi.training.progress import number

        name = list(measured["training"])[-1]
        rows = [
            [f"member {place}", str(own["seed"]), *(number(own[part][name]) for part in self.parts)]
            for place, own in enumerate(measured["members"], start=1)
        ]
        rows.append(["all", "", *(number(measured[part][name]) for part in self.parts)])
        columns = [f"{name}, {part}" for part in self.parts]
        say()
        show(table(["", "seed", *columns], rows, numbers=["seed", *columns]))
        say()

    def write_besides(self, folder: RunFolder) -> list[str]:
        """Write the history of each member; the names of the files."""
        names = [f"history-{place}.jsonl" for place in range(1, len(self.trainers) + 1)]
        for name, trainer in zip(names, self.trainers, strict=True):
            trainer.history.to_json(folder.file(name))
        return [f"{names[0]} .. {names[-1]}"]


def joined(networks: Sequence[Layer], loss: Loss) -> Layer:
    """The networks as one, which gives what each of them gives: logits, probabilities, or numbers."""
    from madi.layers import Ensemble, Sequential, Sigmoid, Softmax

    if loss.contains is not None:
        return Ensemble(*networks, average=loss.contains.lower())
    for last in (Softmax, Sigmoid):
        if all(isinstance(network, Sequential) and isinstance(network[-1], last) for network in networks):
            logits = [Sequential(*network.layers[:-1]) for network in networks]  # type: ignore[attr-defined]
            return Sequential(Ensemble(*logits, average=last.__name__.lower()), last())
    return Ensemble(*networks, average="outputs")


def mean_history(histories: Sequence[History]) -> History:
    """The means over the members, epoch by epoch and step by step, as far as all of them came."""
    from madi.training import History

    mean = History()
    for rows in zip(*(history.epochs for history in histories), strict=False):
        mean.epochs.append({name: float(np.mean([row[name] for row in rows])) for name in rows[0]})
        mean.epochs[-1] |= {"epoch": rows[0]["epoch"], "seconds": sum(row["seconds"] for row in rows)}
    for name in histories[0].steps:
        columns = zip(*(history.steps.get(name, []) for history in histories), strict=False)
        mean.steps[name] = [float(np.mean(column)) for column in columns]
    mean.notices = list(dict.fromkeys(text for history in histories for text in history.notices))
    return mean
