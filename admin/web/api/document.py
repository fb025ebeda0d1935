"""The OpenAPI document, made from the table of operations and the shapes: it can't say other than what is answered."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
from msgspec import Struct

from admin.staff.tokens import SCOPES, Scope
from admin.web.api.shapes import ErrorAnswer

Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One value of the query or the path."""

    name: str
    about: str
    where: str = "query"
    kind: str = "string"
    form: str = ""


@dataclass(frozen=True, slots=True)
class Operation:
    """One GET: its path as OpenAPI writes it, the scope it needs, what it answers with."""

    name: str
    path: str
    about: str
    scope: Scope
    answer: type[Struct]
    parameters: tuple[Parameter, ...] = ()


def document(operations: tuple[Operation, ...], version: str) -> Json:
    """OpenAPI 3.1."""
    shapes = [*(operation.answer for operation in operations), ErrorAnswer]
    _, components = msgspec.json.schema_components(shapes, ref_template="#/components/schemas/{name}")
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "orderline",
            "version": version,
            "description": "Reads orders, retailers, the catalogue and calls. Money is whole fen, quantities are "
            "cartons, times are UTC. Lists are read page by page: give `next` of the answer as `after`.",
        },
        "servers": [{"url": "/api/v1"}],
        "security": [{"token": []}],
        "paths": {operation.path: {"get": _operation(operation)} for operation in operations},
        "components": {
            "schemas": components,
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": f"A token made in the console, with scopes of {', '.join(SCOPES)}.",
                }
            },
        },
    }


def _operation(operation: Operation) -> Json:
    failures = {"400": "A parameter is wrong", "401": "No token, or it is over", "403": "The scope is missing"}
    if any(parameter.where == "path" for parameter in operation.parameters):
        failures["404"] = "There is none"
    failures["429"] = "Too many requests"
    return {
        "operationId": operation.name,
        "summary": operation.about,
        "description": f"Scope: {operation.scope}",
        "parameters": [_parameter(parameter) for parameter in operation.parameters],
        "responses": {
            "200": _answer("Found", operation.answer),
            **{status: _answer(about, ErrorAnswer) for status, about in failures.items()},
        },
    }


def _parameter(parameter: Parameter) -> Json:
    form: Json = {"type": parameter.kind, **({"format": parameter.form} if parameter.form else {})}
    return {
        "name": parameter.name,
        "in": parameter.where,
        "required": parameter.where == "path",
        "description": parameter.about,
        "schema": form,
    }


def _answer(about: str, shape: type[Struct]) -> Json:
    reference = {"$ref": f"#/components/schemas/{shape.__name__}"}
    return {"description": about, "content": {"application/json": {"schema": reference}}}
