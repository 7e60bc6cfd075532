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
from madi.studio.mathml import mathml


def parsed(text: str) -> ElementTree.Element:
    return ElementTree.fromstring(mathml(text).replace("&nbsp;", " "))


def shape(text: str) -> str:
    """The elements without spaces and attributes, as brackets: "mi(x)mo(=)"."""
    plain = re.sub(r"<mspace[^>]*/>| (?:form|stretchy)=\"\w+\"", "", mathml(text))
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
        ("Σ x / m", "mfrac(mrow(mo(Σ)mi(x))mi(m))"),
        ("exp(x) / Σ exp(x)", "mfrac(mrow(mi(exp)mrow(mo(()mi(x)mo())))mrow(mo(Σ)mi(exp)mrow(mo(()mi(x)mo()))))"),
        ("x0^(x1 - 1)", "msup(msub(mi(x)mn(0))mrow(msub(mi(x)mn(1))mo(−)mn(1)))"),
        ("d^-β", "msup(mi(d)mrow(mo(−)mi(β)))"),
        ("(x - t)²", "msup(mrow(mo(()mi(x)mo(−)mi(t)mo()))mn(2))"),
        ("√(σ² + ε)", "msqrt(msup(mi(σ)mn(2))mo(+)mi(ε))"),
        ("x[n, i s + k]", "msub(mi(x)mrow(mi(n)mo(,)mi(i)mi(s)mo(+)mi(k)))"),
        ("xᵀ gy", "msup(mi(x)mi(T))msub(mi(g)mrow(mi(y)))"),
        ("y where x <= 0", "mi(y)mtext(&nbsp;where&nbsp;)mi(x)mo(≤)mn(0)"),
        ("∂y/∂x", "mfrac(mrow(mo(∂)mi(y))mrow(mo(∂)mi(x)))"),
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
        kept = sorted(re.findall(r"\w", text.replace("²", "2").replace("³", "3").replace("ᵀ", "T")))
        assert sorted(re.findall(r"\w", told)) == kept, f"{text} -> {told}"


@pytest.mark.parametrize(
    "text", ["", "(", ")", "x[", "/", "^", "√", "a /", "<script>alert(1)</script>", "x & y", "`<b>`"]
)
def test_nothing_is_refused_and_no_markup_gets_through(text: str) -> None:
    formula = mathml(text)
    assert "<script" not in formula
    assert "<b>" not in formula
    assert html.unescape("".join(parsed(text).itertext())).count("alert") == text.count("alert")
