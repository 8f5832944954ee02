"""Calls by operationId: the address comes from the served OpenAPI document, and the answer is held against it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from tests.support.server import Answer, Server, multipart


class Contract:
    """A server and what it says of itself."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self._schemas = pytest.importorskip("jsonschema_rs")
        answer = server.call("GET", "/api/v1/openapi.json", auth=False)
        assert answer.status == 200, answer.text
        self.document: dict[str, Any] = answer.json
        self.operations: dict[str, tuple[str, str, dict[str, Any]]] = {
            one["operationId"]: (method.upper(), path, one)
            for path, methods in self.document["paths"].items()
            for method, one in methods.items()
        }
        self._validators: dict[str, Any] = {}

    def call(
        self,
        operation: str,
        *,
        status: int = 200,
        query: Mapping[str, Any] | str | None = None,
        body: Any = None,
        form: dict[str, Any] | None = None,
        content_type: str | None = None,
        headers: dict[str, str] | None = None,
        **path: str,
    ) -> Answer:
        """One call that must answer `status` and the model that the document names for it.

        `body`: text and bytes as they are, all else as JSON; `form`: parts, bytes become files. Path parameters by
        the names of the document; the tenant is `main`.
        """
        method, pattern, declared = self.operations[operation]
        address = pattern
        for name, value in {"tenant": "main", **path}.items():
            address = address.replace("{" + name + "}", quote(value, safe=""))
        assert "{" not in address, address
        if query:
            address += "?" + (query if isinstance(query, str) else urlencode(_texts(query), doseq=True))
        sent: bytes | str | None = None
        if form is not None:
            sent, content_type = multipart(form)
        elif isinstance(body, str | bytes):
            sent = body
            content_type = content_type or next(iter(declared.get("requestBody", {}).get("content", {})), None)
        elif body is not None:
            sent, content_type = json.dumps(body), content_type or "application/json"
        answer = self.server.call(method, address, body=sent, content_type=content_type, headers=headers)
        assert answer.status == status, f"{operation} {method} {address}: {answer.status} {answer.text[:2000]}"
        self.check(operation, answer)
        return answer

    def json(self, operation: str, **arguments: Any) -> Any:
        """As `call`; the parsed body."""
        return self.call(operation, **arguments).json

    def check(self, operation: str, answer: Answer) -> None:
        """AssertionError unless status, content type and body are as documented."""
        declared = self.operations[operation][2]["responses"]
        found = declared.get(str(answer.status)) or declared.get(f"{answer.status // 100}XX")
        assert found is not None, f"{operation}: the document knows no {answer.status}"
        if "$ref" in found:
            found = self.document["components"]["responses"][found["$ref"].rsplit("/", 1)[1]]
        content = found.get("content")
        if content is None:
            assert not answer.body or "description" in found
            return
        kind = answer.headers.get("content-type", "").partition(";")[0].strip()
        assert kind in content, f"{operation}: {kind} instead of {list(content)}"
        if kind == "application/json":
            key = f"{operation} {answer.status}"
            if key not in self._validators:
                schema = {**content[kind]["schema"], "components": self.document["components"]}
                self._validators[key] = self._schemas.validator_for(schema)
            wrong = [f"{e.instance_path}: {e.message[:300]}" for e in self._validators[key].iter_errors(answer.json)]
            assert not wrong, f"{operation}: {wrong[:5]}"


def _texts(query: Mapping[str, Any]) -> dict[str, Any]:
    def text(value: Any) -> Any:
        return str(value).lower() if isinstance(value, bool) else value

    return {k: [text(v) for v in value] if isinstance(value, list) else text(value) for k, value in query.items()}
