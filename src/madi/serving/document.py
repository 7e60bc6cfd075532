"""The routes in OpenAPI's words, as a plain dictionary: what /openapi.json answers."""

from __future__ import annotations

from typing import Any

from madi.serving.tensors import DATATYPES, TEXT

NAME: dict[str, Any] = {"name": "name", "in": "path", "required": True, "schema": {"type": "string"}}
VERSION: dict[str, Any] = {**NAME, "name": "version"}
INVERT: dict[str, Any] = {
    "name": "invert", "in": "query", "schema": {"type": "boolean"},
    "description": "Dark ink on light paper becomes light on dark, for a model that keeps no preparation.",
}  # fmt: skip

# Each route of a model exists with and without a version.
PLAIN = {
    "/v2": "Name and version of the server.",
    "/v2/health/live": "Whether the server runs.",
    "/v2/health/ready": "Whether all models answer: 200, or 503 when the server ends.",
    "/openapi.json": "This document.",
    "/metrics": "Counters and times in Prometheus' text.",
    "/docs": "A page that tells the models and the routes.",
}
OF_MODELS = {"": "Inputs and outputs of a model.", "/ready": "Whether a model answers: 200, or 503."}


def document(version: str) -> dict[str, Any]:
    """OpenAPI 3.1 of the program."""
    paths: dict[str, Any] = {path: {"get": _told(text)} for path, text in PLAIN.items()}
    for middle, parameters in (("", [NAME]), ("/versions/{version}", [NAME, VERSION])):
        model = f"/v2/models/{{name}}{middle}"
        paths |= {f"{model}{end}": {"get": _told(text, parameters)} for end, text in OF_MODELS.items()}
        paths[f"{model}/infer"] = {"post": _infer(parameters)}
        paths[f"/predict/{{name}}{middle}"] = {"post": _predict(parameters)}
    schemas = {"Tensor": TENSOR, "InferenceRequest": REQUEST, "InferenceResponse": RESPONSE, "Error": ERROR}
    schemes = {"token": {"type": "http", "scheme": "bearer"}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "madi serve", "version": version or "0"},
        "paths": paths,
        "components": {"schemas": schemas, "securitySchemes": schemes},
        "security": [{}, {"token": []}],
    }


TENSOR: dict[str, Any] = {
    "type": "object",
    "required": ["name", "shape", "datatype", "data"],
    "properties": {
        "name": {"type": "string"},
        "shape": {"type": "array", "items": {"type": "integer", "minimum": 0}},
        "datatype": {"enum": [*DATATYPES, TEXT]},
        "data": {"type": "array", "description": "Values, flat or nested as the shape says."},
    },
}
REQUEST: dict[str, Any] = {
    "type": "object",
    "required": ["inputs"],
    "properties": {
        "id": {"type": "string"},
        "parameters": {"type": "object"},
        "inputs": {"type": "array", "items": {"$ref": "#/components/schemas/Tensor"}},
        "outputs": {"type": "array", "items": {"type": "object", "properties": {"name": {"type": "string"}}}},
    },
}
RESPONSE: dict[str, Any] = {
    "type": "object",
    "properties": {
        "model_name": {"type": "string"},
        "model_version": {"type": "string"},
        "id": {"type": "string"},
        "parameters": {"type": "object"},
        "outputs": {"type": "array", "items": {"$ref": "#/components/schemas/Tensor"}},
    },
}
ERROR: dict[str, Any] = {"type": "object", "properties": {"error": {"type": "string"}}}
ROWS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "rows": {"description": "One row or a list; of a table objects, a value by the name of its column."}
    },
}


def _infer(parameters: list[dict[str, Any]]) -> dict[str, Any]:
    told = _told("Tensors in, tensors out: the Open Inference Protocol.", parameters, _schema("InferenceResponse"))
    return {**told, "requestBody": {"required": True, "content": _content(_schema("InferenceRequest"))}}


def _predict(parameters: list[dict[str, Any]]) -> dict[str, Any]:
    told = _told(
        "Rows or a picture in, classes with probabilities or numbers in their units out.", [*parameters, INVERT]
    )
    return {**told, "requestBody": {"required": True, "content": {**_content(ROWS), "image/*": {}}}}


def _told(text: str, parameters: list[dict[str, Any]] | None = None, schema: Any = None) -> dict[str, Any]:
    fine = {"description": "The answer.", **({"content": _content(schema)} if schema else {})}
    wrong = {"description": "A refusal, and why.", "content": _content(_schema("Error"))}
    responses = {"200": fine, "4XX": wrong, "503": wrong}
    return {"summary": text, **({"parameters": parameters} if parameters else {}), "responses": responses}


def _schema(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _content(schema: Any) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}
