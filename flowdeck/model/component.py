"""What all tasks, all triggers, all conditions and all task runners share (spec: workflow components §6, §11.1,
§15.2).
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Literal

from flowdeck.model.declare import Declared, Expr, Labels, field

ID_PATTERN = "^[a-zA-Z0-9][a-zA-Z0-9_-]*"
"""Ids of tasks, triggers and preconditions; the whole text must match."""

LogLevel = Literal["ERROR", "WARN", "INFO", "DEBUG", "TRACE"]
StateName = Literal[
    "CREATED",
    "SUBMITTED",
    "QUEUED",
    "RUNNING",
    "PAUSED",
    "BREAKPOINT",
    "RESTARTED",
    "RETRYING",
    "KILLING",
    "SUCCESS",
    "WARNING",
    "FAILED",
    "KILLED",
    "CANCELLED",
    "RETRIED",
    "SKIPPED",
    "RESUBMITTED",
]


class RetryPolicy(Declared, kind="retry", shared=True):
    """When a failed attempt is made again."""

    type: Literal["constant", "exponential", "random"] = field(doc="How the delay between attempts grows.")
    max_attempts: int | None = field(
        default=None, min=1, aliases=("maxAttempt",), doc="Attempts in total, the first one included."
    )
    max_duration: timedelta | None = field(
        default=None, doc="No attempt starts later than this after the first one started."
    )
    warning_on_retry: bool = field(default=False, doc="A success that took more than one attempt counts as WARNING.")
    behavior: Literal["RETRY_FAILED_TASK", "CREATE_NEW_EXECUTION"] = field(
        default="RETRY_FAILED_TASK", doc="Repeat the task alone, or start the flow again as a new execution."
    )


class ConstantRetry(RetryPolicy, type="constant"):
    """The same delay before each attempt."""

    interval: timedelta = field(doc="Delay between two attempts.")


class ExponentialRetry(RetryPolicy, type="exponential"):
    """A delay that is multiplied after each attempt."""

    interval: timedelta = field(doc="Delay before the second attempt.")
    max_interval: timedelta = field(doc="Longest delay.")
    delay_factor: float = field(default=2.0, doc="What the delay is multiplied with.")


class RandomRetry(RetryPolicy, type="random"):
    """A delay drawn anew before each attempt."""

    min_interval: timedelta = field(doc="Shortest delay.")
    max_interval: timedelta = field(doc="Longest delay, exclusive.")


class WorkerGroup(Declared):
    """The pool of workers that takes a task."""

    key: Expr[str] | None = field(default=None, doc="Name of the pool; empty means the default pool.")
    fallback: Literal["WAIT", "FAIL", "CANCEL"] = field(
        default="WAIT", doc="What to do while the pool has no live worker."
    )


class TaskCache(Declared):
    """Reuse of an earlier result for equal properties."""

    enabled: bool = field(doc="Whether the result is cached.")
    ttl: timedelta | None = field(default=None, doc="How long a result stays usable; without it, for ever.")


class TaskBase(Declared, kind="task", role="runnable", shared=True):
    """A step of a flow."""

    id: str = field(pattern=ID_PATTERN, max_length=256, doc="Unique name of the task in its flow.", group="core")
    type: str = field(doc="Type of the task.", group="core")
    description: str | None = field(default=None, doc="Markdown shown beside the task.", group="core")
    disabled: bool = field(default=False, doc="Treat the task as absent.", group="core")
    run_if: str | None = field(
        default=None,
        doc="The task is skipped unless this renders to something true.",
        group="core",
        dynamic=True,
    )
    retry: RetryPolicy | None = field(default=None, doc="When a failed attempt is made again.", group="reliability")
    timeout: Expr[timedelta] | None = field(default=None, doc="Longest time of one attempt.", group="reliability")
    allow_failure: bool = field(
        default=False, doc="A failure counts as WARNING and the flow goes on.", group="reliability"
    )
    allow_warning: bool = field(default=False, doc="A warning counts as SUCCESS.", group="reliability")
    log_level: LogLevel | None = field(default=None, doc="Lowest level of log lines that is kept.", group="core")
    log_to_file: bool = field(default=False, doc="Keep log lines in a file instead of the log store.", group="core")
    worker_group: WorkerGroup | None = field(default=None, doc="Pool of workers.", group="core")
    task_cache: TaskCache | None = field(default=None, doc="Reuse earlier results.", group="core")
    version: str | None = field(default=None, doc="Version of the plugin; accepted and not acted upon.", group="core")
    plugin_defaults_ref: str | None = field(
        default=None, doc="Name of the one set of plugin defaults to apply.", group="core"
    )
    assets: Any = field(default=None, doc="Assets that the task reads and writes.", group="core", dynamic=True)


class ConditionBase(Declared, kind="condition", shared=True):
    """A test that decides whether a trigger starts an execution."""

    type: str = field(doc="Type of the condition.")


class TriggerBase(Declared, kind="trigger", role="polling", shared=True):
    """What starts executions of a flow by itself."""

    id: str = field(pattern=ID_PATTERN, max_length=256, doc="Unique name of the trigger in its flow.", group="core")
    type: str = field(doc="Type of the trigger.", group="core")
    description: str | None = field(default=None, doc="Markdown shown beside the trigger.", group="core")
    disabled: bool = field(default=False, doc="The trigger is not evaluated.", group="core")
    conditions: list[ConditionBase] | None = field(default=None, doc="All of them must hold.", group="core")
    labels: Labels | None = field(default=None, doc="Labels of the executions.", group="core", dynamic=True)
    stop_after: list[StateName] | None = field(
        default=None,
        doc="Disable the trigger once an execution of it ends in one of these states.",
        group="core",
    )
    allow_concurrent: bool = field(
        default=False, doc="Start although the previous execution of this trigger still runs.", group="core"
    )
    fail_on_trigger_error: bool = field(
        default=False, doc="An error while evaluating creates a FAILED execution.", group="core"
    )
    log_level: LogLevel | None = field(
        default=None, aliases=("minLogLevel",), doc="Lowest level of log lines that is kept.", group="core"
    )
    log_to_file: bool = field(default=False, doc="Keep log lines in a file instead of the log store.", group="core")
    worker_group: WorkerGroup | None = field(default=None, doc="Pool of workers.", group="core")
    version: str | None = field(default=None, doc="Version of the plugin; accepted and not acted upon.", group="core")
    plugin_defaults_ref: str | None = field(
        default=None, doc="Name of the one set of plugin defaults to apply.", group="core"
    )
    assets: Any = field(default=None, doc="Assets that the trigger reads and writes.", group="core", dynamic=True)


class RunnerBase(Declared, kind="runner", shared=True):
    """Where the commands of a script task run."""

    type: str = field(doc="Type of the task runner.")
    version: str | None = field(default=None, doc="Version of the plugin; accepted and not acted upon.")


SHARED: dict[str, type[Declared]] = {
    "task": TaskBase,
    "trigger": TriggerBase,
    "condition": ConditionBase,
    "runner": RunnerBase,
    "retry": RetryPolicy,
}
"""Base class of each kind; its fields belong to every type of the kind."""
