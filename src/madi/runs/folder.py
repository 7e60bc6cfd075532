"""The folder of a run: what was asked for, what came of it."""

from __future__ import annotations

import contextlib
import json
import shlex
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from madi.config import TrainConfig
from madi.errors import ConfigurationError, FileError

if TYPE_CHECKING:
    from madi.layers import Layer
    from madi.training import History, RateSearch

CONFIGURATION, MODEL, HISTORY = "config.toml", "model.safetensors", "history.jsonl"
CURVES, RESULTS = "curves.png", "results.json"
REPORT, EVENTS, CHECKPOINTS = "report.html", "tensorboard", "checkpoints"
RATE_FIGURE, RATES = "learning_rate.png", "learning_rate.json"
SEARCH, JOURNAL = "search.toml", "search.journal"  # of madi tune: what is searched, and the trials so far
ELSEWHERE = "Choose another folder with --output."
FREE = "Free some space, or choose another folder with --output."


@dataclass
class RunFolder:
    """A folder that can be written to; what lies in it stays until the run begins.

    config.toml         what was asked for; `madi train --config` does it again
    model.safetensors   the trained network
    history.jsonl       a line an epoch; the last line holds the values by step
    curves.png          the learning curves
    results.json        loss and metrics, seconds, how it ended
    report.html         what it was trained on, how good it is and where it is wrong
    tensorboard/        event files, where they were asked for
    checkpoints/        what `madi train --resume` goes on from

    A search for the learning rate writes learning_rate.png and learning_rate.json beside config.toml instead.
    """

    path: Path
    was_there: bool
    begun: bool = False

    @classmethod
    def create(cls, config: TrainConfig, output: Path | None, *, overwrite: bool = False) -> RunFolder:
        """Make the folder, before any work is done.

        Raises FileError where it cannot be written, ConfigurationError where it holds a run already.
        """
        path = free_place(config, Path("runs")) if output is None else output.expanduser()
        folder = cls(path, path.exists())
        if not overwrite:
            folder._expect_free()
        expect_writable(path, ELSEWHERE)
        return folder

    def begin(self, config: TrainConfig) -> None:
        """Write the configuration in the place of an earlier run's or search's, with which nobody can go on then.

        Raises ConfigurationError where another fit is writing to it.
        """
        from madi.training.checkpoints import clear

        clear(self.file(CHECKPOINTS))
        self.begun = True
        with writing(self.path, ELSEWHERE):
            for name in (SEARCH, JOURNAL):
                self.file(name).unlink(missing_ok=True)
            self.file(CONFIGURATION).write_text(config.to_toml(), encoding="utf-8")

    def _expect_free(self) -> None:
        if self.file(SEARCH).exists():
            held = f"a search already. Go on with it by {self.how_to_go_on()}, choose"
        elif self.file(MODEL).exists():
            held = "a trained model already. Choose"
        elif self.has_checkpoints():
            held = f"a run that has not ended. Go on with it by {self.how_to_go_on()}, choose"
        else:
            return
        raise ConfigurationError(f"--output {self.path}: holds {held} another folder, or add --overwrite.")

    def has_checkpoints(self) -> bool:
        """Whether there is something to go on from."""
        from madi.training.checkpoints.folder import paths

        return bool(paths(self.file(CHECKPOINTS)))

    def how_to_go_on(self) -> str | None:
        """The command that goes on with what has begun here; None where nothing has."""
        search = self.file(SEARCH).exists()
        if not search and not self.has_checkpoints():
            return None
        return f"madi {'tune' if search else 'train'} --resume {shlex.quote(str(self.path))}"

    def finished(self, config: TrainConfig) -> bool:
        """Whether the run of this configuration has ended in order and all of it is written: nothing is left to do."""
        from madi.training.checkpoints.folder import newest

        try:
            told = json.loads(self.file(RESULTS).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return False
        files = [MODEL, HISTORY, CURVES, *([REPORT] if config.report else [])]
        whole = isinstance(told, dict) and told.get("interrupted") is False
        written = whole and all(self.file(name).exists() for name in files)
        last = newest(self.file(CHECKPOINTS)) if written else None
        return last is not None and last.finished and last.last_epoch == config.epochs

    def file(self, name: str) -> Path:
        """The path of one of its files."""
        return self.path / name

    def give_up(self) -> None:
        """Take back what `create` and `begin` made: nothing came of the run."""
        with contextlib.suppress(OSError):
            if self.begun:
                self.file(CONFIGURATION).unlink(missing_ok=True)
                shutil.rmtree(self.file(CHECKPOINTS), ignore_errors=True)
            if not self.was_there:
                self.path.rmdir()

    def write(self, model: Layer, history: History, about: dict[str, Any], results: dict[str, Any]) -> list[str]:
        """Write the model, the history, the curves and the results; the names of the files."""
        from madi.layers import save

        with self._told_what_is_kept(), writing(self.path, FREE):
            save(model, self.file(MODEL), extra=about)
            history.to_json(self.file(HISTORY))
            if len(history):
                history.plot().savefig(self.file(CURVES), dpi=150)
            _write_json(self.file(RESULTS), results)  # the last: who finds it takes the run for ended
        return [MODEL, CURVES, HISTORY, RESULTS, CONFIGURATION] if len(history) else [MODEL, RESULTS, CONFIGURATION]

    def write_rates(self, search: RateSearch) -> list[str]:
        """Write the figure and the numbers of a search for the learning rate; the names of the files."""
        with writing(self.path, FREE):
            search.plot().savefig(self.file(RATE_FIGURE), dpi=150)
            _write_json(self.file(RATES), search.to_dict())
        return [RATE_FIGURE, RATES, CONFIGURATION]

    @contextlib.contextmanager
    def _told_what_is_kept(self) -> Iterator[None]:
        """Where the block cannot write, the error says that the checkpoints still hold what was learned."""
        try:
            yield
        except FileError as error:
            again = self.how_to_go_on()
            if again is None or not self.has_checkpoints():
                raise
            raise FileError(f"{error} What was learned is in its checkpoints; afterwards: {again}.") from error


def _write_json(path: Path, content: dict[str, Any]) -> None:
    """Write plain values; NaN and infinity, for which JSON has no word, become null."""
    from madi.training.history import finite

    text = json.dumps(finite(content), indent=2, ensure_ascii=False, allow_nan=False)
    path.write_text(f"{text}\n", encoding="utf-8")


def expect_writable(path: Path, fix: str) -> None:
    """Make the folder where there is none; FileError, with the fix, unless files can be written to it."""
    with writing(path, fix), tempfile.TemporaryFile(dir=path):
        return


@contextlib.contextmanager
def writing(path: Path, fix: str) -> Any:
    """Within the block the folder is there; FileError, with the fix, where it cannot be written to."""
    try:
        path.mkdir(parents=True, exist_ok=True)  # at the end too: it may have been removed meanwhile
        yield
    except FileError:
        raise
    except OSError as error:
        raise FileError(f"{path}: cannot write to this folder ({error.strerror or error}). {fix}") from error


def free_place(config: TrainConfig, within: Path) -> Path:
    """<within>/<dataset>-<model>-<time>, with a number where two runs begin in one second."""
    data, network = Path(config.dataset).stem or "data", "layers" if config.layers else config.model
    name = f"{data}-{network}-{time.strftime('%Y%m%d-%H%M%S')}".replace("/", "-")
    candidates = (within / (name if number == 1 else f"{name}-{number}") for number in range(1, 1000))
    return next(path for path in candidates if not path.exists())
