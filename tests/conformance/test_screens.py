"""What the console's screens ask beside the REST contract (spec: ui §11.2, §13, §14)."""

from __future__ import annotations

import io
import json
import re
import zipfile
from datetime import UTC, datetime

import pytest

from tests.conformance.conftest import flow_text
from tests.support.server import Server, eventually, multipart

pytestmark = pytest.mark.timeout(60)
CONSOLE = "/api/v1/main/console"


def get(server: Server, path: str) -> object:
    answer = server.call("GET", CONSOLE + path)
    assert answer.status == 200, answer.text
    return answer.json


def test_secrets_tell_who_uses_them(server: Server) -> None:
    """UI-SE-01: used by n flows of the namespace and below; never a value."""
    for namespace, key in (("sec", "TOKEN"), ("sec.below", "TOKEN"), ("sec", "UNUSED")):
        body = {"key": key, "value": "hush-hush"}
        assert server.call("PUT", f"/api/v1/main/namespaces/{namespace}/secrets", json_body=body).status == 200
    text = "tasks: [{id: t, type: @log.Log, message: \"{{ secret('TOKEN') }}\"}]"
    server.save_flow(flow_text("reads", text, "sec.below"))
    listed = server.call("GET", CONSOLE + "/secrets?filters[namespace][PREFIX]=sec&size=50")
    assert "hush-hush" not in listed.text
    rows = {(one.get("namespace"), one["key"]): one for one in listed.json["results"]}
    assert rows["sec", "TOKEN"]["uses"] == 1 and rows["sec.below", "TOKEN"]["uses"] == 1
    assert rows["sec", "UNUSED"]["uses"] == 0 and rows["sec", "UNUSED"]["updated"].endswith("Z")
    uses = get(server, "/secrets/TOKEN/uses?namespace=sec")
    assert uses == [{"namespace": "sec.below", "flowId": "reads", "lines": [3]}]
    above = get(server, "/secrets/inherited?namespace=sec.below")
    assert {one["key"] for one in above} == {"TOKEN", "UNUSED"}  # type: ignore[attr-defined]


def test_a_limit_tells_who_holds_a_place_and_who_waits(server: Server) -> None:
    """UI-FP-42: running of limit, behaviour, the queue with positions; without a limit nothing of it."""
    text = "concurrency: {limit: 1}\ntasks: [{id: t, type: @flow.Pause}]"
    server.save_flow(flow_text("one_place", text, "adm"))
    first, second, third = (server.execute("adm", "one_place")["id"] for _ in range(3))

    def queue() -> dict | None:
        found: dict = get(server, "/flows/adm/one_place/concurrency")  # type: ignore[assignment]
        return found if found["queued"] == 2 and found["holders"] else None

    found = eventually(queue, what="two that wait")
    assert (found["limit"], found["behavior"], found["running"], found["queued"]) == (1, "QUEUE", 1, 2)
    assert [one["id"] for one in found["holders"]] == [first]
    assert [(one["id"], one["position"]) for one in found["waiting"]] == [(second, 1), (third, 2)]
    assert all(one["since"].endswith("Z") for one in found["waiting"])
    server.save_flow(flow_text("no_limit", "tasks: [{id: t, type: @log.Log, message: hi}]", "adm"))
    free: dict = get(server, "/flows/adm/no_limit/concurrency")  # type: ignore[assignment]
    assert "limit" not in free and (free["running"], free["queued"]) == (0, 0)
    assert server.call("GET", CONSOLE + "/flows/adm/nobody/concurrency").status == 404


