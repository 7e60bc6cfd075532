"""The bodies of requests and answers in JSON Schema's words, by the names that /openapi.json refers to them by."""

from __future__ import annotations

from typing import Any

from madi.serving.tensors import DATATYPES, TEXT

Schema = dict[str, Any]

TEXTUAL: Schema = {"type": "string"}
TRUTH: Schema = {"type": "boolean"}
NUMBER: Schema = {"type": "number"}


def reference(name: str) -> Schema:
    """To the schema of that name."""
    return {"$ref": f"#/components/schemas/{name}"}


def _object(required: str, **properties: Schema) -> Schema:
    """An object; `required` names those of its properties that are always there."""
    return {"type": "object", "required": required.split(), "properties": properties}


def _list(of: Schema) -> Schema:
    return {"type": "array", "items": of}


NAMED: Schema = _object("name", name=TEXTUAL, parameters={"type": "object"})
SHAPE: Schema = _list({"type": "integer", "minimum": 1})
DATATYPE: Schema = {"type": "string", "enum": [*DATATYPES, TEXT]}

SCHEMAS: dict[str, Schema] = {
    "Server": _object("name version extensions", name=TEXTUAL, version=TEXTUAL, extensions=_list(TEXTUAL)),
    "Live": _object("live", live=TRUTH),
    "Ready": _object("ready", ready=TRUTH, name={**TEXTUAL, "description": "Of the model, where one was asked for."}),
    "Port": _object("name datatype shape", name=TEXTUAL, datatype=DATATYPE, shape={
        **_list({"type": "integer", "minimum": -1}), "description": "-1 stands for the number of examples.",
    }),
    "Model": _object(
        "name versions platform inputs outputs", name=TEXTUAL, versions=_list(TEXTUAL), platform=TEXTUAL,
        inputs=_list(reference("Port")), outputs=_list(reference("Port")),
    ),
    "Tensor": _object("name shape datatype data", name=TEXTUAL, shape=SHAPE, datatype=DATATYPE, data={
        **_list({}), "description": "Values, flat or nested as the shape says.",
    }),
    "InferenceRequest": _object(
        "inputs", id=TEXTUAL, parameters={"type": "object"}, inputs={**_list(reference("Tensor")), "minItems": 1},
        outputs={**_list(NAMED), "description": "Those that are wanted; all of them where none is named."},
    ),
    "InferenceResponse": _object(
        "model_name model_version outputs", model_name=TEXTUAL, model_version=TEXTUAL, id=TEXTUAL,
        parameters={"type": "object"}, outputs=_list(reference("Tensor")),
    ),
    "Rows": {
        "description": "One row or a list of them: of a table objects, values by the names of columns; else numbers.",
        "anyOf": [_object("rows", rows={"type": ["array", "object"]}), {"type": "object"}, _list({})],
    },
    "Predictions": _object(
        "model version predictions", model=TEXTUAL, version=TEXTUAL, notices=_list(TEXTUAL),
        predictions=_list({"anyOf": [reference("Class"), {
            "type": "object", "description": "Numbers: by the name of the target, or as \"output\".",
        }]}),
    ),
    "Class": _object(
        "class probability probabilities", **{"class": TEXTUAL}, probability=NUMBER,
        probabilities={"type": "object", "additionalProperties": NUMBER},
    ),
    "Error": _object("error", error=TEXTUAL),
}  # fmt: skip
