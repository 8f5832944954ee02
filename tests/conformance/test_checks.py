"""Checks: conditions before an execution is created, for API, webhook, subflow and triggers (spec: §12)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.conformance.conftest import flow_text, messages, put_kv, refused, run_of, states
from tests.support.server import Server, eventually, multipart

pytestmark = pytest.mark.timeout(60)


def checked(name: str, checks: str, more: str = "") -> str:
    return flow_text(
        name,
        f"""
inputs: [{{id: n, type: INT, defaults: 1}}, {{id: hidden, type: SECRET, defaults: sesame}}]
labels: {{team: data}}
checks:
{checks}
tasks: [{{id: t, type: @log.Log, message: ran}}]
{more}
""",
    )


def check(condition: str, behavior: str | None = None, message: str = "not so", style: str | None = None) -> str:
    extra = (f", behavior: {behavior}" if behavior else "") + (f", style: {style}" if style else "")
    return f'  - {{condition: "{condition}", message: "{message}"{extra}}}\n'


def count(server: Server, flow: str) -> int:
    return server.call("GET", f"/api/v1/main/executions?namespace=conformance&flowId={flow}").json["total"]


def validate(server: Server, flow: str, inputs: dict[str, Any]) -> Any:
    body, content_type = multipart(inputs)
    answer = server.call(
        "POST", f"/api/v1/main/executions/conformance/{flow}/validate", body=body, content_type=content_type
    )
    assert answer.status == 200, answer.text
    return answer.json


def test_a_check_that_holds_changes_nothing(server: Server) -> None:
    """§12: context flow, inputs (typed, secrets readable), labels, functions."""
    put_kv(server, "conformance", "open", "yes")
    source = checked(
        "holds",
        check("{{ inputs.n + 1 == 2 }}")
        + check("{{ labels.team == 'data' and flow.id == 'holds' }}")
        + check("{{ inputs.hidden == 'sesame' }}")
        + check("{{ kv('open') == 'yes' }}"),
    )
    assert server.run(source)["state"]["current"] == "SUCCESS"
    assert validate(server, "holds", {"n": "1"})["checks"] == []


def test_blocking_is_the_default_and_creates_nothing(server: Server) -> None:
    """§12: BLOCK_EXECUTION → 422 with the messages; `/validate` lists what failed, with style and behavior."""
    server.save_flow(
        checked(
            "blocks",
            check("{{ inputs.n > 5 }}", message="too {{ small }}")
            + check("{{ inputs.n > 3 }}", "CREATE_EXECUTION", "a bit small", "WARNING"),
        )
    )
    status, message = refused(server, "conformance", "blocks", {"n": "2"})
    assert (status, message.split("\n")) == (422, ["Invalid entity: too {{ small }}", "a bit small"])
    assert count(server, "blocks") == 0
    assert validate(server, "blocks", {"n": "2"})["checks"] == [
        {"message": "too {{ small }}", "style": "INFO", "behavior": "BLOCK_EXECUTION"},
        {"message": "a bit small", "style": "WARNING", "behavior": "CREATE_EXECUTION"},
    ]
    assert validate(server, "blocks", {"n": "x"})["checks"] == []  # what needs the value is left open
    assert server.finished(server.execute("conformance", "blocks", {"n": "6"})["id"])["state"]["current"] == "SUCCESS"


def test_a_form_that_is_being_filled_in_shows_the_checks_that_can_be_told(server: Server) -> None:
    """§12: evaluated when inputs are validated; an input without value holds back only what looks at it."""
    server.save_flow(
        checked("partial", check("{{ inputs.n > 5 }}", message="small") + check("{{ flow.id == 'x' }}", message="x"))
    )
    assert [c["message"] for c in validate(server, "partial", {"n": "x"})["checks"]] == ["x"]


def test_failing_makes_an_execution_that_never_ran(server: Server) -> None:
    """§12: FAIL_EXECUTION → FAILED, an ERROR log per message, no task runs; more severe than CREATE_EXECUTION."""
    server.save_flow(
        checked(
            "fails",
            check("{{ false }}", "CREATE_EXECUTION", "c")
            + check("{{ false }}", "FAIL_EXECUTION", "f1")
            + check("{{ false }}", "FAIL_EXECUTION", "f2"),
        )
    )
    done = server.finished(server.execute("conformance", "fails")["id"])
    assert done["state"]["current"] == "FAILED" and states(done) == []
    assert [h["state"] for h in done["state"]["histories"]] == ["CREATED", "FAILED"]
    assert messages(server, done["id"], "f1", "f2") == ["f1", "f2"]
    assert {line["level"] for line in server.logs(done["id"])} == {"ERROR"}


@pytest.mark.parametrize("caller", ["api", "subflow", "webhook"])
def test_what_failed_checks_have_ended_is_followed_by_its_after_execution(server: Server, caller: str) -> None:
    """§10.1: afterExecution also runs for FAILED created by checks, and nothing else of the flow."""
    name = f"fails-after-{caller}"
    more = """
