"""The management port of a real server, and a server that is configured by a file (spec: operations F58, F59, F61–F66)."""

from __future__ import annotations

import base64
import json
import re
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.server import Answer, Server, eventually

CONFIGURATION = """\
kestra:
  url: http://localhost:${micronaut.server.port}/flows/
  encryption: {secretKey: I6EGNzRESu3X3pKZidrqCGOHQFUFC0yK}
  metrics: {prefix: engine, labels: [country]}
  configurations: {deleteFilesOnStart: true}
  variables: {globals: {region: eu, apiToken: geheim-token}}
  anonymousUsageReport: {enabled: true}
  jdbc: {queues: {pollSize: 5}}
micronaut:
  server:
    contextPath: flows
    hostResolution: {hostHeader: X-Forwarded-Host, protocolHeader: X-Scheme}
    cors: {enabled: true, configurations: {web: {allowedOrigins: ['https://board.example.com']}}}
endpoints:
  all: {basicAuth: {username: watcher, password: geheim-wort}}
  threaddump: {enabled: true}
  env: {enabled: true}
logger:
  levels: {execution: INFO, task.numbers: INFO}
flowdeck:
  log: {format: json}
"""
FLOW = """\
id: numbers
namespace: company.team
labels: {country: fr}
tasks:
  - id: each
    type: io.kestra.plugin.core.flow.ForEach
    values: [1, 2]
    tasks:
      - id: publish
        type: io.kestra.plugin.core.metric.Publish
        metrics:
          - {name: rows, type: counter, value: 3, tags: {table: orders}}
  - id: fails
    type: io.kestra.plugin.core.execution.Fail
    runIf: "{{ inputs.fail }}"
inputs:
  - {id: fail, type: BOOLEAN, defaults: false}
triggers:
  - {id: later, type: io.kestra.plugin.core.trigger.Schedule, cron: "0 0 1 1 *"}
"""
SLOW = """\
id: slow
namespace: company.team
tasks:
  - {id: wait, type: io.kestra.plugin.core.flow.Sleep, duration: PT30S}
"""
SERIES = """
    executor_execution_started_count_total executor_execution_end_count_total
    executor_execution_duration_seconds_count executor_execution_duration_seconds_max
    executor_execution_message_process_seconds_count executor_taskrun_created_count_total
    executor_taskrun_ended_count_total executor_taskrun_ended_duration_seconds_sum
    executor_flowable_execution_count_total executor_thread_count executor_execution_delay_created_count_total
    worker_started_count_total worker_ended_count_total worker_ended_duration_seconds_count
    worker_queued_duration_seconds_count executor_taskrun_next_count_total worker_running_count worker_job_pending worker_job_running worker_job_thread
    scheduler_loop_count_total scheduler_evaluation_loop_duration_seconds_count scheduler_evaluate_count_total
    jdbc_query_duration_seconds_count queue_message_lag_count queue_poll_size queue_big_message_count_total
    indexer_message_in_count_total executions_total
""".split()  # noqa: SIM905 - a list of words
PLAIN = """
    http_server_requests_seconds_count hikaricp_connections_idle hikaricp_connections_max logback_events_total
    process_resident_memory_bytes process_files_open_files process_start_time_seconds process_uptime_seconds
    process_cpu_time_ns_total system_cpu_count system_cpu_usage system_load_average_1m python_gc_collections_total
    executor_active_threads executor_pool_size_threads executor_completed_tasks_total
""".split()  # noqa: SIM905 - a list of words


LOGIN = {"Authorization": "Basic " + base64.b64encode(b"watcher:geheim-wort").decode()}


