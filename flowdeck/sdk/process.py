"""Child processes of script tasks: groups, lines as they come, no orphans (engine notes §1.8, §4).

`subprocess.Popen` with `process_group=0` and without `preexec_fn` starts children by vfork: 0.5 ms whatever the size
of this process. Pipes and the pidfd are watched by the loop itself: no thread and no stream object per child.
"""

from __future__ import annotations

import asyncio
import contextlib
import mmap
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

STDOUT, STDERR = 1, 2
READ = 256 * 1024
LONGEST_LINE = 16 * 1024 * 1024
"""A line beyond this is handed over in pieces; the protocol's JSON may be long, a runaway line must not fill memory."""
HELD_PIPE = 2.0
"""Seconds that a grandchild may keep the pipe open after the child's end."""
KILL_GRACE = 5.0
LOOK = 0.02
"""Seconds between looks at processes that are not this one's children."""

LinesHandler = Callable[[int, list[str]], None]


@dataclass(slots=True)
class Command:
    """What a task runner runs.

    Args:
        argv: program and arguments.
        cwd: working directory.
        env: what the task adds to the environment.
        on_lines: gets stream number and lines, in order, while the command runs.
        image: container image, for runners that need one.
        output_files: globs of files to bring back, for runners on other machines.
    """

    argv: list[str]
    cwd: Path
    env: dict[str, str]
    on_lines: LinesHandler
    image: str | None = None
    output_files: list[str] = field(default_factory=list)


class Guard:
    """A helper process that kills the groups of children when this process dies by whatever means.

    It sleeps until then: who is alive stands in memory that both share, so a child costs no message. PDEATHSIG would
    need a preexec function (fork instead of vfork) or one more exec per child.
    """

    SLOTS = 16_384
    SOURCE = (
        "import mmap,os,signal,struct,sys\n"
        "signal.signal(signal.SIGINT, signal.SIG_IGN); signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "table=mmap.mmap(int(sys.argv[1]), 0)\n"
        "sys.stdin.buffer.read()\n"
        "for (group,) in struct.iter_unpack('=i', table):\n"
        "    try: group and os.killpg(group, signal.SIGKILL)\n"
        "    except OSError: pass\n"
    )

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._table: memoryview | None = None
        self._free: list[int] = []
        self._slots: dict[int, int] = {}

    def start(self) -> None:
        """Start the helper; without it (`OSError`) children are not guarded."""
        fd = os.memfd_create("flowdeck-groups")
        try:
            os.ftruncate(fd, 4 * self.SLOTS)
            table = memoryview(mmap.mmap(fd, 0)).cast("i")
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", self.SOURCE, str(fd)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                pass_fds=(fd,),
                cwd="/",
            )
        finally:
            os.close(fd)
        self._table = table
        self._free = list(range(self.SLOTS))

    def add(self, group: int) -> None:
        """Watch over a process group."""
        if self._table is not None and self._free:
            slot = self._slots[group] = self._free.pop()
            self._table[slot] = group

    def remove(self, group: int) -> None:
        """The group has ended."""
        slot = self._slots.pop(group, None)
        if self._table is not None and slot is not None:
            self._table[slot] = 0
            self._free.append(slot)

    def stop(self) -> None:
        """End the helper; groups that are still entered are killed."""
        if self._process and self._process.stdin:
            self._process.stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(2)
            self._process = None


