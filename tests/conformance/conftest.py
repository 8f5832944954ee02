"""One real server for all of this folder; its worker knows a few secrets."""

from __future__ import annotations

import base64
import json
import textwrap
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.contract import Contract
from tests.support.server import Server, eventually, multipart

SECRETS = {
    "CONFORMANCE_TOKEN": "hush-8-hush-token",
    "JSONSECRET": '{"token": "token-in-a-json-secret"}',
    "MY_API_KEY": "api-key-of-the-corpus",
    "DB_USERNAME": "database-user-of-the-corpus",
    "DB_PASSWORD": "database-password-of-the-corpus",
    "DATABRICKS_API_TOKEN": "databricks-token-of-the-corpus",
    "BEARERTOKEN": "bearer-token-of-the-corpus",
    "WEBHOOK_KEY": "webhook-key-of-the-corpus",
    "WEBHOOKTRIGGERSECRET": "webhook-secret-of-the-corpus",
    "CONFORMANCE_JSON": '{"user": "ada", "password": "pw-in-a-json-secret"}',
}
"""What `secret()` finds, by name; the worker reads them from `SECRET_…` variables."""


def encoded(secrets: dict[str, str]) -> dict[str, str]:
    """Secrets as environment variables of a server."""
    return {f"SECRET_{k}": base64.b64encode(v.encode()).decode() for k, v in secrets.items()}


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A started server, shared: tests use flows of their own."""
    one = Server(
        tmp_path_factory.mktemp("home"), environment={**encoded(SECRETS), "ENV_CONFORMANCE": "of the environment"}
    )
    try:
        yield one.start(seconds=60)
    finally:
        one.discard()


@pytest.fixture(scope="package")
def contract(server: Server) -> Contract:
    """Calls by operationId, each answer held against the served OpenAPI document."""
    return Contract(server)


def messages(server: Server, execution: str, *expected: str) -> list[str]:
    """Texts of the execution's log lines, once all expected ones are there: lines may follow the end."""

    def probe() -> list[str]:
        found = [line["message"] for line in server.logs(execution)]
        return found if set(expected) <= set(found) else []

    return eventually(probe, what=f"log lines {expected}") if expected else probe()


def states(execution: Any) -> list[tuple[str, str]]:
    """(task id, state) of all task runs, in order."""
    return [(run["taskId"], run["state"]["current"]) for run in execution.get("taskRunList") or []]


def run_of(execution: Any, task: str, value: str | None = None) -> Any:
    """The task run of a task, in a loop the one of this value."""
    for run in execution.get("taskRunList") or []:
        if run["taskId"] == task and (value is None or run.get("value") == value):
            return run
    raise AssertionError(f"no task run of {task}: {states(execution)}")


def put_kv(server: Server, namespace: str, key: str, value: Any) -> None:
    """Store a pair of native JSON."""
    answer = server.call(
        "PUT", f"/api/v1/main/namespaces/{namespace}/kv/{key}", body=json.dumps(value), content_type="text/plain"
    )
    assert answer.status == 200, answer.text


def put_file(server: Server, namespace: str, path: str, text: str) -> None:
    """Store a namespace file."""
    body, content_type = multipart({"fileContent": text.encode()})
    answer = server.call(
        "POST", f"/api/v1/main/namespaces/{namespace}/files?path={path}", body=body, content_type=content_type
    )
    assert answer.status == 200, answer.text


def refused(server: Server, namespace: str, flow: str, inputs: dict[str, Any] | None = None) -> tuple[int, str]:
    """Status and message of a creation that creates nothing."""
    body, content_type = multipart(inputs) if inputs else (None, None)
    answer = server.call("POST", f"/api/v1/main/executions/{namespace}/{flow}", body=body, content_type=content_type)
    assert answer.status >= 400, answer.text
    return answer.status, str(answer.json["message"])


def flow_text(name: str, body: str, namespace: str = "conformance") -> str:
    """A flow's source; `type: @log.Log` is short for a core type."""
    body = textwrap.dedent(body).strip("\n")
    return f"id: {name}\nnamespace: {namespace}\n{body}\n".replace("type: @", "type: io.kestra.plugin.core.")