def test_administration_answers(server: Server) -> None:
    """UI-AD-01…04: limits, the week of the schedules, counters, components."""
    # Not in the hour that runs: its date may be over already.
    later = (datetime.now(UTC).hour + 12) % 24
    text = f"""
    concurrency: {{limit: 2, behavior: CANCEL}}
    triggers:
      - {{id: a, type: @trigger.Schedule, cron: "0 {later} * * *"}}
      - {{id: b, type: @trigger.Schedule, cron: "0 * * * *"}}
    tasks: [{{id: t, type: @log.Log, message: hi}}]
    """
    server.save_flow(flow_text("limited", text, "adm"))
    limits = get(server, "/administration/limits")
    assert {"namespace": "adm", "flowId": "limited", "limit": 2, "behavior": "CANCEL", "running": 0, "queued": 0} in (
        limits  # type: ignore[operator]
    )
    week: dict = get(server, "/administration/week")  # type: ignore[assignment]
    mine = {one["triggerId"]: one["count"] for one in week["triggers"] if one["namespace"] == "adm"}
    assert mine["a"] == 7 and mine["b"] in (167, 168) and len(week["hours"]) == 168 and week["complete"]
    assert any(set(one["triggers"]) >= {"adm.limited.a", "adm.limited.b"} for one in week["collisions"])
    counters: dict = get(server, "/administration/statistics")  # type: ignore[assignment]
    assert counters["flows"] >= 1 and counters["triggers"] >= 2
    found: dict = get(server, "/administration/services")  # type: ignore[assignment]
    assert {one["type"] for one in found["services"]} >= {"EXECUTOR", "WEBSERVER"} and "schedules" in found["lag"]
    own = [one for one in found["services"] if one["state"] == "RUNNING"]
    assert all(one["numbers"]["memoryBytes"] > 1_000_000 and one["numbers"]["threads"] >= 1 for one in own)


def test_the_support_bundle_tells_of_everything_but_secrets(server: Server) -> None:
    """UI-AD-09: version, storage, database, configuration with stars for secrets, services and counters in a ZIP."""
    about: dict = get(server, "/administration/about")  # type: ignore[assignment]
    assert about["version"] and about["database"]["type"] in ("sqlite", "postgresql") and about["storage"] == "local"
    answer = server.call("GET", CONSOLE + "/administration/bundle")
    assert answer.status == 200 and answer.body.startswith(b"PK")
    with zipfile.ZipFile(io.BytesIO(answer.body)) as archive:
        assert {"about.json", "configuration.json", "services.json", "statistics.json"} <= set(archive.namelist())
        texts = b"".join(archive.read(name) for name in archive.namelist())
    assert server.password.encode() not in texts


def test_texts_are_replaced_over_several_files(server: Server) -> None:
    """UI-NS-07: lines of text files are found; a file of another version than was looked at stays."""
    base = "/api/v1/main/namespaces/lines/files?path="
    for path, text in (("/a.sql", "select old\nfrom t\n"), ("/b.py", "print('old', 'OLD')\n"), ("/c.bin", "old\x00")):
        body, kind = multipart({"fileContent": text.encode()})
        assert server.call("POST", base + path, body=body, content_type=kind).status == 200
    found: dict = get(server, "/namespaces/lines/lines?q=old&case=true")  # type: ignore[assignment]
    rows = {one["path"]: one for one in found["results"]}
    assert set(rows) == {"/a.sql", "/b.py"} and rows["/a.sql"]["lines"] == [
        {"no": 1, "text": "select old", "spans": [[7, 10]]}
    ]
    body = {"q": "old", "by": "new", "case": True, "files": {"/a.sql": rows["/a.sql"]["version"], "/b.py": 7}}
    told = server.call("POST", CONSOLE + "/namespaces/lines/lines/replace", json_body=body).json
    assert told["changed"] == [{"path": "/a.sql", "count": 1}] and [one["path"] for one in told["refused"]] == ["/b.py"]
    assert server.call("GET", base + "/a.sql").text == "select new\nfrom t\n"
    assert server.call("GET", CONSOLE + "/namespaces/lines/lines?q=(&regex=true").status == 422


def test_types_that_nothing_here_provides_are_named(server: Server) -> None:
    """UI-PL-01: a type is either in the catalogue or among the absent ones, never both."""
    away: list = get(server, "/plugins/absent")  # type: ignore[assignment]
    assert {"type": "io.kestra.plugin.aws.s3.Upload", "group": "io.kestra.plugin.aws.s3"} in away
    for one in away:
        assert server.call("GET", f"/api/v1/plugins/{one['type']}").status == 404


