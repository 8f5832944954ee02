"""Executors that share a database: inbox, hand-over, limits, numbers, triggers (engine notes §2.1, §2.6, §2.9)."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from flowdeck.commands import registry
from flowdeck.engine.leases import LeaseLost
from flowdeck.engine.messages import Command, Reply, Run
from flowdeck.model.ids import make_id, shard_of
from flowdeck.model.states import State
from flowdeck.sdk.index import load_catalog
from flowdeck.store import feed
from flowdeck.store.driver import Database, StoreConflict, create_schema, open_database
from tests.support.nodes import Node, settle
from tests.support.postgres import Postgres

CATALOG = load_catalog()
SUBFLOW = "io.kestra.plugin.core.flow.Subflow"
TWO_STEPS = """
id: f
namespace: a.b
tasks:
  - {id: one, type: io.kestra.plugin.core.debug.Return, format: x}
  - {id: two, type: io.kestra.plugin.core.debug.Return, format: x}
"""
LIMITED = """
id: limited
namespace: a.b
concurrency: {limit: 2}
tasks:
  - {id: one, type: io.kestra.plugin.core.debug.Return, format: x}
"""

Make = Callable[..., Node]


@pytest.fixture
def shared_database(postgres: Postgres) -> Iterator[Database]:
    """An empty PostgreSQL database with all tables."""
    database = open_database(postgres.database(f"t{uuid.uuid4().hex[:12]}"), durability="normal")
    create_schema(database)
    yield database
    database.close()


@pytest.fixture
def make(shared_database: Database, tmp_path: Path) -> Iterator[Make]:
    """Makes another executor on the same database and machine."""
    made: list[Node] = []
    clock = [1_700_000_000_000]

    def node(**more: Any) -> Node:
        one = Node(shared_database.url, tmp_path / "executors", CATALOG, clock=clock, **more)
        made.append(one)
        return one

    yield node
    for one in made:
        one.close()


def save(database: Database, source: str) -> None:
    """Save a flow as a web process does: in a transaction of its own, told by the feed."""
    writer = database.writer()
    with writer.transaction() as tx:
        _, error = registry.carry_out(tx, "flow.save", {"tenant": "main", "source": source})
        assert error is None, error
        feed.append(tx, "web", 1 + (tx.value("select max(n) from feed where source = 'web'") or 0), tx.events)
    writer.close()


def ids_in(shards: set[int], count: int) -> list[str]:
    """Ids of executions that lie in these shards."""
    found: list[str] = []
    number = 0
    while len(found) < count:
        number += 1
        id = make_id(1_700_000_000_000, number << 40)
        if shard_of(id) in shards:
            found.append(id)
    return found


def create(node: Node, id: str, flow: str = "f") -> None:
    """Have the owner of its shard create an execution."""
    node.post(shard_of(id), "execution.create", key=f"key-{id}", namespace="a.b", flow_id=flow, id=id)


def one(database: Database, text: str, *params: Any) -> Any:
    """First value of a query."""
    with database.reader() as reader:
        return reader.value(text, *params)


def states(database: Database) -> dict[str, str]:
    """State of each execution."""
    with database.reader() as reader:
        return {row[0]: State(row[1]).name for row in reader.all("select id, state from execution")}


def jobs(node: Node) -> list[Run]:
    """Attempts that a node has handed out."""
    return [job for job in node.worker.jobs.values() if isinstance(job, Run)]


def pair(make: Make) -> tuple[Node, Node]:
    """Two executors with half of the shards each."""
    first, second = make(), make()
    first.look()
    second.look()
    assert len(first.sharing.held) == len(second.sharing.held) == 64
    return first, second


def test_a_row_is_carried_out_once_by_the_owner_of_its_shard(shared_database: Database, make: Make) -> None:
    """§2.1: the row goes with the transaction that carries it out; its answer stays under its key."""
    save(shared_database, TWO_STEPS)
    first, second = pair(make)
    here, there = ids_in(first.sharing.held, 1)[0], ids_in(second.sharing.held, 1)[0]
    for id in (here, there):
        create(first, id)
        create(first, id)  # the same key again
    assert first.read() == second.read() == 1
    settle(first, second)
    assert {job.execution for job in jobs(first)} == {here}
    assert {job.execution for job in jobs(second)} == {there}
    assert one(shared_database, "select count(*) from inbox") == 0
    answer = json.loads(one(shared_database, "select answer from command_answer where key = ?", f"key-{here}"))
    assert answer["result"]["id"] == here
    create(first, here)  # a repetition after the answer
    settle(first, second)
    assert one(shared_database, "select count(*) from execution") == 2


def test_a_row_that_was_withdrawn_or_read_twice_has_no_effect(shared_database: Database, make: Make) -> None:
    """Fault 19: notifications may come twice, rows may be gone."""
    save(shared_database, TWO_STEPS)
    node = make()
    id = ids_in(node.sharing.held, 1)[0]
    create(node, id)
    rows, _ = node.inbox._read(sorted(node.sharing.held), [])
    for _ in range(2):
        node.executor.put(node.inbox.apply, rows)
    node.steps()
    assert states(shared_database) == {id: "RUNNING"}
    gone = ids_in(node.sharing.held, 2)[1]
    create(node, gone)
    rows, _ = node.inbox._read(sorted(node.sharing.held), [])
    writer = shared_database.writer()
    with writer.transaction() as tx:
        tx.sql("delete from inbox")
    writer.close()
    node.executor.put(node.inbox.apply, rows)
    node.steps()
    assert gone not in states(shared_database)


def test_a_refusal_and_a_fault_are_answers(shared_database: Database, make: Make) -> None:
    """What can't be done is told under the key and does not come back."""
    node = make()
    create(node, ids_in(node.sharing.held, 1)[0], flow="unknown")
    node.post(0, "execution.kill", key="no-arguments")
    settle(node)
    with node.database.reader() as reader:
        answers = [json.loads(row[0])["error"] for row in reader.all("select answer from command_answer order by key")]
    assert [error[0] for error in answers] == ["NotFound", "DomainError"]
    assert one(shared_database, "select count(*) from inbox") == 0


