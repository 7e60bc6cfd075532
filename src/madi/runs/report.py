"""report.html: what a run, or an evaluation, has to show of its network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from madi.config import TrainConfig
from madi.runs.folder import FREE, REPORT, writing

if TYPE_CHECKING:
    from madi.datasets import Preparation
    from madi.diagnostics.report import Evidence
    from madi.runs.job import Job


def write_job_report(job: Job, folder: Path, measured: dict[str, Any]) -> list[str]:
    """Write the report of a run into its folder; the names of the files."""
    from madi.diagnostics.report import write_report

    with writing(folder, FREE):
        write_report(evidence_of(job, measured), folder / REPORT)
    return [REPORT]


def evidence_of(job: Job, measured: dict[str, Any]) -> Evidence:
    """What a run knows of itself."""
    from madi.diagnostics.report import Evidence

    config, trainer, data = job.config, job.trainer, job.data
    return Evidence(
        model=trainer.model, loss=trainer.loss, parts=job.parts, data=data.name, network=_network(job),
        measured=measured, metrics=config.metrics or (), history=trainer.history, ending=_ending(job),
        notices=[data.notice] if data.notice else [], configuration=shown(config), seconds=_seconds(job),
        findings=None if job.doctor is None else job.doctor.examine(), trainer=trainer, seed=config.seed,
        names=data.names.get("test" if "test" in job.parts else "validation"),
        **known_of(data.classes, data.preparation),
    )  # fmt: skip


def shown(config: TrainConfig | None) -> str:
    """The configuration as a report shows it: data by their names, for where they lie is nobody else's business."""
    if config is None:
        return ""
    places = {name: getattr(config, name) for name in ("dataset", "data", "test_data")}
    names: dict[str, Any] = {name: Path(place).name for name, place in places.items() if place}
    return replace(config, **names).to_toml()


def known_of(classes: Sequence[str], preparation: Preparation | None) -> dict[str, Any]:
    """What an `Evidence` is told of the data: task, names, units, and how features lead back to raw columns."""
    known: dict[str, Any] = {"task": "classification" if classes else "regression", "classes": classes}
    if preparation is None:
        return known
    known |= {"targets": preparation.target, "restore": preparation.restore}
    if preparation.kind != "table":
        return known
    from madi.datasets.tables import TablePreparation
    from madi.datasets.tables.originals import original

    table = cast(TablePreparation, preparation)
    return {**known, "columns": table.columns, "original": partial(original, table)}


def _network(job: Job) -> str:
    return "the network of its layers" if job.config.layers else job.config.model


def _ending(job: Job) -> str:
    trainer = job.trainer
    return "stopped by Ctrl-C" if trainer.interrupted else trainer._stop_reason or ""


def _seconds(job: Job) -> dict[str, float]:
    compiling = sum(engine.compiling for engine in job.trainer._engines.values())
    found = {"reading the data": job.reading, "compiling": compiling, "computing": max(0.0, job.seconds - compiling)}
    return {name: seconds for name, seconds in found.items() if seconds}
