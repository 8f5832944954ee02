"""Whole executions: retry, pause, subflow, kill, concurrency, restart, replay, labels, recovery."""

from __future__ import annotations

import json

import pytest

from flowdeck.model.errors import IllegalArgument, IllegalState, NotFound
from tests.unit.engine.harness import Engine
from tests.unit.engine.test_flowables import W, flow


def simple(id: str = "f", more: str = "") -> str:
    return flow(
        f"""
tasks:
  - {{id: a, {W}}}
  - {{id: b, {W}}}
{more}""",
        id,
    )


def test_states_pass_in_order(engine: Engine) -> None:
    engine.save(simple())
    e = engine.start("f")
    engine.started("a")
    engine.run()
    assert engine.history(e) == ["CREATED", "RUNNING", "SUCCESS"]
    assert engine.history(e, "a") == ["CREATED", "RUNNING", "SUCCESS"]
    assert [x[1] for x in engine.lines] == ["INFO", "INFO"]
    assert engine.one("select count(*) from rollup_hour") == 1
    assert engine.one("select count(*) from task_baseline") == 2
    kinds = [(x["kind"], x.get("state")) for x in engine.events if x["kind"] == "execution"]
    assert kinds[-1] == ("execution", "SUCCESS")


def test_a_report_counts_only_once_and_only_with_its_fence(engine: Engine) -> None:
    engine.save(simple())
    e = engine.start("f")
    ((seq, fence),) = engine.worker.jobs
    engine.end(seq, fence + 1, "FAILED")
    engine.end(seq, fence, "SUCCESS")
    engine.end(seq, fence, "FAILED")
    engine.steps()
    assert engine.tasks(e) == ["a SUCCESS", "b CREATED"]
    assert len(engine.worker.acks) == 3
    engine.check()


def test_the_same_command_twice_creates_one_execution(engine: Engine) -> None:
    engine.save(simple())
    one = engine.command("execution.create", key="k", namespace="a.b", flow_id="f")
    two = engine.command("execution.create", key="k", namespace="a.b", flow_id="f")
    assert one == two
    assert engine.one("select count(*) from execution") == 1


def test_creation_is_refused(engine: Engine) -> None:
    with pytest.raises(NotFound):
        engine.start("none")
    engine.save(simple("d", "disabled: true"))
    with pytest.raises(IllegalState):
        engine.start("d")
    engine.save(simple())
    with pytest.raises(NotFound):
        engine.start("f", revision=7)
    with pytest.raises(IllegalArgument):
        engine.start("f", labels={"system.x": "y"})
    assert engine.one("select count(*) from execution") == 0


def test_a_retry_waits_and_then_makes_a_new_attempt(engine: Engine) -> None:
    engine.save(
        flow(f"""
        tasks:
          - id: a
            {W}
            retry: {{type: constant, interval: PT10S, maxAttempts: 3, warningOnRetry: true}}
    """)
    )
    engine.outcomes = {"a": "FAILED"}
    e = engine.start("f")
    engine.run()
    assert engine.state(e) == "RETRYING"
    assert engine.tasks(e) == ["a RETRYING"]
    engine.later(9_999)
    engine.run()
    assert engine.state(e) == "RETRYING"
    engine.later(1)
    engine.run()
    assert engine.state(e) == "RETRYING"
    engine.outcomes = {}
    engine.later(10_000)
    engine.run()
    assert engine.state(e) == "WARNING"
    assert engine.one("select attempts from task_run") == 3
    assert engine.one("select count(*) from attempt") == 3
    assert engine.history(e) == ["CREATED", "RUNNING", "RETRYING", "RUNNING", "RETRYING", "RUNNING", "WARNING"]
    engine.check()


def test_retries_end_at_max_attempts_then_errors_run(engine: Engine) -> None:
    engine.save(
        flow(f"""
        retry: {{type: constant, interval: PT1S, maxAttempts: 2}}
        tasks:
          - {{id: a, {W}}}
        errors:
          - {{id: e, {W}}}
    """)
    )
    engine.outcomes = {"a": "FAILED"}
    e = engine.start("f")
    engine.run()
    engine.later(1_000)
    engine.run()
    assert engine.tasks(e) == ["a FAILED", "e SUCCESS"]
    assert engine.state(e) == "FAILED"
    assert '"taskId":"a"' in engine.one("select error from execution")


