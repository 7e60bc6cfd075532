"""Export: a network as an ONNX file.

What is written is the run itself: the network is called once on shapes, and each node of madi's own functions that is
met there becomes a node or two of ONNX.  So a layer of one's own that is made of madi's functions needs nothing more,
and a function of one's own needs one entry (`exporter`).

    tracing     the run, from two calls that differ in the number of examples
    table       how each Function is written; nodes/ holds madi's own
    writer      nodes, constants, and values in either order of axes
    columns     a table's raw columns, dates and categories among them, as nodes
    answers     probabilities and labels, or numbers in the target's units
    document    the message of protobuf
    checking    the format's checker, and onnxruntime's answers against madi's
"""

from __future__ import annotations

from madi.onnx.exporting.checking import Check, ExportMismatch
from madi.onnx.exporting.exporting import Exported, export, exported
from madi.onnx.exporting.table import EXPORTS, exporter

__all__ = ["EXPORTS", "Check", "ExportMismatch", "Exported", "export", "exported", "exporter"]
