"""madi train: from the name of a dataset, or one's own data, to a trained network in a folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from madi.cli import INTERRUPTED
from madi.cli.console import notice, say
from madi.cli.folder_options import Output, Overwrite, Quiet
from madi.cli.job import Job, finish, job_of
from madi.cli.rate import report_rate
from madi.cli.settings import with_fields
from madi.config import OPTIMIZER, RUN, TrainConfig
from madi.errors import ConfigurationError, DivergenceError, FileError
from madi.runs.folder import CONFIGURATION, SEARCH, RunFolder
from madi.runs.sources import placed


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
    resume: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", show_default=False, rich_help_panel=RUN,
            help="Go on with the run in this folder, which was stopped or killed; without other options.",
        ),
    ] = None,
    output: Output = None,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
) -> None:  # fmt: skip
    """Train a network on a dataset, or on your own table, pictures or arrays.

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
      madi train houses.csv --target price
      madi train photos --model resnet_cifar --augment flip
      madi train --resume runs/houses-mlp-20260101-120000
    """
    if resume is None:
        chosen, folder = _new(given, config, output, overwrite)
    else:
        if given or config or output or overwrite or find_rate:
            raise ConfigurationError("--resume: goes on with the run as it was asked for. Leave out everything else.")
        chosen, folder = _old(resume)
        if folder.finished(chosen):
            say(f"{folder.path}: this run has ended already, so that nothing is left to go on with.")
            return
    job = None
    try:
        job = job_of(chosen, watched=not quiet)
        job.folder, job.resumes = folder, resume is not None
        if not quiet:
            job.introduce()
        if resume is None:
            job.weights()  # a class that is none is told while an earlier run is still there
            folder.begin(replace(chosen, hidden=job.config.hidden))
        if find_rate:
            return report_rate(job, folder, quiet=quiet)
        job.fit(quiet)
    except BaseException as error:  # an error, Ctrl-C for the second time or SIGTERM: what was learned is kept
        if job is not None and job.trainer.step:
            finish(job, folder, quiet=True, broken_off=True)
            if not isinstance(error, Exception):
                _say_how_to_go_on(job, folder, quiet)
        elif resume is None and not folder.has_checkpoints():
            folder.give_up()
        if job is not None and isinstance(error, DivergenceError) and not quiet:
            job.report_health()
        raise
    finish(job, folder, quiet=quiet, broken_off=job.trainer.interrupted)
    if job.trainer.interrupted:
        _say_how_to_go_on(job, folder, quiet)
        raise typer.Exit(INTERRUPTED)
    if not quiet:
        job.report_health()


def _say_how_to_go_on(job: Job, folder: RunFolder, quiet: bool) -> None:
    if quiet:
        return
    if again := folder.how_to_go_on():
        notice(f"To go on: {again}")
    elif job.config.members > 1:
        notice(
            "Interrupted: what the members have learned is kept, but no checkpoints are, and so they cannot be trained "
            "further."
        )


def _new(
    given: dict[str, Any], config: Path | None, output: Path | None, overwrite: bool
) -> tuple[TrainConfig, RunFolder]:  # fmt: skip
    """The configuration of a new run, and its folder."""
    if config is not None and config.is_dir():
        config /= CONFIGURATION
    chosen = TrainConfig(**given) if config is None else TrainConfig.from_toml(config, given)
    chosen = placed(chosen).completed()
    return chosen, RunFolder.create(chosen, output, overwrite=overwrite)


def _old(path: Path) -> tuple[TrainConfig, RunFolder]:
    """Those of a run that was begun."""
    folder = RunFolder(path.expanduser(), was_there=True)
    if folder.file(SEARCH).exists():
        raise ConfigurationError(f"--resume {path}: holds a search. Go on with it: {folder.how_to_go_on()}.")
    if not folder.file(CONFIGURATION).exists():
        raise FileError(f"--resume {path}: holds no run, for {CONFIGURATION} is missing. Name a folder of madi train.")
    chosen = TrainConfig.from_toml(folder.file(CONFIGURATION)).completed()
    if chosen.members > 1:
        raise ConfigurationError(f"--resume {path}: {chosen.members} members train together, and keep no checkpoints.")
    if not folder.has_checkpoints():
        raise FileError(
            f"--resume {path}: has no checkpoint, so there is nothing to go on from. Begin anew: "
            f"madi train --config {path} --output {path} --overwrite."
        )
    return chosen, folder
