"""What the machine itself can do, measured in the same run as the product (engine notes §3)."""

from __future__ import annotations

import asyncio
import os
import socket
import statistics
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.engine import raw
from flowdeck.store.driver import create_schema, open_database

SCRIPT_ARGV = ["/bin/sh", "-c", "set -e\ntrue"]
"""What the measured script task starts."""


@dataclass(frozen=True, slots=True)
class References:
    """Figures of the machine."""

    c1: float
    """Raw transitions a second, one a commit, not flushed."""
    c1f: float
    """The same, each commit flushed to the disk."""
    c100: float
    """Raw transitions a second, 100 a commit."""
    flush_ms: float
    """Median of one flushed commit."""
    spawns: float
    """Processes a second that asyncio starts and reads, 8 at once, with the argv of the script task."""
    echo_ms: float
    """Median round trip over a unix socket between two processes."""

    def json(self) -> dict[str, float]:
        """As a map."""
        return asdict(self)


def flush_ms(folder: Path, seconds: float = 1.0) -> float:
    """Median time of a commit that is flushed to the disk, in ms."""
    database = open_database(f"sqlite:///{folder / 'flush.db'}", durability="full")
    create_schema(database)
    writer = database.writer()
    times: list[float] = []
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        with writer.transaction() as tx:
            tx.sql("insert into event (execution_seq, task_run_seq, attempt, state, at) values (1, 1, 1, 4, 0)")
            began = time.perf_counter()
        times.append(time.perf_counter() - began)
    writer.close()
    database.close()
    return statistics.median(times) * 1000


async def _spawns(argv: list[str], seconds: float) -> float:
    until = time.perf_counter() + seconds
    done = 0

    async def one() -> None:
        nonlocal done
        while time.perf_counter() < until:
            process = await asyncio.create_subprocess_exec(
                *argv, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
            )
            await process.communicate()
            done += 1

    await asyncio.gather(*(one() for _ in range(8)))
    return done / seconds


def spawns(argv: list[str], seconds: float = 1.5) -> float:
    """Processes a second through plain asyncio, 8 at once."""
    return asyncio.run(_spawns(argv, seconds))


def echo_ms(rounds: int = 1500) -> float:
    """Median round trip of one byte between two processes over a unix socket, in ms."""
    ours, theirs = socket.socketpair(socket.AF_UNIX)
    pid = os.fork()
    if pid == 0:
        ours.close()
        while data := theirs.recv(64):
            theirs.send(data)
        os._exit(0)
    theirs.close()
    times: list[float] = []
    for _ in range(rounds):
        began = time.perf_counter()
        ours.send(b"x")
        ours.recv(64)
        times.append(time.perf_counter() - began)
    ours.close()
    os.waitpid(pid, 0)
    return statistics.median(times) * 1000


def measure(folder: Path) -> References:
    """All references, one after the other."""
    assert threading.active_count() == 1, "a fork with threads"
    echo = echo_ms()
    return References(
        c1=raw(folder, 1, False),
        c1f=raw(folder, 1, True),
        c100=raw(folder, 100, False),
        flush_ms=flush_ms(folder),
        spawns=spawns(SCRIPT_ARGV),
        echo_ms=echo,
    )
