"""Executors that share one PostgreSQL within a test: real leases, inboxes and steps; a worker that only keeps jobs."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from flowdeck.commands import registry
from flowdeck.engine.executor import Executor
from flowdeck.engine.inbox import Inbox
from flowdeck.engine.leases import Leases
from flowdeck.engine.messages import Command, Done, Evaluate, Reply, Run
from flowdeck.engine.plans import PlanStore, parser
from flowdeck.engine.scheduler import Scheduler
from flowdeck.engine.sharing import Sharing
from flowdeck.model.catalog import Catalog
from flowdeck.model.errors import revive
from flowdeck.model.states import State
from flowdeck.store.driver import Database, open_database
from flowdeck.store.inbox import send

registry.load_commands()


class Worker:
    """Keeps jobs until the test ends them; knows what an executor announces."""

    def __init__(self) -> None:
        self.jobs: dict[tuple[int, int], Run | Evaluate] = {}
        self.acks: list[tuple[int, int]] = []
        self.kills: list[tuple[int, int]] = []
        self.owned: set[int] = set()
        self.announced = 0

    def dispatch(self, job: Any, *, process: bool) -> None:
        self.jobs[job.seq, job.fence] = job

    def kill(self, seq: int, fence: int) -> None:
        self.kills.append((seq, fence))

    def ack(self, seq: int, fence: int) -> None:
        self.acks.append((seq, fence))

    def announce(self, owned: Iterable[int]) -> int:
        self.owned = set(owned)
        self.announced += 1
        return self.announced

    def release(self, shards: Iterable[int]) -> None:
        gone = set(shards)
        self.jobs = {k: j for k, j in self.jobs.items() if not (isinstance(j, Run) and j.shard in gone)}


class Node:
    """One executor with scheduler; `look` is a round of its leases, `settle` runs several to rest."""

    def __init__(
        self,
        url: str,
        folder: Path | None,
        catalog: Catalog,
        *,
        roles: Iterable[str] = ("executor", "scheduler"),
        length: float = 45.0,
        clock: list[int] | None = None,
        workers: Iterable[str] = (),
        transport: Callable[[Node], Any] | None = None,
    ) -> None:
        self.database: Database = open_database(url, durability="normal")
        self.clock = clock or [1_700_000_000_000]
        self.worker = Worker()
        gateway = transport(self) if transport is not None else self.worker
        self.lost: list[str] = []
        self.lines: list[str] = []
        self.leases = Leases(
            self.database,
            folder,
            roles=roles,
            length=length,
            on_surplus=lambda shards: self.executor.put(self.sharing.leave, shards),
            on_lost=self.lost.append,
        )
        self.sharing = Sharing(self.leases, gateway, lambda: workers)
        self.executor = Executor(
            self.database,
            PlanStore(self.database, parser(catalog)),
            gateway,
            sharing=self.sharing,
            clock=lambda: self.clock[0],
            rand=random.Random(),
            log_line=lambda live, run, level, text, at: self.lines.append(text),
        )
        self.inbox = self.executor.inbox = Inbox(self.executor, self.sharing, self.database)
        self.sharing.held = set(self.leases.start())
        self.executor.claims.announce()
        self.executor.recover(workers)

    def scheduler(self) -> Scheduler:
        """A scheduler in this executor's steps."""
        made = Scheduler(self.executor, self.database)
        self.sharing.on_change.append(made.shards_changed)
        made.load()
        return made

    def look(self) -> list[int]:
        """Renew the lease, take and leave shards; answers those that were taken."""
        taken = self.leases.round()
        if taken:
            self.sharing.taken(taken)
        self.steps()
        return taken

    def read(self) -> int:
        """Take the inbox's rows as inputs; answers how many."""
        rows, given = self.inbox._read(sorted(self.sharing.held), [])
        if rows:
            self.executor.put(self.inbox.apply, rows)
        self.inbox._answered(given)
        return len(rows)

    def steps(self) -> bool:
        """Run until nothing is queued."""
        did = False
        for _ in range(5000):
            if not self.executor.step():
                return did
            did = True
        raise AssertionError("the executor does not come to rest")

    def command(self, name: str, key: str | None = None, **args: Any) -> Any:
        """Carry a command out in this executor, whatever its shard."""
        answers: list[Reply] = []
        self.executor.submit(Command(id=1, name=name, args={"tenant": "main", **args}, key=key), answers.append)
        self.steps()
        assert answers, f"{name} was not answered"
        if answers[0].error:
            raise revive(*answers[0].error)
        return answers[0].result

    def post(self, shard: int, name: str, key: str | None = None, **args: Any) -> None:
        """Put a command into the inbox."""
        writer = self.database.writer()
        try:
            with writer.transaction(self.clock[0]) as tx:
                send(tx, shard, name, {"tenant": "main", **args}, key=key)
        finally:
            writer.close()

    def end(self, job: Run, state: State = State.SUCCESS, **outputs: Any) -> None:
        """The worker reports the end of a job to this executor."""
        self.worker.jobs.pop((job.seq, job.fence), None)
        now = self.clock[0]
        done = Done(job.seq, job.fence, state, now, now, outputs=outputs or None, shard=job.shard)
        self.executor.on_done(done, "w1")

    def die(self) -> None:
        """End as `kill -9` does: no word, the kernel gives lock and connections back."""
        self.executor.writer.close()
        if self.leases._writer is not None:
            self.leases._writer.close()
            self.leases._writer = None
        if self.leases._lock_file is not None:
            self.leases._lock_file.release()
            self.leases._lock_file = None
        self.database.close()

    def close(self) -> None:
        """End in good order."""
        self.executor.writer.close()
        self.leases.leave()
        self.database.close()


def settle(*nodes: Node) -> None:
    """Let executors read their inboxes and step until all rest."""
    for _ in range(200):
        did = [node.steps() | bool(node.read()) for node in nodes]
        if not any(did):
            return
    raise AssertionError("the executors do not come to rest")
