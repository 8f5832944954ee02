"""Flows over the wire: source, revisions, disabling, validation's answer (spec: workflow components §1.2–§1.4, §2.1)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.conftest import flow_text, messages, states
from tests.support.server import Answer, Server, eventually

pytestmark = pytest.mark.timeout(60)

F = "/api/v1/main/flows"
LOG = "tasks: [{id: t, type: @log.Log, message: x}]"


def post(server: Server, source: str) -> Answer:
    return server.call("POST", F, body=source, content_type="application/x-yaml")


def put(server: Server, flow: str, source: str) -> Answer:
    return server.call("PUT", f"{F}/conformance/{flow}", body=source, content_type="application/x-yaml")


def validate(server: Server, source: str) -> list[Any]:
    answer = server.call("POST", f"{F}/validate", body=source, content_type="application/x-yaml")
    assert answer.status == 200, answer.text
    return answer.json


def test_the_source_is_kept_but_for_its_revision(server: Server) -> None:
    """§1.2: verbatim (comments, order, quoting), a top-level `revision:` line is taken out."""
    source = (
        "# first\nnamespace: conformance   # place\nid: 'kept'\nrevision: 12\n"
        'tasks:\n- {type: io.kestra.plugin.core.log.Log, id: t,   message: "revision: 3"}\n'
    )
    saved = post(server, source)
    assert saved.status == 200 and saved.json["revision"] == 1
    found = server.call("GET", f"{F}/conformance/kept?source=true").json
    assert found["source"] == source.replace("revision: 12\n", "")


def test_revisions_count_up_and_go_on_after_a_deletion(server: Server) -> None:
    """§1.3: changed source +1, the same source none, `revision` ignored, deletion +1, numbering continues."""
    one, two = flow_text("counted", LOG), flow_text("counted", LOG + "\ndescription: two")
    assert post(server, one).json["revision"] == 1
    assert put(server, "counted", one).json["revision"] == 1
    assert put(server, "counted", f"revision: 44\n{one}").json["revision"] == 1
    assert put(server, "counted", two).json["revision"] == 2
    assert put(server, "counted", one).json["revision"] == 3
    assert server.call("DELETE", f"{F}/conformance/counted").status == 204
    assert server.call("GET", f"{F}/conformance/counted").status == 404
    gone = server.call("GET", f"{F}/conformance/counted?allowDeleted=true").json
    assert (gone["revision"], gone["deleted"]) == (4, True)
    assert post(server, one).json["revision"] == 5
    listed = server.call("GET", f"{F}/conformance/counted/revisions?allowDelete=true").json
    assert [(x["revision"], x["deleted"]) for x in listed] == [
        (1, False),
        (2, False),
        (3, False),
        (4, True),
        (5, False),
    ]


def test_identity_does_not_change(server: Server) -> None:
    """§1.3: `Illegal flow id update`, `Illegal namespace update`, `Flow id already exists`."""
    post(server, flow_text("fixed", LOG))
    for source, text in (
        (flow_text("other", LOG), "Illegal flow id update"),
        (flow_text("fixed", LOG, "elsewhere"), "Illegal namespace update"),
    ):
        answer = put(server, "fixed", source)
        assert answer.status == 422 and text in answer.json["message"]
    again = post(server, flow_text("fixed", LOG))
    assert again.status == 422 and "Flow id already exists" in again.json["message"]
    assert put(server, "never_saved", flow_text("never_saved", LOG)).status == 404


def test_executions_keep_their_revision(server: Server) -> None:
    """§1.3: executions remember flowRevision; `revision` starts an older one."""
    post(server, flow_text("kept_rev", "tasks: [{id: t, type: @debug.Return, format: one}]"))
    put(server, "kept_rev", flow_text("kept_rev", "tasks: [{id: t, type: @debug.Return, format: two}]"))
    for query, number, value in (("", 2, "two"), ("?revision=1", 1, "one")):
        ended = server.finished(server.execute("conformance", "kept_rev", query=query)["id"])
        assert (ended["flowRevision"], ended["taskRunList"][0]["outputs"]["value"]) == (number, value)
    missing = server.call("POST", "/api/v1/main/executions/conformance/kept_rev?revision=9")
    assert missing.status == 404 and "Unable to find revision 9 on flow conformance.kept_rev" in missing.text


def test_a_disabled_flow_starts_in_no_way(server: Server) -> None:
    """§1.4: API 409, subflow fails with its text, triggers are not evaluated; running executions continue."""
    server.save_flow(flow_text("off2", "tasks: [{id: p, type: @flow.Pause}, {id: t, type: @log.Log, message: x}]"))
    running = server.execute("conformance", "off2")["id"]
    eventually(lambda: server.execution(running)["state"]["current"] == "PAUSED", what="the pause")
    put(
        server,
        "off2",
        flow_text("off2", "disabled: true\n" + LOG + "\ntriggers: [{id: w, type: @trigger.Webhook, key: offhook}]"),
    )
    refused = server.call("POST", "/api/v1/main/executions/conformance/off2")
    assert refused.status == 409 and "Cannot execute a disabled flow" in refused.json["message"]
    hook = server.call("POST", "/api/v1/main/executions/webhook/conformance/off2/offhook")
    assert hook.status in (404, 409)
    ended = server.run(
        flow_text("calls_off", "tasks: [{id: s, type: @flow.Subflow, namespace: conformance, flowId: off2}]")
    )
    assert ended["state"]["current"] == "FAILED"
    text = "Cannot execute a flow which is disabled"
    eventually(lambda: any(text in x["message"] for x in server.logs(ended["id"])), what="the reason")
    assert server.call("POST", f"/api/v1/main/executions/{running}/resume").status in (200, 204)
    assert server.finished(running)["state"]["current"] == "SUCCESS"
    assert server.call("GET", "/api/v1/main/executions?namespace=conformance&flowId=off2").json["total"] == 1


DISABLED = """
tasks:
  - {id: a, type: @log.Log, message: x, disabled: true}
  - id: all_off
    type: @flow.Sequential
    tasks: [{id: b, type: @log.Log, message: x, disabled: true}]
  - id: one_off
    type: @flow.Parallel
    tasks: [{id: c, type: @log.Log, message: x, disabled: true}, {id: d, type: @log.Log, message: x}]
  - {id: seen, type: @debug.Return, format: "{{ tasks.a is defined }}"}