def test_namespaces_come_as_a_tree_with_counts(server: Server) -> None:
    """UI-NS-01, UI-NS-03: parents are there, counts of the last day, flows without any edge stand apart."""
    server.save_flow(
        flow_text("calls", "tasks: [{id: t, type: @flow.Subflow, namespace: tree.a, flowId: called}]", "tree.a")
    )
    server.save_flow(flow_text("called", "tasks: [{id: t, type: @log.Log, message: hi}]", "tree.a"))
    server.save_flow(flow_text("alone", "tasks: [{id: t, type: @log.Log, message: hi}]", "tree.a.b"))
    assert server.run(flow_text("broken", "tasks: [{id: t, type: @execution.Fail}]", "tree.a.b"))["state"]
    found: dict = get(server, "/namespaces")  # type: ignore[assignment]
    rows = {one["id"]: one for one in found["results"]}
    assert rows["tree"] == {"id": "tree"} and found["system"] in rows
    assert rows["tree.a"]["flows"] == 2 and rows["tree.a.b"]["failed"] == 1 and rows["tree.a.b"]["runs"] == 1
    graph: dict = get(server, "/namespaces/tree/dependencies")  # type: ignore[assignment]
    assert [one["id"] for one in graph["nodes"]] == ["called", "calls"] and len(graph["edges"]) == 1
    assert {one["id"] for one in graph["apart"]} == {"alone", "broken"}
    own: dict = get(server, "/namespaces/tree/dependencies?children=false")  # type: ignore[assignment]
    assert own == {"nodes": [], "edges": [], "apart": []}
    own = get(server, "/namespaces/tree.a/dependencies?children=false")  # type: ignore[assignment]
    assert len(own["edges"]) == 1 and own["apart"] == []


def test_uses_of_a_plugin(server: Server) -> None:
    """UI-PL-02: flows and blueprints that use a type, also under a former name."""
    server.save_flow(flow_text("logs", "tasks: [{id: t, type: @log.Log, message: hi}]", "plu"))
    found: dict = get(server, "/plugins/io.kestra.plugin.core.log.Log/uses")  # type: ignore[assignment]
    assert {"namespace": "plu", "id": "logs"} in found["flows"] and found["total"] >= 1 and found["blueprints"]


BOARD = """id: board
title: Board
timeWindow: {default: P1D}
charts:
  - id: over_time
    type: io.kestra.plugin.core.dashboard.chart.TimeSeries
    chartOptions: {displayName: Runs, column: day, colorByColumn: state, width: 8}
    data:
      type: io.kestra.plugin.core.dashboard.data.Executions
      columns:
        day: {field: START_DATE}
        state: {field: STATE}
        total: {displayName: Number, agg: COUNT, graphStyle: BARS}
  - id: ratio
    type: io.kestra.plugin.core.dashboard.chart.KPI
    chartOptions: {displayName: Ratio, numberType: PERCENTAGE}
    data:
      type: io.kestra.plugin.core.dashboard.data.ExecutionsKPI
      columns: {field: ID, agg: COUNT}
      numerator: [{field: STATE, type: IN, values: [SUCCESS]}]
  - id: rows
    type: io.kestra.plugin.core.dashboard.chart.Table
    chartOptions: {displayName: Rows}
    data:
      type: io.kestra.plugin.core.dashboard.data.Executions
      columns: {id: {field: ID}, flow: {field: FLOW_ID}}
  - id: words
    type: io.kestra.plugin.core.dashboard.chart.Markdown
    source: {type: Text, content: "*hello*"}
"""


def test_charts_of_dashboards_are_figures(server: Server) -> None:
    """Extensions §6, UI-DB-03, UI-DB-22: traces by state with token colours, numbers, rows, text; also of a source."""
    assert server.run(flow_text("one", "tasks: [{id: t, type: @log.Log, message: hi}]", "figs"))["state"]
    saved = server.call("POST", "/api/v1/main/dashboards", body=BOARD.encode(), content_type="application/x-yaml")
    assert saved.status == 200, saved.text

    def figure(chart: str, **more: object) -> dict:
        body = {"dashboard": "board", "chart": chart, **more}
        answer = server.call("POST", CONSOLE + "/figures", json_body=body)
        assert answer.status == 200, answer.text
        return answer.json

    series = figure("over_time", filters=[{"field": "namespace", "operation": "EQUALS", "value": "figs"}])
    trace = next(one for one in series["figure"]["data"] if one["name"] == "SUCCESS")
    assert trace["marker"]["color"] == "ok-solid" and sum(trace["y"]) == 1
    assert series["drill"] == {"page": "executions", "x": "START_DATE", "series": "STATE", "time": True}
    assert figure("ratio")["percentage"] and figure("words")["text"] == "*hello*"
    table = figure("rows")
    assert table["columns"] == ["id", "flow"] and table["total"] >= 1 and table["kind"] == "table"
    by_source = server.call("POST", CONSOLE + "/figures", json_body={"source": BOARD, "chart": "rows"})
    assert by_source.json["total"] >= 1
    outline = server.call("POST", CONSOLE + "/dashboards/outline", body=BOARD.encode(), content_type="text/plain").json
    assert [one["width"] for one in outline["charts"]] == [8, 6, 6, 6] and outline["window"] == "P1D"


