"""Tuning: search for hyperparameters, and the trials that differ in numbers only train in one program.

found = madi.tuning.search(make, data.train, ranges={"learning_rate": LogUniform(1e-6, 1e-2)}, trials=60)
found.best.parameters, found.trials, found.plot()
"""

from __future__ import annotations

from madi.tuning.ranges import Choice, Integer, LogUniform, Range, Uniform
from madi.tuning.result import Search
from madi.tuning.rounds import Round, search
from madi.tuning.trial import Measure, Trial

__all__ = ["Choice", "Integer", "LogUniform", "Measure", "Range", "Round", "Search", "Trial", "Uniform", "search"]
