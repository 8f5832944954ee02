"""Flows of local folders and of the instance kept the same, both ways: `micronaut.io.watch` (spec: operations G1).

For the machine that flows are written on. At the start every file is saved, then every flow without a file gets one in
the first folder. Later a file that is changed or deleted changes or deletes its flow, and a flow that is changed or
deleted elsewhere its file. What can't be saved is left alone and named in the log.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from flowdeck.model.errors import DomainError, NotFound
from flowdeck.services import flows
from flowdeck.services.backend import Backend
from flowdeck.services.caller import Caller
from flowdeck.store.driver import StoreError
from flowdeck.store.queries import flows as queries

log = logging.getLogger("flowdeck.flows")

EVERY = 1.0
"""Seconds between two looks."""
SUFFIXES = (".yml", ".yaml")
LARGEST = 4 * 1024 * 1024

Name = tuple[str, str]
"""Namespace and id."""


@dataclass(slots=True)
class Held:
    """A file and what is known of its flow."""

    stamp: tuple[int, int]
    name: Name | None = None


class LocalFlows:
    """Keeps folders and flows of one tenant the same.

    Args:
        folders: looked through with all folders below them; new files are made in the first.
    """

    def __init__(self, backend: Backend, folders: Sequence[Path], tenant: str = "main") -> None:
        self._backend = backend
        self._folders = list(folders)
        self._caller = Caller("local-flows", tenant)
        self._files: dict[Path, Held] = {}
        self._revisions: dict[Name, int] = {}
        self._seen: tuple[int, int] | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """End."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await self._task

    async def _run(self) -> None:
        while True:
            try:
                await self.look()
            except (OSError, StoreError, DomainError) as error:  # the engine is away, a disk is full: again later
                log.warning("local flows: %s", error)
            await asyncio.sleep(EVERY)

    async def look(self) -> None:
        """Carry changes over once: those of files first."""
        stamps = await asyncio.to_thread(self._stamps)
        gone = [path for path in self._files if path not in stamps]
        for path, stamp in stamps.items():
            held = self._files.get(path)
            if held is None or held.stamp != stamp:
                await self._load(path, stamp)
        for path in gone:
            held = self._files.pop(path)
            if held.name is not None and self._file_of(held.name) is None:
                await self._delete(held.name)
        await self._write_back()

    def _stamps(self) -> dict[Path, tuple[int, int]]:
        found: dict[Path, tuple[int, int]] = {}
        for path in self._sources():
            with contextlib.suppress(OSError):
                facts = path.stat()
                found[path] = (facts.st_mtime_ns, facts.st_size)
        return found

    def _sources(self) -> Iterator[Path]:
        for folder in self._folders:
            for path in sorted(folder.rglob("*")):
                hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
                if path.suffix in SUFFIXES and not hidden and path.is_file():
                    yield path

    def _file_of(self, name: Name) -> Path | None:
        return next((path for path, held in self._files.items() if held.name == name), None)

    async def _load(self, path: Path, stamp: tuple[int, int]) -> None:
        """Save the flow of a new or changed file; a flow that the file no longer names goes."""
        before = self._files.get(path)
        held = self._files[path] = Held(stamp, before.name if before is not None else None)
        try:
            if stamp[1] > LARGEST:
                raise ValueError(f"more than {LARGEST} bytes")
            source = await asyncio.to_thread(path.read_text, encoding="utf-8")
            saved = await flows.save(self._backend, self._caller, source)
        except (OSError, ValueError, yaml.YAMLError, DomainError) as error:
            log.warning("%s is not taken over: %s", path, error)
            return
        name = (saved["namespace"], saved["id"])
        self._revisions[name] = saved["revision"]
        held.name = name
        if before is not None and before.name not in (None, name) and self._file_of(before.name) is None:
            await self._delete(before.name)

    async def _delete(self, name: Name) -> None:
        self._revisions.pop(name, None)
        with contextlib.suppress(NotFound):
            await flows.delete(self._backend, self._caller, *name)
            log.info("flow %s.%s is deleted, as its file was", *name)

    async def _write_back(self) -> None:
        """Carry changes of flows over to files."""
        tenant = self._caller.tenant
        seen = await self._backend.read(queries.stamp, tenant)
        if seen == self._seen:
            return
        for row in await self._backend.read(queries.heads, tenant):
            name = (row["namespace"], row["id"])
            known = self._revisions.get(name)
            if row["deleted"]:
                if known is not None and row["revision"] > known:
                    await self._remove(name)
            elif known is None or row["revision"] > known:
                stored = await flows.get(self._backend, self._caller, *name, source=True)
                await asyncio.to_thread(self._write, name, stored["source"])
                self._revisions[name] = stored["revision"]
        self._seen = seen

    async def _remove(self, name: Name) -> None:
        self._revisions.pop(name, None)
        path = self._file_of(name)
        if path is not None:
            del self._files[path]
            await asyncio.to_thread(path.unlink, missing_ok=True)
            log.info("%s is deleted, as its flow was", path)

    def _write(self, name: Name, source: str) -> None:
        path = self._file_of(name)
        if path is None:
            path = self._folders[0] / f"{self._caller.tenant}_{name[0]}_{name[1]}.yml"
            path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.part")
        part.write_text(source, encoding="utf-8")
        part.replace(path)
        facts = path.stat()
        self._files[path] = Held((facts.st_mtime_ns, facts.st_size), name)
