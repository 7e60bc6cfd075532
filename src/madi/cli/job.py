"""A run of `madi train`: its configuration, its examples, its trainer, and what is told and written of it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from madi.cli.console import notice, say, show, table
from madi.cli.run_folder import CHECKPOINTS, EVENTS, RunFolder
from madi.cli.sources import show_preparation
from madi.config import TrainConfig

if TYPE_CHECKING:
    from madi.datasets import Dataset, Preparation, StreamedDataset
    from madi.diagnostics import Doctor
    from madi.layers import Layer
    from madi.training import Callback, Trainer


def job_of(config: TrainConfig, *, watched: bool = False) -> Job:
    """The job of a configuration: of one network, or of several."""
    from madi.cli.members import Members

    return (Job if config.members == 1 else Members).of(config, watched=watched)


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
    def of(cls, config: TrainConfig, *, watched: bool = False) -> Job:
        """Load the data and build the network; every mistake in the configuration shows here.

        watched   whether a terminal shows how far the data are read
        """
        from madi.cli import sources
        from madi.cli.building import build_model, build_trainer, count_of, parts_of
        from madi.training.losses import get

        sources.expect_options(config)
        build_model(config, 1)  # a wrong name is told before a download
        if config.loss is not None:
            get(config.loss)
        began = time.perf_counter()
        data = sources.load(config, watched=watched)
        config, reading = config.for_targets(not data.classes), time.perf_counter() - began
        loss = get(str(config.loss))
        parts = parts_of(data, config, loss)
        count = count_of(parts["training"])
        config = config.for_rows(count)
        trainer = build_trainer(config, data, loss, count)
        return cls(config, data, parts, trainer, reading)

    def fit(self, quiet: bool) -> None:
        """Train."""
        from madi.training.interrupt import immediate_second_interrupt

        config, began = self.config, time.perf_counter()
        try:
            with immediate_second_interrupt():
                self.trainer.fit(
                    self.parts["training"], validation=self.parts.get("validation"), epochs=config.epochs,
                    batch_size=config.batch_size, callbacks=self.callbacks(), accumulate=config.accumulate,
                    verbose=0 if quiet else 1, **self.weights(), **self.kept(),
                )  # fmt: skip
        finally:
            self.seconds = time.perf_counter() - began

    def weights(self) -> dict[str, Any]:
        """How much each example counts, where they do not all count alike."""
        from madi.cli.sources import class_weights

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

    def report(self, measured: dict[str, Any]) -> None:
        """What is told besides: how far predictions are off."""
        say_how_far_off(self.trainer.model, self.data.preparation, self.parts.get("test"), "the test examples")

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

    def introduce(self) -> None:
        """Say what is about to be trained on what."""
        from madi.cli.building import describe

        config = self.config
        if self.data.preparation is not None:
            show_preparation(self.data.preparation)
        say(describe(self.trainer.model, self.data, self.parts, config.model))
        if config.members > 1:
            say(
                f"members  {config.members} such networks, of seeds {config.seed} to {config.seed + config.members - 1}"
            )
        if self.data.notice:
            notice(self.data.notice)

    def report_health(self) -> None:
        """What the doctor says, where one was called."""
        if self.doctor is not None:
            say()
            say(str(self.doctor.examine()))


def say_how_far_off(model: Layer, preparation: Preparation | None, examples: Any, named: str) -> None:
    """How far predictions of numbers are off for `examples`, (x, y), in the units of what is predicted."""
    from madi.training import predict

    if preparation is None or preparation.classes or not isinstance(examples, tuple) or not len(examples[0]):
        return
    x, y = examples
    off = np.abs(preparation.restore(predict(model, x)) - preparation.restore(y)).mean(axis=0)
    for name, mean in zip(preparation.target, off, strict=True):
        say(f"{name} of {named} is predicted {mean:.4g} off on the average")


def finish(
    job: Job, folder: RunFolder, *, quiet: bool, broken_off: bool, beside: Sequence[str] = ()
) -> None:  # fmt: skip
    """Measure, unless the user is in a hurry; write; report, with the files that lie there besides."""
    trainer = job.trainer
    measured = {} if broken_off else {name: trainer.evaluate(part) for name, part in job.parts.items()}
    run = {"epochs": len(trainer.history), "seconds": round(job.seconds, 3), "interrupted": broken_off}
    besides = {} if broken_off else job.besides()
    files = folder.write(trainer.model, trainer.history, job.about(), {**run, **measured, **besides})
    files += job.write_besides(folder)
    if measured and job.config.report:
        from madi.cli.report import write_job_report

        files += write_job_report(job, folder.path, measured)
    if quiet:
        say(str(folder.path))
        return
    if measured:
        _report(job, measured)
        job.report({**measured, **besides})
    say(f"written to {folder.path}\n  {'  '.join([*files, *beside])}")


def _report(job: Job, measured: dict[str, dict[str, float]]) -> None:
    """Loss and metrics of each part of the data, and how long it took."""
    from madi.cli.building import count_of
    from madi.training.progress import duration, number

    names = list(measured["training"])
    rows = [
        [part, f"{count_of(job.parts[part]):,}", *(number(values[name]) for name in names)]
        for part, values in measured.items()
    ]
    say()
    show(table(["", "examples", *names], rows, numbers=["examples", *names]))
    say()
    epochs = len(job.trainer.history)
    say(f"{epochs} epoch{'s' * (epochs != 1)} in {duration(job.seconds, tenths=True)}")
