"""The executor on both databases: the same states, guards and recovery."""

from __future__ import annotations

import random
from typing import Any

from flowdeck.commands import registry
from flowdeck.engine.executor import Executor
from flowdeck.engine.messages import Command, Done, Reply, Run
from flowdeck.engine.plans import PlanStore, parser
from flowdeck.model.catalog import Catalog
from flowdeck.model.states import State
from flowdeck.store.driver import Database

registry.load_commands()

FLOW = """
id: f
namespace: a.b
concurrency: {limit: 1}
tasks:
  - id: l
    type: io.kestra.plugin.core.flow.ForEach
    values: [1, 2, 3]
    concurrencyLimit: 2
    tasks:
      - {id: s, type: io.kestra.plugin.core.flow.Subflow, namespace: a.b, flowId: child}
  - {id: p, type: io.kestra.plugin.core.flow.Pause, pauseDuration: PT1S}
  - {id: v, type: io.kestra.plugin.core.execution.SetVariables, variables: {x: 1}}
"""
CHILD = """
id: child
namespace: a.b
labels: {team: data}
tasks:
  - {id: l, type: io.kestra.plugin.core.execution.Labels, labels: {a: b}}
"""


class NoWorker:
    """No flow here needs one."""

    def __init__(self) -> None:
        self.jobs: list[Run] = []

    def dispatch(self, job: Any, *, process: bool) -> None:
        self.jobs.append(job)

    def kill(self, seq: int, fence: int) -> None: ...

    def ack(self, seq: int, fence: int) -> None: ...


def test_an_execution_runs_and_survives_a_crash(database: Database) -> None:
    clock = [1_700_000_000_000]

    def build() -> Executor:
        made = Executor(
            database, PlanStore(database, parser(Catalog())), NoWorker(), clock=lambda: clock[0], rand=random.Random()
        )
        made.recover()
        return made

    def send(executor: Executor, name: str, **args: Any) -> Any:
        answers: list[Reply] = []
        executor.submit(Command(id=1, name=name, args={"tenant": "main", "namespace": "a.b", **args}), answers.append)
        while not answers:
            executor.step()
        assert answers[0].error is None, answers[0].error
        return answers[0].result

    executor = build()
    for source in (CHILD, FLOW):
        send(executor, "flow.save", source=source)
    first = send(executor, "execution.create", flow_id="f")["id"]
    second = send(executor, "execution.create", flow_id="f")["id"]
    while executor.step():
        pass
    executor.writer.close()
    executor = build()
    for _ in range(3):
        while executor.step():
            pass
        clock[0] += 1_000
    executor.on_done(Done(1, 99, State.FAILED, 0, 0))
    while executor.step():
        pass
    with database.reader() as reader:
        states = {r["id"]: r["state"] for r in reader.all("select id, state from execution")}
        assert states[first] == states[second] == State.SUCCESS
        assert reader.value("select count(*) from execution") == 8
        assert reader.value("select count(*) from slot") == 0
        assert reader.value("select count(*) from timer") == 0
        assert reader.value("select count(*) from execution_label where key = 'team'") == 6
        assert reader.value("select variables from execution where id = ?", first) == '{"x":1}'
    send(executor, "execution.replay", id=first)
    send(executor, "execution.delete", id=second)
    with database.reader() as reader:
        assert reader.value("select count(*) from execution where id = ?", second) == 0
    executor.writer.close()
