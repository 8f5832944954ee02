"""A parsed flow: immutable, slotted, cheap to walk (spec: workflow components §1, §6, §8).

`parse_flow` of `model.source` builds it from YAML; engine, API and console-facing code read it and nothing else.
Tasks lie in one tuple; a task's `key` is its place there (document order) and is what rows and messages carry.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from flowdeck.model.checks import Check
from flowdeck.model.sla import Sla


class TaskKind(StrEnum):
    """Who carries a task out."""

    RUNNABLE = "runnable"  # a worker
    FLOWABLE = "flowable"  # the executor, over children
    SUBFLOW = "subflow"  # the executor, by another execution
    ITEMS = "items"  # the executor, by one execution per batch (the middle part of a ForEachItem)
    PAUSE = "pause"  # the executor, by waiting
    DIRECTORY = "directory"  # a worker, children included (WorkingDirectory)
    ENGINE = "engine"  # the executor, in place (Labels, SetVariables, …)


@dataclass(frozen=True, slots=True)
class Retry:
    """A retry policy (§11.1); spans in ms."""

    kind: str  # constant | exponential | random
    interval_ms: int = 0
    min_interval_ms: int = 0
    max_interval_ms: int | None = None
    delay_factor: float = 2.0
    max_attempts: int | None = None
    max_duration_ms: int | None = None
    warning_on_retry: bool = False
    new_execution: bool = False  # behavior CREATE_NEW_EXECUTION


@dataclass(frozen=True, slots=True)
class TaskDef:
    """One task of a flow revision, plugin defaults merged."""

    key: int
    id: str
    type: str  # canonical: aliases are resolved
    kind: TaskKind
    parent: int | None  # key of the enclosing flowable
    branch: str  # tasks | errors | finally | afterExecution | then | else | cases.<v> | defaults
    props: Mapping[str, Any]  # all properties but children, as plain JSON; text as written
    children: Mapping[str, tuple[int, ...]] = field(default_factory=dict)  # branch → keys, disabled ones left out
    disabled: bool = False
    run_if: str | None = None
    retry: Retry | None = None
    timeout: str | None = None  # ISO duration or an expression
    allow_failure: bool = False
    allow_warning: bool = False
    log_level: str | None = None
    line: int = 0


@dataclass(frozen=True, slots=True)
class InputDef:
    """One declared input (§3); `props` holds the type's own properties (`min`, `values`, `validator`, …)."""

    id: str
    type: str
    required: bool = True
    defaults: Any = None
    prefill: Any = None
    display_name: str | None = None
    description: str | None = None
    depends_on: tuple[str, ...] = ()
    condition: str | None = None
    props: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OutputDef:
    """One declared output (§14)."""

    id: str
    type: str
    value: Any
    required: bool = True
    display_name: str | None = None
    description: str | None = None
    props: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TriggerDef:
    """One trigger (§15); `kind` is schedule | polling | realtime | flow | webhook."""

    id: str
    type: str
    kind: str
    props: Mapping[str, Any]
    disabled: bool = False
    line: int = 0


@dataclass(frozen=True, slots=True)
class Concurrency:
    """Limit of simultaneous executions (§11.3)."""

    limit: int
    behavior: str = "QUEUE"  # QUEUE | CANCEL | FAIL


@dataclass(frozen=True, slots=True)
class Flow:
    """One revision of a flow."""

    tenant: str
    namespace: str
    id: str
    revision: int
    tasks: tuple[TaskDef, ...]
    branches: Mapping[str, tuple[int, ...]]  # tasks, errors, finally, afterExecution → keys, disabled ones left out
    inputs: tuple[InputDef, ...] = ()
    outputs: tuple[OutputDef, ...] = ()
    triggers: tuple[TriggerDef, ...] = ()
    variables: Mapping[str, Any] = field(default_factory=dict)
    labels: tuple[tuple[str, str], ...] = ()
    concurrency: Concurrency | None = None
    retry: Retry | None = None
    slas: tuple[Sla, ...] = ()
    checks: tuple[Check, ...] = ()
    description: str | None = None
    disabled: bool = False
    document: Mapping[str, Any] = field(default_factory=dict)  # the parsed source as JSON, for API answers

    def task(self, task_id: str) -> TaskDef | None:
        """Find a task by id, nested ones included."""
        return next((t for t in self.tasks if t.id == task_id), None)