def test_a_wrong_chart_is_told_at_its_line(server: Server) -> None:
    """UI-DB-24: a field that the data does not have is marked; the other charts are drawn."""
    wrong = BOARD.replace("{id: {field: ID}, flow", "{id: {field: LEVEL}, flow")
    outline = server.call("POST", CONSOLE + "/dashboards/outline", body=wrong.encode(), content_type="text/plain").json
    assert [one["broken"] for one in outline["charts"]] == [False, False, True, False]
    answer = server.call("POST", CONSOLE + "/figures", json_body={"source": wrong, "chart": "rows"})
    assert answer.status == 422 and "line 26" in answer.text


def test_the_palette_finds_every_kind(server: Server) -> None:
    """UI-CP-01, UI-CP-02: dashboards, blueprints, documentation and labels beside flows, keys and plugins."""
    server.save_flow(
        flow_text("labelled", "labels: {team: giraffes}\ntasks: [{id: t, type: @log.Log, message: hi}]", "pal")
    )
    run = server.execute("pal", "labelled")["id"]
    server.finished(run)
    board = BOARD.replace("id: board", "id: zebra").replace("title: Board", "title: Zebra board")
    assert server.call("POST", "/api/v1/main/dashboards", body=board, content_type="application/x-yaml").status == 200

    def paths(query: str) -> list[str]:
        found: dict = get(server, f"/search?{query}&limit=10")  # type: ignore[assignment]
        return [hit["path"] for group in found["groups"] for hit in group["hits"]]

    server.save_flow(flow_text("nightly_etl", "tasks: [{id: t, type: @log.Log, message: hi}]", "quokka.team"))
    assert "/ui/main/flows/edit/quokka.team/nightly_etl" in paths("q=qt/netl")
    assert paths("q=zebra") == ["/ui/main/dashboards/zebra"]
    assert "/ui/main/blueprints/flow/community/webhook" in paths(
        "q=start by a webhook&kinds=blueprint".replace(" ", "%20")
    )
    assert "/ui/main/docs/howto/make-a-dashboard" in paths("q=dashboard&kinds=docs")
    assert paths("q=giraffes&kinds=label") == ["/ui/main/executions?filters[labels][EQUALS][team]=giraffes"]


def test_documentation_is_bundled(server: Server) -> None:
    """UI-SH-17: pages by group, found by words, as Markdown; nothing outside of them."""
    listed: list = get(server, "/docs")  # type: ignore[assignment]
    groups = {"Tutorial", "How to", "Explanation", "Reference", "About"}
    assert groups >= {one["group"] for one in listed} and len(listed) > 5
    page: dict = get(server, "/docs/howto/make-a-dashboard")  # type: ignore[assignment]
    assert page["title"] == "Make a dashboard" and page["text"].startswith("# Make")
    found: list = get(server, "/docs?q=dashboard")  # type: ignore[assignment]
    assert found[0]["path"] == "howto/make-a-dashboard"
    assert server.call("GET", CONSOLE + "/docs/../pyproject").status == 404


def test_keys_are_exported_with_their_values(server: Server) -> None:
    """UI-KV-01: the filtered pairs as JSON, in the form that the import reads."""
    for key, text in (("a", '"x"'), ("b", "3")):
        path = f"/api/v1/main/namespaces/kvx/kv/{key}"
        assert server.call("PUT", path, body=text, content_type="text/plain").status == 200
    found: list = get(server, "/kv/export?filters[namespace][EQUALS]=kvx")  # type: ignore[assignment]
    assert [(one["key"], one["type"], one["value"]) for one in found] == [("a", "STRING", "x"), ("b", "NUMBER", 3)]
    answer = server.call("GET", CONSOLE + "/kv/export?filters[namespace][EQUALS]=kvx&format=csv")
    assert re.search(r'filename="kv-main-\d{8}T\d{6}Z\.csv"', answer.headers["content-disposition"])
    lines = answer.text.split("\r\n")
    assert lines[0].startswith("namespace,key,type,value") and lines[2].startswith("kvx,b,NUMBER,3")


