"""Equations as text, as docstrings and traces have them, set as MathML: every browser shows it without any script.

    y = 1 / (1 + exp(-x))          gx = gy Wᵀ, gW = xᵀ gy          dz/dx = dz/dt dt/dx
    y[n,o] = Σ over k of x[n,k] W[k,o]          H_out = floor((H + 2 p - K) / s) + 1

A sum is terms joined by signs; a term is factors side by side.  "/" between spaces puts all before it over what follows
it closely, "/" without spaces only what stands closely before it.  Words stay words.  What is no formula at all comes
out as the text that it was: nothing is refused.  `understood` says whether a text is a formula beyond doubt.
"""

from __future__ import annotations

import re
from functools import cache
from html import escape
from itertools import accumulate
from typing import NamedTuple
from unicodedata import normalize

from madi.studio.pieces import (
    APPLIED,
    CLOSING,
    GREEK,
    KNOWN,
    LOOSE,
    NAMES,
    OPERATOR,
    PRIMES,
    PROSE,
    RAISED,
    SIGNS,
    Token,
    tokens,
)

LONGEST, MOST_BRACKETS = 2000, 60  # of what is set as a formula: what is longer is none
FEW = 8  # tokens that may stand below a sum sign
PREFIX = ' form="prefix"'
BRACKETED = re.compile(r'<mrow><mo(?: stretchy="false")?>\(</mo>(.*)<mo(?: stretchy="false")?>\)</mo></mrow>')
SPACE = '<mspace width="0.2em"/>'


class Factor(NamedTuple):
    """A factor as markup; `spaced`: whether a space stands before it."""

    markup: str
    spaced: bool = False

    @property
    def is_word(self) -> bool:
        """Whether it is words."""
        return self.markup.startswith("<mtext>")


@cache
def mathml(text: str) -> str:
    """The equation as a `<math>` element; all that comes from the text is escaped.

    >>> mathml("y = x0 / 2")
    '<math><mi>y</mi><mo>=</mo><mfrac><msub><mi>x</mi><mn>0</mn></msub><mn>2</mn></mfrac></math>'
    """
    if _is_long(text):
        return f"<math><mtext>{escape(text)}</mtext></math>"
    return f"<math>{_Reader(text).row(None)}</math>"


@cache
def understood(text: str) -> bool:
    """Whether a text is a formula that can be read in one way only, rather than words or something unknown.

    >>> [understood(text) for text in ("dz/dx = 2 t", "passes it on to both", "a / b / c")]
    [True, False, False]
    """
    if _is_long(text):
        return False
    reader = _Reader(text)
    words = {token.text for token in reader.tokens if token.kind in ("word", "letter")} - {"a"}
    article = re.search(r"\ba [a-z]{2,}|'s\b", text)
    signs = {token.text for token in reader.tokens if token.kind == "sign"}
    if article or words & PROSE or not signs <= KNOWN or not OPERATOR.search(text) or not _is_balanced(text):
        return False
    reader.row(None)
    return not reader.doubtful


def _is_long(text: str) -> bool:
    return len(text) > LONGEST or sum(map(text.count, CLOSING)) > MOST_BRACKETS


def _is_balanced(text: str) -> bool:
    """Whether each bracket is closed by its like."""
    closing = []
    for letter in text:
        if letter in CLOSING:
            closing.append(CLOSING[letter])
        elif letter in CLOSING.values() and (not closing or closing.pop() != letter):
            return False
    return not closing


