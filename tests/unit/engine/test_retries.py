"""Which policy applies, and what a retry does to task run, execution and lists (§11.1)."""

from __future__ import annotations

from typing import Any

import pytest

from flowdeck.engine.plans import parser
from tests.unit.engine.harness import CATALOG, Engine
from tests.unit.engine.test_flowables import W, flow

SEQ = "type: io.kestra.plugin.core.flow.Sequential"


def spans(engine: Engine, execution: str, most: int = 10) -> list[int]:
    """Seconds between the attempts of a flow whose one task always fails."""
    found: list[int] = []
    for _ in range(most):
        engine.run()
        if engine.state(execution) != "RETRYING":
            break
        due = engine.one("select due from timer where kind = 'retry'")
        found.append(round((due - engine.now) / 1_000, 3))  # type: ignore[arg-type]
        engine.now = due
    return found


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("{type: constant, interval: PT5S, maxAttempts: 4}", [5, 5, 5]),
        ("{type: constant, interval: PT5S, maxAttempt: 1}", []),
        ("{type: exponential, interval: PT30S, maxInterval: PT5M, maxAttempts: 7}", [30, 60, 120, 240, 300, 300]),
        ("{type: exponential, interval: PT1S, delayFactor: 3, maxInterval: PT1H, maxAttempts: 4}", [1, 3, 9]),
        ("{type: exponential, interval: PT1S, maxInterval: PT1H, maxDuration: PT10S}", [1, 2, 4]),
        ("{type: constant, interval: PT5S, maxDuration: PT12S}", [5, 5]),
    ],
)
def test_delays(engine: Engine, policy: str, expected: list[float]) -> None:
    engine.save(flow(f"tasks: [{{id: a, {W}, retry: {policy}}}]"))
    engine.outcomes = {"a": "FAILED"}
    e = engine.start("f")
    assert spans(engine, e) == expected
    assert engine.state(e) == "FAILED"
    assert engine.one("select attempts from task_run") == len(expected) + 1
    engine.check()


def test_random_delays_lie_in_their_interval(engine: Engine) -> None:
    engine.save(flow(f"tasks: [{{id: a, {W}, retry: {{type: random, minInterval: PT2S, maxInterval: PT4S}}}}]"))
    engine.outcomes = {"a": "FAILED"}
    found = spans(engine, engine.start("f"), 20)
    assert len(found) == 20
    assert all(2 <= x < 4 for x in found)
    assert len(set(found)) > 10


@pytest.mark.parametrize(("on", "state"), [("true", "WARNING"), ("false", "SUCCESS")])
def test_a_success_after_a_retry_may_be_a_warning(engine: Engine, on: str, state: str) -> None:
    policy = f"{{type: constant, interval: PT1S, maxAttempts: 3, warningOnRetry: {on}}}"
    engine.save(flow(f"tasks: [{{id: a, {W}, retry: {policy}}}, {{id: b, {W}, retry: {policy}}}]"))
    left = iter(["FAILED", "SUCCESS"])
    engine.outcomes = {"a": lambda job: next(left)}
    e = engine.start("f")
    engine.run()
    assert engine.history(e) == ["CREATED", "RUNNING", "RETRYING"]
    engine.later(1_000)
    engine.run()
    assert engine.tasks(e) == [f"a {state}", "b SUCCESS"]
    assert engine.state(e) == state
    assert engine.history(e, "a")[:5] == ["CREATED", "RUNNING", "RETRYING", "CREATED", "RUNNING"]
    assert engine.worker.seen[1].context["taskrun"]["attemptsCount"] == 1


def test_siblings_go_on_while_one_waits(engine: Engine) -> None:
    engine.save(
        flow(f"""
        tasks:
          - id: p
            type: io.kestra.plugin.core.flow.Parallel
            tasks:
              - {{id: a, {W}, retry: {{type: constant, interval: PT10S, maxAttempts: 2}}}}
              - {{id: b, {W}, retry: {{type: constant, interval: PT5S, maxAttempts: 2}}}}
              - {{id: s, {SEQ}, tasks: [{{id: c, {W}}}, {{id: d, {W}}}]}}
        """)
    )
    engine.outcomes = {"a": "FAILED", "b": "FAILED"}
    e = engine.start("f")
    engine.run()
    assert engine.state(e) == "RETRYING"
    assert {"c SUCCESS", "d SUCCESS", "a RETRYING", "b RETRYING", "p RUNNING"} <= set(engine.tasks(e))
    engine.outcomes = {"a": "FAILED", "b": None}
    engine.later(5_000)
    engine.run()
    assert engine.state(e) == "RUNNING"  # as soon as one is due
    engine.check()