errors: [{id: e, type: @log.Log, message: x, disabled: true}]
finally: [{id: f, type: @log.Log, message: x, disabled: true}]
"""


def test_disabled_tasks_are_absent(server: Server) -> None:
    """§1.4, §21: no task run; a flowable without enabled children ends SUCCESS; `tasks.<id>` is undefined."""
    ended = server.run(flow_text("absent", DISABLED))
    assert states(ended) == [("all_off", "SUCCESS"), ("one_off", "SUCCESS"), ("d", "SUCCESS"), ("seen", "SUCCESS")]
    assert ended["taskRunList"][-1]["outputs"]["value"] == "false"


def test_a_flow_of_disabled_tasks_succeeds(server: Server) -> None:
    """§1.4: CREATED → RUNNING → SUCCESS with an empty list."""
    ended = server.run(flow_text("all_absent", "tasks: [{id: a, type: @log.Log, message: x, disabled: true}]"))
    assert [h["state"] for h in ended["state"]["histories"]] == ["CREATED", "RUNNING", "SUCCESS"]
    assert ended.get("taskRunList", []) == []


def test_validation_answers_per_document(server: Server) -> None:
    """§2.1: index, flow, namespace, constraints only when invalid, deprecationPaths, warnings, infos, outdated."""
    server.save_flow(flow_text("stored", LOG))
    good = flow_text("stored", LOG)
    told = flow_text(
        "told",
        "inputs: [{id: a, type: STRING, displayName: " + "x" * 70 + "}]\n"
        "tasks: [{id: t, type: io.kestra.core.tasks.log.Log, message: x}]\ntaskDefaults: [{type: @log.Log, values: {level: WARN}}]",
    )
    bad = flow_text("bad", "tasks: [{id: 1.x, type: @log.Log, message: x}]")
    answers = validate(server, f"{good}---\n{told}---\n{bad}---\nid: [\n")
    assert [a["index"] for a in answers] == [0, 1, 2, 3]
    assert [("constraints" in a) for a in answers] == [False, False, True, True]
    assert (answers[0]["flow"], answers[0]["namespace"], answers[0]["outdated"]) == ("stored", "conformance", False)
    assert answers[1]["deprecationPaths"] == ["taskDefaults"]
    assert answers[1]["warnings"] == ["displayName is longer than 64 characters"]
    assert answers[1]["infos"] == ["io.kestra.core.tasks.log.Log is replaced by io.kestra.plugin.core.log.Log"]
    assert answers[2]["constraints"] == 'tasks[0].id: must match "^[a-zA-Z0-9][a-zA-Z0-9_-]*"'
    assert answers[3]["constraints"].startswith("Illegal flow yaml: ")
    assert validate(server, f"revision: 7\n{good}")[0]["outdated"] is True
    assert server.call("GET", f"{F}/conformance/told").status == 404


def test_a_refused_flow_names_line_and_property(server: Server) -> None:
    """§2: a flow that can never work is refused when saved."""
    answer = post(server, flow_text("refused", "tasks:\n  - id: t\n    type: @log.Log\n    mesage: x"))
    assert answer.status == 422
    assert 'tasks[0]: Unrecognized field "mesage"' in answer.json["message"]
    assert "(line 6, column 5)" in answer.json["message"] and "(line 4," in answer.json["message"]
    assert server.call("GET", f"{F}/conformance/refused").status == 404


def test_old_types_run_as_todays(server: Server) -> None:
    """§1.2: aliases resolve to today's class."""
    ended = server.run(
        flow_text("aliased", "tasks: [{id: t, type: io.kestra.core.tasks.log.Log, message: an old name}]")
    )
    assert "an old name" in messages(server, ended["id"], "an old name")
    assert server.call("GET", f"{F}/conformance/aliased").json["tasks"][0]["type"] == "io.kestra.core.tasks.log.Log"