def test_a_retry_may_make_a_new_execution(engine: Engine) -> None:
    engine.save(
        flow(f"""
        retry: {{type: constant, interval: PT1S, maxAttempts: 2, behavior: CREATE_NEW_EXECUTION}}
        tasks:
          - {{id: a, {W}}}
        finally:
          - {{id: z, {W}}}
    """)
    )
    engine.outcomes = {"a": "FAILED"}
    e = engine.start("f", inputs={"x": 1})
    engine.run()
    assert engine.state(e) == "RETRIED"
    engine.crash(keep_worker=False)
    engine.later(1_000)
    engine.run()
    ((new, parent, original, number, inputs),) = engine.all(
        "select id, parent_id, original_id, attempt_number, inputs from execution where id <> ?", e
    )
    assert (parent, original, number, inputs) == (e, e, 2, '{"x":1}')
    assert engine.state(new) == "FAILED"
    assert engine.tasks(new) == ["a FAILED", "z SUCCESS"]
    engine.check()


def test_pause_and_resume(engine: Engine) -> None:
    engine.save(
        flow(f"""
        tasks:
          - id: p
            type: io.kestra.plugin.core.flow.Pause
            onResume: [{{id: why, type: STRING}}]
          - {{id: b, {W}, format: "{{{{ outputs.p.onResume.why }}}}"}}
    """)
    )
    e = engine.start("f")
    engine.run()
    assert (engine.state(e), engine.tasks(e)) == ("PAUSED", ["p PAUSED"])
    engine.crash()
    engine.command("execution.resume", id=e, inputs={"why": "ok"}, by="me")
    engine.run()
    assert engine.state(e) == "SUCCESS"
    assert engine.history(e) == ["CREATED", "RUNNING", "PAUSED", "RESTARTED", "RUNNING", "SUCCESS"]
    assert engine.history(e, "p") == ["CREATED", "RUNNING", "PAUSED", "RUNNING", "SUCCESS"]
    assert engine.worker.seen[0].context["outputs"]["p"]["onResume"] == {"why": "ok"}
    with pytest.raises(IllegalState, match="is not paused"):
        engine.command("execution.resume", id=e)
    engine.check()


@pytest.mark.parametrize(
    ("behavior", "state"), [("RESUME", "SUCCESS"), ("WARN", "WARNING"), ("FAIL", "FAILED"), ("CANCEL", "CANCELLED")]
)
def test_a_pause_ends_by_itself(engine: Engine, behavior: str, state: str) -> None:
    engine.save(
        flow(f"""
        tasks:
          - {{id: p, type: io.kestra.plugin.core.flow.Pause, pauseDuration: PT5S, behavior: {behavior}}}
          - {{id: b, {W}}}
    """)
    )
    e = engine.start("f")
    engine.run()
    engine.crash()
    engine.later(5_000)
    engine.run()
    assert engine.state(e) == state
    assert (engine.tasks(e)[-1] == "b SUCCESS") == (behavior in ("RESUME", "WARN"))
    engine.check()


def test_a_pause_with_a_timeout_fails(engine: Engine) -> None:
    engine.save(
        flow("""
        tasks:
          - {id: p, type: io.kestra.plugin.core.flow.Pause, timeout: PT5S}
    """)
    )
    e = engine.start("f")
    engine.run()
    engine.later(5_000)
    engine.run()
    assert engine.tasks(e) == ["p FAILED"]


def test_nothing_starts_while_paused(engine: Engine) -> None:
    engine.save(
        flow(f"""
        tasks:
          - id: x
            type: io.kestra.plugin.core.flow.Parallel
            tasks:
              - id: s
                type: io.kestra.plugin.core.flow.Sequential
                tasks:
                  - {{id: a, {W}}}
                  - {{id: b, {W}}}
              - id: t
                type: io.kestra.plugin.core.flow.Sequential
                tasks:
                  - {{id: c, {W}}}
                  - {{id: p, type: io.kestra.plugin.core.flow.Pause}}
    """)
    )
    engine.outcomes = {"a": None}
    e = engine.start("f")
    engine.run()
    engine.outcomes = {}
    engine.run()
    assert engine.state(e) == "PAUSED"
    assert not any(x.startswith("b ") for x in engine.tasks(e)) and "a SUCCESS" in engine.tasks(e)
    engine.command("execution.resume", id=e)
    engine.run()
    assert engine.state(e) == "SUCCESS"
    assert "b SUCCESS" in engine.tasks(e)


