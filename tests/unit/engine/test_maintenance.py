"""Maintenance: nothing new starts, what runs goes on, what waited starts in its order (enterprise and operations F46)."""

from __future__ import annotations

from flowdeck.model.engine import control
from tests.unit.engine.harness import Engine
from tests.unit.engine.test_flowables import W, flow

PARENT = """
tasks:
  - {id: first, WORK}
  - {id: child, type: io.kestra.plugin.core.flow.Subflow, namespace: a.b, flowId: c}
""".replace("WORK", W)


def maintain(engine: Engine, on: bool) -> None:
    """As the look at the flag does."""
    with_flag = "insert into setting (key, value, updated) values ('instance.maintenance', 'true', 0)"

    def work(step: object) -> None:
        step.tx.sql(with_flag if on else "delete from setting where key = 'instance.maintenance'")  # type: ignore[attr-defined]
        control.maintain(step.world, on)  # type: ignore[attr-defined]

    engine.executor.call(work)
    engine.run()


def test_new_executions_wait_and_running_ones_end_with_their_children(engine: Engine) -> None:
    engine.save(flow(PARENT))
    engine.save(flow(f"tasks: [{{id: a, {W}}}]", id="c"))
    engine.outcomes = {"first": None}
    running = engine.start("f")
    engine.run()
    maintain(engine, True)
    new = [engine.start("c") for _ in range(3)]
    engine.outcomes = {}
    engine.run()
    engine.crash()
    engine.run()
    assert [engine.state(e) for e in new] == ["CREATED"] * 3
    assert engine.state(running) == "SUCCESS"
    assert engine.one("select count(*) from execution where parent_execution is not null and state = 20") == 1
    engine.command("execution.kill", id=new[1])
    maintain(engine, False)
    engine.run()
    assert [engine.state(e) for e in new] == ["SUCCESS", "KILLED", "SUCCESS"]
    starts = engine.all("select id from execution where id <> ? and parent_execution is null order by started", running)
    assert [row[0] for row in starts if row[0] != new[1]] == [new[0], new[2]]
    engine.check()