def test_executions_go_on_where_their_shard_was_handed_over(shared_database: Database, make: Make) -> None:
    """§2.9: hand-over between two steps; what the worker holds is claimed by the next owner, nothing runs twice."""
    save(shared_database, TWO_STEPS)
    first = make()
    for id in ids_in(set(range(64)), 20):
        create(first, id)
    settle(first)
    sent = {job.execution: job for job in jobs(first)}
    assert len(sent) == 20
    second = make(workers=["w1"])
    first.look()
    assert len(first.sharing.held) == 64

    async def take_over() -> None:
        second.look()
        # The worker hears what the new owner announces; what it claims is not sent again.
        assert not jobs(second)
        held = [(job.seq, job.fence) for job in sent.values() if job.shard in second.sharing.held]
        assert held
        second.executor.on_claim("w1", second.worker.announced, held)
        settle(first, second)

    asyncio.run(take_over())
    assert not jobs(second)
    assert {shard_of(id) for id in second.executor.world.by_id} <= second.sharing.held
    assert not set(first.executor.world.by_id) & set(second.executor.world.by_id)
    for job in sent.values():
        (second if job.shard in second.sharing.held else first).end(job)
    settle(first, second)
    assert len(jobs(first)) + len(jobs(second)) == 20  # the second tasks
    for node in (first, second):
        for job in jobs(node):
            node.end(job)
    settle(first, second)
    assert set(states(shared_database).values()) == {"SUCCESS"}
    assert one(shared_database, "select count(*) from attempt") == 40


def test_a_report_that_arrives_at_the_former_owner_is_not_acknowledged(shared_database: Database, make: Make) -> None:
    """The worker keeps its result for the next owner: no result is lost on the way."""
    save(shared_database, TWO_STEPS)
    first = make()
    for id in ids_in(set(range(64)), 8):
        create(first, id)
    settle(first)
    sent = jobs(first)
    second = make()
    first.look()
    second.look()
    moved = [job for job in sent if job.shard in second.sharing.held]
    assert moved
    for job in moved:
        first.end(job)
    settle(first, second)
    assert not first.worker.acks
    for job in moved:
        second.end(jobs_of(second, job))
    settle(first, second)
    assert len([job for job in jobs(second) if job.task_key == 1]) == len(moved)


