"""The computational graph: Variables, the Functions between them, and the passes over it."""

from __future__ import annotations

from madi.graph.backward import gradients
from madi.graph.checking import GradientReport, check_gradients
from madi.graph.drawing.draw import Drawing, draw
from madi.graph.numerical import numerical_gradient
from madi.graph.trace import Trace, trace
from madi.graph.variable import Array, Function, Parameter, Variable, as_array, as_variables, no_grad, observing

__all__ = [
    "Array",
    "Drawing",
    "Function",
    "GradientReport",
    "Parameter",
    "Trace",
    "Variable",
    "as_array",
    "as_variables",
    "check_gradients",
    "draw",
    "gradients",
    "no_grad",
    "numerical_gradient",
    "observing",
    "trace",
]
