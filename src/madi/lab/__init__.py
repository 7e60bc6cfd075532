"""The lab: every idea of the course as an experiment, one file each, run with its numbers and its figure.

result = madi.lab.run("optimizer_paths", learning_rate=0.9)     # in a notebook it shows itself
result.data, result.claims, result.figure
result.save("lab")                                              # page, figure, numbers
madi.lab.names()                                                # of all experiments, in the course's order
"""

from __future__ import annotations

from madi.lab.framework.experiment import Cost, Data, Experiment, Result, experiment, names, run
from madi.lab.framework.parameters import Choice, ImageData, Number, Seed, Switch

__all__ = [
    "Choice",
    "Cost",
    "Data",
    "Experiment",
    "ImageData",
    "Number",
    "Result",
    "Seed",
    "Switch",
    "experiment",
    "names",
    "run",
]
