"""The doctor: reads the course of a training, statistics by layer and the data, and says what is wrong."""

from __future__ import annotations

from typing import Any

from madi.diagnostics import course, rules
from madi.diagnostics.evidence import Evidence
from madi.diagnostics.findings import Diagnosis, Finding
from madi.diagnostics.statistics import EXAMPLES, LayerStatistics
from madi.errors import ConfigurationError
from madi.training.trainer import Trainer


def examine(
    trainer: Trainer, data: Any, *, validation: Any = None, statistics: LayerStatistics | None = None
) -> Diagnosis:
    """What is wrong with a training, and what to try: findings in words, causes before what they cause.

    trainer      after its fits; it stays as it is.  One whose fit raised DivergenceError is welcome
    data         arrays (x, y) that it was fitted to
    validation   arrays (x, y), where the fit had some
    statistics   recorded while it trained; without them the first weights are looked at anew

    A network that has learned costs two looks at its layers (see `LayerStatistics`) and one pass over the validation
    data.  Where the loss has hardly fallen, the rates are put to the test: at most 300 steps from the first weights for
    each of a tenth to a 10,000th of the rate and of 10 to 10,000 times it, four of each.

    Raises what `fit` raises for data that do not fit the model.
    """
    if not isinstance(trainer, Trainer):
        raise ConfigurationError(
            f"examine: expected a Trainer, got {type(trainer).__name__}. Pass the one that was fitted."
        )
    return Diagnosis(list(_findings(Evidence(trainer, data, validation, statistics))), len(trainer.history))


def look(trainer: Trainer, data: Any, *, validation: Any = None) -> Diagnosis:
    """What shows at a look: as `examine`, but no other learning rates are tried, which may take some seconds."""
    evidence = Evidence(trainer, data, validation, None)
    found = _found(
        evidence, rules.unscaled_input, rules.identical_weights, rules.exploding_gradients, rules.dead_units,
        rules.saturated_units, rules.label_imbalance, course.overfitting,
    )  # fmt: skip
    return Diagnosis(found, len(trainer.history))


def _findings(evidence: Evidence) -> list[Finding]:
    causes = _found(evidence, rules.unscaled_input, rules.identical_weights)
    units = _found(evidence, rules.dead_units, rules.saturated_units)
    paths = _found(evidence, rules.exploding_gradients) or (
        [] if causes or units else _found(evidence, rules.vanishing_gradients)
    )
    rates = [] if causes or paths or _from_the_start(evidence, units) else _rates(evidence)
    if evidence.history.diverged and not (causes or paths or rates):
        rates = _found(evidence, course.diverged)
    found = [*causes, *paths, *rates, *units, *_found(evidence, rules.label_imbalance, course.overfitting)]
    return found or _found(evidence, course.underfitting)


def _rates(evidence: Evidence) -> list[Finding]:
    return _found(evidence, course.learning_rate_too_high) or _found(evidence, course.learning_rate_too_low)


def _from_the_start(evidence: Evidence, units: list[Finding]) -> bool:
    """Whether units were dead or saturated before the first step: then no rate is to blame."""
    first = {row.layer: max(row.dead or 0, row.saturated or 0) for row in evidence.first_rows}
    return any(first.get(finding.layer or "", 0) > finding.threshold for finding in units)


def _found(evidence: Evidence, *chosen: Any) -> list[Finding]:
    return [finding for rule in chosen if (finding := rule(evidence)) is not None]


class Doctor(LayerStatistics):
    """Statistics by layer as a callback, and afterwards `examine()`, which says what is wrong.

    data, examples, every   as of `LayerStatistics`
    validation              arrays (x, y), where the fit has some

    >>> import numpy as np
    >>> from madi.layers import Dense, ReLU, Sequential
    >>> x = np.random.default_rng(0).normal(size=(200, 3)) * 1000
    >>> doctor, y = Doctor((x, x[:, 0] > 0)), x[:, 0] > 0
    >>> trainer = Trainer(Sequential(Dense(8), ReLU(), Dense(2)), engine="numpy")
    >>> _ = trainer.fit((x, y), epochs=2, callbacks=[doctor], verbose=0)
    >>> doctor.examine().names[0]
    'unscaled_input'
    """

    def __init__(self, data: Any, *, validation: Any = None, examples: int = EXAMPLES, every: int = 1) -> None:
        super().__init__(data, examples=examples, every=every)
        self.validation = validation
        self.trainer: Trainer | None = None

    def on_fit_begin(self, trainer: Trainer) -> None:
        """Remember the trainer, and look."""
        self.trainer = trainer
        super().on_fit_begin(trainer)

    def examine(self) -> Diagnosis:
        """The findings about the trainer as it is now.  See `madi.diagnostics.examine`."""
        if self.trainer is None:
            raise ConfigurationError("Doctor: there was no fit yet. Pass it to fit(callbacks=[...]) first.")
        return examine(self.trainer, self.data, validation=self.validation, statistics=self)