class Child:
    """A running child process in a group of its own, watched by the running loop.

    Args:
        brake: answers True while lines must not be taken; the pipe is then left full.
    """

    def __init__(
        self, on_lines: LinesHandler, *, guard: Guard | None = None, brake: Callable[[], bool] | None = None
    ) -> None:
        self._on_lines = on_lines
        self._guard = guard
        self._brake = brake
        self._loop = asyncio.get_running_loop()
        self._partial: dict[int, bytes] = {}
        self._pipes: dict[int, int] = {}  # file descriptor → stream
        self._popen: subprocess.Popen[bytes] | None = None
        self._pidfd = -1
        self._exited = self._loop.create_future()
        self._drained = self._loop.create_future()

    @property
    def pid(self) -> int:
        """Process id, which is the group's id too."""
        assert self._popen is not None
        return self._popen.pid

    def start(self, argv: Sequence[str], cwd: str | os.PathLike[str], env: Mapping[str, str]) -> None:
        """Start it; `OSError` when the program can't be run."""
        popen = subprocess.Popen(
            argv,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            process_group=0,
        )
        self._popen = popen
        if self._guard:
            self._guard.add(popen.pid)
        assert popen.stdout and popen.stderr
        for stream, pipe in ((STDOUT, popen.stdout), (STDERR, popen.stderr)):
            fd = pipe.fileno()
            os.set_blocking(fd, False)
            self._pipes[fd] = stream
            self._partial[stream] = b""
            self._loop.add_reader(fd, self._readable, fd)
        self._pidfd = os.pidfd_open(popen.pid)
        self._loop.add_reader(self._pidfd, self._ended)

    def _ended(self) -> None:
        self._loop.remove_reader(self._pidfd)
        os.close(self._pidfd)
        self._pidfd = -1
        if not self._exited.done():
            self._exited.set_result(None)

    def _readable(self, fd: int) -> None:
        if self._brake is not None and self._brake():
            self._loop.remove_reader(fd)
            self._loop.call_later(0.02, self._resume, fd)
            return
        try:
            data = os.read(fd, READ)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        stream = self._pipes[fd]
        if not data:
            self._close(fd)
            return
        cut = data.rfind(b"\n")
        if cut < 0:
            rest = self._partial[stream] + data
            if len(rest) > LONGEST_LINE:
                self._on_lines(stream, [rest.decode("utf-8", "replace")])
                rest = b""
            self._partial[stream] = rest
            return
        block = self._partial[stream] + data[:cut]
        self._partial[stream] = data[cut + 1 :]
        text = block.decode("utf-8", "replace")
        lines = text.split("\n")
        if "\r" in text:
            lines = [line.removesuffix("\r") for line in lines]
        self._on_lines(stream, lines)

    def _resume(self, fd: int) -> None:
        if fd in self._pipes:
            self._loop.add_reader(fd, self._readable, fd)

    def _close(self, fd: int) -> None:
        stream = self._pipes.pop(fd, None)
        if stream is None:
            return
        self._loop.remove_reader(fd)
        rest = self._partial.pop(stream)
        if rest:
            self._on_lines(stream, [rest.decode("utf-8", "replace").removesuffix("\r")])
        if not self._pipes and not self._drained.done():
            self._drained.set_result(None)

    def signal(self, number: int) -> None:
        """Send a signal to the group."""
        if self._popen is not None and self._popen.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._popen.pid, number)

    async def wait(self) -> int:
        """Wait for the end of the child and of its output; its exit code, negative for a signal."""
        await asyncio.shield(self._exited)
        held = self._brake is not None and self._brake()
        while not self._drained.done():
            await asyncio.wait([self._drained], timeout=HELD_PIPE)
            if not held or not (self._brake and self._brake()):
                break
        return self._finish()

    def _finish(self) -> int:
        """Kill what is left of the group while the child's entry still keeps the group's id, then reap it."""
        popen = self._popen
        assert popen is not None
        if popen.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(popen.pid, signal.SIGKILL)
        code = popen.wait()
        if self._guard:
            self._guard.remove(popen.pid)
        for fd in list(self._pipes):
            self._readable_rest(fd)
        for pipe in (popen.stdout, popen.stderr):
            if pipe:
                pipe.close()
        return code

    def _readable_rest(self, fd: int) -> None:
        """Take what lies in a pipe that a grandchild of another group keeps open, then let it go."""
        self._brake = None
        for _ in range(16):
            if fd not in self._pipes:
                return
            try:
                if not os.get_blocking(fd):
                    before = self._partial[self._pipes[fd]]
                    self._readable(fd)
                    if fd in self._pipes and self._partial[self._pipes[fd]] == before:
                        break
            except OSError:
                break
        self._close(fd)

    async def terminate(self, grace: float = KILL_GRACE) -> None:
        """End the child and all that it started, descendants first: SIGTERM, after `grace` seconds SIGKILL.

        Descendants that left the group (`setsid`) are found by their parents. Returns when the child is gone.
        """
        if self._popen is None:
            return
        below = descendants(self._popen.pid) if not self._exited.done() else []
        _signal_all(below, signal.SIGTERM)
        self.signal(signal.SIGTERM)
        until = self._loop.time() + grace
        if not self._exited.done():
            await asyncio.wait([self._exited], timeout=grace)
        for _ in range(round(grace / LOOK)):
            if self._loop.time() >= until or not any(map(_lives, below)):
                break
            await asyncio.sleep(LOOK)
        _signal_all(below, signal.SIGKILL)
        if not self._exited.done():
            self.signal(signal.SIGKILL)
            await asyncio.wait([self._exited], timeout=10)
        if self._pidfd >= 0:
            self._ended()
        self._finish()


Born = tuple[int, str]
"""A process: its id, and when it started, since ids are given out again."""


def _stat(pid: int) -> tuple[int, str, str] | None:
    """Parent, start and state of a process; None when it is gone, or nobody tells (no /proc)."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b") ")[2].split()
        return int(fields[1]), fields[19].decode(), fields[0].decode()
    except (OSError, IndexError, ValueError):
        return None


def descendants(pid: int) -> list[Born]:
    """All processes below one, the deepest first; none where there is no /proc."""
    children: dict[int, list[Born]] = {}
    try:
        names = os.listdir("/proc")
    except OSError:
        return []
    for name in names:
        if name.isdigit() and (found := _stat(int(name))) is not None:
            children.setdefault(found[0], []).append((int(name), found[1]))
    below: list[Born] = []
    level = children.get(pid, [])
    while level:
        below += level
        level = [inner for one in level for inner in children.get(one[0], [])]
    return below[::-1]


def _lives(one: Born) -> bool:
    found = _stat(one[0])
    return found is not None and found[1] == one[1] and found[2] != "Z"


def _signal_all(processes: Sequence[Born], number: int) -> None:
    for one in processes:
        if _lives(one):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(one[0], number)


async def run_child(
    argv: Sequence[str],
    cwd: str | os.PathLike[str],
    env: Mapping[str, str],
    on_lines: LinesHandler,
    *,
    guard: Guard | None = None,
    brake: Callable[[], bool] | None = None,
    grace: float = KILL_GRACE,
) -> int:
    """Run a command to its end; its exit code (128 + n for signal n).

    Cancellation ends the whole group (SIGTERM, `grace` seconds, SIGKILL) before it goes on. `OSError` when the
    program can't be started.
    """
    child = Child(on_lines, guard=guard, brake=brake)
    child.start(argv, cwd, env)
    try:
        code = await child.wait()
    except BaseException:
        await asyncio.shield(child.terminate(grace))
        raise
    return code if code >= 0 else 128 - code
