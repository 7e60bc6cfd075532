"""All models that are served, by name and version; each can be replaced while requests go on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from madi.errors import MadiError
from madi.serving.batching import Batching
from madi.serving.metrics import Metrics
from madi.serving.served import Found, Served
from madi.serving.sources import Source, latest
from madi.web.guard import Refusal

Open = Callable[[str], Found]


class Models:
    """The models of `wanted`, opened and warmed up.

    open       path -> the model there; raises errors of `madi.errors`
    metrics    takes the sizes of batches and the outcome of reloads

    Raises what `open` raises.
    """

    def __init__(self, wanted: Sequence[Source], open: Open, batching: Batching, metrics: Metrics) -> None:
        self._open, self._batching, self.metrics = open, batching, metrics
        self._models = {(source.name, source.version): self._served(source) for source in wanted}

    def __iter__(self) -> Iterator[Served]:
        return iter(list(self._models.values()))

    def _served(self, source: Source) -> Served:
        batched = self.metrics.batched(source.name, source.version)
        served = Served(source, self._open(source.path), self._batching, batched=batched)
        self.metrics.waiting(source.name, source.version, served.batcher.__len__)
        return served

    def versions(self, name: str) -> list[str]:
        """Of a model; empty for an unknown one."""
        return [version for known, version in self._models if known == name]

    def find(self, name: str, version: str | None = None) -> Served:
        """The model of that name, in the version asked for, or the latest; Refusal 404 where there is none."""
        versions = self.versions(name)
        if not versions:
            raise Refusal(404, "No model of that name is served.")
        found = self._models.get((name, latest(versions) if version is None else version))
        if found is None:
            raise Refusal(404, f"That version is not served. There are: {', '.join(versions)}.")
        return found

    def reload(self, told: Callable[[str], None]) -> None:
        """Open each model's file anew, and let it answer from then on; one that cannot be opened stays as it was.

        told    takes a line for each model: what became of it
        """
        for key, old in list(self._models.items()):
            try:
                new = self._served(old.source)
            except Exception as error:
                self.metrics.reloaded("kept")
                self.metrics.waiting(*key, old.batcher.__len__)
                reason = str(error) if isinstance(error, MadiError) else f"{type(error).__name__}: {error}"
                told(f"{old.source}: kept as it was, for its file cannot be taken: {reason}")
                continue
            self._models[key] = new
            old.batcher.retire()
            self.metrics.reloaded("new")
            told(f"{old.source}: read anew from {old.source.path}")
