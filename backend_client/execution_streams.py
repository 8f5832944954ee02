"""Executions as they go, and their files (REST contract §9, §10)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

from backend_client.client import Resource, query_of
from backend_client.events import Event, resumed
from backend_client.models import Execution, FileMetas, StatusEvent

END = "end"


class ExecutionStreams(Resource):
    """Streams and files of `{T}/executions`."""

    async def follow(self, execution: str) -> AsyncIterator[Execution]:
        """The execution now, and again after each change; ends with its end. A broken connection is taken up again."""
        async for event in resumed(self._c, self._c.below("executions", execution, "follow"), cursors=False):
            if event.id != "start" and isinstance(event.data, dict) and event.data.get("state"):
                yield cast(Execution, event.data)

    async def wait(self, execution: str) -> Execution:
        """The execution when it has ended."""
        last: Execution = {}
        async for document in self.follow(execution):
            last = document
        return last

    async def follow_dependencies(
        self, execution: str, *, destination_only: bool = False, expand_all: bool = False
    ) -> AsyncIterator[StatusEvent]:
        """States of the executions that this one leads to, until all have ended."""
        query = query_of(destinationOnly=destination_only, expandAll=expand_all)
        path = self._c.below("executions", execution, "follow-dependencies")
        async for event in _to_its_close(self._c, path, query):
            if event.id != "start" and isinstance(event.data, dict) and event.data.get("state"):
                yield cast(StatusEvent, event.data)

    async def download(self, execution: str, uri: str, to: str | Path) -> int:
        """Write a file of internal storage into one here; its bytes."""
        return await self._c.download(self._c.below("executions", execution, "file"), to, query_of(path=uri))

    def content(self, execution: str, uri: str) -> AsyncIterator[bytes]:
        """A file of internal storage piece by piece."""
        return self._c.bytes_of(self._c.below("executions", execution, "file"), query_of(path=uri))

    async def file_metas(self, execution: str, uri: str) -> FileMetas:
        """The size of a file of internal storage."""
        return await self._c.get(self._c.below("executions", execution, "file", "metas"), query_of(path=uri))


async def _to_its_close(client: object, path: str, query: list[tuple[str, str]]) -> AsyncIterator[Event]:
    """A stream whose close is its end."""
    from backend_client.client import Client
    from backend_client.events import once

    assert isinstance(client, Client)
    async for event in once(client, path, query):
        yield event
