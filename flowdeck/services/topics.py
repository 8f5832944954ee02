"""Notices of changed lists, merged to one a second and topic (extensions §3)."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from flowdeck.model.states import State
from flowdeck.services.hub import Hub, Watch
from flowdeck.services.listeners import Listener, frame
from flowdeck.services.wire import compact

TOPIC_SECONDS = 1.0


class Topics:
    """Merged notices of lists: at most one a second and topic."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._listeners: dict[str, set[Listener]] = {}
        self._pending: dict[str, dict[str, Any]] = {}
        self._last: dict[str, float] = {}
        self._watch: Watch | None = None
        self._task: asyncio.Task[None] | None = None

    def add(self, listener: Listener, topics: list[str]) -> None:
        """Subscribe a connection."""
        for topic in topics:
            self._listeners.setdefault(topic, set()).add(listener)
        if topics and (self._task is None or self._task.done()):
            self._watch = self._hub.watch(["*"])
            self._task = asyncio.get_running_loop().create_task(self._run())

    def remove(self, listener: Listener) -> None:
        """Unsubscribe it from everything."""
        for topic in [t for t, found in self._listeners.items() if listener in found]:
            self._listeners[topic].discard(listener)
            if not self._listeners[topic]:
                del self._listeners[topic]
                self._pending.pop(topic, None)
                self._last.pop(topic, None)

    async def _run(self) -> None:
        watch = self._watch
        assert watch is not None
        try:
            while self._listeners:
                now = time.monotonic()
                dues = [self._last.get(t, 0.0) + TOPIC_SECONDS for t in self._pending]
                await watch.wait(max(0.0, min(dues) - now) if dues else 5.0)
                for event in watch.take():
                    if event.get("kind") == "reset":
                        for topic in self._listeners:
                            self._note(topic, "changed", "", {})
                    else:
                        for topic in matching_topics(event, self._listeners):
                            self._note(topic, change_of(event), str(event.get("id") or ""), event)
                watch.lost = False
                now = time.monotonic()
                for topic in [t for t in self._pending if now - self._last.get(t, 0.0) >= TOPIC_SECONDS]:
                    data = frame("topic", self._pending.pop(topic))
                    self._last[topic] = now
                    for listener in self._listeners.get(topic, ()):
                        listener.put(data)
        finally:
            watch.close()

    def _note(self, topic: str, kind: str, identity: str, event: dict[str, Any]) -> None:
        held = self._pending.get(topic)
        state = event.get("state")
        if isinstance(state, int):
            state = State(state).name
        self._pending[topic] = compact(
            {
                "topic": topic,
                "kind": kind,
                "id": identity or None,
                "state": state,
                "by": event.get("by"),
                "n": (held["n"] if held else 0) + 1,
            }
        )

    def stop(self) -> None:
        """End the task."""
        if self._task is not None:
            self._task.cancel()


def change_of(event: dict[str, Any]) -> str:
    """created, changed or deleted."""
    if event.get("kind") == "topic":
        return str(event.get("change") or "changed")
    return "created" if event.get("state") in ("CREATED", int(State.CREATED)) else "changed"


def _within(namespace: str, wanted: str) -> bool:
    return namespace == wanted or namespace.startswith(wanted + ".")


def matching_topics(event: dict[str, Any], wanted: Any) -> list[str]:
    """Those of the wanted topics that an event concerns; children of a namespace count."""
    kind = event.get("kind")
    namespace = str(event.get("namespace") or "")
    found = []
    if kind in ("execution", "topic") and (
        kind == "execution" or str(event.get("topic")).partition(":")[0] == "executions"
    ):
        if not namespace and kind == "topic":
            namespace = str(event.get("topic")).partition(":")[2]
        flow = f"flow:{namespace}/{event.get('flowId')}"
        for topic in wanted:
            family, _, rest = topic.partition(":")
            if topic == "executions" or topic == flow or (family == "executions" and rest and _within(namespace, rest)):
                found.append(topic)
        return found
    if kind != "topic":
        return found
    family, _, place = str(event.get("topic")).partition(":")
    for topic in wanted:
        own, _, rest = topic.partition(":")
        if own != family:
            continue
        if (
            not rest
            or place == rest
            or _within(place, rest)
            or ("/" in place and "/" not in rest and _within(place.partition("/")[0], rest))
        ):
            found.append(topic)
    return found
