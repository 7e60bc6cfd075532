"""What the parameters of an experiment may be: declared once, in the signature of its `compute`.

    def compute(
        *,
        learning_rate: Annotated[float, Number(1e-6, 10, "of SGD")] = 0.95,
        steps: Annotated[int, Number(1, 100_000, "of training", quick=300)] = 10_000,
        hidden: Annotated[tuple[int, ...], Number(1, 1000, "hidden units, one panel each")] = (1, 4, 20),
        activation: Annotated[str, Choice(("sigmoid", "tanh", "relu"), "of the hidden units")] = "tanh",
        seed: Seed = 0,
    ) -> Data: ...

The name, type and default are those of the argument; range, description and the value of a quick run stand beside them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any


@dataclass(frozen=True)
class Number:
    """A number, or each of a tuple of numbers, from `low` to `high`, both included.

    text    what it is, in a few words
    quick   its value in a quick run, where that is not the default
    """

    low: float
    high: float
    text: str
    quick: Any = None


@dataclass(frozen=True)
class Choice:
    """One of some words, or a tuple of them; `text` and `quick` as for `Number`."""

    options: tuple[str, ...]
    text: str
    quick: Any = None


Seed = Annotated[int, Number(0, 2**31 - 1, "of all random numbers")]
ImageData = Annotated[str, Choice(("mnist", "fashion_mnist", "digits"), "the images")]