def test_manual_pause(engine: Engine) -> None:
    engine.save(simple())
    e = engine.start("f")
    engine.command("execution.pause", id=e)
    engine.run()
    assert (engine.state(e), engine.tasks(e)) == ("PAUSED", ["a SUCCESS"])
    engine.command("execution.resume", id=e)
    engine.run()
    assert engine.history(e) == ["CREATED", "RUNNING", "PAUSED", "RUNNING", "SUCCESS"]


CHILD = f"""
inputs: [{{id: n, type: INT}}]
tasks:
  - {{id: c, {W}}}
outputs: [{{id: v, type: INT, value: "{{{{ inputs.n + 1 }}}}"}}]
"""
PARENT = f"""
labels: {{team: x}}
tasks:
  - id: s
    type: io.kestra.plugin.core.flow.Subflow
    namespace: a.b
    flowId: child
    inputs: {{n: "{{{{ 41 }}}}"}}
    labels: {{k: v}}
  - {{id: b, {W}, format: "{{{{ outputs.s.outputs.v }}}}"}}
"""


def test_a_subflow_is_waited_for(engine: Engine) -> None:
    engine.save(flow(CHILD, "child"))
    engine.save(flow(PARENT))
    e = engine.start("f")
    assert engine.tasks(e) == ["s RUNNING"]
    ((child, labels),) = engine.all("select id, labels from execution where flow_id = 'child'")
    assert "team" not in labels and '"k"' in labels and e in labels
    engine.crash()
    engine.run()
    assert engine.state(child) == engine.state(e) == "SUCCESS"
    assert engine.worker.seen[-1].context["outputs"]["s"]["outputs"] == {"v": 42}
    assert (
        engine.one("select count(*) from attempt a join task_run t on t.seq = a.task_run_seq where t.task_id = 's'")
        == 1
    )
    engine.check()


def test_a_subflows_failure_is_transmitted(engine: Engine) -> None:
    engine.save(flow(CHILD, "child"))
    engine.save(flow(PARENT))
    engine.outcomes = {"c": "FAILED"}
    e = engine.start("f")
    engine.run()
    assert (engine.state(e), engine.tasks(e)) == ("FAILED", ["s FAILED"])
    engine.save(flow(PARENT.replace("    labels: {k", "    transmitFailed: false\n    labels: {k"), "g"))
    e = engine.start("g")
    engine.run()
    assert engine.state(e) == "SUCCESS"


def test_a_subflow_that_can_not_start_fails_its_task(engine: Engine) -> None:
    engine.save(flow(PARENT))
    e = engine.start("f")
    engine.run()
    assert engine.tasks(e) == ["s FAILED"]
    assert any("Unable to find flow 'a.b'.'child'" in x[2] for x in engine.lines)


def test_kill_stops_running_tasks_and_children(engine: Engine) -> None:
    engine.save(flow(CHILD, "child"))
    engine.save(flow(PARENT))
    e = engine.start("f")
    engine.outcomes = {"c": None}
    engine.started("c")
    engine.steps()
    engine.command("execution.kill", id=e)
    assert engine.state(e) == "KILLING"
    engine.crash()
    engine.run()
    child = engine.one("select id from execution where flow_id = 'child'")
    assert engine.state(e) == "KILLED", engine.tasks(e)
    assert engine.state(child) == "KILLED"
    assert engine.tasks(e) == ["s KILLED"] and engine.tasks(child) == ["c KILLED"]
    with pytest.raises(IllegalState, match="already finished"):
        engine.command("execution.kill", id=e)
    engine.check()


