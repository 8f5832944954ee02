"""Executors that come, go, die and get in each other's way at random (engine notes §2.3, §5; quality.md §2.3 row 15).

Everything is real but the worker, which keeps jobs and results as workers of several executors do: it claims what it
holds of newly announced shards and sends results again until they are acknowledged. Afterwards the laws of the crash
harness must hold.
"""

from __future__ import annotations

import asyncio
import os
import random
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from flowdeck.commands import registry
from flowdeck.engine.executor_store import GuardError
from flowdeck.engine.messages import Done, Evaluate, Run
from flowdeck.model.ids import make_id, shard_of
from flowdeck.model.states import State
from flowdeck.sdk.index import load_catalog
from flowdeck.store.driver import Database, StoreConflict, StoreError, create_schema, open_database
from tests.faults.crash_laws import COUNTS
from tests.support.nodes import Node
from tests.support.postgres import Postgres

CATALOG = load_catalog()
SEEDS = int(os.environ.get("FLOWDECK_TEST_SEEDS") or (20 if os.environ.get("FLOWDECK_TEST_LEVEL") == "all" else 2))
RETURN = "io.kestra.plugin.core.debug.Return"
SUBFLOW = "io.kestra.plugin.core.flow.Subflow"
FLOWS = {
    "plain": f"""
id: plain
namespace: a.b
tasks:
  - {{id: one, type: {RETURN}, format: x, retry: {{type: constant, interval: PT1S, maxAttempts: 3}}}}
  - id: each
    type: io.kestra.plugin.core.flow.ForEach
    values: [1, 2, 3]
    concurrencyLimit: 2
    tasks: [{{id: in, type: {RETURN}, format: "{{{{ taskrun.value }}}}"}}]
""",
    "limited": f"""
id: limited
namespace: a.b
concurrency: {{limit: 2}}
tasks:
  - {{id: one, type: {RETURN}, format: x}}
""",
    "parent": f"""
id: parent
namespace: a.b
tasks:
  - {{id: wait, type: io.kestra.plugin.core.flow.Pause, pauseDuration: PT1S}}
  - {{id: sub, type: {SUBFLOW}, namespace: a.b, flowId: limited, wait: true}}
""",
}


class Crash(Exception):
    """The process ends here."""


class Worker:
    """One worker of all executors."""

    def __init__(self) -> None:
        self.jobs: dict[tuple[int, int], Run | Evaluate] = {}
        self.kept: dict[tuple[int, int], Done] = {}
        self.doors: list[Door] = []

    def claim(self, door: Door, fresh: set[int]) -> None:
        """Say what is held of shards that were announced for the first time; send kept results once more."""
        keys = [key for key, job in self.jobs.items() if isinstance(job, Run) and job.shard in fresh]
        keys += [key for key, done in self.kept.items() if done.shard in fresh]
        door.node.executor.on_claim("w", door.number, keys)
        for done in self.kept.values():
            if done.shard in door.owned:
                door.node.executor.on_done(done, "w")

    def end(self, key: tuple[int, int], state: State, now: int) -> None:
        """A job ends; its result is kept until it is acknowledged."""
        job = self.jobs.pop(key)
        if isinstance(job, Evaluate):
            done = Done(*key, State.SUCCESS, now, now, outputs={"value": job.value})
            for door in self.doors:
                door.node.executor.on_done(done, "w")
            return
        done = self.kept[key] = Done(*key, state, now, now, shard=job.shard)
        for door in self.doors:
            if job.shard in door.owned:
                door.node.executor.on_done(done, "w")


class Door:
    """An executor's gateway."""

    def __init__(self, worker: Worker, node: Node) -> None:
        self.worker = worker
        self.node = node
        self.owned: set[int] = set()
        self.number = 0
        worker.doors.append(self)

    def dispatch(self, job: Any, *, process: bool) -> None:
        self.worker.jobs.setdefault((job.seq, job.fence), job)

    def kill(self, seq: int, fence: int) -> None:
        if (seq, fence) in self.worker.jobs:
            self.worker.end((seq, fence), State.KILLED, self.node.clock[0])

    def ack(self, seq: int, fence: int) -> None:
        self.worker.kept.pop((seq, fence), None)

    def announce(self, owned: Iterable[int]) -> int:
        fresh = set(owned) - self.owned
        self.owned = set(owned)
        self.number += 1
        # The answer comes when the executor reads its sockets, never within the announcement.
        asyncio.get_running_loop().call_soon(lambda: self.worker.claim(self, fresh))
        return self.number

    def release(self, shards: Iterable[int]) -> None:
        """The worker asks the next owner."""


