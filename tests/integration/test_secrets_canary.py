"""Canaries: secrets of every origin go through everything a flow can do with them, then all that is stored or
answered is searched for them (spec: quality §3.2, check 30)."""

from __future__ import annotations

import base64
import http.server
import json
import subprocess
import sys
import threading
import urllib.parse
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from tests.support.server import TERMINAL, Server, multipart

ENV = "Env-Canary+7/zq xK"
STORED = 'Api-Canary"8\\zq/xK ü'
INPUT = "In-Canary&9?zq=xK"
PASSWORD = "Basic0Canary-zq-xK"
KEY = base64.b64encode(b"Key-Canary-zq-xK-0123456789abcde").decode()
TOKEN = "Cluster-Canary+zq/xK-0123456789"
HOOK = "Hook-Canary-zq-xK-0123456789"
ALL = {"environment": ENV, "store": STORED, "input": INPUT, "password": PASSWORD, "key": KEY, "token": TOKEN}
GETS = (
    "executions/{id}",
    "executions/{id}/flow",
    "executions/{id}/graph",
    "logs/{id}",
    "logs/{id}/download",
    "metrics/{id}",
    "console/executions/{id}/logs",
    "console/executions/{id}/logs/groups",
    "console/executions/{id}/logs/search?q=anary",
    "console/executions/{id}/taskruns",
    "console/executions/{id}/errors",
    "console/executions/compare?left={id}&right={id}",
    "executions/{id}/follow",
    "logs/{id}/follow?minLevel=TRACE",
    "console/stream?execution={id}&logs=TRACE",
    "executions/{id}/follow-dependencies",
)
LISTS = (
    "executions/search?size=100",
    "executions/export/by-query/csv",
    "logs/search?size=1000&minLevel=TRACE",
    "kv",
    "namespaces/canary/kv/canary",
    "namespaces/canary/kv/map",
    "secrets",
    "namespaces/canary/secrets",
    "flows/search",
    "triggers/search",
    "console/errors",
    "console/services",
    "console/sessions",
    "console/search?q=anary",
    "console/administration/services",
    "metrics/names/canary/everything",
    "usages/all",
    "../configs",
)
MANAGEMENT = (
    *("", "/env", "/health", "/info", "/metrics", "/prometheus", "/loggers", "/threaddump", "/configprops", "/beans"),
    *("/worker", "/scheduler", "/services", "/routes", "/health/readiness", "/health/liveness", "/refresh", "/caches"),
)


def forms(secret: str) -> set[str]:
    """The secret as it may turn up: as it is, and in the encodings that programs give it."""
    raw = secret.encode()
    return {
        secret,
        secret.upper(),
        secret.lower(),
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        urllib.parse.quote(secret),
        urllib.parse.quote(secret, safe=""),
        urllib.parse.quote_plus(secret),
        base64.b64encode(raw).decode().rstrip("="),
        base64.urlsafe_b64encode(raw).decode().rstrip("="),
    }


