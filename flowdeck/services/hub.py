"""The feed of committed changes, handed to whoever watches an execution or a topic in this process."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Iterable
from typing import Any

log = logging.getLogger("flowdeck.hub")

QUEUED = 4096


class Watch:
    """A bounded queue of events; when it overflows only the fact remains (`lost`)."""

    def __init__(self, hub: Hub, keys: frozenset[str]) -> None:
        self.keys = keys
        self.lost = False
        self._hub = hub
        self._events: deque[dict[str, Any]] = deque()
        self._wake = asyncio.Event()
        self.closed = False

    def put(self, event: dict[str, Any]) -> None:
        """Add an event."""
        if len(self._events) >= QUEUED:
            self._events.clear()
            self.lost = True
        else:
            self._events.append(event)
        self._wake.set()

    async def wait(self, seconds: float) -> bool:
        """Wait for an event or a loss; False after `seconds` without."""
        if self._events or self.lost or self.closed:
            return True
        self._wake.clear()
        try:
            await asyncio.wait_for(self._wake.wait(), seconds)
        except TimeoutError:
            return False
        return True

    def take(self) -> list[dict[str, Any]]:
        """All events so far."""
        events = list(self._events)
        self._events.clear()
        return events

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop watching."""
        if not self.closed:
            self.closed = True
            self._hub.forget(self)
            self._wake.set()


class Hub:
    """One reader of `Core.feed`, many watches. A key is an execution id or `topic:<name>` or `*`."""

    def __init__(self, core: Any) -> None:
        self._core = core
        self._watches: dict[str, set[Watch]] = {}
        self._task: asyncio.Task[None] | None = None

    def watch(self, keys: Iterable[str]) -> Watch:
        """Watch executions and topics; use as a context manager."""
        watch = Watch(self, frozenset(keys))
        for key in watch.keys:
            self._watches.setdefault(key, set()).add(watch)
        self.start()
        self._tell()
        return watch

    def start(self) -> None:
        """Subscribe before anybody watches: a watch of the first moments then misses nothing and is not reset."""
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._run())

    def forget(self, watch: Watch) -> None:
        """Remove a watch."""
        for key in watch.keys:
            watches = self._watches.get(key)
            if watches is not None:
                watches.discard(watch)
                if not watches:
                    del self._watches[key]
        self._tell()

    def _tell(self) -> None:
        follow = getattr(self._core, "follow", None)
        if follow is not None:
            follow([key for key in self._watches if not key.startswith("topic:") and key != "*"])

    async def _run(self) -> None:
        while True:
            try:
                async for events in self._core.feed():
                    for event in events:
                        self._give(event)
            except asyncio.CancelledError:
                raise
            except Exception:
                log.exception("the feed broke")
            self._give({"kind": "reset"})
            await asyncio.sleep(0.5)

    def _give(self, event: dict[str, Any]) -> None:
        kind = event.get("kind")
        if kind == "reset":
            for watch in {w for watches in self._watches.values() for w in watches}:
                watch.lost = True
                watch.put(event)
            return
        if kind == "topic":
            keys = [f"topic:{event.get('topic')}"]
        elif kind == "execution":
            keys = [str(event.get("id"))]
        else:
            keys = [str(event.get("execution"))]
        for key in [*keys, "*"]:
            for watch in self._watches.get(key, ()):
                watch.put(event)

    async def stop(self) -> None:
        """End the reader."""
        if self._task is not None:
            self._task.cancel()
            try:
                await self._task
            except (asyncio.CancelledError, Exception):
                pass
            self._task = None
