"""madi tune: a search for hyperparameters, and the best model in a folder."""

from __future__ import annotations

import contextlib
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from madi.cli import INTERRUPTED
from madi.cli.console import notice, say, show, table
from madi.cli.folder_options import Output, Overwrite, Quiet
from madi.cli.job import finish, job_of
from madi.cli.members import expect_alone
from madi.cli.preparing import reading
from madi.cli.settings import with_fields
from madi.cli.tune_config import TuneConfig
from madi.config import RUN, read_toml
from madi.errors import ConfigurationError, FileError, MadiError
from madi.runs.folder import CONFIGURATION, JOURNAL, SEARCH, RunFolder, writing

if TYPE_CHECKING:
    from madi.datasets import Dataset, StreamedDataset
    from madi.training import Loss
    from madi.tuning import Round, Search

TRIALS, FIGURE = "trials.csv", "search.png"
SHOWN = 10  # trials in the table on the terminal


@with_fields(TuneConfig, argument="dataset")
def tune(
    given: dict[str, Any],
    resume: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", show_default=False, rich_help_panel=RUN,
            help="Go on with the search in this folder, which was interrupted or killed; without other options.",
        ),
    ] = None,
    output: Output = None,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
) -> None:  # fmt: skip
    """Search for the hyperparameters of a network, then train it with the best.

    Values are drawn from ranges, each trial trains a few epochs, the ranges narrow around the best, and so on. Trials
    are compared on a share of the training data. The best is trained anew on all of it, and measured on the test
    data once. All other options are those of madi train.

    \b
    Examples:
      madi tune digits
      madi tune mnist --model mlp --trials 100 --rounds 3
      madi tune digits --range learning-rate=log:1e-4:0.1 --range "hidden=choice:50|100|100,100"
      madi tune mnist --optimizer sgd --range learning-rate=log:0.01:1 --range batch-size=int:20:200
      madi tune --resume runs/digits-mlp-20260101-120000
    """
    from madi.tuning.rounds import expect_optuna

    expect_optuna()
    config, folder = _new(given, output, overwrite) if resume is None else _old(resume, given, output)
    job = None
    try:
        job = Tuning.of(config, folder, watched=not quiet)
        if resume is None:
            _begin(config, folder)
        if not quiet:
            _introduce(job)
        found = job.search(quiet)
    except BaseException as error:
        mistaken = isinstance(error, MadiError) and (job is None or job.made < 2)
        if mistaken or not folder.file(SEARCH).exists():
            _give_up(folder)
        else:
            _tell_how_to_go_on(folder)
        raise
    _finish(job, found, quiet)


def _new(given: dict[str, Any], output: Path | None, overwrite: bool) -> tuple[TuneConfig, RunFolder]:
    config = TuneConfig.searching(given)
    expect_alone(config, config.ranges())
    return config, RunFolder.create(config.fixed(), output, overwrite=overwrite)


def _begin(config: TuneConfig, folder: RunFolder) -> None:
    """Write what is searched, in the place of an earlier search; a mistake found before leaves that one as it is."""
    folder.begin(config.fixed())
    with writing(folder.path, "Choose another folder with --output."):
        folder.file(SEARCH).write_text(config.to_toml(), encoding="utf-8")


def _old(path: Path, given: dict[str, Any], output: Path | None) -> tuple[TuneConfig, RunFolder]:
    if given or output is not None:
        raise ConfigurationError("--resume: goes on with the search as it was asked for. Leave out everything else.")
    folder = RunFolder(path.expanduser(), was_there=True)
    if not folder.file(SEARCH).exists():
        raise FileError(f"--resume {path}: holds no search, for {SEARCH} is missing. Name the folder of a madi tune.")
    _mend(folder.file(JOURNAL))
    return TuneConfig(**read_toml(folder.file(SEARCH))), folder


def _mend(journal: Path) -> None:
    """Cut off a last line that was not written to its end."""
    text = journal.read_bytes() if journal.exists() else b""
    if text and not text.endswith(b"\n"):
        journal.write_bytes(text[: text.rfind(b"\n") + 1])


def _give_up(folder: RunFolder) -> None:
    """Take back what was made: nothing came of it."""
    if folder.was_there:
        return
    with contextlib.suppress(OSError):
        for name in (SEARCH, JOURNAL):
            folder.file(name).unlink(missing_ok=True)
    folder.give_up()


def _tell_how_to_go_on(folder: RunFolder) -> None:
    notice(f"What is finished is kept. To go on: {folder.how_to_go_on()}")


