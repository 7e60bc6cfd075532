"""Event files that TensorBoard reads: curves, histograms of weights and updates, the graph of the layers."""

# ruff: noqa: F401 (this module is the list of what TensorBoard's files offer)
from __future__ import annotations

from madi.tensorboard.callback import TensorBoard, write_history
