"""Where a number begins to be a finding: set on the networks of benchmarks/doctor.py, before the trial of the tests."""

from __future__ import annotations

# Input: root mean square of a feature.  Scaled data have about 1.
LARGE_FEATURE = 15.0
SMALL_INPUT = 0.01  # of the largest feature
UNEVEN_FEATURES = 100.0  # largest feature over the median one

# Layers.
IDENTICAL = 1e-3  # deviation between the units of a layer over the size of its weights
DEAD = 0.75  # share of a layer's ReLU units
SATURATED = 0.7  # share of the outputs of a hidden layer of sigmoid or tanh
VANISHING = 1e-3  # gradient norm at a layer's output over that at the last layer's
EXPLODING = 1e3

# Course of the training, on the scale of `progress`: 1 knows nothing, 0 knows all.
UNLEARNED = 0.25  # of the loss that remains: from here on rates are tried
BETTER = 0.6  # of it: what another rate must leave, to be called better
HOPELESS = 0.9  # of it: what counts as hardly learned
STANDSTILL = 0.02  # of the scale: a change of the loss in the second half of the epochs
RISE = 0.04  # of the validation loss above its best, on that scale
GAP = 0.15  # of the validation loss above the training loss, where it has risen so far
WIDE_GAP = 0.5  # likewise, where it has not
MEMORISED = 10.0  # validation loss over training loss, of numbers,
MEMORISED_GAP = 0.05  # where the validation loss is so far above it, on that scale: predictions may well be good

# Labels.
IMBALANCE = 10.0  # examples of the most frequent class for one of the rarest
NEGLECTED = 0.5  # recall of the rarest class over the accuracy