def test_kill_runs_no_finally_but_after_execution(engine: Engine) -> None:
    engine.save(simple(more=f"finally: [{{id: z, {W}}}]\nafterExecution: [{{id: x, {W}}}]"))
    e = engine.start("f")
    engine.command("execution.kill", id=e)
    engine.run()
    assert engine.tasks(e) == ["a KILLED", "x SUCCESS"]
    assert engine.state(e) == "KILLED"
    assert engine.one("select count(*) from timer") == 0


@pytest.mark.parametrize("behavior", ["QUEUE", "CANCEL", "FAIL"])
def test_concurrency(engine: Engine, behavior: str) -> None:
    engine.save(simple(more=f"concurrency: {{limit: 2, behavior: {behavior}}}"))
    es = [engine.start("f") for _ in range(4)]
    states = [engine.state(e) for e in es]
    assert (
        states == ["RUNNING", "RUNNING"] + [{"QUEUE": "QUEUED", "CANCEL": "CANCELLED", "FAIL": "FAILED"}[behavior]] * 2
    )
    engine.crash()
    if behavior == "QUEUE":
        engine.command("execution.kill", id=es[2])
        engine.run()
        assert [engine.state(e) for e in es] == ["SUCCESS", "SUCCESS", "KILLED", "SUCCESS"]
    else:
        engine.run()
        assert engine.tasks(es[3]) == []
    assert engine.one("select count(*) from slot") == 0
    assert engine.one("select count(*) from waiting") == 0
    engine.check()


def test_a_schedule_date_is_waited_for(engine: Engine) -> None:
    engine.save(simple())
    e = engine.start("f", schedule_date=engine.now + 5_000)
    engine.run()
    assert engine.state(e) == "CREATED"
    engine.crash()
    engine.later(5_000)
    engine.run()
    assert engine.state(e) == "SUCCESS"


def test_labels_and_variables_are_set_in_place(engine: Engine) -> None:
    engine.save(
        flow(f"""
        variables: {{v: {{x: 1, y: 2}}}}
        tasks:
          - {{id: l, type: io.kestra.plugin.core.execution.Labels, labels: {{team: "{{{{ 'blue' }}}}"}}}}
          - {{id: s, type: io.kestra.plugin.core.execution.SetVariables, variables: {{v: {{x: 5}}, w: 7}}}}
          - {{id: u, type: io.kestra.plugin.core.execution.UnsetVariables, variables: [v.y]}}
          - {{id: a, {W}, format: "{{{{ vars.v.x }}}} {{{{ vars.w }}}} {{{{ labels.team }}}}"}}
    """)
    )
    e = engine.start("f")
    engine.run()
    assert engine.state(e) == "SUCCESS"
    assert engine.worker.seen[0].context["vars"] == {"v": {"x": 5}, "w": 7}
    assert engine.worker.seen[0].context["labels"]["team"] == "blue"
    assert engine.one("select count(*) from execution_label where key = 'team'") == 1
    with pytest.raises(IllegalArgument):
        engine.command("execution.set_labels", id=e, labels={"system.x": "1"})
    engine.command("execution.set_labels", id=e, labels={"team": "red", "n": "1"})
    assert engine.one("select value from execution_label where key = 'team'") == "red"


def test_flow_outputs(engine: Engine) -> None:
    engine.save(simple(more='outputs: [{id: n, type: INT, value: "{{ outputs.a.v }}"}]'))
    engine.outcomes = {"a": {"v": "12"}}
    e = engine.start("f")
    engine.run()
    assert engine.one("select outputs from execution") == '{"n":12}'
    engine.outcomes = {"a": {"v": "no"}}
    e = engine.start("f")
    engine.run()
    assert engine.state(e) == "FAILED"


