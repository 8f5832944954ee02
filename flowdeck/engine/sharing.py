"""An executor among others (engine notes §2.9): its shards in memory, numbers, limits, and what it tells the others.

PostgreSQL alone; an executor on SQLite has no `Sharing`. Everything here happens in the loop's thread.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Protocol

from flowdeck.engine import recovery
from flowdeck.engine.executor_store import GuardError
from flowdeck.engine.leases import Leases
from flowdeck.engine.timers import Timers
from flowdeck.model.engine import Live, World, control
from flowdeck.model.ids import shard_of
from flowdeck.model.states import State
from flowdeck.store import feed
from flowdeck.store.driver import StoreError, Tx
from flowdeck.store.inbox import send
from flowdeck.store.scopes import lock_scope

if TYPE_CHECKING:
    from flowdeck.engine.executor import Executor
    from flowdeck.engine.executor_step import ExecutorStep

log = logging.getLogger("flowdeck.executor")

BLOCK = 1_000_000
"""Numbers that an executor takes at a time; far more than one step uses."""
LEAP = 8
"""Blocks that a process leaves out when it takes its first one. Log lines lie in files under the numbers of their
executions: numbers whose rows a promoted standby lacks must not be given out again."""
MARGIN = 500_000
"""With fewer numbers left a new block is taken before a step."""
POOLS = {"event": "event", "execution": "row", "run": "row"}
"""Which numbers come from which block: those of executions and of task runs never meet, timers refer to both."""


class SharedTransport(Protocol):
    """What `engine.gateway.Gateway` does besides where workers know several executors."""

    def announce(self, owned: Iterable[int]) -> int:
        """Tell the workers which shards are this executor's; answers the number that their claims name."""
        ...

    def release(self, shards: Iterable[int]) -> None:
        """Forget the jobs of shards that are another executor's from now on."""
        ...


