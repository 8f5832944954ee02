"""What any process of ours can say of itself: its loggers, its threads, its memory (spec: F58, F59)."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import resource
import sys
import threading
import time
import traceback
from collections.abc import Callable
from types import FrameType
from typing import Any

from flowdeck.engine.levels import LoggerLevels
from flowdeck.engine.measures import Counter, Measures

STARTED = time.time()
DEEPEST = 60
"""Most frames of one thread that are told."""


class CountingHandler(logging.Handler):
    """Counts the lines of a process by level."""

    def __init__(self, counter: Counter) -> None:
        super().__init__()
        self._counter = counter

    def emit(self, record: logging.LogRecord) -> None:
        """Count, nothing else."""
        name = "warn" if record.levelname == "WARNING" else record.levelname.lower()
        self._counter.add((name,))


class Introspection:
    """Answers the supervisor's questions that are the same for all processes.

    Args:
        measures: the process's own families; those that each process has are added.
        loop: tells the event loop, once there is one: its tasks are shown with the threads.
    """

    def __init__(
        self, measures: Measures | None = None, loop: Callable[[], asyncio.AbstractEventLoop | None] = lambda: None
    ) -> None:
        self.measures = measures or Measures()
        self._loop = loop
        self.levels = LoggerLevels()
        m = self.measures
        lines = m.counter("logback.events", "Lines of the server's own log.", "level", own=False)
        logging.getLogger().addHandler(CountingHandler(lines))
        m.gauge(
            "python.gc.collections", "Collections by generation.", _collections, "generation", own=False, kind="counter"
        )
        m.gauge("python.gc.objects", "Objects that collections look at.", _objects, "generation", own=False)
        m.gauge("process.resident.memory.bytes", "Resident memory.", _resident, own=False)
        m.gauge("process.cpu.seconds", "Processor time.", time.process_time, own=False, kind="counter")
        m.gauge("process.cpu.time.ns", "Processor time.", time.process_time_ns, own=False, kind="counter")
        m.gauge("process.threads", "Threads.", lambda: len(threading.enumerate()), own=False)
        m.gauge("process.open.fds", "Open files.", _files, own=False)
        m.gauge("process.files.open.files", "Open files.", _files, own=False)
        m.gauge("process.files.max.files", "Most open files.", _most_files, own=False)
        m.gauge("process.start.time.seconds", "When it started, since the epoch.", lambda: STARTED, own=False)
        m.gauge("process.uptime.seconds", "How long it runs.", lambda: time.time() - STARTED, own=False)

    def answers(self) -> dict[str, Callable[[dict[str, Any]], Any]]:
        """By question."""
        return {
            "metrics": lambda _: self.measures.told(),
            "loggers": lambda _: self.levels.told(),
            "level": lambda args: self.levels.change(args["name"], args["level"]),
            "threads": lambda _: threads(self._loop()),
        }


def _collections() -> list[tuple[tuple[str, ...], float]]:
    return [((str(n),), one["collections"]) for n, one in enumerate(gc.get_stats())]


def _objects() -> list[tuple[tuple[str, ...], float]]:
    return [((str(n),), count) for n, count in enumerate(gc.get_count())]


def _resident() -> float:
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * resource.getpagesize()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _files() -> float:
    try:
        return len(os.listdir("/proc/self/fd"))
    except OSError:
        return 0


def _most_files() -> float:
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def _frames(frame: FrameType | None) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while frame is not None and len(found) < DEEPEST:
        code = frame.f_code
        found.append(
            {
                "className": frame.f_globals.get("__name__", ""),
                "methodName": code.co_qualname if hasattr(code, "co_qualname") else code.co_name,
                "fileName": code.co_filename.rpartition("/")[2],
                "lineNumber": frame.f_lineno,
            }
        )
        frame = frame.f_back
    return found


def threads(loop: asyncio.AbstractEventLoop | None = None) -> list[dict[str, Any]]:
    """All threads of this process with their stacks, the innermost frame first; then the tasks of its loop.

    Neither arguments nor values are told.
    """
    known = {thread.ident: thread for thread in threading.enumerate()}
    found: list[dict[str, Any]] = []
    for ident, frame in sys._current_frames().items():
        thread = known.get(ident)
        found.append(
            {
                "threadName": thread.name if thread else f"thread {ident}",
                "threadId": ident,
                "daemon": bool(thread and thread.daemon),
                "threadState": "RUNNABLE",
                "stackTrace": _frames(frame),
            }
        )
    if loop is not None:
        for task in sorted(asyncio.all_tasks(loop), key=lambda task: task.get_name()):
            stack = traceback.StackSummary.extract((frame, frame.f_lineno) for frame in task.get_stack(limit=DEEPEST))
            found.append(
                {
                    "threadName": f"task {task.get_name()}",
                    "threadId": id(task),
                    "daemon": True,
                    "threadState": "WAITING",
                    "stackTrace": [
                        {
                            "className": one.filename.rpartition("/")[2].removesuffix(".py"),
                            "methodName": one.name,
                            "fileName": one.filename.rpartition("/")[2],
                            "lineNumber": one.lineno,
                        }
                        for one in reversed(stack)
                    ],
                }
            )
    return found
