"""Schedules, flow triggers, webhooks and the operations on triggers over REST (workflow components §15)."""

from __future__ import annotations

import contextlib
import http.client
import json
import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from tests.support.server import Server, eventually

pytestmark = pytest.mark.timeout(90)

NAMESPACE = "conformance.triggers"
TRIGGERS = "/api/v1/main/triggers"
HOOK = f"/api/v1/main/executions/webhook/{NAMESPACE}"
CORE = "io.kestra.plugin.core."
RETURN = '  - {id: one, type: io.kestra.plugin.core.debug.Return, format: "{{ trigger.date ?? labels }}"}'
SECONDS = "type: @trigger.Schedule\ncron: '* * * * * *'\nwithSeconds: true"
MONTHLY = "type: @trigger.Schedule\ncron: '@monthly'"
YEARLY = "type: @trigger.Schedule\ncron: '@yearly'"


def flow(name: str, *triggers: str, tasks: str = RETURN, head: str = "") -> str:
    out = f"id: {name}\nnamespace: {NAMESPACE}\n{head}\ntasks:\n{tasks}\ntriggers:\n"
    for number, trigger in enumerate(triggers):
        lines = "\n".join(f"    {line}" for line in trigger.strip().splitlines())
        out += f"  - id: t{number}\n{lines}\n"
    return out.replace("type: @", f"type: {CORE}")


def executions(server: Server, name: str) -> list[Any]:
    query = f"namespace={NAMESPACE}&flowId={name}&size=100&sort=id:asc"
    answer = server.call("GET", f"/api/v1/main/executions?{query}")
    assert answer.status == 200, answer.text
    return sorted(answer.json["results"], key=lambda e: e["id"])


def state(server: Server, name: str, trigger: str = "t0") -> Any:
    answer = server.call("GET", f"{TRIGGERS}/{NAMESPACE}/{name}")
    assert answer.status == 200, answer.text
    return next(t for t in answer.json["results"] if t["triggerId"] == trigger)


def key(name: str, trigger: str = "t0", **more: Any) -> dict[str, Any]:
    return {"namespace": NAMESPACE, "flowId": name, "triggerId": trigger, **more}


def off(server: Server, name: str) -> None:
    assert server.call("PUT", TRIGGERS, json_body=key(name, disabled=True)).status == 200


def variables(execution: Any) -> Any:
    return execution["trigger"]["variables"]


def day(back: int) -> datetime:
    """Midnight UTC some days ago."""
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=back)