def test_a_large_value_waits_until_it_is_asked_for(server: Server) -> None:
    """UI-KV-03: above 100,000 characters the pair tells its size alone."""
    for key, size in (("small", 1_000), ("large", 200_000)):
        path = f"/api/v1/main/namespaces/kvl/kv/{key}"
        body = '"' + "x" * size + '"'
        assert server.call("PUT", path, body=body, content_type="text/plain").status == 200
    small: dict = get(server, "/kv/held/kvl/small")  # type: ignore[assignment]
    large: dict = get(server, "/kv/held/kvl/large")  # type: ignore[assignment]
    assert len(small["value"]) == 1_000 and "value" not in large and large["size"] > 200_000 and large["revision"] == 1
    assert server.call("GET", CONSOLE + "/kv/held/kvl/none").status == 404


def test_the_lines_of_one_flow_are_deleted_and_no_others(server: Server) -> None:
    """UI-FP-04: all its executions lose their lines; executions and other flows keep theirs."""
    for name in ("talks", "listens"):
        server.run(flow_text(name, "tasks: [{id: t, type: @log.Log, message: a word}]", "lines"))

    def lines(name: str) -> int:
        query = f"filters[namespace][EQUALS]=lines&filters[flowId][EQUALS]={name}"
        return server.call("GET", f"/api/v1/main/logs/search?{query}").json["total"]

    eventually(lambda: lines("talks") and lines("listens"), what="lines of both")
    assert server.call("DELETE", CONSOLE + "/flows/lines/talks/logs").status == 204
    assert lines("talks") == 0 and lines("listens") > 0
    assert server.call("DELETE", CONSOLE + "/flows/lines/nobody/logs").status == 404


def test_a_polling_trigger_is_evaluated_by_hand(server: Server) -> None:
    """UI-FP-31: at once instead of after its interval; others are refused with the reason."""
    text = """
    triggers:
      - {id: poll, type: @http.Trigger, uri: "http://127.0.0.1:9/nothing", interval: PT10H}
      - {id: plan, type: @trigger.Schedule, cron: "0 6 1 1 *"}
    tasks: [{id: t, type: @log.Log, message: hi}]
    """
    server.save_flow(flow_text("polled", text, "tried"))

    def lines() -> int:
        query = "filters[namespace][EQUALS]=tried&filters[flowId][EQUALS]=polled&filters[triggerId][EQUALS]=poll"
        return server.call("GET", f"/api/v1/main/logs/search?{query}").json["total"]

    first = eventually(lines, what="the first evaluation")
    place = CONSOLE + "/flows/tried/polled/triggers/{}/evaluate"
    assert eventually(lambda: server.call("POST", place.format("poll")).status == 200, what="a trigger that is free")
    eventually(lambda: lines() > first, what="the evaluation by hand")
    refused = server.call("POST", place.format("plan"))
    assert refused.status == 422 and "polling" in refused.text
    off = {"namespace": "tried", "flowId": "polled", "triggerId": "poll", "disabled": True}
    assert server.call("PUT", "/api/v1/main/triggers", json_body=off).status == 200
    assert server.call("POST", place.format("poll")).status == 409
    assert server.call("POST", place.format("nobody")).status == 404