class _Reader:
    """Reads tokens from left to right.

    doubtful    whether something was met that could be read in two ways
    """

    def __init__(self, text: str) -> None:
        self.tokens = list(tokens(text))
        self.place = 0
        self.doubtful = False
        self.ends = ""  # the word that ends what is read now

    def peek(self) -> str:
        """The next token's text; "" at the end."""
        return self.tokens[self.place].text if self.place < len(self.tokens) else ""

    def is_close(self) -> bool:
        """Whether the next token stands close to the one before."""
        return self.place < len(self.tokens) and not self.tokens[self.place].spaced

    def row(self, closing: str | None) -> str:
        """Terms and signs, up to the bracket that closes them."""
        parts: list[str] = []
        while (text := self.peek()) and text != closing:
            leads = not parts or parts[-1].startswith("<mo") or parts[-1].endswith("</mtext>")
            parts.append(self.sign(leads=leads) if text in LOOSE else self.term(closing))
        return _trimmed("".join(parts))

    def sign(self, *, leads: bool = False) -> str:
        """A sign between two terms, or one that leads a term."""
        text = self.peek()
        self.place += 1
        return f"<mo{PREFIX if leads and text in '-−±' else ''}>{escape(SIGNS.get(text, text))}</mo>"

    def term(self, closing: str | None) -> str:
        """Factors side by side, over what is divided by."""
        factors: list[Factor] = []
        loosely = 0
        while (text := self.peek()) and text not in LOOSE and text != closing:
            spaced = self.tokens[self.place].spaced
            if text == "/" and factors:
                loosely += spaced
                start = _start(factors, close=not spaced)
                self.place += 1
                over, under = _one(factors[start:]), self.divisor(closing)
                divided = Factor(f"<mfrac>{_bare(over)}{_bare(under)}</mfrac>", factors[start].spaced)
                factors[start:] = [divided]
            else:
                factors.append(Factor(self.factor(), spaced))
        self.doubtful |= loosely > 1
        return _side_by_side(factors)

    def divisor(self, closing: str | None) -> str:
        """The factor after a "/" and what stands close to it; a sum sign or a function takes the next one with it."""
        factors: list[Factor] = []
        takes = True
        while (text := self.peek()) and text != closing and (not factors or text not in LOOSE | {"/"}):
            if not takes and not self.is_close():
                break
            takes = text in APPLIED
            spaced = self.tokens[self.place].spaced and bool(factors)
            factors.append(Factor(self.factor(), spaced))
        return _one(factors)

    def factor(self) -> str:
        """A letter, number, word or bracket with what stands below and above it."""
        kind, text, _ = self.tokens[self.place]
        self.place += 1
        if text == "√":
            return f"<msqrt>{self.within() if self.peek() == '(' else self.factor() if self.peek() else ''}</msqrt>"
        if text == "Σ" and self.goes_over_little():
            return f"<munder>{_atom(kind, text)}<mrow>{self.below()}</mrow></munder>"
        if text in CLOSING:
            self.place -= 1
            return self.raised(_bracketed(text, self.within()))
        if text == "|" and self.is_close() and any(token.text == "|" for token in self.tokens[self.place :]):
            inner = self.row("|")
            self.place += 1
            return self.raised(f'<mrow><mo stretchy="false">|</mo>{inner}<mo stretchy="false">|</mo></mrow>')
        return self.raised(self.named(kind, text))

    def named(self, kind: str, text: str) -> str:
        """One token; a letter that an opening bracket follows closely has an index, words that follow are one text."""
        if kind == "word" and not self.is_name(self.tokens[self.place - 1], self.place):
            return self.words(text)
        base = _atom(kind, text)
        indexed = kind in ("letter", "gradient", "change") and self.peek() == "[" and self.is_close()
        return f"<msub>{base}<mrow>{self.within()}</mrow></msub>" if indexed else base

    def is_name(self, token: Token, place: int) -> bool:
        """Whether a word is a function, a variable with an index or a power, or a Greek letter; `place` is after it."""
        if token.text in NAMES or token.text in GREEK or "_" in token.text.strip("`"):
            return True
        close = place < len(self.tokens) and not self.tokens[place].spaced
        return close and self.tokens[place].text in {"(", "^", *RAISED, *PRIMES}

    def words(self, text: str) -> str:
        """Words in a row."""
        while self.place < len(self.tokens) and self.tokens[self.place].kind == "word" and self.peek() != self.ends:
            if self.is_name(self.tokens[self.place], self.place + 1):
                break
            text += f" {self.peek()}"
            self.place += 1
        return f"<mtext>&nbsp;{escape(text.replace('`', ''))}&nbsp;</mtext>"

    def goes_over_little(self) -> bool:
        """Whether "over k, l of" comes next, short enough to stand below a sum sign."""
        ahead = [token.text for token in self.tokens[self.place : self.place + FEW]]
        return ahead[:1] == ["over"] and "of" in ahead

    def below(self) -> str:
        """What a sum goes over, up to the "of"."""
        self.place += 1
        outer, self.ends = self.ends, "of"
        inner = self.row("of")
        self.ends = outer
        self.place += 1
        return inner

    def within(self) -> str:
        """What stands in the bracket that opens here."""
        closing = CLOSING[self.peek()]
        self.place += 1
        inner = self.row(closing)
        self.place += 1
        return inner

    def raised(self, base: str) -> str:
        """The base with the power or the primes that follow it, if some do."""
        text = self.peek()
        if text in RAISED or (text in PRIMES and self.is_close()):
            self.place += 1
            return self.raised(f"<msup>{base}{_above(text)}</msup>")
        if text != "^":
            return base
        self.place += 1
        return f"<msup>{base}<mrow>{self.power()}</mrow></msup>"

    def power(self) -> str:
        """What stands after a "^": a number, a letter, a function of something, all in a bracket."""
        sign = self.sign(leads=True) if self.peek() in ("-", "−") else ""
        if self.peek() == "(":
            return sign + self.within()
        is_named = self.place < len(self.tokens) and self.tokens[self.place].kind in ("letter", "word")
        power = self.factor() if self.peek() else ""
        if is_named and self.peek() == "(" and self.is_close():
            power += _bracketed("(", self.within())
        return sign + power


