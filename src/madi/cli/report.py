"""report.html: what a run, or an evaluation, has to show of its network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from madi.cli.run_folder import REPORT, writing

if TYPE_CHECKING:
    from madi.cli.job import Job
    from madi.diagnostics.report import Evidence


def write_job_report(job: Job, folder: Path, measured: dict[str, Any]) -> list[str]:
    """Write the report of a run into its folder; the names of the files."""
    from madi.diagnostics.report import write_report

    with writing(folder, "Free some space, or choose another folder with --output."):
        write_report(evidence_of(job, measured), folder / REPORT)
    return [REPORT]


def evidence_of(job: Job, measured: dict[str, Any]) -> Evidence:
    """What a run knows of itself."""
    from madi.diagnostics.report import Evidence

    config, trainer, data = job.config, job.trainer, job.data
    preparation = data.preparation
    return Evidence(
        model=trainer.model, loss=trainer.loss, parts=job.parts, data=data.name, network=_network(job),
        measured=measured, metrics=config.metrics or (), history=trainer.history, ending=_ending(job),
        notices=[data.notice] if data.notice else [], task="classification" if data.classes else "regression",
        classes=data.classes, targets=getattr(preparation, "target", ()), restore=getattr(preparation, "restore", None),
        columns=getattr(preparation, "columns", {}), configuration=config.to_toml(), seconds=_seconds(job),
        findings=None if job.doctor is None else job.doctor.examine(), trainer=trainer, seed=config.seed,
    )  # fmt: skip


def _network(job: Job) -> str:
    return "the network of its layers" if job.config.layers else job.config.model


def _ending(job: Job) -> str:
    trainer = job.trainer
    return "stopped by Ctrl-C" if trainer.interrupted else trainer._stop_reason or ""


def _seconds(job: Job) -> dict[str, float]:
    compiling = sum(engine.compiling for engine in job.trainer._engines.values())
    found = {"reading the data": job.reading, "compiling": compiling, "computing": max(0.0, job.seconds - compiling)}
    return {name: seconds for name, seconds in found.items() if seconds}
