"""The runs in a folder, as they are found: what was asked for, what came of it, and what is wrong with them."""

from __future__ import annotations

import json
import os
import platform
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from madi.config import read_toml
from madi.errors import FileError, MadiError
from madi.runs.folder import CHECKPOINTS, CONFIGURATION, HISTORY, MODEL, RATES, REPORT, RESULTS
from madi.studio.workplace import Workplace
from madi.training import History

FILES = (CONFIGURATION, RESULTS, MODEL, HISTORY, REPORT, RATES, CHECKPOINTS)
DEEPEST = 4  # folders within each other in which runs are looked for
MOST = 2000  # runs
LARGEST = 2**20  # bytes of a configuration, or of results
MODELS = (".safetensors", ".onnx")  # how files of models end
PARTS = ("training", "validation", "test")

FINISHED, RUNNING, INTERRUPTED, UNFINISHED, RATE, BROKEN = STATES = (
    "finished", "running", "interrupted", "unfinished", "rate", "broken",
)  # fmt: skip

Signature = tuple[tuple[int, int] | None, ...]


@dataclass(frozen=True)
class Record:
    """A run as its folder tells it.

    name      of the folder within the place that was searched, with "/" between its parts
    path      of the folder
    state     "finished"; "running" by a process of this machine; "interrupted": stopped, what was learned is kept;
              "unfinished": it ended without results; "rate": a search for the learning rate; "broken"
    problem   what is broken, without the path
    changed   when it was last written to, in seconds since 1970
    config    config.toml as it stands
    results   results.json as it stands
    model     whether there is a model
    report    whether there is a report
    """

    name: str
    path: Path
    state: str
    problem: str = ""
    changed: float = 0.0
    config: dict[str, Any] = field(default_factory=dict)
    results: dict[str, Any] = field(default_factory=dict)
    model: bool = False
    report: bool = False

    def measured(self, part: str, metric: str) -> float | None:
        """What was measured on "training", "validation" or "test"; None where nothing was."""
        values = self.results.get(part)
        value = values.get(metric) if isinstance(values, dict) else None
        return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None

    def metrics(self) -> list[str]:
        """The names of what was measured, the loss first."""
        parts = [values for part in PARTS if isinstance(values := self.results.get(part), dict)]
        return list(dict.fromkeys(name for values in parts for name in values))

    def history(self) -> list[dict[str, float]]:
        """The rows of the epochs; of a run without results those of its newest checkpoint.

        Raises FileError where they cannot be read.
        """
        file = self.path / HISTORY
        if file.exists():
            return History.from_json(file).epochs
        from madi.training.checkpoints.folder import newest

        found = newest(self.path / CHECKPOINTS)
        return [] if found is None else list(found.content["trainer"]["history"]["epochs"])


def network_of(config: Mapping[str, Any]) -> str:
    """What a configuration calls its network: "layers" where it says them itself, "" where it says nothing."""
    return "layers" if config.get("layers") else str(config.get("model", ""))


class Records:
    """The runs within a folder, the newest first.  A run is read again only when one of its files has changed."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._known: dict[Path, tuple[Signature, Record]] = {}
        self._lock = threading.Lock()

    @classmethod
    def of(cls, workplace: Workplace) -> Records:
        """The one of the workplace, which its pages share."""
        found: Records = workplace.kept.setdefault("runs", cls(workplace.folder))
        return found

    def find(self) -> list[Record]:
        """All of them as they are now."""
        with self._lock:
            self._known = {path: self._fresh(path) for path, _, is_run in _walked(self.root) if is_run}
            records = [record for _, record in self._known.values()]
        return sorted(records, key=lambda record: (-record.changed, record.name))

    def _fresh(self, path: Path) -> tuple[Signature, Record]:
        """The run as it was read last, or read anew where a file has changed or its process may have ended."""
        kept, signature = self._known.get(path), _signature(path)
        if kept is not None and kept[0] == signature and kept[1].state != RUNNING:
            return kept
        return signature, _read(self.root, path, signature)

    def named(self, name: str) -> Record | None:
        """The run of that name, as it was found last or is now."""
        known = (record for _, record in list(self._known.values()))
        found = next((record for record in known if record.name == name), None)
        return found or next((record for record in self.find() if record.name == name), None)


def model_files(root: Path) -> Iterator[Path]:
    """The files of models within `root` that are no run's own: exported ones, and those that were put there."""
    for folder, files, is_run in _walked(root):
        yield from (folder / name for name in files if name.endswith(MODELS) and not (is_run and name == MODEL))