def jobs_of(node: Node, job: Run) -> Run:
    """The attempt of the same task run that a node has handed out by now; none: the one that was claimed."""
    return next((new for new in jobs(node) if new.seq == job.seq), job)


def test_a_dead_executor_s_work_goes_on_and_its_own_transactions_fail(shared_database: Database, make: Make) -> None:
    """Faults 1 and 8: accepted executions are all there; the stopped process writes nothing any more."""
    save(shared_database, TWO_STEPS)
    stopped = make(length=0.1)
    ids = ids_in(set(range(64)), 10)
    for id in ids:
        create(stopped, id)
    settle(stopped)
    late = jobs(stopped)
    other = make()
    time.sleep(0.15)
    other.look()
    settle(other)
    assert set(other.executor.world.by_id) == set(ids)
    stopped.end(late[0])
    with pytest.raises(LeaseLost):
        stopped.steps()
    for _ in range(2):
        for job in jobs(other):
            other.end(job)
        settle(other)
    assert set(states(shared_database).values()) == {"SUCCESS"}
    assert one(shared_database, "select count(*) from event where state = ? and task_run_seq = 0", State.SUCCESS) == 10


def test_numbers_of_several_executors_never_meet_and_grow_over_a_hand_over(
    shared_database: Database, make: Make
) -> None:
    """Rows are numbered in blocks; histories of an execution are in order whoever wrote them."""
    save(shared_database, TWO_STEPS)
    first, second = pair(make)
    ids = ids_in(set(range(64)), 12)
    for id in ids:
        create(first, id)
    settle(first, second)
    second.close()
    first.look()
    settle(first)
    for _ in range(3):
        for job in jobs(first):
            first.end(job)
        settle(first)
    assert set(states(shared_database).values()) == {"SUCCESS"}
    with shared_database.reader() as reader:
        for row in reader.all("select seq from execution"):
            history = reader.all("select seq, state, at from event where execution_seq = ? order by seq", row[0])
            assert history[0]["state"] == State.CREATED
            assert history[-1]["state"] == State.SUCCESS
        assert (
            reader.value("select count(*) from execution e join task_run t on t.seq = e.seq") == 0
        )  # timers refer to both by number


def test_a_limit_counts_executions_of_all_executors(shared_database: Database, make: Make) -> None:
    """§2.6: never more than the limit, a freed place goes to the oldest that waits, wherever it lies."""
    save(shared_database, LIMITED)
    first, second = pair(make)
    ids = [id for two in zip(ids_in(first.sharing.held, 4), ids_in(second.sharing.held, 4), strict=True) for id in two]
    for id in ids:
        create(first, id, "limited")
        settle(first, second)
    assert [state for _, state in sorted(states(shared_database).items())].count("RUNNING") == 2
    ended: list[str] = []
    while len(ended) < 8:
        running = jobs(first) + jobs(second)
        assert len(running) == 2 or len(ended) >= 6
        assert one(shared_database, "select count(*) from slot") == len(running)
        job = running[0]
        ended.append(job.execution)
        (first if job.shard in first.sharing.held else second).end(job)
        settle(first, second)
    assert set(states(shared_database).values()) == {"SUCCESS"}
    assert one(shared_database, "select count(*) from slot") == 0
    assert one(shared_database, "select count(*) from waiting") == 0
    assert sorted(ended, key=ids.index) == ids


