"""Jobs of workers that fell silent: nobody knows yet whether they still run (spec: enterprise and operations F53).

They wait for the end of the grace period, for the end of the worker's process, or for the worker to come back.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass

Key = tuple[int, int]
LOOK = 0.5
"""Seconds between looks at the processes of silent workers."""


@dataclass(slots=True, eq=False)
class Silent:
    """A worker that said nothing for too long, with what it held: job → shard."""

    worker: str
    host: str
    told_pid: int
    pid: int  # when this process can see it, else 0
    keys: dict[Key, int]
    until: float | None  # of the loop's clock; None = for ever

    def is_of(self, host: str, pid: int) -> bool:
        """Whether another worker lives in the same process."""
        return self.host == host and self.told_pid == pid


class Limbo:
    """All silent workers.

    Args:
        give_up: hears of jobs that certainly run no more, or had their time.
    """

    def __init__(self, give_up: Callable[[str, list[Key]], None]) -> None:
        self._give_up = give_up
        self._silent: dict[str, Silent] = {}
        self._loop = asyncio.get_running_loop()
        self._look: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return sum(len(one.keys) for one in self._silent.values())

    def keep(
        self, worker: str, host: str, told_pid: int, pid: int, keys: dict[Key, int], seconds: float | None
    ) -> None:
        """Keep jobs for a time, or without `seconds` until they are killed."""
        until = None if seconds is None else self._loop.time() + seconds
        self._silent[worker] = Silent(worker, host, told_pid, pid, keys, until)
        if self._look is None:
            self._look = self._loop.call_later(LOOK, self._check)

    def take(self, key: Key) -> bool:
        """Forget a job; whether it was here."""
        return any(one.keys.pop(key, None) is not None for one in self._silent.values())

    def release(self, shards: Iterable[int]) -> None:
        """Forget the jobs of shards that another executor goes on with."""
        gone = frozenset(shards)
        for one in self._silent.values():
            for key in [key for key, shard in one.keys.items() if shard in gone]:
                del one.keys[key]

    def returned(self, worker: str, host: str, pid: int, claimed: Iterable[Key]) -> None:
        """A worker has come back, perhaps under a new name: what it does not claim it has given up."""
        for key in claimed:
            self.take(key)
        for one in list(self._silent.values()):
            if one.until is not None and (one.worker == worker or one.is_of(host, pid)):
                self._end(one)

    def close(self) -> None:
        """Stop looking."""
        if self._look is not None:
            self._look.cancel()

    def _check(self) -> None:
        now = self._loop.time()
        for one in list(self._silent.values()):
            if not one.keys:
                del self._silent[one.worker]
            elif one.until is not None and (now >= one.until or (one.pid and not runs(one.pid))):
                self._end(one)
        self._look = self._loop.call_later(LOOK, self._check) if self._silent else None

    def _end(self, one: Silent) -> None:
        del self._silent[one.worker]
        self._give_up(one.worker, list(one.keys))


def runs(pid: int) -> bool:
    """Whether a process exists and has not ended."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b") ")[2][:1] not in (b"Z", b"X")
    except FileNotFoundError:
        return not os.path.isdir("/proc/self")
    except OSError:
        return True