class Below(Server):
    """A server below a path of its own, whose management port has an account."""

    def call(self, method: str, path: str, **more: Any) -> Answer:
        if more.get("port") is None:
            path = f"/flows{path}"
        else:
            more["headers"] = {**LOGIN, **(more.get("headers") or {})}
        return super().call(method, path, **more)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Below]:
    folder = tmp_path_factory.mktemp("managed")
    file = folder / "application.yml"
    file.write_text(CONFIGURATION)
    flows = folder / "flows"
    flows.mkdir()
    told = {"MICRONAUT_IO_WATCH_ENABLED": "true", "MICRONAUT_IO_WATCH_PATHS": str(flows)}
    server = Below(folder / "home", environment={"KESTRA_CONFIGURATION_PATH": str(file), **told})
    try:
        server.start(seconds=60)
        yield server
    finally:
        server.stop()


def managed(server: Server, path: str, method: str = "GET", **more: Any) -> Answer:
    return server.call(method, path, port=server.management_port, auth=False, **more)


def series(server: Server) -> dict[str, float]:
    found: dict[str, float] = {}
    for line in managed(server, "/prometheus").text.splitlines():
        if not line.startswith("#"):
            name, _, value = line.rpartition(" ")
            found[name] = float(value)
    return found


def test_the_port_asks_for_its_account(server: Server) -> None:
    """F58: `endpoints.all.basic-auth` guards every path, those that are not there too."""
    for path in ("/health", "/prometheus", "/env", "/nothing"):
        answer = managed(server, path, headers={"Authorization": "Basic eDp5"})
        assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, 'Basic realm="management"')
    assert managed(server, "/nothing").status == 404
    assert managed(server, "/kafkastreams").status == 404


def test_health_has_the_documented_form(server: Server) -> None:
    """F58, and the monitoring page: nested parts, each with name and status."""
    body = managed(server, "/health").json
    assert (body["name"], body["status"]) == ("flowdeck", "UP")
    disk = body["details"]["diskSpace"]
    assert (disk["status"], disk["details"]["threshold"]) == ("UP", 10 * 1024 * 1024)
    (database,) = body["details"]["jdbc"]["details"].values()
    assert database["details"]["database"] in ("SQLite", "PostgreSQL")
    assert re.match(r"\d+", database["details"]["version"])
    assert body["details"]["service"]["status"] == "UP"
    assert managed(server, "/health/liveness").json["status"] == "UP"
    assert managed(server, "/health/readiness").json["status"] == "UP"
    assert managed(server, "/health/other").status == 404


def test_documented_series_are_there(server: Server) -> None:
    """F59: names, tags, prefix, labels; a run changes the numbers by what happened."""
    before = series(server)
    server.run(FLOW)
    failed = server.finished(server.execute("company.team", "numbers", {"fail": "true"})["id"])
    assert failed["state"]["current"] == "FAILED"
    after = eventually(
        lambda: (found := series(server)) and found.get(ends("FAILED")) and found, what="metrics of the executions"
    )
    names = {name.partition("{")[0] for name in after}
    assert not {f"engine_{name}" for name in SERIES} - names
    assert not set(PLAIN) - names

    def gained(name: str) -> float:
        return after.get(name, 0) - before.get(name, 0)

    assert gained(ends("SUCCESS")) == gained(ends("FAILED")) == 1
    flow = 'tenant_id="main",namespace_id="company.team",flow_id="numbers"'
    assert gained(f'engine_executor_execution_started_count_total{{{flow},label_country="fr"}}') == 2
    publish = f'{flow},task_type="io.kestra.plugin.core.metric.Publish"'
    ended = f'engine_executor_taskrun_ended_count_total{{{publish},label_country="fr",state="SUCCESS"}}'
    assert gained(ended) == 4
    assert gained(f'engine_worker_ended_count_total{{{publish},worker_group="",state="SUCCESS"}}') == 4
    assert gained(f'engine_worker_started_count_total{{{publish},worker_group=""}}') == 4
    emitted = next(name for name in after if name.startswith("engine_task_rows_total"))
    assert 'table="orders"' in emitted
    assert after[emitted] == 12
    route = 'uri="/api/v1/{tenant}/executions/{namespace}/{flow_id}"'
    assert any(route in name and 'method="POST"' in name and value for name, value in after.items())


def ends(state: str) -> str:
    flow = 'tenant_id="main",namespace_id="company.team",flow_id="numbers"'
    return f'engine_executor_execution_end_count_total{{{flow},label_country="fr",state="{state}"}}'


