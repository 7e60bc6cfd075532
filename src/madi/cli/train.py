"""madi train: from the name of a dataset to a trained network in a folder."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from madi.cli.console import notice, say, show, table
from madi.cli.rate import report_rate
from madi.cli.run_folder import CONFIGURATION, RunFolder
from madi.cli.settings import with_fields
from madi.config import OPTIMIZER, RUN, TrainConfig
from madi.errors import DivergenceError

if TYPE_CHECKING:
    from madi.datasets import Dataset
    from madi.diagnostics import Doctor
    from madi.training import Callback, Trainer

INTERRUPTED = 130


@with_fields(TrainConfig, argument="dataset")
def train(
    given: dict[str, Any],
    find_rate: Annotated[
        bool,
        typer.Option(
            "--find-rate",
            help="Do not train: try ever larger learning rates, suggest one, draw the loss against the rate.",
            rich_help_panel=OPTIMIZER,
        ),
    ] = False,
    config: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", show_default=False, rich_help_panel=RUN,
            help="Start from this config.toml, or from that in the folder of an earlier run. The options given "
            "beside it come first; --no-batch-norm and the like take back a switch.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Of the run. [runs/<dataset>-<model>-<time>]", show_default=False,
            rich_help_panel=RUN,
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Write over the run that is in --output.", rich_help_panel=RUN)
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Print nothing but the folder of the run.", rich_help_panel=RUN)
    ] = False,
) -> None:  # fmt: skip
    """Train a network on a dataset.

    \b
    Examples:
      madi train
      madi train mnist --model mlp --hidden 100 --epochs 20
      madi train mnist --hidden 200,100 --dropout 0.2 --optimizer sgd --learning-rate 0.1
      madi train planar --hidden 4 --activation tanh --epochs 200 --output runs/flower
      madi train mnist --model deep_convnet --batch-size 100 --epochs 20
      madi train mnist --model simple_convnet --find-rate
      madi train mnist --hidden 100 --members 5
      madi train mnist --hidden 100 --learning-rate 1 --doctor
      madi train cifar10 --model resnet_cifar --depth 20 --augment crop:4,flip --batch-size 128
      madi train cifar10 --model vgg11 --batch-norm --hidden none --label-smoothing 0.1
    """
    if config is not None and config.is_dir():
        config /= CONFIGURATION
    chosen = (TrainConfig(**given) if config is None else TrainConfig.from_toml(config, given)).completed()
    folder = RunFolder.create(chosen, output, overwrite=overwrite)
    job = None
    try:
        job = job_of(chosen)
        if not quiet:
            _introduce(job)
        if find_rate:
            return report_rate(job, folder, quiet=quiet)
        job.fit(quiet)
    except BaseException as error:  # an error, Ctrl-C for the second time or SIGTERM: what was learned is kept
        if job is None or not job.trainer.history.epochs:
            folder.give_up()
        else:
            finish(job, folder, quiet=True, broken_off=True)
        if job is not None and isinstance(error, DivergenceError) and not quiet:
            report_health(job)
        raise
    finish(job, folder, quiet=quiet, broken_off=job.trainer.interrupted)
    if job.trainer.interrupted:
        raise typer.Exit(INTERRUPTED)
    if not quiet:
        report_health(job)


def job_of(config: TrainConfig) -> Job:
    """The job of a configuration: of one network, or of several."""
    from madi.cli.members import Members

    return (Job if config.members == 1 else Members).of(config)


@dataclass
class Job:
    """A configuration, its examples as the loss takes them (training, validation, test), and its trainer."""

    config: TrainConfig
    data: Dataset
    parts: dict[str, tuple[Any, Any]]
    trainer: Trainer
    seconds: float = 0.0
    doctor: Doctor | None = None

    @classmethod
    def of(cls, config: TrainConfig) -> Job:
        """Load the data and build the network; every mistake in the configuration shows here."""
        from madi import datasets
        from madi.cli.building import build_model, build_trainer, parts_of
        from madi.training.losses import get

        loss = get(config.loss)
        build_model(config, 1)  # a wrong name is told before a download
        data = datasets.load(config.dataset, config.data)
        parts = parts_of(data, config, loss)
        trainer = build_trainer(config, data, loss, len(parts["training"][0]))
        return cls(config, data, parts, trainer)

    def fit(self, quiet: bool) -> None:
        """Train."""
        from madi.training import EarlyStopping

        config, began = self.config, time.perf_counter()
        callbacks: list[Callback] = [] if config.patience is None else [EarlyStopping(patience=config.patience)]
        if config.doctor:
            callbacks.append(self.called_doctor())
        try:
            self.trainer.fit(
                self.parts["training"], validation=self.parts.get("validation"), epochs=config.epochs,
                batch_size=config.batch_size, callbacks=callbacks, accumulate=config.accumulate,
                verbose=0 if quiet else 1,
            )  # fmt: skip
        finally:
            self.seconds = time.perf_counter() - began

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
        """What is told besides."""

    def write_besides(self, folder: RunFolder) -> list[str]:
        """Write what the folder has besides; the names of the files."""
        return []

    def about(self) -> dict[str, Any]:
        """What the model's file says of its origin."""
        config = self.config
        told = {"dataset": config.dataset, "loss": config.loss, "metrics": list(config.metrics)}
        return {"classes": list(self.data.classes), **told}


def report_health(job: Job) -> None:
    """What the doctor says, where one was called."""
    if job.doctor is not None:
        say()
        say(str(job.doctor.examine()))


def _introduce(job: Job) -> None:
    from madi.cli.building import describe

    say(describe(job.trainer.model, job.data, job.config.model))
    if (count := job.config.members) > 1:
        say(f"members  {count} such networks, of seeds {job.config.seed} to {job.config.seed + count - 1}")
    if job.data.notice:
        notice(job.data.notice)


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
    if quiet:
        say(str(folder.path))
        return
    if measured:
        _report(job, measured)
        job.report({**measured, **besides})
    say(f"written to {folder.path}\n  {'  '.join([*files, *beside])}")


def _report(job: Job, measured: dict[str, dict[str, float]]) -> None:
    """Loss and metrics of each part of the data, and how long it took."""
    from madi.training.progress import duration, number

    names = list(measured["test"])
    rows = [
        [part, f"{len(job.parts[part][0]):,}", *(number(values[name]) for name in names)]
        for part, values in measured.items()
    ]
    say()
    show(table(["", "examples", *names], rows, numbers=["examples", *names]))
    say()
    epochs = len(job.trainer.history)
    say(f"{epochs} epoch{'s' * (epochs != 1)} in {duration(job.seconds, tenths=True)}")
