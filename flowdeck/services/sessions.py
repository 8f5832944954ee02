"""Console sessions: an opaque cookie, its hash in a row (spec: extensions §2)."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from flowdeck.model.errors import DomainError, NotFound
from flowdeck.services.backend import Backend
from flowdeck.services.caller import Caller
from flowdeck.services.wire import compact, instant
from flowdeck.store.driver import StoreError

log = logging.getLogger("flowdeck.api")

COOKIE = "flowdeck_session"
CACHE_SECONDS = 5.0
TOUCH_MS = 60_000
SWEEP_SECONDS = 60.0


def hashed(cookie: str) -> str:
    """The stored form of a session id."""
    return hashlib.sha256(cookie.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A live session; instants in ms."""

    id: str
    username: str
    created: int
    expires: int


class Sessions:
    """Creates, finds and ends sessions; a found one is believed for some seconds."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._cache: dict[str, tuple[float, OpenSession]] = {}
        self.ended: list[Any] = [self._end]  # callbacks(session hash): streams close with their session
        self._watched: dict[str, set[asyncio.Event]] = {}
        self._sweeper: asyncio.Task[None] | None = None

    @contextmanager
    def watched(self, session_id: str) -> Iterator[asyncio.Event]:
        """An event that is set when the session ends, by whatever means, also in another process."""
        ended = asyncio.Event()
        self._watched.setdefault(session_id, set()).add(ended)
        if self._sweeper is None:
            self._sweeper = asyncio.create_task(self._sweep())
        try:
            yield ended
        finally:
            mine = self._watched.get(session_id, set())
            mine.discard(ended)
            if not mine:
                self._watched.pop(session_id, None)

    def _end(self, session_id: str) -> None:
        for ended in self._watched.get(session_id, ()):
            ended.set()

    async def _sweep(self) -> None:
        while self._watched:
            await asyncio.sleep(SWEEP_SECONDS)
            for session_id in list(self._watched):
                try:
                    if not await self.alive(session_id):
                        self._end(session_id)
                except (StoreError, OSError):
                    break  # the database is away: asked again later
        self._sweeper = None

    async def open(self, username: str, *, remember: bool, address: str, browser: str) -> tuple[str, OpenSession]:
        """A new session: the cookie's value and the row."""
        cookie = base64.urlsafe_b64encode(os.urandom(24)).decode().rstrip("=")
        now = self._backend.now()
        session = OpenSession(hashed(cookie), username, now, now + self._backend.config.session_absolute_ms)
        await self._backend.core.send(
            "session.create",
            {
                "id": session.id,
                "username": username,
                "created": now,
                "expires": session.expires,
                "address": address,
                "browser": browser[:200],
                "remember": remember,
            },
            principal=username,
        )
        return cookie, session

    async def find(self, cookie: str) -> OpenSession | None:
        """The session of a cookie unless it is unknown, idle for too long or over."""
        key = hashed(cookie)
        known = self._cache.get(key)
        now = self._backend.now()
        if known is not None and time.monotonic() < known[0] and now < known[1].expires:
            return known[1]
        row = await self._backend.read(lambda r: r.one("select * from session where id = :id", id=key))
        config = self._backend.config
        if row is None or now >= row["expires"] or now - row["last_seen"] > config.session_idle_ms:
            self._cache.pop(key, None)
            return None
        session = OpenSession(key, row["username"], row["created"], row["expires"])
        if len(self._cache) > 5000:
            self._cache.clear()
        self._cache[key] = (time.monotonic() + CACHE_SECONDS, session)
        if now - row["last_seen"] > TOUCH_MS:
            try:
                await self._backend.core.send("session.touch", {"id": key}, timeout=1.0)
            except DomainError:
                pass  # a read must work while the engine can't write
        return session

    async def alive(self, session_id: str) -> bool:
        """Whether a session by its hash still lasts; asking does not prolong it."""
        row = await self._backend.read(
            lambda r: r.one("select expires, last_seen from session where id = :id", id=session_id)
        )
        now = self._backend.now()
        return (
            row is not None and now < row["expires"] and now - row["last_seen"] <= self._backend.config.session_idle_ms
        )

    async def close(self, session_id: str) -> None:
        """End a session by its hash; unknown ones are fine."""
        self._cache.pop(session_id, None)
        await self._backend.core.send("session.delete", {"id": session_id})
        for callback in list(self.ended):
            callback(session_id)

    async def close_others(self, caller: Caller) -> int:
        """End all other sessions of the caller, as when its password changed; answers how many those were."""
        rows = await self._backend.read(
            lambda r: r.all("select id from session where username = :u", u=caller.username)
        )
        self._cache.clear()
        await self._backend.core.send("session.delete", {"username": caller.username, "keep": caller.session})
        others = [row["id"] for row in rows if row["id"] != caller.session]
        for other in others:
            for callback in list(self.ended):
                callback(other)
        return len(others)

    async def own(self, caller: Caller) -> list[dict[str, Any]]:
        """The caller's live sessions, newest first."""
        now = self._backend.now()
        rows = await self._backend.read(
            lambda r: r.all(
                "select * from session where username = :u and expires > :now and last_seen >= :idle "
                "order by created desc, id",
                u=caller.username,
                now=now,
                idle=now - self._backend.config.session_idle_ms,
            )
        )
        return [
            compact(
                {
                    "id": row["id"][:16],
                    "created": instant(row["created"]),
                    "lastSeen": instant(row["last_seen"]),
                    "expires": instant(row["expires"]),
                    "address": row["address"],
                    "browser": row["browser"],
                    "current": row["id"] == caller.session,
                }
            )
            for row in rows
        ]

    async def close_own(self, caller: Caller, short: str) -> None:
        """End one of the caller's sessions by the short id of `own`. `NotFound`."""
        rows = await self._backend.read(
            lambda r: r.all("select id from session where username = :u", u=caller.username)
        )
        for row in rows:
            if row["id"][:16] == short:
                await self.close(row["id"])
                log.info("a session of %s was ended by its owner", caller.username)
                return
        raise NotFound("session")
