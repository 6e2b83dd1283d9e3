"""The OpenAPI 3.1 document of the admin API, made of the endpoints and the types that they use."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from toron.admin.endpoint import CONFIGURATIONS, PREFIX, Endpoint, Text
from toron.admin.pages import JSON
from toron.admin.problem import PROBLEM, ProblemDetails

_REFS = "#/components/schemas/{name}"

_ALWAYS = {400, 401, 403, 404, 405, 429, 500}
_CHANGES = {412, 413, 415, 503}

_MEANINGS = {
    304: "What the client has is up to date.",
    400: "The request can not be understood.",
    401: "The token is missing or wrong.",
    403: "This client may not use the API.",
    404: "There is no such thing.",
    405: "The method is not possible here.",
    409: "What is asked for can not be done now.",
    412: "The configuration is another one by now.",
    413: "The body is too long.",
    415: "The content type is not taken here.",
    422: "The configuration has mistakes.",
    429: "Too many wrong tokens.",
    500: "Something went wrong inside the gateway.",
    501: "This gateway can not do that.",
    503: "Too much is sent at a time.",
    504: "Somebody inside the gateway did not answer in time.",
}


def document(endpoints: Sequence[Endpoint], version: str) -> dict[str, Any]:
    """The whole document."""
    types: list[Any] = [ProblemDetails]
    for endpoint in endpoints:
        types += [endpoint.answer] if endpoint.answer is not dict else []
        types += [endpoint.query, *([] if endpoint.body is Text else [endpoint.body])]
    _, components = msgspec.json.schema_components(types, ref_template=_REFS)
    paths: dict[str, Any] = {}
    for endpoint in endpoints:
        paths.setdefault(PREFIX + endpoint.path, {})[endpoint.method.lower()] = _operation(
            endpoint, components
        )
    return {
        "openapi": "3.1.0",
        "info": {"title": "toron admin API", "version": version},
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        # Without a token where none is configured.
        "security": [{}, {"token": []}],
    }


def _operation(endpoint: Endpoint, components: dict[str, Any]) -> dict[str, Any]:
    refusals = _ALWAYS | set(endpoint.refusals) | (_CHANGES if endpoint.changes else set())
    operation: dict[str, Any] = {
        "summary": endpoint.summary,
        "operationId": f"{endpoint.method.lower()}{re.sub('[^a-z]+', '_', endpoint.path)}".strip("_"),
        "parameters": [*_in_path(endpoint), *_in_query(endpoint, components), *_in_head(endpoint)],
        "responses": {
            "200": {"description": "Done.", "content": _content(endpoint)},
            **{
                str(status): {
                    "description": _MEANINGS[status],
                    "content": {PROBLEM: {"schema": {"$ref": _REFS.format(name="ProblemDetails")}}},
                }
                for status in sorted(refusals)
            },
        },
    }
    if endpoint.changes:
        operation["requestBody"] = {"required": endpoint.body is Text, "content": _taken(endpoint)}
    return operation


def _content(endpoint: Endpoint) -> dict[str, Any]:
    schema = {"type": "object"} if endpoint.answer is dict else _schema(endpoint.answer)
    content: dict[str, Any] = {JSON: {"schema": schema}}
    if endpoint.also:
        content[endpoint.also] = {"schema": {"type": "string"}}
    return content


def _taken(endpoint: Endpoint) -> dict[str, Any]:
    if endpoint.body is not Text:
        return {JSON: {"schema": _schema(endpoint.body)}}
    written = {"description": "A configuration: `toron schema` prints what may stand in it."}
    return {media: {"schema": written} for media in CONFIGURATIONS}


def _schema(kind: Any) -> dict[str, Any]:
    (schema,), _ = msgspec.json.schema_components([kind], ref_template=_REFS)
    return schema


def _in_path(endpoint: Endpoint) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"\{(\w+)\}", endpoint.path)
    ]


def _in_query(endpoint: Endpoint, components: dict[str, Any]) -> list[dict[str, Any]]:
    fields = components[endpoint.query.__name__]["properties"]
    return [{"name": name, "in": "query", "schema": schema} for name, schema in fields.items()]


def _in_head(endpoint: Endpoint) -> list[dict[str, Any]]:
    if not endpoint.changes:
        return []
    text = "The entity tag of the configuration that the change is for (from GET /api/v1/config)."
    return [{"name": "If-Match", "in": "header", "description": text, "schema": {"type": "string"}}]