def test_metrics_as_json(server: Server) -> None:
    """§15: `/metrics` lists names, `/metrics/{name}` one with its tags."""
    names = managed(server, "/metrics").json["names"]
    assert "engine.worker.job.running" in names
    one = managed(server, "/metrics/engine.worker.job.running").json
    assert one["measurements"] == [{"statistic": "VALUE", "value": 0}]
    assert managed(server, "/metrics/engine.nothing").status == 404
    assert managed(server, "/metrics/engine.worker.job.running?tag=a").status == 400


def test_jobs_and_dates(server: Server) -> None:
    """F58: `/worker` shows running tasks, `/scheduler` next dates."""
    server.save_flow(FLOW)
    server.save_flow(SLOW)
    execution = server.execute("company.team", "slow")["id"]

    def running() -> Any:
        return [one for one in managed(server, "/worker").json["runnings"] if one.get("taskRun")]

    (one,) = eventually(running, what="a running task")
    assert (one["taskRun"]["executionId"], one["task"]["id"]) == (execution, "wait")
    assert one["task"]["type"].endswith(".Sleep")
    dates = eventually(lambda: managed(server, "/scheduler").json["schedulables"], what="a next date")
    assert [(d["flowId"], d["triggerId"]) for d in dates] == [("numbers", "later")]
    assert re.fullmatch(r"\d{4}-01-01T00:00:00.000Z", dates[0]["next"])
    server.call("DELETE", f"/api/v1/main/executions/{execution}/kill")


def test_levels_change_in_every_process(server: Server) -> None:
    """F58: POST /loggers takes effect at once, in children that start later too."""
    body = managed(server, "/loggers").json
    assert body["levels"][-1] == "NOT_SPECIFIED"
    assert body["loggers"]["ROOT"] == {"configuredLevel": "INFO", "effectiveLevel": "INFO"}
    path = "/loggers/io.kestra.core.runners"
    assert managed(server, path, "POST", json_body={"configuredLevel": "TRACE"}).status == 200
    assert managed(server, path).json["configuredLevel"] == "TRACE"
    assert managed(server, "/loggers/flowdeck.worker").json["effectiveLevel"] == "TRACE"
    assert managed(server, path, "POST", json_body={"configuredLevel": None}).status == 200
    assert managed(server, "/loggers/flowdeck.worker").json["configuredLevel"] == "NOT_SPECIFIED"
    assert managed(server, path, "POST", json_body={"configuredLevel": "LOUD"}).status == 400
    assert managed(server, path, "POST", body="{}", content_type="text/plain").status == 415
    assert managed(server, "/loggers/no.such.logger").status == 404


def test_settings_are_masked(server: Server) -> None:
    """F58: `/env` shows every told key with its source, and no secret."""
    answer = managed(server, "/env")
    assert "geheim" not in answer.text
    assert "I6EGNzRESu3X3pKZidrqCGOHQFUFC0yK" not in answer.text
    told = {name: value for one in answer.json["propertySources"] for name, value in one["properties"].items()}
    assert told["kestra.metrics.prefix"] == "engine"
    assert told["kestra.variables.globals"] == {"region": "eu", "apiToken": "******"}
    assert managed(server, "/env/kestra.metrics.prefix").json["value"] == "engine"
    assert managed(server, "/env/kestra.nothing").status == 404


def test_threads_of_all_processes(server: Server) -> None:
    """F58: `/threaddump`."""
    found = managed(server, "/threaddump").json
    assert {"supervisor", "core", "web", "worker"} <= {thread["process"] for thread in found}
    assert all(thread["stackTrace"] for thread in found if thread["threadName"] == "MainThread")


