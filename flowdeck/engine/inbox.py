"""Commands for the owner of a shard (engine notes §2.1): rows of `inbox`, read by the executor that owns the shard.

A row is deleted by the step that carries it out, in the same transaction: it takes effect once, whoever owned the
shard when it was written. Its answer is stored under its key and told on `ANSWER`. A notification that is lost costs
the time until the next look; one that comes twice finds no row.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flowdeck.commands import registry
from flowdeck.engine.executor_step import Promise
from flowdeck.engine.messages import Command, Reply
from flowdeck.engine.sharing import Sharing
from flowdeck.model.errors import IllegalArgument
from flowdeck.model.ids import shard_of
from flowdeck.store.driver import Database, StoreError, Tx
from flowdeck.store.inbox import ANSWER, answers, send
from flowdeck.store.listen import notify

if TYPE_CHECKING:
    from flowdeck.engine.executor import Executor
    from flowdeck.engine.executor_step import ExecutorStep

log = logging.getLogger("flowdeck.executor")

SLOW_POLL = 1.0
"""Seconds between looks that no notification asked for."""
RANGE = 500
"""Most rows of one look."""
TOGETHER = 50
"""Rows that are carried out as one input: they share their statements, and some milliseconds."""
ANSWER_WAIT = 30.0
"""Seconds that a command that was handed on waits for its answer."""


def forget_execution(tx: Tx, args: dict[str, Any]) -> None:
    """An execution that a trigger wanted is refused: the trigger does not wait for its end."""
    trigger = args.get("trigger") or {}
    if args.get("id") and tx.sql("update trigger_state set execution_id = null where execution_id = ?", args["id"]):
        place = f"triggers:{args['namespace']}/{args['flow_id']}"
        tx.notify(place, "changed", str(trigger.get("id")), tenant=args["tenant"])


@dataclass(slots=True)
class Row:
    """A row of `inbox`."""

    number: int
    shard: int
    name: str
    args: dict[str, Any]
    key: str | None
    principal: str | None


class Inbox:
    """Reads the rows of this process's shards and carries them out; hands commands on to other owners.

    Args:
        executor: whose inputs the rows become.
        sharing: which shards are ours.
        database: for reading.
    """

    def __init__(self, executor: Executor, sharing: Sharing, database: Database) -> None:
        self._executor = executor
        self._sharing = sharing
        self._database = database
        self._queued: set[int] = set()
        self._wake = asyncio.Event()
        self._awaited: dict[str, tuple[Callable[[Reply], None], int, float]] = {}

    def wake(self) -> None:
        """Look now; in the loop's thread."""
        self._wake.set()

    def awaits(self, key: str) -> bool:
        """Whether somebody here waits for the answer to a key; from any thread."""
        return key in self._awaited

    async def run(self) -> None:
        """Look whenever a notification says so, and every second."""
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), SLOW_POLL)
            self._wake.clear()
            try:
                rows, given = await asyncio.to_thread(self._read, sorted(self._sharing.held), list(self._queued))
            except StoreError as error:
                log.warning("the inbox can't be read: %s", str(error).splitlines()[0])
                await asyncio.sleep(SLOW_POLL)
                continue
            fresh = [row for row in rows if row.number not in self._queued]
            self._queued.update(row.number for row in fresh)
            for start in range(0, len(fresh), TOGETHER):
                self._executor.put(self.apply, fresh[start : start + TOGETHER])
            if len(rows) == RANGE:
                self._wake.set()
            self._answered(given)

    def _read(self, shards: list[int], queued: list[int]) -> tuple[list[Row], list[tuple[str, Any]]]:
        awaited = list(self._awaited)
        with self._database.reader() as reader:
            found = reader.all(
                "select seq, shard, name, args, key, principal from inbox where shard = any(?) and seq <> all(?)"
                f" order by seq limit {RANGE}",
                shards,
                queued,
            )
            given = answers(reader, awaited) if awaited else {}
        rows = [Row(r[0], r[1], r[2], json.loads(r[3]), r[4], r[5]) for r in found]
        return rows, list(given.items())

    # ── carrying out ────────────────────────────────────────────────────────────────────────────────────────────

    def apply(self, step: ExecutorStep, rows: list[Row]) -> None:
        """Carry rows out within a step, in their order, and delete them."""
        step.world.effect((lambda numbers, _: self._queued.difference_update(numbers), [r.number for r in rows], None))
        ours = [row for row in rows if self._sharing.owns(row.shard)]
        if not ours:
            return  # handed over meanwhile: the next owner finds them
        # What is gone was withdrawn, or carried out before.
        there = {
            found[0]
            for found in step.tx.all(
                "delete from inbox where seq = any(?) returning seq", ([row.number for row in ours],)
            )
        }
        known = answers(step.tx, [row.key for row in ours if row.key is not None])
        given: list[tuple[str, str, int]] = []
        for row in ours:
            if row.number not in there or row.key in known:
                continue
            if row.name == "execution.admitted":
                self._sharing.admitted(step, row.args)
                continue
            result, error = self._command(step, row)
            if isinstance(result, Promise):
                result.reply = lambda value, failure, row=row: self._executor.put(self._late, (row.key, value, failure))
            elif row.key is not None:
                answer = {"result": result} if error is None else {"error": error}
                given.append((row.key, json.dumps(answer, default=str), step.now))
        step.tx.many("insert into command_answer (key, answer, created) values (?, ?, ?)", given)
        told = [*known, *(key for key, _, _ in given)]
        if told:
            step.tx.send("select pg_notify(?, k) from unnest(?::text[]) k", [(ANSWER, told)])

    def _command(self, step: ExecutorStep, row: Row) -> tuple[Any, Any]:
        if row.name not in registry.ENGINE_COMMANDS:
            return None, registry.failure(IllegalArgument(f"unknown command {row.name!r}"))
        command = Command(id=0, name=row.name, args=row.args, key=row.key, principal=row.principal)
        result, error = self._executor.commands.engine_command(step, command)
        if error is not None and row.name == "execution.create":
            forget_execution(step.tx, row.args)
        return result, error

    @staticmethod
    def _late(step: ExecutorStep, answer: tuple[str | None, Any, Any]) -> None:
        key, value, failure = answer
        if key is not None and registry.stored_answer(step.tx, key) is None:
            registry.store_answer(step.tx, key, value, failure)
            notify(step.tx, ANSWER, key)

    def refuse(self, step: ExecutorStep, row: Row) -> None:
        """A row that can't be carried out by a fault of ours: it is answered and goes."""
        self._queued.discard(row.number)
        if not self._sharing.owns(row.shard) or not step.tx.sql("delete from inbox where seq = ?", row.number):
            return
        log.error("command %s of the inbox failed", row.name)
        if row.name == "execution.create":
            forget_execution(step.tx, row.args)
        self._late(step, (row.key, None, ("DomainError", f"command {row.name} failed", {})))

    # ── handing on ──────────────────────────────────────────────────────────────────────────────────────────────

    def hand_on(self, step: ExecutorStep, command: Command, answer: Callable[[Reply], None]) -> bool:
        """Give a command about another's execution to its owner; false when it is ours to carry out."""
        shard = self.shard(step, command)
        if shard is None or self._sharing.owns(shard):
            return False
        key = command.key or f"on-{secrets.token_hex(12)}"
        send(step.tx, shard, command.name, command.args, key=key, principal=command.principal)
        self._awaited[key] = (answer, command.id, time.monotonic() + ANSWER_WAIT)
        return True

    @staticmethod
    def shard(step: ExecutorStep, command: Command) -> int | None:
        """The shard that an engine command is about; None for one that any executor can carry out."""
        args = command.args
        if command.name == "execution.create":
            above = args.get("parent_execution")
            if above is None:
                return shard_of(args["id"]) if args.get("id") else None
            return step.tx.value("select shard from execution where id = ?", above)
        if not command.name.startswith("execution.") or not args.get("id"):
            return None
        live = step.world.by_id.get(args["id"])
        return live.shard if live is not None else step.tx.value("select shard from execution where id = ?", args["id"])

    def _answered(self, given: list[tuple[str, Any]]) -> None:
        for key, answer in given:
            waiting = self._awaited.pop(key, None)
            if waiting is not None:
                error = answer.get("error")
                waiting[0](Reply(id=waiting[1], result=answer.get("result"), error=tuple(error) if error else None))
        now = time.monotonic()
        for key in [key for key, waiting in self._awaited.items() if waiting[2] < now]:
            reply, number, _ = self._awaited.pop(key)
            error = ("Unavailable", "the engine did not answer in time", {"retry_after": 5})
            reply(Reply(id=number, error=error))
