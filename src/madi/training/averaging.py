"""An exponential moving average of the weights, beside the weights that training goes on from.

    average <- d average + (1 - d) value,   d = min(decay, (1 + t) / (10 + t))     t updates, this one too

The first averages forget quickly, so that the start, which was random, does not stay in them.  The running statistics
of a network are averaged as its weights are: both then belong to the same span of steps.

Source: Polyak and Juditsky, 1992; d as in TensorFlow's ExponentialMovingAverage; statistics as in timm's ModelEma and
in torch.optim.swa_utils.AveragedModel(use_buffers=True).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from madi.graph import Array
from madi.kernels.arrays import array_library

Values = dict[str, Array]  # by path: weights and running statistics


def averaged(average: Values, values: Values, updates: Any, decay: Any) -> Values:
    """The average after one more update, which is the `updates`-th, counted from 1."""
    library = array_library(*values.values())
    kept = library.minimum(decay, (1 + updates) / (10 + updates))
    return {path: old + (values[path] - old) * (1 - kept).astype(old.dtype) for path, old in average.items()}


@dataclass(frozen=True)
class Underneath:
    """What a fit ended with: the values themselves, and their average, which the model holds from then on."""

    values: Values
    average: Values

    def resumed(self, held: Values) -> Values:
        """What a later fit goes on from: the values themselves where the model still holds their average.

        held   what the model holds; where that is something else, someone has put it there, and it counts
        """
        still = {path for path in held if path in self.average and np.array_equal(held[path], self.average[path])}
        return {path: self.values[path] if path in still else value for path, value in held.items()}
