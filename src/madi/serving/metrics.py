"""What is counted and timed, in Prometheus' text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from madi.errors import ConfigurationError

SECONDS = (0.001, 0.002, 0.005, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
EXAMPLES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
LABELS = ("model", "version")


class Metrics:
    """The program's counters.  Models are named as the command line names them, never as a request does."""

    def __init__(self) -> None:
        try:
            import prometheus_client as prometheus
        except ImportError as error:
            raise ConfigurationError(
                "Serving needs the package prometheus-client, which is not installed. pip install madi[serve]"
            ) from error
        self._registry = registry = prometheus.CollectorRegistry()
        self._text: Callable[[Any], bytes] = prometheus.generate_latest
        self._requests = prometheus.Counter(
            "madi_requests", "Requests answered, by HTTP status.", (*LABELS, "status"), registry=registry
        )
        self._seconds = prometheus.Histogram(
            "madi_request_seconds",
            "From a request's headers to its answer.",
            LABELS,
            registry=registry,
            buckets=SECONDS,
        )
        self._batches = prometheus.Histogram(
            "madi_batch_examples", "Examples of a batch.", LABELS, registry=registry, buckets=EXAMPLES
        )
        self._queue = prometheus.Gauge("madi_queue_length", "Requests that wait.", LABELS, registry=registry)
        self._reloads = prometheus.Counter(
            "madi_reloads", "Models read anew, or kept because that failed.", ("result",), registry=registry
        )
        prometheus.ProcessCollector(registry=registry)  # memory, time of the processor, open files
        self._kept: dict[Any, Any] = {}  # children by their labels: looking one up costs more than counting

    def text(self) -> bytes:
        """All of it, as Prometheus reads it."""
        return self._text(self._registry)

    def answered(self, model: str, version: str, status: int, seconds: float | None = None) -> None:
        """A request that was answered; of no model where `model` is empty."""
        self._child(self._requests, model, version, status).inc()
        if seconds is not None:
            self._child(self._seconds, model, version).observe(seconds)

    def _child(self, metric: Any, *labels: Any) -> Any:
        key = metric, labels
        if key not in self._kept:
            self._kept[key] = metric.labels(*labels)
        return self._kept[key]

    def refused(self, status: int) -> None:
        """A request that was refused before it was known what it is about."""
        self.answered("", "", status)

    def batched(self, model: str, version: str) -> Callable[[int], None]:
        """What a model tells of its batches."""
        observe: Callable[[int], None] = self._batches.labels(model, version).observe
        return observe

    def waiting(self, model: str, version: str, length: Callable[[], int]) -> None:
        """Where to ask how many requests of a model wait."""
        self._queue.labels(model, version).set_function(length)

    def reloaded(self, result: str) -> None:
        """A model that was read anew ("new"), or could not be ("kept")."""
        self._reloads.labels(result).inc()