def test_a_killed_execution_gives_its_place_back_though_it_was_just_admitted_elsewhere(
    shared_database: Database, make: Make
) -> None:
    """§2.6: no place leaks between the admission by one executor and the kill by another."""
    save(shared_database, LIMITED.replace("limit: 2", "limit: 1"))
    first, second = pair(make)
    (runs,), (waits,) = ids_in(first.sharing.held, 1), ids_in(second.sharing.held, 1)
    create(first, runs, "limited")
    settle(first, second)
    create(first, waits, "limited")
    settle(first, second)
    assert states(shared_database) == {runs: "RUNNING", waits: "QUEUED"}
    first.end(jobs(first)[0])
    first.steps()  # has admitted the other one, which does not know it yet
    assert one(shared_database, "select count(*) from slot") == 1
    second.command("execution.kill", id=waits)
    settle(first, second)
    assert states(shared_database) == {runs: "SUCCESS", waits: "KILLED"}
    assert one(shared_database, "select count(*) from slot") == 0


def test_a_command_about_another_executor_s_execution_is_handed_on(shared_database: Database, make: Make) -> None:
    """A worker asks the executor that it knows; the owner carries the command out and the answer comes back."""
    save(shared_database, TWO_STEPS)
    first, second = pair(make)
    id = ids_in(second.sharing.held, 1)[0]
    create(first, id)
    settle(first, second)
    answers: list[Reply] = []
    first.executor.submit(Command(id=5, name="execution.pause", args={"tenant": "main", "id": id}), answers.append)
    settle(first, second)
    first.read()
    assert [reply.id for reply in answers] == [5]
    assert answers[0].error is None
    assert states(shared_database)[id] == "PAUSED"


def test_a_subflow_lies_in_its_parent_s_shard(shared_database: Database, make: Make) -> None:
    """§2.9: parent and child are one executor's business."""
    save(shared_database, TWO_STEPS)
    save(
        shared_database,
        f"id: parent\nnamespace: a.b\ntasks:\n  - {{id: s, type: {SUBFLOW}, namespace: a.b, flowId: f, wait: true}}\n",
    )
    node = make()
    id = ids_in(node.sharing.held, 1)[0]
    create(node, id, "parent")
    settle(node)
    with shared_database.reader() as reader:
        assert {row[0] for row in reader.all("select shard from execution")} == {shard_of(id)}


def test_a_schedule_s_execution_is_created_by_the_owner_of_its_shard(shared_database: Database, make: Make) -> None:
    """§2.11: the date is advanced and the order written in one transaction; a refusal releases the trigger."""

    async def fire() -> None:
        source = (
            "id: cron\nnamespace: a.b\n"
            "tasks:\n  - {id: one, type: io.kestra.plugin.core.debug.Return, format: x}\n"
            "triggers:\n  - {id: t, type: io.kestra.plugin.core.trigger.Schedule, cron: '* * * * *'}\n"
        )
        executor = make(roles=["executor"])
        executor.scheduler()  # without triggers of its own: it releases those whose executions end here
        scheduling = make(roles=["scheduler"])
        writer = shared_database.writer()
        with writer.transaction(scheduling.clock[0]) as tx:
            assert registry.carry_out(tx, "flow.save", {"tenant": "main", "source": source})[1] is None
        scheduler = scheduling.scheduler()
        scheduling.clock[0] += 61_000
        scheduler.dispatch(scheduling.clock[0])
        scheduling.steps()
        assert not scheduling.executor.world.by_id
        row = "select execution_id from trigger_state"
        wanted = one(shared_database, row)
        assert wanted
        assert one(shared_database, "select count(*) from inbox") == 1
        settle(executor)
        assert states(shared_database) == {wanted: "RUNNING"}
        executor.end(jobs(executor)[0])
        settle(executor)
        assert one(shared_database, row) is None
        # The next one is refused: the trigger is free again.
        with shared_database.reader() as reader:
            scheduler.heard([e for _, _, events in feed.read(reader, {}) for e in events])
        scheduler._turn(scheduling.clock[0])
        scheduling.clock[0] += 61_000
        scheduler._turn(scheduling.clock[0])
        scheduling.steps()
        assert one(shared_database, row)
        with writer.transaction() as tx:
            tx.sql("update flow set disabled = true")
        writer.close()
        settle(executor)
        assert one(shared_database, row) is None

    asyncio.run(fire())


