"""madi train: from the name of a dataset, or one's own data, to a trained network in a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from madi.cli.job import finish, job_of
from madi.cli.rate import report_rate
from madi.cli.run_folder import CONFIGURATION, Output, Overwrite, Quiet, RunFolder
from madi.cli.settings import with_fields
from madi.config import OPTIMIZER, RUN, TrainConfig
from madi.errors import DivergenceError

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
    output: Output = None,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
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
        job.folder = folder
        if not quiet:
            job.introduce()
        if find_rate:
            return report_rate(job, folder, quiet=quiet)
        job.fit(quiet)
    except BaseException as error:  # an error, Ctrl-C for the second time or SIGTERM: what was learned is kept
        if job is None or not job.trainer.history.epochs:
            folder.give_up()
        else:
            finish(job, folder, quiet=True, broken_off=True)
        if job is not None and isinstance(error, DivergenceError) and not quiet:
            job.report_health()
        raise
    finish(job, folder, quiet=quiet, broken_off=job.trainer.interrupted)
    if job.trainer.interrupted:
        raise typer.Exit(INTERRUPTED)
    if not quiet:
        job.report_health()