class Simulation:
    """Some executors, and what happens to them."""

    def __init__(self, database: Database, folder: Path, seed: int) -> None:
        self.database = database
        self.folder = folder
        self.random = random.Random(seed)
        self.clock = [1_700_000_000_000]
        self.worker = Worker()
        self.nodes: list[Node] = []
        self.accepted: list[str] = []
        self.numbers = 0
        self.conflicts = True
        self.told: list[str] = []

    async def breathe(self) -> None:
        """Let the worker answer."""
        for _ in range(3):
            await asyncio.sleep(0)

    def add(self) -> None:
        """Another executor starts."""
        node = Node(
            self.database.url,
            self.folder,
            CATALOG,
            clock=self.clock,
            workers=["w"],
            transport=lambda node: Door(self.worker, node),
        )
        node.executor._random = self.random
        link = node.executor.writer._link
        for verb in ("run", "one", "rows", "many"):
            setattr(link, verb, self.unreliable(getattr(link, verb)))
        self.nodes.append(node)

    def unreliable(self, verb: Any) -> Any:
        """Statements that now and then meet another transaction; what is commit or rollback does what it says."""

        def call(text: str, params: Any) -> Any:
            if self.conflicts and text not in ("begin", "rollback", "commit") and self.random.random() < 0.005:
                raise StoreConflict("injected")
            return verb(text, params)

        return call

    def drop(self, node: Node, why: str) -> None:
        """An executor is gone, without a word."""
        self.told.append(f"{node.leases.id[:4]} {why}")
        self.nodes.remove(node)
        self.worker.doors = [door for door in self.worker.doors if door.node is not node]
        node.die()

    async def turn(self, node: Node) -> None:
        """An executor reads its inbox and runs some steps; now and then it dies between commit and effects."""
        crash = self.conflicts and self.random.random() < 0.02
        finish = node.executor._finish

        def cut(batch: Any) -> None:
            if batch.step.open:
                raise Crash
            finish(batch)

        try:
            node.read()
            if crash:
                node.executor._finish = cut  # type: ignore[method-assign]
            for _ in range(self.random.randint(1, 30)):
                if not node.executor.step():
                    break
        except Crash:
            self.drop(node, "died after a commit")
        except (GuardError, StoreError) as error:
            self.drop(node, f"ended: {error}")
        finally:
            node.executor._finish = finish  # type: ignore[method-assign]
        await self.breathe()

    def create(self) -> None:
        """Put a new execution into the inbox of its shard, as a web process does."""
        self.numbers += 1
        id = make_id(self.clock[0], self.random.getrandbits(80))
        flow = self.random.choice(list(FLOWS))
        self.nodes[0].post(shard_of(id), "execution.create", f"k{self.numbers}", namespace="a.b", flow_id=flow, id=id)
        self.accepted.append(id)

    def kill(self) -> None:
        """Kill some execution."""
        id = self.random.choice(self.accepted)
        self.numbers += 1
        self.nodes[0].post(shard_of(id), "execution.kill", f"k{self.numbers}", id=id)

    async def happen(self) -> None:
        """One random thing."""
        chance = self.random.random()
        if chance < 0.25:
            self.create()
        elif chance < 0.3 and self.accepted:
            self.kill()
        elif chance < 0.6 and self.worker.jobs:
            state = State.FAILED if self.random.random() < 0.2 else State.SUCCESS
            self.worker.end(self.random.choice(list(self.worker.jobs)), state, self.clock[0])
        elif chance < 0.63 and len(self.nodes) > 1:
            self.drop(self.random.choice(self.nodes), "killed")
        elif chance < 0.68 and len(self.nodes) < 4:
            self.add()
        elif chance < 0.8:
            await self.look(self.random.choice(self.nodes))
        else:
            self.clock[0] += self.random.randint(0, 700)
        if not self.nodes:
            self.add()
        for node in list(self.nodes):
            if node in self.nodes and self.random.random() < 0.5:
                await self.turn(node)
        if not self.nodes:
            self.add()

    async def look(self, node: Node) -> None:
        """A round of an executor's leases."""
        try:
            taken = node.leases.round()
            if taken:
                node.sharing.taken(taken)
        except (GuardError, StoreError) as error:
            self.drop(node, f"ended: {error}")
        await self.breathe()

    async def calm(self) -> None:
        """Nothing breaks any more: all must come to its end."""
        self.conflicts = False
        for _ in range(400):
            for node in list(self.nodes):
                await self.look(node)
                await self.turn(node)
            for key in list(self.worker.jobs):
                self.worker.end(key, State.SUCCESS, self.clock[0])
            self.clock[0] += 500
            with self.database.reader() as reader:
                waiting = reader.value("select (select count(*) from inbox) + (select count(*) from timer)")
                if not waiting and not reader.value("select count(*) from execution where state < 20"):
                    return
        raise AssertionError(f"no rest: {self.story()}")

    def story(self) -> str:
        """What happened, and what is left."""
        with self.database.reader() as reader:
            left = [tuple(r) for r in reader.all("select id, flow_id, state, shard from execution where state < 20")]
            runs = [tuple(r) for r in reader.all("select seq, fence, task_id, state from task_run where state < 20")]
            boxes = [tuple(r) for r in reader.all("select shard, name, key from inbox")]
        owned = {node.leases.id[:4]: sorted(node.sharing.held)[:3] for node in self.nodes}
        return f"{self.told}\n{left}\n{runs}\n{boxes}\n{owned}\n{list(self.worker.jobs)} {list(self.worker.kept)}"


@pytest.mark.parametrize("seed", range(SEEDS))
def test_nothing_is_lost_or_doubled_whatever_happens_to_the_executors(
    seed: int, postgres: Postgres, tmp_path: Path
) -> None:
    """C1–C5 over 150 random events."""
    database = open_database(postgres.database(f"t{uuid.uuid4().hex[:12]}"), durability="normal")
    create_schema(database)
    writer = database.writer()
    with writer.transaction() as tx:
        for source in FLOWS.values():
            _, error = registry.carry_out(tx, "flow.save", {"tenant": "main", "source": source})
            assert error is None, error
    writer.close()
    simulation = Simulation(database, tmp_path, seed)

    async def run() -> None:
        simulation.add()
        for _ in range(150):
            await simulation.happen()
        await simulation.calm()

    try:
        asyncio.run(run())
        with database.reader() as reader:
            stored = {row[0] for row in reader.all("select id from execution")}
            assert not set(simulation.accepted) - stored
            wrong = {what: n for what, text in COUNTS.items() if (n := reader.value(text))}
        assert not wrong, f"{wrong}\n{simulation.story()}"
        assert not simulation.worker.kept
    finally:
        for node in simulation.nodes:
            node.close()
        database.close()
