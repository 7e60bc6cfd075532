"""How optuna draws a trial's values: at random as the course does, or by TPE; each trial from its own number.

A trial's values follow from the seed, its number and, for TPE, the trials that are finished: a search that was killed
goes on with the very trials that it would have had.
"""

from __future__ import annotations

import warnings
from typing import Any

from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler, TPESampler
from optuna.trial import FrozenTrial

from madi.kernels import random
from madi.tuning.ranges import Choice, Ranges, draw, text

TRIES = 100  # draws of an option before one of a narrowed choice is taken blindly


class RandomDraws(BaseSampler):
    """Each value at random from its range; the same trials as without a storage."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.ranges: Ranges = {}
        self.drawn: dict[str, Any] = {}

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Draw all values of the trial."""
        self.drawn = draw(self.ranges, seed=self.seed, number=trial.number)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """None: every value is drawn by itself."""
        return {}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """None."""
        return {}

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """A value as optuna keeps it: an option by its text."""
        value = self.drawn[param_name]
        return text(value) if isinstance(self.ranges[param_name], Choice) else value


class TPE(RandomDraws):
    """The tree-structured Parzen estimator: the first ten at random, then more where the better trials lie.

    Trials that are still running count as bad ones, so that a batch of trials spreads out.
    """

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """A sampler of the trial's own."""
        super().before_trial(study, trial)
        bits = random.random_bits(random.fold_in(random.key(self.seed), trial.number), (1,))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)  # constant_liar was one before optuna 5
            self.inner = TPESampler(seed=int(bits[0]), multivariate=False, constant_liar=True)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """TPE's value; of a choice that was narrowed, an option that is left."""
        entry = self.ranges[param_name]
        if not isinstance(entry, Choice):
            return self.inner.sample_independent(study, trial, param_name, param_distribution)
        for _ in range(TRIES):
            option = self.inner.sample_independent(study, trial, param_name, param_distribution)
            if option in entry.texts():
                return option
        return super().sample_independent(study, trial, param_name, param_distribution)


SAMPLERS: dict[str, type[RandomDraws]] = {"random": RandomDraws, "tpe": TPE}