errors: [{id: e, type: @log.Log, message: e}]
finally: [{id: f, type: @log.Log, message: f}]
afterExecution: [{id: after, type: @log.Log, message: "after {{ execution.state }}"}]
triggers: [{id: h, type: @trigger.Webhook, key: afterchecksfail}]
"""
    server.save_flow(checked(name, check("{{ false }}", "FAIL_EXECUTION", "no"), more))
    if caller == "api":
        made = server.execute("conformance", name)["id"]
    elif caller == "subflow":
        call = f"tasks: [{{id: s, type: @flow.Subflow, namespace: conformance, flowId: {name}}}]"
        made = run_of(server.run(flow_text("calls-after", call)), "s")["outputs"]["executionId"]
    else:
        made = server.call("POST", f"/api/v1/main/executions/webhook/conformance/{name}/afterchecksfail").json["id"]
    eventually(lambda: states(server.execution(made)) == [("after", "SUCCESS")], what="afterExecution")
    assert server.execution(made)["state"]["current"] == "FAILED"
    assert messages(server, made, "no", "after FAILED") == ["no", "after FAILED"]


def test_creating_anyway(server: Server) -> None:
    """§12: CREATE_EXECUTION → created normally."""
    done = server.run(checked("creates", check("{{ false }}", "CREATE_EXECUTION")))
    assert done["state"]["current"] == "SUCCESS"


def test_a_check_that_can_not_be_rendered_has_failed(server: Server) -> None:
    """§12: a render failure fails the check."""
    server.save_flow(checked("broken", check("{{ inputs.nothing.there }}", message="cannot say")))
    assert refused(server, "conformance", "broken") == (422, "Invalid entity: cannot say")


def test_checks_hold_for_subflows(server: Server) -> None:
    """§12: a blocked subflow fails its task run; a failing one creates a FAILED child."""
    for name, behavior in (("child-b", "BLOCK_EXECUTION"), ("child-f", "FAIL_EXECUTION")):
        server.save_flow(checked(name, check("{{ inputs.n > 5 }}", behavior, f"{name} says no")))
    parent = """
    tasks:
      - {{id: s, type: @flow.Subflow, namespace: conformance, flowId: {0}, inputs: {{n: {1}}}}}
    """
    blocked = server.run(flow_text("parent", parent.format("child-b", 1)))
    assert blocked["state"]["current"] == "FAILED" and count(server, "child-b") == 0
    eventually(lambda: any("child-b says no" in x["message"] for x in server.logs(blocked["id"])), what="the reason")
    failed = server.run(flow_text("parent", parent.format("child-f", 1)))
    assert failed["state"]["current"] == "FAILED" and count(server, "child-f") == 1
    child = server.execution(run_of(failed, "s")["outputs"]["executionId"])
    assert child["state"]["current"] == "FAILED" and states(child) == []
    assert messages(server, child["id"], "child-f says no")
    assert server.run(flow_text("parent", parent.format("child-b", 6)))["state"]["current"] == "SUCCESS"


def test_checks_of_subflows_see_who_calls(server: Server) -> None:
    """§12: context `trigger`: of a subflow its parent."""
    server.save_flow(checked("child-t", check("{{ trigger.flowId == 'caller_ok' }}", message="not for you")))
    call = "tasks: [{id: s, type: @flow.Subflow, namespace: conformance, flowId: child-t}]"
    assert server.run(flow_text("caller_ok", call))["state"]["current"] == "SUCCESS"
    assert server.run(flow_text("caller_no", call))["state"]["current"] == "FAILED"
    assert count(server, "child-t") == 1


def test_checks_hold_for_webhooks_and_see_the_trigger(server: Server) -> None:
    """§12: context `trigger` when any; a blocked webhook answers 422."""
    hook = "triggers: [{id: h, type: @trigger.Webhook, key: checkedhook}]"
    server.save_flow(checked("hooked", check("{{ trigger.body.ok }}", message="body says no"), hook))
    path = "/api/v1/main/executions/webhook/conformance/hooked/checkedhook"
    no = server.call("POST", path, json_body={"ok": False})
    assert no.status == 422 and "body says no" in no.text
    assert server.call("POST", path, json_body={"ok": True}).status == 200


def test_checks_hold_for_triggers(server: Server) -> None:
    """§12: a blocked trigger creates nothing and its log says why, at WARN."""
    trigger = """
triggers:
  - id: after
    type: io.kestra.plugin.core.trigger.Flow
    preconditions: {id: one, flows: [{namespace: conformance, flowId: upstream}]}
  - {id: each, type: @trigger.Schedule, cron: "* * * * * *", withSeconds: true}
"""
    server.save_flow(checked("triggered", check("{{ trigger.flowId is defined and false }}", message="never"), trigger))
    server.run(flow_text("upstream", "tasks: [{id: t, type: @log.Log, message: x}]"))

    def said() -> list[tuple[str, str]]:
        query = "filters[flowId][EQUALS]=triggered&size=100"
        found = server.call("GET", f"/api/v1/main/logs/search?{query}").json["results"]
        return [(x.get("triggerId", ""), x["level"]) for x in found if "never" in x["message"]]

    eventually(lambda: {("after", "WARN"), ("each", "WARN")} <= set(said()), what="warnings of both triggers")
    assert count(server, "triggered") == 0
    server.call("DELETE", "/api/v1/main/flows/conformance/triggered")


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("{message: m}", "checks[0].condition"),
        ("{condition: '{{ true }}'}", "checks[0].message"),
        ("{condition: '{{ true }}', message: m, behavior: MAYBE}", "checks[0].behavior"),
        ("{condition: '{{ true }}', message: m, style: LOUD}", "checks[0].style"),
        ("{condition: '{{ true', message: m}", "checks[0].condition"),
    ],
)
def test_checks_that_can_not_be_used(server: Server, text: str, path: str) -> None:
    """§12: `condition` and `message` are required, `style` and `behavior` are of their lists."""
    answer = server.call(
        "POST",
        "/api/v1/main/flows/validate",
        body=flow_text("bad", f"checks: [{text}]\ntasks: [{{id: t, type: @log.Log, message: x}}]"),
        content_type="application/x-yaml",
    )
    assert path in json.dumps(answer.json[0]["constraints"])