def test_recursion_over_several_flows_is_stopped(server: Server) -> None:
    """§2.4: A→B→A fails the task run with `Recursive call to flow [ns.id]`."""
    call = "tasks: [{{id: s, type: @flow.Subflow, namespace: conformance, flowId: {0}}}]"
    server.save_flow(flow_text("ring_b", LOG))
    server.save_flow(flow_text("ring_a", call.format("ring_b")))
    server.save_flow(flow_text("ring_b", call.format("ring_a")))
    ended = server.finished(server.execute("conformance", "ring_a")["id"])
    assert ended["state"]["current"] == "FAILED"
    child = server.execution(ended["taskRunList"][0]["outputs"]["executionId"])
    text = "Recursive call to flow [conformance.ring_a]"
    eventually(lambda: any(text in x["message"] for x in server.logs(child["id"])), what="the reason")


def test_slas_end_real_executions(server: Server) -> None:
    """§11.4 over a real server: a deadline kills a running script and gives its labels; an assertion gives labels."""
    body = """
    sla:
      - {id: fast, type: MAX_DURATION, duration: PT1S, behavior: CANCEL, labels: {sla: miss}}
      - {id: told, type: EXECUTION_ASSERTION, assert: "{{ inputs.n > 5 }}", behavior: NONE, labels: {small: "yes"}}
    inputs: [{id: n, type: INT, defaults: 1}]
    tasks: [{id: t, type: @flow.Sleep, duration: PT1M}]
    afterExecution: [{id: z, type: @log.Log, message: after}]
    """
    ended = server.run(flow_text("late", body))
    assert ended["state"]["current"] == "CANCELLED"
    found = {x["key"]: x["value"] for x in ended["labels"]}
    assert (found["sla"], found["small"]) == ("miss", "yes")
    eventually(
        lambda: states(server.execution(ended["id"])) == [("t", "CANCELLED"), ("z", "SUCCESS")], what="afterExecution"
    )
