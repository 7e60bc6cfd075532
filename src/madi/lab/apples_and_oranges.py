"""Apples and oranges: a price as a computational graph.

Each node knows its own inputs and nothing else: enough to compute the price going forward, and to hand back, going
backward, what one unit more of each input would cost.  Two apples at 100 cost 220 with the tax: one more on the price
adds 2.2 to that, one more apple 110, one more unit of tax 200.  Whatever else lies in a full basket, and however many
nodes its price took, the node that adds it sees one number: 4,000.

    apples        total = (price number) tax
    fruit         total = (price number + price number) tax
    full basket   total = (price number + the rest) tax

    a + b   passes the gradient on to both        a b   passes on to each the gradient times the other
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np

from madi.functions import sum as sum_of
from madi.graph import Variable, trace
from madi.graph import draw as drawing
from madi.lab.framework.experiment import Cost, Data
from madi.lab.framework.graphs import graphs
from madi.lab.framework.parameters import Number

ROWS = ("C1",)
COST = Cost(full=0.1, quick=0.1)

NAMES = {
    "apple_price": "price of an apple",
    "apples": "apples",
    "orange_price": "price of an orange",
    "oranges": "oranges",
    "rest": "the rest",
    "tax": "tax",
}


def compute(
    *,
    apple_price: Annotated[float, Number(0, 1e6, "of one apple")] = 100.0,
    apples: Annotated[float, Number(0, 1e6, "how many are bought")] = 2.0,
    orange_price: Annotated[float, Number(0, 1e6, "of one orange")] = 150.0,
    oranges: Annotated[float, Number(0, 1e6, "how many are bought")] = 3.0,
    tax: Annotated[float, Number(0, 10, "the factor on the sum: 1.1 adds 10%")] = 1.1,
    rest: Annotated[tuple[float, ...], Number(0, 1e6, "prices of all else in the full basket")] = (500, 1500, 2000),
) -> Data:
    """The baskets: inputs, nodes, total, gradients, and what one more of each input adds to the total."""
    few = {"apple_price": apple_price, "apples": apples}
    fruit = {**few, "orange_price": orange_price, "oranges": oranges, "tax": tax}
    computed = sum_of(Variable(np.array(rest, float)))
    return {
        "apples": basket({**few, "tax": tax}),
        "fruit": basket(fruit),
        "full": basket({**few, "rest": float(computed), "tax": tax}),
        "full_from_its_parts": basket({**few, "tax": tax}, rest=computed),
    }


def basket(inputs: dict[str, float], rest: Any = None) -> dict[str, Any]:
    """One basket, in float64; `rest` is a graph that computes the price of the rest."""
    leaves = variables(inputs)
    total = price(leaves, rest)
    total.backward()
    more = {name: price(variables({**inputs, name: value + 1}), rest) for name, value in inputs.items()}
    return {
        "inputs": inputs,
        "nodes": [{"symbol": step.symbol, "value": float(step.value)} for step in trace(total)],
        "total": float(total),
        "gradients": {name: float(leaf.grad) for name, leaf in leaves.items()},
        "one_more_adds": {name: float(raised) - float(total) for name, raised in more.items()},
    }


def variables(inputs: dict[str, float]) -> dict[str, Any]:
    """The inputs as leaves of a graph."""
    return {name: Variable(value, name=NAMES[name]) for name, value in inputs.items()}


def price(leaves: dict[str, Any], rest: Any = None) -> Any:
    """The graph of the total: products, their sum, the tax."""
    rest = leaves.get("rest", rest)
    total = leaves["apple_price"] * leaves["apples"]
    if "oranges" in leaves:
        total = total + leaves["orange_price"] * leaves["oranges"]
    if rest is not None:
        total = rest + total
    total = total * leaves["tax"]
    total.name = "total"
    return total


def claims(data: Data) -> dict[str, bool]:
    """What the baskets show."""
    apples, fruit, full, parts = (data[name] for name in ("apples", "fruit", "full", "full_from_its_parts"))
    (bought, with_rest, taxed), rest = (node["value"] for node in full["nodes"]), full["inputs"]["rest"]
    shared = {name: parts["gradients"][name] == full["gradients"][name] for name in parts["gradients"]}
    return {
        f"The apples cost {apples['total']:,.10g}; {_added(apples)}.": _gradients_are_what_is_added(apples),
        f"Apples and oranges cost {fruit['total']:,.10g}; {_added(fruit)}.": _gradients_are_what_is_added(fruit),
        f"{rest:,.10g} + {bought:,.10g} = {with_rest:,.10g}, with the tax {taxed:,.10g}: the same total and gradients "
        f"where the {rest:,.10g} is itself computed.": taxed == parts["total"] and all(shared.values()),
    }


def _added(found: dict[str, Any]) -> str:
    """What one more of each input adds, in words."""
    told = [f"{NAMES[name]} {value:,.10g}" for name, value in found["gradients"].items()]
    return f"one more adds: {', '.join(told)}"


def _gradients_are_what_is_added(found: dict[str, Any]) -> bool:
    """The total is linear in each input, so that a whole unit more adds just the gradient."""
    gradients, added = (
        np.array([found[key][name] for name in found["inputs"]]) for key in ("gradients", "one_more_adds")
    )
    return bool(np.allclose(gradients, added, rtol=1e-9, atol=1e-9 * abs(found["total"])))


def draw(data: Data) -> Any:
    """The three graphs, values forward and gradients backward."""
    titles = {"apples": "Apples", "fruit": "Apples and oranges", "full": "Apples in a full basket"}
    return graphs({title: drawing(price(variables(data[name]["inputs"]))) for name, title in titles.items()})[0]