def test_restart_runs_the_failed_part_again(engine: Engine) -> None:
    engine.save(
        flow(f"""
        tasks:
          - {{id: a, {W}}}
          - id: x
            type: io.kestra.plugin.core.flow.Parallel
            tasks:
              - {{id: b, {W}}}
              - {{id: c, {W}}}
          - {{id: d, {W}}}
        errors:
          - {{id: e, {W}}}
    """)
    )
    engine.outcomes = {"b": "FAILED"}
    e = engine.start("f")
    engine.run()
    assert "e SUCCESS" in engine.tasks(e)
    with pytest.raises(IllegalState):
        engine.command("execution.resume", id=e)
    engine.outcomes = {}
    engine.command("execution.restart", id=e)
    assert engine.state(e) == "RUNNING"
    engine.run()
    assert engine.state(e) == "SUCCESS"
    assert engine.tasks(e) == ["a SUCCESS", "x SUCCESS", "b SUCCESS", "c SUCCESS", "d SUCCESS"]
    assert sum(1 for j in engine.worker.seen if engine.task_id(j) == "a") == 1
    assert engine.one("select attempt_number from execution") == 2
    assert engine.one("select value from execution_label where key = 'system.restarted'") == "true"
    assert engine.history(e)[-4:] == ["FAILED", "RESTARTED", "RUNNING", "SUCCESS"]
    with pytest.raises(IllegalState, match="No task found"):
        engine.command("execution.restart", id=e)


def test_restart_with_a_revision_is_a_new_execution(engine: Engine) -> None:
    engine.save(simple())
    engine.outcomes = {"b": "FAILED"}
    e = engine.start("f")
    engine.run()
    engine.save(simple(), 2)
    engine.outcomes = {}
    new = engine.command("execution.restart", id=e, revision=2)["id"]
    engine.run()
    assert new != e and engine.state(new) == "SUCCESS" and engine.state(e) == "FAILED"
    assert engine.tasks(new) == ["a SUCCESS", "b SUCCESS"]
    assert engine.one("select parent_id from execution where id = ?", new) == e
    engine.check()


def test_replay(engine: Engine) -> None:
    engine.save(simple(more=f"finally: [{{id: z, {W}}}]"))
    e = engine.start("f", inputs={"x": 1})
    engine.run()
    new = engine.command("execution.replay", id=e)["id"]
    engine.run()
    assert engine.tasks(new) == ["a SUCCESS", "b SUCCESS", "z SUCCESS"]
    count = len(engine.worker.seen)
    run = engine.one(
        "select t.id from task_run t join execution e on e.seq = t.execution_seq where e.id = ? and task_id = 'b'", e
    )
    new = engine.command("execution.replay", id=e, task_run=run, inputs={"x": 2})["id"]
    engine.run()
    assert engine.tasks(new) == ["a SUCCESS", "b SUCCESS", "z SUCCESS"]
    assert len(engine.worker.seen) == count + 2
    assert engine.one("select inputs from execution where id = ?", new) == '{"x":2}'
    assert engine.one("select original_id from execution where id = ?", new) == e
    engine.check()


def test_replay_from_an_iteration(engine: Engine) -> None:
    engine.save(
        flow(f"""
        tasks:
          - id: l
            type: io.kestra.plugin.core.flow.ForEach
            values: [u, v, w]
            tasks:
              - {{id: a, {W}}}
              - {{id: b, {W}}}
          - {{id: c, {W}}}
    """)
    )
    engine.outcomes["a"] = {"value": 1}
    e = engine.start("f")
    engine.run()
    run = engine.one("select id from task_run where task_id = 'a' and value = 'v'")
    before = len(engine.worker.seen)
    new = engine.command("execution.replay", id=e, task_run=run)["id"]
    engine.run()
    assert engine.state(new) == "SUCCESS"
    assert len(engine.worker.seen) - before == 5
    assert engine.tasks(new) == engine.tasks(e)
    kept = "select outputs from task_run where task_id = 'a' and value = 'u' order by seq"
    old, new_one = (row[0] for row in engine.all(kept))
    assert old == new_one is not None


def test_change_task_state_goes_on(engine: Engine) -> None:
    engine.save(simple())
    engine.outcomes = {"a": "FAILED"}
    e = engine.start("f")
    engine.run()
    run = engine.one("select id from task_run")
    engine.command("execution.change_task_state", id=e, task_run=run, state="SUCCESS")
    engine.run()
    assert engine.tasks(e) == ["a SUCCESS", "b SUCCESS"]
    assert engine.state(e) == "SUCCESS"
    engine.command("execution.change_status", id=e, state="WARNING")
    assert engine.state(e) == "WARNING"
    with pytest.raises(IllegalState):
        engine.command("execution.change_status", id=e, state="RUNNING")


