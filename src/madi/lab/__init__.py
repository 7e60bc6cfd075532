"""The lab: every idea of the course as an experiment, one file each, run with its numbers and its figure.

    result = madi.lab.run("optimizer_paths", learning_rate=0.9)
    result.data, result.claims, result.figure
"""

from __future__ import annotations

from madi.lab.framework.experiment import Cost, Data, Experiment, Result, experiment, names, run
from madi.lab.framework.parameters import Choice, ImageData, Number, Seed

__all__ = [
    "Choice",
    "Cost",
    "Data",
    "Experiment",
    "ImageData",
    "Number",
    "Result",
    "Seed",
    "experiment",
    "names",
    "run",
]