class Sharing:
    """What one executor does because there are others; also the world's `Shared`.

    Args:
        leases: of this process; `start`ed before the executor recovers.
        transport: the gateway to workers.
        live_workers: ids of workers that may still run attempts.
    """

    def __init__(
        self, leases: Leases, transport: SharedTransport, live_workers: Callable[[], Iterable[str]] = tuple
    ) -> None:
        self.leases = leases
        self.transport = transport
        self.held: set[int] = set()  # shards whose executions are in memory, and whose triggers are ours
        self.live_workers = live_workers
        self.executor: Executor
        self.on_change: list[Callable[[list[int]], None]] = []  # told the shards that came or went, after the commit
        self._step: ExecutorStep
        self._before: set[int] = set()
        self._locked: set[str] = set()
        self._published = 0
        self._limits: dict[str, int] = {}

    def owns(self, shard: int) -> bool:
        """Whether this process works on a shard."""
        return shard in self.held

    @property
    def leader(self) -> bool:
        """Whether this process does what only one has to do."""
        return 0 in self.held

    # ── the step ────────────────────────────────────────────────────────────────────────────────────────────────

    def before(self, step: ExecutorStep) -> None:
        """A step begins: others may have saved flows; numbers are at hand."""
        self._step = step
        self._before = set(self.held)
        self._locked.clear()
        self.executor.plans.changed()
        w = step.world
        last = {"event": w.last_event, "execution": w.last_execution, "run": w.last_run}
        short = [name for name, number in last.items() if number + MARGIN > self._limits.get(name, 0)]
        if short:
            self._take_numbers(w, short)

    def _take_numbers(self, w: World, names: Iterable[str]) -> None:
        # In a transaction of its own: a step that is undone must not give numbers back that memory has used.
        taken: dict[str, int] = {}
        with self.executor.writer.transaction(full=True) as tx:
            for name in names:
                pool = POOLS[name]
                ahead = BLOCK * (1 if self._limits.get(name) else 1 + LEAP)
                if tx.one("select 1 from number_block where name = ?", pool) is None:
                    table = {"event": "event", "execution": "execution", "run": "task_run"}
                    highest = [tx.value(f"select max(seq) from {table[n]}") or 0 for n in table if POOLS[n] == pool]
                    tx.sql(
                        "insert into number_block (name, last) values (?, ?) on conflict do nothing", pool, max(highest)
                    )
                taken[name] = tx.value(
                    "update number_block set last = last + ? where name = ? returning last", ahead, pool
                )
        for name, limit in taken.items():  # only now: a block that was not committed is given to somebody else
            self._limits[name] = limit
            setattr(w, f"last_{name}", limit - BLOCK)

    def undone(self) -> None:
        """The step is undone: shards are as they were before it."""
        self.held = self._before

    def fence(self, tx: Tx) -> None:
        """A step's transaction begins: it must be ours to write."""
        self.leases.fence(tx)

    def publish(self, step: ExecutorStep) -> None:
        """A step's transaction ends: others learn of its events when it commits."""
        if step.feed:
            feed.append(step.tx, self.leases.id, self._published + 1, step.feed)

    def committed(self, step: ExecutorStep) -> None:
        """The step is committed."""
        self._published += bool(step.feed)

    # ── shards come and go ──────────────────────────────────────────────────────────────────────────────────────

    def take(self, step: ExecutorStep, shards: list[int]) -> None:
        """Load the executions of shards that are this process's now, and let them go on."""
        fresh = [shard for shard in shards if shard in self.leases.owned and shard not in self.held]
        if not fresh:
            return
        try:
            self._take(step, fresh)
        except (GuardError, StoreError):
            raise
        except Exception as error:
            # Shards that are ours and not in memory would stand still: the next start says the same, or does better.
            raise GuardError(f"the executions of new shards can't be read: {type(error).__name__}: {error}") from error

    def _take(self, step: ExecutorStep, fresh: list[int]) -> None:
        step.flush()
        w, executor = step.world, self.executor
        known = set(w.executions)
        recovery.load_world(step.tx, executor.plans, w, fresh)
        executor.timers = Timers(w.timers.items())
        self.held.update(fresh)
        executor.claims.took([live for seq, live in w.executions.items() if seq not in known], self.live_workers())
        w.effect((lambda changed, _: self._changed(changed), fresh, None))

    def taken(self, shards: list[int]) -> None:
        """The leases say that shards are ours: they are loaded in the next step."""
        # Numbers that are higher than all that the former owner used: versions and events go on upwards.
        self._limits.clear()
        self.executor.put(self.take, shards)

    def leave(self, step: ExecutorStep, shards: list[int]) -> None:
        """Hand shards over: their executions leave memory, the next owner finds them as this step leaves them."""
        going = {shard for shard in shards if shard in self.leases.owned}
        step.flush()
        w, executor = step.world, self.executor
        gone = [live for live in w.executions.values() if live.shard in going]
        refs = {live.seq for live in gone} | {seq for live in gone for seq in live.open}
        strays = [seq for seq, run in w.strays.items() if run.execution.shard in going]
        for seq in strays:
            del w.strays[seq]
        refs.update(strays)
        for key in [key for key in w.timers if key[1] in refs]:
            del w.timers[key]
        for seqs in list(w.slots.values()):
            seqs -= refs
        todo = [work for work in w.todo if not _about(work[1], going)]
        w.todo.clear()
        w.todo.extend(todo)
        for live in gone:
            w.evict(live)
        executor.claims.forget(refs)
        self.held -= going
        self.leases.release(step.tx, going)
        w.effect((lambda left, _: self._left(left), sorted(going), None))

    def _left(self, shards: list[int]) -> None:
        self.leases.released(shards)
        self.transport.release(shards)
        self._changed(shards)

    def _changed(self, shards: list[int]) -> None:
        self.executor.claims.announce()
        for listener in self.on_change:
            listener(shards)

    # ── limits over all executors (the world's `Shared`) ────────────────────────────────────────────────────────

    def look(self, scope: str) -> None:
        """Hold a limit until the end of the step and read who has a place and who waits."""
        if scope in self._locked:
            return
        step = self._step
        step.flush()
        lock_scope(step.tx, f"slot {scope}")
        self._locked.add(scope)
        w = step.world
        w.slots[scope] = {row[0] for row in step.tx.all("select execution_seq from slot where scope = ?", scope)}
        waiting = {
            row[0]: row[1]
            for row in step.tx.all("select execution_seq, queued from waiting where scope = ? order by seq", scope)
        }
        if waiting:
            w.waiting[scope] = waiting
        else:
            w.waiting.pop(scope, None)

    def admit(self, scope: str, seq: int) -> bool | None:
        """Give a place to an execution in another executor's memory, and tell that one."""
        step = self._step
        row = step.tx.one("select id, tenant, namespace, flow_id, shard, state from execution where seq = ?", seq)
        if row is None or row["state"] != int(State.QUEUED) or row["shard"] in self.held:
            return None
        w = step.world
        try:
            limit = w.flows.plan(row["tenant"], row["namespace"], row["flow_id"]).flow.concurrency
        except LookupError:
            limit = None
        if limit is not None:
            if len(w.slots.get(scope, ())) >= limit.limit:
                return False
            step.tx.sql("insert into slot (scope, execution_seq) values (?, ?) on conflict do nothing", scope, seq)
        step.tx.sql("delete from waiting where execution_seq = ?", seq)
        send(step.tx, row["shard"], "execution.admitted", {"id": row["id"], "seq": seq, "scope": scope})
        return True

    def admitted(self, step: ExecutorStep, args: dict[str, Any]) -> None:
        """Another executor has given one of ours its place."""
        w, scope, seq = step.world, args["scope"], args["seq"]
        live = w.by_id.get(args["id"])
        w.waiting.get(scope, {}).pop(seq, None)
        if live is not None and live.state is State.QUEUED:
            w.slots.setdefault(scope, set()).add(seq)
            w.changes.barrier = True
            control.start(w, live)
        else:  # it was killed meanwhile: the place is free
            self.look(scope)
            step.tx.sql("delete from slot where scope = ? and execution_seq = ?", scope, seq)
            w.slots.get(scope, set()).discard(seq)
            w.later("admit", scope)

    def limit_changed(self, step: ExecutorStep, scope: str) -> None:
        """A flow was saved or deleted: more may run now."""
        if step.tx.one("select 1 from waiting where scope = ?", scope) is not None:
            step.world.later("admit", scope)

    def root_id(self, now: int) -> str:
        """An id whose shard is ours."""
        while True:
            id = self.executor.world.new_id(now)
            if not any(shard < 64 for shard in self.held) or shard_of(id) in self.held:
                return id

    def create_elsewhere(self, args: dict[str, Any]) -> bool:
        """Put a creation into the inbox of its owner; false when that is this executor."""
        shard = shard_of(args["id"])
        if shard in self.held:
            return False
        send(self._step.tx, shard, "execution.create", args, key=f"trigger:{args['id']}")
        return True


def _about(subject: Any, shards: set[int]) -> bool:
    """Whether work that was put off is about an execution of these shards."""
    if isinstance(subject, tuple) and subject:
        subject = subject[0]
    live = subject if isinstance(subject, Live) else getattr(subject, "execution", None)
    return isinstance(live, Live) and live.shard in shards