def test_delete_leaves_nothing(engine: Engine) -> None:
    engine.save(simple())
    e = engine.start("f")
    engine.command("execution.delete", id=e)
    engine.run()
    for table in ("execution", "task_run", "event", "attempt", "execution_label", "slot", "timer", "waiting"):
        assert engine.one(f"select count(*) from {table}") == 0, table
    last = engine.executor.world.last_event
    engine.crash()
    assert engine.executor.world.last_event >= last


def test_a_lost_worker_is_no_retry(engine: Engine) -> None:
    engine.save(simple())
    e = engine.start("f")
    engine.started("a")
    engine.steps()
    held = list(engine.worker.jobs)
    engine.executor.on_lost("w1", held)
    engine.steps()
    assert engine.history(e, "a") == ["CREATED", "RUNNING", "CREATED"]
    engine.end(*held[0], "FAILED")
    engine.run()
    assert engine.state(e) == "SUCCESS"
    assert engine.all(
        "select no, a.state from attempt a join task_run t on t.seq = a.task_run_seq where task_id = 'a'"
    ) == [(1, 23), (2, 20)]


def test_a_timeout_is_enforced_when_the_worker_does_not(engine: Engine) -> None:
    engine.save(flow(f"tasks: [{{id: a, {W}, timeout: PT1S}}]"))
    engine.outcomes = {"a": None}
    e = engine.start("f")
    assert engine.worker.seen[0].timeout_ms == 1000
    engine.started("a")
    engine.run()
    engine.later(11_001)
    engine.run()
    assert engine.worker.kills
    engine.run()
    assert engine.state(e) == "FAILED"
    assert (e, "ERROR", "Timeout after 00:00:01.000") in engine.lines


def test_expressions_with_io_go_to_a_worker(engine: Engine) -> None:
    engine.save(
        flow(f"""
        tasks:
          - {{id: a, {W}, runIf: "{{{{ kv('x') }}}}"}}
          - id: i
            type: io.kestra.plugin.core.flow.If
            condition: "{{{{ kv('x') }}}}"
            then: [{{id: b, {W}}}]
        outputs: [{{id: o, type: STRING, value: "{{{{ kv('x') }}}}"}}]
    """)
    )
    e = engine.start("f")
    for _ in range(6):
        engine.crash()
        engine.run()
    assert engine.state(e) == "SUCCESS"
    assert engine.tasks(e) == ["a SUCCESS", "i SUCCESS", "b SUCCESS"]
    assert engine.one("select outputs from execution") == """{"o":"{{ kv('x') }}"}"""


