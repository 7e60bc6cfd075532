"""Equations as MathML: what is written as text is set as a formula, all of it."""

from __future__ import annotations

import html
import importlib
import pkgutil
import re
from collections.abc import Iterator
from xml.etree import ElementTree

import pytest

import madi.functions
from madi.graph import Function
from madi.graph.trace import equations_of
from madi.studio.mathml import mathml, understood
from madi.studio.pieces import GREEK


def parsed(text: str) -> ElementTree.Element:
    return ElementTree.fromstring(mathml(text).replace("&nbsp;", " "))


def shape(text: str) -> str:
    """The elements without spaces and attributes, as brackets: "mi(x)mo(=)"."""
    plain = re.sub(r"<mspace[^>]*/>| (?:form|stretchy|mathvariant|accent)=\"\w+\"", "", mathml(text))
    return re.sub(r"</\w+>", ")", re.sub(r"<(\w+)>", r"\1(", plain)).removeprefix("math(").removesuffix(")")


def kinds(base: type[Function]) -> Iterator[type[Function]]:
    for kind in base.__subclasses__():
        yield kind
        yield from kinds(kind)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("y = x", "mi(y)mo(=)mi(x)"),
        ("gx0 = gy x1", "msub(mi(g)mrow(msub(mi(x)mn(0))))mo(=)msub(mi(g)mrow(mi(y)))msub(mi(x)mn(1))"),
        ("y = -x", "mi(y)mo(=)mo(−)mi(x)"),
        ("gy / (2 y)", "mfrac(msub(mi(g)mrow(mi(y)))mrow(mn(2)mi(y)))"),
        ("a b / c d", "mfrac(mrow(mi(a)mi(b))mi(c))mi(d)"),
        ("Σ x / m", "mfrac(mrow(mo(∑)mi(x))mi(m))"),
        ("exp(x) / Σ exp(x)", "mfrac(mrow(mi(exp)mrow(mo(()mi(x)mo())))mrow(mo(∑)mi(exp)mrow(mo(()mi(x)mo()))))"),
        ("x0^(x1 - 1)", "msup(msub(mi(x)mn(0))mrow(msub(mi(x)mn(1))mo(−)mn(1)))"),
        ("d^-β", "msup(mi(d)mrow(mo(−)mi(β)))"),
        ("(x - t)²", "msup(mrow(mo(()mi(x)mo(−)mi(t)mo()))mn(2))"),
        ("√(σ² + ε)", "msqrt(msup(mi(σ)mn(2))mo(+)mi(ε))"),
        ("x[n, i s + k]", "msub(mi(x)mrow(mi(n)mo(,)mi(i)mi(s)mo(+)mi(k)))"),
        ("xᵀ gy", "msup(mi(x)mi(T))msub(mi(g)mrow(mi(y)))"),
        ("y where x <= 0", "mi(y)mtext(&nbsp;where&nbsp;)mi(x)mo(≤)mn(0)"),
        ("∂y/∂x", "mfrac(mrow(mo(∂)mi(y))mrow(mo(∂)mi(x)))"),
        ("dz/dx", "mfrac(mrow(mi(d)mi(z))mrow(mi(d)mi(x)))"),
        ("dz/dt dt/dx", "mfrac(mrow(mi(d)mi(z))mrow(mi(d)mi(t)))mfrac(mrow(mi(d)mi(t))mrow(mi(d)mi(x)))"),
        ("dW[l]", "msub(mrow(mi(d)mi(W))mrow(mi(l)))"),
        ("η ∂L/∂W", "mi(η)mfrac(mrow(mo(∂)mi(L))mrow(mo(∂)mi(W)))"),
        ("∂ accuracy / ∂w", "mfrac(mrow(mo(∂)mtext(&nbsp;accuracy&nbsp;))mrow(mo(∂)mi(w)))"),
        ("x ← a / b", "mi(x)mo(←)mfrac(mi(a)mi(b))"),
        ("f(x) / 2h", "mfrac(mrow(mi(f)mrow(mo(()mi(x)mo())))mrow(mn(2)mi(h)))"),
        ("h f''/2", "mi(h)mfrac(msup(mi(f)mo(″))mn(2))"),
        ("λ/2 Σ w²", "mfrac(mi(λ)mn(2))mo(∑)msup(mi(w)mn(2))"),
        ("H_out K", "msub(mi(H)mtext(out))mi(K)"),
        ("network_m(x)", "msub(mi(network)mi(m))mrow(mo(()mi(x)mo()))"),
        ("k x k", "mi(k)mo(×)mi(k)"),
        ("3 x 3", "mn(3)mo(×)mn(3)"),
        ("inputs x outputs", "mtext(inputs&nbsp;)mo(×)mtext(&nbsp;outputs)"),
        ("w x b", "mi(w)mi(x)mi(b)"),
        ("lambda x", "mi(λ)mi(x)"),
        ("std²", "msup(mi(std)mn(2))"),
        ("0.9ᵗ", "msup(mn(0.9)mi(t))"),
        ("Wₗ₋₁", "msub(mi(W)mrow(mi(l)mo(−)mn(1)))"),
        ("10^U(-6, 2)", "msup(mn(10)mrow(mi(U)mrow(mo(()mo(−)mn(6)mo(,)mn(2)mo()))))"),
        ("1 / (1 + exp(-x))", "mfrac(mn(1)mrow(mn(1)mo(+)mi(exp)mrow(mo(()mo(−)mi(x)mo()))))"),
        ("1 / ((a) (b))", "mfrac(mn(1)mrow(mrow(mo(()mi(a)mo()))mrow(mo(()mi(b)mo()))))"),
        ("(price number) tax", "mrow(mo(()mtext(price number)mo()))mtext(&nbsp;tax)"),
        ("a / √(b) (c - d), e", "mfrac(mi(a)msqrt(mi(b)))mrow(mo(()mi(c)mo(−)mi(d)mo()))mo(,)mi(e)"),
        ("x̂ + ŷ", "mover(mi(x)mo(^))mo(+)mover(mi(y)mo(^))"),
        ("|p|", "mrow(mo(|)mi(p)mo(|))"),
        ("Σ over k, l of a[k]", "munder(mo(∑)mrow(mi(k)mo(,)mi(l)))msub(mi(a)mrow(mi(k)))"),
        ("(2,) (2, 3)", "mrow(mo(()mn(2)mo(,)mo()))mrow(mo(()mn(2)mo(,)mn(3)mo()))"),
    ],
)  # fmt: skip
def test_what_stands_where(text: str, expected: str) -> None:
    assert shape(text) == expected


