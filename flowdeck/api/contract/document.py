"""The OpenAPI 3.1 document of the routes and their operations (spec: REST contract §1)."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from typing import Any

import msgspec
from fastapi.routing import APIRoute

from flowdeck.api.contract.models.common import BulkErrorResponse, Error
from flowdeck.api.contract.operation import JSON, TEXT, Answer, Body, File, Operation, Query
from flowdeck.api.contract.tables import operations

REFERENCES = "#/components/schemas/{name}"
BINARY = {"type": "string", "format": "binary"}

REASONS = {
    400: "A parameter is missing, a filter is unknown, or an id of a bulk action can't be taken.",
    401: "No credential, or a wrong one; the body is empty.",
    403: "The caller may not do this, or another site sent the call.",
    404: "There is no such thing.",
    405: "The path knows other methods.",
    409: "The state of the thing does not allow this.",
    410: "What was asked for has expired.",
    413: "The body is larger than allowed.",
    415: "The body can't be read in this content type.",
    422: "A value breaks a rule; the message names it.",
    423: "Locked for a while.",
    429: "Too many calls; `Retry-After` says when to try again.",
    500: "A flow failed that the call waited for.",
    503: "A part of the server is out of reach; `Retry-After` says when to try again.",
}

TAGS = {
    "Flows": "Flows, their revisions, graphs, dependencies and limits.",
    "Executions": "Executions: created, steered, followed; their files; webhooks.",
    "Logs": "Lines of executions and triggers.",
    "Metrics": "What tasks counted and measured.",
    "Triggers": "States of triggers, and backfills.",
    "KV": "Pairs of key and typed value in namespaces.",
    "Files": "Files of namespaces.",
    "Namespaces": "Namespaces, their variables, plugin defaults and names of secrets.",
    "Dashboards": "Dashboards and the data of charts.",
    "Plugins": "Types of tasks, triggers and inputs, with documentation and schemas.",
    "Blueprints": "Flows to begin with.",
    "Misc": "The instance.",
    "Instance": "Services, statistics and limits, for administration.",
    "Session": "Log-in of the console.",
    "Console": "What the console needs beyond; it changes with the console.",
}


class Schemas:
    """JSON schemas of types, the named ones as components."""

    def __init__(self) -> None:
        self.components: dict[str, Any] = {}

    def of(self, kind: Any) -> dict[str, Any]:
        """The schema of a type; what it names becomes a component."""
        if kind in (Any, inspect.Parameter.empty):
            return {}
        if kind is bytes:
            return dict(BINARY)
        if kind is None:
            return {}
        (schema,), found = msgspec.json.schema_components([kind], ref_template=REFERENCES)
        for name, component in found.items():
            component.pop("title", None)
            if "enum" in component:
                component.setdefault("type", "string")
            self.components[name] = component
        return schema


def _parameter(one: Query, schemas: Schemas) -> dict[str, Any]:
    schema = schemas.of(one.type)
    if one.default is not None and not isinstance(one.default, type):
        schema = {**schema, "default": one.default}
    parameter: dict[str, Any] = {"name": one.name, "in": "header" if one.header else "query", "required": one.required}
    if one.words:
        parameter["description"] = one.words
    if one.deprecated:
        parameter["deprecated"] = True
    if schema.get("type") == "array":
        parameter["explode"] = True
    return {**parameter, "schema": schema}


def _content(kind: Any, media: str, schemas: Schemas) -> dict[str, Any]:
    if isinstance(kind, File):
        schema: dict[str, Any] = {"type": "object", "properties": {kind.name: BINARY}, "required": [kind.name]}
    else:
        schema = schemas.of(kind)
    return {media: {"schema": schema}}


def _body(body: Body, schemas: Schemas) -> dict[str, Any]:
    content: dict[str, Any] = {}
    for media, kind in body.content.items():
        content |= _content(kind, media, schemas)
    return {"required": body.required, "content": content}


def _answer(answer: Answer, schemas: Schemas) -> dict[str, Any]:
    if answer.type is None:
        return {"description": "Done."}
    words = {JSON: "What was asked for.", TEXT: "The text."}.get(answer.media, "The content.")
    return {"description": words, "content": _content(answer.type, answer.media, schemas)}


def failures(operation: Operation) -> list[int]:
    """Statuses of failure that an operation may answer, ascending."""
    found = {503, 404 if "{" in operation.path else 503, *operation.errors}
    if not operation.anonymous:
        found |= {401, 429}
    if operation.needs or operation.method not in ("GET", "HEAD"):
        found.add(403)
    if operation.query or "{" in operation.path or operation.body:
        found |= {400, 422}
    if operation.body or operation.method in ("POST", "PUT", "PATCH"):
        found |= {413, 415, 422}
    return sorted(found)


def _failure(status: int, operation: Operation) -> dict[str, Any]:
    if status == 401 and operation.id != "login":
        return {"$ref": "#/components/responses/401"}
    if status == 400 and operation.path.endswith("/by-ids"):
        return {
            "description": REASONS[400],
            "content": {JSON: {"schema": {"anyOf": [_ref(BulkErrorResponse), _ref(Error)]}}},
        }
    if status == 400 and operation.id == "setLabelsOnTerminatedExecution":  # a bare text, as the reference
        return {
            "description": REASONS[400],
            "content": {JSON: {"schema": {"anyOf": [{"type": "string"}, _ref(Error)]}}},
        }
    return {"$ref": f"#/components/responses/{status}"}


def _ref(kind: type) -> dict[str, str]:
    return {"$ref": REFERENCES.format(name=kind.__name__)}


def words(route: APIRoute, operation: Operation) -> tuple[str, str]:
    """Summary and description, from the handler's documentation."""
    text = operation.summary or inspect.getdoc(route.endpoint) or operation.id
    first, _, rest = text.partition("\n\n")
    return " ".join(first.split()).removesuffix("."), rest.strip()


