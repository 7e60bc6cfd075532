"""All models that are served, by name and version; each can be replaced while requests go on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from madi.errors import MadiError
from madi.serving.batching import Batching
from madi.serving.metrics import Metrics
from madi.serving.served import Found, Served
from madi.serving.sources import Source, latest
from madi.serving.tensors import listed
from madi.web.guard import Refusal

Open = Callable[[str], Found]


class Models:
    """The models of `wanted`; none answers before `load` has opened it.

    open       path -> the model there; raises errors of `madi.errors`
    metrics    takes the sizes of batches and the outcome of reloads
    """

    def __init__(self, wanted: Sequence[Source], open: Open, batching: Batching, metrics: Metrics) -> None:
        self._open, self._batching, self.metrics = open, batching, metrics
        self.sources = {(source.name, source.version): source for source in wanted}
        self._models: dict[tuple[str, str], Served] = {}

    def __iter__(self) -> Iterator[Served]:
        return iter(list(self._models.values()))

    @property
    def loaded(self) -> bool:
        """Whether all of them answer."""
        return len(self._models) == len(self.sources)

    def load(self) -> Models:
        """Open and warm up one after another; each answers from then on.  Raises what `open` raises."""
        for key, source in self.sources.items():
            self._models[key] = self._served(source)
        return self

    def _served(self, source: Source) -> Served:
        batched = self.metrics.batched(source.name, source.version)
        served = Served(source, self._open(source.path), self._batching, batched=batched)
        self.metrics.waiting(source.name, source.version, served.batcher.__len__)
        return served

    def close(self) -> None:
        """Nobody asks any more."""
        for served in self:
            served.batcher.close()

    def versions(self, name: str) -> list[str]:
        """Of a model; empty for an unknown one."""
        return [version for known, version in self.sources if known == name]

    def source(self, name: str, version: str | None = None) -> Source:
        """Of a model, in the version asked for, or the latest; Refusal 404 where there is none."""
        versions = self.versions(name)
        if not versions:
            names = list(dict.fromkeys(known for known, _ in self.sources))
            raise Refusal(404, f"No model of that name is served. There are: {listed(names)}.")
        found = self.sources.get((name, latest(versions) if version is None else version))
        if found is None:
            raise Refusal(404, f"That version of '{name}' is not served. There are: {listed(versions)}.")
        return found

    def answers(self, source: Source) -> bool:
        """Whether it has been opened and warmed up."""
        return (source.name, source.version) in self._models

    def find(self, name: str, version: str | None = None) -> Served:
        """As `source`, the model itself; Refusal 503 while it is being opened."""
        source = self.source(name, version)
        if not self.answers(source):
            raise Refusal(503, "The model is being read and compiled. Try again a little later.")
        return self._models[source.name, source.version]

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
