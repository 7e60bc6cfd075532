"""Equations as text, as docstrings and traces have them, set as MathML: every browser shows it without any script.

    y = 1 / (1 + exp(-x))          gx = gy Wᵀ, gW = xᵀ gy          y[n,o] = Σ over k of x[n,k] W[k,o]

A sum is terms joined by signs; a term is factors side by side, where "/" puts all before it over the one factor after
it.  Words stay words.  What is no formula at all comes out as the text that it was: nothing is refused.
"""

from __future__ import annotations

import re
from functools import cache
from html import escape
from itertools import pairwise

NAMES = {
    *("exp", "log", "max", "min", "tanh", "sigmoid", "softmax", "mean", "clip", "sign", "sin", "cos", "floor", "erf")
}
SUPERSCRIPTS = {"²": "<mn>2</mn>", "³": "<mn>3</mn>", "ᵀ": "<mi>T</mi>"}
SIGNS = {"-": "−", "<=": "≤", ">=": "≥", "*": "·"}
LOOSE = {*"+-−=<>,;·×*:→≈", "<=", ">=", "..."}  # what parts two factors
CLOSING = {"(": ")", "[": "]", "{": "}"}

LONGEST, MOST_BRACKETS = 2000, 60  # of what is set as a formula: what is longer is none
PREFIX = ' form="prefix"'
BRACKETED = re.compile(r'<mrow><mo(?: stretchy="false")?>\(</mo>(.*)<mo(?: stretchy="false")?>\)</mo></mrow>')
SPACE = '<mspace width="0.2em"/>'

TOKEN = re.compile(
    r"\s*(?:(?P<number>\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?)"
    r"|(?P<gradient>g[A-Za-zα-ω](?:\d|i)?(?![A-Za-z]))"
    r"|(?P<word>[A-Za-z]{2,}(?![\dA-Za-z])|`[^`]*`)"
    r"|(?P<letter>[A-Za-zα-ωΑ-ΡΤ-Ω]\u0302?\d?)"
    r"|(?P<sign>\.\.\.|<=|>=|.))",
    re.DOTALL,
)


@cache
def mathml(text: str) -> str:
    """The equation as a `<math>` element; all that comes from the text is escaped.

    >>> mathml("y = x0 / 2")
    '<math><mi>y</mi><mo>=</mo><mfrac><msub><mi>x</mi><mn>0</mn></msub><mn>2</mn></mfrac></math>'
    """
    if len(text) > LONGEST or sum(map(text.count, CLOSING)) > MOST_BRACKETS:
        return f"<math><mtext>{escape(text)}</mtext></math>"
    return f"<math>{_Reader(text).row(None)}</math>"


