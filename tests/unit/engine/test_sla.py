"""SLAs of executions (spec: workflow components §11.4)."""

from __future__ import annotations

import textwrap
from typing import Any

import pytest

from flowdeck.model.engine import sla
from flowdeck.model.states import State
from tests.unit.engine.harness import Engine

W = "type: test.Work"
LOOP = "io.kestra.plugin.core.flow.ForEach"


def flow(sla: str, tasks: str = f"[{{id: a, {W}}}, {{id: b, {W}}}]", more: str = "") -> str:
    return f"id: f\nnamespace: a.b\nsla:\n{textwrap.indent(textwrap.dedent(sla).strip(), '  ')}\ntasks: {tasks}\n{more}"


def labels(engine: Engine, execution: str) -> dict[str, str]:
    rows = engine.all(
        "select key, value from execution_label where execution_seq = (select seq from execution where id = ?)",
        execution,
    )
    return {k: v for k, v in rows if not k.startswith("system.")}


def wait(engine: Engine, ms: int) -> None:
    engine.later(ms)
    engine.run()


def said(engine: Engine, execution: str, level: str) -> list[str]:
    return [text for live, kind, text in engine.lines if live == execution and kind == level]


def deadline(behavior: str, duration: str = "PT10S", id: str = "in-time") -> str:
    return f"- {{id: {id}, type: MAX_DURATION, duration: {duration}, behavior: {behavior}, labels: {{{id}: missed}}}}\n"


REASON = "execution duration of PT10S exceed the maximum duration of PT10S."


@pytest.mark.parametrize(("behavior", "state"), [("FAIL", "FAILED"), ("CANCEL", "CANCELLED")])
def test_a_deadline_ends_the_execution_and_stops_what_runs(engine: Engine, behavior: str, state: str) -> None:
    """§11.4: MAX_DURATION, FAIL and CANCEL; running task runs are killed on the worker and take the same state."""
    engine.save(
        flow(
            deadline(behavior),
            more=f"errors: [{{id: e, {W}}}]\nfinally: [{{id: z, {W}}}]\nafterExecution: [{{id: after, {W}}}]",
        )
    )
    engine.outcomes["a"] = None
    x = engine.start("f")
    engine.run()
    wait(engine, 9_999)
    assert engine.state(x) == "RUNNING"
    wait(engine, 1)
    engine.run()
    assert engine.state(x) == state
    assert engine.tasks(x) == [f"a {state}", "after SUCCESS"]
    assert engine.worker.kills
    assert labels(engine, x) == {"in-time": "missed"}
    assert said(engine, x, "WARN") == [f"SLA 'in-time' violated: {REASON}"]
    wanted = [f"Execution failed due to SLA 'in-time' violated: {REASON}"] if behavior == "FAIL" else []
    assert said(engine, x, "ERROR") == wanted
    assert not engine.all("select * from timer where kind like 'sla%'")
    engine.check()


def test_a_deadline_without_consequence_gives_labels_alone(engine: Engine) -> None:
    """§11.4: NONE."""
    engine.save(flow(deadline("NONE")))
    engine.outcomes["a"] = None
    x = engine.start("f")
    engine.run()
    wait(engine, 20_000)
    assert engine.state(x) == "RUNNING"
    assert labels(engine, x) == {"in-time": "missed"}
    assert said(engine, x, "WARN") == [
        "SLA 'in-time' violated: execution duration of PT20S exceed the maximum duration of PT10S."
    ]


def test_several_deadlines_are_told_each_at_its_time_and_after_a_crash(engine: Engine) -> None:
    """§11.4: each SLA is evaluated once; the deadlines of executions survive the process."""
    engine.save(flow(deadline("NONE") + deadline("NONE", "PT20S", "second") + deadline("CANCEL", "PT30S", "third")))
    engine.outcomes["a"] = None
    x = engine.start("f")
    engine.run()
    wait(engine, 10_000)
    engine.crash()
    wait(engine, 10_000)
    assert labels(engine, x) == {"in-time": "missed", "second": "missed"}
    assert engine.state(x) == "RUNNING"
    wait(engine, 10_000)
    assert engine.state(x) == "CANCELLED"
    assert [t.split("'")[1] for t in said(engine, x, "WARN")] == ["in-time", "second", "third"]