@dataclass
class Tuning:
    """A search with its data: the examples to train on, to compare trials on, and the untouched test examples.

    made   networks so far; the first only shows whether everything fits, the others are trials
    """

    config: TuneConfig
    folder: RunFolder
    data: Dataset | StreamedDataset
    loss: Loss
    parts: dict[str, tuple[Any, Any]]
    made: int = 0

    @classmethod
    def of(cls, config: TuneConfig, folder: RunFolder, *, watched: bool = False) -> Tuning:
        """Load the data; a wrong name is told before a download."""
        from madi.runs import sources
        from madi.runs.building import build_model, parts_of
        from madi.training.losses import get

        build_model(config.fixed().completed(), 1)
        if config.loss is not None:
            get(config.loss)
        with reading(config, watched) as progress:
            data = sources.load(config, progress=progress)
        config = config.for_targets(not data.classes)
        loss = get(str(config.loss))
        return cls(config, folder, data, loss, parts_of(data, config, loss))

    def make(self, parameters: dict[str, Any]) -> Any:
        """The trainer of a trial."""
        from madi.runs.building import build_trainer, count_of

        examples = count_of(self.parts["training"])
        config = self.config.trial(parameters).for_rows(examples)
        trainer = build_trainer(config, self.data, self.loss, examples, order_seed=self.config.seed)
        self.made += 1
        return trainer, {"batch_size": config.batch_size, "accumulate": config.accumulate}

    def search(self, quiet: bool) -> Search:
        """All rounds; those of before are taken as they are."""
        from madi.tuning import search

        config, own = self.config, self.config.storage is None
        return search(
            self.make, self.parts["training"], validation=self.parts["validation"], ranges=config.ranges(),
            trials=config.trials, rounds=config.rounds, epochs=config.trial_epochs, sampler=config.sampler,
            seed=config.seed, storage=config.storage or str(self.folder.file(JOURNAL)),
            study=config.study or f"{config.dataset}-{config.model}", together=config.together,
            worker=None if own else f"{socket.gethostname()}:{self.folder.path.resolve()}",
            report=None if quiet else _tell_round, verbose=0 if quiet else 1,
        )  # fmt: skip


def _introduce(job: Tuning) -> None:
    config, data = job.config, job.data
    sizes = {name: f"{len(part[0]):,}" for name, part in job.parts.items()}
    say(f"data     {data.name}: {sizes['training']} to train on, {sizes['validation']} to compare trials on")
    ranges = [f"{_words(name)} {entry}" for name, entry in config.ranges().items()]
    say("ranges   " + "\n         ".join(ranges))
    say(f"trials   {config.trials} of {config.trial_epochs} epochs in {config.rounds} rounds, {config.sampler}")
    if data.notice:
        notice(data.notice)


def _words(name: str) -> str:
    return name.replace("_", " ")


def _tell_round(done: Round) -> None:
    from madi.training.progress import duration, number

    ranges = ", ".join(f"{_words(name)} {entry}" for name, entry in done.ranges.items())
    when = f"in {duration(done.seconds, tenths=True)}" if done.seconds else "before"
    best = "no trial has a result" if done.best is None else f"best so far {number(done.measure.value(done.best))}"
    say(f"round {done.number}  {ranges}: {len(done.trials)} trials {when}, {best}")


def _finish(job: Tuning, found: Search, quiet: bool) -> None:
    """Write and show the search, train the best on all training data, write and show the run."""
    files = _write(job.folder, found)
    if found.interrupted:
        if not quiet and files:
            _show(found)
        _tell_how_to_go_on(job.folder)
        raise typer.Exit(INTERRUPTED)
    best = found.best
    if not quiet:
        _show(found)
    config = job.config.final(best.parameters)
    final = job_of(config)
    with writing(job.folder.path, "Free some space."):
        job.folder.file(CONFIGURATION).write_text(config.to_toml(), encoding="utf-8")
    if not quiet:
        say(f"trial {best.number} anew, {config.epochs} epochs on all {len(final.parts['training'][0]):,} examples:")
    final.fit(quiet)
    if final.trainer.interrupted:
        _tell_how_to_go_on(job.folder)
        raise typer.Exit(INTERRUPTED)
    finish(final, job.folder, quiet=quiet, broken_off=False, beside=files)
    if not quiet:
        final.report_health()


def _write(folder: RunFolder, found: Search) -> list[str]:
    """The table and the figure of a search that has a result."""
    if not found.measure.ranked(found.records):
        return []
    with writing(folder.path, "Free some space."):
        found.trials.write_csv(folder.file(TRIALS))
        found.plot().savefig(folder.file(FIGURE), dpi=150)
    return [TRIALS, FIGURE]


def _show(found: Search) -> None:
    """The best trials as a table, and what a reader must know of the others."""
    from madi.training.progress import number
    from madi.tuning.ranges import text

    best, measure = found.measure.ranked(found.records), found.measure
    names = list(found.ranges[0])
    columns = ["trial", "round", *map(_words, names), f"validation {_words(measure.name)}", _words(measure.name)]
    rows = [
        [str(trial.number), str(trial.round), *(text(trial.parameters[name]) for name in names),
         number(measure.value(trial)), number(trial.last(measure.name))]
        for trial in best[:SHOWN]
    ]  # fmt: skip
    say()
    show(table(columns, rows, numbers=columns))
    say()
    if lost := len(found.records) - len(best):
        say(f"{lost} of {len(found.records)} trials diverged")
    for name, end in found.at_an_end().items():
        say(f"the best {_words(name)} lies at the {end} end of its range: a wider one may hold better ones")
