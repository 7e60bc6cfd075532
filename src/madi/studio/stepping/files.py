"""Networks of the studio's folder: model files and runs, with the examples that go through them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from madi import datasets
from madi.errors import DataError, MadiError
from madi.layers import Layer
from madi.runs import building, loading, sources
from madi.runs.folder import MODEL
from madi.runs.loading import Found
from madi.studio.records import Records, model_files
from madi.studio.stepping.networks import ByExamples, ByNumbers, Network

MOST = 200  # that are listed
TYPED = 8  # inputs at most that a person types
DRAWN = 10  # random examples where there are no data
MOST_EXAMPLES = 1000  # that are offered


def listed(records: Records) -> list[str]:
    """Runs and model files of a folder, newest first, by their paths in it; what a link leads out of it is left out."""
    root = records.root.resolve()
    runs = {record.path: record.path / MODEL for record in records.find() if record.model}
    files = runs | {file: file for file in model_files(records.root)}
    written = {
        path: _written(file) for path, file in files.items() if root in file.resolve().parents and file.is_file()
    }
    newest = sorted(written, key=lambda path: -written[path])[:MOST]
    return [path.relative_to(records.root).as_posix() for path in newest]


def _written(file: Path) -> float:
    """When a file was written; 0 for one that is gone meanwhile."""
    try:
        return file.stat().st_mtime
    except OSError:
        return 0.0


def opened(path: Path) -> tuple[Network, str | None]:
    """The network at a path with its examples, and why these are not its own data.

    None    they are
    ""      the file does not say what it was trained on

    Raises FileError for what is no model.
    """
    found = loading.find_model(str(path))
    shape = found.model.shape_of_one()
    try:
        if found.config is not None or found.about.get("dataset"):
            return _with_data(found, shape), None
        reason = ""
    except MadiError as error:
        reason = str(error)
    if len(shape) == 1 and shape[0] <= TYPED:
        return _typed(found.model, shape[0]), reason
    x = np.random.default_rng(0).random((DRAWN, *shape)).astype(np.float32)
    return ByExamples(found.model, None, x), reason


def _with_data(found: Found, shape: tuple[int, ...]) -> ByExamples:
    loss = found.loss()
    if found.config is not None:
        data = sources.load(found.config)
        parts: dict[str, Any] = building.parts_of(data, found.config, loss)
    else:
        data = datasets.load(str(found.about.get("dataset")))
        parts = {"test": building.targets(loss, data.test, len(data.classes))}
    chosen = next(name for name in ("test", "validation", "training") if name in parts)
    x, y = parts[chosen] if isinstance(parts[chosen], tuple) else next(iter(parts[chosen]))[:2]
    if x.shape[1:] != shape:
        raise DataError(f"{data.name}: expected examples of shape {shape}, got {x.shape[1:]}.")
    x, y = np.asarray(x[:MOST_EXAMPLES], np.float32), y[:MOST_EXAMPLES]
    return ByExamples(found.model, loss, x, y, tuple(data.classes), tuple(data.names.get(chosen, ())), data.name)


def _typed(model: Layer, count: int) -> ByNumbers:
    def compute(given: Any) -> Any:
        return ByExamples(model, None, np.array([given], np.float32)).compute(0)

    return ByNumbers({f"x{place}": 0.0 for place in range(count)}, compute)