def test_of_several_breaches_at_once_one_ends_the_execution(engine: Engine) -> None:
    """§11.4: when several breach in one evaluation only the first changes the execution, the others are only told."""
    engine.save(flow(deadline("CANCEL") + deadline("FAIL", "PT10S", "other")))
    engine.outcomes["a"] = None
    x = engine.start("f")
    engine.run()
    wait(engine, 10_000)
    assert engine.state(x) == "CANCELLED"
    assert labels(engine, x) == {"in-time": "missed"}
    assert len(said(engine, x, "WARN")) == 2


def test_time_in_a_queue_counts(engine: Engine) -> None:
    """§11.4: the duration starts at CREATED; a queued execution leaves its queue."""
    engine.save(flow(deadline("CANCEL"), more="concurrency: {limit: 1}"))
    engine.outcomes["a"] = None
    first = engine.start("f")
    wait(engine, 6_000)
    second = engine.start("f")
    engine.run()
    assert engine.state(second) == "QUEUED"
    wait(engine, 4_000)
    assert (engine.state(first), engine.state(second)) == ("CANCELLED", "RUNNING")
    third = engine.start("f")
    wait(engine, 6_000)
    assert engine.state(second) == "CANCELLED"
    wait(engine, 4_000)
    assert engine.state(third) == "CANCELLED"
    assert not engine.all("select * from waiting")
    engine.check()


def test_an_ended_execution_is_watched_no_more(engine: Engine) -> None:
    """§11.4: monitors are removed at the end."""
    engine.save(flow(deadline("FAIL")))
    x = engine.start("f")
    engine.run()
    assert engine.state(x) == "SUCCESS"
    assert not engine.all("select * from timer")
    wait(engine, 20_000)
    assert labels(engine, x) == {} and engine.state(x) == "SUCCESS"


def assertion(behavior: str, expression: str, id: str = "told") -> str:
    return (
        f'- {{id: {id}, type: EXECUTION_ASSERTION, assert: "{expression}", behavior: {behavior}, '
        f"labels: {{{id}: missed}}}}\n"
    )


@pytest.mark.parametrize(
    ("behavior", "state", "tasks"),
    [
        ("FAIL", "FAILED", ["a SUCCESS"]),
        ("CANCEL", "CANCELLED", ["a SUCCESS"]),
        ("NONE", "SUCCESS", ["a SUCCESS", "b SUCCESS"]),
    ],
)
def test_an_assertion_is_asked_at_every_change(engine: Engine, behavior: str, state: str, tasks: list[str]) -> None:
    """§11.4: EXECUTION_ASSERTION; not truthy is a breach, labels are added once in every case."""
    expression = "{{ outputs.a.value == 'good' }}"
    engine.save(flow(assertion(behavior, expression)))
    engine.outcomes["a"] = {"value": "bad"}
    x = engine.start("f")
    engine.run()
    assert engine.state(x) == state
    assert engine.tasks(x) == tasks
    assert labels(engine, x) == {"told": "missed"}
    assert said(engine, x, "WARN") == [f"SLA 'told' violated: assertion is false: {expression}."]
    early = [t for t in said(engine, x, "ERROR") if "ignored" in t]
    assert len(early) == 1 and "'told'" in early[0]  # outputs not produced yet: ignored and told
    engine.check()


def test_assertions_that_hold_change_nothing(engine: Engine) -> None:
    """§11.4: a true assertion."""
    engine.save(flow(assertion("FAIL", "{{ execution.state == 'RUNNING' }}")))
    x = engine.start("f")
    engine.run()
    assert engine.state(x) == "SUCCESS" and labels(engine, x) == {} and said(engine, x, "WARN") == []


def test_each_assertion_is_told_once_also_after_a_crash(engine: Engine) -> None:
    """§11.4: labels once; what was told is remembered over a restart of the process."""
    engine.save(flow(assertion("NONE", "{{ 1 == 2 }}") + assertion("NONE", "{{ labels.told ?? '' == '' }}", "two")))
    engine.outcomes["a"] = None
    x = engine.start("f")
    engine.run()
    engine.crash()
    engine.outcomes["a"] = {}
    engine.run()
    assert [t.split("'")[1] for t in said(engine, x, "WARN")].count("told") == 1
    assert not engine.all("select * from timer")


def test_a_worker_is_asked_for_assertions_with_io(engine: Engine) -> None:
    """§11.4 with `kv()`: the answer counts while the execution runs."""
    engine.save(flow(assertion("CANCEL", "{{ kv('x') == '1' }}")))
    engine.outcomes["a"] = None
    x = engine.start("f")
    engine.steps()
    asked: list[Any] = [job for (seq, _), job in engine.worker.jobs.items() if seq < 0]
    assert len(asked) == 1
    engine.end(asked[0].seq, asked[0].fence, {"value": {"number": "0", "assert": False}})
    engine.run()
    assert engine.state(x) == "CANCELLED"