def test_an_input_that_raises_fails_its_execution_alone(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    from flowdeck.model.engine import stages

    engine.save(simple())
    engine.save(simple("g"))
    one, two = engine.start("f"), engine.start("g")
    advance = stages.WORK["child ended"]

    def broken(w: object, run: object) -> None:
        if run.execution.flow_id == "f":  # type: ignore[attr-defined]
            raise RuntimeError("a fault of ours")
        advance(w, run)

    monkeypatch.setitem(stages.WORK, "child ended", broken)
    engine.run()
    assert engine.state(one) == "FAILED"
    assert engine.state(two) == "SUCCESS"
    engine.check()


def test_a_breakpoint_holds_before_its_task(engine: Engine) -> None:
    engine.save(simple())
    e = engine.start("f", breakpoints=[{"id": "b"}])
    engine.run()
    assert (engine.state(e), engine.tasks(e)) == ("BREAKPOINT", ["a SUCCESS", "b BREAKPOINT"])
    engine.crash()
    engine.run()
    assert engine.state(e) == "BREAKPOINT"
    engine.command("execution.resume", id=e)
    engine.run()
    assert engine.state(e) == "SUCCESS"
    assert engine.history(e, "b") == ["CREATED", "BREAKPOINT", "CREATED", "RUNNING", "SUCCESS"]


def test_inputs_of_a_subflow_may_need_a_worker(engine: Engine) -> None:
    engine.save(
        flow(
            f"""
inputs:
  - {{id: n, type: INT, defaults: "{{{{ kv('n') }}}}"}}
  - {{id: m, type: STRING, defaults: "{{{{ inputs.n }}}} {{{{ kv('x') }}}}", dependsOn: {{inputs: [n]}}}}
tasks:
  - {{id: c, {W}}}
""",
            "child",
        )
    )
    engine.save(flow("tasks: [{id: s, type: io.kestra.plugin.core.flow.Subflow, namespace: a.b, flowId: child}]"))
    e = engine.start("f")
    asked: list[str] = []
    for _ in range(10):
        engine.steps()
        for (seq, fence), job in list(engine.worker.jobs.items()):
            if fence < 0:
                asked.append(job.value["value"])  # type: ignore[union-attr]
                engine.end(seq, fence, {"value": {"value": 5 if len(asked) == 1 else "5 y"}})
            else:
                engine.end(seq, fence, "SUCCESS")
    assert engine.state(e) == "SUCCESS"
    assert len(asked) == 2
    assert engine.one("select inputs from execution where flow_id = 'child'") == '{"n":5,"m":"5 y"}'


def test_who_waits_for_the_end_waits_for_after_execution(engine: Engine) -> None:
    engine.save(simple(more=f"afterExecution: [{{id: x, {W}}}]"))
    engine.outcomes = {"x": None}
    e = engine.start("f")
    engine.run()
    assert engine.all("select state, open_count from execution where id = ?", e) == [(20, 1)]
    engine.outcomes = {}
    engine.crash()
    engine.run()
    assert engine.all("select state, open_count, task_count from execution where id = ?", e) == [(20, 0, 3)]


def test_a_restart_of_the_parent_restarts_its_failed_child(engine: Engine) -> None:
    engine.save(flow(CHILD, "child"))
    engine.save(flow(PARENT))
    engine.outcomes = {"c": "FAILED"}
    e = engine.start("f")
    engine.run()
    engine.outcomes = {}
    engine.command("execution.restart", id=e)
    engine.crash()
    engine.run()
    assert engine.state(e) == "SUCCESS"
    assert engine.all("select state, attempt_number from execution where flow_id = 'child'") == [(20, 2)]
    engine.check()
    engine.save(flow(PARENT.replace("    labels: {k", "    restartBehavior: NEW_EXECUTION\n    labels: {k"), "g"))
    engine.outcomes = {"c": "FAILED"}
    e = engine.start("g")
    engine.run()
    engine.outcomes = {}
    engine.command("execution.restart", id=e)
    engine.run()
    assert engine.state(e) == "SUCCESS"
    assert engine.one("select count(*) from execution where flow_id = 'child'") == 3


def test_a_restart_waits_for_a_slot(engine: Engine) -> None:
    engine.save(simple(more="concurrency: {limit: 1}"))
    engine.outcomes = {"b": "FAILED"}
    e = engine.start("f")
    engine.run()
    engine.outcomes = {"a": None}
    other = engine.start("f")
    engine.run()
    engine.command("execution.restart", id=e)
    engine.run()
    assert (engine.state(e), engine.state(other)) == ("QUEUED", "RUNNING")
    engine.crash()
    engine.outcomes = {}
    engine.run()
    assert (engine.state(e), engine.state(other)) == ("SUCCESS", "SUCCESS")
    assert engine.history(e)[-5:] == ["FAILED", "QUEUED", "RESTARTED", "RUNNING", "SUCCESS"]
    engine.check()


def test_a_render_that_takes_too_long_is_given_to_a_worker(engine: Engine) -> None:
    slow = "{% for i in range(1, 200000) %}{{ i }}{% for j in range(1, 2000) %}{{ j }}{% endfor %}{% endfor %}"
    engine.save(flow(f'tasks: [{{id: a, {W}, runIf: "{slow}"}}]'))
    engine.start("f")
    engine.steps()
    ((_, fence),) = engine.worker.jobs
    assert fence < 0
    assert engine.executor.lag < 0.5


def test_kill_while_the_outputs_are_rendered(engine: Engine) -> None:
    engine.save(flow(f"tasks: [{{id: a, {W}}}]\noutputs: [{{id: o, type: STRING, value: \"{{{{ kv('x') }}}}\"}}]"))
    e = engine.start("f")
    engine.work()
    engine.steps()
    assert engine.state(e) == "RUNNING"
    engine.command("execution.kill", id=e)
    engine.run()
    assert engine.state(e) == "KILLED"
    engine.check()


@pytest.mark.parametrize("crash", [False, True])
def test_what_runs_beside_a_failed_branch_goes_on_without_effect(engine: Engine, crash: bool) -> None:
    """§8.2: its own result replaces the state that it got, in its row and history only."""
    engine.save(
        flow(f"""
        tasks:
          - id: p
            type: io.kestra.plugin.core.flow.Parallel
            tasks:
              - {{id: a, {W}}}
              - {{id: b, {W}}}
              - {{id: c, {W}}}
    """)
    )
    engine.outcomes = {"a": "FAILED", "b": None, "c": None}
    e = engine.start("f")
    engine.started("b")
    engine.run()
    assert engine.tasks(e) == ["p FAILED", "a FAILED", "b FAILED", "c FAILED"]
    stopped = {engine.one("select task_id from task_run where seq = ?", seq) for seq, _ in engine.worker.kills}
    assert stopped == {"c"}
    engine.outcomes = {}
    if crash:
        engine.crash()
    engine.run()
    assert engine.tasks(e) == ["p FAILED", "a FAILED", "b SUCCESS", "c FAILED"]
    assert engine.history(e, "b") == ["CREATED", "RUNNING", "FAILED", "SUCCESS"]
    assert engine.state(e) == "FAILED"
    engine.check()
    assert not engine.executor.world.strays
    assert engine.one("select count(*) from timer") == 0


def test_a_late_result_means_nothing_to_an_execution_that_began_again(engine: Engine) -> None:
    """§8.2, §18."""
    engine.save(
        flow(f"""
        tasks:
          - id: p
            type: io.kestra.plugin.core.flow.Parallel
            tasks:
              - {{id: a, {W}}}
              - {{id: b, {W}}}
    """)
    )
    engine.outcomes = {"a": "FAILED", "b": None}
    e = engine.start("f")
    engine.started("b")
    engine.run()
    old = next(iter(engine.worker.jobs))
    engine.command("execution.restart", id=e)
    engine.end(*old, "WARNING")
    engine.outcomes = {}
    engine.run()
    assert engine.tasks(e) == ["p SUCCESS", "a SUCCESS", "b SUCCESS"]
    engine.check()


@pytest.mark.parametrize("how", ["execution.delete", "lost"])
def test_a_late_result_may_never_come(engine: Engine, how: str) -> None:
    engine.save(
        flow(f"""
        tasks:
          - id: p
            type: io.kestra.plugin.core.flow.Parallel
            tasks: [{{id: a, {W}}}, {{id: b, {W}}}]
    """)
    )
    engine.outcomes = {"a": "FAILED", "b": None}
    e = engine.start("f")
    engine.started("b")
    engine.run()
    if how == "lost":
        engine.executor.on_lost("w1", list(engine.worker.jobs))
        engine.steps()
    else:
        engine.command(how, id=e)
    for seq, fence in list(engine.worker.jobs):
        engine.end(seq, fence, "SUCCESS")
    engine.run()
    assert not engine.executor.world.strays
    assert engine.one("select count(*) from timer") == 0


@pytest.mark.parametrize("allowed", [True, False])
def test_outputs_that_a_subflow_task_asks_for_may_be_switched_off(engine: Engine, allowed: bool) -> None:
    """§9.1: the deprecated `outputs`, unless `outputs.enabled` is false."""
    engine.executor.world.subflow_outputs = allowed
    engine.save(flow(f"tasks: [{{id: a, {W}}}]").replace("id: f\n", "id: child\n", 1))
    engine.save(
        flow(
            "tasks: [{id: s, type: io.kestra.plugin.core.flow.Subflow, namespace: a.b, flowId: child,"
            " outputs: {v: '{{ outputs.a.v }}'}}]"
        )
    )
    engine.outcomes = {"a": {"v": 7}}
    engine.start("f")
    engine.run()
    stored = json.loads(engine.one("select outputs from task_run where task_id = 's'"))
    assert stored.get("outputs") == ({"v": 7} if allowed else None)