def test_a_polling_trigger_is_tried_and_nothing_starts(server: Server) -> None:
    """UI-FP-31: what it finds, its lines, what it would start; no execution, no line, and its row stays as it was."""
    text = """
    inputs: [{id: code, type: INT, defaults: 0}]
    labels: {team: tried}
    triggers:
      - id: poll
        type: @http.Trigger
        uri: "http://127.0.0.1:%d/health/readiness"
        interval: PT10H
        disabled: true
        headers: {x-token: "{{ secret('CONFORMANCE_TOKEN') }}"}
        labels: {found: "{{ trigger.code }}", said: "{{ secret('CONFORMANCE_TOKEN') }}"}
      - id: quiet
        type: @http.Trigger
        uri: "http://127.0.0.1:%d/health/readiness"
        responseCondition: "{{ false }}"
        disabled: true
      - {id: down, type: @http.Trigger, uri: "http://127.0.0.1:9/nothing", disabled: true}
      - {id: plan, type: @trigger.Schedule, cron: "0 6 1 1 *"}
    tasks: [{id: t, type: @log.Log, message: hi}]
    """
    server.save_flow(flow_text("dry", text % (server.management_port, server.management_port), "tried"))
    where = "filters[namespace][EQUALS]=tried&filters[flowId][EQUALS]=dry"

    def row() -> dict:
        found = server.call("GET", f"/api/v1/main/triggers/search?{where}&filters[triggerId][EQUALS]=poll").json
        return found["results"][0]["triggerContext"]

    before = row()
    place = CONSOLE + "/flows/tried/dry/triggers/{}/try"
    told = server.call("POST", place.format("poll")).json
    assert told["found"] and told["conditions"] and told["variables"]["code"] == 200, told
    assert told["starts"]["inputs"] == {"code": 0} and "error" not in told["starts"]
    labels = {one["key"]: one["value"] for one in told["starts"]["labels"]}
    assert labels["found"] == "200" and "hush" not in json.dumps(told)
    quiet = server.call("POST", place.format("quiet")).json
    assert not quiet["found"] and "starts" not in quiet
    assert any("No execution" in one["text"] and one["level"] == "DEBUG" for one in quiet["lines"])
    down = server.call("POST", place.format("down")).json
    assert not down["found"] and down["error"] and down["lines"][-1]["level"] == "ERROR"
    assert row() == before
    assert server.call("GET", f"/api/v1/main/executions/search?{where}").json["total"] == 0
    assert server.call("GET", f"/api/v1/main/logs/search?{where}").json["total"] == 0
    assert server.call("POST", place.format("plan")).status == 422
    assert server.call("POST", place.format("nobody")).status == 404
    assert server.call("POST", CONSOLE + "/flows/tried/none/triggers/poll/try").status in (404, 409)


def test_executions_of_flows_are_counted_by_day(server: Server) -> None:
    """UI-FL-01: one entry a day, by state, with the sum of durations."""
    for name in ("well", "badly"):
        task = "@log.Log, message: hi" if name == "well" else "@execution.Fail"
        server.run(flow_text(name, f"tasks: [{{id: t, type: {task}}}]", "counted"))
    flows = [{"namespace": "counted", "id": one} for one in ("well", "badly", "nobody")]

    def asked() -> dict | None:
        answer = server.call("POST", CONSOLE + "/flows/days", json_body={"flows": flows})
        found = {one["id"]: one["days"] for one in answer.json}
        return found if len(found) == 2 else None

    found = eventually(asked, what="counts of both")
    assert found["well"][-1]["states"] == {"SUCCESS": 1} and found["badly"][-1]["states"] == {"FAILED": 1}
    assert found["well"][-1]["total"] == 1 and found["well"][-1]["durationMs"] >= 0
    assert server.call("POST", CONSOLE + "/flows/days", json_body={"flows": flows, "days": 91}).status == 422


def test_an_archive_is_judged_before_it_is_imported(server: Server) -> None:
    """UI-FL-06: new, update, unchanged or invalid with the reason; nothing is stored by looking."""
    log = "tasks: [{id: t, type: @log.Log, message: hi}]"
    for name in ("same", "other"):
        server.save_flow(flow_text(name, log, "judged"))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.yaml", flow_text("same", log, "judged"))
        archive.writestr("b.yml", flow_text("other", log.replace("hi", "ho"), "judged"))
        archive.writestr("c.yaml", flow_text("fresh", log, "judged"))
        archive.writestr("d.yaml", "id: broken\nnamespace: judged\ntasks: 3\n")
        archive.writestr("readme.txt", "no flow")
    head = b'--b\r\nContent-Disposition: form-data; name="fileUpload"; filename="flows.zip"\r\n\r\n'
    answer = server.call(
        "POST",
        CONSOLE + "/flows/import/judge",
        body=head + packed.getvalue() + b"\r\n--b--\r\n",
        content_type="multipart/form-data; boundary=b",
    )
    assert answer.status == 200, answer.text
    found = {one["name"]: one for one in answer.json}
    assert {name: one["fate"] for name, one in found.items()} == {
        "a.yaml": "unchanged",
        "b.yml": "update",
        "c.yaml": "new",
        "d.yaml": "invalid",
    }
    assert found["b.yml"]["revision"] == 2 and any("ho" in line for line in found["b.yml"]["comeLines"])
    assert "tasks" in found["d.yaml"]["reason"]
    assert server.call("GET", "/api/v1/main/flows/judged/fresh").status == 404


