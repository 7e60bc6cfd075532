"""The pieces of an equation that is written as text: numbers, letters, words and signs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

NAMES = {
    *("exp", "log", "max", "min", "tanh", "sigmoid", "softmax", "mean", "clip", "sign", "sin", "cos", "floor", "erf"),
    *("argmax", "atan2", "relu"),
}
GREEK = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "eta": "η", "theta": "θ", "lambda": "λ",
    "mu": "μ", "pi": "π", "rho": "ρ", "sigma": "σ", "tau": "τ", "phi": "φ", "psi": "ψ", "omega": "ω",
}  # fmt: skip
RAISED = set("¹²³ᵀᵗ")
PRIMES = {"'": "′", "''": "″", "'''": "‴"}
SIGNS = {"-": "−", "<=": "≤", ">=": "≥", "*": "∗", "Σ": "∑"}
LOOSE = {*"+-−±=≠<>≤≥~,;·×∘∗*:→←≈", "<=", ">=", "..."}  # what parts two factors
CLOSING = {"(": ")", "[": "]", "{": "}", "⌊": "⌋"}
APPLIED = {*"Σ∂∇∫", *NAMES}  # what takes the next factor with it
KNOWN = {*LOOSE, *CLOSING, *CLOSING.values(), *RAISED, *PRIMES, *"Σ∂∇√∫/^|∞"}

# Words of sentences that no formula has; and what a formula has and mere words have not.
PROSE = {
    *("a", "an", "and", "are", "as", "be", "by", "from", "has", "have", "here", "is", "it", "its", "no", "not", "only"),
    *("see", "so", "that", "then", "to", "too"),
}
JOINING = PROSE | {"each", "else", "for", "in", "like", "of", "on", "or", "over", "the", "times", "where", "with"}
OPERATOR = re.compile(r"[=≠≤≥<>~→←+\-−±/^|∂Σ∇√·∘²³ᵀ\[]|\([\w ]+,|^\w( \w)+$")

LETTER = "A-Za-zÀ-ÖØ-öø-ſα-ωΑ-ΡΤ-Ω"
TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+(?:,\d{3})*(?:\.\d+)?(?:e[+-]?\d+)?)"
    r"|(?P<gradient>g[A-Za-zα-ω](?:\d|i)?(?![A-Za-z_]))"
    r"|(?P<change>d(?!o)[A-Za-zα-ω]\d?(?![A-Za-z_]))"
    r"|(?P<word>[A-Za-z]{2,}(?:\d[A-Za-z\d]*)?(?:_\w+)?|[A-Za-z]_\w+|`[^`]*`)"
    rf"|(?P<letter>[{LETTER}]\u0302?(?:\d|[\u2080-\u209cᵢⱼ]+)?)"
    r"|(?P<sign>\.\.\.|<=|>=|'+|.))",
    re.DOTALL,
)


class Token(NamedTuple):
    """A piece of the text; `spaced`: whether a space stands before it."""

    kind: str
    text: str
    spaced: bool


def tokens(text: str) -> Iterator[Token]:
    """The pieces of a text; the "x" between two sizes is a sign."""
    found = [
        Token(str(one.lastgroup), one[one.lastgroup or 0], one[0][:1].isspace()) for one in TOKEN.finditer(text.strip())
    ]
    for before, token, after in zip([None, *found], found, [*found[1:], None], strict=False):
        sizes = token.text == "x" and token.spaced and before and after and after.spaced and _are_sizes(before, after)
        yield Token("sign", "×", spaced=True) if sizes else token


def _are_sizes(before: Token, after: Token) -> bool:
    """Whether "x" between them means times: 3 x 3, k x k, inputs x outputs."""
    if before.kind == after.kind == "letter":
        return before.text == after.text
    words = before.kind == after.kind == "word" and not {before.text, after.text} & (NAMES | JOINING)
    return words or before.kind == after.kind == "number"
