"""Commands from `web` to `core` and the feed back, over a unix socket (engine notes §2.1).

`CommandServer` hands each command to the core loop, which applies it in its next group commit and answers after it.
`CoreClient` survives a restart of core: commands wait for the connection, unanswered ones are sent again with their
idempotency key, so that each takes effect once.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import random
import secrets
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from flowdeck.engine.feed import FeedHub
from flowdeck.engine.frames import FrameProtocol
from flowdeck.engine.messages import Command, Feed, Follow, Reply, Subscribe
from flowdeck.model.errors import Unavailable, revive

log = logging.getLogger("flowdeck.bus")

Answer = Callable[[Reply], None]
Submit = Callable[[Command, Answer], None]
"""`submit(command, answer)`: called in the loop's thread; `answer` is used once, after the commit."""

ANSWER_WAIT = 30.0
"""Seconds after which a sent command counts as unanswered."""
LOST_WAIT = 5.0
"""Seconds that sent commands wait for a lost core to come back."""
REPEATABLE = frozenset({"session.touch", "service.heartbeat", "settings.put"})
"""Commands that may take effect twice; they carry no key unless the caller gives one, which saves a row."""


class CommandServer:
    """Core's end.

    Args:
        path: of the socket; replaced when it exists.
        submit: takes commands into the loop.
        hub: feed that subscribers are added to.
    """

    def __init__(self, path: Path, submit: Submit, hub: FeedHub) -> None:
        self.path = path
        self._submit = submit
        self._hub = hub
        self._links: set[FrameProtocol] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen; only this user may connect."""
        with contextlib.suppress(FileNotFoundError):
            self.path.unlink()
        loop = asyncio.get_running_loop()
        before = os.umask(0o077)
        try:
            self._server = await loop.create_unix_server(
                lambda: FrameProtocol(self._received, self._closed, self._links.add), str(self.path), backlog=256
            )
        finally:
            os.umask(before)

    async def stop(self) -> None:
        """Close all connections and take the socket away."""
        if self._server is not None:
            self._server.close()
        for link in list(self._links):
            link.close()
        with contextlib.suppress(FileNotFoundError):
            self.path.unlink()

    def _received(self, link: FrameProtocol, messages: list[Any]) -> None:
        for message in messages:
            if isinstance(message, Command):
                self._submit(message, link.send)
            elif isinstance(message, Subscribe):
                self._hub.add(link, message.since, message.epoch)
            elif isinstance(message, Follow):
                self._hub.follow(link, message.executions)
            else:
                log.warning("unexpected %s on the command socket", type(message).__name__)
                link.close()

    def _closed(self, link: FrameProtocol) -> None:
        self._links.discard(link)
        self._hub.remove(link)


class CoreClient:
    """The end of `web`, or of any process that writes. Belongs to one event loop; starts on first use."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._ids = 0
        self._prefix = secrets.token_hex(8)
        self._open: dict[int, tuple[Command, asyncio.Future[Any]]] = {}
        self._link: FrameProtocol | None = None
        self._connected = asyncio.Event()
        self._connecting: asyncio.Task[None] | None = None
        self._feeds: set[FrameProtocol] = set()
        self._followed: list[str] = []
        self._closing = False

    @property
    def connected(self) -> bool:
        """Whether core answers at the moment."""
        return self._link is not None

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
            timeout: seconds to wait while core is away.
        Raises:
            DomainError: the command was refused (`model.errors`).
            Unavailable: core is away, or did not answer.
        """
        if self._closing:
            raise Unavailable("the server is stopping", retry_after=1)
        self._ensure()
        if self._link is None:
            try:
                await asyncio.wait_for(self._connected.wait(), timeout)
            except TimeoutError:
                raise Unavailable("the engine can't be reached", retry_after=5) from None
        self._ids += 1
        number = self._ids
        if key is None and name not in REPEATABLE:
            key = f"{self._prefix}-{number}"
        message = Command(id=number, name=name, args=args, key=key, principal=principal)
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._open[number] = (message, future)
        try:
            if self._link is not None:
                self._link.send(message)
            return await asyncio.wait_for(future, max(ANSWER_WAIT, timeout))
        except TimeoutError:
            raise Unavailable("the engine did not answer in time", retry_after=5) from None
        finally:
            self._open.pop(number, None)

    def follow(self, executions: list[str]) -> None:
        """Say whose log lines the feed shall carry; replaces what was said before."""
        self._followed = list(executions)
        for link in self._feeds:
            link.send(Follow(executions=self._followed))

    async def feed(self) -> AsyncIterator[list[dict[str, Any]]]:
        """Committed events in order, for ever.

        A `{"kind": "reset"}` event says that some were missed (core was restarted, or the reader was too slow): read
        again what rests on them. It is the first one too: what was read before core knew of this subscriber may be old.
        """
        since: int | None = None
        epoch = ""
        pause = 0.02
        while not self._closing:
            queue: asyncio.Queue[Feed | None] = asyncio.Queue()
            link = await self._connect(
                lambda _, messages, queue=queue: [queue.put_nowait(m) for m in messages if isinstance(m, Feed)],
                lambda _, queue=queue: queue.put_nowait(None),
            )
            if link is None:
                pause = min(pause * 2, 0.5)
                await asyncio.sleep(pause * random.uniform(0.5, 1))
                continue
            pause = 0.02
            self._feeds.add(link)
            link.send(Subscribe(since=since, epoch=epoch))
            if self._followed:
                link.send(Follow(executions=self._followed))
            try:
                while (feed := await queue.get()) is not None:
                    if feed.first:
                        subscribed, epoch, since = since is None, feed.epoch, feed.first + len(feed.events)
                        if subscribed:
                            yield [{"kind": "reset"}]
                    if feed.events:
                        yield feed.events
            finally:
                self._feeds.discard(link)
                link.abort()

    async def close(self) -> None:
        """End all connections; waiting commands are refused."""
        self._closing = True
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.gather(self._connecting, return_exceptions=True)
        for link in [*self._feeds, *([self._link] if self._link else [])]:
            link.close()
        for _, future in list(self._open.values()):
            if not future.done():
                future.set_exception(Unavailable("the server is stopping", retry_after=1))

    def _ensure(self) -> None:
        if self._link is None and (self._connecting is None or self._connecting.done()):
            self._connecting = asyncio.get_running_loop().create_task(self._reconnect())

    async def _connect(self, on_messages: Any, on_closed: Any) -> FrameProtocol | None:
        loop = asyncio.get_running_loop()
        try:
            _, link = await loop.create_unix_connection(lambda: FrameProtocol(on_messages, on_closed), str(self.path))
        except OSError:
            return None
        return link

    async def _reconnect(self) -> None:
        pause = 0.01
        while not self._closing:
            link = await self._connect(self._received, self._lost)
            if link is not None:
                self._link = link
                self._connected.set()
                for message, future in list(self._open.values()):
                    if not future.done():
                        link.send(message)
                return
            await asyncio.sleep(pause * random.uniform(0.5, 1))
            pause = min(pause * 2, 0.5)

    def _received(self, link: FrameProtocol, messages: list[Any]) -> None:
        for message in messages:
            if not isinstance(message, Reply):
                continue
            entry = self._open.get(message.id)
            if entry is None or entry[1].done():
                continue
            if message.error is not None:
                entry[1].set_exception(revive(*message.error))
            else:
                entry[1].set_result(message.result)

    def _lost(self, link: FrameProtocol) -> None:
        if self._link is link:
            self._link = None
            self._connected.clear()
        if not self._closing and self._open:
            self._connecting = None
            self._ensure()
            asyncio.get_running_loop().call_later(LOST_WAIT, self._give_up)

    def _give_up(self) -> None:
        """Refuse what was sent to a core that does not come back; the outcome is not known then."""
        if self._link is not None:
            return
        for _, future in list(self._open.values()):
            if not future.done():
                future.set_exception(Unavailable("the engine can't be reached", retry_after=5))