def test_an_import_tells_what_was_refused_and_why(server: Server) -> None:
    """UI-FL-06, journey 17: the good flows are in, each other has its reason; `failOnError` makes it a fault."""
    good = (
        "id: imported\nnamespace: screens.imports\ntasks: [{id: t, type: io.kestra.plugin.core.log.Log, message: x}]\n"
    )
    bad = good.replace("imported", "unknown").replace("log.Log", "log.NoSuchTask")
    body = (
        '--b\r\nContent-Disposition: form-data; name="fileUpload"; filename="flows.yml"\r\n\r\n'
        f"{good}---\n{bad}\r\n--b--\r\n"
    )
    path, kind = "/api/v1/main/console/flows/import", "multipart/form-data; boundary=b"
    answer = server.call("POST", path, body=body, content_type=kind)
    assert answer.status == 200, answer.text
    assert answer.json["imported"] == 1
    (refused,) = answer.json["refused"]
    assert refused["name"] == "1" and "NoSuchTask" in refused["reason"]
    failed = server.call("POST", path + "?failOnError=true", body=body, content_type=kind)
    assert failed.status == 422 and "NoSuchTask" in failed.text
    assert server.call("POST", path, body="--b--\r\n", content_type=kind).status == 400


def test_the_history_of_a_flow_tells_who_why_and_what_ran(server: Server) -> None:
    """UI-ED-60, UI-FP-20, UI-FP-22: author and message are kept with the revision; executions are counted by it."""
    text = "tasks: [{id: t, type: @log.Log, message: one}]"
    flows = "/api/v1/main/flows"
    server.run(flow_text("told", text, "hist"))
    changed = flow_text("told", text.replace("one", "two"), "hist")
    said = "Two%20is%20better"
    answer = server.call("PUT", f"{flows}/hist/told?message={said}", body=changed, content_type="application/x-yaml")
    assert answer.status == 200, answer.text
    second, first = get(server, "/flows/hist/told/history")["results"]  # type: ignore[index,call-overload]
    assert (second["revision"], second["message"], second["executions"]) == (2, "Two is better", 0)
    assert second["author"] and "source" not in second
    assert second["added"] == second["removed"] == 1
    assert (first["revision"], first["executions"], first["successRatio"]) == (1, 1, 1.0)
    assert "added" not in first
    assert [one.get("message") for one in server.call("GET", f"{flows}/hist/told/revisions").json] == [
        None,
        "Two is better",
    ]
    # UI-DG-05: what was deleted comes back with its last source, once.
    assert server.call("POST", f"{CONSOLE}/flows/hist/told/restore").status == 409
    server.call("DELETE", f"{flows}/hist/told")
    assert server.call("POST", f"{CONSOLE}/flows/hist/told/restore").json["revision"] == 4
    assert server.call("GET", f"{flows}/hist/told?source=true").json["source"] == changed
    assert [one.get("deleted") for one in get(server, "/flows/hist/told/history")["results"]][1] is True  # type: ignore[index,call-overload]


def test_others_who_edit_are_told_and_drafts_are_kept(server: Server) -> None:
    """UI-ED-62, UI-ED-63: leases of editors; a draft says when it is older than the stored revision."""
    server.save_flow(flow_text("both", "tasks: [{id: t, type: @log.Log, message: one}]", "hist"))
    place = f"{CONSOLE}/flows/hist/both/editing"
    assert server.call("PUT", f"{place}/one", json_body={"dirty": True}).json == []
    (seen,) = server.call("PUT", f"{place}/two", json_body={}).json
    assert (seen["client"], seen["own"], seen["dirty"]) == ("one", True, True)
    assert server.call("PUT", f"{place}/bad%20name", json_body={}).status == 422
    assert server.call("DELETE", f"{place}/one").status == 204
    assert get(server, "/flows/hist/both/editing?client=two") == []
    draft, listed = f"{CONSOLE}/drafts/flow/hist/both", "/drafts?key=flow/hist/both"
    assert get(server, listed) == []
    kept = server.call("PUT", draft, json_body={"text": "mine", "baseRevision": 1}).json
    assert kept["stale"] is False
    server.save_flow(flow_text("both", "tasks: [{id: t, type: @log.Log, message: two}]", "hist"))
    assert server.call("PUT", draft, json_body={"text": "mine", "baseRevision": 1}).json["stale"] is True
    (one,) = get(server, listed)  # type: ignore[misc]
    assert one["baseRevision"] == 1 and "text" not in one
    assert server.call("GET", draft).json["text"] == "mine"
    assert server.call("DELETE", draft).status == 204


