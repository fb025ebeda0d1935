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
    """One operation: its path as OpenAPI writes it, the scope it needs, what it answers with.

    With a `body` it is a POST, else a GET. `refused` says what 409 means; without it, what is posted may be refused as
    a whole by 422 with the same answer.
    """

    name: str
    path: str
    about: str
    scope: Scope
    answer: type[Struct]
    parameters: tuple[Parameter, ...] = ()
    body: type[Struct] | None = None
    refused: str = ""

    @property
    def method(self) -> str:
        return "post" if self.body else "get"


def document(operations: tuple[Operation, ...], version: str) -> Json:
    """OpenAPI 3.1."""
    bodies = [operation.body for operation in operations if operation.body]
    shapes = [*(operation.answer for operation in operations), *bodies, ErrorAnswer]
    _, components = msgspec.json.schema_components(shapes, ref_template="#/components/schemas/{name}")
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "orderline",
            "version": version,
            "description": "Reads orders, retailers, the catalogue and calls; takes in online orders and settlements; "
            "sees after lines and fault tickets. Money is whole fen, quantities are cartons, times are UTC. Lists are "
            "read page by page: give `next` of the answer as `after`.",
        },
        "servers": [{"url": "/api/v1"}],
        "security": [{"token": []}],
        "paths": _paths(operations),
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


def _paths(operations: tuple[Operation, ...]) -> Json:
    paths: dict[str, Json] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method] = _operation(operation)
    return dict(paths)


def _operation(operation: Operation) -> Json:
    failures = {"400": "A parameter is wrong", "401": "No token, or it is over", "403": "The scope is missing"}
    if any(parameter.where == "path" for parameter in operation.parameters):
        failures["404"] = "There is none"
    if operation.body:
        failures |= {"400": "The body is not as described", "413": "The body is too large", "415": "Send JSON"}
    if operation.refused:
        failures["409"] = operation.refused
    failures["429"] = "Too many requests"
    has_422 = operation.body is not None and not operation.refused
    described: Json = {
        "operationId": operation.name,
        "summary": operation.about,
        "description": f"Scope: {operation.scope}",
        "parameters": [_parameter(parameter) for parameter in operation.parameters],
        "responses": {
            "200": _answer("Done" if operation.body else "Found", operation.answer),
            **({"422": _answer("Nothing was kept; what is wrong", operation.answer)} if has_422 else {}),
            **{status: _answer(about, ErrorAnswer) for status, about in failures.items()},
        },
    }
    if operation.body:
        described["requestBody"] = {"required": True, "content": _content(operation.body)}
    return described


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
    return {"description": about, "content": _content(shape)}


def _content(shape: type[Struct]) -> Json:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{shape.__name__}"}}}