def test_every_equation_of_every_node_is_set_whole() -> None:
    """Well-formed, and no letter, digit or word of it is lost."""
    for module in pkgutil.iter_modules(madi.functions.__path__):
        importlib.import_module(f"madi.functions.{module.name}")
    equations = {text for kind in kinds(Function) for text in equations_of(kind.__doc__) if text}
    assert len(equations) > 100
    for text in equations:
        told = "".join(parsed(text).itertext())
        plain = re.sub("[Σ_]", "", text.replace("²", "2").replace("³", "3").replace("ᵀ", "T"))
        plain = re.sub("[a-z]+", lambda word: GREEK.get(word[0], word[0]), plain)
        if "<munder>" in mathml(text):  # which says the same
            plain = re.sub(r"over (.{1,30}?) of\b", r"\1", plain)
        kept = sorted(re.findall(r"\w", plain))
        assert sorted(re.findall(r"\w", told)) == kept, f"{text} -> {told}"


@pytest.mark.parametrize(
    ("text", "is_formula"),
    [
        ("y = x W + b", True), ("dz/dx", True), ("(n, k) (k, m) → (n, m)", True),
        ("h(a) = 1 where a > 0, else 0", True),
        ("passes it on to both", False), ("sigmoid", False), ("slope 1 or 0", False), ("y = (x", False),
        ("a / b / c", False), ("y = a picture", False), ("W's columns = v", False), ("y = x ♥ z", False),
        ("y = " + "x" * 3000, False),
    ],
)  # fmt: skip
def test_what_is_no_formula_beyond_doubt_is_told(text: str, *, is_formula: bool) -> None:
    assert understood(text) is is_formula


@pytest.mark.parametrize(
    "text", ["", "(", ")", "x[", "/", "^", "√", "a /", "<script>alert(1)</script>", "x & y", "`<b>`"]
)
def test_nothing_is_refused_and_no_markup_gets_through(text: str) -> None:
    formula = mathml(text)
    assert "<script" not in formula
    assert "<b>" not in formula
    assert html.unescape("".join(parsed(text).itertext())).count("alert") == text.count("alert")
