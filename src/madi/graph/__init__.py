"""The computational graph: Variables, the Functions between them, and the passes over it."""

from madi.graph.backward import gradients
from madi.graph.variable import Array, Function, Parameter, Variable, as_array, as_variables, no_grad

__all__ = ["Array", "Function", "Parameter", "Variable", "as_array", "as_variables", "gradients", "no_grad"]
