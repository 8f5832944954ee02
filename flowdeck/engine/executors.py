"""Where executors are found: files of the run folder, addresses of other machines; and the door for those (§2.9)."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import json
import logging
import os
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from flowdeck.engine.frames import FrameProtocol
from flowdeck.engine.messages import Join, decode, encode

log = logging.getLogger("flowdeck.cluster")

FOLDER = "executors"
JOIN_SECONDS = 5.0
JOIN_BYTES = 4096
"""Longest first frame of a connection from another machine."""
RELAY_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Address:
    """An executor's two doors: paths of unix sockets, or `host:port` of another machine."""

    name: str
    worker: str
    logs: str | None

    @property
    def remote(self) -> bool:
        """Whether it is reached over TCP."""
        return self.worker.startswith("tcp://")


def sockets(run: Path, executor: str) -> tuple[Path, Path]:
    """Paths of an executor's sockets for workers and for log lines; short enough for every system."""
    short = hashlib.sha256(executor.encode()).hexdigest()[:8]
    folder = run / FOLDER
    return folder / f"{short}.w", folder / f"{short}.l"


def advertise(run: Path, executor: str) -> Path:
    """Tell the workers of this machine about an executor of this process; what dead ones left is swept.

    Answers the file, which is to be deleted at the end.
    """
    folder = run / FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for path in folder.glob("*.json"):
        found = _read(path)
        if found is not None and not _alive(found.get("pid")):
            for left in (path, Path(found["worker"]), Path(found["logs"])):
                with contextlib.suppress(OSError):
                    left.unlink()
    worker, logs = sockets(run, executor)
    told = {"id": executor, "pid": os.getpid(), "worker": str(worker), "logs": str(logs)}
    path = worker.with_suffix(".json")
    new = path.with_suffix(".new")
    new.write_text(json.dumps(told))
    new.rename(path)
    return path


def _read(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_text())
        return found if {"id", "worker", "logs"} <= found.keys() else None
    except (OSError, ValueError, AttributeError):
        return None


def _alive(pid: Any) -> bool:
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except (PermissionError, TypeError, ValueError):
        return True
    return True


def one_address(worker: str, logs: str | None) -> Callable[[], list[Address]]:
    """The only executor of an instance on SQLite: always at the same place."""
    only = [Address("core", worker, logs)]
    return lambda: only


def addresses(run: Path, remote: Sequence[str] = ()) -> Callable[[], list[Address]]:
    """A function that answers the executors of now: those of this machine and the configured ones, `host:port`."""
    fixed = [Address(f"tcp://{one}", f"tcp://{one}", f"tcp://{one}") for one in remote]

    def look() -> list[Address]:
        found = list(fixed)
        for path in sorted((run / FOLDER).glob("*.json")):
            told = _read(path)
            if told is not None and _alive(told.get("pid")):
                found.append(Address(told["id"], told["worker"], told["logs"]))
        return found

    return look


@dataclass(slots=True)
class Doors:
    """How this process joins executors of other machines.

    `token` is the shared secret of the cluster; `tls` protects it on the way.
    """

    token: str = ""
    tls: ssl.SSLContext | None = None

    async def open(self, place: str, to: str, protocol: Callable[[], FrameProtocol]) -> FrameProtocol:
        """Connect to a door (`Address.worker` or `Address.logs`), `to` = worker | logs; OSError when that fails."""
        loop = asyncio.get_running_loop()
        if not place.startswith("tcp://"):
            _, link = await loop.create_unix_connection(protocol, place)
            return link
        host, _, port = place.removeprefix("tcp://").rpartition(":")
        try:
            async with asyncio.timeout(10):
                _, link = await loop.create_connection(
                    protocol, host.strip("[]"), int(port), ssl=self.tls, server_hostname=host if self.tls else None
                )
        except TimeoutError:
            raise OSError(f"{place} does not answer") from None
        assert link.transport is not None
        link.transport.write(encode([Join(self.token, to)]))
        return link


def client_tls(ca: str | None) -> ssl.SSLContext | None:
    """TLS towards executors whose certificates `ca` (a PEM file) has signed; None without one."""
    return ssl.create_default_context(cafile=ca) if ca else None


def server_tls(certificate: str | None, key: str | None) -> ssl.SSLContext | None:
    """TLS of an executor's listening address; None without a certificate (PEM files)."""
    if not certificate:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    return context


class Relay:
    """Lets workers of other machines in: checks the token, then hands bytes to and from the local sockets.

    Args:
        listen: `host:port`.
        token: what a worker must say first; an empty one lets nobody in.
        doors: local socket by name, `worker` and `logs`.
    """

    def __init__(self, listen: str, token: str, doors: dict[str, Path], tls: ssl.SSLContext | None = None) -> None:
        self.listen = listen
        self._token = token.encode()
        self._doors = doors
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._links: set[asyncio.Task[Any]] = set()

    async def start(self) -> None:
        """Listen; OSError when the address is taken, ValueError without a token."""
        if not self._token:
            raise ValueError("flowdeck.cluster.listen needs flowdeck.cluster.token")
        host, _, port = self.listen.rpartition(":")
        self._server = await asyncio.start_server(self._join, host.strip("[]") or None, int(port), ssl=self._tls)
        log.info("workers of other machines may connect to %s%s", self.listen, "" if self._tls else ", without TLS")

    async def stop(self) -> None:
        """Close everything."""
        if self._server is not None:
            self._server.close()
        for task in list(self._links):
            task.cancel()
        await asyncio.gather(*self._links, return_exceptions=True)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._links.add(task)
        try:
            door = await self._door(reader)
            if door is None:
                log.warning("a connection of %s was refused", writer.get_extra_info("peername"))
                return
            inner_reader, inner_writer = await asyncio.open_unix_connection(str(door))
            try:
                ways = {
                    asyncio.create_task(_pump(reader, inner_writer)),
                    asyncio.create_task(_pump(inner_reader, writer)),
                }
                try:
                    await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for way in ways:
                        way.cancel()
            finally:
                inner_writer.close()
        except OSError as error:
            log.info("a worker's connection closed: %s", error)
        finally:
            self._links.discard(task)
            writer.close()

    async def _door(self, reader: asyncio.StreamReader) -> Path | None:
        try:
            async with asyncio.timeout(JOIN_SECONDS):
                size = int.from_bytes(await reader.readexactly(4), "big")
                if size > JOIN_BYTES:
                    return None
                messages = decode(await reader.readexactly(size))
        except (TimeoutError, asyncio.IncompleteReadError, msgspec.MsgspecError):
            return None
        if len(messages) != 1 or not isinstance(messages[0], Join):
            return None
        if not hmac.compare_digest(messages[0].token.encode(), self._token):
            return None
        return self._doors.get(messages[0].to)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(RELAY_BYTES):
            writer.write(data)
            await writer.drain()