def iso(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


# ---- schedules


def test_an_execution_of_a_schedule_shows_where_it_comes_from(server: Server) -> None:
    """§15.4: id, type and dates with offset; labels of flow and trigger; inputs rendered with the dates."""
    source = flow(
        "shown",
        SECONDS + "\ntimezone: Asia/Kolkata\nlabels: {of: trigger, at: '{{ trigger.date }}'}\n"
        "inputs: {when: '{{ trigger.date }}', later: '{{ schedule.next }}'}",
        head="labels: {of: flow, kept: 'yes'}\ninputs: [{id: when, type: STRING}, {id: later, type: STRING}]",
    )
    server.save_flow(source)
    one = eventually(lambda: executions(server, "shown"), what="an execution")[0]
    off(server, "shown")
    told = variables(one)
    assert one["trigger"]["id"] == "t0" and one["trigger"]["type"] == f"{CORE}trigger.Schedule"
    assert told["date"].endswith("+05:30")
    at = datetime.fromisoformat(told["date"])
    assert datetime.fromisoformat(told["next"]) - at == at - datetime.fromisoformat(told["previous"])
    assert one["inputs"] == {"when": told["date"], "later": told["next"]}
    labels = {x["key"]: x["value"] for x in one["labels"]}
    assert labels["of"] == "trigger" and labels["kept"] == "yes" and labels["at"] == told["date"]
    assert datetime.fromisoformat(one["scheduleDate"]) == at


def test_schedules_of_one_trigger_do_not_overlap_and_catch_up(server: Server) -> None:
    """§15.4: while locked nothing is evaluated; what came due meanwhile follows, one after the other."""
    sleep = "  - {id: one, type: io.kestra.plugin.core.flow.Sleep, duration: PT1.6S}"
    server.save_flow(flow("slow", SECONDS, tasks=sleep))
    eventually(lambda: len(executions(server, "slow")) >= 3, what="three executions")
    off(server, "slow")
    found = executions(server, "slow")
    dates = [datetime.fromisoformat(variables(e)["date"]) for e in found]
    assert dates == [dates[0] + timedelta(seconds=n) for n in range(len(dates))]
    spans = [(e["state"]["startDate"], e["state"].get("endDate") or "9") for e in found]
    assert all(end <= start for (_, end), (start, _) in pairwise(spans))


def test_concurrent_ones_fire_on_time(server: Server) -> None:
    sleep = "  - {id: one, type: io.kestra.plugin.core.flow.Sleep, duration: PT3S}"
    server.save_flow(flow("at-once", SECONDS + "\nallowConcurrent: true", tasks=sleep))
    eventually(lambda: len(executions(server, "at-once")) >= 3, what="three executions")
    off(server, "at-once")
    assert sum("endDate" not in e["state"] for e in executions(server, "at-once")) >= 2


def test_conditions_choose_dates(server: Server) -> None:
    """§15.4: the next date is the next one for which they hold; `next` and `previous` are true ones."""
    nobody = "conditions: [{type: @condition.DateTimeBetween, before: '2020-01-01T00:00:00Z'}]"
    server.save_flow(flow("never", f"{SECONDS}\n{nobody}").replace("type: @", f"type: {CORE}"))
    assert "nextExecutionDate" not in state(server, "never")
    weekend = "conditions: [{type: @condition.Weekend}]"
    source = flow("weekend", f"type: @trigger.Schedule\ncron: '0 12 * * *'\n{weekend}")
    server.save_flow(source)
    assert datetime.fromisoformat(state(server, "weekend")["nextExecutionDate"]).weekday() >= 5
    holiday = "conditions: [{type: @condition.PublicHoliday, country: FR}]"
    server.save_flow(flow("holiday", f"type: @trigger.Schedule\ncron: '0 12 14 7 *'\ntimezone: UTC\n{holiday}"))
    assert state(server, "holiday")["nextExecutionDate"][5:10] == "07-14"
    never = "conditions: [{type: @condition.Not, conditions: [{type: @condition.PublicHoliday, country: FR}]}]"
    server.save_flow(flow("working", f"type: @trigger.Schedule\ncron: '0 12 14 7 *'\ntimezone: UTC\n{never}"))
    assert "nextExecutionDate" not in state(server, "working")


@pytest.mark.parametrize(
    ("name", "extra", "head", "words"),
    [
        (
            "broken-condition",
            "conditions: [{type: @condition.Expression, expression: '{{ nothing.at.all }}'}]",
            "",
            "nothing",
        ),
        ("broken-input", "inputs: {x: '{{ nothing.at.all }}'}", "inputs: [{id: x, type: STRING}]", "can't be rendered"),
        ("missing-input", "", "inputs: [{id: x, type: STRING}]", "x"),
        ("wrong-input", "inputs: {x: many}", "inputs: [{id: x, type: INT}]", "x"),
    ],
)
def test_what_can_not_start_is_seen_as_a_failed_execution(
    server: Server, name: str, extra: str, head: str, words: str
) -> None:
    """§15.4, §16.2: FAILED, with the reason in its log; once a date."""
    server.save_flow(flow(name, f"{SECONDS}\nstopAfter: [FAILED]\n{extra}", head=head))
    one = eventually(lambda: executions(server, name), what="an execution")[0]
    assert one["state"]["current"] == "FAILED"
    eventually(lambda: any(words in line["message"] for line in server.logs(one["id"])), what="the reason")
    eventually(lambda: state(server, name)["disabled"], what="stopAfter")  # §15.2
    time.sleep(1.2)
    assert len(executions(server, name)) == 1


def test_dates_that_are_too_late_are_left_out(server: Server) -> None:
    """§15.4 `lateMaximumDelay`."""
    sleep = "  - {id: one, type: io.kestra.plugin.core.flow.Sleep, duration: PT3.5S}"
    server.save_flow(flow("late", f"{SECONDS}\nlateMaximumDelay: PT1S", tasks=sleep))
    eventually(lambda: len(executions(server, "late")) >= 2, what="two executions")
    off(server, "late")
    first, second = (datetime.fromisoformat(variables(e)["date"]) for e in executions(server, "late")[:2])
    assert second - first >= timedelta(seconds=2)


def test_schedule_on_dates(server: Server) -> None:
    """§15.6: once per date; past dates of a new trigger do not count; then it sleeps for a year."""
    now = datetime.now(UTC).replace(microsecond=0)
    dates = [now - timedelta(days=1), now + timedelta(seconds=3), now + timedelta(seconds=4)]
    listed = "\n".join(f"  - '{iso(d)}'" for d in dates)
    server.save_flow(flow("on-dates", f"type: @trigger.ScheduleOnDates\ndates:\n{listed}"))
    assert state(server, "on-dates")["nextExecutionDate"][:19] == iso(dates[1])[:19]
    eventually(lambda: len(executions(server, "on-dates")) == 2, what="both dates")
    found = executions(server, "on-dates")
    assert [datetime.fromisoformat(variables(e)["date"]) for e in found] == dates[1:]
    assert [datetime.fromisoformat(e["scheduleDate"]) for e in found] == dates[1:]
    assert "next" not in variables(found[1]) and variables(found[1])["previous"]
    eventually(lambda: "executionId" not in state(server, "on-dates"), what="the lock's end")
    asleep = datetime.fromisoformat(state(server, "on-dates")["nextExecutionDate"])
    assert timedelta(days=364) < asleep - now < timedelta(days=367)
    source = flow(
        "var-dates",
        "type: @trigger.ScheduleOnDates\ndates: '{{ vars.days }}'",
        head="variables: {days: ['2031-01-01']}",
    )
    server.save_flow(source)
    eventually(lambda: state(server, "var-dates").get("nextExecutionDate", "")[:4] == "2031", what="the rendered date")


@pytest.mark.parametrize(
    ("trigger", "words"),
    [
        ("type: @trigger.Schedule\ncron: '60 * * * *'", "invalid cron expression"),
        ("type: @trigger.Schedule\ncron: '* * * * *'\ntimezone: Mars/Base", "Mars/Base"),
        ("type: @trigger.Schedule\ncron: '* * * * *'\ninterval: PT1S", "interval"),
        ("type: @trigger.ScheduleOnDates\ndates: ['tomorrow']", "tomorrow"),
        ("type: @trigger.ScheduleOnDates\ndates: ['2030-01-01T00:00:00Z']\ntimezone: Mars/Base", "Mars/Base"),
        ("type: @trigger.Schedule\ncron: '@daily'\nconditions: [{type: @condition.PublicHoliday, country: XX}]", "XX"),
        ("type: @http.Trigger\nuri: http://x\ninterval: PT0S", "greater"),
        ("type: @trigger.Schedule\ncron: '@daily'\nlabels: {system.x: y}", "System labels"),
        (
            "type: @trigger.Webhook\nkey: k\n"
            "conditions: [{type: @condition.MultipleCondition, id: m, conditions: {a: {type: @condition.Weekend}}}]",
            "MultipleCondition",
        ),
        ("type: @trigger.Flow\npreconditions: {id: p, timeWindow: {type: DAILY_TIME_WINDOW}}", "start time"),
    ],
)
def test_triggers_that_can_not_work_are_refused(server: Server, trigger: str, words: str) -> None:
    """§2.5."""
    source = flow("refused", trigger).replace("type: @", f"type: {CORE}")
    answer = server.call("POST", "/api/v1/main/flows", body=source, content_type="application/x-yaml")
    assert answer.status == 422 and words in answer.text, answer.text


# ---- operations


def test_every_operation_on_a_state_and_its_errors(server: Server) -> None:
    """§15.3."""
    server.save_flow(flow("ops", YEARLY, "type: @trigger.Webhook\nkey: not-in-the-list"))
    listed = server.call("GET", f"{TRIGGERS}/{NAMESPACE}/ops").json["results"]
    assert [t["triggerId"] for t in listed] == ["t0"]  # §15.1: only kinds with a state
    place = f"{TRIGGERS}/{NAMESPACE}/ops/t0"
    due = state(server, "ops")["nextExecutionDate"]
    answer = server.call("POST", f"{place}/unlock")
    assert (answer.status, "Trigger is not locked" in answer.text) == (409, True)
    done = server.call("PUT", TRIGGERS, json_body=key("ops", disabled=True))
    assert done.status == 200 and done.json["disabled"] is True and "nextExecutionDate" not in done.json
    # a changed definition keeps `disabled`
    server.save_flow(flow("ops", YEARLY + "\ndescription: other"))
    assert state(server, "ops")["disabled"] is True and "nextExecutionDate" not in state(server, "ops")
    done = server.call("PUT", TRIGGERS, json_body=key("ops", disabled=False))
    assert done.json["disabled"] is False and done.json["nextExecutionDate"] == due
    assert server.call("POST", f"{place}/restart").json["nextExecutionDate"] == due
    assert server.call("DELETE", place).status == 200
    assert state(server, "ops")["nextExecutionDate"] == due
    for method, path in (("POST", "unlock"), ("POST", "restart"), ("DELETE", "")):
        for flow_id, trigger, words in (
            ("ops", "none", "Flow ops has no trigger none"),
            ("nope", "t0", "Flow of trigger t0 not found"),
        ):
            answer = server.call(method, f"{TRIGGERS}/{NAMESPACE}/{flow_id}/{trigger}/{path}".rstrip("/"))
            assert answer.status == 404 and words in answer.text, (method, path, answer.text)
    for method, path in (("PUT", "pause"), ("PUT", "unpause"), ("POST", "delete")):
        answer = server.call(method, f"{TRIGGERS}/backfill/{path}", json_body=key("ops"))
        assert answer.status == 400 and "No backfill found" in answer.text
    assert server.call("PUT", TRIGGERS, json_body=key("ops", "none", disabled=True)).status == 404
    # a disabled flow's triggers are due never; enabled, they are again
    server.save_flow(flow("ops", YEARLY, head="disabled: true"))
    assert "nextExecutionDate" not in state(server, "ops")
    server.save_flow(flow("ops", YEARLY))
    assert state(server, "ops")["nextExecutionDate"] == due
    assert server.call("DELETE", f"/api/v1/main/flows/{NAMESPACE}/ops").status == 204
    assert server.call("GET", f"{TRIGGERS}/{NAMESPACE}/ops").json["results"] == []


def test_bulk_operations_skip_what_they_do_not_apply_to(server: Server) -> None:
    """§15.3: unlock, backfills, switches of several triggers."""
    for name in ("bulk-a", "bulk-b"):
        server.save_flow(flow(name, YEARLY))
    both = [key("bulk-a"), key("bulk-b")]
    body = key("bulk-a", backfill={"start": iso(day(800)), "end": iso(day(1))})
    sleep = "  - {id: one, type: io.kestra.plugin.core.flow.Sleep, duration: PT60S}"
    server.save_flow(flow("bulk-a", MONTHLY + "\ndescription: x", tasks=sleep))
    assert server.call("PUT", TRIGGERS, json_body=body).status == 200
    held = eventually(lambda: state(server, "bulk-a").get("executionId"), what="the lock")

    def count(path: str, sent: Any, method: str = "POST") -> int:
        answer = server.call(method, f"{TRIGGERS}/{path}", json_body=sent)
        assert answer.status == 200, answer.text
        return answer.json["count"]

    query = f"filters[flowId][EQUALS]=bulk-a&filters[namespace][EQUALS]={NAMESPACE}"
    assert count("backfill/pause/by-triggers", both) == 1
    assert state(server, "bulk-a")["backfill"]["paused"] is True
    assert count("unlock/by-triggers", both) == 1
    assert "executionId" not in state(server, "bulk-a")
    assert count(f"backfill/unpause/by-query?{query}", None) == 1
    assert count("backfill/delete/by-triggers", both) == 1
    assert "backfill" not in state(server, "bulk-a")
    assert count("set-disabled/by-triggers", {"triggers": both, "disabled": True}) == 2
    assert state(server, "bulk-b")["disabled"] is True
    assert count(f"set-disabled/by-query?disabled=false&{query}", None) == 1
    assert state(server, "bulk-a")["disabled"] is False and state(server, "bulk-b")["disabled"] is True
    server.call("DELETE", f"/api/v1/main/executions/{held}/kill")


def test_a_backfill_obeys_the_rules_of_the_schedule(server: Server) -> None:
    """§15.6: conditions, labels, inputs that win; the saved date afterwards; a second one replaces the first."""
    weekend = "conditions: [{type: @condition.Weekend}]"
    source = flow(
        "fill",
        f"type: @trigger.Schedule\ncron: '0 6 * * *'\ntimezone: UTC\ninputs: {{x: trigger}}\n{weekend}",
        head="inputs: [{id: x, type: STRING}]",
    ).replace("type: @", f"type: {CORE}")
    server.save_flow(source)
    before = state(server, "fill")["nextExecutionDate"]
    start, end = day(15) + timedelta(hours=6), day(1) + timedelta(hours=6)
    body = {"start": iso(start), "end": iso(end), "inputs": {"x": "mine"}, "labels": [{"key": "b", "value": "1"}]}
    answer = server.call("PUT", TRIGGERS, json_body=key("fill", backfill=body))
    assert answer.status == 200 and answer.json["backfill"]["currentDate"], answer.text
    eventually(lambda: "backfill" not in state(server, "fill"), seconds=40, what="the backfill's end")
    wanted = [start + timedelta(days=n) for n in range(15)]
    wanted = [d for d in wanted if d.weekday() >= 5 and d <= end]
    found = executions(server, "fill")
    assert [datetime.fromisoformat(variables(e)["date"]) for e in found] == wanted
    assert all(e["inputs"] == {"x": "mine"} for e in found)
    assert all({"key": "b", "value": "1"} in e["labels"] for e in found)
    eventually(lambda: state(server, "fill")["nextExecutionDate"] == before, what="the saved date")
    # of a disabled trigger it waits
    off(server, "fill")
    assert server.call("PUT", TRIGGERS, json_body=key("fill", backfill=body)).status == 200
    later = {**body, "start": iso(day(8) + timedelta(hours=6))}
    replaced = server.call("PUT", TRIGGERS, json_body=key("fill", backfill=later))
    assert replaced.json["backfill"]["start"][:10] == iso(day(8))[:10]
    time.sleep(0.7)
    assert len(executions(server, "fill")) == len(found)
    assert server.call("POST", f"{TRIGGERS}/backfill/delete", json_body=key("fill")).status == 200
    for wrong in ({"end": iso(end)}, {"start": iso(end), "end": iso(start)}):
        assert server.call("PUT", TRIGGERS, json_body=key("fill", backfill=wrong)).status == 400


# ---- flow triggers


def upstream(name: str, *, fail: bool = False, outputs: str = "") -> str:
    task = "{id: a, type: io.kestra.plugin.core.execution.Fail}" if fail else RETURN.strip()[2:]
    return f"id: {name}\nnamespace: {NAMESPACE}.up\nlabels: {{env: prod}}\ntasks:\n  - {task}\n{outputs}"


def go(server: Server, name: str) -> Any:
    return server.finished(server.execute(f"{NAMESPACE}.up", name)["id"])


def listener(name: str, body: str, *, head: str = "") -> str:
    return flow(name, f"type: @trigger.Flow\n{body}", tasks=RETURN, head=head).replace("type: @", f"type: {CORE}")


def test_preconditions_collect_executions_and_their_outputs(server: Server) -> None:
    """§15.7: flows with states and labels, all filters of `where`, outputs merged, window reset."""
    out = "outputs: [{{id: {0}, type: STRING, value: {0}}}]\n"
    server.save_flow(upstream("first", outputs=out.format("a")))
    server.save_flow(upstream("second", outputs=out.format("b")))
    body = f"""
preconditions:
  id: both
  flows:
    - {{namespace: {NAMESPACE}.up, flowId: first, states: [SUCCESS], labels: {{env: prod}}}}
  where:
    - id: the-second
      filters:
        - {{field: FLOW_ID, type: EQUAL_TO, value: second}}
        - {{field: NAMESPACE, type: STARTS_WITH, value: {NAMESPACE}}}
        - {{field: STATE, type: IN, values: [SUCCESS, WARNING]}}
        - {{field: EXPRESSION, type: IS_TRUE, value: "{{{{ trigger.outputs.b == 'b' }}}}"}}
        - {{field: FLOW_ID, type: REGEX, value: "sec.*"}}
        - {{field: FLOW_ID, type: NOT_IN, values: [third]}}
        - {{field: FLOW_ID, type: CONTAINS, value: con}}
        - {{field: FLOW_ID, type: ENDS_WITH, value: nd}}
        - {{field: FLOW_ID, type: NOT_EQUAL_TO, value: first}}
        - {{field: EXPRESSION, type: IS_NOT_NULL, value: "{{{{ labels.env }}}}"}}
        - {{field: EXPRESSION, type: IS_NULL, value: "{{{{ labels.none ?? '' }}}}"}}
        - {{field: EXPRESSION, type: IS_FALSE, value: "{{{{ 1 == 2 }}}}"}}
inputs: {{got: "{{{{ trigger.outputs.a }}}}{{{{ trigger.outputs.b }}}}"}}
labels: {{from: "{{{{ trigger.flowId }}}}"}}
"""
    server.save_flow(listener("collects", body, head="inputs: [{id: got, type: STRING}]"))
    go(server, "second")
    time.sleep(0.3)
    assert executions(server, "collects") == []
    go(server, "first")
    one = eventually(lambda: executions(server, "collects"), what="the execution")[0]
    assert one["inputs"] == {"got": "ab"} and variables(one)["outputs"] == {"a": "a", "b": "b"}
    assert {"key": "from", "value": "first"} in one["labels"]
    told = variables(one)
    assert (told["flowId"], told["namespace"], told["state"]) == ("first", f"{NAMESPACE}.up", "SUCCESS")
    assert told["executionLabels"]["env"] == "prod" and told["flowRevision"] == 1
    go(server, "first")  # the window was reset
    time.sleep(0.3)
    assert len(executions(server, "collects")) == 1
    go(server, "second")
    eventually(lambda: len(executions(server, "collects")) == 2, what="the next execution")


def test_a_window_that_is_kept_fires_again(server: Server) -> None:
    """§15.7 `resetOnSuccess: false`."""
    server.save_flow(upstream("again"))
    body = (
        f"preconditions: {{id: kept, resetOnSuccess: false, timeWindow: {{type: SLIDING_WINDOW, window: PT1H}},"
        f" flows: [{{namespace: {NAMESPACE}.up, flowId: again, states: [SUCCESS]}}]}}"
    )
    server.save_flow(listener("kept", body))
    for count in (1, 2, 3):
        go(server, "again")
        eventually(lambda count=count: len(executions(server, "kept")) == count, what="another execution")


def test_states_and_conditions_of_a_flow_trigger(server: Server) -> None:
    """§15.7: `states` chooses changes, RUNNING among them; §15.9 conditions; never of its own executions."""
    server.save_flow(upstream("bad", fail=True))
    condition = f"conditions: [{{type: @condition.ExecutionFlow, namespace: {NAMESPACE}.up, flowId: bad}}]"
    server.save_flow(listener("on-failed", f"states: [FAILED]\n{condition}"))
    server.save_flow(listener("on-running", f"states: [RUNNING]\n{condition}"))
    server.save_flow(listener("on-success", f"states: [SUCCESS]\n{condition}"))
    prefix = f"{{type: @condition.ExecutionNamespace, namespace: {NAMESPACE}.u, comparison: PREFIX}}"
    status = "{type: @condition.ExecutionStatus, in: [FAILED]}"
    labels = "{type: @condition.ExecutionLabels, labels: {env: prod}}"
    server.save_flow(listener("on-all", f"conditions: [{prefix}, {status}, {labels}]"))
    ended = go(server, "bad")
    for name in ("on-failed", "on-running", "on-all"):
        one = eventually(lambda name=name: executions(server, name), what=name)[0]
        assert variables(one)["executionId"] == ended["id"]
        assert {"key": "system.correlationId", "value": ended["id"]} in one["labels"]
    assert executions(server, "on-success") == []
    assert [len(executions(server, n)) for n in ("on-failed", "on-running", "on-all")] == [1, 1, 1]


def test_multiple_condition_is_still_understood(server: Server) -> None:
    """§15.9: deprecated; as preconditions."""
    for name in ("m1", "m2"):
        server.save_flow(upstream(name))
    each = "\n".join(
        f"      {n}: {{type: @condition.ExecutionFlowCondition, namespace: {NAMESPACE}.up, flowId: {n}}}"
        for n in ("m1", "m2")
    )
    body = (
        f"conditions:\n  - type: @condition.MultipleCondition\n    id: multi\n    window: PT1H\n    conditions:\n{each}"
    )
    server.save_flow(listener("multi", body))
    go(server, "m2")
    assert executions(server, "multi") == []
    go(server, "m1")
    eventually(lambda: len(executions(server, "multi")) == 1, what="the execution")


def test_retried_attempts_can_be_asked_for(server: Server) -> None:
    """§15.9 `HasRetryAttempt`."""
    task = (
        "{id: a, type: io.kestra.plugin.core.execution.Fail, condition: '{{ taskrun.attemptsCount < 1 }}',"
        " retry: {type: constant, interval: PT0.1S, maxAttempts: 3}}"
    )
    server.save_flow(f"id: retries\nnamespace: {NAMESPACE}.up\ntasks:\n  - {task}\n")
    server.save_flow(upstream("straight"))
    condition = f"{{type: @condition.ExecutionNamespace, namespace: {NAMESPACE}.up}}"
    body = f"states: [SUCCESS, WARNING]\nconditions: [{{type: @condition.HasRetryAttempt, in: [FAILED]}}, {condition}]"
    server.save_flow(listener("retried", body))
    go(server, "straight")
    go(server, "retries")
    one = eventually(lambda: executions(server, "retried"), what="the execution")
    assert len(one) == 1 and variables(one[0])["flowId"] == "retries"


def test_inputs_that_can_not_be_made_fail_when_asked(server: Server) -> None:
    """§15.2 `failOnTriggerError`; otherwise the trigger's log alone says it."""
    server.save_flow(upstream("source"))
    condition = f"conditions: [{{type: @condition.ExecutionFlow, namespace: {NAMESPACE}.up, flowId: source}}]"
    head = "inputs: [{id: n, type: INT}]"
    server.save_flow(listener("loud", f"inputs: {{n: x}}\nfailOnTriggerError: true\n{condition}", head=head))
    server.save_flow(listener("quiet", f"inputs: {{n: x}}\n{condition}", head=head))
    go(server, "source")
    one = eventually(lambda: executions(server, "loud"), what="a failed execution")[0]
    assert one["state"]["current"] == "FAILED" and executions(server, "quiet") == []


# ---- webhooks


def test_a_webhook_waits_and_answers_as_told(server: Server) -> None:
    """§15.8: `wait`, `returnOutputs`, `responseContentType`, `responseCode`; conditions may ask a worker."""
    outputs = "outputs: [{id: said, type: STRING, value: '{{ trigger.body.x }}'}]"
    kv = f"/api/v1/main/namespaces/{NAMESPACE}/kv/open"
    assert server.call("PUT", kv, body='"yes"', content_type="text/plain").status == 200
    hooks = [
        "type: @trigger.Webhook\nkey: plain",
        "type: @trigger.Webhook\nkey: waits\nwait: true\nreturnOutputs: true",
        "type: @trigger.Webhook\nkey: texts\nwait: true\nreturnOutputs: true\nresponseContentType: text/plain",
        "type: @trigger.Webhook\nkey: codes\nwait: true\nresponseCode: \"{{ trigger.body.x == 'teapot' ? 418 : 201 }}\"",
        "type: @trigger.Webhook\nkey: asks\n"
        "conditions: [{type: @condition.Expression, expression: \"{{ kv('open') == trigger.body.x }}\"}]",
        "type: @trigger.Webhook\nkey: \"{{ secret('WEBHOOK_KEY') }}\"\ndisabled: true",
    ]
    source = flow("hooks", *hooks, head=outputs).replace("type: @", f"type: {CORE}")
    server.save_flow(source)

    def call(name: str, sent: Any, method: str = "POST") -> Any:
        return server.call(method, f"{HOOK}/hooks/{name}", json_body=sent, auth=False)

    plain = call("plain", {"x": "1"}).json
    assert set(plain) >= {"tenantId", "namespace", "flowId", "flowRevision", "id", "trigger", "labels", "state", "url"}
    assert "outputs" not in plain and plain["state"]["current"] == "CREATED"
    waits = call("waits", {"x": "2"}, "PUT")
    assert waits.json["outputs"] == {"said": "2"} and waits.json["state"]["current"] == "SUCCESS"
    assert call("texts", {"x": "3"}).text == "3"
    assert [call("codes", {"x": x}).status for x in ("teapot", "y")] == [418, 201]
    assert [call("asks", {"x": x}).status for x in ("no", "yes")] == [204, 200]
    assert call("webhook-key-of-the-corpus", {}).status == 404
    assert call("plain/more", {}).status == 404
    got = server.call("GET", f"{HOOK}/hooks/plain?a=1&a=2", auth=False, headers={"X-One": "two"}).json["trigger"]
    assert got["variables"]["parameters"] == {"a": ["1", "2"]} and got["variables"]["headers"]["X-One"] == ["two"]
    spelled = {"X-Event-ID": "7", "authorization": "Basic eDp5", "cookie": "a=b"}  # names stay as they were sent
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)) as line:
        for headers in (spelled, {"x-event-id": "8"}):  # two requests of one connection
            line.request("GET", f"{HOOK}/hooks/plain", headers=headers)
            told = json.loads(line.getresponse().read())["trigger"]["variables"]["headers"]
            assert [v for k, v in told.items() if k == next(iter(headers))] == [[next(iter(headers.values()))]]
            assert not {name.lower() for name in told} & {"authorization", "cookie"}
    binary = server.call("POST", f"{HOOK}/hooks/plain", body=b"\xff\xfe", auth=False).json["trigger"]["variables"]
    assert binary["body"] == "//4="
    text = server.call("POST", f"{HOOK}/hooks/plain", body="12", auth=False).json["trigger"]["variables"]
    assert text["body"] == "12"
