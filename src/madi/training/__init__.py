"""Training: the compiled step, Trainer, metrics, callbacks, prediction, and `augmentation`, the changes of images."""

# ruff: noqa: F401 (this module is the list of what training offers)
from __future__ import annotations

from madi.training import augmentation
from madi.training.callbacks import Callback, EarlyStopping
from madi.training.checkpoints import Checkpoints
from madi.training.history import History
from madi.training.losses import LOSSES, Loss
from madi.training.metrics import METRICS, Metric, Whole, top_k
from madi.training.prediction import predict, predict_classes
from madi.training.rate_finder import RateSearch, find_learning_rate
from madi.training.together import fit_together
from madi.training.trainer import Trainer