PLAYED = """
inputs: [{id: who, type: STRING}]
tasks:
  - {id: a, type: @debug.Return, format: "a {{ inputs.who }}"}
  - id: side
    type: @flow.Parallel
    tasks:
      - {id: b1, type: @debug.Return, format: "{{ outputs.a.value }} b1"}
      - {id: b2, type: @execution.Fail}
  - {id: c, type: @debug.Return, format: "{{ outputs.b1.value }} c"}
"""


def test_single_tasks_are_played_on_what_earlier_plays_gave(server: Server) -> None:
    """UI-ED-80, UI-ED-81, UI-ED-83: nested tasks alone, the order of the flow, pinned results."""
    server.save_flow(flow_text("played", PLAYED, "plays"))
    place = CONSOLE + "/flows/plays/played"

    def play(query: str, inputs: dict[str, str] | None = None) -> dict:
        body, kind = multipart(inputs or {})
        answer = server.call("POST", f"{place}/playground?{query}", body=body, content_type=kind)
        assert answer.status == 200, answer.text
        if "missing" in answer.json:
            return answer.json
        assert answer.json["kind"] == "PLAYGROUND"
        return server.finished(answer.json["id"])

    def results(execution: dict) -> dict[str, str]:
        return {
            one["taskId"]: (one.get("outputs") or {}).get("value") or one["state"]["current"]
            for one in execution["taskRunList"]
        }

    assert play("play=b1", {"who": "Ann"}) == {"missing": ["a"]}
    first = play("play=b1&force=true", {"who": "Ann"})
    assert results(first) == {"a": "a Ann", "side": "SUCCESS", "b1": "a Ann b1", "b2": "SKIPPED", "c": "SKIPPED"}
    assert play(f"play=c&base={first['id']}") == {"missing": ["side"]}
    pins = {"tasks": {"b2": {"outputs": {"value": "pinned"}}}}
    assert server.call("PUT", place + "/pins", json_body=pins).status == 200
    assert server.call("GET", place + "/pins").json["tasks"] == pins["tasks"]
    second = play(f"play=side&base={first['id']}")
    assert results(second)["b1"] == "a Ann b1" and results(second)["b2"] == "pinned"
    third = play(f"play=c&base={second['id']}")
    assert third["state"]["current"] == "SUCCESS" and results(third)["c"] == "a Ann b1 c"
    kept: dict = get(server, f"/executions/{third['id']}/playground")  # type: ignore[assignment]
    origins = {one["task"]: one["execution"] for one in kept["kept"]}
    assert origins == {"a": first["id"], "b1": second["id"]} and kept["pinned"] == ["b2"] and not kept["leftOut"]
    wrong = server.call("PUT", place + "/pins", json_body={"tasks": {"a": {"state": "GONE"}}})
    assert wrong.status in (400, 422) and "tasks.a.state" in wrong.text
    assert server.call("POST", f"{place}/playground?play=nothing&base={third['id']}").status == 404


def test_states_for_the_graph_are_counted_by_task_and_by_iteration(server: Server) -> None:
    """UI-XP-40: loops cost one row a task; one iteration has the states of its own task runs, nested ones too."""
    text = """
    tasks:
      - id: each
        type: @flow.ForEach
        values: [p, q, r]
        concurrencyLimit: 0
        tasks:
          - id: inner
            type: @flow.Sequential
            tasks:
              - {id: a, type: @debug.Return, format: "{{ parent.taskrun.value }}"}
          - {id: b, type: @debug.Return, format: b, runIf: "{{ taskrun.value != 'q' }}"}
    """
    execution = server.run(flow_text("rounds", text, "graphs"))
    found: dict = get(server, f"/executions/{execution['id']}/topology")  # type: ignore[assignment]
    assert found["execution"]["state"] == "SUCCESS" and found["execution"]["taskRuns"] == 10
    tasks = found["tasks"]
    assert tasks["a"]["counts"] == {"SUCCESS": 3} and tasks["b"]["counts"] == {"SUCCESS": 2, "SKIPPED": 1}
    assert tasks["each"]["rounds"] == 3 and tasks["each"]["started"] <= tasks["a"]["started"]
    place = f"/executions/{execution['id']}/topology?loop={tasks['each']['run']}&iteration=1"
    second: dict = get(server, place)["tasks"]  # type: ignore[index]
    assert second["b"]["counts"] == {"SKIPPED": 1} and second["b"]["value"] == "q"
    assert second["a"]["counts"] == {"SUCCESS": 1} and "each" not in second
