"""`services.backend.Core` over PostgreSQL: what `web` sends to the engine, and what it hears (notes §2.1, §2.9).

Commands whose effect is rows only are carried out here, each in a transaction of its own. Commands about executions
become rows of `inbox`, which the executor that owns the shard carries out. Changes of all processes are read from the
table `feed`. Notifications say when to look; without them everything is found a second later.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import queue
import random
import secrets
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import msgspec

from flowdeck.commands import registry
from flowdeck.engine.accepted import AcceptedCommands
from flowdeck.engine.bus import REPEATABLE
from flowdeck.engine.feed_reader import FeedReader
from flowdeck.engine.followed import announce
from flowdeck.engine.frames import valid
from flowdeck.model.errors import DomainError, Unavailable, revive
from flowdeck.model.ids import SHARDS, shard_of
from flowdeck.store import feed, inbox
from flowdeck.store.driver import Database, StoreConflict, StoreError, StoreUnavailable, Tx
from flowdeck.store.listen import Listener
from flowdeck.store.scribe import TRIES, Scribe

log = logging.getLogger("flowdeck.cluster")

WRITERS = 4
"""Threads that carry out commands, each with a connection of its own."""
ANSWER_WAIT = 30.0
"""Seconds after which a sent command counts as unanswered."""
SLOW_POLL = 1.0
"""Seconds between looks that no notification asked for."""
DEAF_POLL = 0.1
"""The same while notifications are not heard: at the start, after a lost connection."""
FOLLOW_EVERY = 4.0
FLEETING = frozenset({"session.touch", "service.heartbeat"})
"""Commands whose loss in a power cut harms nobody."""
UNKEPT = frozenset({"evaluate", "trigger.try"})
"""Commands whose answers hold values of somebody's data: deleted as soon as they are read."""


@dataclass(slots=True)
class _Letter:
    """A command on its way to the inbox."""

    name: str
    args: str
    key: str
    shard: int | None
    execution: str | None
    tenant: str | None
    principal: str | None
    dropped: bool = False


Post = _Letter | list[str] | str
"""A command, ids of executions to follow, or the key of an answer that is of no use any more."""


@dataclass(slots=True, eq=False)
class _Asked:
    """A command whose answer is awaited."""

    letter: _Letter
    future: asyncio.Future[Any]
    waiters: int = 0


