"""The networks that can be chosen to read a drawing: the runs of the folder, and two that are trained at once."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from madi.config import TrainConfig
from madi.datasets import Split, catalogue, load
from madi.datasets.listing import Listing
from madi.errors import MadiError
from madi.layers import Conv2D, Dense, Flatten, MaxPool2D, ReLU, Sequential, read_metadata
from madi.optimizers import Adam
from madi.runs import sources
from madi.runs.folder import CONFIGURATION, MODEL
from madi.runs.loading import find_model
from madi.schedules import cosine
from madi.studio.drawing.reader import DIGITS, Reader, side_of
from madi.studio.records import BROKEN, Record, Records
from madi.studio.workplace import Workplace
from madi.training import Callback, Trainer

BOX, MNIST = "box", "mnist"  # keys of the two; runs are known by ":" and their names
RUN = ":"
EPOCHS = {BOX: 12, MNIST: 2}
KEPT = 6  # readers, with their examples
BATCH = 50
RATE = 2e-3


@dataclass(frozen=True)
class Choice:
    """A network to choose: the key by which `Desk.make` finds it, and its run, where it is of one."""

    key: str
    record: Record | None = None


@dataclass
class Making:
    """A reader in the making: how far it is, and what came of it.

    progress   0..1
    problem    what went wrong, in a sentence; "" where nothing did
    """

    key: str
    progress: float = 0.0
    reader: Reader | None = None
    problem: str = ""
    cancelled: bool = False
    done: threading.Event = field(default_factory=threading.Event)

    def cancel(self) -> None:
        """End it soon: there will be no reader."""
        self.cancelled = True


class Desk:
    """What the pages of one studio share: each network is read, or trained, once."""

    def __init__(self, workplace: Workplace) -> None:
        self.records = Records.of(workplace)
        self._makings: dict[str, tuple[float, Making]] = {}
        self._listings: dict[str, Listing] = {}
        self._lock = threading.Lock()

    @classmethod
    def of(cls, workplace: Workplace) -> Desk:
        """The one of the workplace."""
        found: Desk = workplace.kept.setdefault("draw", cls(workplace))
        return found

    def choices(self) -> list[Choice]:
        """The runs whose networks read digits, newest first; then the two that are trained here."""
        runs = [Choice(RUN + record.name, record) for record in self.records.find() if reads_digits(record)]
        return [*runs, Choice(BOX), *([Choice(MNIST)] if self.present(MNIST) else [])]

    def present(self, dataset: str) -> bool:
        """Whether it loads without a download; asked again only while it would not."""
        if dataset not in self._listings or not self._listings[dataset].present:
            self._listings = {listing.name: listing for listing in catalogue()}
        return dataset not in self._listings or self._listings[dataset].present

    def make(self, key: str) -> Making:
        """The reader of that key, made already or begun now in a thread of its own."""
        changed = self._changed(key)
        with self._lock:
            made = self._makings.get(key)
            if made is not None and made[0] == changed and not (made[1].cancelled or made[1].problem):
                return made[1]
            making = Making(key)
            self._makings.pop(key, None)
            self._makings[key] = changed, making
            for oldest in list(self._makings)[:-KEPT]:
                del self._makings[oldest]
        threading.Thread(target=self._run, args=(making,), daemon=True, name=f"draw {key}").start()
        return making

    def _changed(self, key: str) -> float:
        record = self.records.named(key.removeprefix(RUN)) if key.startswith(RUN) else None
        return 0.0 if record is None else record.changed

    def _run(self, making: Making) -> None:
        try:
            making.reader = self._made(making)
        except MadiError as error:
            making.problem = str(error)
        except Exception:
            logging.getLogger("madi").exception("no reader could be made")
            making.problem = "A fault of the program."
        finally:
            making.done.set()

    def _made(self, making: Making) -> Reader | None:
        if not making.key.startswith(RUN):
            return _trained(making)
        record = self.records.named(making.key.removeprefix(RUN))
        if record is None:
            making.problem = "missing"
            return None
        return _of_run(record, self.present)


# ---- the networks of runs


def reads_digits(record: Record) -> bool:
    """Whether the run's model is one that reads digits, as its file says of itself."""
    return record.model and record.state != BROKEN and _reads_digits(record.path / MODEL, record.changed)


@lru_cache(maxsize=4096)
def _reads_digits(file: Path, changed: float) -> bool:
    """The same of a model's file, which is opened once as long as its run has not changed."""
    try:
        metadata = read_metadata(file)
        shape = metadata.architecture["layers"][0]["input_shape"]
        classes = metadata.extra.get("classes") or ()
        return side_of(shape, [str(name) for name in classes]) is not None
    except (MadiError, LookupError, TypeError, ValueError):
        return False


def _of_run(record: Record, present: Callable[[str], bool]) -> Reader:
    found = find_model(str(record.path))
    classes = found.classes or []
    return Reader(found.model, classes, _examples(record, classes, present))


def _examples(record: Record, classes: list[str], present: Callable[[str], bool]) -> Split | None:
    """What the run was trained on, where it is at hand and small enough to be arrays."""
    try:
        config = TrainConfig.from_toml(record.path / CONFIGURATION)
        if config.data is None and not present(config.dataset):
            return None  # it would be downloaded
        data = sources.load(config)
    except MadiError:
        return None  # moved or changed since: the page says that they are not at hand
    fits = isinstance(data.train, Split) and list(data.classes) == classes
    return data.train if fits and isinstance(data.train, Split) else None


# ---- the networks that are trained here


def _network(key: str) -> Sequential:
    """A small convolutional network: of digits of 8 x 8 or 28 x 28 pixels."""
    pools: dict[str, Callable[[], list[Any]]] = {BOX: list, MNIST: lambda: [MaxPool2D(2)]}
    first, second = [Conv2D(16, 3), ReLU(), MaxPool2D(2)], [Conv2D(32, 3), ReLU(), *pools[key]()]
    return Sequential(*first, *second, Flatten(), Dense(64), ReLU(), Dense(len(DIGITS)))


def _trained(making: Making) -> Reader | None:
    """Train on the digits in the box, or on MNIST; None where it was cancelled."""
    data = load("digits" if making.key == BOX else "mnist")
    epochs = EPOCHS[making.key]
    steps = -(-len(data.train.x) // BATCH) * epochs
    trainer = Trainer(_network(making.key), optimizer=Adam(cosine(RATE, steps)), seed=0)
    trainer.fit(
        (data.train.x, data.train.y), epochs=epochs, batch_size=BATCH, verbose=0, callbacks=[_Watch(making, steps)]
    )
    return None if making.cancelled else Reader(trainer.model, DIGITS, data.train)


class _Watch(Callback):
    """Tells how far a training is, and ends it when it is cancelled."""

    def __init__(self, making: Making, steps: int) -> None:
        self.making, self.steps = making, steps

    def on_steps_end(self, trainer: Trainer) -> None:
        """After some steps."""
        self.making.progress = trainer.step / self.steps
        if self.making.cancelled:
            trainer.interrupt()
