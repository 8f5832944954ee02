"""The feed of committed events: numbered, kept in a ring for reconnecting subscribers (engine notes §2.10)."""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from typing import Any

from flowdeck.engine.frames import FrameProtocol
from flowdeck.engine.messages import Feed

RING = 20_000
"""Events kept for a subscriber that comes back."""
SLOW_BYTES = 32 * 1024 * 1024
"""A subscriber this far behind is disconnected; it comes back and resumes or resets."""


class FeedHub:
    """Sends each committed event to every subscriber, once and in order.

    Belongs to the loop's thread; other threads use `publish_threadsafe`. Log events (`kind` = `log`) go only to
    subscribers that follow their execution and are not kept: a reader fetches missed lines by number.
    """

    def __init__(self, ring: int = RING) -> None:
        self.epoch = secrets.token_hex(6)
        self._ring: deque[dict[str, Any]] = deque(maxlen=ring)
        self._next = 1
        self._subscribers: dict[FrameProtocol, frozenset[str]] = {}
        self._followed: frozenset[str] = frozenset()
        self._loop = asyncio.get_running_loop()

    @property
    def followed(self) -> frozenset[str]:
        """Ids of executions whose lines somebody watches; may be read from any thread."""
        return self._followed

    def publish(self, events: list[dict[str, Any]]) -> None:
        """Send events that are committed; call it after the commit, never before."""
        if not events:
            return
        kept = [event for event in events if event["kind"] != "log"]
        first = self._next
        self._ring.extend(kept)
        self._next += len(kept)
        if not self._subscribers:
            return
        plain = Feed(events=kept, first=first, epoch=self.epoch)
        for link, follows in list(self._subscribers.items()):
            if len(kept) != len(events) and follows:
                lines = [event for event in events if event["kind"] == "log" and event["execution"] in follows]
                if lines:
                    link.send(Feed(events=lines, first=0, epoch=self.epoch))
            if kept:
                link.send(plain)
            if link.transport is not None and link.transport.get_write_buffer_size() > SLOW_BYTES:
                self.remove(link)
                link.abort()

    def publish_threadsafe(self, events: list[dict[str, Any]]) -> None:
        """`publish` from another thread."""
        if events and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self.publish, events)

    def add(self, link: FrameProtocol, since: int | None, epoch: str) -> None:
        """Subscribe a connection, from event number `since` on; a `reset` event tells of a gap."""
        self._subscribers[link] = frozenset()
        oldest = self._next - len(self._ring)
        if since is None:
            link.send(Feed(events=[], first=self._next, epoch=self.epoch))
        elif epoch != self.epoch or not oldest <= since <= self._next:
            link.send(Feed(events=[{"kind": "reset"}], first=self._next - 1, epoch=self.epoch))
        else:
            missed = [self._ring[i] for i in range(since - oldest, len(self._ring))]
            link.send(Feed(events=missed, first=since, epoch=self.epoch))

    def follow(self, link: FrameProtocol, executions: list[str]) -> None:
        """Replace what a subscriber follows."""
        if link in self._subscribers:
            self._subscribers[link] = frozenset(executions)
            self._followed = frozenset().union(*self._subscribers.values())

    def remove(self, link: FrameProtocol) -> None:
        """Forget a connection."""
        if self._subscribers.pop(link, None):
            self._followed = frozenset().union(*self._subscribers.values())
