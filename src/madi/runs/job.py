"""A run: its configuration, its examples, its trainer, and what is written of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from madi.config import TrainConfig
from madi.runs.folder import CHECKPOINTS, EVENTS, RunFolder

if TYPE_CHECKING:
    from madi.datasets import Dataset, StreamedDataset
    from madi.diagnostics import Doctor
    from madi.training import Callback, Trainer


@dataclass
class Job:
    """A configuration, its examples as the loss takes them (training, validation, test), and its trainer.

    reading    seconds that it took to read the data
    seconds    of training
    folder     of the run, once there is one
    resumes    whether it goes on from the checkpoints there
    """

    config: TrainConfig
    data: Dataset | StreamedDataset
    parts: dict[str, Any]
    trainer: Trainer
    reading: float = 0.0
    seconds: float = 0.0
    doctor: Doctor | None = None
    folder: RunFolder | None = None
    resumes: bool = False

    @classmethod
    def of(cls, config: TrainConfig, *, progress: Callable[[int, int], None] | None = None) -> Self:
        """Load the data and build the network; every mistake in the configuration shows here.

        progress   as of `sources.load`
        """
        from madi.runs import sources
        from madi.runs.building import build_model, build_trainer, count_of, parts_of
        from madi.training.losses import get

        sources.expect_options(config)
        build_model(config, 1)  # a wrong name is told before a download
        if config.loss is not None:
            get(config.loss)
        began = time.perf_counter()
        data = sources.load(config, progress=progress)
        config, reading = config.for_targets(not data.classes), time.perf_counter() - began
        loss = get(str(config.loss))
        parts = parts_of(data, config, loss)
        count = count_of(parts["training"])
        config = config.for_rows(count)
        trainer = build_trainer(config, data, loss, count)
        return cls(config, data, parts, trainer, reading)

    def fit(self, quiet: bool) -> None:
        """Train."""
        config, began = self.config, time.perf_counter()
        try:
            self.trainer.fit(
                self.parts["training"], validation=self.parts.get("validation"), epochs=config.epochs,
                batch_size=config.batch_size, callbacks=self.callbacks(), accumulate=config.accumulate,
                verbose=0 if quiet else 1, **self.weights(), **self.kept(),
            )  # fmt: skip
        finally:
            self.seconds = time.perf_counter() - began

    def weights(self) -> dict[str, Any]:
        """How much each example counts, where they do not all count alike."""
        from madi.runs.sources import class_weights

        labels = getattr(self.data.train, "y", None)
        found = {
            "sample_weight": getattr(self.data, "weight", None),
            "class_weight": class_weights(self.config, self.data, labels),
        }
        return {name: value for name, value in found.items() if value is not None}

    def kept(self) -> dict[str, Any]:
        """Where the fit keeps checkpoints, and whether it goes on from them."""
        from madi.training import Checkpoints

        if self.folder is None:
            return {}
        folder = Checkpoints(self.folder.file(CHECKPOINTS), every=self.config.checkpoint_every)
        return {"checkpoints": folder, "resume": self.resumes}

    def callbacks(self) -> list[Callback]:
        """What happens beside training."""
        from madi.training import EarlyStopping

        patience = self.config.patience
        callbacks: list[Callback] = [] if patience is None else [EarlyStopping(patience=patience)]
        if self.config.tensorboard and self.folder is not None:
            from madi.tensorboard import TensorBoard

            callbacks.append(TensorBoard(self.folder.file(EVENTS)))
        return [*callbacks, self.called_doctor()] if self.config.doctor else callbacks

    def called_doctor(self) -> Doctor:
        """The doctor, who looks at the first weights and at the last."""
        from madi.diagnostics import Doctor

        validation = self.parts.get("validation")
        self.doctor = Doctor(self.parts["training"], validation=validation, every=self.config.epochs)
        return self.doctor

    def besides(self) -> dict[str, Any]:
        """What the results have besides the network's own."""
        return {}

    def write_besides(self, folder: RunFolder) -> list[str]:
        """Write what the folder has besides; the names of the files."""
        return [f"{EVENTS}/"] if folder.file(EVENTS).is_dir() and self.config.tensorboard else []

    def about(self) -> dict[str, Any]:
        """What the model's file says of its origin, and of how raw examples become its inputs."""
        from madi.datasets.preparation import described

        config, preparation = self.config, self.data.preparation
        told = {"dataset": config.dataset, "loss": config.loss, "metrics": list(config.metrics or ())}
        named = {"classes": list(self.data.classes)} if self.data.classes else {}
        return {**named, **told, **({} if preparation is None else {"preparation": described(preparation)})}

    def write(self, folder: RunFolder, *, broken_off: bool) -> tuple[dict[str, Any], list[str]]:
        """Measure on every part, unless it was broken off, and write the folder; (what was measured, names of files).

        Raises FileError where the folder cannot be written to.
        """
        trainer = self.trainer
        measured = {} if broken_off else {name: trainer.evaluate(part) for name, part in self.parts.items()}
        run = {"epochs": len(trainer.history), "seconds": round(self.seconds, 3), "interrupted": broken_off}
        besides = {} if broken_off else self.besides()
        files = folder.write(trainer.model, trainer.history, self.about(), {**run, **measured, **besides})
        files += self.write_besides(folder)
        if measured and self.config.report:
            from madi.runs.report import write_job_report

            files += write_job_report(self, folder.path, measured)
        return {**measured, **besides}, files