def test_events_of_a_step_are_in_the_feed_without_gaps(shared_database: Database, make: Make) -> None:
    """§2.10: one row a transaction, numbered; readers find a gap when they have missed one."""
    save(shared_database, TWO_STEPS)
    node = make()
    for id in ids_in(node.sharing.held, 5):
        create(node, id)
        settle(node)
    with shared_database.reader() as reader:
        found = [(n, events) for source, n, events in feed.read(reader, {}) if source == node.leases.id]
    assert [n for n, _ in found] == list(range(1, len(found) + 1))
    kinds = [event["kind"] for _, events in found for event in events]
    assert kinds.count("execution") >= 5


def heard(node: Node, scheduler: Any) -> None:
    """Tell a scheduler of all that others have changed."""
    with node.database.reader() as reader:
        found = feed.read(reader, {}, definitions=True, besides=node.leases.id)
    scheduler.heard([event for _, _, events in found for event in events])


def test_a_flow_trigger_sees_executions_of_all_executors_once(shared_database: Database, make: Make) -> None:
    """§15.7: a window is one window, whoever ends the executions that it waits for."""
    trigger = "io.kestra.plugin.core.trigger.Flow"
    source = f"""
id: after
namespace: a.b
tasks:
  - {{id: one, type: io.kestra.plugin.core.debug.Return, format: x}}
triggers:
  - id: both
    type: {trigger}
    preconditions:
      id: both
      timeWindow: {{type: DURATION_WINDOW, window: P1D}}
      flows:
        - {{namespace: a.b, flowId: f, states: [SUCCESS]}}
        - {{namespace: a.b, flowId: limited, states: [SUCCESS]}}
"""

    async def run() -> None:
        first, second = pair(make)
        schedulers = [(node, node.scheduler()) for node in (first, second)]
        for text in (TWO_STEPS, LIMITED, source):
            save(shared_database, text)
        for node, scheduler in schedulers:
            heard(node, scheduler)
        (left,), (right,) = ids_in(first.sharing.held, 1), ids_in(second.sharing.held, 1)
        create(first, left, "f")
        create(first, right, "limited")
        settle(first, second)
        for _ in range(2):
            for node in (first, second):
                for job in jobs(node):
                    node.end(job)
            settle(first, second)
        started = [id for id in states(shared_database) if id not in (left, right)]
        assert len(started) == 1

    asyncio.run(run())


def test_a_raised_limit_admits_executions_that_wait(shared_database: Database, make: Make) -> None:
    """§11.3: an edit acts on executions that wait; one executor looks after it."""
    save(shared_database, LIMITED.replace("limit: 2", "limit: 1"))
    first, second = pair(make)
    ids = [*ids_in(first.sharing.held, 2), *ids_in(second.sharing.held, 2)]
    for id in ids:
        create(first, id, "limited")
    settle(first, second)
    assert list(states(shared_database).values()).count("RUNNING") == 1
    save(shared_database, LIMITED.replace("limit: 2", "limit: 3"))
    leader = first if first.sharing.leader else second
    leader.executor.call(lambda step: leader.sharing.limit_changed(step, "main/a.b/limited"))
    settle(first, second)
    assert list(states(shared_database).values()).count("RUNNING") == 3
    assert one(shared_database, "select count(*) from slot") == 3


def test_numbers_of_a_block_that_was_not_committed_are_not_used(shared_database: Database, make: Make) -> None:
    """A conflict while a block is taken gives it back: somebody else gets it."""
    save(shared_database, TWO_STEPS)
    first, second = pair(make)
    here, there = ids_in(first.sharing.held, 1)[0], ids_in(second.sharing.held, 1)[0]
    first.sharing._limits.clear()
    link = first.executor.writer._link
    plain = link.run

    def refuse(text: str, params: Any) -> int:
        if text == "commit":
            link.run = plain
            raise StoreConflict("injected")
        return plain(text, params)

    link.run = refuse
    create(first, here)
    first.read()
    first.executor.step()
    assert link.run == plain
    second.sharing._limits.clear()
    create(second, there)
    settle(second, first)
    assert states(shared_database) == {here: "RUNNING", there: "RUNNING"}
    assert one(shared_database, "select count(distinct seq) from execution") == 2
