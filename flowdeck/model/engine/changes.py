"""What a step changed, folded per row, and what it asks for after the commit."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flowdeck.model.engine.world import Live, Run
    from flowdeck.model.states import State


@dataclass(slots=True)
class Dispatch:
    """Effect: hand an attempt to a worker."""

    run: Run
    fence: int
    attempt: int
    context: dict[str, Any]
    timeout_ms: int | None = None
    whole: bool = False
    restarted: bool = False


@dataclass(slots=True)
class Evaluation:
    """Effect: let a worker render what needs I/O; `seq` is negative for the execution itself."""

    seq: int
    fence: int
    stage: str
    subject: Run | Live
    value: Any
    context: dict[str, Any]
    clear: list[str] = field(default_factory=list)  # members of the value that are encrypted before they are stored


@dataclass(slots=True)
class KillAttempt:
    """Effect: stop an attempt."""

    seq: int
    fence: int


@dataclass(slots=True)
class Acknowledge:
    """Effect: the worker may forget a report."""

    seq: int
    fence: int


@dataclass(slots=True)
class Line:
    """Effect: a log line of the executor; `level` is the level's name."""

    execution: Live
    run: Run | None
    level: str
    text: str
    at: int


@dataclass(slots=True)
class Changes:
    """What one step changed: folded per row, written in one transaction."""

    executions: dict[int, Live] = field(default_factory=dict)
    runs: dict[int, Run] = field(default_factory=dict)
    events: list[tuple[int, int, int, int, int, int, str | None]] = field(default_factory=list)
    attempts: dict[tuple[int, int], dict[str, Any]] = field(default_factory=dict)
    timers: dict[tuple[str, int], tuple[int, str | None] | None] = field(default_factory=dict)
    slots: dict[tuple[str, int], bool] = field(default_factory=dict)
    waiting: dict[int, tuple[str, int] | None] = field(default_factory=dict)
    removed: dict[int, tuple[Live, int, int]] = field(default_factory=dict)
    """Task runs that go: seq → execution, and the range of events (from, below) that may hold theirs."""
    forgotten: dict[int, tuple[Live, int, int]] = field(default_factory=dict)
    """Task runs whose history begins anew: seq → execution, and the range of events that go."""
    metrics: list[tuple[Any, ...]] = field(default_factory=list)
    rollups: dict[tuple[int, int, int, str], list[int]] = field(default_factory=dict)
    moves: list[tuple[Live, State | None, State]] = field(default_factory=list)
    effects: list[Any] = field(default_factory=list)
    barrier: bool = False