def test_the_policy_of_all_flows(engine: Engine) -> None:
    """`kestra.plugins.defaults` with `type: io.kestra` fills tasks that have none."""
    retry = {"type": "constant", "interval": "PT7S", "maxAttempts": 2}
    engine.executor.plans._parse = parser(CATALOG, [{"type": "io.kestra", "values": {"retry": retry}}])
    kind = "type: io.kestra.plugin.core.flow.Subflow, namespace: a.b, flowId: nowhere"
    engine.save(flow(f"tasks: [{{id: a, {kind}}}]"))
    own = "retry: {type: constant, interval: PT1S, maxAttempts: 3}"
    engine.save(flow(f"tasks: [{{id: a, {kind}, {own}}}]", id="own"))
    assert spans(engine, engine.start("f")) == [7]
    assert spans(engine, engine.start("own")) == [1, 1]


NEW = "retry: {type: constant, interval: PT10S, maxAttempts: 3, behavior: CREATE_NEW_EXECUTION}"


def all_of(engine: Engine) -> list[tuple[Any, ...]]:
    return engine.all("select id, state, parent_id, original_id, attempt_number from execution order by seq")


def test_a_retry_as_a_new_execution(engine: Engine) -> None:
    engine.save(
        flow(
            f"{NEW}\ntasks:\n  - id: p\n    type: io.kestra.plugin.core.flow.Parallel\n"
            f"    tasks: [{{id: a, {W}}}, {{id: b, {W}}}]\n"
            f"errors: [{{id: e, {W}}}]\nfinally: [{{id: f, {W}}}]\nafterExecution: [{{id: z, {W}}}]"
        )
    )
    engine.outcomes = {"a": "FAILED", "b": None}
    first = engine.start("f", inputs={"x": 1}, labels=[{"key": "k", "value": "v"}])
    engine.run()
    assert engine.state(first) == "RETRIED"
    assert engine.tasks(first) == ["p RETRIED", "a RETRIED", "b RETRIED"]
    assert engine.worker.kills  # what ran beside it
    engine.crash()
    engine.later(10_000)
    engine.outcomes = {"a": "FAILED"}
    engine.run()
    engine.later(10_000)
    engine.run()
    rows = all_of(engine)
    assert [r[4] for r in rows] == [1, 2, 3]
    assert [r[2] for r in rows] == [None, rows[0][0], rows[1][0]]
    assert {r[3] for r in rows} == {first}
    last = rows[-1][0]
    assert engine.state(last) == "FAILED"
    # Only the last one runs its lists.
    assert engine.tasks(last)[-3:] == ["e SUCCESS", "f SUCCESS", "z SUCCESS"]
    assert all(len(engine.tasks(r[0])) <= 3 for r in rows[:2])
    assert {x for (x,) in engine.all("select inputs from execution")} == {'{"x":1}'}
    assert all('"k"' in x for (x,) in engine.all("select labels from execution"))
    engine.later(100_000)
    engine.run()
    assert len(all_of(engine)) == 3
    engine.check()


def test_a_failure_among_the_errors_makes_no_new_execution(engine: Engine) -> None:
    engine.save(
        flow(f"{NEW}\ntasks: [{{id: a, {W}, runIf: '{{{{ nope }}}}'}}]\nerrors: [{{id: e, {W}}}, {{id: g, {W}}}]")
    )
    engine.outcomes = {"e": "FAILED"}
    e = engine.start("f")
    engine.run()
    assert engine.tasks(e) == ["a FAILED", "e FAILED", "g SUCCESS"]
    assert engine.state(e) == "FAILED"


def test_a_kill_stops_a_retry_that_waits(engine: Engine) -> None:
    engine.save(flow(f"{NEW}\ntasks: [{{id: a, {W}}}]"))
    engine.save(flow(f"tasks: [{{id: a, {W}, retry: {{type: constant, interval: PT10S}}}}]", id="g"))
    engine.outcomes = {"a": "FAILED"}
    one, two = engine.start("f"), engine.start("g")
    engine.run()
    engine.command("execution.kill", id=one)
    engine.command("execution.kill", id=two)
    engine.later(100_000)
    engine.run()
    assert len(all_of(engine)) == 2
    assert (engine.state(one), engine.state(two)) == ("RETRIED", "KILLED")
    assert engine.one("select count(*) from timer") == 0


def test_killed_attempts_are_not_retried(engine: Engine) -> None:
    engine.save(flow(f"tasks: [{{id: a, {W}, retry: {{type: constant, interval: PT1S}}}}]"))
    engine.outcomes = {"a": None}
    e = engine.start("f")
    engine.run()
    engine.started("a")
    engine.steps()
    engine.command("execution.kill", id=e)
    engine.run()
    assert engine.tasks(e) == ["a KILLED"]
    assert engine.one("select attempts from task_run") == 1