def _operation(route: APIRoute, operation: Operation, schemas: Schemas) -> dict[str, Any]:
    summary, description = words(route, operation)
    names = re.findall(r"\{([^}:]+)(?::[^}]*)?\}", operation.path)
    parameters = [{"name": n, "in": "path", "required": True, "schema": {"type": "string"}} for n in names]
    if parameters and names[0] == "tenant":
        parameters[0]["schema"] = {"type": "string", "default": "main", "enum": ["main"]}
    parameters += [_parameter(one, schemas) for one in operation.query]
    answers: dict[str, Any] = {}
    for status, answer in operation.answers.items():
        if answer.media == "*":
            answers["2XX"] = {"description": "What was asked for."}
        else:
            answers[str(status)] = _answer(answer, schemas)
    for status in failures(operation):
        answers.setdefault(str(status), _failure(status, operation))
    found: dict[str, Any] = {
        "operationId": operation.id,
        "summary": summary,
        "tags": list(route.tags),
        "parameters": parameters,
        "responses": answers,
    }
    if description:
        found["description"] = description
    if operation.body:
        found["requestBody"] = _body(operation.body, schemas)
    if operation.deprecated:
        found["deprecated"] = True
    if operation.anonymous:
        found["security"] = []
    if operation.permission:
        found["x-permission"] = ":".join(operation.permission)
    if operation.needs[1:]:
        found["x-permission-also"] = [":".join(need) for need in operation.needs[1:]]
    if operation.ours:
        found["x-flowdeck"] = True
    return found


def build(routes: Iterable[object], version: str) -> dict[str, Any]:
    """The document of these routes, in their order."""
    schemas = Schemas()
    schemas.of(Error)
    schemas.of(BulkErrorResponse)
    paths: dict[str, dict[str, Any]] = {}
    for route, operation in operations(routes):
        path = re.sub(r":[^}]*\}", "}", operation.path)
        paths.setdefault(path, {})[operation.method.lower()] = _operation(route, operation, schemas)
    responses = {
        str(status): {
            "description": reason,
            **({} if status == 401 else {"content": {JSON: {"schema": _ref(Error)}}}),
            **({"headers": {"Retry-After": {"schema": {"type": "integer"}}}} if status in (429, 503) else {}),
        }
        for status, reason in REASONS.items()
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "flowdeck",
            "version": version,
            "description": "Paths with `/api/v1/{tenant}` may leave the tenant out; it is `main` then.",
        },
        "tags": [{"name": name, "description": text} for name, text in TAGS.items()],
        "security": [{"basicAuth": []}, {"session": []}, {"basicCookie": []}],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas.components.items())),
            "responses": responses,
            "securitySchemes": {
                "basicAuth": {"type": "http", "scheme": "basic"},
                "session": {"type": "apiKey", "in": "cookie", "name": "flowdeck_session"},
                "basicCookie": {"type": "apiKey", "in": "cookie", "name": "BASIC_AUTH"},
            },
        },
    }
