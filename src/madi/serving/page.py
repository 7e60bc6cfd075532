"""The page at /docs: the models that are served, how to ask them, and the routes; without a script or another file."""

from __future__ import annotations

import json
import math
from html import escape
from typing import Any

from madi.serving.document import document
from madi.serving.models import Models
from madi.serving.raw import is_table
from madi.serving.served import Served
from madi.serving.tensors import Port

SHOWN = 10  # numbers, columns or classes of an example

STYLE = """
:root { color-scheme: light dark; --ink: #1d2530; --soft: #5c6878; --line: #dfe4ea; --paper: #fff; --card: #f6f8fa;
  --mark: #1f6feb; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e3e8ee; --soft: #9aa7b5; --line: #303a46; --paper: #14191f; --card: #1c232b; --mark: #6cb0ff; } }
body { margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 54rem; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, "Noto Sans KR", sans-serif; }
h1 { font-size: 1.6rem; margin: 0; } h2 { font-size: 1.2rem; margin: 2.2rem 0 .6rem; }
h3 { margin: 0; font-size: 1rem; }
p { margin: .4rem 0; } .soft { color: var(--soft); } a { color: var(--mark); }
section { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: 1rem 1.1rem;
  margin: .8rem 0; }
pre { overflow-x: auto; background: var(--paper); border: 1px solid var(--line); border-radius: .4rem;
  padding: .7rem .8rem; font-size: .84rem; } code, pre { font-family: ui-monospace, "DejaVu Sans Mono", monospace; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; } td, th { text-align: left; vertical-align: top;
  padding: .3rem .8rem .3rem 0; border-bottom: 1px solid var(--line); } th { color: var(--soft); font-weight: 500; }
td { overflow-wrap: break-word; } td code { white-space: normal; }
"""


def page(models: Models, version: str) -> str:
    """The page as HTML; every text of a model is escaped."""
    cards = "".join(_card(served, models) for served in models)
    waiting = [str(source) for source in models.sources.values() if not models.answers(source)]
    waits = f"<p class=soft>Still being read and compiled: {escape(', '.join(waiting))}.</p>" if waiting else ""
    routes = "".join(
        _route(method, path, told["summary"])
        for path, methods in document(version)["paths"].items()
        for method, told in methods.items()
        if method != "parameters"
    )
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>madi serve</title><style>{STYLE}</style><h1>madi serve</h1>"
        f"<p class=soft>{escape(version)} · the Open Inference Protocol, version 2, and a plainer route</p>"
        f"<h2>Models</h2>{cards}{waits}<h2>Routes</h2><table><tr><th>Method<th>Address<th></tr>{routes}</table>"
        "<p class=soft>For programs: <a href=/openapi.json>/openapi.json</a> (OpenAPI 3.1) and "
        "<a href=/metrics>/metrics</a> (Prometheus).</p></html>"
    )


def _route(method: str, path: str, told: str) -> str:
    address = escape(path).replace("/", "/<wbr>")
    return f"<tr><td><code>{method.upper()}</code></td><td><code>{address}</code></td><td>{escape(told)}</td></tr>"


def _card(served: Served, models: Models) -> str:
    source = served.source
    newest = models.source(source.name) == source
    address = f"/predict/{source.name}" + ("" if newest else f"/versions/{source.version}")
    rows = "".join(
        f"<tr><td>{side}</td><td><code>{escape(port.name)}</code></td><td>{port.datatype}</td><td>{_shape(port)}</td></tr>"
        for side, ports in (("takes", served.inputs), ("gives", served.outputs))
        for port in ports
    )
    asked = f"POST {address}\nContent-Type: application/json\n\n{_example(served)}"
    return (
        f"<section><h3>{escape(source.name)} <span class=soft>version {escape(source.version)}</span></h3>"
        f"{_classes(served)}<table><tr><th></th><th>Tensor</th><th>Type</th><th>Shape</th></tr>{rows}</table>"
        f"<pre>{escape(asked)}</pre></section>"
    )


def _classes(served: Served) -> str:
    if not served.classes:
        return ""
    more = f" and {len(served.classes) - SHOWN} more" if len(served.classes) > SHOWN else ""
    return f"<p class=soft>Classes: {escape(', '.join(served.classes[:SHOWN]))}{more}</p>"


def _shape(port: Port) -> str:
    return "(" + ", ".join("N" if size < 0 else str(size) for size in port.shape) + ")"


def _example(served: Served) -> str:
    """A body that the model takes, cut where it is long."""
    if is_table(served):
        values: dict[str, Any] = {"FP64": 1.5, "BOOL": True, "BYTES": "..."}
        row = {port.name: values[port.datatype] for port in served.inputs[:SHOWN]}
        text = json.dumps({"rows": [row]}, ensure_ascii=False)
        return text if len(served.inputs) <= SHOWN else text.replace("}]}", ", ...}]}")
    count = math.prod(served.shape)
    numbers = ", ".join(["0.0"] * min(count, SHOWN)) + (f", ... {count} numbers" if count > SHOWN else "")
    return f'{{"rows": [[{numbers}]]}}'
