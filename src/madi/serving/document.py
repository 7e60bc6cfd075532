"""The routes in OpenAPI's words, as a plain dictionary: what /openapi.json answers."""

from __future__ import annotations

from typing import Any

from madi.serving.schemas import SCHEMAS, Schema, reference

NAME: dict[str, Any] = {"name": "name", "in": "path", "required": True, "schema": {"type": "string"}}
VERSION: dict[str, Any] = {**NAME, "name": "version"}
INVERT: dict[str, Any] = {
    "name": "invert", "in": "query", "schema": {"type": "boolean"},
    "description": "Dark ink on light paper becomes light on dark, for a model that keeps no preparation.",
}  # fmt: skip
PICTURE: dict[str, Any] = {"schema": {"description": "The bytes of a PNG, JPEG, BMP or WebP."}}

# Of each address what it tells, its name for generated clients, the type and the schema of the answer.
PLAIN: dict[str, tuple[str, str, str, Schema]] = {
    "/v2": ("Name and version of the server.", "server", "application/json", reference("Server")),
    "/v2/health/live": ("Whether the server runs.", "live", "application/json", reference("Live")),
    "/v2/health/ready": (
        "Whether all models answer: 200, or 503 before, and when the server ends.", "ready", "application/json",
        reference("Ready"),
    ),
    "/openapi.json": ("This document.", "document", "application/json", {"type": "object"}),
    "/metrics": ("Counters and times in Prometheus' text.", "metrics", "text/plain", {"type": "string"}),
    "/docs": ("A page that tells the models and the routes.", "page", "text/html", {"type": "string"}),
}  # fmt: skip


def document(version: str) -> dict[str, Any]:
    """OpenAPI 3.1 of the program."""
    paths = {path: {"get": _operation(text, name, kind, schema)} for path, (text, name, kind, schema) in PLAIN.items()}
    for middle, end, parameters in (("", "", [NAME]), ("/versions/{version}", "_of_version", [NAME, VERSION])):
        paths |= _of_models(middle, end, parameters)
    return {
        "openapi": "3.1.0",
        "info": {"title": "madi serve", "version": version or "0"},
        "paths": paths,
        "components": {"schemas": SCHEMAS, "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
        "security": [{}, {"token": []}],
    }


def _of_models(middle: str, end: str, parameters: list[dict[str, Any]]) -> dict[str, Any]:
    """The routes of a model, which exist with and without a version."""
    model = f"/v2/models/{{name}}{middle}"
    tells = _operation("Inputs and outputs of a model.", f"model{end}", schema=reference("Model"))
    ready = _operation("Whether a model answers: 200, or 503.", f"model_ready{end}", schema=reference("Ready"))
    infers = _operation(
        "Tensors in, tensors out: the Open Inference Protocol.", f"infer{end}", schema=reference("InferenceResponse"),
        body={"application/json": {"schema": reference("InferenceRequest")}},
    )  # fmt: skip
    predicts = _operation(
        "Rows or a picture in, classes with probabilities or numbers in their units out.", f"predict{end}",
        schema=reference("Predictions"), body={"application/json": {"schema": reference("Rows")}, "image/*": PICTURE},
    )  # fmt: skip
    return {
        model: {"parameters": parameters, "get": tells},
        f"{model}/ready": {"parameters": parameters, "get": ready},
        f"{model}/infer": {"parameters": parameters, "post": infers},
        f"/predict/{{name}}{middle}": {"parameters": [*parameters, INVERT], "post": predicts},
    }


def _operation(
    text: str, name: str, kind: str = "application/json", schema: Schema | None = None, *, body: Schema | None = None
) -> dict[str, Any]:
    fine = {"description": "The answer.", "content": {kind: {"schema": schema}}}
    wrong = {"description": "A refusal, and why.", "content": {"application/json": {"schema": reference("Error")}}}
    busy = fine if schema == reference("Ready") else wrong
    asked = {} if body is None else {"requestBody": {"required": True, "content": body}}
    return {"summary": text, "operationId": name, **asked, "responses": {"200": fine, "4XX": wrong, "503": busy}}
