"""An execution whose flow or rows can't be read any more fails alone and does not come back after a restart."""

from __future__ import annotations

import pytest

from flowdeck.model.errors import IllegalState
from tests.unit.engine.harness import Engine
from tests.unit.engine.test_flowables import W, flow

FLOW = f"""
concurrency: {{limit: 1}}
tasks:
  - id: p
    type: io.kestra.plugin.core.flow.Parallel
    tasks:
      - {{id: a, {W}}}
      - {{id: b, {W}}}
  - {{id: c, {W}}}
afterExecution:
  - {{id: z, {W}}}
"""

HARM = {
    "revision gone": "delete from flow_revision where flow_key = {flow}",
    "plugin gone": "update flow_revision set source = replace(source, 'test.Work', 'test.Gone') where flow_key = {flow}",
    "no yaml": "update flow_revision set source = '[' where flow_key = {flow}",
    "row": "update execution set inputs = '<' where flow_key = {flow}",
    "state": "update task_run set state = 19 where task_id = 'a' and execution_seq in "
    "(select seq from execution where flow_key = {flow})",
    "task": "update task_run set task_key = 99 where task_id = 'a' and execution_seq in "
    "(select seq from execution where flow_key = {flow})",
}
REASON = {
    "revision gone": "is gone",
    "plugin gone": "Invalid type: test.Gone",
    "no yaml": "Cannot execute an invalid flow",
    "row": "its row can't be read",
    "state": "a task run of it can't be read",
    "task": "a task run of it can't be read",
}


@pytest.mark.parametrize("harm", HARM)
def test_a_poisoned_execution_fails_alone(engine: Engine, harm: str) -> None:
    engine.save(flow(FLOW))
    engine.save(flow(FLOW, id="good"))
    engine.outcomes = {"a": None, "b": None}
    bad, queued, good = engine.start("f"), engine.start("f"), engine.start("good")
    engine.run()
    engine.started("a")
    engine.steps()
    assert engine.state(bad) == "RUNNING"
    assert engine.state(queued) == "QUEUED"
    with engine.executor.writer.transaction(engine.now) as tx:
        tx.sql(HARM[harm].format(flow=engine.flow_keys["f"]))
    engine.crash()
    engine.steps()
    assert engine.state(bad) == "FAILED"
    said = [text for id, level, text in engine.lines if id == bad and level == "ERROR"]
    assert len(said) == 1
    assert REASON[harm] in said[0]
    error = engine.one("select error from execution where id = ?", bad)
    assert REASON[harm] in error
    assert all(x.endswith("FAILED") for x in engine.tasks(bad))
    assert engine.worker.kills
    # The others go on; the one that waited for the place too, as far as its own flow can be read.
    engine.outcomes = {}
    engine.run()
    assert engine.state(good) == "SUCCESS"
    assert engine.state(queued) == ("SUCCESS" if harm in ("state", "task") else "FAILED")
    before = len(engine.lines)
    engine.crash()
    engine.run()
    assert not [x for x in engine.lines[before:] if x[0] == bad]
    assert engine.one("select count(*) from execution where state < 20") == 0
    assert engine.one("select count(*) from slot") == 0
    assert engine.one("select count(*) from timer") == 0
    if harm != "row":
        engine.check()


def test_a_broken_execution_can_be_labelled_and_deleted_but_not_restarted(engine: Engine) -> None:
    engine.save(flow(FLOW))
    engine.outcomes = {"c": "FAILED"}
    e = engine.start("f")
    engine.run()
    with engine.executor.writer.transaction(engine.now) as tx:
        tx.sql(HARM["plugin gone"].format(flow=engine.flow_keys["f"]))
    engine.crash()
    for name, args in (
        ("restart", {}),
        ("replay", {}),
        (
            "change_task_state",
            {"task_run": engine.one("select id from task_run where task_id = 'c'"), "state": "SUCCESS"},
        ),
    ):
        with pytest.raises(IllegalState, match="can't run again"):
            engine.command(f"execution.{name}", id=e, **args)
    engine.command("execution.set_labels", id=e, labels=[{"key": "a", "value": "b"}])
    engine.command("execution.change_status", id=e, state="WARNING")
    assert engine.state(e) == "WARNING"
    engine.command("execution.delete", id=e)
    assert engine.all("select id from execution") == []


def test_what_follows_the_end_of_a_broken_execution_is_given_up(engine: Engine) -> None:
    engine.save(flow(FLOW))
    engine.outcomes = {"z": None}
    e = engine.start("f")
    engine.run()
    assert engine.state(e) == "SUCCESS"
    with engine.executor.writer.transaction(engine.now) as tx:
        tx.sql(HARM["plugin gone"].format(flow=engine.flow_keys["f"]))
    engine.crash()
    engine.run()
    assert engine.state(e) == "SUCCESS"
    assert engine.tasks(e)[-1] == "z KILLED"
    assert engine.one("select count(*) from timer") == 0