def test_tasks_after_the_end_are_not_judged(engine: Engine) -> None:
    """§11.4: SLAs are not evaluated during afterExecution."""
    engine.save(
        flow(assertion("FAIL", "{{ tasks.after is not defined }}"), more=f"afterExecution: [{{id: after, {W}}}]")
    )
    x = engine.start("f")
    engine.run()
    assert engine.state(x) == "SUCCESS" and said(engine, x, "WARN") == []


def test_a_breach_stops_subflows_too(engine: Engine) -> None:
    """§11.4: running task runs are killed; the child of one that waits is killed with it."""
    child = f"id: child\nnamespace: a.b\ntasks: [{{id: c, {W}}}]\n"
    engine.save(child)
    engine.save(
        flow(deadline("FAIL"), "[{id: s, type: io.kestra.plugin.core.flow.Subflow, namespace: a.b, flowId: child}]")
    )
    engine.outcomes["c"] = None
    x = engine.start("f")
    engine.run()
    engine.started("c")
    wait(engine, 10_000)
    assert engine.state(x) == "FAILED" and engine.tasks(x) == ["s FAILED"]
    assert engine.one("select state from execution where flow_id = 'child'") == State.KILLED
    engine.check()


def test_a_restarted_execution_has_no_deadline_any_more(engine: Engine) -> None:
    """§11.4: monitors are removed at the end; the duration counts once, from the creation."""
    engine.save(flow(deadline("FAIL")))
    engine.outcomes["a"] = "FAILED"
    x = engine.start("f")
    engine.run()
    assert engine.state(x) == "FAILED" and labels(engine, x) == {}
    wait(engine, 20_000)
    engine.outcomes = {}
    engine.command("execution.restart", id=x)
    engine.run()
    assert engine.state(x) == "SUCCESS" and labels(engine, x) == {}


def test_what_checks_made_fail_can_be_restarted(engine: Engine) -> None:
    """§12: checks are not asked again by a restart; the execution runs then."""
    engine.save(flow(deadline("FAIL", "PT1H")))
    x = engine.start("f", failed=["a check says no", "another too"])
    engine.run()
    assert engine.state(x) == "FAILED" and engine.tasks(x) == []
    assert said(engine, x, "ERROR") == ["a check says no", "another too"]
    engine.command("execution.restart", id=x)
    engine.run()
    assert engine.state(x) == "SUCCESS" and engine.tasks(x) == ["a SUCCESS", "b SUCCESS"]


def test_a_large_execution_is_asked_once_a_second_and_at_its_end(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """§11.4: what an assertion looks at may be as large as the execution; its questions must not grow with both."""
    asked: list[int] = []
    real = sla.evaluate
    monkeypatch.setattr(sla, "evaluate", lambda w, *a: (asked.append(w.now), real(w, *a)))
    loop = (
        f"[{{id: l, type: {LOOP}, values: '{{{{ range(0, 1999) }}}}', concurrencyLimit: 0, tasks: [{{id: a, {W}}}]}}]"
    )
    engine.save(flow(assertion("NONE", "{{ (outputs.a ?? {}) | length < 2000 }}"), loop))
    engine.outcomes["a"] = {"value": "x"}
    x = engine.start("f")
    engine.run()
    assert engine.state(x) == "SUCCESS"
    assert len(asked) < 40
    assert labels(engine, x) == {"told": "missed"}  # the last change is seen before the end
    assert not engine.all("select * from timer")
    engine.check()


def test_an_answer_to_an_earlier_process_counts_for_nothing(engine: Engine) -> None:
    """A question that was asked before a crash has another number than the one asked after it."""
    engine.save(flow(assertion("CANCEL", "{{ kv('x') == '1' }}")))
    engine.outcomes["a"] = None
    x = engine.start("f")
    engine.steps()
    (old,) = [job for (seq, _), job in engine.worker.jobs.items() if seq < 0]
    engine.later(1)
    engine.crash()
    engine.started("a")
    engine.steps()
    (new,) = [job for (seq, _), job in engine.worker.jobs.items() if seq < 0 and job is not old]
    engine.end(old.seq, old.fence, {"value": {"number": "0", "assert": False}})
    engine.steps()
    assert engine.state(x) == "RUNNING"
    engine.end(new.seq, new.fence, {"value": {"number": "0", "assert": False}})
    engine.steps()
    assert engine.state(x) == "CANCELLED"