class ClusterClient:
    """The end of `web`, or of any process that writes without being an executor. Belongs to one event loop.

    Args:
        database: opened for this process; readers are borrowed, writers are opened as needed.
    """

    def __init__(self, database: Database) -> None:
        self.accepted = AcceptedCommands()
        self._database = database
        self._pool = ThreadPoolExecutor(WRITERS, thread_name_prefix="commands")
        self._local = threading.local()
        self._scribes: list[Scribe] = []
        self._post: queue.SimpleQueue[Post | None] = queue.SimpleQueue()
        self._open: dict[str, _Asked] = {}
        self._followed: list[str] = []
        self._told: set[str] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._changes: FeedReader
        self._answered = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._comparing: asyncio.Task[None] | None = None
        self._listener: Listener | None = None
        self._postman: threading.Thread | None = None
        self._closing = False

    @property
    def connected(self) -> bool:
        """Whether the database answers at the moment; true before anything was asked of it."""
        return self._listener is None or self._listener.connected.is_set()

    # ── commands ────────────────────────────────────────────────────────────────────────────────────────────────

    async def send(
        self,
        name: str,
        args: dict[str, Any],
        *,
        key: str | None = None,
        principal: str | None = None,
        timeout: float = 5.0,
    ) -> Any:
        """Carry out a command and answer its result.

        Args:
            key: idempotency key of the caller; a fresh one is made where repeating would harm.
            principal: username, for `by` and audit.
            timeout: seconds to wait while the database or the owner of the shard is away.
        Raises:
            DomainError: the command was refused (`model.errors`).
            Unavailable: the engine is away, or did not answer.
        """
        if self._closing:
            raise Unavailable("the server is stopping", retry_after=1)
        self._start()
        if not registry.COMMANDS:
            registry.load_commands()
        if key is None and name not in REPEATABLE:
            key = secrets.token_hex(12)
        args = _plain(args)
        if name in registry.COMMANDS:
            return await self._carry_out(name, args, key, principal, timeout)
        return await self._ask(name, args, key or secrets.token_hex(12), principal, timeout)

    async def _carry_out(
        self, name: str, args: dict[str, Any], key: str | None, principal: str | None, timeout: float
    ) -> Any:
        until = time.monotonic() + timeout

        def work(tx: Tx) -> Any:
            return registry.carry_out(tx, name, args, key=key, principal=principal)

        def transaction() -> Any:
            return self._scribe().transaction(work, full=name not in FLEETING, serializable=True, until=until)

        try:
            answer = await asyncio.get_running_loop().run_in_executor(self._pool, transaction)
        except StoreUnavailable:
            raise Unavailable("the database can't be written now", retry_after=5) from None
        except StoreError as error:
            log.exception("command %s failed", name)
            raise DomainError(f"command {name} failed: {type(error).__name__}") from None
        result = _plain(registry.result_or_raise(answer))
        if key is not None and name not in FLEETING:
            self.accepted.add(key, name)
        return result

    def _scribe(self) -> Scribe:
        scribe = getattr(self._local, "scribe", None)
        if scribe is None:
            scribe = self._local.scribe = Scribe(self._database)
            self._scribes.append(scribe)
        return scribe

    async def _ask(self, name: str, args: dict[str, Any], key: str, principal: str | None, timeout: float) -> Any:
        asked = self._open.get(key)
        if asked is None:
            future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
            asked = self._open[key] = _Asked(_letter(name, args, key, principal), future)
            self._post.put(asked.letter)
        asked.waiters += 1
        began = time.monotonic()
        limit = timeout
        try:
            while True:
                try:
                    return await asyncio.wait_for(asyncio.shield(asked.future), limit)
                except TimeoutError:
                    late = time.monotonic() - began >= ANSWER_WAIT
                    if await self._given_up(asked.letter, late):
                        raise Unavailable("the engine can't be reached", retry_after=5) from None
                    if late:
                        raise Unavailable("the engine did not answer in time", retry_after=5) from None
                    limit = min(timeout, ANSWER_WAIT - (time.monotonic() - began) + 0.1)
        finally:
            asked.waiters -= 1
            if not asked.waiters:
                self._open.pop(key, None)

    async def _given_up(self, letter: _Letter, whatever: bool) -> bool:
        """Take a command back whose shard has no owner (or in any case); false: somebody is at it."""

        def work(tx: Tx) -> bool:
            if not whatever and letter.shard is not None and inbox.owned(tx, letter.shard):
                return False
            if inbox.withdraw(tx, letter.key):
                return True
            return letter.shard is None

        def transaction() -> bool:
            return self._scribe().transaction(work, full=False, serializable=False, until=time.monotonic() + 2)

        try:
            gone = await asyncio.get_running_loop().run_in_executor(self._pool, transaction)
        except StoreError:
            gone = True  # the database is away, too
        letter.dropped = letter.dropped or gone
        return gone

    # ── the inbox ───────────────────────────────────────────────────────────────────────────────────────────────

    def _deliver(self) -> None:
        """The postman's thread: all letters of a moment go in one transaction."""
        scribe = Scribe(self._database)
        try:
            while True:
                first = self._post.get()
                if first is None:
                    return
                letters = [first]
                while not self._post.empty() and len(letters) < 500:
                    more = self._post.get()
                    if more is None:
                        return
                    letters.append(more)
                if not self._hand_in(scribe, letters, 5):
                    for letter in letters:  # what keeps one from being written must not keep the others
                        self._hand_in(scribe, [letter], TRIES)
        finally:
            scribe.close()

    def _hand_in(self, scribe: Scribe, letters: list[Post], tries: int) -> bool:
        """Write letters in one transaction; false when others were in the way again and again."""
        try:
            scribe.transaction(
                lambda tx: self._write(tx, letters),
                full=False,  # the answer is only given when the executor's transaction is safe
                serializable=False,
                until=time.monotonic() + 5,
                tries=tries,
            )
        except StoreError as error:
            if isinstance(error, StoreConflict) and tries < TRIES:
                return False
            log.warning("commands can't be sent: %s", str(error).splitlines()[:1])
        return True

    @staticmethod
    def _write(tx: Tx, letters: Iterable[Post]) -> None:
        for letter in letters:
            if isinstance(letter, list):
                announce(tx, letter)
                continue
            if isinstance(letter, str):
                tx.sql("delete from command_answer where key = ?", letter)
                continue
            if letter.dropped:
                continue
            if letter.shard is None:
                letter.shard = _shard(tx, letter)
            if not inbox.answers(tx, [letter.key]):
                inbox.send(tx, letter.shard, letter.name, letter.args, key=letter.key, principal=letter.principal)
            else:
                tx.value("select pg_notify(:channel, :key)", channel=inbox.ANSWER, key=letter.key)

    async def _read_answers(self) -> None:
        """Fetch answers when a notification says so, and every second while somebody waits."""
        while True:
            pause = SLOW_POLL if self.connected else DEAF_POLL
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._answered.wait(), pause)
            self._answered.clear()
            keys = list(self._open)
            if not keys:
                continue
            try:
                found = await self._in_thread(lambda reader, keys=keys: inbox.answers(reader, keys))
            except StoreError as error:
                log.warning("answers can't be read: %s", str(error).splitlines()[:1])
                continue
            for key, answer in found.items():
                asked = self._open.get(key)
                if asked is None or asked.future.done():
                    continue
                if asked.letter.name in UNKEPT:
                    self._post.put(key)
                if "error" in answer:
                    code, message, detail = answer["error"]
                    asked.future.set_exception(revive(code, message, detail))
                    asked.future.exception()  # nobody may wait for it any more
                else:
                    asked.future.set_result(answer.get("result"))
                    if asked.letter.name not in UNKEPT:
                        self.accepted.add(key, f"{asked.letter.name} {asked.letter.execution or ''}".rstrip())

    async def _in_thread(self, query: Callable[[Any], Any]) -> Any:
        def work() -> Any:
            with self._database.reader() as reader:
                return query(reader)

        return await asyncio.to_thread(work)

    # ── the feed ────────────────────────────────────────────────────────────────────────────────────────────────

    def follow(self, executions: Iterable[str]) -> None:
        """The whole list of executions whose log lines are wanted."""
        self._followed = sorted(executions)
        fresh = [id for id in self._followed if id not in self._told]
        self._told = set(self._followed)
        if fresh:
            self._start()
            self._post.put(fresh)

    def feed(self) -> AsyncIterator[list[dict[str, Any]]]:
        """Committed changes of all processes; those of one process in order. A gap gives `{"kind": "reset"}`."""
        self._start()
        return self._changes.subscribe()

    # ── life ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _start(self) -> None:
        if self._loop is not None:
            return
        self._loop = asyncio.get_running_loop()
        self._changes = FeedReader(self._database)
        self._listener = Listener(
            self._database.url, (feed.CHANNEL, inbox.ANSWER), self._notified, self._missed
        ).start()
        self._postman = threading.Thread(target=self._deliver, name="inbox", daemon=True)
        self._postman.start()
        self._tasks = [
            asyncio.create_task(self._changes.run()),
            asyncio.create_task(self._read_answers()),
            asyncio.create_task(self._keep_following()),
        ]

    def _notified(self, channel: str, payload: str) -> None:
        loop = self._loop
        if loop is None or loop.is_closed():
            return
        if channel == inbox.ANSWER:
            if payload in self._open:
                loop.call_soon_threadsafe(self._answered.set)
            return
        source = payload.partition(" ")[0]
        if self._changes.watched:
            loop.call_soon_threadsafe(self._changes.hear, source)

    def _missed(self) -> None:
        """Notifications may be missing; after a crash of the database, letters too."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._look_everywhere)

    def _look_everywhere(self) -> None:
        self._changes.reconnected()
        self._comparing = asyncio.create_task(self._compare())
        self._answered.set()
        for asked in list(self._open.values()):
            self._post.put(asked.letter)

    async def _compare(self) -> None:
        """Look whether the database that answers now has what was promised."""
        for pause in (0.0, 1.0, 5.0, 20.0):
            await asyncio.sleep(pause)
            with contextlib.suppress(StoreError):
                await self._in_thread(self.accepted.compare)
                return

    async def _keep_following(self) -> None:
        while True:
            await asyncio.sleep(FOLLOW_EVERY)
            if self._followed:
                self._post.put(self._followed)

    async def close(self) -> None:
        """End all connections; waiting commands are refused."""
        self._closing = True
        if self._comparing is not None:
            self._tasks.append(self._comparing)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._post.put(None)
        for asked in list(self._open.values()):
            if not asked.future.done():
                asked.future.set_exception(Unavailable("the server is stopping", retry_after=1))
        if self._listener is not None:
            await asyncio.to_thread(self._listener.stop)
        await asyncio.to_thread(self._pool.shutdown)
        for scribe in self._scribes:
            scribe.close()


def _plain(value: Any) -> Any:
    """A value as it would come out of a frame: lists, maps, texts that are UTF-8 (`engine.frames`)."""
    try:
        return msgspec.json.decode(msgspec.json.encode(value))
    except UnicodeEncodeError:
        return msgspec.json.decode(msgspec.json.encode(valid(value)))


def _letter(name: str, args: dict[str, Any], key: str, principal: str | None) -> _Letter:
    execution = args.get("id") if name.startswith("execution.") else None
    shard = None
    if name == "execution.create" and execution:
        shard = shard_of(execution)
    elif execution is None:
        shard = random.randrange(SHARDS)  # anybody can do it
    return _Letter(name, json.dumps(args, default=str), key, shard, execution, args.get("tenant"), principal)


def _shard(tx: Tx, letter: _Letter) -> int:
    found = tx.value("select shard from execution where id = :id", id=letter.execution)
    return shard_of(str(letter.execution)) if found is None else found