def test_methods_and_bodies_are_bounded(server: Server) -> None:
    answer = managed(server, "/health", "PUT", body=b"")
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")
    big = json.dumps({"configuredLevel": "x" * 20_000})
    assert managed(server, "/loggers/ROOT", "POST", body=big).status == 413
    heads = ["nonsense"] + [f"GET /health HTTP/1.1\r\nContent-Length: {n}" for n in ("-1", "\xb2", "9" * 5000, "x")]
    for head in heads:
        with socket.create_connection(("127.0.0.1", server.management_port), 5) as link:
            link.sendall(head.encode("latin-1") + b"\r\n\r\n")
            assert link.recv(100).startswith(b"HTTP/1.1 400 "), head


@pytest.mark.parametrize("header", [{"Origin": "http://evil.example.com"}, {"Sec-Fetch-Site": "cross-site"}])
def test_no_other_site_sets_a_level(server: Server, header: dict[str, str]) -> None:
    """Browsers send such calls for any page; the port answers programs, and pages of its own."""
    body = json.dumps({"configuredLevel": "TRACE"})
    assert managed(server, "/loggers/ROOT", "POST", body=body, headers=header).status == 403


def test_api_and_origins_below_a_path(server: Below) -> None:
    """F62, F63: the prefix holds for everything; only the named origin is let in."""
    allowed = server.call("GET", "/api/v1/configs", auth=False, headers={"Origin": "https://board.example.com"})
    assert allowed.headers["access-control-allow-origin"] == "https://board.example.com"
    other = server.call("GET", "/api/v1/configs", auth=False, headers={"Origin": "https://evil.example.com"})
    assert "access-control-allow-origin" not in other.headers
    assert Server.call(server, "GET", "/api/v1/configs", auth=False).status == 404
    assert Server.call(server, "GET", "/ping", auth=False).text == "pong"


def test_a_proxy_tells_the_name_that_the_browser_used(server: Server) -> None:
    """F63: a call of the console's page through a proxy that changes the host is of the same origin."""
    body = {"username": server.username, "password": server.password}
    page = {"Origin": "https://flows.example.com"}
    proxy = {"X-Forwarded-Host": "flows.example.com", "X-Scheme": "https"}
    refused = server.call("POST", "/login", json_body=body, auth=False, headers=page)
    assert refused.status == 403
    answer = server.call("POST", "/login", json_body=body, auth=False, headers={**page, **proxy})
    assert answer.status == 200
    assert "Secure" in answer.headers["set-cookie"]


def test_the_file_is_gone_and_the_log_speaks_json(server: Server) -> None:
    """F61, F64, F66: files read once; JSON lines; starts and ends of executions; what has no effect, named once."""
    assert not (server.home.parent / "application.yml").exists()
    server.run(FLOW)
    out = (server.home / "server.out").read_text()
    lines = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    assert "geheim" not in out
    (ignored,) = [line["text"] for line in lines if line["text"].startswith("without effect here")]
    assert "kestra.anonymous-usage-report" in ignored
    assert "kestra.jdbc.queues.poll-size" in ignored
    texts = [line["text"] for line in lines]
    start = "[tenant: main] [namespace: company.team] [flow: numbers] [execution: "
    assert any(text.startswith(start) and text.endswith("started") for text in texts)
    assert any("[task: publish]" in text and "with state SUCCESS" in text for text in texts)
    access = server.home / "log" / "access.log"
    line = '"POST /flows/api/v1/main/flows HTTP/1.1"'
    eventually(lambda: access.exists() and line in access.read_text(), what="a line in the access log", seconds=5)


def test_a_folder_of_flows_is_kept_the_same(server: Server) -> None:
    """G1: `micronaut.io.watch` takes files over and writes flows back."""
    folder = server.home.parent / "flows"
    (folder / "mine.yml").write_text(SLOW.replace("id: slow", "id: mine"))
    place = "/api/v1/main/flows/company.team/mine"
    eventually(lambda: server.call("GET", place).status == 200, what="the flow of the file")
    server.save_flow(SLOW.replace("id: slow", "id: made"))
    eventually(lambda: (folder / "main_company.team_made.yml").exists(), what="the file of the flow")
    (folder / "mine.yml").unlink()
    eventually(lambda: server.call("GET", place).status == 404, what="the deletion of the flow")