def _walked(root: Path) -> Iterator[tuple[Path, list[str], bool]]:
    """(folder, its files, whether it is a run) within `root`, links not followed; what lies in a run is its affair."""
    waiting, found = [(root, 0)], 0
    while waiting and found < MOST:
        folder, depth = waiting.pop()
        try:
            with os.scandir(folder) as entries:
                names = {entry.name: entry.is_dir(follow_symlinks=False) for entry in entries}
        except OSError:
            continue  # gone meanwhile, or not ours to look into
        is_run = depth > 0 and any(names.get(name) is False for name in (CONFIGURATION, RESULTS, MODEL))
        found += is_run
        yield folder, [name for name, is_folder in names.items() if not is_folder], is_run
        if not is_run and depth < DEEPEST:
            inner = (name for name, is_folder in names.items() if is_folder and not name.startswith("."))
            waiting += [(folder / name, depth + 1) for name in inner]


def _signature(path: Path) -> Signature:
    """When each of its files was written, and how long it is."""

    def of(name: str) -> tuple[int, int] | None:
        try:
            status = os.stat(path / name)
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size

    return tuple(of(name) for name in FILES)


def _read(root: Path, path: Path, signature: Signature) -> Record:
    there = dict(zip(FILES, signature, strict=True))
    about: dict[str, Any] = {
        "changed": max((entry[0] for entry in signature if entry), default=0) / 1e9,
        "model": there[MODEL] is not None,
        "report": there[REPORT] is not None,
    }
    problems: list[str] = []
    for name, key, read in ((CONFIGURATION, "config", read_toml), (RESULTS, "results", _read_json)):
        try:
            about[key] = _small(path / name, there[name]) and read(path / name)
        except MadiError as error:
            about[key] = {}
            problems.append(str(error).replace(f"{path / name}", name))
    state = _state(path, there, about)
    if state == FINISHED and not about["model"]:
        problems.append(f"{MODEL} is missing.")
    state = BROKEN if problems else state
    return Record(path.relative_to(root).as_posix(), path, state, " ".join(problems), **about)


def _small(path: Path, status: tuple[int, int] | None) -> dict[str, Any] | bool:
    """Whether there is something to read; {} where there is not."""
    if status is not None and status[1] > LARGEST:
        raise FileError(f"{path}: larger than {LARGEST:,} bytes, so that it is none of madi's.")
    return status is not None or {}


def _read_json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FileError(f"{path}: cannot be read ({error.strerror}).") from error
    except (ValueError, RecursionError) as error:
        raise FileError(f"{path}: is not JSON: {error}.") from error
    if not isinstance(found, dict):
        raise FileError(f"{path}: expected an object, got {type(found).__name__}.")
    return found


def _state(path: Path, there: dict[str, Any], about: dict[str, Any]) -> str:
    if about["results"]:
        return INTERRUPTED if about["results"].get("interrupted") else FINISHED
    if there[RATES] is not None:
        return RATE
    if there[RESULTS] is None and about["model"] and there[CONFIGURATION] is None:
        return FINISHED  # a model that somebody has saved into a folder
    return RUNNING if _is_held(path / CHECKPOINTS / "lock") else UNFINISHED


def _is_held(lock: Path) -> bool:
    """Whether the process that took the lock last is there still.

    The lock itself is not touched: to try it would shut out a training that begins in that moment.
    """
    try:
        holder = json.loads(lock.read_text(encoding="utf-8"))
        process = int(holder["process"])
        if holder["host"] != platform.node() or process <= 0:
            return False
        os.kill(process, 0)
    except PermissionError:
        return True  # there, and somebody else's
    except (OSError, ValueError, LookupError, TypeError, OverflowError):
        return False
    return True
