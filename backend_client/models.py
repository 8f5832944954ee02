"""Shapes of answers, as the API tells them (REST contract, models): plain dictionaries with known keys.

Keys are the wire's names; a key without value is absent. Instants are ISO 8601 in UTC, spans ISO 8601 durations.
"""

from __future__ import annotations

from typing import Any, TypedDict


class Label(TypedDict):
    """A label of a flow or an execution."""

    key: str
    value: str


class StateHistory(TypedDict):
    """A state that was reached, and when."""

    state: str
    date: str


class State(TypedDict, total=False):
    """The state of an execution or a task run."""

    current: str
    startDate: str
    endDate: str
    duration: str
    histories: list[StateHistory]


class TaskRun(TypedDict, total=False):
    """One task of an execution; `parentTaskRunId` and `value` for those in groups and loops."""

    id: str
    executionId: str
    namespace: str
    flowId: str
    taskId: str
    parentTaskRunId: str
    value: str
    iteration: int
    attempts: list[dict[str, Any]]
    outputs: dict[str, Any]
    state: State


class Execution(TypedDict, total=False):
    """An execution with its task runs."""

    id: str
    tenantId: str
    namespace: str
    flowId: str
    flowRevision: int
    taskRunList: list[TaskRun]
    inputs: dict[str, Any]
    outputs: dict[str, Any]
    labels: list[Label]
    variables: dict[str, Any]
    state: State
    parentId: str
    originalId: str
    trigger: dict[str, Any]
    scheduleDate: str
    url: str


class Flow(TypedDict, total=False):
    """A flow; `source` where it was asked for."""

    id: str
    tenantId: str
    namespace: str
    revision: int
    description: str
    disabled: bool
    deleted: bool
    labels: list[Label]
    inputs: list[dict[str, Any]]
    outputs: list[dict[str, Any]]
    tasks: list[dict[str, Any]]
    triggers: list[dict[str, Any]]
    updated: str
    source: str


class Violation(TypedDict, total=False):
    """What is wrong with one document of a source; `constraints` absent = nothing."""

    index: int
    namespace: str
    flow: str
    constraints: str
    outdated: bool
    deprecationPaths: list[str]
    warnings: list[str]
    infos: list[str]


class LogEntry(TypedDict, total=False):
    """A log line."""

    namespace: str
    flowId: str
    taskId: str
    executionId: str
    taskRunId: str
    attemptNumber: int
    triggerId: str
    timestamp: str
    level: str
    message: str


class Trigger(TypedDict, total=False):
    """The state of a trigger."""

    namespace: str
    flowId: str
    triggerId: str
    date: str
    nextExecutionDate: str
    executionId: str
    updatedDate: str
    backfill: dict[str, Any]
    disabled: bool


class MetricEntry(TypedDict, total=False):
    """A measurement of a task run."""

    executionId: str
    taskId: str
    taskRunId: str
    name: str
    value: float
    timestamp: str
    type: str
    tags: dict[str, str]


class MetricAggregations(TypedDict, total=False):
    """A metric over time."""

    groupBy: str
    aggregations: list[dict[str, Any]]


class ConcurrencyLimit(TypedDict, total=False):
    """How many executions of a flow run now."""

    namespace: str
    flowId: str
    running: int


class FileMetas(TypedDict, total=False):
    """Size of a file of internal storage, in bytes."""

    size: int


class InputCheck(TypedDict, total=False):
    """An execution's inputs as the server understands them: value, whether it is asked for, what is wrong."""

    id: str
    namespace: str
    inputs: list[dict[str, Any]]


class FlowGraph(TypedDict, total=False):
    """Nodes, edges and clusters of a flow's tasks."""

    nodes: list[dict[str, Any]]
    edges: list[dict[str, Any]]
    clusters: list[dict[str, Any]]


class StatusEvent(TypedDict, total=False):
    """The state of an execution that depends on a followed one."""

    executionId: str
    tenantId: str
    namespace: str
    flowId: str
    state: State