def _start(factors: list[Factor], *, close: bool) -> int:
    """The first of the factors that stand above a "/": all after words, or those that stand close to it."""
    last = len(factors) - 1
    if factors[last].is_word:  # the word itself, and a ∂ before it
        return last - (last > 0 and factors[last - 1].markup == "<mo>∂</mo>")
    start = max((place + 1 for place, factor in enumerate(factors) if factor.is_word), default=0)
    return max((place for place in range(start, last + 1) if factors[place].spaced), default=start) if close else start


def _atom(kind: str, text: str) -> str:
    if kind == "number":
        return f"<mn>{escape(text)}</mn>"
    if kind == "word":
        return _name(text.strip("`"))
    if kind == "sign":
        return f"<mo>{escape(SIGNS.get(text, text))}</mo>"
    if kind == "gradient":  # gx0: the gradient of x0
        return f"<msub><mi>g</mi><mrow>{_letter(text[1:])}</mrow></msub>"
    if kind == "change":  # dx: a change of x, or what the course calls its gradient
        return f'<mrow><mi mathvariant="normal">d</mi>{_letter(text[1:])}</mrow>'
    return _letter(text)


def _name(text: str) -> str:
    """A name of several letters, upright; with an index after "_", as H_out."""
    base, _, index = text.partition("_")
    named = f"<mi>{escape(GREEK.get(base, base))}</mi>"
    if not index:
        return named
    return f"<msub>{named}{f'<mtext>{escape(index)}</mtext>' if len(index) > 1 else _letter(index)}</msub>"


def _letter(text: str) -> str:
    """A letter, and the digit, the i or the index below it."""
    if len(text) == 2 and text[1] == "i":
        return f"<msub><mi>{escape(text[0])}</mi><mi>i</mi></msub>"
    found = re.fullmatch(r"(.\u0302?)(\d|[\u2080-\u209cᵢⱼ]+)", text)
    if found is None:
        return _bare_letter(text)
    below = re.sub(r"\d+|.", _below, normalize("NFKC", found[2]))
    return f"<msub>{_bare_letter(found[1])}{below if len(found[2]) == 1 else f'<mrow>{below}</mrow>'}</msub>"


def _bare_letter(text: str) -> str:
    """A letter; with a hat, where it has one."""
    base, hat = normalize("NFD", text)[:1], text[1:] or normalize("NFD", text)[1:]
    if hat != "\u0302":
        return f"<mi>{escape(text)}</mi>"
    return f'<mover accent="true"><mi>{base}</mi><mo stretchy="false">^</mo></mover>'


def _below(found: re.Match[str]) -> str:
    """A digit, a letter or a sign of an index."""
    tag = "mn" if found[0].isdigit() else "mi" if found[0].isalpha() else "mo"
    return f"<{tag}>{found[0]}</{tag}>"


def _above(text: str) -> str:
    """A small number or letter that stands above, or primes."""
    return f"<mo>{PRIMES[text]}</mo>" if text in PRIMES else re.sub(r"\d+|.", _below, normalize("NFKC", text))


def _bracketed(bracket: str, inner: str) -> str:
    """Brackets as high as the line, or as the fraction between them."""
    low = "" if "<mfrac>" in inner or "<msqrt>" in inner else ' stretchy="false"'
    return f"<mrow><mo{low}>{bracket}</mo>{inner}<mo{low}>{CLOSING[bracket]}</mo></mrow>"


def _bare(factor: str) -> str:
    """What stands above or below a fraction line needs no brackets of its own."""
    found = BRACKETED.fullmatch(factor)
    if found is None:
        return factor
    depth = accumulate(1 if tag[0] == "<mrow>" else -1 for tag in re.finditer("</?mrow>", found[1]))
    return factor if any(open_ < 0 for open_ in depth) else f"<mrow>{found[1]}</mrow>"


def _trimmed(row: str) -> str:
    """A row without the gaps of words at its ends."""
    return re.sub("^<mtext>&nbsp;|&nbsp;</mtext>$", lambda gap: gap[0].replace("&nbsp;", ""), row)


def _one(factors: list[Factor]) -> str:
    """Factors as one element."""
    return factors[0].markup if len(factors) == 1 else f"<mrow>{_side_by_side(factors)}</mrow>"


def _side_by_side(factors: list[Factor]) -> str:
    """Factors with a narrow space where the text has one."""
    text = ""
    for place, factor in enumerate(factors):
        apart = place and factor.spaced and not (factor.is_word or factors[place - 1].is_word)
        text += (SPACE if apart else "") + factor.markup
    return text