class _Reader:
    """Reads tokens from left to right; each is (kind, text, whether a space stands before it)."""

    def __init__(self, text: str) -> None:
        found = list(TOKEN.finditer(text.strip()))
        self.tokens = [(str(one.lastgroup), one[one.lastgroup or 0], one[0][:1].isspace()) for one in found]
        self.place = 0

    def peek(self) -> str:
        """The next token's text; "" at the end."""
        return self.tokens[self.place][1] if self.place < len(self.tokens) else ""

    def row(self, closing: str | None) -> str:
        """Terms and signs, up to the bracket that closes them."""
        parts: list[str] = []
        before = ""
        while (text := self.peek()) and text != closing:
            leads = not before or before in LOOSE
            parts.append(self.sign(leads=leads) if text in LOOSE else self.term(closing))
            before = text
        return "".join(parts)

    def sign(self, *, leads: bool = False) -> str:
        """A sign between two terms, or one that leads a term."""
        text = self.peek()
        self.place += 1
        return f"<mo{PREFIX if leads and text in '-−' else ''}>{escape(SIGNS.get(text, text))}</mo>"

    def term(self, closing: str | None) -> str:
        """Factors side by side, over what is divided by."""
        factors: list[str] = []
        while (text := self.peek()) and text not in LOOSE and text != closing:
            if text == "/" and factors:
                self.place += 1
                start = max((i + 1 for i, factor in enumerate(factors) if factor.startswith("<mtext>")), default=0)
                over = _one(factors[start:]) if factors[start:] else "<mrow></mrow>"
                factors[start:] = [f"<mfrac>{_bare(over)}{_bare(self.divisor(closing))}</mfrac>"]
            else:
                factors.append(self.factor())
        return _side_by_side(factors)

    def divisor(self, closing: str | None) -> str:
        """The factor after a "/"; a sum sign or a function takes the next factor with it."""
        factors = []
        while self.peek() and self.peek() != closing:
            applied = self.peek() in {"Σ", "∂", *NAMES}
            factors.append(self.factor())
            if not applied:
                break
        return _one(factors)

    def factor(self) -> str:
        """A letter, number, word or bracket with what stands below and above it."""
        kind, text, _ = self.tokens[self.place]
        self.place += 1
        if text == "√":
            return f"<msqrt>{self.within() if self.peek() == '(' else self.factor() if self.peek() else ''}</msqrt>"
        if text in CLOSING:
            self.place -= 1
            base = _bracketed(text, self.within())
        else:
            base = self.named(kind, text)
        return self.raised(base)

    def named(self, kind: str, text: str) -> str:
        """One token; a letter that an opening bracket follows closely has an index, words that follow are one text."""
        if kind == "word" and text not in NAMES:
            return self.words(text)
        base = _atom(kind, text)
        indexed = kind in ("letter", "gradient") and self.peek() == "[" and not self.tokens[self.place][2]
        return f"<msub>{base}<mrow>{self.within()}</mrow></msub>" if indexed else base

    def words(self, text: str) -> str:
        """Words in a row."""
        while self.place < len(self.tokens) and self.tokens[self.place][0] == "word" and self.peek() not in NAMES:
            text += f" {self.peek()}"
            self.place += 1
        return f"<mtext>&nbsp;{escape(text.replace('`', ''))}&nbsp;</mtext>"

    def within(self) -> str:
        """What stands in the bracket that opens here."""
        closing = CLOSING[self.peek()]
        self.place += 1
        inner = self.row(closing)
        self.place += 1
        return inner

    def raised(self, base: str) -> str:
        """The base with the power that follows it, if one does."""
        if self.peek() in SUPERSCRIPTS:
            self.place += 1
            return self.raised(f"<msup>{base}{SUPERSCRIPTS[self.tokens[self.place - 1][1]]}</msup>")
        if self.peek() != "^":
            return base
        self.place += 1
        signs = [self.sign()] if self.peek() in ("-", "−") else []
        power = self.within() if self.peek() == "(" else self.factor() if self.peek() else ""
        return f"<msup>{base}<mrow>{''.join(signs)}{power}</mrow></msup>"


def _atom(kind: str, text: str) -> str:
    if kind == "number":
        return f"<mn>{escape(text)}</mn>"
    if kind == "word":
        return f"<mi>{text}</mi>"
    if kind == "sign":
        return f"<mo>{escape(SIGNS.get(text, text))}</mo>"
    if kind == "gradient":  # gx0: the gradient of x0
        return f"<msub><mi>g</mi><mrow>{_letter(text[1:])}</mrow></msub>"
    return _letter(text)


def _letter(text: str) -> str:
    """A letter, and the digit or the i below it."""
    if text[-1:].isdigit():
        return f"<msub><mi>{escape(text[:-1])}</mi><mn>{text[-1]}</mn></msub>"
    if len(text) == 2 and text[1] == "i":
        return f"<msub><mi>{escape(text[0])}</mi><mi>i</mi></msub>"
    return f"<mi>{escape(text)}</mi>"


def _bracketed(bracket: str, inner: str) -> str:
    """Brackets as high as the line, or as the fraction between them."""
    low = "" if "<mfrac>" in inner or "<msqrt>" in inner else ' stretchy="false"'
    return f"<mrow><mo{low}>{bracket}</mo>{inner}<mo{low}>{CLOSING[bracket]}</mo></mrow>"


def _bare(factor: str) -> str:
    """What stands above or below a fraction line needs no brackets of its own."""
    found = BRACKETED.fullmatch(factor)
    return f"<mrow>{found[1]}</mrow>" if found and "<mrow><mo" not in found[1] else factor


def _one(factors: list[str]) -> str:
    """Factors as one element."""
    return factors[0] if len(factors) == 1 else f"<mrow>{_side_by_side(factors)}</mrow>"


def _side_by_side(factors: list[str]) -> str:
    """Factors with a narrow space between them; a function's bracket stands close."""
    text = "".join(factors[:1])
    for before, factor in pairwise(factors):
        close = before.removeprefix("<mi>").removesuffix("</mi>") in NAMES and factor.startswith("<mrow>")
        spaced = "" if close or before == "<mo>∂</mo>" or "<mtext>" in (before[:7], factor[:7]) else SPACE
        text += spaced + factor
    return text
