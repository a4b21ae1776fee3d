"""The OpenAPI document: FastAPI's own, with what it cannot see of the routes."""

from __future__ import annotations

import re
from typing import Any

from fastapi import FastAPI

from spk.messages.problems import Problem

__all__ = ["PROBLEM", "describe"]

PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
"""The content of every answer that is a problem document."""

_OPERATIONS = ("get", "post", "put", "patch", "delete")
_REFERENCES = "#/components/schemas/{model}"
_GALLERY = {
    "name": "gallery",
    "in": "path",
    "required": True,
    "description": "The name of a gallery.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[^/]+$"},
    "example": "default",
}


def describe(app: FastAPI) -> None:
    """Let the document say of each route which gallery it is of, and that whatever goes wrong is a problem document."""
    made = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            _complete(made())  # which keeps it
        return app.openapi_schema or {}

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's own way to change it


def _complete(document: dict[str, Any]) -> None:
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):  # ours are problem documents
        schemas.pop(unused, None)
    problem = Problem.model_json_schema(mode="serialization", ref_template=_REFERENCES)
    schemas |= problem.pop("$defs", {}) | {"Problem": problem}
    for path, item in document["paths"].items():
        for operation in (item[method] for method in _OPERATIONS if method in item):
            _complete_operation(path, operation)


def _complete_operation(path: str, operation: dict[str, Any]) -> None:
    parameters = operation.setdefault("parameters", [])
    if "gallery" in re.findall(r"{(\w+)}", path) and not any(one["name"] == "gallery" for one in parameters):
        parameters.insert(0, _GALLERY)
    if not parameters:
        del operation["parameters"]
    answers = operation["responses"]
    if "HTTPValidationError" in str(answers.get("422", "")):
        del answers["422"]
    answers["default"] = {"description": "Whatever goes wrong: a problem document.", "content": PROBLEM}
