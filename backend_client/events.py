"""Server-sent events: parsed, and resumed when the connection breaks (REST contract §9, own endpoints §3)."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx

from backend_client.client import ApiError, Query, Unreachable

if TYPE_CHECKING:
    from backend_client.client import Client

SILENCE = 60.0
"""Seconds without a byte after which a stream counts as broken; the server says something every 15."""
LONGEST_PAUSE = 5.0
ATTEMPTS = 6
"""Connections in a row that bring nothing, after which a stream gives up."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event: `id` and `name` as sent (empty when absent), `data` decoded."""

    id: str
    name: str
    data: Any


class Parser:
    """Makes events of lines; comments and unknown fields are left out."""

    def __init__(self) -> None:
        self.id = ""
        self.name = ""
        self.data: list[str] = []
        self.retry: float | None = None

    def line(self, text: str) -> Event | None:
        """Take a line without its end; the event that it completes."""
        if not text:
            event = None
            if self.data:
                event = Event(self.id, self.name, json.loads("\n".join(self.data)))
            self.id, self.name, self.data = "", "", []
            return event
        field, _, value = text.partition(":")
        value = value.removeprefix(" ")
        if field == "id":
            self.id = value
        elif field == "event":
            self.name = value
        elif field == "data":
            self.data.append(value)
        elif field == "retry" and value.isdigit():
            self.retry = int(value) / 1000
        return None


async def once(client: Client, path: str, query: Query = (), *, last: str = "") -> AsyncIterator[Event]:
    """The events of one connection.

    Args:
        last: cursor to go on from, sent as `Last-Event-ID`.
    Raises:
        ApiError: the server refused.
        Unreachable: the connection broke or fell silent.
    """
    headers = {"Accept": "text/event-stream", "Cache-Control": "no-cache"}
    if last:
        headers["Last-Event-ID"] = last
    timeout = httpx.Timeout(15.0, read=SILENCE)
    parser = Parser()
    async with client.open("GET", path, query=query, headers=headers, timeout=timeout) as answer:
        try:
            async for text in answer.aiter_lines():
                event = parser.line(text)
                if event is not None:
                    yield event
        except httpx.TransportError as error:
            raise Unreachable("The stream broke off.") from error


async def resumed(
    client: Client, path: str, query: Query = (), *, last: str = "", ends: str = "end", cursors: bool = True
) -> AsyncIterator[Event]:
    """Events over as many connections as it takes, until the server sends the end.

    Args:
        last: cursor of the event after which to begin.
        ends: name or id of the event after which nothing follows.
        cursors: whether ids are cursors from which the next connection goes on; else it begins again.
    Raises:
        ApiError: the server refused, or no connection came about for a while.
    """
    failures = 0
    while True:
        try:
            async for event in once(client, path, query, last=last):
                failures = 0
                if cursors and event.id:
                    last = event.id
                yield event
                if ends in (event.name, event.id):
                    return
            failures += 1  # the server closed without an end: a restart, or an hour of silence
        except ApiError as error:
            if error.status not in (0, 429, 502, 503, 504):
                raise
            failures += 1
            if failures >= ATTEMPTS:
                raise
        if failures >= ATTEMPTS:
            raise Unreachable("The stream ended again and again.")
        await asyncio.sleep(min(0.1 * 2**failures, LONGEST_PAUSE) * (0.5 + random.random()))