class Echo(http.server.BaseHTTPRequestHandler):
    """Answers what it was sent: the worst that a called service can do."""

    def do_POST(self) -> None:
        sent = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
        body = json.dumps({"url": self.path, "headers": dict(self.headers), "body": sent}).encode()
        self.send_response(500 if "fail" in self.path else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("X-Echo", self.headers.get("X-Token", ""))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST

    def log_message(self, format: str, *args: Any) -> None:
        """Silent."""


@pytest.fixture(scope="module")
def echo() -> Iterator[str]:
    service = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    threading.Thread(target=service.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{service.server_port}"
    service.shutdown()
    service.server_close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("canary")
    (temporary := home / "temporary").mkdir()
    running = Server(
        home,
        environment={
            "SECRET_CANARY": base64.b64encode(ENV.encode()).decode(),
            "KESTRA_ENCRYPTION_SECRET_KEY": KEY,
            "FLOWDECK_CLUSTER_TOKEN": TOKEN,
            "TMPDIR": str(temporary),
            "FLOWDECK_LOG_LEVEL": "DEBUG",
            "FLOWDECK_CONSOLE_ENABLED": "false",
        },
        password=PASSWORD,
    )
    try:
        running.start()
        body = {"key": "STORED", "value": STORED}
        assert running.call("PUT", "/api/v1/main/namespaces/canary/secrets", json_body=body).status == 200
        yield running
    finally:
        running.discard()


CHILD = """
id: child
namespace: canary
inputs:
  - {id: hidden, type: SECRET}
tasks:
  - {id: say, type: io.kestra.plugin.core.log.Log, message: "child got {{ inputs.hidden }}"}
  - {id: give, type: io.kestra.plugin.core.debug.Return, format: "{{ inputs.hidden | base64encode }}"}
outputs:
  - {id: back, type: SECRET, value: "{{ inputs.hidden }}"}
"""

# `@S@` stands for an expression that answers a secret.
PARENT = """
id: everything
namespace: canary
inputs:
  - {id: password, type: SECRET}
tasks:
  - {id: say, type: io.kestra.plugin.core.log.Log, message: ["a {{ @S@ }} b", "{{ @S@ | upper }}"]}
  - {id: encoded, type: io.kestra.plugin.core.log.Log, message: "{{ @S@ | base64encode }} {{ @S@ | urlencode }}"}
  - {id: shown, type: io.kestra.plugin.core.log.Log, message: "{{ {'k': @S@} | toJson }} {{ [@S@] }}"}
  - {id: give, type: io.kestra.plugin.core.debug.Return, format: "{{ @S@ }}"}
  - {id: lower, type: io.kestra.plugin.core.debug.Return, format: "{{ @S@ | lower }}-{{ @S@ | base64encode }}"}
  - {id: values, type: io.kestra.plugin.core.output.OutputValues, values: {v: "{{ @S@ }}", l: ["{{ @S@ }}"]}}
  - {id: mark, type: io.kestra.plugin.core.execution.Labels, labels: {secret: "{{ @S@ }}"}}
  - {id: keep, type: io.kestra.plugin.core.execution.SetVariables, variables: {secret: "{{ @S@ }}"}}
  - {id: no, type: io.kestra.plugin.core.execution.Fail, errorMessage: "no {{ @S@ }}", allowFailure: true}
  - {id: number, type: io.kestra.plugin.core.flow.Sleep, duration: "{{ @S@ }}", allowFailure: true}
  - {id: wrong, type: io.kestra.plugin.core.log.Log, message: "{{ @S@ | toJson | fromJson | number }}", allowFailure: true}
  - {id: pair, type: io.kestra.plugin.core.kv.Set, key: canary, value: "{{ @S@ }}"}
  - {id: map, type: io.kestra.plugin.core.kv.Set, key: map, kvType: JSON, value: "{{ {'deep': [@S@]} | toJson }}"}
  - {id: read, type: io.kestra.plugin.core.debug.Return, format: "{{ kv('canary') }} {{ kv('map').deep[0] }}"}
  - {id: pass, type: io.kestra.plugin.core.log.Log, message: "{{ outputs.read.value | base64encode }} {{ outputs.give }}"}
  - id: each
    type: io.kestra.plugin.core.flow.ForEach
    values: ["{{ @S@ }}"]
    allowFailure: true
    tasks: [{id: item, type: io.kestra.plugin.core.log.Log, message: "{{ taskrun.value }}"}]
  - id: choose
    type: io.kestra.plugin.core.flow.Switch
    value: "{{ @S@ }}"
    cases: {x: [{id: never, type: io.kestra.plugin.core.log.Log, message: x}]}
    defaults: [{id: always, type: io.kestra.plugin.core.log.Log, message: "{{ @S@ }}"}]
  - id: child
    type: io.kestra.plugin.core.flow.Subflow
    namespace: canary
    flowId: child
    inputs: {hidden: "{{ @S@ }}"}
    labels: {secret: "{{ @S@ }}"}
    allowFailure: true
  - {id: after, type: io.kestra.plugin.core.log.Log, message: "{{ outputs.child }}"}
  - id: call
    type: io.kestra.plugin.core.http.Request
    uri: "@ECHO@/ok?token={{ @S@ | urlencode }}"
    method: POST
    headers: {X-Token: "{{ @S@ | urlencode }}", Authorization: "Bearer {{ @S@ | urlencode }}"}
    contentType: application/json
    body: "{{ {'token': @S@} | toJson }}"
    options: {auth: {type: BASIC, username: me, password: "{{ @S@ }}"}, logs: [REQUEST_HEADERS, REQUEST_BODY, RESPONSE_HEADERS, RESPONSE_BODY]}
    allowFailure: true
  - id: refused
    type: io.kestra.plugin.core.http.Request
    uri: "@ECHO@/fail?token={{ @S@ | urlencode }}"
    allowFailure: true
  - {id: nobody, type: io.kestra.plugin.core.http.Request, uri: "http://127.0.0.1:9/{{ @S@ | urlencode }}", allowFailure: true}
  - {id: odd, type: io.kestra.plugin.core.http.Request, uri: "{{ @S@ }}", allowFailure: true}
  - {id: function, type: io.kestra.plugin.core.log.Log, message: "{{ http('@ECHO@/fail?t=' ~ (@S@ | urlencode)) }}", allowFailure: true}
  - id: script
    type: io.kestra.plugin.scripts.shell.Commands
    taskRunner: {type: io.kestra.plugin.core.runner.Process}
    env: {TOKEN: "{{ @S@ }}"}
    allowFailure: true
    commands:
      - echo "out $TOKEN"
      - echo "err $TOKEN" >&2
      - env
      - printf %s "$TOKEN" | base64 -w0
      - echo "$TOKEN" | tr a-z A-Z
      - python3 -c 'import os, json; print("::" + json.dumps({"outputs":{"token":os.environ["TOKEN"]}}) + "::")'
      - set -x; test -z "$TOKEN"
  - id: python
    type: io.kestra.plugin.scripts.python.Script
    taskRunner: {type: io.kestra.plugin.core.runner.Process}
    env: {TOKEN: "{{ @S@ }}"}
    allowFailure: true
    script: |
      import os
      raise ValueError(os.environ["TOKEN"])
outputs:
  - {id: plain, type: STRING, value: "{{ @S@ }}"}
  - {id: hidden, type: SECRET, value: "{{ @S@ }}"}
  - {id: made, type: JSON, value: "{{ {'k': @S@} | toJson }}"}
"""


def found(shown: str, where: str, into: list[str]) -> None:
    """Add what of the canaries stands in a text."""
    for origin, secret in ALL.items():
        for form in forms(secret):
            if form in shown:
                at = shown.index(form)
                into.append(f"{origin} secret in {where}: …{shown[max(0, at - 160) : at + len(form) + 40]}…")
                break


def search(server: Server, executions: list[str]) -> list[str]:
    """Every place where a canary can be read."""
    leaks: list[str] = []
    for execution in executions:
        for place in GETS:
            path = place.format(id=execution)
            found(server.call("GET", f"/api/v1/main/{path}").text, path, leaks)
    for path in LISTS:
        found(server.call("GET", f"/api/v1/main/{path}").text, path, leaks)
    for path in MANAGEMENT:
        found(
            server.call("GET", path or "/", port=server.management_port, auth=False).text, f"management {path}", leaks
        )
    for row in rows(server):
        found(row, "the database", leaks)
    for path in Path(server.home).rglob("*"):
        if path.is_file():
            found(path.read_bytes().decode("utf-8", "replace"), path.relative_to(server.home).as_posix(), leaks)
    return leaks


def rows(server: Server) -> Iterator[str]:
    """Every row of a PostgreSQL; a SQLite file is searched as a file."""
    if not server.clustered:
        return
    with psycopg.connect(server.database_url) as link:
        tables = link.execute("select tablename from pg_tables where schemaname = 'public'").fetchall()
        for (table,) in tables:
            for (row,) in link.execute(sql.SQL("select to_jsonb(t)::text from {} t").format(sql.Identifier(table))):
                yield row


HOOKED = f"""
id: hooked
namespace: canary
tasks: [{{id: say, type: io.kestra.plugin.core.log.Log, message: "{{{{ trigger }}}}"}}]
triggers: [{{id: hook, type: io.kestra.plugin.core.trigger.Webhook, key: {HOOK}}}]
"""


def test_the_key_of_a_webhook_is_in_no_log(server: Server) -> None:
    """Check 11: right, nearly right and with a path behind it; not even in the log of requests."""
    server.save_flow(HOOKED)
    place = "/api/v1/main/executions/webhook/canary/hooked/"
    answer = server.call("POST", place + HOOK, auth=False)
    assert answer.status == 200, answer.text
    server.finished(answer.json["id"])
    for wrong in (HOOK + "x", HOOK + "/path", HOOK.lower(), HOOK + "%00", HOOK[:-1]):
        assert server.call("POST", place + wrong, auth=False).status in (200, 404)
    assert server.call("POST", place + HOOK, body=b"[" * 100_000, auth=False).status == 200
    for path in (*Path(server.home).glob("*.out"), *Path(server.home).rglob("*.log")):
        assert HOOK.lower() not in path.read_text(errors="replace").lower(), path
    logged = server.call("GET", "/api/v1/main/logs/search?size=1000&minLevel=TRACE").text
    assert HOOK not in logged and answer.json["id"] in logged


def test_the_command_line_shows_no_secret_of_the_configuration(server: Server) -> None:
    leaks: list[str] = []
    for command in (("configs", "properties"), ("configs", "properties", "--output", "json")):
        ended = subprocess.run(
            [sys.executable, "-m", "flowdeck", *command],
            env=server.variables(),
            capture_output=True,
            text=True,
            check=False,
        )
        found(ended.stdout + ended.stderr, " ".join(command), leaks)
        assert "secret-key" in ended.stdout or ended.returncode, ended.stdout[:500]
    dump = Path(server.home) / "dump.zip"
    command = [sys.executable, "-m", "flowdeck", "sys", "dump", str(dump)]
    subprocess.run(command, env=server.variables(), capture_output=True, check=True)
    with zipfile.ZipFile(dump) as archive:
        assert len(archive.namelist()) > 3
        for name in archive.namelist():
            found(archive.read(name).decode(errors="replace"), f"dump: {name}", leaks)
    assert not leaks, "\n".join(leaks)


@pytest.mark.timeout(180)
def test_no_secret_can_be_read_anywhere(server: Server, echo: str) -> None:
    server.save_flow(CHILD)
    ended = []
    for secret in ("secret('CANARY')", "secret('STORED')", "inputs.password"):
        server.save_flow(PARENT.replace("@S@", secret).replace("@ECHO@", echo))
        execution = server.execute("canary", "everything", {"password": INPUT})
        ended.append(server.finished(execution["id"], seconds=60))
    for document in ended:
        states = {run["taskId"]: run["state"]["current"] for run in document["taskRunList"]}
        assert document["state"]["current"] in TERMINAL
        assert {"say", "give", "script", "python", "call"} <= set(states), states
        assert states["call"] == "SUCCESS" and states["say"] == "SUCCESS", states
        assert {states[name] for name in ("pair", "map", "read", "pass", "item", "always")} == {"SUCCESS"}, states
    everything = server.call("GET", "/api/v1/main/executions/search?size=100").json["results"]
    executions = [one["id"] for one in everything]
    assert len(executions) >= 6
    leaks = search(server, executions)
    assert not leaks, "\n".join(leaks)


def test_a_refused_secret_is_not_quoted(server: Server) -> None:
    server.save_flow(
        """
id: checked
namespace: canary
inputs:
  - {id: password, type: SECRET, validator: "[0-9]+"}
tasks: [{id: say, type: io.kestra.plugin.core.log.Log, message: hi}]
"""
    )
    body, kind = multipart({"password": INPUT})
    answers = [
        server.call("POST", "/api/v1/main/executions/canary/checked", body=body, content_type=kind),
        server.call("POST", "/api/v1/main/executions/canary/checked/validate", body=body, content_type=kind),
        server.call("POST", "/api/v1/main/executions/canary/everything/validate", body=body, content_type=kind),
        server.call("PUT", "/api/v1/main/namespaces/canary/secrets", json_body={"key": "", "value": STORED}),
        server.call(
            "PUT",
            "/api/v1/main/namespaces/canary/secrets",
            body='{"value": "' + STORED,
            content_type="application/json",
        ),
        server.call("POST", "/login", json_body={"username": "a@example.com", "password": PASSWORD + "x"}),
        server.call("POST", "/api/v1/main/basicAuth", json_body={"username": "", "password": PASSWORD}),
    ]
    assert answers[0].status == 422, answers[0].text
    leaks: list[str] = []
    for number, answer in enumerate(answers):
        found(answer.text, f"answer {number} ({answer.status})", leaks)
    assert not leaks + search(server, []), "\n".join(leaks)


def test_secrets_reach_those_who_need_them(server: Server, echo: str) -> None:
    """Masking what is shown must not change what is used."""
    ended = server.run(
        f"""
id: used
namespace: canary
inputs: [{{id: password, type: SECRET}}]
tasks:
  - id: right
    type: io.kestra.plugin.scripts.shell.Commands
    taskRunner: {{type: io.kestra.plugin.core.runner.Process}}
    env: {{A: "{{{{ secret('CANARY') }}}}", B: "{{{{ inputs.password }}}}"}}
    commands: ['test "$(printf %s "$A" | wc -c)" = {len(ENV)}', 'test "$(printf %s "$B" | wc -c)" = {len(INPUT)}']
""",
        {"password": INPUT},
    )
    assert ended["state"]["current"] == "SUCCESS", server.logs(ended["id"])
