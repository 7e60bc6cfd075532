"""Rules about how the training went: the learning rate, overfitting, underfitting."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from madi.diagnostics import thresholds as T
from madi.diagnostics.evidence import LONGEST_TRIAL, SHORTEST_TRIAL, Evidence
from madi.diagnostics.findings import Finding

LOWER, HIGHER = (0.1, 0.01, 1e-3, 1e-4), (10.0, 100.0, 1e3, 1e4)


def learning_rate_too_high(evidence: Evidence) -> Finding | None:
    """Little was learned, or it diverged, and a tenth to a 10,000th of the rate does far better."""
    steps = min(max(evidence.trainer.step, SHORTEST_TRIAL if evidence.history.diverged else 1), LONGEST_TRIAL)
    return _rate(evidence, "learning_rate_too_high", LOWER, steps)


def learning_rate_too_low(evidence: Evidence) -> Finding | None:
    """Little was learned, and 10 to 10,000 times the rate does far better in half the steps."""
    if evidence.history.diverged:
        return None
    return _rate(evidence, "learning_rate_too_low", HIGHER, min(evidence.trainer.step // 2, LONGEST_TRIAL))


def _rate(evidence: Evidence, name: str, factors: tuple[float, ...], steps: int) -> Finding | None:
    if not evidence.remaining > T.UNLEARNED or steps < 2:
        return None
    factor, best = best_of(evidence, factors, steps)
    start = evidence.remaining if not evidence.history.diverged else max(1.0, evidence.at_first)
    ratio, threshold = best / start, 1.0 if evidence.history.diverged else T.BETTER
    if not ratio < threshold:
        return None
    rate, other = evidence.rate, factor * evidence.rate
    scale = evidence.scale
    reached = scale.perfect + best * (scale.ignorant - scale.perfect)
    what = "diverged" if evidence.history.diverged else f"left the loss at {evidence.history['loss'][-1]:.3g}"
    message = (
        f"{evidence.trainer.step:,} steps at a learning rate of {rate:.3g} {what}; "
        f"{steps:,} steps from the same first weights at {other:.3g} bring it to {reached:.3g}."
    )
    advice = f"learning_rate={other:.2g}, or find_learning_rate (madi train --find-rate)."
    return Finding(name, message, advice, ratio, threshold)


def best_of(evidence: Evidence, factors: tuple[float, ...], steps: int) -> tuple[float, float]:
    """(factor, what remains) of the trial that leaves least."""
    return min(((factor, evidence.tried(factor, steps)) for factor in factors), key=lambda found: found[1])


def diverged(evidence: Evidence) -> Finding | None:
    """The loss left the finite numbers, and no other rule says why."""
    if not evidence.history.diverged:
        return None
    message = (
        f"the loss was no longer finite after {evidence.trainer.step:,} steps, and from a tenth to a 10,000th of the "
        "learning rate it hardly falls either."
    )
    advice = "clip_norm=1, smaller first weights, and a look at the loss and at the largest inputs and targets."
    return Finding("diverged", message, advice, math.inf, 1.0)


def overfitting(evidence: Evidence) -> Finding | None:
    """The validation loss is far above the training loss, and has risen above its best unless it is very far.

    Where numbers are predicted, a validation loss that is many times the training loss is enough.
    """
    seen = generalization(evidence)
    if seen is None or seen.trained >= seen.best:
        return None
    risen = seen.rise > T.RISE and seen.gap > T.GAP
    if not (risen or seen.gap > T.WIDE_GAP):
        return _memorised(seen) if evidence.predicts_numbers else None
    message = (
        f"the validation loss was best in epoch {seen.best_epoch} ({seen.best:.3g}) and is {seen.held_out:.3g} now, "
        f"while the training loss has fallen to {seen.trained:.3g}."
    )
    advice = (
        "more data or augmentation, dropout or weight decay, a smaller network, and EarlyStopping (--patience), which "
        "goes back to the best epoch."
    )
    value, threshold = (seen.rise, T.RISE) if risen else (seen.gap, T.WIDE_GAP)
    return Finding("overfitting", message, advice, value, threshold)


def _memorised(seen: Generalization) -> Finding | None:
    """Examples are known by heart, others are predicted well but not as well as they might be."""
    ratio = seen.held_out / max(seen.trained, 1e-12)
    if not (ratio > T.MEMORISED and seen.gap > T.MEMORISED_GAP):
        return None
    times = f"{ratio:,.0f} times" if ratio < 1000 else "more than 1,000 times"
    message = (
        f"the validation loss is {seen.held_out:.3g}, {times} the training loss of {seen.trained:.3g}: the examples "
        "are learned by heart, their noise too, which may cost some accuracy on others."
    )
    advice = "a smaller network, weight decay or dropout, or more data; and hold the validation losses side by side."
    return Finding("overfitting", message, advice, ratio, T.MEMORISED)


@dataclass(frozen=True)
class Generalization:
    """Losses of training and validation for the weights as they are, and the best of validation.

    rise   of the validation loss above its best, on the scale of `progress`
    gap    of the validation loss above the training loss, likewise
    """

    trained: float
    held_out: float
    best: float
    best_epoch: int
    rise: float
    gap: float


def generalization(evidence: Evidence) -> Generalization | None:
    """How training and validation compare; None where there was no validation, or a single epoch."""
    held_out, trained = evidence.history["validation_loss"], evidence.history["loss"]
    if len(held_out) != len(trained) or len(held_out) < 2 or not np.isfinite(held_out).any():
        return None
    span = max(evidence.scale.ignorant - evidence.scale.perfect, 1e-12)
    best = int(np.nanargmin(held_out))
    now = held_out[-1] if evidence.validation is None else evidence.validation_loss
    went_back = abs(now - held_out[best]) < abs(now - held_out[-1])  # early stopping put the best weights back
    own = trained[best] if went_back else trained[-1]
    return Generalization(own, now, held_out[best], best + 1, (now - held_out[best]) / span, (now - own) / span)


def underfitting(evidence: Evidence) -> Finding | None:
    """The loss stands still near that of an answer that does not look at the inputs."""
    losses = evidence.history["loss"]
    if len(losses) < 4 or not evidence.remaining > T.HOPELESS:
        return None
    moved = evidence.scale.remaining(losses[len(losses) // 2]) - evidence.remaining
    if abs(moved) > T.STANDSTILL:
        return None
    message = (
        f"the training loss stands still at {losses[-1]:.3g}, {evidence.remaining:.0%} of that of an answer that does "
        f"not look at the inputs ({evidence.scale.ignorant:.3g}), and other learning rates do no better."
    )
    advice = (
        "more hidden layers or units, or features that say more of the targets; see also that x and y fit together."
    )
    return Finding("underfitting", message, advice, evidence.remaining, T.HOPELESS)
